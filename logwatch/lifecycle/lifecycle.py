"""The path of an event: whose it is, whether it was told already, what follows from it.

The daemon's own fate is part of it: when it stops, crashes, or starts although it seemed to
run, nobody vouches for its containers any more. Unless it is known to run with live-restore
they are unknown until a line tells of them again. The same holds after a gap in the log.

Consequences depend on the order of the events, their times and the clock alone, never on
where the input was cut; everything that matters is in the rows that `changed_rows` hands over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from logwatch.docker.inventory import Found
from logwatch.lifecycle.accounts import LEADING
from logwatch.lifecycle.containers import Containers
from logwatch.lifecycle.daemons import Services
from logwatch.lifecycle.deduplicator import Tellers
from logwatch.lifecycle.names import looks_like_id
from logwatch.lifecycle.occurrences import Told
from logwatch.lifecycle.states import SERVICE_STATEFUL
from logwatch.lifecycle.tracked import ContainerView, Tracked
from logwatch.model import LATE_NS, SECOND, Consequence, Event, Outcome, State

SWEEP_NS = 600 * SECOND
"""Between two looks at what can be forgotten."""
SERVICES = frozenset({"daemon", "containerd"})


class Lifecycle:
    """Turns what rules read into what happened."""

    def __init__(self, settle_ns: int = SECOND) -> None:
        self.anomalies = 0
        """Events that the tables do not allow, since the engine last set it to 0."""
        self.late = 0
        """Events told of first more than 10 s after their time, since the engine last set it to 0."""
        self._tellers = Tellers(settle_ns)
        self._containers = Containers(self._tellers.clock)
        self._services = Services()
        self._seq = 0
        self._swept = 0

    # ── events in ────────────────────────────────────────────────────────────────────

    def accept(self, event: Event) -> list[Consequence]:
        """Take an event as a rule made it. The clock moves by `advance` alone."""
        type_, _, action = event.event.partition(".")
        if type_ == "container":
            return self._accept_container(event, action)
        if type_ in SERVICES and action in SERVICE_STATEFUL:
            epoch = self._services.epoch(event.host, type_, action)
            return self._pass(self._tellers.tell(event, (event.host, type_, ""), certain=False, epoch=epoch))
        if "endpoint" in event.attributes:
            event = self._containers.with_container(event)
        if event.id is None:
            return self._pass(self._tellers.tell_nameless(event))
        return self._pass(self._tellers.tell(event, (event.host, type_, event.id), certain=False))

    def _accept_container(self, event: Event, action: str) -> list[Consequence]:
        host, given = event.host, event.id
        if given is None:
            if not self._containers.expect(event, action):
                return []
            return self._pass(self._tellers.tell_nameless(event))
        container_id = self._containers.resolve(host, given)
        made: list[Consequence] = []
        tracked = self._containers.find(host, container_id)
        if tracked is None and looks_like_id(container_id):
            tracked = self._first_seen(event, action, container_id, made)
        if tracked is None:
            event = event._replace(name=event.name or given)
        elif event.name is not None:
            self._containers.call(tracked, event.name, event.time_ns, made, sure=event.role is LEADING)
        if container_id != given:
            event = event._replace(id=container_id)
        certain = action == "die" and tracked is not None and tracked.state in (State.RUNNING, State.PAUSED)
        told = self._tellers.tell(event, (host, "container", container_id), certain=certain)
        return [*made, *self._pass(told)] if made else self._pass(told)

    def _first_seen(self, event: Event, action: str, container_id: str, made: list[Consequence]) -> Tracked:
        host = event.host
        tracked, short = self._containers.add(event, container_id, made)
        if short is not None:
            self._tellers.move((host, "container", short), (host, "container", container_id))
            return tracked
        name = self._containers.born(event, action)
        if name is not None:
            self._containers.call(tracked, name, event.time_ns, made, sure=False)
            made += self._pass(self._tellers.bind("container.create", name, (host, "container", container_id)))
        return tracked

    def admit(self, event: Event) -> list[Consequence]:
        """Take an event that nobody tells, made by a correlation or by the engine: number and name it."""
        if event.id is not None and event.event.startswith("container."):
            event = event._replace(id=self._containers.resolve(event.host, event.id))
        tracked = self._containers.of(event)
        if tracked is not None:
            event = self._containers.named(event, tracked)
        self._seq += 1
        made: list[Consequence] = [Outcome(self._seq, event)]
        self._apply(event, tracked, made)
        return made

    def advance(self, clock_ns: int) -> list[Consequence]:
        """It is now `clock_ns`: what was held for long enough passes, what is long gone is forgotten."""
        made: list[Consequence] = []
        settled, last = False, clock_ns // SWEEP_NS
        while self._swept < last:
            # After the first sweep, and once nothing waits, those up to the last find nothing that it does not.
            self._swept = last if settled else self._swept + 1
            self._expire(self._swept * SWEEP_NS, made)
            self._tellers.sweep(self._swept * SWEEP_NS)
            self._containers.sweep(self._swept * SWEEP_NS, made)
            settled = not self._tellers.waits
        self._expire(clock_ns, made)
        return made

    def _expire(self, clock_ns: int, made: list[Consequence]) -> None:
        for told in self._tellers.expire(clock_ns):
            made += self._pass((told,))

    def next_deadline_ns(self) -> int | None:
        """When `advance` may make something, None for never."""
        held_ns = self._tellers.next_deadline_ns()
        if not self._containers.pass_away():
            return held_ns
        sweep_ns = (self._swept + 1) * SWEEP_NS
        return sweep_ns if held_ns is None else min(sweep_ns, held_ns)

    def flush(self) -> list[Consequence]:
        """The input is at its end: let pass everything that is held."""
        made: list[Consequence] = []
        for told in self._tellers.flush():
            made += self._pass((told,))
        return made

    # ── events out ───────────────────────────────────────────────────────────────────

    def _pass(self, told: Iterable[Told]) -> list[Consequence]:
        made: list[Consequence] = []
        for telling, amends, adopted in told:
            event = telling.event
            tracked = self._containers.of(event)
            if tracked is not None and (event.name is None or tracked.labels):
                event = telling.event = self._containers.named(event, tracked)
            if not amends:
                self._seq += 1
                telling.seq = self._seq
                self.late += event.time_ns < telling.clock_ns - LATE_NS
            made.append(Outcome(telling.seq, event, amends))
            if not amends or adopted:
                self._apply(event, tracked, made)
            elif tracked is not None:
                self._containers.take_attributes(tracked, event)
            if telling.epoch is not None:
                type_, _, action = event.event.partition(".")
                self._services.amend(type_, event)
                telling.epoch = self._services.epoch(event.host, type_, action)
        return made

    def _apply(self, event: Event, tracked: Tracked | None, made: list[Consequence]) -> None:
        if tracked is not None:
            self.anomalies += not self._containers.apply(tracked, event, made)
            return
        type_, _, action = event.event.partition(".")
        if type_ in SERVICES:
            self._apply_service(type_, event, action, made)
        elif event.event == "log.gap":
            self._containers.doubt(event.host or None, event.time_ns, made, everything=True)

    # ── the daemon and containerd ────────────────────────────────────────────────────

    def _apply_service(self, type_: str, event: Event, action: str, made: list[Consequence]) -> None:
        allowed, doubt = self._services.follow(type_, action, event)
        self.anomalies += not allowed
        if doubt:
            self._containers.doubt(event.host, event.time_ns, made, everything=False)

    # ── what is known ────────────────────────────────────────────────────────────────

    def learn(self, found: Iterable[Found], host: str, now_ns: int) -> list[Consequence]:
        """Take over what the inventory says: names always, states only of containers nobody told of."""
        return self._containers.learn(found, host, now_ns)

    def name_of(self, host: str, given: str) -> str | None:
        """What the container with this id, or short id, is called, as far as known."""
        return self._containers.name_of(host, given)

    def containers(self) -> list[ContainerView]:
        """Every container that is not gone, by host and name."""
        return self._containers.views()

    def changed_rows(self) -> dict[str, str | None]:
        """Hand over what changed since the last call."""
        return {
            "lifecycle": json.dumps([self._seq, self._swept]),
            **self._containers.changed_rows(),
            **self._services.changed_rows(),
            **self._tellers.changed_rows(),
        }

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue from the rows of the last commit."""
        if "lifecycle" in rows:
            self._seq, self._swept = json.loads(rows["lifecycle"])
        self._containers.restore(rows)
        self._services.restore(rows)
        self._tellers.restore(rows)
