"""A case of a test file from its text to its verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from functools import cached_property
from math import lcm
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from logwatch import promql
from logwatch.alerting import Group, Options, Replacement
from logwatch.metrics import Registry
from logwatch.model import SECOND, Mark
from logwatch.notation import nanoseconds
from logwatch.pipeline import Pipeline, Settings
from logwatch.rulefiles import RuleSet
from logwatch.rulefiles.yaml import Node
from logwatch.ruletests.assertions import ASSERTIONS, Check, Failure, verify
from logwatch.ruletests.input_series import Given, InputSeries
from logwatch.ruletests.lines import TimedLine, first_stamp_ns, timed_lines
from logwatch.ruletests.running import Performance, Seen
from logwatch.ruletests.schema import CaseSpec


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
        """Its name, or its number."""
        return self.spec.name or f"test {self.number}"

    def mark(self, key: str, index: int) -> Mark:
        """The place of an item of one of its lists."""
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


def sample_interval_ns(test_file: TestFile, case: Case) -> int:
    """Between two samples of a case's series."""
    return nanoseconds(case.spec.interval) if case.spec.interval else test_file.interval_ns


FIRST_DAY_NS = 1_767_225_600 * SECOND
"""2026-01-01T00:00:00Z: when tests with lines begin that do not say when. Those without begin in 1970, as promtool's."""
TARGET_LABELS = {"job": "logwatch", "instance": "localhost:19979"}


@dataclass(frozen=True, slots=True)
class Environment:
    """The settings and event rules of all tests."""

    settings: Settings
    cache_dir: Path | None
    load_rules: Callable[[tuple[Path, ...]], RuleSet]
    """The configured event rules, with those of these files; raises RuleError."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one case."""

    file: TestFile
    case: Case
    failures: tuple[Failure, ...]
    seen: Seen
    hits: frozenset[str] = field(default_factory=frozenset)
    """Event rules that matched a line, and correlations that made an event."""


class Plan:
    """The steps of one case, and their times."""

    def __init__(self, environment: Environment, file: TestFile, case: Case) -> None:
        self.environment = environment
        self.file = file
        self.case = case
        self.sample_interval_ns = sample_interval_ns(file, case)

    @cached_property
    def zone(self) -> tzinfo:
        """Of stamps that name none."""
        return ZoneInfo(self.case.spec.timezone) if self.case.spec.timezone else UTC

    @cached_property
    def start_ns(self) -> int:
        """Time 0 of the test."""
        spec = self.case.spec
        if spec.start_ns is not None:
            return spec.start_ns
        if not spec.input_lines:
            return 0
        first_ns = first_stamp_ns(spec.input_lines, self.file.path.parent, FIRST_DAY_NS, self.zone) or FIRST_DAY_NS
        return first_ns - first_ns % lcm(self.file.interval_ns, self.sample_interval_ns)

    @cached_property
    def lines(self) -> list[TimedLine]:
        """All lines in the order of their times."""
        folder = self.file.path.parent
        lines = [
            line for spec in self.case.spec.input_lines for line in timed_lines(spec, folder, self.start_ns, self.zone)
        ]
        return sorted(lines, key=lambda line: line.time_ns)

    @cached_property
    def checks(self) -> list[Check]:
        """All expectations in the order of their times."""
        queries = iter(self.case.queries)
        checks = [
            Check(
                key,
                spec,
                self.case.mark(key, index),
                self.start_ns + nanoseconds(spec.eval_time),
                next(queries) if key == "promql_expr_test" else None,
            )
            for key in ASSERTIONS
            for index, spec in enumerate(getattr(self.case.spec, key))
        ]
        return sorted(checks, key=lambda check: check.time_ns)

    @property
    def end_ns(self) -> int:
        """When the last expectation is looked at."""
        return max((check.time_ns for check in self.checks), default=self.start_ns)

    def ticks(self, *further: int) -> list[int]:
        """When there is something to do: every evaluation, every expectation."""
        evaluations = range(self.start_ns, self.end_ns + 1, self.file.interval_ns)
        return sorted({*evaluations, *(check.time_ns for check in self.checks), *further})

    # ── the pipeline ─────────────────────────────────────────────────────────────────

    @cached_property
    def rules(self) -> RuleSet | None:
        """The event rules; None for a test without lines."""
        return self.environment.load_rules(self.file.event_files) if self.case.spec.input_lines else None

    def pipeline(self) -> Pipeline:
        """The pipeline as `run` builds it, with the test's own series."""
        rules = self.rules
        return Pipeline(
            rules.rules if rules else (),
            rules.correlations if rules else (),
            replace(self.environment.settings, has_engine=True, zone=self.zone, alerting=self._options()),
            Registry(),
            self.environment.cache_dir,
            self.file.groups,
            Replacement(self._given(), self.case.queries, whole=not self.case.spec.input_lines),
        )

    def _given(self) -> Given:
        series = [InputSeries(each.series, each.steps) for each in self.case.spec.input_series]
        return Given(series, self.start_ns, self.sample_interval_ns)

    def _options(self) -> Options:
        spec = self.case.spec
        return Options(
            target_labels=TARGET_LABELS if spec.target_labels is None else spec.target_labels,
            external_labels=spec.external_labels,
            sample_interval_ns=self.sample_interval_ns,
            external_url=spec.external_url,
            subquery_step_ns=self.file.interval_ns,
        )


