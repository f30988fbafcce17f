"""Test files to cases, with every mistake of every file at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from glob import glob
from pathlib import Path

from logwatch import alerts, promql
from logwatch.alerts import AlertRule, Group
from logwatch.alerts.placing import place
from logwatch.errors import Mistake
from logwatch.model import SECOND, Mark
from logwatch.rulefiles import files
from logwatch.rulefiles.files import Kind
from logwatch.rulefiles.validation import mistake, shown, validate
from logwatch.rulefiles.vocabulary import did_you_mean
from logwatch.rulefiles.yaml import Node
from logwatch.ruletests.schema import CaseSpec, FileSpec

NEWER = {"fuzzy_compare": "needs Prometheus 3.0; leave it out: values are compared to twelve digits"}


@dataclass(frozen=True, slots=True)
class Case:
    """One test of a file."""

    spec: CaseSpec
    node: Node
    queries: tuple[promql.Query, ...]
    """Of promql_expr_test, in its order."""
    number: int
    """In its file, from 1."""

    @property
    def name(self) -> str:
        """Its name, or what stands for one."""
        return self.spec.name or f"test {self.number}"

    def mark(self, key: str, index: int) -> Mark:
        """Where an item of one of its lists stands."""
        return self.node.at((key, index)).mark


@dataclass(slots=True)
class TestFile:
    """One file of tests."""

    __test__ = False  # for pytest, where a test imports it

    path: Path
    shown_path: str
    source: str
    interval_ns: int
    rule_files: tuple[Path, ...] = ()
    """The alert files among the rule files."""
    event_files: tuple[Path, ...] = ()
    groups: tuple[Group, ...] = ()
    """In the order of their evaluation, each at the file's interval."""
    cases: list[Case] = field(default_factory=list)


def load(paths: Iterable[Path]) -> tuple[list[TestFile], list[Mistake]]:
    """Read test files; whatever is wrong with them and with their alert files is in the mistakes."""
    read: list[TestFile] = []
    mistakes: list[Mistake] = []
    for path in paths:
        found = files.read(path)
        mistakes += found.mistakes
        if found.node is None:
            continue
        if found.kind is not Kind.TESTS:
            mistakes.append(mistake(found.node.mark, "no test file: it begins with rule_files: or tests:"))
            continue
        reader = _Reader(path, found.node)
        read.append(reader.file())
        mistakes += reader.mistakes
    return read, sorted(set(mistakes))


class _Reader:
    """Makes the cases of one file and notes its mistakes."""

    def __init__(self, path: Path, node: Node) -> None:
        self.path = path
        self.node = node
        self.mistakes: list[Mistake] = []
        self.source = path.read_bytes().decode("utf-8-sig", "replace")

    def file(self) -> TestFile:
        """The file, as far as it has the right shape."""
        assert isinstance(self.node.value, dict)
        entries = dict(self.node.value)
        listed = entries.pop("tests", None)
        for key, cure in NEWER.items():
            if key in entries:
                self._say(entries.pop(key).mark, f"'{key}' {cure}")
        spec, found = validate(FileSpec, replace(self.node, value=entries))
        self.mistakes += found
        spec = spec or FileSpec()
        test_file = TestFile(self.path, self.node.mark.path, self.source, nanoseconds(spec.evaluation_interval))
        if not test_file.interval_ns:
            self._say(self.node.at(("evaluation_interval",)).mark, "an interval of 0 is none: write 15s")
            test_file.interval_ns = 60 * SECOND
        self._find_rules(test_file, spec)
        test_file.cases = [case for case in self._cases(listed.node if listed else None) if case is not None]
        for case in test_file.cases:
            self._look_over(test_file, case)
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
        loaded = alerts.gather(alert_files, interval_ns=test_file.interval_ns)
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
            self._say(mark, f"no file matches '{pattern}', seen from this file{nearest or ': correct the path'}")
        return found

    # ── the cases ────────────────────────────────────────────────────────────────────

    def _cases(self, node: Node | None) -> Iterator[Case | None]:
        if node is None or node.value is None:
            self._say((node or self.node).mark, "there is no test in this file: write tests: and '- name: …' below it")
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
            return promql.compile(text)
        except promql.ExpressionError as error:
            mark = node.at(("promql_expr_test", index, "expr")).mark
            cure = f": {error.cure}" if error.cure else ""
            self._say(place(self.source, mark, text, error.offset), f"{error.what}{cure}")
            return None

    def _look_over(self, test_file: TestFile, case: Case) -> None:
        """What takes more than one key to see."""
        known = {rule.name for group in test_file.groups for rule in group.rules if isinstance(rule, AlertRule)}
        for key in ("alert_rule_test", "notification_test"):
            for index, item in enumerate(getattr(case.spec, key)):
                if known and item.alertname not in known:
                    mark = case.node.at((key, index, "alertname")).mark
                    nearest = did_you_mean(item.alertname, known) or f": they have {', '.join(sorted(known))}"
                    self._say(mark, f"no alert of the rule files is called '{item.alertname}'{nearest}")
        seen: set[frozenset[tuple[str, str]]] = set()
        for index, series in enumerate(case.spec.input_series):
            labels = frozenset(series.series.items())
            if labels in seen:
                self._say(case.node.at(("input_series", index, "series")).mark, "this series is here twice: keep one")
            seen.add(labels)
        self._look_at_times(test_file, case)

    def _look_at_times(self, test_file: TestFile, case: Case) -> None:
        spec, interval_ns = case.spec, test_file.interval_ns
        if spec.interval == timedelta(0):
            self._say(case.node.at(("interval",)).mark, "an interval of 0 is none: write 15s, or leave it out")
        if spec.start_time is not None:
            start_ns = int(spec.start_time.timestamp()) * SECOND
            if start_ns % interval_ns or start_ns % sample_interval_ns(test_file, case):
                mark = case.node.at(("start_time",)).mark
                self._say(mark, "the start is no multiple of evaluation_interval (and interval): round it down to one")
        for index, item in enumerate(spec.input_lines):
            if item.file is not None and not (self.path.parent / item.file).is_file():
                mark = case.node.at(("input_lines", index, "file")).mark
                self._say(mark, f"there is no file '{item.file}', seen from this file: correct the path")

    def _say(self, mark: Mark, what: str) -> None:
        self.mistakes.append(mistake(mark, what))


def sample_interval_ns(test_file: TestFile, case: Case) -> int:
    """Between two samples of a case's series."""
    return nanoseconds(case.spec.interval) if case.spec.interval else test_file.interval_ns


def nanoseconds(length: timedelta) -> int:
    """A length of time in whole nanoseconds."""
    return length // timedelta(microseconds=1) * 1000
