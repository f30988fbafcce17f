"""Test files to cases, with every mistake of every file at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from glob import glob
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from logwatch import alerting, promql
from logwatch.alerting import AlertRule
from logwatch.alerting.loader import place
from logwatch.errors import Mistake, mistake
from logwatch.model import SECOND, Mark
from logwatch.notation import nanoseconds
from logwatch.promql import Version
from logwatch.rulefiles import files
from logwatch.rulefiles.files import Kind
from logwatch.rulefiles.validation import shown, validate
from logwatch.rulefiles.vocabulary import did_you_mean, event_mistake, near_miss
from logwatch.rulefiles.yaml import Node
from logwatch.ruletests import lines
from logwatch.ruletests.cases import Case, TestFile, sample_interval_ns
from logwatch.ruletests.input_series import MOST_SAMPLES
from logwatch.ruletests.schema import CaseSpec, FileSpec


def load(paths: Iterable[Path], *, promql: Version = 2) -> tuple[list[TestFile], list[Mistake]]:
    """Read test files; whatever is wrong with them and with their alert files is in the mistakes."""
    read: list[TestFile] = []
    mistakes: list[Mistake] = []
    for path in paths:
        found = files.read(path)
        mistakes += found.mistakes
        if found.node is None:
            continue
        if found.kind is not Kind.TESTS:
            mistakes.append(mistake(found.node.mark, "not a test file: it begins with rule_files: or tests:"))
            continue
        reader = _Reader(path, found.node, promql)
        read.append(reader.file())
        mistakes += reader.mistakes
    return read, sorted(set(mistakes))


class _Reader:
    """Makes the cases of one file and notes its mistakes."""

    def __init__(self, path: Path, node: Node, version: Version) -> None:
        self.version = version
        self.path = path
        self.node = node
        self.mistakes: list[Mistake] = []
        self.source = path.read_bytes().decode("utf-8-sig", "replace")

    def file(self) -> TestFile:
        """The file, as far as it has the right shape."""
        assert isinstance(self.node.value, dict)
        entries = dict(self.node.value)
        listed = entries.pop("tests", None)
        spec, found = validate(FileSpec, replace(self.node, value=entries))
        self.mistakes += found
        spec = spec or FileSpec()
        test_file = TestFile(self.path, self.node.mark.path, self.source, nanoseconds(spec.evaluation_interval))
        if not test_file.interval_ns:
            self._say(self.node.at(("evaluation_interval",)).mark, "the interval must not be 0: write 15s")
            test_file.interval_ns = 60 * SECOND
        self._find_rules(test_file, spec)
        test_file.cases = [case for case in self._cases(listed.node if listed else None) if case is not None]
        for case in test_file.cases:
            self.mistakes += _mistakes(test_file, case)
        return test_file

    # ── the rules ────────────────────────────────────────────────────────────────────

    def _find_rules(self, test_file: TestFile, spec: FileSpec) -> None:
        alert_files: list[Path] = []
        event_files: list[Path] = []
        for index, pattern in enumerate(spec.rule_files):
            mark = self.node.at(("rule_files", index)).mark
            for path in self._matching(pattern, mark):
                kind = files.read(path).kind
                if kind is Kind.TESTS:
                    self._say(mark, f"{path} holds tests: name files of alerts or of event rules")
                else:
                    (event_files if kind is Kind.EVENTS else alert_files).append(path)
        loaded = alerting.gather(alert_files, interval_ns=test_file.interval_ns, promql=self.version)
        self.mistakes += [found for found in loaded.mistakes if not found.warning]
        order = {name: number for number, name in enumerate(spec.group_eval_order)}
        if len(order) < len(spec.group_eval_order):
            self._say(self.node.at(("group_eval_order",)).mark, "a group is here twice: keep one")
        groups = sorted(loaded.groups, key=lambda group: order.get(group.name, 0))
        test_file.groups = tuple(replace(group, interval_ns=test_file.interval_ns) for group in groups)
        test_file.rule_files, test_file.event_files = tuple(alert_files), tuple(event_files)

    def _matching(self, pattern: str, mark: Mark) -> list[Path]:
        found = [Path(each) for each in sorted(glob(str(self.path.parent / pattern)))]  # noqa: PTH207 - also absolute ones
        if not found:
            beside = [each.name for each in (self.path.parent / pattern).parent.glob("*.y*ml")]
            nearest = did_you_mean(Path(pattern).name, beside)
            self._say(mark, f"no file matches '{pattern}', relative to this file{nearest or ': correct the path'}")
        return found

    # ── the cases ────────────────────────────────────────────────────────────────────

    def _cases(self, node: Node | None) -> Iterator[Case | None]:
        if node is None or node.value is None:
            self._say((node or self.node).mark, "this file contains no test: write tests: and '- name: …' below it")
            return
        if not isinstance(node.value, list):
            self._say(node.mark, f"tests: expected a list, not {shown(node.plain())}: write '- name: …'")
            return
        for number, item in enumerate(node.value, 1):
            spec, found = validate(CaseSpec, item)
            self.mistakes += found
            if spec is not None:
                queries = [self._query(each.expr, item, index) for index, each in enumerate(spec.promql_expr_test)]
                yield Case(spec, item, tuple(query for query in queries if query), number)

    def _query(self, text: str, node: Node, index: int) -> promql.Query | None:
        try:
            return promql.compile(text, version=self.version)
        except promql.ExpressionError as error:
            mark = node.at(("promql_expr_test", index, "expr")).mark
            cure = f": {error.cure}" if error.cure else ""
            self._say(place(self.source, mark, text, error.offset), f"{error.what}{cure}")
            return None

    def _say(self, mark: Mark, what: str) -> None:
        self.mistakes.append(mistake(mark, what))


# ── mistakes that take two keys to see ──────────────────────────────────────────────────


LISTS = ("alert_rule_test", "promql_expr_test", "event_test", "metric_test", "notification_test")


def _mistakes(test_file: TestFile, case: Case) -> Iterator[Mistake]:
    """Every mistake and warning of a case."""
    yield from _alert_names(test_file, case)
    yield from _series(case)
    yield from _times(test_file, case)
    yield from _lines(test_file, case)
    yield from _events(case)
    if not any(getattr(case.spec, key) for key in LISTS):
        yield mistake(case.node.mark, f"'{case.name}' expects nothing: write one of {', '.join(LISTS)}", warning=True)


def _alert_names(test_file: TestFile, case: Case) -> Iterator[Mistake]:
    known = {rule.name for group in test_file.groups for rule in group.rules if isinstance(rule, AlertRule)}
    for key in ("alert_rule_test", "notification_test"):
        for index, item in enumerate(getattr(case.spec, key)):
            if known and item.alertname not in known:
                nearest = did_you_mean(item.alertname, known) or f": they have {', '.join(sorted(known))}"
                what = f"no alert of the rule files is called '{item.alertname}'{nearest}"
                expects = bool(item.exp_alerts if key == "alert_rule_test" else item.exp_notifications)
                yield mistake(case.node.at((key, index, "alertname")).mark, what, warning=not expects)


def _series(case: Case) -> Iterator[Mistake]:
    seen: set[frozenset[tuple[str, str]]] = set()
    for index, series in enumerate(case.spec.input_series):
        labels = frozenset(series.series.items())
        if labels in seen:
            what = "this series is here twice: the last one counts, as in promtool: keep one"
            yield mistake(case.node.at(("input_series", index, "series")).mark, what, warning=True)
        seen.add(labels)


def _times(test_file: TestFile, case: Case) -> Iterator[Mistake]:
    spec = case.spec
    if spec.interval == timedelta(0):
        yield mistake(case.node.at(("interval",)).mark, "the interval must not be 0: write 15s, or leave it out")
        return
    start_ns, key = spec.start_ns or 0, "start_timestamp" if spec.start_time is None else "start_time"
    if start_ns % test_file.interval_ns or start_ns % sample_interval_ns(test_file, case):
        what = "the start is not a multiple of evaluation_interval (and interval): round it down to one"
        yield mistake(case.node.at((key,)).mark, what)
    end = max((item.eval_time for key in LISTS for item in getattr(spec, key)), default=timedelta(0))
    for index, series in enumerate(spec.input_series):
        is_cut = len(series.steps) == MOST_SAMPLES
        if is_cut and nanoseconds(end) >= MOST_SAMPLES * sample_interval_ns(test_file, case):
            what = f"more than {MOST_SAMPLES} samples until the last eval_time: use a longer interval"
            yield mistake(case.node.at(("input_series", index, "values")).mark, what)
    for index, at in enumerate(spec.restart_at):
        if at > end:
            what = "the test ends before: restart before the last eval_time"
            yield mistake(case.node.at(("restart_at", index)).mark, what)
    for index, item in enumerate(spec.input_lines):
        if item.at is not None and item.at > end:
            what = "these lines have no effect: they are written after the last eval_time"
            yield mistake(case.node.at(("input_lines", index, "at")).mark, what, warning=True)


def _lines(test_file: TestFile, case: Case) -> Iterator[Mistake]:
    if case.spec.timezone is not None and not _known_zone(case.spec.timezone):
        yield mistake(
            case.node.at(("timezone",)).mark, f"no time zone is called '{case.spec.timezone}': write Europe/Berlin"
        )
    for index, item in enumerate(case.spec.input_lines):
        if item.file is None:
            key = "line" if item.line is not None else "lines"
            yield from lines.headless(item, case.node.at(("input_lines", index, key)).mark)
        elif not (test_file.path.parent / item.file).is_file():
            what = f"file '{item.file}' not found, relative to this file: correct the path"
            yield mistake(case.node.at(("input_lines", index, "file")).mark, what)


def _known_zone(name: str) -> bool:
    try:
        return ZoneInfo(name) is not None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def _events(case: Case) -> Iterator[Mistake]:
    """Events that no rule is known to make, where a known one is near."""
    for index, item in enumerate(case.spec.event_test):
        named: list[tuple[str | None, tuple[int | str, ...]]] = [(item.event, ("event_test", index, "event"))]
        named += [
            (each.event, ("event_test", index, "exp_events", at, "event"))
            for at, each in enumerate(item.exp_events or ())
        ]
        for event, location in named:
            if event is None or not set("*?[").isdisjoint(event):
                continue
            mark = case.node.at(location).mark
            if what := event_mistake(event):
                yield mistake(mark, what)
            elif nearest := near_miss(event):
                yield mistake(mark, f"no rule of logwatch makes '{event}' (did you mean '{nearest}'?)", warning=True)
