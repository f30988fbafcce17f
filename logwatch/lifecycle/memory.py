"""What was told lately, what of it waits, and which rows say so: what `tellers` and `nameless` share.

Every telling is a row of its own, written when it changed; objects and kinds are found in them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from heapq import heapify, heappop, heappush
from typing import Any

from logwatch.lifecycle.kinds import Kinds
from logwatch.lifecycle.leaders import Leaders
from logwatch.lifecycle.occurrences import FORGOTTEN, Key, Subject, Telling
from logwatch.lifecycle.subjects import Subjects
from logwatch.model import Event, Role


class Memory:
    """Tellings, by object and by kind; and the clock."""

    def __init__(self, settle_ns: int) -> None:
        self.settle_ns = settle_ns
        self.clock_ns = 0
        """The newest time that `due` was told."""
        self.kinds = Kinds()
        self.subjects = Subjects(self.forget)
        self.leaders = Leaders()
        self._order = 0
        self._waiting: list[tuple[int, int, Telling]] = []
        self._changed: dict[int, Telling | None] = {}
        self._stored: set[int] = set()

    # ── tellings come, change and go ─────────────────────────────────────────────────

    def open(self, event: Event, subject: Subject | None = None, epoch: int | None = None) -> Telling:
        """Begin a telling; one of an object is remembered with it."""
        self._order += 1
        telling = Telling(event, self.kinds.of(event), subject, self._order, self.clock_ns, epoch)
        self.touch(telling)
        if subject is not None:
            self._remember(telling, subject)
        return telling

    def give(self, telling: Telling, subject: Subject) -> None:
        """Let a telling without an object have one; to those who look it is as new."""
        telling.kind.leave(telling)
        self._changed[telling.order] = None
        self._order += 1
        telling.order, telling.subject = self._order, subject
        self.touch(telling)
        self._remember(telling, subject)

    def _remember(self, telling: Telling, subject: Subject) -> None:
        self.subjects.remember(telling, subject, self.clock_ns)
        self.kinds.hear(telling, self.clock_ns)
        telling.kind.remember(telling, self.clock_ns)

    def keep(self, telling: Telling) -> None:
        """Remember what was accepted without an object."""
        self.touch(telling)
        surplus = telling.kind.keep(telling)
        if surplus is not None:
            self.forget(surplus)

    def touch(self, telling: Telling) -> None:
        """The telling changes."""
        self._changed[telling.order] = telling

    def forget(self, telling: Telling) -> None:
        """Nobody may join the telling any more."""
        telling.kind.leave(telling)
        telling.clock_ns = FORGOTTEN
        self.touch(telling)

    def move(self, key: Key, to: Key) -> None:
        """The object's full id is known now."""
        subject = self.subjects.move(key, to)
        for telling in () if subject is None else (*subject.told(), *subject.held):
            telling.event = telling.event._replace(id=to[2])
            self.touch(telling)

    def sweep(self, clock_ns: int) -> None:
        """Forget what nothing can join any more."""
        self.subjects.sweep(clock_ns)
        self.leaders.sweep(clock_ns)
        for telling in self.kinds.sweep(clock_ns):
            self.forget(telling)

    # ── waiting ──────────────────────────────────────────────────────────────────────

    def wait(self, telling: Telling, event: Event) -> None:
        """Wait `settle` from the line on. A stamp in whole seconds may be almost a second early."""
        deadline_ns = max(event.time_ns, event.stamp_ns) + self.settle_ns
        if deadline_ns > telling.deadline_ns:
            telling.deadline_ns = deadline_ns
            heappush(self._waiting, (deadline_ns, telling.order, telling))

    @property
    def waits(self) -> bool:
        """Something is held until its time has come."""
        return bool(self._waiting)

    def next_deadline_ns(self) -> int | None:
        """When `due` may yield something, None for never."""
        return self._waiting[0][0] + 1 if self._waiting else None

    def due(self, clock_ns: int) -> Iterator[Telling]:
        """Yield what was held for long enough, each when its own time has come."""
        waiting = self._waiting
        while waiting and waiting[0][0] < clock_ns:
            deadline_ns, _, telling = heappop(waiting)
            self.clock_ns = max(self.clock_ns, deadline_ns)
            if telling.seq == 0 and telling.deadline_ns == deadline_ns:
                yield telling
        self.clock_ns = max(self.clock_ns, clock_ns)

    def held(self) -> list[Telling]:
        """Everything that waits, in the order of its time."""
        waiting = sorted(self._waiting, key=lambda each: each[:2])
        return [telling for time_ns, _, telling in waiting if telling.seq == 0 and telling.deadline_ns == time_ns]

    def flush(self) -> Iterator[Telling]:
        """Yield everything that is held; nothing waits any more."""
        for telling in self.held():
            if telling.seq == 0:
                yield telling
        self._waiting.clear()

    # ── state ────────────────────────────────────────────────────────────────────────

    def changed_rows(self) -> dict[str, str | None]:
        """Hand over what changed since the last call."""
        rows: dict[str, str | None] = {
            "tellers": json.dumps([self.clock_ns, self._order, self.leaders.dump()]),
            **self.kinds.changed_rows(),
        }
        for order, telling in self._changed.items():
            if telling is not None and not telling.forgotten:
                rows[f"telling {order}"] = telling.dump()
                self._stored.add(order)
            elif order in self._stored:
                rows[f"telling {order}"] = None
                self._stored.remove(order)
        self._changed.clear()
        return rows

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue from the rows of the last commit."""
        if "tellers" in rows:
            self.clock_ns, self._order, heard = json.loads(rows["tellers"])
            self.leaders.load(heard)
        self.kinds.restore(rows)
        dumped = [json.loads(row) for key, row in rows.items() if key.startswith("telling ")]
        for key, (fields, place, tellers, revoked_by) in sorted(dumped, key=_recall):
            event = Event(*fields)
            event = event._replace(role=Role(event.role), revoked_by=frozenset(event.revoked_by))
            telling = Telling(event, self.kinds.of(event), None, *place[:3])
            telling.seq, telling.deadline_ns = place[3:]
            telling.tellers, telling.revoked_by = tellers, frozenset(revoked_by)
            self._stored.add(telling.order)
            self._place(telling, None if key is None else tuple(key))
        heapify(self._waiting)

    def _place(self, telling: Telling, key: Key | None) -> None:
        """Let a telling be found again."""
        if telling.seq == 0:
            self._waiting.append((telling.deadline_ns, telling.order, telling))
        if key is not None:
            telling.subject = self.subjects.restore(telling, key)
        elif telling.seq:
            telling.kind.keep(telling)
        else:
            telling.kind.hold(telling)


def _recall(dumped: Any) -> tuple[bool, int]:
    """In which order tellings are found again: as they were told, or (without an object) passed."""
    key, (_, (order, _, _, seq, _), _, _) = dumped
    passed = key is None and seq > 0
    return passed, seq if passed else order
