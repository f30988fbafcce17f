"""The stage that evaluates groups at their times.

A group is evaluated at every t = k·interval. Groups about the log follow the log's clock: t is
evaluated when the clock has passed it, so that the same lines give the same alerts live, after
a pause and in a replay. Groups that read what only this process can measure (its sources, its
queue, its memory) follow the wall clock, and are not evaluated in a replay.

A rule is left as it is while nothing it looks at has changed, which for most is most of the time.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from logwatch.alerting.alert_store import Register
from logwatch.alerting.alerting_rule import drop, step
from logwatch.alerting.evidence import Evidence
from logwatch.alerting.group import OWN, Circle, Course, circle_of, truths_of
from logwatch.alerting.groups import AlertRule, Group, RecordingRule
from logwatch.alerting.measurements import MEASURED
from logwatch.alerting.query_storage import Sight
from logwatch.alerting.recording_rule import record
from logwatch.alerting.rehearsal import Rehearsal
from logwatch.alerting.report import Report
from logwatch.alerting.reporting import group_report
from logwatch.alerting.schedule import times_due
from logwatch.alerting.terms import Terms
from logwatch.errors import UNEXPECTED
from logwatch.matching.redaction import Masker
from logwatch.metrics import Registry
from logwatch.metrics.catalog import AGENT
from logwatch.model import SECOND, Alert, Outcome, SampleChange
from logwatch.promql import EvaluationError, Motion, Query, Sample, Snapshot

FAILURES = "logwatch_rule_evaluation_failures_total"
SET_BACK_NS = 60 * SECOND
"""A wall clock that steps back by less is waited for."""


class Alerts:
    """All groups, what they record and what fires. `rules_of` tells the event rules behind a metric of theirs."""

    def __init__(
        self,
        groups: Sequence[Group],
        terms: Terms,
        series: Registry,
        rules_of: Mapping[str, Iterable[str]] | None = None,
        masker: Masker | None = None,
        rehearsal: Rehearsal | None = None,
    ) -> None:
        self.terms = terms
        self.healthy = True
        """Whether the log can be read: only then does absence mean anything."""
        self.live = False
        self.version = 0
        """Counts the changes of what `report` tells."""
        self.evidence = Evidence({name: frozenset(rules) for name, rules in (rules_of or {}).items()}, masker)
        self._series = series
        series.declare(next(family for family in AGENT if family.name == FAILURES))
        self._sight = Sight(groups, terms, series, rehearsal)
        walled, alike = frozenset() if rehearsal else frozenset(MEASURED), Counter[tuple[str, ...]]()
        self._circles = [circle_of(group, self._sight.names, walled, alike) for group in groups]
        self._sight.watch(self._circles)
        for circle in self._circles:
            for course in circle.courses:
                series.start(FAILURES, (circle.rule_id(course),), 0)
        self._register = Register(terms)
        self._walled_ns = 0
        self._restored = False

    def __bool__(self) -> bool:
        """Whether there is any group."""
        return bool(self._circles)

    # ── the clocks ───────────────────────────────────────────────────────────────────

    def due(self, before_ns: int, clock_ns: int, deadline: Callable[[], int | None]) -> Iterator[int]:
        """The times of the log's clock to be evaluated when it moves: from `before_ns` on, those it has passed.

        While everything is at rest it goes on to the next `deadline`, when others may change a series.
        """
        circles = [circle for circle in self._circles if not circle.on_wall_clock]
        return times_due(circles, before_ns, clock_ns, deadline, lambda: self._series.moves)

    def evaluate(self, time_ns: int) -> bool:
        """Evaluate the groups about the log that are due at this time; whether a state changed."""
        self._series.begin_evaluation(time_ns)
        due = [
            circle for circle in self._circles if not circle.on_wall_clock and not time_ns % circle.group.interval_ns
        ]
        return self._evaluate(due, time_ns)

    def measure(self, now_ns: int, samples: Iterable[SampleChange]) -> bool:
        """Evaluate the groups about this process that are due by the wall clock, on these samples."""
        if self._walled_ns - SET_BACK_NS < now_ns < self._walled_ns:
            return False
        before, self._walled_ns = self._walled_ns, now_ns
        if now_ns < before:
            self._measure_anew()
        due = [
            (now_ns - now_ns % circle.group.interval_ns, circle)
            for circle in self._circles
            if circle.on_wall_clock and before // circle.group.interval_ns != now_ns // circle.group.interval_ns
        ]
        if not due:
            return False
        self._sight.take_in(samples, now_ns)
        changed = [self._evaluate([circle], time_ns) for time_ns, circle in due]
        return any(changed)

    def inherit(self, before: Alerts) -> None:
        """Go on with what was measured before a reload."""
        self._sight.measured.inherit(before._sight.measured, self._sight.read)

    def _measure_anew(self) -> None:
        """The wall clock was set back: samples of a time to come would hide all others until then."""
        self._sight.measured.rewind()
        for circle in self._circles:
            for course in circle.courses if circle.on_wall_clock else ():
                course.result, course.evaluated_ns = None, 0

    # ── evaluating ───────────────────────────────────────────────────────────────────

    def _evaluate(self, circles: Sequence[Circle], time_ns: int) -> bool:
        snapshot: Snapshot | None = None
        changed = False
        if self._restored and circles:
            self._catch_up(time_ns)
        for circle in circles:
            circle.evaluated_ns = time_ns
            if circle.quiet_at == self._series.moves:
                continue
            snapshot = snapshot or self._sight.at(time_ns)
            for course in circle.courses:
                try:
                    changed |= self._turn(circle, course, snapshot)
                except UNEXPECTED as error:  # one rule that no value suits must not end all others
                    self._failed(circle, course, error, time_ns)
            if not circle.on_wall_clock and all(self._at_rest(course, time_ns) for course in circle.courses):
                circle.quiet_at = self._series.moves
        self.version += changed
        return changed

    def _failed(self, circle: Circle, course: Course, error: Exception, time_ns: int) -> None:
        course.result, course.error = None, f"{type(error).__name__}: {error}"
        self._series.add(FAILURES, (circle.rule_id(course),), 1, time_ns)

    def _catch_up(self, time_ns: int) -> None:
        """End what rules made that were there before the restart and are no more."""
        self._restored = False
        owners = {(), *(course.key for circle in self._circles for course in circle.courses)}
        self._sight.recorded.end_of_others(owners, time_ns)
        self._show_alerts(time_ns)

    def _at_rest(self, course: Course, time_ns: int) -> bool:
        """Whether only a change of a series can change anything about a rule and its alerts."""
        return (
            self._settled(course, time_ns)
            and not course.error
            and not self._sight.records(course.names)
            and (isinstance(course.rule, RecordingRule) or course.stands())
        )

    def _settled(self, course: Course, time_ns: int) -> bool:
        """Whether the result at this time is that of the last evaluation."""
        motion, result = course.rule.query.motion, course.result
        lasts = result is not None and (motion is Motion.STEADY or (motion is Motion.FADING and not result))
        return lasts and self._sight.touched(course.names) + course.reach_ns < time_ns

    def _turn(self, circle: Circle, course: Course, snapshot: Snapshot) -> bool:
        """Evaluate one rule and move its states; whether anything that is told of it changed."""
        now_ns = snapshot.time_ns
        if course.absence and not self.healthy:
            return False
        before_ns, course.evaluated_ns = course.evaluated_ns, now_ns
        before, course.error = course.error, ""
        if not self._settled(course, before_ns):
            try:
                course.result = course.evaluate(snapshot)
            except EvaluationError as error:
                course.result, course.error = None, str(error)
        moved = self._apply(circle, course, snapshot)
        if course.error:
            self._series.add(FAILURES, (circle.rule_id(course),), 1, now_ns)
        return moved or course.error != before

    def _apply(self, circle: Circle, course: Course, snapshot: Snapshot) -> bool:
        """Let the result be recorded, or move the alerts; whether one of them changed."""
        if isinstance(course.rule, RecordingRule):
            if record(course, course.rule, self._sight.recorded, snapshot.time_ns, circle.group.limit):
                self._woken(course.rule.name, snapshot)
            return False
        return course.result is not None and self._move(circle, course, course.rule, snapshot)

    def _woken(self, name: str, snapshot: Snapshot) -> None:
        snapshot.forget(name)
        for circle in self._circles:
            if any(name in course.names for course in circle.courses):
                circle.quiet_at = -1

    def _move(self, circle: Circle, course: Course, rule: AlertRule, snapshot: Snapshot) -> bool:
        now_ns = snapshot.time_ns
        truths = truths_of(course, rule, self.terms)
        if truths is None:
            return False
        changes = step(course.active, truths, now_ns, hold_ns=rule.hold_ns, keep_ns=rule.keep_firing_ns)
        limit = circle.group.limit
        if limit and changes.active > limit:
            course.error = f"{changes.active} alerts, more than the limit of {limit}: none is kept"
            changes = drop(course.active, changes, now_ns)
        for alert in changes.began:
            selectors = [reading.selector for reading in rule.query.readings]
            alert.evidence = self.evidence.behind(alert.labels, selectors) or alert.evidence
        for alert in changes.ended:
            self._register.end(circle.rule_id(course), alert, now_ns)
        self._register.note(course, changes.changed)
        if changes.changed and not self._sight.read.isdisjoint(OWN):
            self._show_alerts(now_ns)
            for name in OWN:
                snapshot.forget(name)
        return bool(changes.changed)

    def _show_alerts(self, now_ns: int) -> None:
        """Let expressions read what is pending and fires."""
        active = [
            alert
            for circle in self._circles
            for course in circle.courses
            for alert in course.active.values()
            if alert.state != "resolved"
        ]
        self._sight.show(active, now_ns)
        for circle in self._circles:
            circle.quiet_at = -1

    # ── for others ───────────────────────────────────────────────────────────────────

    def tell_resolved(self, hear: Callable[[Alert], None]) -> None:
        """Let somebody hear of every alert that ends, when it does."""
        self._register.on_resolved = hear

    def take_in(self, outcome: Outcome) -> None:
        """Remember the line of an accepted event as evidence."""
        self.evidence.take_in(outcome)

    def outgoing(self, now_ns: int) -> list[Alert]:
        """What receivers are to know: what fires, and for 15 minutes what does no more.

        Nothing while catching up: what began and ended before we were there is history.
        """
        return self._register.outgoing(self._circles, now_ns) if self.live else []

    def firing(self, now_ns: int) -> list[Alert]:
        """What fires, whether or not anybody is told."""
        return self._register.firing(self._circles, now_ns)

    def ask(self, query: Query, time_ns: int) -> list[Sample] | float:
        """The result of an expression of the rehearsal at this time; raises EvaluationError."""
        return self._sight.ask(query, time_ns)

    def report(self) -> Report:
        """How everything stands, for the API."""
        return Report(tuple(map(group_report, self._circles)), tuple(self._register.past))

    # ── state ────────────────────────────────────────────────────────────────────────

    @property
    def unsaved(self) -> bool:
        """Whether there is something to commit that no line brought about."""
        return self._register.unsaved

    def changed_rows(self) -> dict[str, str | None]:
        """As `model.Stateful`."""
        return {
            **self._sight.recorded.changed_rows(),
            **self.evidence.changed_rows(),
            **self._register.changed_rows(),
        }

    def restore(self, rows: Mapping[str, str]) -> None:
        """As `model.Stateful`."""
        for text, row in rows.items():
            part, *key = json.loads(text)
            if part == "series":
                self._sight.recorded.restore(key[0], key[1:], row)
            elif part == "evidence":
                self.evidence.restore(key, row)
        self.evidence.restored()
        self._register.restore(rows, self._circles)
        self._restored = True
        self.version += 1
