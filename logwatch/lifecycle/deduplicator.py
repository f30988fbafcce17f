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
that it failed. Both are pending, the start is not emitted because of the death (`joining.confirms`),
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

from collections.abc import Iterator
from typing import NamedTuple

from logwatch.lifecycle.creations import WITHIN_NS
from logwatch.lifecycle.joining import (
    CREATE,
    announces,
    confirms,
    is_dead_shim,
    is_death,
    is_refused,
    is_start,
    match,
    nearest,
    newest_ns,
)
from logwatch.lifecycle.occurrence_store import OccurrenceStore
from logwatch.lifecycle.occurrences import (
    DORMANT,
    LEADING,
    PENDING,
    REQUEST,
    REVOKED,
    SECONDARY,
    SUPPORTING,
    Key,
    ObjectRecord,
    Occurrence,
)
from logwatch.lifecycle.unidentified import UnidentifiedReports
from logwatch.model import SECOND, Event
from logwatch.store.state_table import HostTable

COUNTED_ALONE = frozenset({"container.exec_die"})
"""Events of which some are reported without an object only, also on hosts that name the object of others."""
ATTACH = "container.attach"
ANSWERED_NS = SECOND // 50
"""So long after a request the engine answers that it refuses it."""


class Emission(NamedTuple):
    """An occurrence that is emitted now (its `status` is PENDING), or was and has become fuller."""

    occurrence: Occurrence
    applies: bool
    """It changes the state of its object: it is new, or its object was not known before."""


NOTHING: list[Emission] = []


