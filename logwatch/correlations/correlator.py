"""Watches what was accepted, and makes events of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from heapq import heapify, heappop

from logwatch.correlations import first_seen, missing, sequence
from logwatch.correlations.course import Course, Deadline
from logwatch.model import LATE_NS, Correlation, Event, Outcome

KINDS = {"sequence": sequence.take, "missing": missing.take, "first_seen": first_seen.take}
"""What takes an event of a key in and returns those that it completes."""


class Correlator:
    """All correlations, and one heap of deadlines."""

    def __init__(self, correlations: Iterable[Correlation]) -> None:
        self.late = 0
        """Events too late for a correlation though not late for themselves, since last set to 0."""
        self._late_seq = 0
        self._clock_ns = 0
        self._deadlines: list[Deadline] = []
        self._courses = {each.id: Course(each, self._deadlines) for each in correlations}
        self._steps: dict[str, list[Course]] = {}
        for course in self._courses.values():
            for event in dict.fromkeys((*course.correlation.steps, *course.correlation.unless)):
                self._steps.setdefault(event, []).append(course)
        order = list(self._courses)
        for at, course in enumerate(self._courses.values()):
            course.rivals = self._reached(course).intersection(order[at:])

    def _reached(self, course: Course) -> frozenset[str]:
        """Find the correlations that events of this one lead to, itself included."""
        found, names = set(), [course.correlation.id]
        while names:
            name = names.pop()
            if name not in found:
                found.add(name)
                names += [each.correlation.id for each in self._steps.get(self._courses[name].correlation.event, ())]
        return frozenset(found)

    # ── events ───────────────────────────────────────────────────────────────────────

    def accept(self, outcome: Outcome) -> list[Event]:
        """Take an accepted or amended event; returns the events it completes."""
        courses = self._steps.get(outcome.event.event)
        if courses is None:
            return []
        made: list[Event] = []
        for course in courses:
            if outcome.event.rule not in course.rivals:
                made += self._offer(course, outcome)
        return made

    def _offer(self, course: Course, outcome: Outcome) -> list[Event]:
        event, correlation = outcome.event, course.correlation
        if outcome.amends and not course.newly_matches(outcome):
            return []
        late, bars = event.time_ns + correlation.within_ns < self._clock_ns, event.event in course.unless
        if not late and not bars and not course.opens and not course.begins(event):
            return []  # nothing is under way, and nothing begins: the key need not be worked out
        key = course.key(event)
        if key is None:
            return []
        if late:
            self._note_late(outcome)
        if bars:
            course.bar(key, event.time_ns)
            return []
        return KINDS[correlation.kind](course, key, outcome, self._clock_ns)

    def _note_late(self, outcome: Outcome) -> None:
        """Count an event, not the correlations that it is too late for; the lifecycle has counted it if it is late itself."""
        late = self._clock_ns - outcome.event.time_ns > LATE_NS
        if not late and not outcome.amends and outcome.seq != self._late_seq:
            self.late += 1
            self._late_seq = outcome.seq

    # ── time ─────────────────────────────────────────────────────────────────────────

    def next_deadline_ns(self) -> int | None:
        """When `advance` may have something to do, None for never."""
        return self._deadlines[0][0] if self._deadlines else None

    def advance(self, clock_ns: int) -> list[Event]:
        """It is now `clock_ns`: make the events whose absence is certain, forget what is too old."""
        self._clock_ns = max(self._clock_ns, clock_ns)
        made: list[Event] = []
        while self._deadlines and self._deadlines[0][0] <= clock_ns:
            deadline_ns, name, key = heappop(self._deadlines)
            course = self._courses[name]
            course.unbar(key, self._clock_ns)
            waiting = course.opens.get(key)
            if waiting is None or waiting.time_ns + course.lasts_ns > deadline_ns:
                continue  # what this deadline was set for is over; what waits now has one of its own
            course.close(key)
            made += missing.over(course, waiting, deadline_ns, self._clock_ns)
        return made

    # ── state ────────────────────────────────────────────────────────────────────────

    def take_dropped(self) -> dict[str, int]:
        """Correlations to the keys that each dropped since the last call, because too many were under way."""
        dropped = {name: course.dropped for name, course in self._courses.items() if course.dropped}
        for name in dropped:
            self._courses[name].dropped = 0
        return dropped

    def changed_rows(self) -> dict[str, str | None]:
        """Hand over what changed since the last call, one row per correlation and key."""
        rows: dict[str, str | None] = {}
        for course in self._courses.values():
            rows.update(course.changed_rows())
        rows["clock"] = json.dumps(self._clock_ns)
        return rows

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue from the rows of the last commit; what belongs to no correlation any more is let go."""
        for row_key in sorted(rows):
            row = json.loads(rows[row_key])
            if row_key == "clock":
                self._clock_ns = row
                continue
            name, key = json.loads(row_key)
            if name in self._courses:
                self._courses[name].restore(row_key, key, row)
        heapify(self._deadlines)
