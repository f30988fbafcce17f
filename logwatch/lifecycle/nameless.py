"""Lines without an id: of which event they tell, and what they make where nobody else tells of it.

`eth0: renamed from veth1a2b` names no container. Such a line of a corroborating rule joins the
nearest telling of its kind on the host (it adds attributes only where there is no second
candidate), also one that comes within `settle` after it. Alone it stands in for those who know
better, and makes its event when `settle` is over, except on hosts where a leading or primary line
of the kind was heard in the last week: there it is something else (a network that was connected
later, swarm's own sandbox). Any other line without an id is an event of its own; only what has no
name by nature, the daemon and containerd, is an object.
"""

from __future__ import annotations

from collections.abc import Iterator

from logwatch.lifecycle.accounts import CORROBORATING, JOIN_NS, LEADING, agree
from logwatch.lifecycle.kinds import HEARD_NS
from logwatch.lifecycle.memory import Memory
from logwatch.lifecycle.occurrences import NOTHING, REMEMBERED_NS, REVOKED, Key, Subject, Telling, Told
from logwatch.model import Event


class Nameless:
    """Tellings that have no object, or get one later; and lines that look for a telling without knowing its object."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._revocable: dict[tuple[str, str], dict[int, Telling]] = {}
        """What is held, by host and what revokes it."""

    # ── a line looks for its telling ─────────────────────────────────────────────────

    def seek(self, event: Event) -> tuple[Telling | None, bool]:
        """Find the telling that a line without an id joins, and whether no other could be meant."""
        if event.role is not CORROBORATING:
            self._revoke(event)
            return self.other_account(event), True
        found = [each for each in self._memory.kinds.of(event).untold(event.rule) if self._fits(each, event)]
        nearest = min(found, key=lambda each: (abs(each.event.time_ns - event.time_ns), each.order), default=None)
        return nearest, len(found) == 1

    def other_account(self, event: Event) -> Telling | None:
        """Find what `docker events` tells of the same container in another network, volume, …, or the daemon if that is who speaks.

        The daemon calls a network by its name, or does not say which it is.
        """
        container = event.attributes.get("container")
        if container is None or event.role is CORROBORATING or event.event.startswith("container."):
            return None
        led = event.role is LEADING
        alike = (
            telling
            for telling in self._memory.kinds.of(event).naming(container)
            if (telling.event.role is LEADING) is not led
            and event.rule not in telling.tellers
            and self._fits(telling, event)
        )
        return min(alike, key=lambda each: (abs(each.event.time_ns - event.time_ns), each.order), default=None)

    def _fits(self, telling: Telling, event: Event) -> bool:
        """Whether it is near, in time and by the clock, and does not contradict."""
        if abs(telling.event.time_ns - event.time_ns) > JOIN_NS:
            return False
        return telling.clock_ns >= self._memory.clock_ns - REMEMBERED_NS and agree(telling.event, event)

    # ── it found none ────────────────────────────────────────────────────────────────

    def open(self, event: Event) -> list[Told]:
        """Let the line begin a telling, which is held where it may be wrong."""
        telling = self._memory.open(event)
        if event.role is CORROBORATING or event.revoked_by:
            telling.kind.hold(telling)
            self.may_revoke(telling)
            self._memory.wait(telling, event)
            return NOTHING
        self._memory.kinds.hear(telling, self._memory.clock_ns)
        self.absorb(telling)
        self._memory.keep(telling)
        return [(telling, False, False)]

    def settle(self, telling: Telling) -> list[Told]:
        """The time of a held line has come: it makes its event, unless those who know better are heard on the host."""
        if not telling.kind.holds(telling):
            return NOTHING
        self._release(telling)
        heard_ns = telling.kind.heard_ns
        stands_in = heard_ns is None or telling.clock_ns - heard_ns >= HEARD_NS
        if telling.event.role is CORROBORATING and (not stands_in or self._memory.leaders.deny(telling)):
            self._memory.forget(telling)
            return NOTHING
        self._memory.keep(telling)
        return [(telling, False, False)]

    def may_revoke(self, telling: Telling) -> None:
        """Note what revokes a held line."""
        for revoker in telling.revoked_by:
            self._revocable.setdefault((telling.event.host, revoker), {})[telling.order] = telling

    def _release(self, telling: Telling) -> None:
        """It is not held any more."""
        telling.kind.leave(telling)
        for revoker in telling.revoked_by:
            place = (telling.event.host, revoker)
            self._revocable[place].pop(telling.order)
            if not self._revocable[place]:
                del self._revocable[place]

    def _revoke(self, event: Event) -> None:
        """Revoke the newest held line without an id that this event proves wrong."""
        revocable = self._revocable.get((event.host, event.event))
        if revocable:
            telling = max(revocable.values(), key=lambda each: each.order)
            telling.seq = REVOKED
            self._release(telling)
            self._memory.forget(telling)

    # ── somebody names the object ────────────────────────────────────────────────────

    def absorb(self, telling: Telling) -> None:
        """Let lines without an id that came shortly before join: of each rule the oldest."""
        while telling.kind.loose and (loose := min(_absorbable(telling), key=lambda each: each.order, default=None)):
            telling.join(loose.tellers)
            telling.take(loose.event)
            self._release(loose)
            self._memory.forget(loose)

    def adopt(self, subject: Subject, event: Event) -> Telling | None:
        """Find the event that a line without an id had made in place of this one, and give it the object."""
        for telling in self._memory.kinds.of(event).passed.values():
            untold = event.rule not in telling.tellers
            if untold and telling.event.role is CORROBORATING and self._fits(telling, event):
                self._memory.give(telling, subject)
                telling.join((event.rule,))
                return telling
        return None

    def bind(self, place: tuple[str, str], name: str, key: Key) -> list[Told]:
        """Tell which object an event without id but with that name was about."""
        kind = self._memory.kinds.at(place)
        if kind is None:
            return NOTHING
        found = [each for each in kind.held() if each.event.name == name]
        passed = [each for each in kind.passed.values() if each.event.name == name]
        if not found and not passed:
            return NOTHING
        telling = max(found, key=lambda each: each.order) if found else passed[-1]
        if found:
            self._release(telling)
        self._memory.give(telling, self._memory.subjects.get(key))
        telling.event = telling.event._replace(id=key[2])
        return [(telling, not found, bool(passed))]

    def restore(self) -> None:
        """Continue with what the memory holds of the last commit."""
        for telling in self._memory.held():
            if telling.subject is None:
                self.may_revoke(telling)


def _absorbable(telling: Telling) -> Iterator[Telling]:
    """The oldest held line of each rule that tells of it."""
    for group in telling.kind.loose.values():
        for loose in group.values():
            told = any(rule in telling.tellers for rule in loose.tellers)
            if not told and loose.event.role is CORROBORATING and agree(telling.event, loose.event):
                yield loose
                break
