"""All occurrences that events may still join, those that are pending, and their rows.

Every occurrence is a row of its own, written when it changed; the indexes by object and by event
type are rebuilt from these rows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import Any

from logwatch.lifecycle.occurrences import (
    EMITTED,
    FORGOTTEN,
    PENDING,
    REMEMBERED_NS,
    REVOKED,
    SECONDARY,
    EventTypeIndex,
    Key,
    ObjectRecord,
    Occurrence,
    Status,
)
from logwatch.model import SECOND, Event, Role
from logwatch.store.state_table import HostTable, StateTable, StateValue

SEEN_NS = 7 * 86_400 * SECOND
"""For so long a leading or primary report of an event type on a host counts."""
KINDS_OF_HOST = 32
"""Event types of a host, on the average of many."""
SEEN_STEP_NS = 3600 * SECOND
MAX_PER_ACTION = 16
"""Most occurrences per object and event type."""
MAX_OBJECTS = 2_000
"""Most objects, beside those of which something is pending; those without events for longest are dropped first, a tenth at once."""
MAX_PENDING = 10_000
"""Most pending occurrences; above it the tenth that waits for longest settles before its time, as in a log whose clock stands still."""
MAX_EVENT_TYPES = 20_000
"""Event types of all hosts, whose names come out of the log; above it the oldest tenth is dropped."""
MAX_STREAMS = 1_000
"""Hosts into whose log `docker events` is written; the same."""
STREAM_NS = 3600 * SECOND
"""So long after its last line `docker events` counts as still written into a host's log."""
STREAMED = frozenset(
    [f"container.{action}" for action in (
        "attach", "commit", "create", "destroy", "die", "exec_create", "exec_die", "exec_start", "kill", "oom", "pause",
        "prune", "rename", "resize", "restart", "start", "stop", "unpause", "update",
    )]
    + [f"image.{action}" for action in ("import", "load", "prune", "pull", "push", "tag", "untag")]
    + [f"network.{action}" for action in ("connect", "create", "destroy", "disconnect", "prune")]
    + [f"volume.{action}" for action in ("create", "destroy", "prune")]
    + [f"{kind}.{action}" for kind in ("service", "node", "secret", "config") for action in ("create", "update", "remove")]
    + ["builder.prune", "plugin.enable", "plugin.disable"]
)  # fmt: skip
"""What `docker events` reports whenever it happens: a request for it that it does not confirm failed."""
Place = tuple[str, str]
"""Host and type.action."""


