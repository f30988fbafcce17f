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
from dataclasses import replace

from logwatch.alerts.courses import OWN, Circle, Course, Heirs, circle_of, extend, intervals_of, truths_of
from logwatch.alerts.evidence import Evidence
from logwatch.alerts.groups import AlertRule, Group, RecordingRule
from logwatch.alerts.measurements import MEASURED, measure
from logwatch.alerts.memory import Memory, Together
from logwatch.alerts.orphans import Orphans
from logwatch.alerts.past import Past
from logwatch.alerts.recording import record
from logwatch.alerts.rehearsal import Rehearsal
from logwatch.alerts.report import Report
from logwatch.alerts.reporting import group_report
from logwatch.alerts.rows import EXTERNAL, alert_key
from logwatch.alerts.schedule import times_due
from logwatch.alerts.states import Active, drop, from_row, step
from logwatch.alerts.terms import Terms
from logwatch.model import SECOND, Alert, Outcome, SampleChange
from logwatch.promql import EvaluationError, Motion, Query, Sample, Scrape, Snapshot
from logwatch.secrets import Masker
from logwatch.series import Series

SET_BACK_NS = 60 * SECOND
"""A wall clock that steps back by less is waited for."""


class Alerts:
    """All groups, what they record and what fires. `rules_of` tells the event rules behind a metric of theirs."""

    def __init__(
        self,
        groups: Sequence[Group],
        terms: Terms,
        series: Series,
        rules_of: Mapping[str, Iterable[str]] | None = None,
        masker: Masker | None = None,
        rehearsal: Rehearsal | None = None,
    ) -> None:
        self.terms = terms
        self.healthy = True
        """Whether the log can be read: only then does absence mean anything."""
        self.live = False
        self.on_resolved: Callable[[Alert], None] = lambda _: None
        self.version = 0
        """Counts the changes of what `report` tells."""
        self.evidence = Evidence({name: frozenset(rules) for name, rules in (rules_of or {}).items()}, masker)
        self._series = series
        self._recorded, self._measured = Memory(), Memory()
        given = rehearsal.given if rehearsal else Memory()
        recorded = {rule.name for group in groups for rule in group.rules if isinstance(rule, RecordingRule)}
        self._scrape = Scrape(
            terms.target_labels,
            own_labels=frozenset((*recorded, *OWN, *given.names())),
            sample_interval_ns=terms.sample_interval_ns,
            subquery_step_ns=terms.subquery_step_ns,
            intervals=intervals_of(groups),
            generation=self._generation,
        )
        last = Memory() if rehearsal and rehearsal.alone else series
        self._view = Together((given, self._recorded, self._measured), last)
        self._touches = (series.touched, self._recorded.touched, self._measured.touched, given.touched)
        known = {*series.names(), *MEASURED, *recorded, *OWN, *given.names()}
        walled, alike = frozenset() if rehearsal else frozenset(MEASURED), Counter[tuple[str, ...]]()
        self._circles = [circle_of(group, known, walled, alike) for group in groups]
        self._asked = {query: query.reads(known) for query in (rehearsal.asked if rehearsal else ())}
        self._read = frozenset(name for circle in self._circles for course in circle.courses for name in course.names)
        self._read = self._read.union(*self._asked.values())
        self._past = Past()
        self._orphans = Orphans()
        self._walled_ns = 0
        self._restored = False
        self._rows: dict[str, str | None] = {}
        self._remember(recorded)

    def __bool__(self) -> bool:
        """Whether there is any group."""
        return bool(self._circles)

    def _remember(self, recorded: Iterable[str]) -> None:
        reach: dict[str, int] = {}
        for circle in self._circles:
            for course in circle.courses:
                extend(reach, course.rule.query, course.names)
        for query, names in self._asked.items():
            extend(reach, query, names)
        self._series.remember(reach)
        self._recorded.look_back_ns = {name: reach.get(name, 0) for name in (*recorded, *OWN)}
        self._measured.look_back_ns = {name: reach.get(name, 0) for name in MEASURED}

    def _generation(self, name: str) -> int | None:
        """As `Scrape` asks: only the series of the log keep their lists of change points."""
        return self._series.generation(name) if self._view.belongs_to_last(name) else None

    # ── the clocks ───────────────────────────────────────────────────────────────────

    def due(self, before_ns: int, clock_ns: int, deadline: Callable[[], int | None]) -> Iterator[int]:
        """The times of the log's clock to be evaluated when it moves: from `before_ns` on, those it has passed.

        While everything is at rest it goes on to the next `deadline`, when others may change a series.
        """
        circles = [circle for circle in self._circles if not circle.on_wall_clock]
        return times_due(circles, before_ns, clock_ns, deadline, lambda: self._series.moves)

    def evaluate(self, time_ns: int) -> bool:
        """Evaluate the groups about the log that are due at this time; whether a state changed."""
        self._series.evaluated_ns = time_ns
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
        # By the grid, and never ahead of a time that is evaluated.
        measure(self._measured, self._read, samples, now_ns - now_ns % self.terms.sample_interval_ns)
        changed = [self._evaluate([circle], time_ns) for time_ns, circle in due]
        return any(changed)

    def inherit(self, before: Alerts) -> None:
        """Go on with what was measured before a reload."""
        self._measured.inherit(before._measured, self._read)

    def _measure_anew(self) -> None:
        """The wall clock was set back: samples of a time to come would hide all others until then."""
        self._measured.rewind()
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
            snapshot = snapshot or Snapshot(self._view, time_ns, self._scrape)
            for course in circle.courses:
                changed |= self._turn(circle, course, snapshot)
            if not circle.on_wall_clock and all(self._at_rest(course, time_ns) for course in circle.courses):
                circle.quiet_at = self._series.moves
        self.version += changed
        return changed

    def _catch_up(self, time_ns: int) -> None:
        """End what rules made that were there before the restart and are no more."""
        self._restored = False
        owners = {(), *(course.key for circle in self._circles for course in circle.courses)}
        self._recorded.end_of_others(owners, time_ns)
        self._show_alerts(time_ns)

    def _at_rest(self, course: Course, time_ns: int) -> bool:
        """Whether only a change of a series can change anything about a rule and its alerts."""
        return (
            self._settled(course, time_ns)
            and not course.error
            and not course.names & self._recorded.touched.keys()
            and (isinstance(course.rule, RecordingRule) or course.stands())
        )

    def _settled(self, course: Course, time_ns: int) -> bool:
        """Whether the result at this time is that of the last evaluation."""
        motion, result = course.rule.query.motion, course.result
        lasts = result is not None and (motion is Motion.STEADY or (motion is Motion.FADING and not result))
        return lasts and self._touched(course) + course.reach_ns < time_ns

    def _touched(self, course: Course) -> int:
        return max((touched.get(name, 0) for touched in self._touches for name in course.names), default=0)

    def _turn(self, circle: Circle, course: Course, snapshot: Snapshot) -> bool:
        """Evaluate one rule and move its states; whether one changed."""
        now_ns = snapshot.time_ns
        if course.absence and not self.healthy:
            return False
        before_ns, course.evaluated_ns = course.evaluated_ns, now_ns
        if not self._settled(course, before_ns):
            try:
                course.result, course.error = course.evaluate(snapshot), ""
            except EvaluationError as error:
                course.result, course.error = None, str(error)
        if isinstance(course.rule, RecordingRule):
            if record(course, course.rule, self._recorded, now_ns, circle.group.limit):
                self._woken(course.rule.name, snapshot)
            return False
        return course.result is not None and self._move(circle.group, course, course.rule, snapshot)

    def _woken(self, name: str, snapshot: Snapshot) -> None:
        snapshot.forget(name)
        for circle in self._circles:
            if any(name in course.names for course in circle.courses):
                circle.quiet_at = -1

    def _move(self, group: Group, course: Course, rule: AlertRule, snapshot: Snapshot) -> bool:
        now_ns = snapshot.time_ns
        truths = truths_of(course, rule, self.terms)
        if truths is None:
            return False
        changes = step(course.active, truths, now_ns, hold_ns=rule.hold_ns, keep_ns=rule.keep_firing_ns)
        if group.limit and changes.active > group.limit:
            course.error = f"{changes.active} alerts, more than the limit of {group.limit}: none is kept"
            changes = drop(course.active, changes, now_ns)
        for alert in changes.began:
            selectors = [reading.selector for reading in rule.query.readings]
            alert.evidence = self.evidence.behind(alert.labels, selectors) or alert.evidence
        for alert in changes.ended:
            self._end(self._alert(f"{group.name}/{rule.name}", alert, now_ns))
        for identity in changes.changed:
            kept = course.active.get(identity)
            self._rows[alert_key(course.key, identity)] = kept.row() if kept else None
        if changes.changed and self._read & set(OWN):
            self._show_alerts(now_ns)
            for name in OWN:
                snapshot.forget(name)
        return bool(changes.changed)

    def _end(self, alert: Alert) -> None:
        self._rows.update(self._past.add(alert))
        self.on_resolved(alert)

    def _show_alerts(self, now_ns: int) -> None:
        """Make ALERTS and ALERTS_FOR_STATE of what is pending and fires, for expressions to read."""
        active = [
            alert
            for circle in self._circles
            for course in circle.courses
            for alert in course.active.values()
            if alert.state != "resolved"
        ]
        self._recorded.put(OWN[0], [({**alert.labels, "alertstate": alert.state}, 1.0) for alert in active], now_ns)
        self._recorded.put(OWN[1], [(alert.labels, alert.active_ns // SECOND) for alert in active], now_ns)
        for circle in self._circles:
            circle.quiet_at = -1

    # ── for others ───────────────────────────────────────────────────────────────────

    def take_in(self, outcome: Outcome) -> None:
        """Remember the line of an accepted event as evidence."""
        self.evidence.take_in(outcome)

    def outgoing(self, now_ns: int) -> list[Alert]:
        """What receivers are to know: what fires, and for 15 minutes what does no more.

        Nothing while catching up: what began and ended before we were there is history.
        """
        if not self.live:
            return []
        found = []
        for circle in self._circles:
            for course in circle.courses:
                for identity, alert in course.active.items():
                    if alert.state == "pending" or (alert.state == "resolved" and not alert.told):
                        continue
                    if not alert.told:
                        alert.told = True
                        self._rows[alert_key(course.key, identity)] = alert.row()
                    told = self._alert(f"{circle.group.name}/{course.rule.name}", alert, now_ns)
                    found.append(replace(told, interval_ns=circle.group.interval_ns))
        if self._orphans:
            for ended in self._orphans.end(now_ns, {each.fingerprint for each in found if each.state == "firing"}):
                self._end(ended)
        return [*found, *self._orphans.alerts()]

    def firing(self, now_ns: int) -> list[Alert]:
        """What fires, whether or not anybody is told."""
        return [
            self._alert(f"{circle.group.name}/{course.rule.name}", alert, now_ns)
            for circle in self._circles
            for course in circle.courses
            for alert in course.active.values()
            if alert.state == "firing"
        ]

    def _alert(self, rule: str, alert: Active, now_ns: int) -> Alert:
        annotations = {**alert.annotations, "evidence": alert.evidence} if alert.evidence else alert.annotations
        return Alert(
            labels={**self.terms.external_labels, **alert.labels},
            annotations=annotations,
            starts_ns=alert.fired_ns or alert.active_ns,
            ends_ns=alert.resolved_ns or None,
            state=alert.state,
            value=alert.value,
            rule=rule,
            generator_url=self.terms.external_url,
            updated_ns=now_ns,
        )

    def ask(self, query: Query, time_ns: int) -> list[Sample] | float:
        """The result of an expression of the rehearsal at this time; raises EvaluationError."""
        return query.evaluate_in(Snapshot(self._view, time_ns, self._scrape))

    def report(self) -> Report:
        """How everything stands, for the API."""
        return Report(tuple(map(group_report, self._circles)), tuple(self._past))

    # ── state ────────────────────────────────────────────────────────────────────────

    @property
    def unsaved(self) -> bool:
        """Whether there is something to commit that no line brought about."""
        return bool(self._rows or self._orphans.unsaved)

    def changed_rows(self) -> dict[str, str | None]:
        """As `model.Stateful`."""
        rows, self._rows = self._rows, {}
        return {
            **rows,
            **self._recorded.changed_rows(),
            **self.evidence.changed_rows(),
            **self._orphans.changed_rows(),
        }

    def restore(self, rows: Mapping[str, str]) -> None:
        """As `model.Stateful`; alerts of rules that are no more end, if anybody was told of them."""
        before: dict[str, str] = json.loads(rows.get(EXTERNAL, "{}"))
        if before != self.terms.external_labels:
            self._rows[EXTERNAL] = json.dumps(dict(self.terms.external_labels))
        heirs = Heirs(course for circle in self._circles for course in circle.courses)
        ended: list[str] = []
        kept: list[tuple[str, tuple[str, ...], Active]] = []
        for text, row in rows.items():
            part, *key = json.loads(text)
            if part == "series":
                self._recorded.restore(key[0], key[1:], row)
            elif part == "evidence":
                self.evidence.restore(key, row)
            elif part == "past":
                ended.append(row)
            elif part == "orphan":
                self._orphans.restore(text, row)
            elif part == "alert":
                kept.append((text, tuple(key[:-1]), from_row(row)))
        for text, key, alert in sorted(kept, key=lambda each: not heirs.has(each[1])):
            self._resume(text, key, alert, heirs.of(key), before)
        self._restored = True
        self.evidence.restored()
        self._past.restore(ended)
        self.version += 1

    def _resume(
        self, text: str, key: tuple[str, ...], alert: Active, course: Course | None, external: Mapping[str, str]
    ) -> None:
        """Let an alert go on where its rule is now; receivers know it with these external labels."""
        relabelled = external != self.terms.external_labels
        if alert.told and (course is None or relabelled):
            told = self._alert(f"{key[0]}/{key[1]}", alert, alert.fired_ns)
            self._orphans.take_in(replace(told, labels={**external, **alert.labels}), gone=course is None)
            alert.told = False
        identity = frozenset(alert.labels.items())
        if course is None or identity in course.active:
            self._rows[text] = None
            return
        course.active[identity] = alert
        if relabelled or course.key != key:
            self._rows[text] = None
            self._rows[alert_key(course.key, identity)] = alert.row()
