"""Events made of events: `sequence`, `missing` and `first_seen`.

    sequence   A ── B ── C          the last step within T of the first: made with the last
    missing    A ────────┤ no B     made at A + T, on the clock that `advance` is told
    first_seen         A            of this key for the first time, or again after T without

Everything is per key: the host, and what `by` names. An event that lacks a part of its key
takes no part. `unless` events of the same key break off what is under way, and stop a
sequence that begins within T after them (a kill that follows the kernel's OOM line).

The order of events is the order in which they come; their times only measure distances. An
event that is amended later takes part as if it had come then, if only now its attributes
meet a condition. Events that are made go back through the lifecycle and may be steps of
other correlations; where those form a circle, an earlier one takes nothing from a later one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from logwatch import templates
from logwatch.model import LATE_NS, SECOND, Correlation, Event, Outcome, Role

GRACE_NS = 60 * SECOND
"""What is only remembered is kept a little longer: an event's own time may be before its header's."""
MOST_OPEN = 10_000
"""Keys under way per correlation; beyond them the oldest is dropped."""
MOST_MATCHED = 1_000
"""Numbers of matched events per correlation that are remembered for amendments."""

Key = tuple[str, ...]


class Open(NamedTuple):
    """A sequence, an awaited event or a value seen, of one key."""

    time_ns: int
    """Of the first step; for first_seen of the last sighting."""
    step: int
    """The step that is waited for."""
    attributes: Mapping[str, str]
    """Of the steps so far."""
    event: Event | None
    """The first step, where the made event is about that one (missing)."""


class Course:
    """One correlation and its keys under way."""

    __slots__ = (
        "barred",
        "begins",
        "correlation",
        "dirty",
        "key",
        "lasts_ns",
        "matched",
        "opens",
        "rivals",
        "stored",
        "templates",
        "unless",
    )

    def __init__(self, correlation: Correlation) -> None:
        self.correlation = correlation
        self.lasts_ns = correlation.within_ns + (0 if correlation.kind == "missing" else GRACE_NS)
        """How long after its time an open key is looked at again."""
        self.key = _key_of(correlation)
        """The key of an event; None where it lacks a part."""
        self.begins = _beginning(correlation)
        """Whether an event may begin something."""
        self.unless = frozenset(correlation.unless)
        self.opens: dict[Key, Open] = {}
        self.barred: dict[Key, int] = {}
        """When an `unless` event of the key came last."""
        self.matched: dict[int, None] = {}
        self.rivals: frozenset[str] = frozenset()
        """Later correlations, and itself, that lead back to this one: it takes nothing from them."""
        self.dirty: set[Key | None] = set()
        self.stored: set[str] = set()
        self.templates = {key: templates.parse(text) for key, text in correlation.attributes.items()}


class Correlator:
    """Watches what was accepted, and makes events of it."""

    def __init__(self, correlations: Iterable[Correlation]) -> None:
        self.dropped: dict[str, int] = {}
        """Correlation to keys dropped because too many were under way, since the engine last cleared it."""
        self.late = 0
        """Events too late for a correlation though not late for themselves, since last set to 0."""
        self._late_seq = 0
        self._courses = {each.id: Course(each) for each in correlations}
        self._steps: dict[str, list[Course]] = {}
        self._clock_ns = 0
        self._deadlines: list[tuple[int, str, Key]] = []
        for course in self._courses.values():
            for event in dict.fromkeys((*course.correlation.steps, *course.correlation.unless)):
                self._steps.setdefault(event, []).append(course)
        order = list(self._courses)
        for at, course in enumerate(self._courses.values()):
            course.rivals = self._reached(course).intersection(order[at:])

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
            self._unbar(course, key)
            waiting = course.opens.get(key)
            if waiting is None or waiting.time_ns + course.lasts_ns > deadline_ns:
                continue  # what this deadline was set for is over; what waits now has one of its own
            self._close(course, key)
            if waiting.event is not None:
                made.append(_make(course, waiting.event, waiting.attributes, deadline_ns, self._clock_ns))
        return made

    # ── one correlation ──────────────────────────────────────────────────────────────

    def _offer(self, course: Course, outcome: Outcome) -> list[Event]:
        event, correlation = outcome.event, course.correlation
        if outcome.amends and not self._newly_matches(course, outcome):
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
            self._bar(course, key, event.time_ns)
            return []
        if correlation.kind == "first_seen":
            return self._sight(course, key, outcome)
        if correlation.kind == "missing":
            self._await(course, key, outcome)
            return []
        return self._step(course, key, outcome)

    def _note_late(self, outcome: Outcome) -> None:
        """Count an event, not the correlations that it is too late for; the lifecycle has counted it if it is late itself."""
        late = self._clock_ns - outcome.event.time_ns > LATE_NS
        if not late and not outcome.amends and outcome.seq != self._late_seq:
            self.late += 1
            self._late_seq = outcome.seq

    def _step(self, course: Course, key: Key, outcome: Outcome) -> list[Event]:
        """A sequence: go on, begin, or begin anew."""
        event, correlation = outcome.event, course.correlation
        under_way = course.opens.get(key)
        if under_way is not None and abs(event.time_ns - under_way.time_ns) > correlation.within_ns:
            self._close(course, key)
            under_way = None
        if under_way is not None and _matches(correlation, under_way.step, event):
            self._match(course, outcome)
            attributes = {**event.attributes, **under_way.attributes}
            return self._go_on(course, key, event, under_way._replace(step=under_way.step + 1, attributes=attributes))
        if (under_way is not None and under_way.step > 1) or not _matches(correlation, 0, event):
            return []
        if (
            abs(event.time_ns - course.barred.get(key, event.time_ns - correlation.within_ns - 1))
            <= correlation.within_ns
        ):
            return []
        self._match(course, outcome)
        return self._go_on(course, key, event, Open(event.time_ns, 1, event.attributes, None))

    def _go_on(self, course: Course, key: Key, event: Event, under_way: Open) -> list[Event]:
        if under_way.step < len(course.correlation.steps):
            self._open(course, key, under_way)
            return []
        self._close(course, key)
        return [_make(course, event, under_way.attributes, event.time_ns, self._clock_ns)]

    def _await(self, course: Course, key: Key, outcome: Outcome) -> None:
        """What is missed: the first step waits, any other ends the waiting."""
        event, correlation = outcome.event, course.correlation
        waiting = course.opens.get(key)
        if waiting is not None:
            if any(_matches(correlation, step, event) for step in range(1, len(correlation.steps))):
                self._match(course, outcome)
                self._close(course, key)
            return
        if _matches(correlation, 0, event):
            self._match(course, outcome)
            self._open(course, key, Open(event.time_ns, 1, event.attributes, event))

    def _sight(self, course: Course, key: Key, outcome: Outcome) -> list[Event]:
        event, correlation = outcome.event, course.correlation
        if not any(_matches(correlation, step, event) for step in range(len(correlation.steps))):
            return []
        self._match(course, outcome)
        last = course.opens.get(key)
        newest_ns = event.time_ns if last is None else max(event.time_ns, last.time_ns)
        self._open(course, key, Open(newest_ns, 0, {}, None))
        if last is not None and event.time_ns - last.time_ns < correlation.within_ns:
            return []
        return [_make(course, event, event.attributes, event.time_ns, self._clock_ns)]

    def _bar(self, course: Course, key: Key, time_ns: int) -> None:
        if key in course.opens and course.correlation.kind != "first_seen":
            self._close(course, key)
        course.barred[key] = max(time_ns, course.barred.get(key, time_ns))
        course.dirty.add(key)
        heappush(self._deadlines, (time_ns + course.correlation.within_ns + GRACE_NS, course.correlation.id, key))

    def _unbar(self, course: Course, key: Key) -> None:
        barred_ns = course.barred.get(key)
        if barred_ns is not None and barred_ns + course.correlation.within_ns + GRACE_NS <= self._clock_ns:
            del course.barred[key]
            course.dirty.add(key)

    def _open(self, course: Course, key: Key, under_way: Open) -> None:
        if key not in course.opens and len(course.opens) >= MOST_OPEN:
            self._drop_oldest(course)
        course.opens[key] = under_way
        course.dirty.add(key)
        heappush(self._deadlines, (under_way.time_ns + course.lasts_ns, course.correlation.id, key))

    def _drop_oldest(self, course: Course) -> None:
        """Drop a tenth at a time, so that a flood of keys does not sort them for each."""
        oldest = sorted(course.opens, key=lambda each: (course.opens[each].time_ns, each))[: MOST_OPEN // 10 + 1]
        for key in oldest:
            self._close(course, key)
        self.dropped[course.correlation.id] = self.dropped.get(course.correlation.id, 0) + len(oldest)

    def _close(self, course: Course, key: Key) -> None:
        course.opens.pop(key, None)
        course.dirty.add(key)

    # ── amendments ───────────────────────────────────────────────────────────────────

    def _match(self, course: Course, outcome: Outcome) -> None:
        """Remember which events took part, where an amendment could make them do so again."""
        if any(course.correlation.where):
            course.matched[outcome.seq] = None
            course.dirty.add(None)
            if len(course.matched) > MOST_MATCHED:
                del course.matched[min(course.matched)]

    def _newly_matches(self, course: Course, outcome: Outcome) -> bool:
        return any(course.correlation.where) and outcome.seq not in course.matched

    def _reached(self, course: Course) -> frozenset[str]:
        """Find the correlations that events of this one lead to, itself included."""
        found, names = set(), [course.correlation.id]
        while names:
            name = names.pop()
            if name not in found:
                found.add(name)
                names += [each.correlation.id for each in self._steps.get(self._courses[name].correlation.event, ())]
        return frozenset(found)

    # ── state ────────────────────────────────────────────────────────────────────────

    def changed_rows(self) -> dict[str, str | None]:
        """Hand over what changed since the last call, one row per correlation and key."""
        rows: dict[str, str | None] = {}
        for name, course in self._courses.items():
            for key in course.dirty:
                row_key = json.dumps([name, key])
                row = json.dumps(list(course.matched)) if key is None else _dump(course, key)
                if row is not None or row_key in course.stored:
                    rows[row_key] = row
                    (course.stored.discard if row is None else course.stored.add)(row_key)
            course.dirty.clear()
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
            course = self._courses.get(name)
            if course is None:
                continue
            course.stored.add(row_key)
            if key is None:
                course.matched = dict.fromkeys(row)
            else:
                self._restore_key(course, tuple(key), row)
        heapify(self._deadlines)

    def _restore_key(self, course: Course, key: Key, row: Sequence[object]) -> None:
        under_way, barred_ns = row
        name = course.correlation.id
        if isinstance(barred_ns, int):
            course.barred[key] = barred_ns
            self._deadlines.append((barred_ns + course.correlation.within_ns + GRACE_NS, name, key))
        if isinstance(under_way, list):
            time_ns, step, attributes, fields = under_way
            course.opens[key] = Open(time_ns, step, attributes, None if fields is None else Event(*fields))
            self._deadlines.append((time_ns + course.lasts_ns, name, key))


def _dump(course: Course, key: Key) -> str | None:
    under_way, barred_ns = course.opens.get(key), course.barred.get(key)
    if under_way is None:
        return None if barred_ns is None else json.dumps([None, barred_ns])
    event = under_way.event
    fields = None if event is None else [*event[:11]]
    return json.dumps([[*under_way[:2], dict(under_way.attributes), fields], barred_ns])


def _beginning(correlation: Correlation) -> Callable[[Event], bool]:
    """What tells whether an event is the first step; of a value that is watched for, whether it is any."""
    steps = range(len(correlation.steps) if correlation.kind == "first_seen" else 1)
    return lambda event: any(_matches(correlation, step, event) for step in steps)


def _key_of(correlation: Correlation) -> Callable[[Event], Key | None]:
    """What works out an event's key: the host and the values of `by`; None where one is absent."""
    if correlation.by == ("id",):  # as nearly all are
        return lambda event: None if event.id is None else (event.host, event.id)
    return partial(_key, correlation)


