"""What the lifecycle knows of containers, services and requests: the parts that its modules share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from logwatch.docker.inventory import Found
from logwatch.lifecycle.attempts import Pools, Pushes
from logwatch.lifecycle.containers import ContainerRegister, looks_like_id
from logwatch.lifecycle.creations import Creations
from logwatch.lifecycle.daemons import Services
from logwatch.lifecycle.deduplicator import Deduplicator
from logwatch.lifecycle.endings import UNKNOWN, exit_cause
from logwatch.lifecycle.endpoints import EndpointTies, has_no_container
from logwatch.lifecycle.execs import Execs
from logwatch.lifecycle.probes import Probe, Probes
from logwatch.lifecycle.requests import Requests
from logwatch.lifecycle.witness import Witness
from logwatch.model import CONTAINERS, Consequence, Container, Event, NamedContainer
from logwatch.store.state_table import StateTable

EVIDENCE = "evidence"
"""Type of events of lines that prove something without being an event."""
MAX_KEYS = 512
"""Most requests per host whose halves are kept."""
MAX_NAMED = 10_000
"""Most names that a source has of containers."""
MAX_FOREIGN = 10_000
"""Most ids of other namespaces that are kept."""
MAX_FOUND = 20_000
"""Most containers whose files are kept as they were at their first event."""
UNPAUSE = "container.unpause"
"""What `stop`, `restart` and the end of a commit do without a request that names the container."""
Find = Callable[[str], Found | None]
"""Looks up a container by its full id."""


class NameTies:
    """Ids and names that were seen in one request.

    A name goes to an id only if one line has both, or two lines of one request (`spanID=`, `sid:`) have one each; which
    container was created last proves nothing.
    """

    def __init__(self) -> None:
        self._halves: StateTable[tuple[str, str], list[list[str]]] = StateTable("tie")
        """Host and key of a request to its ids and its names."""
        self._named: StateTable[tuple[str, str], str] = StateTable("named")
        """Host and id of a container to the name that a source had of it last."""
        self.tables = (self._halves, self._named)

    def note(self, named: NamedContainer) -> None:
        """Keep a name that a source has, also of a container of which no event was read."""
        key = (named.host, named.id)
        if self._named.get(key) == named.name:
            return
        self._named.pop(key, None)
        self._named[key] = named.name
        if len(self._named) > MAX_NAMED:
            del self._named[next(iter(self._named))]

    def name_of(self, host: str, container_id: str) -> str | None:
        """Return the name that a source had of a container last."""
        return self._named.get((host, container_id))

    def add(self, event: Event) -> Iterator[tuple[str, str]]:
        """Process a line; yields an id and its name if exactly one of each belong together."""
        given, name, key = event.id, event.attributes.get("container_name"), event.attributes.get("key")
        if given is not None and name is not None and looks_like_id(given) and not looks_like_id(name):
            yield given, name
        if key is None:
            return
        ids, names = self._halves.setdefault((event.host, key), [[], []])
        if given is not None and looks_like_id(given) and given not in ids:
            ids.append(given)
        if name is not None and not looks_like_id(name) and name not in names:
            names.append(name)
        self._halves.touch((event.host, key))
        if len(self._halves) > MAX_KEYS:
            del self._halves[next(iter(self._halves))]
        if len(ids) == len(names) == 1:
            yield ids[0], names[0]


class ForeignContainers:
    """Containers of containerd's other namespaces: managed plugins, Kubernetes."""

    def __init__(self) -> None:
        self._ids: StateTable[tuple[str, str], int] = StateTable("foreign")
        self.tables = (self._ids,)

    def add(self, host: str, container_id: str, time_ns: int) -> None:
        """Note an id."""
        self._ids.pop((host, container_id), None)
        self._ids[host, container_id] = time_ns
        if len(self._ids) > MAX_FOREIGN:
            del self._ids[next(iter(self._ids))]

    def has(self, host: str, container_id: str) -> bool:
        """Whether the id is one of another namespace."""
        return (host, container_id) in self._ids