class OccurrenceStore:
    """All occurrences, by object and by event type; the clock, and what is pending until a time."""

    def __init__(self, settle_ns: int) -> None:
        self.settle_ns = settle_ns
        self.clock_ns = 0
        self._stream_seen: dict[str, int] = {}
        """Host to the clock at its last line of `docker events`."""
        self._order = 0
        self._occurrences: StateTable[int, Occurrence] = StateTable("telling", _encode, self._decode)
        self._seen: HostTable[Place, int] = HostTable("heard", rows=KINDS_OF_HOST)
        """When a leading or primary rule last reported an event type, to the hour."""
        self._progress: StateValue[Any] = StateValue("tellers", lambda: None, lambda _: self._row())
        self.tables = (self._occurrences, self._seen, self._progress)
        self._objects: OrderedDict[Key, ObjectRecord] = OrderedDict()
        """In the order of their newest occurrences."""
        self._full_at = MAX_OBJECTS
        """So many objects there are when the next ones are dropped."""
        self._event_types: dict[Place, EventTypeIndex] = {}
        self._waiting: list[tuple[int, int, Occurrence]] = []

    # ── where occurrences are found ──────────────────────────────────────────────────

    def object(self, key: Key) -> ObjectRecord:
        """Return the record of an object."""
        record = self._objects.get(key)
        if record is None:
            if len(self._objects) >= self._full_at:
                self._drop_oldest_objects()
            record = self._objects[key] = ObjectRecord(key, self.clock_ns)
        return record

    def event_type(self, place: Place) -> EventTypeIndex:
        """Return the index of an event type on a host."""
        index = self._event_types.get(place)
        if index is None:
            if len(self._event_types) >= MAX_EVENT_TYPES:
                self._drop_event_types()
            index = self._event_types[place] = EventTypeIndex()
        return index

    def seen_lately(self, occurrence: Occurrence) -> bool:
        """Whether a leading or primary rule reported the event type within a week before the occurrence."""
        seen_ns = self._seen.get((occurrence.event.host, occurrence.event.event))
        return seen_ns is not None and occurrence.opened_ns - seen_ns < SEEN_NS

    def mark_docker_events(self, host: str) -> None:
        """Note a line of `docker events` from a host."""
        if host not in self._stream_seen and len(self._stream_seen) >= MAX_STREAMS:
            for oldest in list(islice(self._stream_seen, MAX_STREAMS // 10)):
                del self._stream_seen[oldest]
        self._stream_seen[host] = self.clock_ns

    # ── occurrences come, change and go ──────────────────────────────────────────────

    def open(
        self, event: Event, index: EventTypeIndex, record: ObjectRecord | None = None, epoch: int | None = None
    ) -> Occurrence:
        """Open an occurrence of an event type; one of an object is kept with that."""
        self._order += 1
        self._progress.touch_value()
        key = None if record is None else record.key
        occurrence = Occurrence(event, index, key, self._order, self.clock_ns, epoch)
        self._occurrences[self._order] = occurrence
        if record is not None:
            self._keep(occurrence, record)
        return occurrence

    def assign(self, occurrence: Occurrence, record: ObjectRecord, object_id: str | None = None) -> None:
        """Give an occurrence its object, and the event its id; it becomes the newest of the object."""
        occurrence.event_type.remove(occurrence)
        if object_id is not None:
            occurrence.event = occurrence.event._replace(id=object_id)
        self._progress.touch_value()
        self._occurrences.pop(occurrence.order, None)
        self._order += 1
        occurrence.order, occurrence.key = self._order, record.key
        self._occurrences[self._order] = occurrence
        self._keep(occurrence, record)

    def _keep(self, occurrence: Occurrence, record: ObjectRecord) -> None:
        record.opened_ns = self.clock_ns
        self._objects.move_to_end(record.key)
        group = record.occurrences.get(occurrence.event.event)
        if group is None:
            record.occurrences[occurrence.event.event] = [occurrence]
        else:
            group.append(occurrence)
            if group[0].status is not PENDING and not group[0].joinable(self.clock_ns):
                self.forget(group.pop(0))
            if len(group) > MAX_PER_ACTION:
                oldest = next((each for each in group if each.status is not PENDING), group[0])
                group.remove(oldest)
                self.forget(oldest)
        self.mark_seen(occurrence)
        occurrence.event_type.add_recent(occurrence, self.clock_ns)

    def mark_seen(self, occurrence: Occurrence) -> None:
        """Note that a rule reported this event type, if it is not only corroborating."""
        if occurrence.event.role not in SECONDARY:
            self.note_reporter((occurrence.event.host, occurrence.event.event))

    def note_reporter(self, place: Place) -> None:
        """Note, to the hour, that more than corroborating rules report an event type on a host now."""
        seen_ns = self._seen.get(place)
        if seen_ns is None or seen_ns + SEEN_STEP_NS <= self.clock_ns:
            self._seen[place] = self.clock_ns

    def keep_accepted(self, occurrence: Occurrence) -> None:
        """Keep an occurrence that is emitted without an object."""
        self.touch(occurrence)
        surplus = occurrence.event_type.add_accepted(occurrence)
        if surplus is not None:
            self.forget(surplus)

    def touch(self, occurrence: Occurrence) -> None:
        """Commit the occurrence with the next batch: it changed."""
        self._occurrences.touch(occurrence.order)

    def emitted(self, occurrence: Occurrence, event: Event, seq: int) -> None:
        """Record an occurrence's number, and its event as it was emitted."""
        occurrence.event, occurrence.status, occurrence.seq = event, EMITTED, seq
        if occurrence.opened_ns == FORGOTTEN:
            self._occurrences.pop(occurrence.order, None)
        else:
            self.touch(occurrence)

    def revoke(self, occurrence: Occurrence) -> None:
        """It never happened."""
        occurrence.status = REVOKED
        if occurrence.opened_ns == FORGOTTEN:
            self._occurrences.pop(occurrence.order, None)
        else:
            self.touch(occurrence)

    def revoke_unconfirmed(self, occurrence: Occurrence) -> bool:
        """Revoke what only a corroborating rule reports, if `docker events` is written and does not report it."""
        event, seen_ns = occurrence.event, self._stream_seen.get(occurrence.event.host)
        if event.role not in SECONDARY or seen_ns is None or event.event not in STREAMED:
            return False
        unconfirmed = occurrence.opened_ns - seen_ns < STREAM_NS
        if unconfirmed:
            self.revoke(occurrence)
        return unconfirmed

    def forget(self, occurrence: Occurrence) -> None:
        """Let no event join the occurrence any more; one that is pending with an object is still emitted."""
        occurrence.event_type.remove(occurrence)
        occurrence.opened_ns = FORGOTTEN
        if occurrence.status is not PENDING or occurrence.key is None:
            self._occurrences.pop(occurrence.order, None)
        else:
            self.touch(occurrence)

    def move(self, key: Key, to: Key) -> None:
        """Move the occurrences of an object whose full id is known now."""
        record = self._objects.pop(key, None)
        if record is None:
            return
        record.key = to
        self._objects[to] = record
        for occurrence in (*record.all(), *record.pending):
            occurrence.key, occurrence.event = to, occurrence.event._replace(id=to[2])
            self.touch(occurrence)

    def sweep(self, clock_ns: int) -> None:
        """Drop what nothing can join any more."""
        oldest_ns = clock_ns - REMEMBERED_NS
        dropped = []
        for record in self._objects.values():
            if record.opened_ns >= oldest_ns:
                break
            if not record.pending and not any(each.joinable(clock_ns) for each in record.all()):
                dropped.append(record)
        self._drop_objects(dropped)
        for place, index in list(self._event_types.items()):
            for occurrence in index.expire(oldest_ns):
                self.forget(occurrence)
            if index.is_empty:
                del self._event_types[place]
        for host in [host for host, seen_ns in self._stream_seen.items() if clock_ns - seen_ns >= STREAM_NS]:
            del self._stream_seen[host]
        for place in [place for place, seen_ns in self._seen.items() if seen_ns + SEEN_NS < clock_ns]:
            del self._seen[place]

    def _drop_event_types(self) -> None:
        """Let no event join what was reported of the event types that are known for longest; what is pending is still emitted."""
        for place in list(islice(self._event_types, MAX_EVENT_TYPES // 10)):
            for occurrence in self._event_types.pop(place).expire(self.clock_ns + 1):
                self.forget(occurrence)

    def _drop_oldest_objects(self) -> None:
        """Drop of the older half as many as are too many, but none of which something is pending."""
        surplus = len(self._objects) - MAX_OBJECTS * 9 // 10
        older = islice(self._objects.values(), len(self._objects) // 2)
        self._drop_objects(list(islice((each for each in older if not each.pending), surplus)))
        self._full_at = max(MAX_OBJECTS, len(self._objects) + MAX_OBJECTS // 10)

    def _drop_objects(self, records: Iterable[ObjectRecord]) -> None:
        for record in records:
            del self._objects[record.key]
            for occurrence in record.all():
                self.forget(occurrence)

    # ── waiting ──────────────────────────────────────────────────────────────────────

    def wait(self, occurrence: Occurrence, event: Event) -> None:
        """Wait `settle` from the event on. A stamp in whole seconds may be almost a second early."""
        deadline_ns = max(event.time_ns, event.stamp_ns) + self.settle_ns
        if deadline_ns > occurrence.deadline_ns:
            occurrence.deadline_ns = deadline_ns
            heappush(self._waiting, (deadline_ns, occurrence.order, occurrence))

    def next_deadline_ns(self) -> int | None:
        """When `due` may yield something, None for never."""
        return self._waiting[0][0] + 1 if self._waiting else None

    def due(self, clock_ns: int) -> Iterator[Occurrence]:
        """Yield what was pending for long enough, each when its own time has come."""
        waiting = self._waiting
        while waiting and waiting[0][0] < clock_ns:
            deadline_ns, _, occurrence = heappop(waiting)
            self.clock_ns = max(self.clock_ns, deadline_ns)
            if _awaits(occurrence, deadline_ns):
                yield occurrence
        self.clock_ns = max(self.clock_ns, clock_ns)
        self._progress.touch_value()

    def surplus(self) -> Iterator[Occurrence]:
        """Yield what waits for longest, if more than MAX_PENDING waits, until a tenth less does."""
        if len(self._waiting) <= MAX_PENDING:
            return
        self._waiting[:] = [(time_ns, each.order, each) for time_ns, _, each in self._waiting if _awaits(each, time_ns)]
        heapify(self._waiting)
        while len(self._waiting) > MAX_PENDING * 9 // 10:
            deadline_ns, _, occurrence = heappop(self._waiting)
            if _awaits(occurrence, deadline_ns):
                yield occurrence

    def waiting(self) -> list[Occurrence]:
        """Return all that is pending, in the order of its time."""
        waiting = sorted(self._waiting, key=lambda each: each[:2])
        return [each for time_ns, _, each in waiting if _awaits(each, time_ns)]

    def flush(self) -> Iterator[Occurrence]:
        """Yield all that is pending; nothing waits any more."""
        for occurrence in self.waiting():
            if occurrence.status is PENDING:
                yield occurrence
        self._waiting.clear()

    def shift(self, step_ns: int, clock_ns: int) -> None:
        """The clock was set, to `clock_ns`: all times that are compared with it move along."""
        self.clock_ns = clock_ns
        for occurrence in self._occurrences.values():
            if occurrence.opened_ns != FORGOTTEN:
                occurrence.opened_ns += step_ns
            occurrence.deadline_ns += step_ns
            self.touch(occurrence)
        for record in self._objects.values():
            record.opened_ns += step_ns
        for host in self._stream_seen:
            self._stream_seen[host] += step_ns
        for place in self._seen:
            self._seen[place] += step_ns
        self._waiting[:] = [(time_ns + step_ns, order, each) for time_ns, order, each in self._waiting]
        self._progress.touch_value()

    # ── state ────────────────────────────────────────────────────────────────────────

    def _row(self) -> list[Any]:
        return [self.clock_ns, self._order, self._stream_seen]

    def _decode(self, order: int, row: list[Any]) -> Occurrence:
        key, (fields, place, rules, revoked_by) = row
        event = Event(*fields)
        event = event._replace(role=Role(event.role), revoked_by=frozenset(event.revoked_by))
        _, opened_ns, epoch, seq, deadline_ns = place
        index = self.event_type((event.host, event.event))
        occurrence = Occurrence(event, index, None if key is None else tuple(key), order, opened_ns, epoch)
        occurrence.status = EMITTED if seq > 0 else Status(seq)
        occurrence.seq, occurrence.deadline_ns, occurrence.rules = seq, deadline_ns, rules
        occurrence.revoked_by = frozenset(revoked_by)
        return occurrence

    def restored(self) -> None:
        """Rebuild the indexes after the tables were restored."""
        if self._progress.value is not None:
            self.clock_ns, self._order, self._stream_seen = self._progress.value
        for occurrence in sorted(self._occurrences.values(), key=_found_again):
            if occurrence.status is PENDING:
                self._waiting.append((occurrence.deadline_ns, occurrence.order, occurrence))
            if occurrence.key is not None:
                self._restore_object(occurrence, occurrence.key)
            elif occurrence.status is not PENDING:
                occurrence.event_type.add_accepted(occurrence)
            else:
                occurrence.event_type.add_pending(occurrence)
        heapify(self._waiting)

    def _restore_object(self, occurrence: Occurrence, key: Key) -> None:
        record = self._objects.setdefault(key, ObjectRecord(key, occurrence.opened_ns))
        if occurrence.opened_ns != FORGOTTEN:
            record.opened_ns = occurrence.opened_ns
            self._objects.move_to_end(key)
            record.occurrences.setdefault(occurrence.event.event, []).append(occurrence)
            occurrence.event_type.add_recent(occurrence, FORGOTTEN)
        if occurrence.status is PENDING:
            record.pending.append(occurrence)


def _awaits(occurrence: Occurrence, deadline_ns: int) -> bool:
    """Whether it is pending until then: it was neither emitted nor revoked, and no later report gave it more time."""
    return occurrence.status is PENDING and occurrence.deadline_ns == deadline_ns


def _encode(occurrence: Occurrence) -> list[Any]:
    event = [*occurrence.event[:13], sorted(occurrence.event.revoked_by)]
    seq = occurrence.seq if occurrence.status is EMITTED else occurrence.status.value
    place = [occurrence.order, occurrence.opened_ns, occurrence.epoch, seq, occurrence.deadline_ns]
    return [occurrence.key, [event, place, occurrence.rules, sorted(occurrence.revoked_by)]]


def _found_again(occurrence: Occurrence) -> tuple[bool, int]:
    """In which order occurrences are restored: as they were opened, or (accepted without an object) emitted."""
    accepted = occurrence.key is None and occurrence.status is EMITTED
    return accepted, occurrence.seq if accepted else occurrence.order
