"""One event once: which events report the same occurrence.

dockerd, containerd, systemd, the kernel and the operator's own `docker events` report one
container's death in up to six lines, in an order that nobody guarantees:

                     event of a rule
                           │ same host, object and type.action; at most 10 s apart; the rule has not
                           │ reported it yet; does not contradict what identifies it (exec, signal, …)
            ┌──── yes ─────┴───── no ────┐
            ▼                            ▼
      joins the occurrence         opens an occurrence ── leading, or primary that nothing revokes ─▶ emitted
      adds absent attributes;            │
      one of a higher role brings        │ corroborating, or revocable: may be wrong
      its time, rule and offset          ▼
            │                        pending ──┬── revoked (`container.start_failed`) ───▶ never happened
            ▼                                  ├── joined by an event that cannot be wrong ─▶ emitted
      was it emitted: amended                  ├── the next event of the object ────────────▶ emitted
      is it pending: grows silently            └── `settle` of event time has passed ───────▶ emitted

What is reported of the daemon and of containerd is one occurrence until their state changes; a
corroborating event that repeats itself until then adds nothing.

An event joins the nearest occurrence in time, so that two deaths within a second, reported as
A A B B or A B A B, stay two. The same rule twice is two occurrences, with two exceptions of
`docker events`: it reports one OOM kill up to three times within milliseconds, and repeats
its last event when it is started again with `--since`.

**Revocation.** A failed start of runc looks like a start and a death until the daemon reports
that it failed. Both are pending, the start is not emitted because of the death (`_confirms`),
and the revoker removes both. Later reports of them are absorbed by the revoked occurrence.
A death right after the revoker, of a container that was not running, is revoked at once; a
death of a container that is known to run is `certain` and emitted at once.

**Without an id.** `eth0: renamed from veth1a2b` names no container. Such a corroborating event
joins the nearest occurrence of its type on the host (it adds attributes only if there is no
second candidate), also one that is opened within `settle` after it. Alone it makes its event
when `settle` has passed, except on hosts where a leading or primary rule reported the type in
the last week: there it is something else (a network that was connected later, swarm's own
sandbox). Any other event without an id is an occurrence of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from logwatch.lifecycle.occurrence_store import OccurrenceStore
from logwatch.lifecycle.occurrences import (
    DORMANT,
    JOIN_NS,
    KILL_NS,
    KILLS,
    LEADING,
    OOM_NS,
    PRIMARY,
    REMEMBERED_NS,
    REQUEST,
    REVOKED,
    SECONDARY,
    SUPPORTING,
    Key,
    ObjectRecord,
    Occurrence,
    compatible,
)
from logwatch.model import SECOND, Event
from logwatch.store.state_table import HostTable

COUNTED_ALONE = frozenset({"container.exec_die"})
"""Events of which some are reported without an object only, also on hosts that name the object of others."""
CREATE = "container.create"
CREATED_WITHIN_NS = 3 * SECOND
"""Between a request and the mount of the container that it made, on a busy host."""
TROUBLES = ("_failed", "_error")
"""Actions that do not show that the object has ever run."""


class Emission(NamedTuple):
    """An occurrence that is emitted now (its `seq` is 0), or was and has become fuller."""

    occurrence: Occurrence
    applies: bool
    """It changes the state of its object: it is new, or its object was not known before."""


NOTHING: list[Emission] = []


class Deduplicator:
    """Decides which events report one occurrence, and when it has happened."""

    def __init__(self, settle_ns: int) -> None:
        self.store = OccurrenceStore(settle_ns)
        self._revocable: dict[tuple[str, str], dict[int, Occurrence]] = {}
        """What is pending without an object, by host and what revokes it."""
        self._confirming: HostTable[str, int] = HostTable("confirming")
        """Hosts whose engine logs what shows that a create request was granted, with the time of the last one."""
        self.tables = (self._confirming,)

    # ── an event about an object ─────────────────────────────────────────────────────

    def process(
        self, event: Event, key: Key, *, certain: bool = True, epoch: int | None = None, waits: bool = False
    ) -> list[Emission]:
        """Process an event about an object: `certain` if it cannot be revoked in the object's state.

        One that `waits` is pending all the same until the inventory completes it.

        `epoch` counts the changes of state of the daemon or containerd: occurrences of one epoch
        are not limited to 10 s.
        """
        store, role = self.store, event.role
        record = store.object(key)
        if role is LEADING:
            store.mark_docker_events(key[0])
        if certain and record.pending:
            certain = all(each.event.role is REQUEST for each in record.pending)
        group = record.occurrences.get(event.event)
        if group is not None:
            occurrence = _match(group, event, store.clock_ns, epoch, certain=certain)
            if occurrence is not None:
                return self._join(occurrence, event, certain=certain, waits=waits)
        emissions = NOTHING
        if record.pending:
            # Of a service every event is believed: what could not start was started.
            emissions = self._settle_others(record, event, certain=certain or epoch is not None)
        index = store.event_type((event.host, event.event))
        if index.accepted:
            found = self._accepted_without_object(index.accepted.values(), event)
            if found is not None:
                store.assign(found, record)
                found.add_rules((event.rule,))
                found.merge(event)
                return [*emissions, Emission(found, applies=True)]
        other = self._other_report(event) if "container" in event.attributes else None
        if other is not None:
            return [*emissions, *self._join(other, event, certain=certain)]
        if self._revocable and (
            _is_death(event) or (_is_dead_shim(event) and not record.occurrences.get("container.start"))
        ):
            self._revoke_unidentified(event)
        occurrence = store.open(event, index, record, epoch)
        if index.pending:
            self._merge_pending(occurrence)
        if role in SECONDARY or waits or (event.revoked_by and not certain and role is not LEADING):
            self._hold(record, occurrence, event)
            return emissions
        return [*emissions, Emission(occurrence, applies=True)]

    def _join(
        self, occurrence: Occurrence, event: Event, *, certain: bool, attributes: bool = True, waits: bool = False
    ) -> list[Emission]:
        """Join an event to an occurrence; one that was emitted is amended, a pending one may be emitted now."""
        store = self.store
        store.touch(occurrence)
        occurrence.add_rules((event.rule,))
        if occurrence.seq == REVOKED or (occurrence.seq == DORMANT and event.role is SUPPORTING):
            return NOTHING
        if occurrence.seq == DORMANT and occurrence.key is not None:
            occurrence.seq = 0
            store.object(occurrence.key).pending.append(occurrence)
            store.wait(occurrence, event)
        confirms = occurrence.event.role is SUPPORTING and occurrence.key is not None and not event.attributes
        changed = (attributes or confirms) and occurrence.merge(event)
        if event.role not in SECONDARY:
            store.mark_seen(occurrence)
        if occurrence.seq:
            return [Emission(occurrence, applies=False)] if changed else NOTHING
        occurrence.revoked_by |= event.revoked_by
        if occurrence.key is None:
            self._note_revokers(occurrence)
            return NOTHING
        if event.role in SECONDARY or waits:
            return NOTHING
        if event.role is LEADING or certain or not event.revoked_by:
            return self._emit_until(store.object(occurrence.key), occurrence)
        store.wait(occurrence, event)
        return NOTHING

    # ── pending, emitted, revoked ────────────────────────────────────────────────────

    def _hold(self, record: ObjectRecord, occurrence: Occurrence, event: Event) -> None:
        """Keep an occurrence pending, or revoke it if its revoker came first."""
        if event.revoked_by and self._revoked_already(record, event):
            self.store.revoke(occurrence)
            return
        record.pending.append(occurrence)
        self.store.wait(occurrence, event)

    def _settle_others(self, record: ObjectRecord, event: Event, *, certain: bool) -> list[Emission]:
        """Revoke or emit what is pending of the object, as its new event implies."""
        revoked = [each for each in record.pending if event.event in each.revoked_by]
        for occurrence in revoked:
            record.pending.remove(occurrence)
            self.store.revoke(occurrence)
        pending = record.pending
        if not pending or event.role in SECONDARY or not _confirms(pending, event, certain=certain):
            return NOTHING
        return self._emit_until(record, pending[-1])

    def _revoked_already(self, record: ObjectRecord, event: Event) -> bool:
        """Whether the revoker came first: a death reported after the start that failed."""
        revokers = [each for name in event.revoked_by for each in record.occurrences.get(name, ())]
        if not revokers or not _is_death(event) or any(_is_start(each.event) for each in record.pending):
            return False
        return any(
            abs(each.event.time_ns - event.time_ns) <= self.store.settle_ns and each.seq != REVOKED for each in revokers
        )

    def _emit_until(self, record: ObjectRecord, last: Occurrence) -> list[Emission]:
        """Emit what is pending of the object, in the order of reports, up to `last`."""
        end = record.pending.index(last) + 1
        emitted = record.pending[:end]
        del record.pending[:end]
        for occurrence in emitted:
            self.store.touch(occurrence)
        return [Emission(each, applies=True) for each in emitted if not self._withhold(each)]

    def _withhold(self, occurrence: Occurrence) -> bool:
        """Revoke what only supporting rules report, or what `docker events` would have reported."""
        if occurrence.event.role is not SUPPORTING:
            return self.store.revoke_unconfirmed(occurrence)
        occurrence.seq = DORMANT
        return True

    def confirm_create(self, event: Event) -> list[Emission]:
        """Emit the newest create request that is pending on a host: a new container shows that it was granted."""
        self._confirming[event.host] = event.time_ns
        pending = self.store.event_type((event.host, CREATE)).all_pending()
        near = [
            each
            for each in pending
            if each.event.role is REQUEST and 0 <= event.time_ns - each.event.time_ns <= CREATED_WITHIN_NS
        ]
        if not near:
            return NOTHING
        newest = max(near, key=lambda each: each.order)
        self._release(newest)
        if self.store.revoke_unconfirmed(newest):
            self.store.forget(newest)
            return NOTHING
        self.store.keep_accepted(newest)
        return [Emission(newest, applies=True)]

    def is_create_pending(self, host: str, name: str) -> bool:
        """Whether a request to create a container of this name is pending."""
        oldest_ns = self.store.clock_ns - self.store.settle_ns
        pending = self.store.event_type((host, CREATE)).all_pending()
        return any(each.event.name == name and each.opened_ns >= oldest_ns for each in pending)

    def _awaits_confirmation(self, occurrence: Occurrence) -> bool:
        """Whether a create request may still be confirmed; it waits longer than others."""
        event = occurrence.event
        if event.event != CREATE or event.role is not REQUEST or event.host not in self._confirming:
            return False
        last_ns = event.time_ns + CREATED_WITHIN_NS
        if occurrence.deadline_ns >= last_ns:
            return False
        self.store.wait(occurrence, event._replace(time_ns=last_ns - self.store.settle_ns))
        return True

    def revoke(self, occurrence: Occurrence) -> None:
        """Revoke an occurrence that is about to be emitted; nothing without an object joins it any more."""
        self.store.revoke(occurrence)
        if occurrence.key is None:
            self.store.forget(occurrence)

    def revoke_all(self, key: Key) -> None:
        """Revoke all that is pending of an object: it is not the engine's."""
        record = self.store.object(key)
        for occurrence in record.pending:
            self.store.revoke(occurrence)
        record.pending.clear()

    def confirm_end(self, key: Key) -> list[Emission]:
        """Emit a death that is pending of an object, with what came before it: a line proves that it ended."""
        record = self.store.object(key)
        death = next((each for each in reversed(record.pending) if _is_death(each.event)), None)
        return NOTHING if death is None else self._emit_until(record, death)

    def is_changing(self, key: Key) -> bool:
        """Whether a start or an end of the object is pending: its state may not be what it seems."""
        record = self.store.object(key)
        starts = record.occurrences.get("container.start", ())
        dormant = any(each.seq == DORMANT and each.joinable(self.store.clock_ns) for each in starts)
        return dormant or any(_is_start(each.event) or _is_death(each.event) for each in record.pending)

    def has_ended(self, key: Key, since_ns: int, until_ns: int) -> bool:
        """Whether the object ended between two times, and was not started since."""
        occurrences = self.store.object(key).occurrences
        ended_ns = _newest_ns(occurrences.get("container.die", ()), until_ns)
        return since_ns <= ended_ns and _newest_ns(occurrences.get("container.start", ()), until_ns) <= ended_ns

    def refuse(self, key: Key, event_type: str) -> bool:
        """Revoke the newest pending occurrence of a type of event of an object: the request for it was refused."""
        record = self.store.object(key)
        found = next((each for each in reversed(record.pending) if each.event.event == event_type), None)
        if found is None:
            return False
        record.pending.remove(found)
        self.store.revoke(found)
        return True

    def refuse_unidentified(
        self, host: str, event_type: str, name: str | None = None, *, image: str | None = None
    ) -> None:
        """As `refuse`, of an event without an id: the newest of that name and image."""
        pending = self.store.event_type((host, event_type)).all_pending()
        found = [each for each in pending if each.event.name == name and each.event.attributes.get("image") == image]
        if found:
            newest = max(found, key=lambda each: each.order)
            self._release(newest)
            self.store.revoke(newest)
            self.store.forget(newest)

    def refuse_nearest(self, event: Event) -> None:
        """As `refuse`, of the event without an id that is nearest to this one, which is no occurrence itself."""
        index = self.store.event_type((event.host, event.event))
        pending = [each for each in index.all_pending() if self._is_near(each, event)]
        occurrence = _nearest(pending, event)
        if occurrence is not None:
            self._release(occurrence)
            self.store.revoke(occurrence)
            self.store.forget(occurrence)

    # ── an event that does not name its object ───────────────────────────────────────

    def process_unidentified(self, event: Event) -> list[Emission]:
        """Process an event that does not say which object it is about."""
        if event.role not in SECONDARY:
            self._revoke_unidentified(event)
            occurrence, alone = self._same_kill(event) or self._other_report(event), True
        else:
            index = self.store.event_type((event.host, event.event))
            found = [
                each
                for each in index.not_reported_by(event.rule)
                if self._is_near(each, event) and not _is_refused(each)
            ]
            occurrence, alone = _nearest(found, event), len(found) == 1
        if occurrence is not None:
            return self._join(occurrence, event, certain=False, attributes=alone)
        return self._open_unidentified(event)

    def _open_unidentified(self, event: Event) -> list[Emission]:
        """Open an occurrence without an object; it is pending if it may be wrong."""
        store = self.store
        occurrence = store.open(event, store.event_type((event.host, event.event)))
        if event.role in SECONDARY or event.revoked_by:
            occurrence.event_type.add_pending(occurrence)
            self._note_revokers(occurrence)
            store.wait(occurrence, event)
            return NOTHING
        store.mark_seen(occurrence)
        self._merge_pending(occurrence)
        store.keep_accepted(occurrence)
        return [Emission(occurrence, applies=True)]

    def _same_kill(self, event: Event) -> Occurrence | None:
        """Find the kill outside any container that the kernel's line, written twice, has reported already."""
        if event.event not in KILLS:
            return None
        accepted = self.store.event_type((event.host, event.event)).accepted.values()
        return next((each for each in accepted if _is_same_kill(each.event, event)), None)

    def _other_report(self, event: Event) -> Occurrence | None:
        """Find what `docker events` reports of the same container in another network, volume, …, or the daemon's report.

        The daemon calls a network by its name, or does not say which it is.
        """
        container = event.attributes.get("container")
        if container is None or event.role in SECONDARY or event.event.startswith("container."):
            return None
        leading = event.role is LEADING
        return _nearest(
            (
                each
                for each in self.store.event_type((event.host, event.event)).naming(container)
                if (each.event.role is LEADING) is not leading
                and event.rule not in each.rules
                and self._is_near(each, event)
            ),
            event,
        )

    def _accepted_without_object(self, accepted: Iterable[Occurrence], event: Event) -> Occurrence | None:
        """Find the occurrence that an event without an id had opened in place of this one."""
        for occurrence in accepted:
            new = event.rule not in occurrence.rules and not _precedes(occurrence.event, event)
            if new and occurrence.event.role in SECONDARY and self._is_near(occurrence, event):
                return occurrence
        return None

    def _is_near(self, occurrence: Occurrence, event: Event) -> bool:
        """Whether it is near, in time and by the clock, and does not contradict."""
        if abs(occurrence.event.time_ns - event.time_ns) > JOIN_NS:
            return False
        return occurrence.opened_ns >= self.store.clock_ns - REMEMBERED_NS and compatible(occurrence.event, event)

    def _merge_pending(self, occurrence: Occurrence) -> None:
        """Merge events without an id that came shortly before: of each rule the oldest."""
        index = occurrence.event_type
        while index.pending and (found := min(_mergeable(occurrence), key=lambda each: each.order, default=None)):
            occurrence.add_rules(found.rules)
            occurrence.merge(found.event)
            self._release(found)
            self.store.forget(found)

    def assign_id(self, event_type: str, name: str, key: Key) -> list[Emission]:
        """Give the occurrence without an object that has this name its object."""
        index = self.store.event_type((key[0], event_type))
        pending = [each for each in index.all_pending() if each.event.name == name]
        accepted = [each for each in index.accepted.values() if each.event.name == name]
        if not pending and not accepted:
            return NOTHING
        occurrence = max(pending, key=lambda each: each.order) if pending else accepted[-1]
        if pending:
            self._release(occurrence)
        self.store.assign(occurrence, self.store.object(key), object_id=key[2])
        return [Emission(occurrence, applies=True)]

    def _note_revokers(self, occurrence: Occurrence) -> None:
        for revoker in occurrence.revoked_by:
            self._revocable.setdefault((occurrence.event.host, revoker), {})[occurrence.order] = occurrence

    def _revoke_unidentified(self, event: Event) -> None:
        """Revoke the newest pending occurrence without an object that this event proves wrong."""
        revocable = self._revocable.get((event.host, event.event))
        if revocable:
            occurrence = max(revocable.values(), key=lambda each: each.order)
            self._release(occurrence)
            self.store.revoke(occurrence)
            self.store.forget(occurrence)

    def _release(self, occurrence: Occurrence) -> None:
        """It is not pending any more."""
        occurrence.event_type.remove(occurrence)
        for revoker in occurrence.revoked_by:
            place = (occurrence.event.host, revoker)
            self._revocable[place].pop(occurrence.order)
            if not self._revocable[place]:
                del self._revocable[place]

    # ── the clock ────────────────────────────────────────────────────────────────────

    def expire(self, clock_ns: int) -> Iterator[Emission]:
        """Emit what was pending for long enough. The caller numbers each before it takes the next."""
        for occurrence in self.store.due(clock_ns):
            yield from self._settle(occurrence)

    def flush(self) -> Iterator[Emission]:
        """Emit all that is pending. The caller numbers each before it takes the next."""
        for occurrence in self.store.flush():
            yield from self._settle(occurrence)

    def _settle(self, occurrence: Occurrence) -> list[Emission]:
        """The time of a pending occurrence has come."""
        if occurrence.key is not None:
            record = self.store.object(occurrence.key)
            return self._emit_until(record, occurrence) if occurrence in record.pending else NOTHING
        if not occurrence.event_type.is_pending(occurrence) or self._awaits_confirmation(occurrence):
            return NOTHING
        self._release(occurrence)
        elsewhere = self.store.seen_lately(occurrence) and occurrence.event.event not in COUNTED_ALONE
        unconfirmed = occurrence.event.event == CREATE and occurrence.event.role is REQUEST
        unconfirmed = unconfirmed and occurrence.event.host in self._confirming
        elsewhere = elsewhere or unconfirmed or occurrence.event.role is SUPPORTING
        if occurrence.event.role in SECONDARY and (elsewhere or self.store.revoke_unconfirmed(occurrence)):
            self.store.forget(occurrence)
            return NOTHING
        self.store.keep_accepted(occurrence)
        return [Emission(occurrence, applies=True)]

    def restored(self) -> None:
        """Rebuild what is derived, after the tables were restored."""
        self.store.restored()
        for occurrence in self.store.waiting():
            if occurrence.key is None:
                self._note_revokers(occurrence)