class Deduplicator:
    """Decides which events report one occurrence, and when it has happened."""

    def __init__(self, settle_ns: int) -> None:
        self.store = OccurrenceStore(settle_ns)
        self.unidentified = UnidentifiedReports(self.store)
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
        store = self.store
        record = store.object(key)
        if event.role is LEADING:
            store.mark_docker_events(key[0])
        if certain and record.pending:
            certain = all(each.event.role is REQUEST for each in record.pending)
        group = record.occurrences.get(event.event)
        if group is not None:
            occurrence = match(group, event, store.clock_ns, epoch, certain=certain)
            if occurrence is not None:
                return self._join(occurrence, event, certain=certain, waits=waits)
        emissions = NOTHING
        if record.pending:
            # Of a service every event is believed: what could not start was started.
            emissions = self._settle_others(record, event, certain=certain or epoch is not None)
        return [*emissions, *self._process_first(event, record, certain=certain, epoch=epoch, waits=waits)]

    def _process_first(
        self, event: Event, record: ObjectRecord, *, certain: bool, epoch: int | None, waits: bool
    ) -> list[Emission]:
        """Process what no event about its object reported before: it may have been reported without the object."""
        store = self.store
        index = store.event_type((event.host, event.event))
        if index.accepted:
            found = self.unidentified.accepted_in_place_of(index.accepted.values(), event)
            if found is not None:
                store.assign(found, record)
                found.add_rules((event.rule,))
                found.merge(event)
                return [Emission(found, applies=True)]
        other = self.unidentified.other_report(event) if "container" in event.attributes else None
        if other is not None:
            return self._join(other, event, certain=certain)
        if self.unidentified.revocable and (
            is_death(event) or (is_dead_shim(event) and not record.occurrences.get("container.start"))
        ):
            self.unidentified.revoke_proven_wrong(event)
        occurrence = store.open(event, index, record, epoch)
        if index.pending:
            self.unidentified.merge_pending(occurrence)
        if event.role in SECONDARY or waits or (event.revoked_by and not certain and event.role is not LEADING):
            self._hold(record, occurrence, event)
            return NOTHING
        return [Emission(occurrence, applies=True)]

    def _join(
        self, occurrence: Occurrence, event: Event, *, certain: bool, attributes: bool = True, waits: bool = False
    ) -> list[Emission]:
        """Join an event to an occurrence; one that was emitted is amended, a pending one may be emitted now."""
        store = self.store
        store.touch(occurrence)
        occurrence.add_rules((event.rule,))
        if occurrence.status is REVOKED or (occurrence.status is DORMANT and event.role is SUPPORTING):
            return NOTHING
        if occurrence.status is DORMANT and occurrence.key is not None:
            occurrence.status = PENDING
            store.object(occurrence.key).pending.append(occurrence)
            store.wait(occurrence, event)
        confirms = occurrence.event.role is SUPPORTING and occurrence.key is not None and not event.attributes
        changed = (attributes or confirms) and occurrence.merge(event)
        if event.role not in SECONDARY:
            store.mark_seen(occurrence)
        if occurrence.status is not PENDING:
            return [Emission(occurrence, applies=False)] if changed else NOTHING
        occurrence.revoked_by |= event.revoked_by
        if occurrence.key is None:
            self.unidentified.note_revokers(occurrence)
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
        if not pending or event.role in SECONDARY or not confirms(pending, event, certain=certain):
            return NOTHING
        return self._emit_until(record, pending[-1])

    def _revoked_already(self, record: ObjectRecord, event: Event) -> bool:
        """Whether the revoker came first: a death reported after the start that failed."""
        revokers = [each for name in event.revoked_by for each in record.occurrences.get(name, ())]
        if not revokers or not is_death(event) or any(is_start(each.event) for each in record.pending):
            return False
        return any(
            abs(each.event.time_ns - event.time_ns) <= self.store.settle_ns and each.status is not REVOKED
            for each in revokers
        )

    def _emit_until(self, record: ObjectRecord, last: Occurrence) -> list[Emission]:
        """Emit what is pending of the object, in the order of reports, up to `last`."""
        end = record.pending.index(last) + 1
        emitted = record.pending[:end]
        del record.pending[:end]
        return [Emission(each, applies=True) for each in emitted if not self._withhold(each)]

    def _withhold(self, occurrence: Occurrence) -> bool:
        """Revoke what only supporting rules report, or what `docker events` would have reported."""
        if occurrence.event.role is not SUPPORTING:
            return self.store.revoke_unconfirmed(occurrence)
        occurrence.status = DORMANT
        self.store.touch(occurrence)
        return True

    def announced(self, event: Event) -> list[Occurrence]:
        """Return the creations that are pending on a host, one of which may have made a new container."""
        self._confirming[event.host] = event.time_ns
        pending = self.store.event_type((event.host, CREATE)).all_pending()
        return [
            each for each in pending if announces(each.event) and 0 <= event.time_ns - each.event.time_ns <= WITHIN_NS
        ]

    def confirm_create(self, newest: Occurrence, key: Key | None) -> list[Emission]:
        """Emit a creation: a new container shows that it was granted. With `key` that container is its object."""
        self.unidentified.release(newest)
        if self.store.revoke_unconfirmed(newest):
            self.store.forget(newest)
            return NOTHING
        if key is None:
            self.store.keep_accepted(newest)
            return [Emission(newest, applies=True)]
        record, emitted = self.store.object(key), [newest, *self._of_same_line(newest.event, ATTACH)]
        for each in emitted[1:]:
            self.unidentified.release(each)
        for each in emitted:
            self.store.assign(each, record, object_id=key[2])
        return [Emission(each, applies=True) for each in emitted]

    def _of_same_line(self, event: Event, event_type: str) -> list[Occurrence]:
        """Return what is pending without an object of a type that the same line reports."""
        pending = self.store.event_type((event.host, event_type)).all_pending()
        return [each for each in pending if (each.event.path, each.event.offset) == (event.path, event.offset)]

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
        last_ns = event.time_ns + WITHIN_NS
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
        death = next((each for each in reversed(record.pending) if is_death(each.event)), None)
        return NOTHING if death is None else self._emit_until(record, death)

    def is_pending(self, key: Key, event_type: str) -> bool:
        """Whether an event of a type is pending of an object."""
        return any(each.event.event == event_type for each in self.store.object(key).pending)

    def is_changing(self, key: Key) -> bool:
        """Whether a start or an end of the object is pending: its state may not be what it seems."""
        record = self.store.object(key)
        starts = record.occurrences.get("container.start", ())
        dormant = any(each.status is DORMANT and each.joinable(self.store.clock_ns) for each in starts)
        return dormant or any(is_start(each.event) or is_death(each.event) for each in record.pending)

    def has_ended(self, key: Key, since_ns: int, until_ns: int) -> bool:
        """Whether the object ended between two times, and was not started since."""
        occurrences = self.store.object(key).occurrences
        ended_ns = newest_ns(occurrences.get("container.die", ()), until_ns)
        return since_ns <= ended_ns and newest_ns(occurrences.get("container.start", ()), until_ns) <= ended_ns

    def refuse(self, key: Key, event_type: str) -> bool:
        """Revoke the newest pending occurrence of a type of event of an object: the request for it was refused."""
        record = self.store.object(key)
        found = next((each for each in reversed(record.pending) if each.event.event == event_type), None)
        if found is None:
            return False
        record.pending.remove(found)
        self.store.revoke(found)
        return True

    # ── an event that does not name its object ───────────────────────────────────────

    def settle_earlier(self, event_type: str, event: Event) -> list[Emission]:
        """Emit what is pending of a type on the host of an event, if the engine would have refused it by then."""
        recent = self.store.event_type((event.host, event_type)).recent
        if not recent:
            return NOTHING
        last_ns = event.time_ns - ANSWERED_NS
        pending = [
            each for each in recent.values() if each.key and each.status is PENDING and each.event.time_ns <= last_ns
        ]
        emissions: list[Emission] = []
        for each in pending:
            record = self.store.object(each.key) if each.key is not None else None
            if record is not None and each in record.pending:
                emissions += self._emit_until(record, each)
        return emissions

    def pending_ids(self, host: str, event_type: str) -> set[str]:
        """Return the ids or names of the objects of which an event of a type is pending that was more than asked for."""
        recent = self.store.event_type((host, event_type)).recent.values()
        return {
            each.key[2] for each in recent if each.key and each.status is PENDING and each.event.role is not SUPPORTING
        }

    def process_unidentified(self, event: Event) -> list[Emission]:
        """Process an event that does not say which object it is about."""
        if event.role not in SECONDARY:
            self.unidentified.revoke_proven_wrong(event)
            occurrence, alone = self.unidentified.same_kill(event) or self.unidentified.other_report(event), True
        else:
            index = self.store.event_type((event.host, event.event))
            found = [
                each
                for each in index.not_reported_by(event.rule)
                if self.unidentified.is_near(each, event) and not is_refused(each)
            ]
            occurrence, alone = nearest(found, event), len(found) == 1
        if occurrence is not None:
            return self._join(occurrence, event, certain=False, attributes=alone)
        return self._open_unidentified(event)

    def _open_unidentified(self, event: Event) -> list[Emission]:
        """Open an occurrence without an object; it is pending if it may be wrong."""
        store = self.store
        occurrence = store.open(event, store.event_type((event.host, event.event)))
        if event.role in SECONDARY or event.revoked_by:
            occurrence.event_type.add_pending(occurrence)
            self.unidentified.note_revokers(occurrence)
            store.wait(occurrence, event)
            return NOTHING
        store.mark_seen(occurrence)
        self.unidentified.merge_pending(occurrence)
        store.keep_accepted(occurrence)
        return [Emission(occurrence, applies=True)]

    def assign_id(self, event_type: str, name: str, key: Key) -> list[Emission]:
        """Give the occurrence without an object that has this name its object."""
        index = self.store.event_type((key[0], event_type))
        pending = [each for each in index.all_pending() if each.event.name == name]
        accepted = [each for each in index.accepted.values() if each.event.name == name]
        if not pending and not accepted:
            return NOTHING
        occurrence = max(pending, key=lambda each: each.order) if pending else accepted[-1]
        if pending:
            self.unidentified.release(occurrence)
        self.store.assign(occurrence, self.store.object(key), object_id=key[2])
        return [Emission(occurrence, applies=True)]

    # ── the clock ────────────────────────────────────────────────────────────────────

    def expire(self, clock_ns: int) -> Iterator[Emission]:
        """Emit what was pending for long enough. The caller numbers each before it takes the next."""
        for occurrence in self.store.due(clock_ns):
            yield from self._settle(occurrence)

    def settle_surplus(self) -> Iterator[Emission]:
        """Emit what waits for longest, if too much does. The caller numbers each before it takes the next."""
        for occurrence in self.store.surplus():
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
        self.unidentified.release(occurrence)
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
                self.unidentified.note_revokers(occurrence)