class Knowledge:
    """What is known, and what is learned of a container without an event of its own."""

    def __init__(self, settle_ns: int, find: Find | None, keep_series_ns: int) -> None:
        """`find` looks a container up in the engine's own files; None without them."""
        self.deduplicator = Deduplicator(settle_ns)
        self.register = ContainerRegister(keep_series_ns)
        self.requests = Requests()
        self.pools = Pools()
        self.pushes = Pushes()
        self.ties = NameTies()
        self.endpoints = EndpointTies()
        self.creations = Creations()
        self.execs = Execs()
        self.probes = Probes()
        self.foreign = ForeignContainers()
        self.services = Services()
        self.witness = Witness()
        self.find = find
        self._found: dict[str, Found | None] = {}
        """What `find` returned of each id that events named, since the start."""
        self.tables: tuple[StateTable[Any, Any], ...] = (
            *self.register.tables,
            *self.deduplicator.tables,
            *self.requests.tables,
            *self.pools.tables,
            *self.pushes.tables,
            *self.ties.tables,
            *self.endpoints.tables,
            *self.creations.tables,
            *self.execs.tables,
            *self.probes.tables,
            *self.foreign.tables,
            *self.services.tables,
            *self.witness.tables,
            *self.deduplicator.store.tables,
        )

    @property
    def clock_ns(self) -> int:
        """The time of the lifecycle."""
        return self.deduplicator.store.clock_ns

    def add(self, event: Event, container_id: str) -> tuple[Container, list[Consequence]]:
        """Add a container whose id was not known."""
        host, register = event.host, self.register
        key = (host, "container", container_id)
        container, short = register.add(host, container_id, event.time_ns, self.clock_ns)
        if short is not None:
            self.deduplicator.store.move((host, "container", short), key)
            return container, register.take_changes()
        self.look_up(container, event.time_ns)
        name = self.ties.name_of(host, container_id)
        if container.name is None and name is not None:
            register.set_name(container, name, event.time_ns, self.clock_ns, sure=False)
        return container, register.take_changes()

    def file_of(self, container_id: str) -> Found | None:
        """Return what a container's file says, read once until it changes."""
        if self.find is None or container_id in self._found:
            return self._found.get(container_id)
        if len(self._found) >= MAX_FOUND:
            self._found.clear()
        found = self._found[container_id] = self.find(container_id)
        return found

    def look_up(self, container: Container, time_ns: int) -> Found | None:
        """Return what a container's file says; a container without a name takes it from there."""
        found = self.file_of(container.id)
        if found is not None and container.name is None:
            self.register.describe(container, found, time_ns, self.clock_ns)
        return found

    def give_name(self, event: Event, given: str, name: str) -> list[Consequence]:
        """Name a container that an id or a former name means, if it has another name."""
        register = self.register
        container = register.get(event.host, register.resolve(event.host, given))
        if container is None or container.name == name:
            return []
        register.set_name(container, name, event.time_ns, self.clock_ns, sure=False)
        return register.take_changes()

    def process_probe(self, event: Event, container: Container, probe: Probe) -> None:
        """Take over the exec of a health check, which is not an event: what it found is the container's health."""
        if "probe" in event.attributes:
            self.deduplicator.unidentified.refuse_nearest(event)
        self.register.process_probe(container, probe.command, event.time_ns, self.clock_ns)
        # With the engine's own files theirs counts: they know which failures are within the start period.
        if probe.failing_streak is not None and self.find is None:
            self.register.note_streak(container, probe.failing_streak, event.time_ns)

    def forget_file(self, container_id: str) -> None:
        """Read a container's file again when it is needed next."""
        self._found.pop(container_id, None)

    def with_only_id(self, event: Event, action: str) -> Event:
        """Return an event of a container that its line does not name with its id, if it can be one alone."""
        if event.event == UNPAUSE and not self.deduplicator.unidentified.is_reported(event):
            return self.resumed(event)
        if action == "create" and (task := _task(event)) is not None:
            return event._replace(id=self.creations.take(event.host, task, event.time_ns))
        return event

    def resumed(self, event: Event) -> Event:
        """Return the report that a container was resumed with its id, if one alone is paused on the host."""
        paused = self.register.paused(event.host) | self.deduplicator.pending_ids(event.host, "container.pause")
        for ended in (UNPAUSE, "container.die"):
            paused -= self.deduplicator.pending_ids(event.host, ended)
        return event._replace(id=paused.pop()) if len(paused) == 1 else event

    def with_printer(self, event: Event, container_id: str) -> Event:
        """Return a rule's own event about a container, such as what it printed, with its name, image and labels."""
        found = self.register.get(event.host, container_id)
        about = found or (self.file_of(container_id) if event.path == CONTAINERS else None)
        if about is None:
            return event
        image = {"image": about.image} if about.image else {}
        return event._replace(name=about.name, attributes={**image, **about.labels, **event.attributes})

    def with_container(self, event: Event) -> Event:
        """Return a network's event with the id of its endpoint's container, if that is known.

        The daemon's lines have the container's name, `docker events` its id. An endpoint without a container
        keeps its own name in its place: it is no container's.
        """
        attributes = event.attributes
        container = attributes.get("container") or self.register.resolve(event.host, attributes["endpoint"])
        if not looks_like_id(container) and not has_no_container(event):
            return event
        return event._replace(attributes={**attributes, "container": container})

    def completed(self, event: Event, container: Container) -> Event:
        """Return an event with the name and the labels of its container; a death with its cause."""
        if event.name is None or container.labels:
            event = with_name(event, container)
        return self._with_cause(event, container) if event.event == "container.die" else event

    def _with_cause(self, event: Event, container: Container) -> Event:
        """Return a death with the cause of its end, unless that is known."""
        if event.attributes.get("cause", UNKNOWN) != UNKNOWN:
            return event
        stopped_ns = self.services.stopped_ns(event.host)
        return event._replace(attributes={**event.attributes, "cause": exit_cause(event, container, stopped_ns)})


def _task(event: Event) -> str | None:
    """Return the task of swarm for which a container was created."""
    return event.attributes.get("container") if "service" in event.attributes else None


def with_name(event: Event, container: Container) -> Event:
    """Return the event with the name and the labels of its container."""
    name = event.name or container.name_at(event.time_ns)
    attributes: dict[str, Any] = {**container.labels, **event.attributes}
    if name is event.name and len(attributes) == len(event.attributes):
        return event
    return event._replace(name=name, attributes=attributes)