def perform(environment: Environment, file: TestFile, case: Case) -> Verdict:
    """Run one test, and once more with its restarts; raises SourceError or RuleError."""
    plan = Plan(environment, file, case)
    performance, failures = _once(plan, ())
    if case.spec.restart_at:
        restarts = [plan.start_ns + nanoseconds(each) for each in case.spec.restart_at]
        again, second = _once(plan, restarts)
        failures += _changed(plan, performance, again) or [each for each in second if each not in failures]
    failures.sort(key=lambda failure: (failure.mark.line, failure.mark.column))
    return Verdict(file, case, tuple(failures), performance.seen, frozenset(_hits(performance)))


def _once(plan: Plan, restarts: Sequence[int]) -> tuple[Performance, list[Failure]]:
    performance = Performance(plan.pipeline, plan.lines, plan.start_ns, plan.end_ns)
    failures: list[Failure] = []
    with TemporaryDirectory(prefix="logwatch-test-") as folder:
        for time_ns in plan.ticks(*restarts):
            performance.advance(time_ns)
            if time_ns in restarts:
                performance.restart(time_ns, Path(folder))
            found = (verify(check, performance) for check in plan.checks if check.time_ns == time_ns)
            failures += [failure for failure in found if failure is not None]
    failures += [Failure(plan.case.node.mark, f"rule {error}") for error in performance.seen.errors]
    return performance, failures


def _changed(plan: Plan, first: Performance, second: Performance) -> list[Failure]:
    """Differences after a restart; a failure if there are any."""
    left, right = tuple(_history(first)), tuple(_history(second))
    mark = plan.case.node.at(("restart_at",)).mark
    return [] if left == right else [Failure(mark, "a restart changed events or notifications", left, right)]


def _history(performance: Performance) -> Iterator[str]:
    for event in performance.seen.events.values():
        yield f"{event.time_ns} {event.event} {event.id} {event.name} {dict(event.attributes)}"
    for sent in performance.seen.notifications:
        alert = sent.alert
        yield f"{sent.time_ns} {alert.state} {sorted(alert.labels.items())} {sorted(alert.annotations.items())} {alert.starts_ns}"


def _hits(performance: Performance) -> Iterator[str]:
    for sample in performance.pipeline.series.everything():
        if sample.family == "logwatch_rule_hits_total":
            yield sample.labels[0]
    yield from (event.rule for event in performance.seen.events.values())
