"""The objects that events happened to lately: what `tellers` remembers of each, within bounds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice

from logwatch.tellings import (
    CORROBORATING,
    FORGOTTEN,
    HEARD_NS,
    HEARD_STEP_NS,
    RECENT,
    REMEMBERED_NS,
    SUBJECTS,
    TELLINGS,
    Key,
    Kind,
    Subject,
    Telling,
    joinable,
    load,
)

Place = tuple[str, str]
"""Host and type.action."""


class Subjects:
    """Objects with their tellings, and per host and kind the tellings of any object."""

    def __init__(self) -> None:
        self._subjects: dict[Key, Subject] = {}
        self._kinds: dict[Place, Kind] = {}
        self._dirty: list[Subject] = []
        self._deleted: set[Key] = set()
        self._dirty_kinds: set[Place] = set()
        self._stored: set[str] = set()

    def get(self, key: Key, clock_ns: int) -> Subject:
        """Return the object, which is about to change."""
        subject = self._subjects.get(key)
        if subject is None:
            if len(self._subjects) >= SUBJECTS:
                self._shrink()
            subject = self._subjects[key] = Subject(key)
        subject.clock_ns = clock_ns
        if not subject.dirty:
            self.touch(subject)
        return subject

    def touch(self, subject: Subject) -> None:
        """The object changes."""
        if not subject.dirty:
            subject.dirty = True
            self._dirty.append(subject)

    def remember(self, subject: Subject, telling: Telling, kind: str, clock_ns: int) -> None:
        """Keep what was told of the object."""
        tellings = subject.tellings.get(kind)
        if tellings is None:
            subject.tellings[kind] = [telling]
        else:
            tellings.append(telling)
            _trim(tellings, clock_ns)
        known = self.hear((subject.key[0], kind), telling, clock_ns)
        recent = known.recent
        recent.append(telling)
        if recent[0].clock_ns < clock_ns - REMEMBERED_NS:
            recent.popleft()

    def hear(self, place: Place, telling: Telling, clock_ns: int) -> Kind:
        """Take note that somebody told of one; how long ago that is matters to the hour."""
        kind = self._kinds.get(place)
        if kind is None:
            kind = self._kinds[place] = Kind()
        outdated = kind.heard_ns is None or kind.heard_ns + HEARD_STEP_NS <= clock_ns
        if outdated and telling.event.role is not CORROBORATING:
            kind.heard_ns = clock_ns
            self._dirty_kinds.add(place)
        return kind

    def heard_ns(self, place: Place) -> int | None:
        """When a leading or primary line last told of one."""
        kind = self._kinds.get(place)
        return None if kind is None else kind.heard_ns

    def recent(self, place: Place, clock_ns: int) -> list[Telling]:
        """Return the newest tellings of a kind, the newest first."""
        kind = self._kinds.get(place)
        if kind is None:
            return []
        oldest_ns = clock_ns - REMEMBERED_NS
        return list(islice((each for each in reversed(kind.recent) if each.clock_ns >= oldest_ns), RECENT))

    def held(self) -> Iterator[Telling]:
        """Everything that is held of any object."""
        for subject in self._subjects.values():
            yield from subject.held

    def move(self, key: Key, to: Key) -> None:
        """The object's full id is known now."""
        subject = self._subjects.pop(key, None)
        if subject is None:
            return
        self._deleted.add(key)
        self.touch(subject)
        subject.key = to
        self._subjects[to] = subject
        for tellings in subject.tellings.values():
            for telling in tellings:
                telling.event = telling.event._replace(id=to[2])

    def sweep(self, clock_ns: int) -> None:
        """Forget the objects of which nothing can be joined any more."""
        oldest_ns = clock_ns - REMEMBERED_NS
        for subject in list(self._subjects.values()):
            lasting = any(each.epoch is not None for tellings in subject.tellings.values() for each in tellings)
            if subject.clock_ns < oldest_ns and not subject.held and not lasting:
                self._delete(subject)
        for place, kind in list(self._kinds.items()):
            if kind.recent and kind.recent[-1].clock_ns < oldest_ns:
                kind.recent.clear()
            if kind.heard_ns is not None and kind.heard_ns + HEARD_NS < clock_ns:
                del self._kinds[place]
                self._dirty_kinds.add(place)

    def _shrink(self) -> None:
        idle = [subject for subject in self._subjects.values() if not subject.held]
        for subject in sorted(idle, key=lambda each: (each.clock_ns, each.key))[: SUBJECTS // 2]:
            self._delete(subject)

    def _delete(self, subject: Subject) -> None:
        del self._subjects[subject.key]
        self._deleted.add(subject.key)

    def changed_rows(self, clock_ns: int) -> dict[str, str | None]:
        """Hand over what changed since the last call, one row per object."""
        rows: dict[str, str | None] = {f"subject {json.dumps(key)}": None for key in self._deleted}
        for subject in self._dirty:
            subject.dirty = False
            if self._subjects.get(subject.key) is subject:
                rows[f"subject {json.dumps(subject.key)}"] = _dump(subject, clock_ns)
        for place in self._dirty_kinds:
            kind = self._kinds.get(place)
            rows[f"heard {json.dumps(place)}"] = None if kind is None else json.dumps(kind.heard_ns)
        for dirty in (self._dirty, self._deleted, self._dirty_kinds):
            dirty.clear()
        rows = {key: row for key, row in rows.items() if row is not None or key in self._stored}
        self._stored |= rows.keys()
        self._stored -= {key for key, row in rows.items() if row is None}
        return rows

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue from the rows of the last commit."""
        for key, row in rows.items():
            what, _, name = key.partition(" ")
            if what == "subject":
                self._restore_subject(tuple(json.loads(name)), row)
            elif what == "heard":
                self._kinds.setdefault(tuple(json.loads(name)), Kind()).heard_ns = json.loads(row)
            else:
                continue
            self._stored.add(key)
        told = [each for subject in self._subjects.values() for group in subject.tellings.values() for each in group]
        for telling in sorted(told, key=lambda each: each.order):
            place = (telling.event.host, telling.event.event)
            self._kinds.setdefault(place, Kind()).recent.append(telling)

    def _restore_subject(self, key: Key, row: str) -> None:
        subject = self._subjects[key] = Subject(key)
        subject.clock_ns, tellings, held = json.loads(row)
        for dumped in tellings:
            telling = load(dumped, subject)
            subject.tellings.setdefault(telling.event.event, []).append(telling)
            if telling.order in held:
                subject.held.append(telling)
        subject.held.sort(key=lambda telling: held.index(telling.order))


def _trim(tellings: list[Telling], clock_ns: int) -> None:
    """Forget what nobody can join, and of too many the oldest."""
    if tellings[0].seq and not joinable(tellings[0], clock_ns):
        del tellings[0]
    if len(tellings) > TELLINGS:
        oldest = next((each for each in tellings if each.seq), tellings[0])
        tellings.remove(oldest)
        oldest.clock_ns = FORGOTTEN


def _dump(subject: Subject, clock_ns: int) -> str:
    tellings = [each.dump() for group in subject.tellings.values() for each in group if joinable(each, clock_ns)]
    return json.dumps([subject.clock_ns, tellings, [telling.order for telling in subject.held]])
