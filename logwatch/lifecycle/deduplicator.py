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
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from logwatch.lifecycle.accounts import CORROBORATING, LEADING, is_death, is_start
from logwatch.lifecycle.matching import confirms, match
from logwatch.lifecycle.memory import Memory
from logwatch.lifecycle.nameless import Nameless
from logwatch.lifecycle.occurrences import NOTHING, REVOKED, Key, Subject, Telling, Told
from logwatch.model import Event


class Tellers:
    """Decides which lines tell of one event, and when an event has happened."""

    def __init__(self, settle_ns: int) -> None:
        self._memory = Memory(settle_ns)
        self._nameless = Nameless(self._memory)

    # ── a line ───────────────────────────────────────────────────────────────────────

    def tell(self, event: Event, key: Key, *, certain: bool = True, epoch: int | None = None) -> list[Told]:
        """Take a line about an object: `certain` if the event cannot be revoked in the object's state.

        `epoch` counts the changes of state of the daemon or containerd: tellings of one epoch
        are not limited to 10 s.
        """
        memory = self._memory
        subject = memory.subjects.get(key)
        memory.leaders.hear(key[0], event.role, memory.clock_ns)
        certain = certain and not subject.held
        tellings = subject.tellings.get(event.event)
        if tellings is not None:
            telling = match(tellings, event, memory.clock_ns, epoch, certain=certain)
            if telling is not None:
                return self._join(telling, event, certain=certain)
        made = self._settle_others(subject, event, certain=certain) if subject.held else NOTHING
        telling = self._nameless.adopt(subject, event)
        if telling is not None:
            telling.take(event)
            return [*made, (telling, True, True)]
        other = self._nameless.other_account(event)
        if other is not None:
            return [*made, *self._join(other, event, certain=certain)]
        telling = memory.open(event, subject, epoch)
        self._nameless.absorb(telling)
        role = event.role
        if role is CORROBORATING or (event.revoked_by and not certain and role is not LEADING):
            self._hold_back(subject, telling, event)
            return made
        return [*made, (telling, False, False)] if made else [(telling, False, False)]

    def tell_nameless(self, event: Event) -> list[Told]:
        """Take a line that does not say which object it is about."""
        telling, alone = self._nameless.seek(event)
        if telling is None:
            return self._nameless.open(event)
        return self._join(telling, event, certain=False, attributes=alone)

    def bind(self, kind: str, name: str, key: Key) -> list[Told]:
        """Tell which object an event without id but with that name was about."""
        return self._nameless.bind((key[0], kind), name, key)

    def move(self, key: Key, to: Key) -> None:
        """The object's full id is known now."""
        self._memory.move(key, to)

    def _join(self, telling: Telling, event: Event, *, certain: bool, attributes: bool = True) -> list[Told]:
        """Let a line join a telling; what has passed is amended, what is held may pass now."""
        self._memory.touch(telling)
        telling.join((event.rule,))
        if telling.seq == REVOKED:
            return NOTHING
        news = attributes and telling.take(event)
        if telling.seq:
            return [(telling, True, False)] if news else NOTHING
        telling.revoked_by |= event.revoked_by
        if telling.subject is None:
            self._nameless.may_revoke(telling)
            return NOTHING
        if event.role is CORROBORATING:
            return NOTHING
        if event.role is LEADING or certain or not event.revoked_by:
            return self._pass_until(telling.subject, telling)
        self._memory.wait(telling, event)
        return NOTHING

    # ── held, released, revoked ──────────────────────────────────────────────────────

    def _hold_back(self, subject: Subject, telling: Telling, event: Event) -> None:
        if event.revoked_by and self._revoked_already(subject, event):
            telling.seq = REVOKED
            return
        subject.held.append(telling)
        self._memory.wait(telling, event)

    def _settle_others(self, subject: Subject, event: Event, *, certain: bool) -> list[Told]:
        """What a new line of the object means for what is held of it."""
        kept = []
        for telling in subject.held:
            if event.event in telling.revoked_by:
                telling.seq = REVOKED
                self._memory.touch(telling)
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
            abs(telling.event.time_ns - event.time_ns) <= self._memory.settle_ns and telling.seq != REVOKED
            for revoker in event.revoked_by
            for telling in subject.tellings.get(revoker, ())
        )

    def _pass_until(self, subject: Subject, last: Telling | None) -> list[Told]:
        """Let pass what is held of the object, in the order of telling, up to `last`."""
        held = subject.held
        end = len(held) if last is None else held.index(last) + 1
        passed = held[:end]
        del held[:end]
        for telling in passed:
            self._memory.touch(telling)
        return [(telling, False, False) for telling in passed if not self._memory.leaders.deny(telling)]

    # ── the clock ────────────────────────────────────────────────────────────────────

    def clock(self) -> int:
        """The newest time that `expire` was told."""
        return self._memory.clock_ns

    @property
    def waits(self) -> bool:
        """Something is held until its time has come."""
        return self._memory.waits

    def next_deadline_ns(self) -> int | None:
        """When `expire` may let something pass, None for never."""
        return self._memory.next_deadline_ns()

    def expire(self, clock_ns: int) -> Iterator[Told]:
        """Let pass what was held for long enough. The caller numbers each before it takes the next."""
        for telling in self._memory.due(clock_ns):
            yield from self._pass_now(telling)

    def flush(self) -> Iterator[Told]:
        """Let pass everything that is held. The caller numbers each before it takes the next."""
        for telling in self._memory.flush():
            yield from self._pass_now(telling)

    def _pass_now(self, telling: Telling) -> list[Told]:
        subject = telling.subject
        if subject is None:
            return self._nameless.settle(telling)
        return self._pass_until(subject, telling) if telling in subject.held else NOTHING

    # ── state ────────────────────────────────────────────────────────────────────────

    def sweep(self, clock_ns: int) -> None:
        """Forget what nothing can join any more."""
        self._memory.sweep(clock_ns)

    def changed_rows(self) -> dict[str, str | None]:
        """Hand over what changed since the last call."""
        return self._memory.changed_rows()

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue from the rows of the last commit."""
        self._memory.restore(rows)
        self._nameless.restore()