# ── which occurrence an event joins, and what it proves ──────────────────────────────────


def _match(
    group: list[Occurrence], event: Event, clock_ns: int, epoch: int | None, *, certain: bool
) -> Occurrence | None:
    """Find the occurrence, nearest in time, that the event joins."""
    best, distance = None, JOIN_NS + 1
    time_ns = event.time_ns
    for occurrence in group:
        gap = abs(occurrence.event.time_ns - time_ns)
        if gap >= distance and epoch is None:
            continue
        if gap <= KILL_NS and _is_duplicate(occurrence.event, event, gap):
            return occurrence
        if epoch is not None and occurrence.epoch == epoch and event.role in SECONDARY:
            return occurrence  # however often it is reported: the service is in that state already
        if (
            occurrence.epoch == epoch
            and event.rule not in occurrence.rules
            and occurrence.joinable(clock_ns)
            and compatible(occurrence.event, event)
            and _absorbs(occurrence, event, certain=certain)
        ):
            best, distance = occurrence, min(gap, JOIN_NS)
    return best


def _is_duplicate(known: Event, event: Event, gap_ns: int) -> bool:
    """Whether a line repeats what was reported: `docker events` after a restart, or a kernel's line written twice."""
    if event.event in KILLS and "pid" in event.attributes and known.rule == event.rule:
        return _is_same_kill(known, event)
    if gap_ns >= OOM_NS or known.role is not LEADING or known.rule != event.rule or not compatible(known, event):
        return False
    if event.event == "container.oom":
        return gap_ns < OOM_NS
    return gap_ns == 0 and event.time_ns % SECOND != 0 and event.attributes.items() <= known.attributes.items()