def _key(correlation: Correlation, event: Event) -> Key | None:
    key = [event.host]
    for part in correlation.by:
        value = event.attributes.get(part[11:]) if part.startswith("attributes.") else getattr(event, part)
        if value is None:
            return None
        key.append(value)
    return tuple(key)


def _matches(correlation: Correlation, step: int, event: Event) -> bool:
    if step >= len(correlation.steps) or correlation.steps[step] != event.event:
        return False
    where = correlation.where[step] if step < len(correlation.where) else {}
    return all(event.attributes.get(key) == value for key, value in where.items())


def _field(event: Event, attributes: Mapping[str, str], field: str) -> str | None:
    """What a placeholder of a correlation means: `id`, `name`, `host`, or an attribute of a step."""
    if field in ("id", "name", "host"):
        value = getattr(event, field)
        return None if value is None else str(value)
    return attributes.get(field.removeprefix("attributes.").removeprefix("event."))


def _make(course: Course, event: Event, attributes: Mapping[str, str], time_ns: int, clock_ns: int) -> Event:
    """Make the correlation's event, about the object and with the line of one of its steps."""
    correlation = course.correlation
    own = {}
    for name, template in course.templates.items():
        value = template.render(lambda field: _field(event, attributes, field))
        if value is not None:
            own[name] = value
    return Event(
        time_ns,
        correlation.event,
        event.host,
        event.id,
        event.name,
        {**attributes, **own},
        correlation.severity,
        correlation.id,
        event.path,
        event.offset,
        event.line,
        Role.PRIMARY,
        max(clock_ns, time_ns),
    )
