"""The register of containers: ids, names, states, and what events and the inventory report of each.

It is the only one: metrics, page, API and command line derive what they show from its rows
and its changes. A removed container is kept for an hour, one that never had a name until
nothing was read of it for a day, both by the log's clock; at most `MAX_REGISTERED` in all,
`MAX_REMOVED` of them removed and `MAX_UNNAMED` without a name.

**Names.** The engine logs ids. A name comes from a `docker events` line, from the inventory, from
a rename, or from lines that tie it to an id (`evidence`). Otherwise the container keeps its 12 hex
digits: no name is better than a wrong one. For the same reason a prefix of fewer than 12 digits
is not an id: `db` and `cafe` are names. A name has one owner per host at a time; a container
that takes it over proves that the previous owner is gone or was renamed.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from logwatch.docker.inventory import Found
from logwatch.lifecycle.container_index import ContainerIndex, Key
from logwatch.lifecycle.endings import REMEMBERED, note
from logwatch.lifecycle.occurrences import LEADING
from logwatch.lifecycle.probes import normalized
from logwatch.lifecycle.states import ALIVE, CONTAINER, CONTAINER_STATEFUL, INFERRED_FROM, PROVES, STATE_ACTIONS
from logwatch.model import (
    FULL_ID,
    HEX,
    SECOND,
    SHORT_ID,
    Consequence,
    Container,
    Described,
    Event,
    Expired,
    Probed,
    Renamed,
    State,
    StateChange,
    is_label,
)
from logwatch.store.history import History
from logwatch.store.state_table import HostTable, StateTable

KEEP_REGISTERED_NS = 3600 * SECOND
"""How long a removed container is kept here."""
KEEP_SERIES_NS = 900 * SECOND
"""How long a removed container has series, if `limits.keep_removed` is not set: shipped alerts ask for 15 minutes of it."""
KEEP_UNNAMED_NS = 24 * 3600 * SECOND
"""How long a container that never had a name is kept after its last event."""
MAX_REGISTERED = 20_000
"""Most containers; removed ones are dropped first, then unnamed ones, then those without events for longest."""
MAX_REMOVED = 1_000
"""Most removed containers; those removed first are dropped first."""
MAX_UNNAMED = 2_500
"""Most containers without a name; those without events for longest are dropped first."""
DISORDER_NS = 10 * SECOND
"""An event this much older than the last change of state says nothing about the state now."""
RUNNING, GONE, UNKNOWN = State.RUNNING, State.GONE, State.UNKNOWN

_STORED = tuple(field.name for field in fields(Container) if field.name not in ("host", "id"))


def looks_like_id(text: str) -> bool:
    """Whether a text is a full id or a prefix of at least twelve digits."""
    return SHORT_ID <= len(text) <= FULL_ID and HEX.issuperset(text)


class ContainerRegister:
    """The containers of every host. Its changes are handed over by `take_changes`, in order."""

    def __init__(self, keep_series_ns: int = KEEP_SERIES_NS) -> None:
        """`keep_series_ns` is how long after its removal a container has series."""
        self._keep_series_ns = keep_series_ns
        self._containers: StateTable[Key, Container] = StateTable("container", _encode, _decode)
        # Containers of which only a name is known, by host and name.
        self._unidentified: StateTable[Key, Container] = StateTable("unidentified", _encode, _decode)
        self._names: StateTable[Key, list[Any]] = StateTable("name")
        """In rows of older versions: the container's name, and whether it owns it."""
        self._resumed: HostTable[str, int] = HostTable("resumed")
        """By host, the number of resumed containers whose ids are not known."""
        self.tables = (self._containers, self._unidentified, self._names, self._resumed)
        self._index = ContainerIndex()
        self._changes: list[Consequence] = []

    @property
    def has_changes(self) -> bool:
        """Whether `take_changes` returns any."""
        return bool(self._changes)

    def take_changes(self) -> list[Consequence]:
        """Return the changes since the last call."""
        changes, self._changes = self._changes, []
        return changes

    # ── which container is meant ─────────────────────────────────────────────────────

    def resolve(self, host: str, given: str) -> str:
        """Return the id of the container that an id, a short id or a name means, else the same text.

        As in Docker, a name is preferred to a prefix.
        """
        if len(given) == FULL_ID or (host, given) in self._containers:
            return given
        owner = self._index.owners.get((host, given))
        if owner is not None:
            return owner
        if len(given) < SHORT_ID:
            return given
        return self._index.meant(host, given) or given

    def get(self, host: str, container_id: str) -> Container | None:
        """Return the container with this id."""
        return self._containers.get((host, container_id))

    def of(self, event: Event) -> Container | None:
        """Return the container that an event is about."""
        if event.id is None or not event.event.startswith("container."):
            return None
        return self._containers.get((event.host, event.id))

    def name_of(self, host: str, given: str) -> str | None:
        """Return the name of the container that an id, a short id or a name means."""
        container = self._containers.get((host, self.resolve(host, given)))
        return None if container is None else container.name

    def all(self) -> list[Container]:
        """Return every container with a known state or name, removed ones included, by host and name."""
        announced = [each for each in self._containers.values() if each.announced]
        return sorted(
            [*announced, *self._unidentified.values()], key=lambda each: (each.host, each.name or each.id, each.id)
        )

    def containers(self) -> list[Container]:
        """Return those that are not removed."""
        return [each for each in self.all() if each.state is not GONE]

    def paused(self, host: str) -> set[str]:
        """Return the ids of the paused containers of a host."""
        return self._index.paused(host)

    def note_resumed(self, host: str, time_ns: int, clock_ns: int) -> None:
        """Note that one of several paused containers runs again; as many as there are paused: all of them do."""
        paused = self.paused(host)
        resumed = self._resumed.pop(host, 0) + 1
        if resumed < len(paused):
            self._resumed[host] = resumed
            return
        for container_id in sorted(paused):
            self._change(self._containers[host, container_id], RUNNING, time_ns, clock_ns)

    # ── containers come ──────────────────────────────────────────────────────────────

    def add(self, host: str, container_id: str, time_ns: int, clock_ns: int) -> tuple[Container, str | None]:
        """Add an id; returns the container, and the short id under which it was known until now."""
        self._make_room(clock_ns)
        self._identify((host, container_id))
        short = self._index.shortened(host, container_id)
        if short is None:
            container = Container(host, container_id, since_ns=time_ns, last_ns=max(clock_ns, time_ns))
            self._index.add_id(host, container_id)
        else:
            container = self._lengthen(host, short, container_id)
        self._containers[host, container_id] = container
        self._index.file(container)
        return container, short

    def _lengthen(self, host: str, short: str, container_id: str) -> Container:
        """Give a container that was known by a short id its full one."""
        container = self._containers.pop((host, short))
        self._index.withdraw(container)
        self._index.lengthen(host, short, container_id)
        container.id = container_id
        if container.owns_name and container.name is not None:
            self._index.owners[host, container.name] = container_id
        return container

    def add_unidentified(self, event: Event, clock_ns: int) -> None:
        """Keep a container of which an accepted event gives only the name."""
        assert event.id is not None
        key = (event.host, event.id)
        container = self._unidentified.get(key)
        if container is None:
            self._make_room(clock_ns)
            container = Container(event.host, event.id, event.name, since_ns=event.time_ns)
            self._index.add_unidentified(container)
            self._unidentified[key] = container
        self._unidentified.touch(key)
        self._index.note_event(container)
        container.last_ns = max(container.last_ns, event.time_ns, clock_ns)

    # ── what events report of it ─────────────────────────────────────────────────────

    def process(self, container: Container, event: Event, clock_ns: int) -> bool:
        """Apply an accepted event of a container; returns whether the table of states allows it."""
        key, allowed = (container.host, container.id), True
        self._containers.touch(key)
        newest_ns = clock_ns if clock_ns > event.time_ns else event.time_ns
        if newest_ns > container.last_ns:
            container.last_ns = newest_ns
        if container.name is None:
            self._index.note_event(container)
        action = event.event[len("container.") :]
        if action in STATE_ACTIONS and (container.state is UNKNOWN or action not in INFERRED_FROM):
            after, allowed = follow(container.state, action)
            if not container.announced or event.time_ns >= container.since_ns - DISORDER_NS:
                self._change(container, after, event.time_ns, clock_ns)
        elif not container.announced:
            self._change(container, container.state, event.time_ns, clock_ns)
        if action in REMEMBERED:
            note(container, event, action)
        if action == "start":
            container.restarts += container.started
            container.started = True
        elif action == "oom":
            container.ooms += 1
        if event.attributes:
            self.update_attributes(container, event)
        return allowed

    def update_attributes(self, container: Container, event: Event) -> None:
        """Take over what an event's attributes say about its container."""
        self._containers.touch((container.host, container.id))
        attributes = event.attributes
        container.image = attributes.get("image") or container.image
        if event.event == "container.die":
            container.exit_code = attributes.get("exit_code") or attributes.get("exitCode") or container.exit_code
        elif event.event == "container.health_status":
            container.health = attributes.get("health") or container.health
        if event.role is LEADING:  # docker events report all labels each time
            labels = {name: value for name, value in attributes.items() if is_label(name)}
            if not labels.items() <= container.labels.items():
                container.labels = {**container.labels, **labels}

    def mark_unknown(self, host: str | None, time_ns: int, clock_ns: int, *, everything: bool) -> None:
        """Mark the containers of a host (None: of all hosts) as unknown: those alive, or everything."""
        index = self._index
        for key in sorted(index.alive | index.at_rest if everything else index.alive):
            if host is None or host == key[0]:
                self._change(self._containers[key], UNKNOWN, time_ns, clock_ns)

    def _change(self, container: Container, after: State, time_ns: int, clock_ns: int) -> None:
        before = container.state if container.announced else None
        if before is after:
            return
        if before is GONE:
            self._restore_name(container)
        container.state, container.announced = after, True
        container.since_ns = max(time_ns, container.since_ns) if before else time_ns
        self._changes.append(StateChange(time_ns, container.host, container.id, container.label, before, after))
        if after is GONE:
            container.gone_ns = max(time_ns, clock_ns)
            self._free_name(container)
        else:
            container.gone_ns, container.expired = None, False
        if after not in (RUNNING, State.PAUSED):
            container.health = None
        self._index.withdraw(container)
        self._index.file(container)
        self._containers.touch((container.host, container.id))

    def describe(self, container: Container, found: Found, time_ns: int, clock_ns: int) -> bool:
        """Store name, image, labels and probe of the inventory; return whether image or labels changed."""
        if found.name is not None:
            self.set_name(container, found.name, time_ns, clock_ns, sure=True)
        probe = normalized(found.probe_command) or container.probe
        if probe != container.probe:
            container.probe = probe
            self._containers.touch((container.host, container.id))
        if (found.image or container.image, found.labels) == (container.image, container.labels):
            return False
        container.image, container.labels = found.image or container.image, dict(found.labels)
        self._containers.touch((container.host, container.id))
        return True

    def process_found(self, container: Container, found: Found, now_ns: int, clock_ns: int, *, described: bool) -> None:
        """Take the state that the inventory has of a container now, after the events that led to it.

        `described` says that `describe` took others than before.
        """
        if found.state is not None and (found.state is not container.state or not container.announced):
            self._change(container, found.state, found.since_ns or now_ns, clock_ns)
        before = (container.exit_code, container.health, container.restart_count, container.failing_streak)
        container.started = container.started or found.started
        container.restarts = max(container.restarts, found.restarts)
        container.exit_code, container.restart_count = found.exit_code or container.exit_code, found.restarts
        container.health = found.health
        self.note_streak(container, found.failing_streak if found.health is not None else 0, now_ns)
        container.probe_output = found.probe_output
        after = (container.exit_code, container.health, container.restart_count, container.failing_streak)
        if before == after and not described:
            return
        self._containers.touch((container.host, container.id))
        self._changes.append(
            Described(
                now_ns,
                container.host,
                container.id,
                container.label,
                container.image,
                container.labels,
                container.exit_code,
                container.health,
                found.restarts,
            )
        )

    def note_streak(self, container: Container, failing_streak: int, time_ns: int) -> None:
        """Note how many probes of a container failed in a row."""
        if failing_streak == container.failing_streak:
            return
        container.failing_streak = failing_streak
        self._containers.touch((container.host, container.id))
        self._changes.append(Probed(time_ns, container.host, container.id, container.label, failing_streak))

    def process_probe(self, container: Container, command: str | None, time_ns: int, clock_ns: int) -> None:
        """Note that a probe of a container ran, which proves that the container does, and with which command."""
        key = (container.host, container.id)
        container.last_ns = max(container.last_ns, time_ns, clock_ns)
        if container.name is None:
            self._index.note_event(container)
        if container.probe is None and command is not None:
            container.probe = command
        if container.state is UNKNOWN:
            self._change(container, RUNNING, time_ns, clock_ns)
        self._containers.touch(key)

    def await_restart(self, container: Container, time_ns: int, clock_ns: int) -> None:
        """Note that a container that ended waits for the engine to start it again."""
        if container.state is State.EXITED:
            self._change(container, State.RESTARTING, time_ns, clock_ns)

    def remove(self, container: Container, time_ns: int, clock_ns: int) -> None:
        """Note that a container is gone, though no event reported when."""
        self._change(container, GONE, time_ns, clock_ns)

    def of_host(self, host: str) -> list[Container]:
        """Return the containers of a host that have an id and are not removed."""
        return [each for each in self._containers.values() if each.host == host and each.state is not GONE]

    # ── names ────────────────────────────────────────────────────────────────────────

    def set_name(self, container: Container, name: str, time_ns: int, clock_ns: int, *, sure: bool) -> None:
        """Give a container its name; the previous owner of the name is gone, or was renamed unseen."""
        host, name, gone = container.host, name.removeprefix("/"), container.state is GONE
        if (container.name == name and container.owns_name) or (gone and container.name is not None and not sure):
            return
        former = self._containers.get((host, self._index.owners.get((host, name), "")))
        if former is not None and former is not container:
            if not sure and former.state in ALIVE:
                return
            self._change(former, GONE, time_ns, clock_ns)
            former.name, former.owns_name = None, False
            self._containers.touch((host, former.id))
        old_label = container.label
        self._free_name(container)
        if container.name is not None:
            container.former_name, container.renamed_ns = container.name, time_ns
        container.name = name
        if not gone:  # a removed one keeps its place in the order of removal
            self._own_name(container)
            self._index.withdraw(container)
            self._index.file(container)
        self._containers.touch((host, container.id))
        if container.announced and old_label != name:
            self._changes.append(Renamed(time_ns, host, container.id, name, old_label))

    def _own_name(self, container: Container) -> None:
        assert container.name is not None
        key = (container.host, container.name)
        container.owns_name = True
        self._index.owners[key] = container.id
        self._identify(key)

    def _identify(self, key: Key) -> None:
        """Drop what was kept of a container as unidentified: the text that an event had of it is now an id or a name."""
        if self._unidentified.pop(key, None) is not None:
            self._index.unnamed.pop(key, None)

    def _free_name(self, container: Container) -> None:
        """Free the name of a container; it is still what that container was called."""
        if container.owns_name and container.name is not None:
            self._index.owners.pop((container.host, container.name), None)
        container.owns_name = False

    def _restore_name(self, container: Container) -> None:
        """The container is not gone after all: it has its name again, unless another one took it over."""
        if container.name is None:
            return
        if (container.host, container.name) in self._index.owners:
            container.name = None
        else:
            self._own_name(container)

    # ── containers go ────────────────────────────────────────────────────────────────

    def next_deadline_ns(self) -> int | None:
        """When `expire` may drop a container next, None for never."""
        index = self._index
        deadlines = [_deadline_ns(self._at(next(iter(queue)))) for queue in (index.removed, index.unnamed) if queue]
        if index.with_series:
            deadlines.append(self._series_deadline_ns(next(iter(index.with_series))))
        return min(deadlines, default=None)

    def _series_deadline_ns(self, key: Key) -> int:
        return (self._at(key).gone_ns or 0) + self._keep_series_ns

    def expire(self, clock_ns: int) -> None:
        """Drop the containers that are kept no longer; end the series of those removed some time ago."""
        index = self._index
        while index.with_series and (due_ns := self._series_deadline_ns(next(iter(index.with_series)))) <= clock_ns:
            self._expire_series(self._at(next(iter(index.with_series))), due_ns)
        for queue in (index.removed, index.unnamed):
            while queue:
                container = self._at(next(iter(queue)))
                due_ns = _deadline_ns(container)
                if due_ns > clock_ns:
                    break
                self._drop(container, due_ns)

    def set_back(self, clock_ns: int) -> None:
        """The clock was set back: nothing known of a container is of a time to come, which would outdate all events."""
        for table in (self._containers, self._unidentified):
            for key, container in table.items():
                if max(container.since_ns, container.last_ns, container.gone_ns or 0) > clock_ns:
                    container.since_ns = min(container.since_ns, clock_ns)
                    container.last_ns = min(container.last_ns, clock_ns)
                    container.gone_ns = None if container.gone_ns is None else min(container.gone_ns, clock_ns)
                    table.touch(key)

    def _make_room(self, clock_ns: int) -> None:
        """Drop a tenth at once where there are too many: one at a time would look for each."""
        index = self._index
        for queue, most in ((index.removed, MAX_REMOVED), (index.unnamed, MAX_UNNAMED)):
            if len(queue) >= most:
                for key in list(queue)[: most // 10]:
                    self._drop(self._at(key), clock_ns)
        if len(self._containers) + len(self._unidentified) >= MAX_REGISTERED:
            dispensable = [*index.removed, *index.unnamed]
            rest = self._containers.keys() - set(dispensable)
            oldest = sorted(rest, key=lambda key: (self._containers[key].last_ns, key))
            for key in [*dispensable, *oldest][: MAX_REGISTERED // 10]:
                self._drop(self._at(key), clock_ns)

    def _drop(self, container: Container, time_ns: int) -> None:
        if container.announced and container.state is not GONE:
            before, container.state = container.state, GONE
            self._changes.append(StateChange(time_ns, container.host, container.id, container.label, before, GONE))
        self._changes.append(Expired(time_ns, container.host, container.id, container.label, is_forgotten=True))
        self._free_name(container)
        self._index.forget(container)
        self._containers.pop((container.host, container.id), None)
        self._unidentified.pop((container.host, container.id), None)

    def _expire_series(self, container: Container, time_ns: int) -> None:
        key = (container.host, container.id)
        container.expired = True
        del self._index.with_series[key]
        self._containers.touch(key)
        self._changes.append(Expired(time_ns, container.host, container.id, container.label, is_forgotten=False))

    # ── what is derived from the containers ──────────────────────────────────────────

    def _at(self, key: Key) -> Container:
        return self._containers.get(key) or self._unidentified[key]

    def restored(self) -> None:
        """Rebuild what is derived, after the tables were restored."""
        for key, (name, owns) in self._names.items():
            if key in self._containers:
                self._containers[key].name, self._containers[key].owns_name = name, owns
                self._containers.touch(key)
        self._names.clear()
        for key in self._unidentified.keys() & self._containers.keys():  # as states of earlier versions may
            del self._unidentified[key]
        self._index.restore(self._containers.values(), self._unidentified.values())


def follow(state: State, action: str) -> tuple[State, bool]:
    """Return the container's next state, and whether the table allows the event."""
    after = CONTAINER[state].get(action)
    if after is not None:
        return after, True
    return PROVES.get(action, state), action not in CONTAINER_STATEFUL


def committed(history: History) -> list[Container]:
    """Return the containers as of the last commit, removed ones included."""
    register = ContainerRegister()
    for table in register.tables:
        table.restore(history.rows("lifecycle", table.prefix))
    register.restored()
    return register.all()


def _deadline_ns(container: Container) -> int:
    """Until when a removed or unnamed container is kept."""
    if container.state is GONE and container.gone_ns is not None:
        return container.gone_ns + KEEP_REGISTERED_NS
    return container.last_ns + KEEP_UNNAMED_NS


def _encode(container: Container) -> dict[str, Any]:
    return {name: getattr(container, name) for name in _STORED}


def _decode(key: Key, row: dict[str, Any]) -> Container:
    return Container(*key, **{**row, "state": State(row["state"])})