def _is_same_kill(known: Event, event: Event) -> bool:
    """Whether two lines of one rule report the end of one process."""
    pid = event.attributes.get("pid")
    near = abs(known.time_ns - event.time_ns) <= KILL_NS
    return near and pid is not None and known.rule == event.rule and known.attributes.get("pid") == pid


def _absorbs(occurrence: Occurrence, event: Event, *, certain: bool) -> bool:
    """Whether an occurrence takes the event in: a revoked one only reports of the same mistake."""
    if occurrence.seq != REVOKED or event.role in SECONDARY:
        return True
    return event.role is PRIMARY and bool(event.revoked_by) and not certain and _is_death(event)


def _confirms(pending: list[Occurrence], event: Event, *, certain: bool) -> bool:
    """Whether a new event of the object proves what is pending of it.

    A death after a start proves nothing if both may be revoked by one event: it is what a
    failed start looks like. A trouble proves nothing either: what could not start can often not
    be cleaned up. Anything else, also a second start, shows that the first was one.
    """
    if event.event.endswith(TROUBLES) and not certain:
        return False
    if certain or not event.revoked_by or event.role is LEADING or _is_start(event):
        return True
    reported = (each for each in pending if each.event.role is not REQUEST)
    return any(each.event.event == event.event or not each.revoked_by & event.revoked_by for each in reported)


