"""One event once: which lines tell of the same thing that happened.

A *teller* is a rule. dockerd, containerd, systemd, the kernel and the operator's own
`docker events` report one container's death in up to six lines, in an order that nobody
guarantees. A *telling* is one thing that happened, with everybody who has told it:

                     line of a rule
                           │ same host, object and type.action; at most 10 s apart; has not told this
                           │ one yet; does not contradict what identifies it (exec, signal, …)
            ┌──── yes ─────┴───── no ────┐
            ▼                            ▼
      joins the telling           opens a telling ── leading, or primary that nothing revokes ──▶ passes
      adds absent attributes;            │
      one of a higher role brings        │ corroborating, or revocable: may be wrong
      its time, rule and offset          ▼
            │                          held ──┬── revoked (`container.start_failed`) ─────▶ never happened
            ▼                                 ├── joined by a line that cannot be wrong ──▶ passes
      has it passed: amended                  ├── the next line of the object ────────────▶ passes
      is it held: grows silently              └── `settle` of event time has gone by ─────▶ passes

What is told of the daemon and of containerd is one thing until their state changes; a
corroborating line that repeats itself until then adds nothing.

A line joins the nearest telling in time, so that two deaths within a second, told by A A B B
or A B A B, stay two. The same teller twice is two tellings, with two exceptions of
`docker events`: it reports one OOM kill up to three times within milliseconds, and repeats
its last event when it is started again with `--since`.

**Revocation.** A failed start of runc looks like a start and a death until the daemon says
that it failed. Both are held, the start does not pass because of the death (`_confirms`), and
the revoker takes both away. What tells of them later is absorbed by the revoked telling.
A death right after the revoker, of a container that was not running, is revoked at once; a
death of a container that is known to run is beyond doubt and passes at once (`certain`).

**Lines without an id.** `eth0: renamed from veth1a2b` names no container. Such a line of a
corroborating rule joins the nearest telling of its kind on the host (it adds attributes only
where there is no second candidate), also one that comes within `settle` after it. Alone it
stands in for those who know better, and makes its event when `settle` is over, except on
hosts where a leading or primary line of the kind was heard in the last week: there it is
something else (a network that was connected later, swarm's own sandbox). Any other line
without an id is an event of its own; only what has no name by nature, the daemon and
containerd, is an object.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from heapq import heapify, heappop, heappush

from logwatch.leaders import Leaders
from logwatch.model import Event
from logwatch.subjects import Subjects
from logwatch.tellings import (
    CORROBORATING,
    HEARD_NS,
    JOIN_NS,
    LEADING,
    NAMELESS,
    NOTHING,
    REMEMBERED_NS,
    REVOKED,
    Key,
    Subject,
    Telling,
    Told,
    agree,
    confirms,
    is_death,
    is_open,
    is_start,
    joinable,
    load,
    match,
    merge,
)


class Tellers:
    """Decides which lines tell of one event, and when an event has happened."""

    def __init__(self, settle_ns: int) -> None:
        self._settle_ns = settle_ns
        self.clock_ns = 0
        """The newest time that `expire` was told."""
        self._order = 0
        self._subjects = Subjects()
        self._nameless: dict[tuple[str, str], deque[Telling]] = {}
        self._loose: dict[tuple[str, str], list[Telling]] = {}
        self._waiting: list[tuple[int, int, Telling]] = []
        self._dirty_nameless: set[tuple[str, str]] = set()
        self._leaders = Leaders()
        self._stored: set[str] = set()

    def flush(self) -> Iterator[Told]:
        """Let pass everything that is held. The caller numbers each before it takes the next."""
        for _, _, telling in sorted(self._waiting, key=lambda entry: entry[:2]):
            if telling.seq == 0:
                yield from self._pass_now(telling)
        self._waiting.clear()

    # ── a line about an object ───────────────────────────────────────────────────────

    def tell(self, event: Event, key: Key, *, certain: bool = True, epoch: int | None = None) -> list[Told]:
        """Take a line about an object: `certain` if the event cannot be revoked in the object's state.

        `epoch` counts the changes of state of the daemon or containerd: tellings of one epoch
        are not limited to 10 s.
        """
        subject = self._subjects.get(key, self.clock_ns)
        kind = event.event
        self._leaders.hear(key[0], event.role, self.clock_ns)
        certain = certain and not subject.held
        tellings = subject.tellings.get(kind)
        if tellings is not None:
            telling = match(tellings, event, self.clock_ns, epoch, certain=certain)
            if telling is not None:
                return self._join(telling, event, certain=certain)
        made = self._settle_others(subject, event, certain=certain) if subject.held else NOTHING
        if (key[0], kind) in self._nameless:
            telling = self._adopt(subject, event)
            if telling is not None:
                return [*made, *self._amend(telling, event, adopted=True)]
        other = self._other_account(kind, event)
        if other is not None:
            return [*made, *self._join(other, event, certain=certain)]
        self._order += 1
        telling = Telling(event, subject, self._order, self.clock_ns, epoch)
        self._subjects.remember(subject, telling, kind, self.clock_ns)
        if self._loose:
            self._absorb(telling)
        role = event.role
        if role is CORROBORATING or (event.revoked_by and not certain and role is not LEADING):
            self._hold_back(subject, telling, event)
            return made
        return [*made, (telling, False, False)] if made else [(telling, False, False)]

    def _join(self, telling: Telling, event: Event, *, certain: bool, attributes: bool = True) -> list[Told]:
        """Let a line join a telling; what has passed is amended, what is held may pass now."""
        if event.rule not in telling.tellers:
            telling.tellers.append(event.rule)
        if telling.seq == REVOKED:
            return NOTHING
        if telling.seq:
            return self._amend(telling, event) if attributes else NOTHING
        if attributes:
            telling.event = merge(telling.event, event)
        telling.revoked_by |= event.revoked_by
        if event.role is CORROBORATING or telling.subject is None:
            return NOTHING
        if event.role is LEADING or certain or not event.revoked_by:
            return self._pass_until(telling.subject, telling)
        self._hold(telling, event)
        return NOTHING

    def _amend(self, telling: Telling, event: Event, *, adopted: bool = False) -> list[Told]:
        merged = merge(telling.event, event)
        if merged is telling.event and not adopted:
            return NOTHING
        telling.event = merged
        return [(telling, True, adopted)]

    # ── held, released, revoked ──────────────────────────────────────────────────────

    def _hold(self, telling: Telling, event: Event) -> None:
        """Wait `settle` from the line on. A stamp in whole seconds may be almost a second early."""
        deadline_ns = max(event.time_ns, event.stamp_ns) + self._settle_ns
        if deadline_ns > telling.deadline_ns:
            telling.deadline_ns = deadline_ns
            heappush(self._waiting, (deadline_ns, telling.order, telling))

    def _hold_back(self, subject: Subject, telling: Telling, event: Event) -> None:
        if event.revoked_by and self._revoked_already(subject, event):
            telling.seq = REVOKED
            return
        subject.held.append(telling)
        self._hold(telling, event)

    def _settle_others(self, subject: Subject, event: Event, *, certain: bool) -> list[Told]:
        """What a new line of the object means for what is held of it."""
        kept = []
        for telling in subject.held:
            if event.event in telling.revoked_by:
                telling.seq = REVOKED
            else:
                kept.append(telling)
        subject.held[:] = kept
        if not kept or event.role is CORROBORATING or not confirms(kept, event, certain=certain):
            return NOTHING
        return self._pass_until(subject, None)

    def _revoked_already(self, subject: Subject, event: Event) -> bool:
        """Whether the revoker came first: a death told after the start that failed."""
        if not is_death(event) or any(is_start(telling.event) for telling in subject.held):
            return False
        return any(
            abs(telling.event.time_ns - event.time_ns) <= self._settle_ns and telling.seq != REVOKED
            for revoker in event.revoked_by
            for telling in subject.tellings.get(revoker, ())
        )

    def _pass_until(self, subject: Subject, last: Telling | None) -> list[Told]:
        """Let pass what is held of the object, in the order of telling, up to `last`."""
        held = subject.held
        end = len(held) if last is None else held.index(last) + 1
        passed = [(telling, False, False) for telling in held[:end] if not self._leaders.deny(telling)]
        del held[:end]
        return passed

    def next_deadline_ns(self) -> int | None:
        """When `expire` may let something pass, None for never."""
        return self._waiting[0][0] + 1 if self._waiting else None

    def expire(self, clock_ns: int) -> Iterator[Told]:
        """Let pass what was held for long enough, each when its own time has come.

        The caller numbers each before it takes the next.
        """
        waiting = self._waiting
        while waiting and waiting[0][0] < clock_ns:
            deadline_ns, _, telling = heappop(waiting)
            self.clock_ns = max(self.clock_ns, deadline_ns)
            if telling.seq == 0 and telling.deadline_ns == deadline_ns:
                yield from self._pass_now(telling)
        self.clock_ns = max(self.clock_ns, clock_ns)

    @property
    def waits(self) -> bool:
        """Something is held until its time has come."""
        return bool(self._waiting)

    def _pass_now(self, telling: Telling) -> list[Told]:
        subject = telling.subject
        if subject is not None:
            self._subjects.touch(subject)
            return self._pass_until(subject, telling) if telling in subject.held else NOTHING
        kind = (telling.event.host, telling.event.event)
        loose = self._loose.get(kind, [])
        if telling not in loose:
            return NOTHING
        self._drop_loose(kind, telling)
        heard_ns = self._subjects.heard_ns(kind)
        stands_in = heard_ns is None or telling.clock_ns - heard_ns >= HEARD_NS
        if telling.event.role is CORROBORATING and (not stands_in or self._leaders.deny(telling)):
            return NOTHING
        self._remember_nameless(kind, telling)
        return [(telling, False, False)]

    # ── lines without an id ──────────────────────────────────────────────────────────

    def tell_nameless(self, event: Event) -> list[Told]:
        """Take a line that does not say which object it is about."""
        kind = (event.host, event.event)
        if event.role is CORROBORATING:
            candidates = self._candidates(kind, event)
            if candidates:
                nearest = min(candidates, key=lambda each: (abs(each.event.time_ns - event.time_ns), each.order))
                self._mark(nearest)
                return self._join(nearest, event, certain=False, attributes=len(candidates) == 1)
        else:
            if self._loose:
                self._revoke_loose(event)
            other = self._other_account(kind[1], event)
            if other is not None:
                return self._join(other, event, certain=False)
        self._order += 1
        telling = Telling(event, None, self._order, self.clock_ns, None)
        if event.role is CORROBORATING or event.revoked_by:
            self._loose.setdefault(kind, []).append(telling)
            self._dirty_nameless.add(kind)
            self._hold(telling, event)
            return NOTHING
        self._subjects.hear(kind, telling, self.clock_ns)
        if self._loose:
            self._absorb(telling)
        self._remember_nameless(kind, telling)
        return [(telling, False, False)]

    def _candidates(self, kind: tuple[str, str], event: Event) -> list[Telling]:
        recent = self._subjects.recent(kind, self.clock_ns)
        places = (recent, self._nameless.get(kind, ()), self._loose.get(kind, ()))
        return [
            telling
            for tellings in places
            for telling in tellings
            if abs(telling.event.time_ns - event.time_ns) <= JOIN_NS and is_open(telling, event, self.clock_ns)
        ]

    def _other_account(self, kind: str, event: Event) -> Telling | None:
        """Find what `docker events` tells of the same container in another network, volume, …, or the daemon if that is who speaks.

        The daemon calls a network by its name, or does not say which it is.
        """
        container = event.attributes.get("container")
        if container is None or event.role is CORROBORATING or kind.startswith("container."):
            return None
        led = event.role is LEADING
        alike = (
            telling
            for telling in self._candidates((event.host, kind), event)
            if telling.event.attributes.get("container") == container and (telling.event.role is LEADING) is not led
        )
        return min(alike, key=lambda each: abs(each.event.time_ns - event.time_ns), default=None)

    def _mark(self, telling: Telling) -> None:
        if telling.subject is not None:
            self._subjects.touch(telling.subject)
        else:
            self._dirty_nameless.add((telling.event.host, telling.event.event))

    def _remember_nameless(self, kind: tuple[str, str], telling: Telling) -> None:
        self._nameless.setdefault(kind, deque(maxlen=NAMELESS)).append(telling)
        self._dirty_nameless.add(kind)

    def _drop_loose(self, kind: tuple[str, str], telling: Telling) -> None:
        self._loose[kind].remove(telling)
        if not self._loose[kind]:
            del self._loose[kind]
        self._dirty_nameless.add(kind)

    def _revoke_loose(self, event: Event) -> None:
        """Revoke the newest held line without an id that this event proves wrong."""
        revocable = [
            telling
            for kind, tellings in self._loose.items()
            for telling in tellings
            if kind[0] == event.host and event.event in telling.revoked_by
        ]
        if revocable:
            telling = max(revocable, key=lambda each: each.order)
            telling.seq = REVOKED
            self._drop_loose((telling.event.host, telling.event.event), telling)

    def _absorb(self, telling: Telling) -> None:
        """Let lines without an id that came shortly before join: of each rule the oldest."""
        kind = (telling.event.host, telling.event.event)
        for loose in list(self._loose.get(kind, ())):
            if loose.event.role is not CORROBORATING or not agree(telling.event, loose.event):
                continue
            if not any(rule in telling.tellers for rule in loose.tellers):
                telling.tellers += loose.tellers
                telling.event = merge(telling.event, loose.event)
                self._drop_loose(kind, loose)

    def _adopt(self, subject: Subject, event: Event) -> Telling | None:
        """Find the event that a line without an id had made in place of this one."""
        for telling in self._nameless.get((event.host, event.event), ()):
            near = abs(telling.event.time_ns - event.time_ns) <= JOIN_NS
            if near and telling.event.role is CORROBORATING and is_open(telling, event, self.clock_ns):
                self._give(telling, subject)
                telling.tellers.append(event.rule)
                return telling
        return None

    def _give(self, telling: Telling, subject: Subject) -> None:
        """Let a telling that had passed without an object have one."""
        kind = (telling.event.host, telling.event.event)
        self._nameless[kind].remove(telling)
        self._dirty_nameless.add(kind)
        self._order += 1
        telling.order = self._order
        telling.subject = subject
        self._subjects.remember(subject, telling, kind[1], self.clock_ns)

    def bind(self, kind: str, name: str, key: Key) -> list[Told]:
        """Tell which object an event without id but with that name was about."""
        place = (key[0], kind)
        found = [each for each in self._loose.get(place, ()) if each.event.name == name]
        passed = [each for each in self._nameless.get(place, ()) if each.event.name == name]
        if not found and not passed:
            return NOTHING
        telling = (found or passed)[-1]
        subject = self._subjects.get(key, self.clock_ns)
        if found:
            self._drop_loose(place, telling)
            self._remember_nameless(place, telling)
        self._give(telling, subject)
        telling.event = telling.event._replace(id=key[2])
        return [(telling, not found, bool(passed))]

    def move(self, key: Key, to: Key) -> None:
        """The object's full id is known now."""
        self._subjects.move(key, to)

    # ── memory ───────────────────────────────────────────────────────────────────────

    def sweep(self, clock_ns: int) -> None:
        """Forget what nothing can join any more."""
        self._subjects.sweep(clock_ns)
        self._leaders.sweep(clock_ns)
        for place, passed in list(self._nameless.items()):
            if not passed or passed[-1].clock_ns < clock_ns - REMEMBERED_NS:
                del self._nameless[place]
                self._dirty_nameless.add(place)

    def changed_rows(self) -> dict[str, str | None]:
        """Hand over what changed since the last call."""
        rows: dict[str, str | None] = {}
        for place in self._dirty_nameless:
            key = f"nameless {json.dumps(place)}"
            loose = [telling.dump() for telling in self._loose.get(place, ())]
            passed = [each.dump() for each in self._nameless.get(place, ()) if joinable(each, self.clock_ns)]
            if loose or passed:
                rows[key] = json.dumps([loose, passed])
            elif key in self._stored:
                rows[key] = None
        self._dirty_nameless.clear()
        self._stored |= rows.keys()
        self._stored -= {key for key, row in rows.items() if row is None}
        rows["tellers"] = json.dumps([self.clock_ns, self._order, self._leaders.dump()])
        return {**rows, **self._subjects.changed_rows(self.clock_ns)}

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue from the rows of the last commit."""
        for key, row in rows.items():
            what, _, name = key.partition(" ")
            if what == "tellers":
                self.clock_ns, self._order, heard = json.loads(row)
                self._leaders.load(heard)
            elif what == "nameless":
                self._restore_nameless(tuple(json.loads(name)), row)
                self._stored.add(key)
        self._subjects.restore(rows)
        held = [*self._subjects.held(), *(each for group in self._loose.values() for each in group)]
        self._waiting = [(telling.deadline_ns, telling.order, telling) for telling in held]
        heapify(self._waiting)

    def _restore_nameless(self, kind: tuple[str, str], row: str) -> None:
        loose, passed = json.loads(row)
        if loose:
            self._loose[kind] = [load(dumped, None) for dumped in loose]
        self._nameless[kind] = deque((load(dumped, None) for dumped in passed), maxlen=NAMELESS)
