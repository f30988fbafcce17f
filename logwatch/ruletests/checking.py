"""Mistakes of a case that takes more than one key to see."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from logwatch.alerting import AlertRule
from logwatch.errors import Mistake
from logwatch.model import SECOND
from logwatch.rulefiles.validation import mistake
from logwatch.rulefiles.vocabulary import did_you_mean, event_mistake, near_miss
from logwatch.ruletests import lines
from logwatch.ruletests.model import Case, TestFile, sample_interval_ns

LISTS = ("alert_rule_test", "promql_expr_test", "event_test", "metric_test", "notification_test")


def mistakes(test_file: TestFile, case: Case) -> Iterator[Mistake]:
    """All of them, and warnings."""
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
                yield mistake(case.node.at((key, index, "alertname")).mark, what)


def _series(case: Case) -> Iterator[Mistake]:
    seen: set[frozenset[tuple[str, str]]] = set()
    for index, series in enumerate(case.spec.input_series):
        labels = frozenset(series.series.items())
        if labels in seen:
            yield mistake(case.node.at(("input_series", index, "series")).mark, "this series is here twice: keep one")
        seen.add(labels)


def _times(test_file: TestFile, case: Case) -> Iterator[Mistake]:
    spec = case.spec
    if spec.interval == timedelta(0):
        yield mistake(case.node.at(("interval",)).mark, "an interval of 0 is none: write 15s, or leave it out")
        return
    if spec.start_time is not None:
        start_ns = int(spec.start_time.timestamp()) * SECOND
        if start_ns % test_file.interval_ns or start_ns % sample_interval_ns(test_file, case):
            what = "the start is no multiple of evaluation_interval (and interval): round it down to one"
            yield mistake(case.node.at(("start_time",)).mark, what)
    end = max((item.eval_time for key in LISTS for item in getattr(spec, key)), default=timedelta(0))
    for index, at in enumerate(spec.restart_at):
        if at > end:
            what = "the test is over by then: restart before the last eval_time"
            yield mistake(case.node.at(("restart_at", index)).mark, what)
    for index, item in enumerate(spec.input_lines):
        if item.at is not None and item.at > end:
            what = "nothing looks at these lines: they are written after the last eval_time"
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
            what = f"there is no file '{item.file}', seen from this file: correct the path"
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
