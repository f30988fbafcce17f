"""The stage that evaluates rule groups at their times, and what it has for receivers and the API.

A group is evaluated at every t = k·interval. Groups about the log follow the log's clock: t is
evaluated when the clock has passed it, so that the same lines give the same alerts live, after
a pause and in a replay. Groups that read what only this process can measure (its sources, its
queue, its memory) follow the wall clock; in a replay nothing measures it, and they follow the log's, too.

Each rule knows when its result or its alerts can change next; times before that are skipped.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from logwatch.alerting.alert_store import AlertStore, alerting_rules, follow_name
from logwatch.alerting.alerting_rule import AlertingRule, AlertRule, Step
from logwatch.alerting.evidence import Evidence
from logwatch.alerting.group import Group, GroupState
from logwatch.alerting.muting import NOT_MUTED, Muting
from logwatch.alerting.options import Options
from logwatch.alerting.query_storage import OWN, QueryStorage, Replacement
from logwatch.alerting.recording_rule import RecordingState
from logwatch.alerting.report import Report, group_report
from logwatch.alerting.series_store import MEASURED, Owner
from logwatch.errors import UNEXPECTED
from logwatch.matching.redaction import Masker
from logwatch.metrics import Registry
from logwatch.metrics.catalog import AGENT
from logwatch.model import SECOND, Alert, Outcome, Renamed, SampleChange
from logwatch.promql import Query, Sample
from logwatch.store.state_table import StateTable

FAILURES = "logwatch_rule_evaluation_failures_total"
SET_BACK_NS = 60 * SECOND
"""A wall clock that steps back by less is waited for."""
MOST_AT_ONCE = 5_000
"""So many evaluations when the clock jumps (at 5 s: 7 hours), and as many for the rest, further apart."""


class Alerts:
    """All groups, what they record and what fires. `rules_of` has the event rules behind a metric of theirs."""

    def __init__(
        self,
        groups: Sequence[Group],
        options: Options,
        series: Registry,
        rules_of: Mapping[str, Iterable[str]] | None = None,
        masker: Masker | None = None,
        replacement: Replacement | None = None,
    ) -> None:
        self.version = 0
        """Counts the changes of what `report` shows."""
        self.evidence = Evidence(
            {name: frozenset(rules) for name, rules in (rules_of or {}).items()}, masker, options.last_words
        )
        self._series = series
        series.declare(next(family for family in AGENT if family.name == FAILURES))
        self._storage = storage = QueryStorage(groups, options, series, replacement)
        measured = {query for query, names in storage.reads.items() if not names.isdisjoint(MEASURED)}
        has_one_clock = options.replays or replacement is not None
        wall_clocked, same = frozenset() if has_one_clock else measured, Counter[tuple[str, ...]]()
        self._groups = [
            GroupState(group, options, storage.watch, storage.recorded, storage.ask, wall_clocked, same)
            for group in (_without_absence(groups, measured) if options.replays else groups)
        ]
        for rule in self._rules():
            series.start(FAILURES, (rule.id,), 0)
        storage.begin()
        offsets_ns = {group.query_offset_ns for group in groups}
        self._owners: dict[int, Owner] = {each: (str(each),) if each else () for each in offsets_ns}
        """By `query_offset`, who puts the ALERTS of groups: each stamps them with its times."""
        self._on_log_clock = [group for group in self._groups if not group.follows_wall_clock]
        self._by_interval: dict[int, list[GroupState]] = {}
        for group in self._on_log_clock:
            self._by_interval.setdefault(group.group.interval_ns, []).append(group)
        self._on_wall_clock = [group for group in self._groups if group.follows_wall_clock]
        self._store = AlertStore(options)
        self._clock_ns = self._wall_ns = 0
        self._readable = True
        self._is_restored = False
        self.tables: Sequence[StateTable[Any, Any]] = (storage.recorded.table, self.evidence.table, *self._store.tables)

    @property
    def has_groups(self) -> bool:
        """Whether there is any group."""
        return bool(self._groups)

    def _rules(self) -> Iterator[AlertingRule | RecordingState]:
        return (rule for group in self._groups for rule in group.rules)

    # ── the clocks ───────────────────────────────────────────────────────────────────

    def due(self, before_ns: int, clock_ns: int, deadline: Callable[[], int | None]) -> Iterator[int]:
        """The times of the log's clock to be evaluated when it moves: from `before_ns` on, those it has passed.

        Times at which no rule can change are skipped, but for the first after each `deadline`: then
        others may change a series.
        """
        if not before_ns or not self._by_interval:
            return
        time_ns, stretch = before_ns, 1
        for count in itertools.count():
            if count == MOST_AT_ONCE:
                stretch += (clock_ns - time_ns) // (MOST_AT_ONCE * min(self._by_interval))
            due_ns = self._next_ns(time_ns, clock_ns, deadline, stretch)
            if due_ns is None:
                break
            yield due_ns
            time_ns = due_ns + 1
        self._clock_ns = clock_ns

    def _next_ns(self, from_ns: int, clock_ns: int, deadline: Callable[[], int | None], stretch: int) -> int | None:
        """The next time to be evaluated, from `from_ns` on and before the clock's."""
        self._storage.update()
        nearest_ns = next_ns = clock_ns
        for interval_ns, groups in self._by_interval.items():
            interval_ns *= stretch
            time_ns = _at_or_after(from_ns, interval_ns)
            if time_ns < clock_ns:
                nearest_ns = min(nearest_ns, time_ns)
                due_ns = min([group.due_ns for group in groups])
                next_ns = min(next_ns, time_ns if due_ns <= time_ns else _at_or_after(due_ns, interval_ns))
        if nearest_ns < next_ns:
            wake_ns = deadline()
            if wake_ns is not None and wake_ns < next_ns:
                wake_ns = max(from_ns, wake_ns)
                next_ns = min(next_ns, *[_at_or_after(wake_ns, each * stretch) for each in self._by_interval])
        return next_ns if next_ns < clock_ns else None

    def evaluate(self, time_ns: int) -> bool:
        """Evaluate the groups about the log that are due at this time; whether an alert changed."""
        self._clock_ns = max(self._clock_ns, time_ns + 1)
        self._begin(time_ns)
        changed = False
        for group in self._on_log_clock:
            if group.due_ns <= time_ns and not time_ns % group.group.interval_ns:
                changed |= self._evaluate(group, time_ns)
        self.version += changed
        return changed

    def measure(self, now_ns: int, samples: Iterable[SampleChange], *, readable: bool = True) -> bool:
        """Evaluate the groups about this process that are due by the wall clock, on these samples.

        While a log is not `readable`, also the other groups take nothing for absent.
        """
        self._readable = readable
        if self._wall_ns - SET_BACK_NS < now_ns < self._wall_ns:
            return False
        before, self._wall_ns = self._wall_ns, now_ns
        if now_ns < before:
            self._set_back()
        due = [
            group
            for group in self._on_wall_clock
            if before // group.group.interval_ns != now_ns // group.group.interval_ns
        ]
        if not due:
            return False
        self._storage.measure(samples, now_ns)
        self._begin(now_ns)
        changed = False
        for group in due:
            changed |= self._evaluate(group, now_ns - now_ns % group.group.interval_ns)
        self.version += changed
        return changed

    def resume_from(self, before: Alerts) -> None:
        """Go on with what was measured before a reload; the previous one takes in no more changes."""
        self._storage.measured.resume_from(before._storage.measured, self._storage.read)
        before._storage.close()

    def _set_back(self) -> None:
        """The wall clock was set back: samples of a time to come would hide all others until then."""
        self._storage.measured.rewind()
        for group in self._on_wall_clock:
            group.wake()
            for rule in group.rules:
                rule.live.invalidate()

    def shift(self, step_ns: int, clock_ns: int) -> None:
        """The clock was set, to `clock_ns`: durations go on, and after a step back rules begin again."""
        for group in self._groups:
            for rule in group.rules:
                if isinstance(rule, AlertingRule):
                    self._store.save(rule, rule.shift(step_ns, clock_ns))
                if step_ns < 0:
                    rule.due_ns = 0
                    rule.live.invalidate()
            group.evaluated_ns = min(group.evaluated_ns, clock_ns)
            group.wake()
        if step_ns < 0:
            self._storage.recorded.rewind()
            self._clock_ns = clock_ns
        self.version += 1

    # ── evaluating ───────────────────────────────────────────────────────────────────

    def _begin(self, time_ns: int) -> None:
        """Take in what changed since the last evaluation; after a restart, end what lost its rule."""
        if self._is_restored:
            self._is_restored = False
            self._end_removed(time_ns)
        self._storage.update()

    def _evaluate(self, group: GroupState, time_ns: int) -> bool:
        """Evaluate the rules of a group that are due; whether an alert changed."""
        changed = False
        for rule in group.due_rules(time_ns, readable=self._readable):
            try:
                changed |= self._evaluate_rule(rule, time_ns)
            except UNEXPECTED as error:  # one rule that no value suits must not end all others
                self._fail(rule, error, time_ns)
        return changed

    def _evaluate_rule(self, rule: AlertingRule | RecordingState, time_ns: int) -> bool:
        """Evaluate one rule; whether anything that `report` shows of it changed."""
        error = rule.error
        changed = False
        if isinstance(rule, AlertingRule):
            changed = self._process(rule, rule.evaluate(time_ns), time_ns)
        elif rule.evaluate(time_ns):
            self._storage.update()
        if rule.error:
            self._series.add(FAILURES, (rule.id,), 1, time_ns)
        return changed or rule.error != error

    def _fail(self, rule: AlertingRule | RecordingState, error: Exception, time_ns: int) -> None:
        rule.due_ns, rule.error = 0, f"{type(error).__name__}: {error}"
        rule.live.invalidate()
        self._series.add(FAILURES, (rule.id,), 1, time_ns)

    def _process(self, rule: AlertingRule, changes: Step, time_ns: int) -> bool:
        """Keep what an evaluation changed."""
        for alert in changes.began:
            selectors = [numbered.selector for numbered in rule.rule.query.selectors]
            alert.evidence = self.evidence.lines_about(alert.labels, selectors) or alert.evidence
        for alert in changes.ended:
            self._store.resolve(rule.id, alert, time_ns)
        self._store.save(rule, changes.changed)
        if changes.changed:
            self._write_alerts(time_ns)
        return bool(changes.changed)

    def _end_removed(self, time_ns: int) -> None:
        """End what rules made that were there before the restart and no longer are."""
        self._storage.recorded.end_of_others({*self._owners.values(), *(rule.key for rule in self._rules())}, time_ns)
        self._write_alerts(time_ns)

    def _write_alerts(self, time_ns: int) -> None:
        """Let expressions read what is pending and fires."""
        if self._storage.read.isdisjoint(OWN):
            return
        for offset_ns, owner in self._owners.items():
            rules = (rule for group in self._groups if group.group.query_offset_ns == offset_ns for rule in group.rules)
            active = (alert for rule in alerting_rules(rules) for alert in rule.active.values())
            shown = ((alert.labels, alert.state, alert.active_ns) for alert in active if alert.state != "resolved")
            self._storage.write_alerts(shown, time_ns - offset_ns, owner)
        self._storage.update()

    # ── for others ───────────────────────────────────────────────────────────────────

    def on_resolved(self, callback: Callable[[Alert], None]) -> None:
        """Call `callback` with every alert that resolves, when it does."""
        self._store.call_on_resolved(callback)

    def process(self, outcome: Outcome) -> None:
        """Keep the line of an accepted event as evidence."""
        self.evidence.process(outcome)

    def follow_name(self, renamed: Renamed, time_ns: int) -> None:
        """Go on with the alerts of a container's id under the name that was learned."""
        if follow_name(alerting_rules(self._rules()), self._store, renamed, time_ns):
            self.version += 1
            self._write_alerts(time_ns)

    def outgoing(self, now_ns: int, *, live: bool = True, muting: Muting = NOT_MUTED) -> list[Alert]:
        """What receivers are sent: what fires, and for 15 minutes what no longer does.

        Nothing while catching up (not `live`): what began and ended before is history.
        """
        rules = [(rule, group.group.interval_ns) for group in self._groups for rule in alerting_rules(group.rules)]
        return self._store.outgoing(rules, now_ns, muting) if live else []

    def firing(self, now_ns: int) -> list[Alert]:
        """What fires, whether or not it is sent."""
        return self._store.firing(alerting_rules(self._rules()), now_ns)

    def query(self, query: Query, time_ns: int) -> list[Sample] | float:
        """The result of a query of the replacement at this time; raises EvaluationError."""
        return self._storage.evaluate(query, time_ns)

    def report(self) -> Report:
        """The state of everything, for the API."""
        groups = tuple(group_report(group, self._last_evaluation_ns(group)) for group in self._groups)
        return Report(groups, self._store.resolved())

    def _last_evaluation_ns(self, group: GroupState) -> int:
        """The last time of a group that its clock has passed, skipped or not."""
        passed_ns = (self._clock_ns - 1) // group.group.interval_ns * group.group.interval_ns
        return group.evaluated_ns if group.follows_wall_clock else max(group.evaluated_ns, passed_ns)

    # ── state ────────────────────────────────────────────────────────────────────────

    @property
    def has_changes(self) -> bool:
        """Whether there is something to commit that no line brought about."""
        return any(table.has_changes for table in self._store.tables)

    def restored(self) -> None:
        """Rebuild what follows from the tables."""
        self._storage.recorded.restored()
        self.evidence.restored()
        self._store.restored(list(alerting_rules(self._rules())))
        self._is_restored = True
        self.version += 1


def _without_absence(groups: Iterable[Group], measured: Container[Query]) -> Iterator[Group]:
    """The groups without the rules that would take what nothing measures in a replay for absent."""
    for group in groups:
        rules = [
            rule
            for rule in group.rules
            if not (isinstance(rule, AlertRule) and rule.asks_for_absence and rule.query in measured)
        ]
        yield replace(group, rules=tuple(rules))


def _at_or_after(time_ns: int, interval_ns: int) -> int:
    return -(-time_ns // interval_ns) * interval_ns
