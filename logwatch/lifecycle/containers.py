"""What is known of each container: its state, its name, and what its events told of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from logwatch.docker.inventory import Found
from logwatch.lifecycle.accounts import JOIN_NS
from logwatch.lifecycle.names import Names, looks_like_id
from logwatch.lifecycle.states import ALIVE, GUESSED_BY, STATE_ACTIONS, follow
from logwatch.lifecycle.tracked import ContainerView, Tracked
from logwatch.model import SECOND, Consequence, Container, Event, Renamed, State, StateChange

GONE_NS = 3600 * SECOND
"""How long a removed container is remembered."""
NAMELESS_NS = 24 * GONE_NS
"""So long after its last event a container that never had a name counts as gone."""
CONTAINERS = 20_000
"""Most containers that are remembered; gone ones go first, then those not heard of for longest."""
RUNNING, PAUSED, GONE, UNKNOWN = State.RUNNING, State.PAUSED, State.GONE, State.UNKNOWN
BIRTH = frozenset({"create", "attach", "start", "start_failed"})
"""Actions that a container just created is seen by first."""


class Containers:
    """The containers of every host. What becomes of them is appended to `made`, in order."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        """How far the log's clock is, in nanoseconds."""
        self._names = Names()
        self._tracked: dict[tuple[str, str], Tracked] = {}
        self._dirty: list[Tracked] = []
        self._deleted: set[tuple[str, str]] = set()
        self._stored: set[str] = set()

    # ── which container is meant ─────────────────────────────────────────────────────

    def resolve(self, host: str, given: str) -> str:
        """Return the id of the container that an id, a short id or a name means, else what was given."""
        return self._names.resolve(host, given)

    def find(self, host: str, container_id: str) -> Tracked | None:
        """Return the container with this id, if it is known."""
        return self._tracked.get((host, container_id))

    def of(self, event: Event) -> Tracked | None:
        """Return the container that an event is about, if it is known."""
        if event.id is None or not event.event.startswith("container."):
            return None
        return self._tracked.get((event.host, event.id))

    def with_container(self, event: Event) -> Event:
        """Say whose an endpoint of a network is: the daemon's lines have the container's name, `docker events` its id."""
        attributes = event.attributes
        container = attributes.get("container") or self._names.resolve(event.host, attributes["endpoint"])
        if not looks_like_id(container):
            return event
        return event._replace(attributes={**attributes, "container": container})

    def add(self, event: Event, container_id: str, made: list[Consequence]) -> tuple[Tracked, str | None]:
        """Take note of an id; returns the container, and the short id under which it was known until now."""
        host, clock_ns = event.host, self._clock()
        if len(self._tracked) >= 2 * CONTAINERS:
            self._shrink(CONTAINERS, clock_ns, made)
        short = self._names.add(host, container_id)
        if short is not None:
            tracked = self._tracked.pop((host, short))
            tracked.id = container_id
            self._deleted.add((host, short))
        else:
            tracked = Tracked(host, container_id, event.time_ns)
            tracked.last_ns = max(clock_ns, event.time_ns)
        self._tracked[host, container_id] = tracked
        self._touch(tracked)
        return tracked, short

    # ── what events say of it ────────────────────────────────────────────────────────

    def apply(self, tracked: Tracked, event: Event, made: list[Consequence]) -> bool:
        """Take an accepted event of a container; returns whether the table of states allows it."""
        if not tracked.dirty:
            self._touch(tracked)
        clock_ns, allowed = self._clock(), True
        newest_ns = clock_ns if clock_ns > event.time_ns else event.time_ns
        if newest_ns > tracked.last_ns:
            tracked.last_ns = newest_ns
        action = event.event[len("container.") :]
        if action in STATE_ACTIONS and (tracked.state is UNKNOWN or action not in GUESSED_BY):
            allowed = self._follow(tracked, event, action, made)
        elif not tracked.announced:
            self._change(tracked, tracked.state, event.time_ns, made)
        if action == "start":
            tracked.restarts += tracked.started
            tracked.started = True
        elif action == "oom":
            tracked.ooms += 1
        if event.attributes:
            self.take_attributes(tracked, event)
        return allowed

    def _follow(self, tracked: Tracked, event: Event, action: str, made: list[Consequence]) -> bool:
        after, allowed = follow(tracked.state, action)
        if not tracked.announced or event.time_ns >= tracked.since_ns - JOIN_NS:  # else it says nothing about now
            self._change(tracked, after, event.time_ns, made)
        return allowed

    def take_attributes(self, tracked: Tracked, event: Event) -> None:
        """Take over what an event's attributes say about its container."""
        self._touch(tracked)
        tracked.take_attributes(event)

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
            tracked.gone_ns = max(time_ns, self._clock())
            self._names.release(tracked.host, tracked.id)
        else:
            tracked.gone_ns = None
        if after not in (RUNNING, PAUSED):
            tracked.health = None

    def _container(self, tracked: Tracked) -> Container:
        return Container(tracked.host, tracked.id, self._names.of(tracked.host, tracked.id))

    def doubt(self, host: str | None, time_ns: int, made: list[Consequence], *, everything: bool) -> None:
        """Nobody knows any more how the containers of a host (None: of all hosts) are."""
        for key in sorted(self._tracked):
            tracked = self._tracked[key]
            here = tracked.announced and host in (None, tracked.host)
            if here and tracked.state is not GONE and (everything or tracked.state in ALIVE):
                self._change(tracked, UNKNOWN, time_ns, made)

    # ── names ────────────────────────────────────────────────────────────────────────

    def named(self, event: Event, tracked: Tracked) -> Event:
        """Give an event the name and the labels of its container."""
        name = event.name or self._names.of(event.host, tracked.id)
        attributes = {**tracked.labels, **event.attributes} if tracked.labels else event.attributes
        if name is event.name and len(attributes) == len(event.attributes):
            return event
        return event._replace(name=name, attributes=attributes)

    def expect(self, event: Event, action: str) -> bool:
        """A creation without an id: remember its name until the id is born; False if the name is taken."""
        if action == "create_failed":
            self._names.expect_none(event.host)
        elif action == "create" and event.name is not None:
            owner = self._tracked.get((event.host, self._names.resolve(event.host, event.name)))
            if owner is not None and owner.state in (State.CREATED, RUNNING, PAUSED, State.RESTARTING):
                return not event.revoked_by  # a request that the engine refuses, without a word
            self._names.expect(event.host, event.name, event.time_ns)
        return True

    def born(self, event: Event, action: str) -> str | None:
        """Return the name that an id which this event is the first to tell of was created under, if there is no doubt."""
        return self._names.born(event.host, event.time_ns) if action in BIRTH and event.name is None else None

    def call(self, tracked: Tracked, name: str, time_ns: int, made: list[Consequence], *, sure: bool) -> None:
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

    def name_of(self, host: str, given: str) -> str | None:
        """What the container with this id, or short id, is called, as far as known."""
        return self._names.of(host, self._names.resolve(host, given))

    # ── the inventory, and the view ──────────────────────────────────────────────────

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
                self.call(tracked, each.name, now_ns, made, sure=True)
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

    def views(self) -> list[ContainerView]:
        """Every container that is not gone, by host and name."""
        views = [
            each.view(self._names.of(each.host, each.id))
            for each in self._tracked.values()
            if each.announced and each.state is not GONE
        ]
        return sorted(views, key=lambda view: (view.host, view.name or view.id, view.id))

    # ── memory ───────────────────────────────────────────────────────────────────────

    def pass_away(self) -> bool:
        """Whether time alone will forget any."""
        return any(self._passes_away(key, tracked) for key, tracked in self._tracked.items())

    def _passes_away(self, key: tuple[str, str], tracked: Tracked) -> bool:
        return tracked.gone_ns is not None if tracked.state is GONE else self._names.of(*key) is None

    def sweep(self, clock_ns: int, made: list[Consequence]) -> None:
        """Forget what is long gone, as of this time."""
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
        return {**rows, **self._names.changed_rows()}

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue from the rows of the last commit."""
        for key in sorted(rows):
            what, _, name = key.partition(" ")
            if what == "container":
                host, container_id = json.loads(name)
                self._tracked[host, container_id] = Tracked.load(host, container_id, rows[key])
                self._stored.add(key)
        self._names.restore(rows)
