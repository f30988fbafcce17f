"""What events mean: one event once, states of containers, names.

    Event ──▶ names (which container is meant) ──▶ tellers (told already? to be held?)
                                                        │ passes
                                                        ▼
              Outcome (numbered, named) + StateChange (tables in `states`) + Renamed

The daemon's own fate is part of it: when it stops, crashes, or starts although it seemed to
run, nobody vouches for its containers any more. Unless it is known to run with live-restore
they are unknown until a line tells of them again. The same holds after a gap in the log.

Consequences depend on the order of the events, their times and the clock alone, never on
where the input was cut; everything that matters is in the rows that `changed_rows` hands over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from logwatch.accounts import JOIN_NS, LEADING
from logwatch.containers import ContainerView, Tracked
from logwatch.docker.inventory import Found
from logwatch.model import SECOND, Consequence, Container, Event, Outcome, Renamed, State, StateChange
from logwatch.names import Names, looks_like_id
from logwatch.services import Services
from logwatch.states import ALIVE, GUESSED_BY, SERVICE_STATEFUL, STATE_ACTIONS, follow
from logwatch.tellers import Tellers
from logwatch.tellings import Told

GONE_NS = 3600 * SECOND
"""How long a removed container is remembered."""
NAMELESS_NS = 24 * GONE_NS
"""So long after its last event a container that never had a name counts as gone."""
SWEEP_NS = 600 * SECOND
CONTAINERS = 20_000
"""Most containers that are remembered; gone ones go first, then those not heard of for longest."""
RUNNING, PAUSED, GONE, UNKNOWN = State.RUNNING, State.PAUSED, State.GONE, State.UNKNOWN
BIRTH = frozenset({"create", "attach", "start", "start_failed"})
"""Actions that a container just created is seen by first."""
SERVICES = frozenset({"daemon", "containerd"})


class Lifecycle:
    """Turns what rules read into what happened."""

    def __init__(self, settle_ns: int = SECOND) -> None:
        self.anomalies = 0
        """Events that the tables do not allow, since the engine last set it to 0."""
        self.late = 0
        """Events from more than 10 s before the clock, since the engine last set it to 0."""
        self._tellers = Tellers(settle_ns)
        self._names = Names()
        self._tracked: dict[tuple[str, str], Tracked] = {}
        self._services = Services()
        self._seq = 0
        self._swept = 0
        self._dirty: list[Tracked] = []
        self._deleted: set[tuple[str, str]] = set()
        self._stored: set[str] = set()

    # ── events in ────────────────────────────────────────────────────────────────────

    def accept(self, event: Event) -> list[Consequence]:
        """Take an event as a rule made it. The clock moves by `advance` alone."""
        if event.time_ns < self._tellers.clock_ns - JOIN_NS:
            self.late += 1
        type_, _, action = event.event.partition(".")
        if type_ == "container":
            return self._accept_container(event, action)
        if type_ in SERVICES and action in SERVICE_STATEFUL:
            epoch = self._services.epoch(event.host, type_, action)
            return self._pass(self._tellers.tell(event, (event.host, type_, ""), certain=False, epoch=epoch))
        if "endpoint" in event.attributes:
            event = self._with_container(event)
        if event.id is None:
            return self._pass(self._tellers.tell_nameless(event))
        return self._pass(self._tellers.tell(event, (event.host, type_, event.id), certain=False))

    def _with_container(self, event: Event) -> Event:
        """Say whose an endpoint of a network is: the daemon's lines have the container's name, `docker events` its id."""
        attributes = event.attributes
        container = attributes.get("container") or self._names.resolve(event.host, attributes["endpoint"])
        if not looks_like_id(container):
            return event
        return event._replace(attributes={**attributes, "container": container})

    def _accept_container(self, event: Event, action: str) -> list[Consequence]:
        host, given = event.host, event.id
        if given is None:
            if not self._expect(event, action):
                return []
            return self._pass(self._tellers.tell_nameless(event))
        container_id = self._names.resolve(host, given)
        made: list[Consequence] = []
        tracked = self._tracked.get((host, container_id))
        if tracked is None and looks_like_id(container_id):
            tracked = self._first_seen(event, action, container_id, made)
        if tracked is None:
            event = event._replace(name=event.name or given)
        elif event.name is not None:
            self._learn(tracked, event.name, event.time_ns, made, sure=event.role is LEADING)
        if container_id != given:
            event = event._replace(id=container_id)
        certain = action == "die" and tracked is not None and tracked.state in (RUNNING, PAUSED)
        told = self._tellers.tell(event, (host, "container", container_id), certain=certain)
        return [*made, *self._pass(told)] if made else self._pass(told)

    def admit(self, event: Event) -> list[Consequence]:
        """Take an event that nobody tells, made by a correlation or by the engine: number and name it."""
        if event.id is not None and event.event.startswith("container."):
            event = event._replace(id=self._names.resolve(event.host, event.id))
        tracked = self._container_of(event)
        if tracked is not None:
            event = self._named(event, tracked)
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
            self._sweep(self._swept * SWEEP_NS, made)
            settled = not self._tellers.waits
        self._expire(clock_ns, made)
        return made

    def _expire(self, clock_ns: int, made: list[Consequence]) -> None:
        for told in self._tellers.expire(clock_ns):
            made += self._pass((told,))

    def next_deadline_ns(self) -> int | None:
        """When `advance` may make something, None for never."""
        held_ns = self._tellers.next_deadline_ns()
        if not any(self._passes_away(key, tracked) for key, tracked in self._tracked.items()):
            return held_ns
        sweep_ns = (self._swept + 1) * SWEEP_NS
        return sweep_ns if held_ns is None else min(sweep_ns, held_ns)

    def _passes_away(self, key: tuple[str, str], tracked: Tracked) -> bool:
        """Whether time alone will forget it."""
        return tracked.gone_ns is not None if tracked.state is GONE else self._names.of(*key) is None

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
            tracked = self._container_of(event)
            if tracked is not None and (event.name is None or tracked.labels):
                event = telling.event = self._named(event, tracked)
            if not amends:
                self._seq += 1
                telling.seq = self._seq
            made.append(Outcome(telling.seq, event, amends))
            if not amends or adopted:
                self._apply(event, tracked, made)
            elif tracked is not None:
                self._take_attributes(tracked, event)
            if telling.epoch is not None:
                type_, _, action = event.event.partition(".")
                self._services.amend(type_, event)
                telling.epoch = self._services.epoch(event.host, type_, action)
        return made

    def _container_of(self, event: Event) -> Tracked | None:
        if event.id is None or not event.event.startswith("container."):
            return None
        return self._tracked.get((event.host, event.id))

    def _named(self, event: Event, tracked: Tracked) -> Event:
        """Give an event the name and the labels of its container."""
        name = event.name or self._names.of(event.host, tracked.id)
        attributes = {**tracked.labels, **event.attributes} if tracked.labels else event.attributes
        if name is event.name and len(attributes) == len(event.attributes):
            return event
        return event._replace(name=name, attributes=attributes)

    def _apply(self, event: Event, tracked: Tracked | None, made: list[Consequence]) -> None:
        if tracked is not None:
            self._apply_container(tracked, event, made)
            return
        type_, _, action = event.event.partition(".")
        if type_ in SERVICES:
            self._apply_service(type_, event, action, made)
        elif event.event == "log.gap":
            self._doubt(event.host or None, event.time_ns, made, everything=True)

    def _apply_container(self, tracked: Tracked, event: Event, made: list[Consequence]) -> None:
        if not tracked.dirty:
            self._touch(tracked)
        newest_ns = self._tellers.clock_ns if self._tellers.clock_ns > event.time_ns else event.time_ns
        if newest_ns > tracked.last_ns:
            tracked.last_ns = newest_ns
        action = event.event[len("container.") :]
        if action in STATE_ACTIONS and (tracked.state is UNKNOWN or action not in GUESSED_BY):
            self._follow(tracked, event, action, made)
        elif not tracked.announced:
            self._change(tracked, tracked.state, event.time_ns, made)
        if action == "start":
            tracked.restarts += tracked.started
            tracked.started = True
        elif action == "oom":
            tracked.ooms += 1
        if event.attributes:
            self._take_attributes(tracked, event)

    def _follow(self, tracked: Tracked, event: Event, action: str, made: list[Consequence]) -> None:
        after, allowed = follow(tracked.state, action)
        if not allowed:
            self.anomalies += 1
        if not tracked.announced or event.time_ns >= tracked.since_ns - JOIN_NS:  # else it says nothing about now
            self._change(tracked, after, event.time_ns, made)

    def _take_attributes(self, tracked: Tracked, event: Event) -> None:
        """Take over what an event's attributes say about its container."""
        self._touch(tracked)
        attributes = event.attributes
        tracked.image = attributes.get("image") or tracked.image
        if event.event == "container.die":
            tracked.exit_code = attributes.get("exit_code") or attributes.get("exitCode") or tracked.exit_code
        elif event.event == "container.health_status":
            tracked.health = attributes.get("health") or tracked.health

    def _touch(self, tracked: Tracked) -> None:
        if not tracked.dirty:
            tracked.dirty = True
            self._dirty.append(tracked)

    def _change(self, tracked: Tracked, after: State, time_ns: int, made: list[Consequence]) -> None:
        before = tracked.state if tracked.announced else None
        if before is after:
            return
        if before is GONE:
            self._names.reclaim(tracked.host, tracked.id)
        tracked.state, tracked.announced = after, True
        tracked.since_ns = max(time_ns, tracked.since_ns) if before else time_ns
        self._touch(tracked)
        made.append(StateChange(time_ns, self._container(tracked), before, after))
        if after is GONE:
            tracked.gone_ns = max(time_ns, self._tellers.clock_ns)
            self._names.release(tracked.host, tracked.id)
        else:
            tracked.gone_ns = None
        if after not in (RUNNING, PAUSED):
            tracked.health = None

    def _container(self, tracked: Tracked) -> Container:
        return Container(tracked.host, tracked.id, self._names.of(tracked.host, tracked.id))

    # ── the daemon and containerd ────────────────────────────────────────────────────

    def _apply_service(self, type_: str, event: Event, action: str, made: list[Consequence]) -> None:
        allowed, doubt = self._services.follow(type_, action, event)
        if not allowed:
            self.anomalies += 1
        if doubt:
            self._doubt(event.host, event.time_ns, made, everything=False)

    def _doubt(self, host: str | None, time_ns: int, made: list[Consequence], *, everything: bool) -> None:
        """Nobody knows any more how the containers of a host (None: of all hosts) are."""
        for key in sorted(self._tracked):
            tracked = self._tracked[key]
            here = tracked.announced and host in (None, tracked.host)
            if here and tracked.state is not GONE and (everything or tracked.state in ALIVE):
                self._change(tracked, UNKNOWN, time_ns, made)

    # ── names ────────────────────────────────────────────────────────────────────────

    def _expect(self, event: Event, action: str) -> bool:
        """A creation without an id: remember its name until the id is born; False if the name is taken."""
        if action == "create_failed":
            self._names.expect_none(event.host)
        elif action == "create" and event.name is not None:
            owner = self._tracked.get((event.host, self._names.resolve(event.host, event.name)))
            if owner is not None and owner.state in (State.CREATED, RUNNING, PAUSED, State.RESTARTING):
                return not event.revoked_by  # a request that the engine refuses, without a word
            self._names.expect(event.host, event.name, event.time_ns)
        return True

    def _first_seen(self, event: Event, action: str, container_id: str, made: list[Consequence]) -> Tracked:
        host = event.host
        key = (host, container_id)
        if len(self._tracked) >= 2 * CONTAINERS:
            self._shrink(CONTAINERS, self._tellers.clock_ns, made)
        short = self._names.add(host, container_id)
        if short is not None:
            tracked = self._tracked[key] = self._tracked.pop((host, short))
            tracked.id = container_id
            self._tellers.move((host, "container", short), (host, "container", container_id))
            self._deleted.add((host, short))
            self._touch(tracked)
            return tracked
        tracked = self._tracked[key] = Tracked(host, container_id, event.time_ns)
        tracked.last_ns = max(self._tellers.clock_ns, event.time_ns)
        self._touch(tracked)
        name = self._names.born(host, event.time_ns) if action in BIRTH and event.name is None else None
        if name is not None:
            self._learn(tracked, name, event.time_ns, made, sure=False)
            made += self._pass(self._tellers.bind("container.create", name, (host, "container", container_id)))
        return tracked

    def _learn(self, tracked: Tracked, name: str, time_ns: int, made: list[Consequence], *, sure: bool) -> None:
        """A container is called so; who was called so until now is gone, or was renamed unseen."""
        host, name, gone = tracked.host, name.removeprefix("/"), tracked.state is GONE
        known, owner = self._names.of(host, tracked.id), self._names.owner(host, name)
        if (known == name and owner == tracked.id) or (gone and known is not None and not sure):
            return
        former = None if owner is None or owner == tracked.id else self._tracked.get((host, owner))
        if former is not None:
            if not sure and former.state in ALIVE:
                return
            self._change(former, GONE, time_ns, made)
        old_label = self._container(tracked).label
        self._names.learn(host, tracked.id, name)
        if gone:
            self._names.release(host, tracked.id)
        if tracked.announced and old_label != name:
            made.append(Renamed(time_ns, self._container(tracked), old_label))

    def learn(self, found: Iterable[Found], host: str, now_ns: int) -> list[Consequence]:
        """Take over what the inventory says: names always, states only of containers nobody told of."""
        made: list[Consequence] = []
        for each in found:
            tracked = self._tracked.get((host, each.id))
            if tracked is None:
                self._names.add(host, each.id)
                tracked = self._tracked[host, each.id] = Tracked(host, each.id, now_ns)
                tracked.last_ns = now_ns
            self._touch(tracked)
            if each.name is not None:
                self._learn(tracked, each.name, now_ns, made, sure=True)
            tracked.image = each.image or tracked.image
            tracked.labels = dict(each.labels)
            if each.state is not None and (not tracked.announced or tracked.state is UNKNOWN):
                self._found(tracked, each, now_ns, made)
        return made

    def _found(self, tracked: Tracked, found: Found, now_ns: int, made: list[Consequence]) -> None:
        assert found.state is not None
        tracked.restarts = max(tracked.restarts, found.restarts)
        tracked.started = tracked.started or found.started
        tracked.exit_code = found.exit_code or tracked.exit_code
        self._change(tracked, found.state, now_ns, made)
        tracked.since_ns = found.since_ns or now_ns
        tracked.health = found.health

    def name_of(self, host: str, given: str) -> str | None:
        """What the container with this id, or short id, is called, as far as known."""
        return self._names.of(host, self._names.resolve(host, given))

    def containers(self) -> list[ContainerView]:
        """Every container that is not gone, by host and name."""
        views = [
            each.view(self._names.of(each.host, each.id))
            for each in self._tracked.values()
            if each.announced and each.state is not GONE
        ]
        return sorted(views, key=lambda view: (view.host, view.name or view.id, view.id))

    # ── memory ───────────────────────────────────────────────────────────────────────

    def _sweep(self, clock_ns: int, made: list[Consequence]) -> None:
        """Forget what is long gone, at full multiples of `SWEEP_NS`, wherever the input was cut."""
        self._tellers.sweep(clock_ns)
        oldest_ns = clock_ns - NAMELESS_NS
        quiet = [each for each in self._tracked.values() if each.state is GONE or each.last_ns <= oldest_ns]
        for tracked in sorted(quiet, key=lambda each: (each.last_ns, each.host, each.id)):
            silent_ns = tracked.last_ns + NAMELESS_NS
            if tracked.state is not GONE and silent_ns <= clock_ns and self._named_never(tracked):
                self._change(tracked, GONE, silent_ns, made)
                tracked.gone_ns = silent_ns
            if tracked.state is GONE and tracked.gone_ns is not None and tracked.gone_ns + GONE_NS <= clock_ns:
                self._forget((tracked.host, tracked.id))
        self._shrink(CONTAINERS, clock_ns, made)

    def _named_never(self, tracked: Tracked) -> bool:
        return self._names.of(tracked.host, tracked.id) is None

    def _shrink(self, most: int, clock_ns: int, made: list[Consequence]) -> None:
        surplus = len(self._tracked) - most
        if surplus <= 0:
            return
        oldest = sorted(
            self._tracked.values(), key=lambda each: (each.gone_ns is None, each.last_ns, each.host, each.id)
        )
        for tracked in oldest[:surplus]:
            if tracked.announced:
                self._change(tracked, GONE, clock_ns, made)
            self._forget((tracked.host, tracked.id))

    def _forget(self, key: tuple[str, str]) -> None:
        del self._tracked[key]
        self._names.forget(*key)
        self._deleted.add(key)

    def changed_rows(self) -> dict[str, str | None]:
        """Hand over what changed since the last call."""
        rows: dict[str, str | None] = {
            key: None for key in (f"container {json.dumps(each)}" for each in self._deleted) if key in self._stored
        }
        for tracked in self._dirty:
            tracked.dirty = False
            if self._tracked.get((tracked.host, tracked.id)) is tracked:
                rows[f"container {json.dumps((tracked.host, tracked.id))}"] = tracked.dump()
        self._dirty.clear()
        self._deleted.clear()
        self._stored |= rows.keys()
        self._stored -= {key for key, row in rows.items() if row is None}
        rows["lifecycle"] = json.dumps([self._seq, self._swept])
        return {**rows, **self._services.changed_rows(), **self._tellers.changed_rows(), **self._names.changed_rows()}

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue from the rows of the last commit."""
        for key in sorted(rows):
            what, _, name = key.partition(" ")
            if what == "lifecycle":
                self._seq, self._swept = json.loads(rows[key])
            elif what == "container":
                host, container_id = json.loads(name)
                self._tracked[host, container_id] = Tracked.load(host, container_id, rows[key])
                self._stored.add(key)
        self._services.restore(rows)
        self._tellers.restore(rows)
        self._names.restore(rows)