def _newest_ns(group: Iterable[Occurrence], until_ns: int) -> int:
    """The time of the newest occurrence up to a time that was not revoked; 0 without one."""
    return max((each.event.time_ns for each in group if each.seq >= 0 and each.event.time_ns <= until_ns), default=0)


def _mergeable(occurrence: Occurrence) -> Iterator[Occurrence]:
    """The oldest pending event without an id of each rule that reports the occurrence."""
    for group in occurrence.event_type.pending.values():
        for each in group.values():
            reported = any(rule in occurrence.rules for rule in each.rules) or _precedes(each.event, occurrence.event)
            if not reported and each.event.role in SECONDARY and compatible(occurrence.event, each.event):
                yield each
                break


def _precedes(event: Event, request: Event) -> bool:
    """Whether what happened cannot be what was asked for: it came before the request."""
    asks = request.role is REQUEST or (request.role is SUPPORTING and "method" in request.attributes)
    return asks and event.time_ns < request.time_ns


def _nearest(found: Iterable[Occurrence], event: Event) -> Occurrence | None:
    return min(found, key=lambda each: (abs(each.event.time_ns - event.time_ns), each.order), default=None)


def _is_refused(occurrence: Occurrence) -> bool:
    """Whether it was only asked for, and refused: what happens without an object is something else."""
    return occurrence.seq == REVOKED and occurrence.event.role in (REQUEST, SUPPORTING)


def _is_dead_shim(event: Event) -> bool:
    """Whether a start failed that a line without an id has reported: not one that a request's answer reports."""
    return event.event.endswith(".start_failed") and event.role in SECONDARY and "path" not in event.attributes


def _is_start(event: Event) -> bool:
    """Whether the event begins something that may turn out to have failed."""
    return event.event.endswith(".start")


def _is_death(event: Event) -> bool:
    """Whether the event is a death; a start that failed may be followed by one."""
    return event.event.endswith(".die")
