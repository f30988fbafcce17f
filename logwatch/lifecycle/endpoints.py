"""Which container an endpoint was made for: an endpoint has the name of its container, and no line has its id, too.

While a container starts, the engine mounts its file system, makes its endpoints and then announces them:

    container mounted … container=<id>    Assigning addresses for endpoint <name>'s interface …    EnableService <id> START
    └──────────────────────────────── the container is being started ─────────────────────────────┘

An endpoint belongs to one of the containers that were being started at each of its lines. If that was only one, and no other
endpoint was made then, the name is that container's. A container that has its name is no candidate for another one, nor is
one that was created before any container of that name was asked for. While a container is connected to a network nothing is concluded
of its name, or, if the request does not say which it is, of any.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from logwatch.lifecycle.occurrences import LEADING
from logwatch.model import SECOND, Event
from logwatch.store.state_table import HostTable

KEEP_NS = 60 * SECOND
"""So long a start may last at most."""
MOUNTED_NS = 5 * SECOND
"""So long it may last until the engine makes the container's bundle; what was only mounted, to copy from it, gets none."""
CONNECTING_NS = 3 * SECOND
"""So long after a request to connect a running container to a network, its endpoint may be made."""
MOST = 256
"""Most starts, and most names, per host that are kept; with more nothing is concluded for a while."""
GATEWAY, BUILD = "gateway_", 25
"""How swarm's own endpoints begin, and how long the names of a build's are, all letters and digits."""


@dataclass(slots=True)
class Starting:
    """What is known of the starts on one host."""

    open: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Containers that are being started: when that began, and until when it lasts at most."""
    done: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Containers that were started, and have no name yet."""
    named: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Containers that were started, and whose name is known."""
    names: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    """Names of endpoints to the time of their first line, and whose they may be."""
    silent_ns: int = 0
    """Until then nothing is concluded."""
    asked: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Names of containers that were asked for, or 0 if one was renamed so, and when first and last."""
    created: dict[str, int] = field(default_factory=dict)
    """Containers whose creation the log has, and when they were created."""
    unknown: int = 0
    """Requests to connect a container, of which it is not known which one."""
    connected: dict[str, int] = field(default_factory=dict)
    """Names of containers that are connected to a network, and until when an endpoint may be made for that."""


class EndpointTies:
    """Ids and names of containers that were tied by the endpoints made at their starts."""

    def __init__(self) -> None:
        self._hosts: HostTable[str, Starting] = HostTable("endpoints", asdict, _decode)
        self.tables = (self._hosts,)

    def open(self, host: str, container_id: str, time_ns: int) -> None:
        """A container is being started."""
        starting = self._at(host, time_ns)
        starting.done.pop(container_id, None)
        starting.named.pop(container_id, None)
        starting.open.setdefault(container_id, (time_ns, time_ns + MOUNTED_NS))

    def go_on(self, host: str, container_id: str, time_ns: int) -> None:
        """A container that is being started has its bundle."""
        starting = self._at(host, time_ns)
        if container_id in starting.open:
            starting.open[container_id] = starting.open[container_id][0], time_ns + KEEP_NS

    def connect(self, host: str, name: str | None, time_ns: int, *, form: bool = False) -> None:
        """A container that may be running is connected to a network; `form` says which the request before is about."""
        starting = self._at(host, time_ns)
        if name is not None:
            starting.connected[name] = time_ns + CONNECTING_NS
            starting.unknown -= form and starting.unknown > 0
        elif not form:
            starting.unknown += 1
            starting.silent_ns = time_ns + CONNECTING_NS

    def ask(self, host: str, name: str, time_ns: int, *, rename: bool = False) -> None:
        """A container of this name is asked for, or one is renamed so."""
        starting = self._at(host, time_ns)
        first_ns, _ = starting.asked.get(name, (time_ns, 0))
        starting.asked[name] = 0 if rename else first_ns, time_ns

    def create(self, host: str, container_id: str, time_ns: int) -> None:
        """A container that was asked for is created: a name that was never asked for before is not its own."""
        self._at(host, time_ns).created[container_id] = time_ns

    def add(self, host: str, name: str, network: str | None, time_ns: int) -> None:
        """An endpoint is being made."""
        if is_own(name, network):
            return
        starting = self._at(host, time_ns)
        if (starting.unknown and time_ns < starting.silent_ns) or name in starting.connected:
            return
        if not starting.open:  # a start of which the log does not have the beginning
            starting.names.pop(name, None)
            return
        asked_ns, _ = starting.asked.get(name, (0, 0))
        candidates = [
            each
            for each in starting.open
            if each not in starting.named and starting.created.get(each, asked_ns) >= asked_ns
        ]
        first_ns, before = starting.names.get(name, (time_ns, candidates))
        starting.names[name] = first_ns, [each for each in candidates if each in before]

    def close(self, host: str, container_id: str, time_ns: int) -> Iterator[tuple[str, str]]:
        """A container that was being started before `time_ns` is no longer; yields each id and name that belong together."""
        if host not in self._hosts or container_id not in self._hosts[host].open:
            return
        starting = self._at(host, time_ns)
        if starting.open.get(container_id, (time_ns + 1, 0))[0] > time_ns:
            return
        starting.done[container_id] = starting.open.pop(container_id)[0], time_ns + KEEP_NS
        while (tie := _tie(starting)) is not None:
            tied, name = tie
            starting.named[tied] = starting.done.pop(tied)
            del starting.names[name]
            for _, candidates in starting.names.values():
                if tied in candidates:
                    candidates.remove(tied)
            yield tied, name

    def _at(self, host: str, time_ns: int) -> Starting:
        """Return what is known of a host without what is too old; it is about to change."""
        starting = self._hosts.setdefault(host, Starting())
        self._hosts.touch(host)
        for kept in (starting.open, starting.done, starting.named):
            for key in [key for key, (_, last_ns) in kept.items() if last_ns < time_ns]:
                del kept[key]
        if starting.silent_ns < time_ns:
            starting.unknown = 0
        # A container's name is asked for before it is created, so it is kept for longer.
        starting.asked = {name: each for name, each in starting.asked.items() if each[1] >= time_ns - 2 * KEEP_NS}
        starting.created = {each: at_ns for each, at_ns in starting.created.items() if at_ns >= time_ns - KEEP_NS}
        starting.connected = {name: last_ns for name, last_ns in starting.connected.items() if last_ns >= time_ns}
        for name in [name for name, (first_ns, _) in starting.names.items() if first_ns < time_ns - KEEP_NS]:
            del starting.names[name]
        containers = max(len(starting.open), len(starting.done), len(starting.named), len(starting.created))
        names = max(len(starting.names), len(starting.asked), len(starting.connected))
        if max(containers, names) > MOST:
            self._hosts[host] = starting = Starting(silent_ns=time_ns + KEEP_NS, unknown=1)
        return starting


def is_own(name: str, network: str | None) -> bool:
    """Whether an endpoint is one of swarm's own or of a build's step: it has no container."""
    return name.startswith(GATEWAY) or name == f"{network}-endpoint" or (len(name) == BUILD and name.isalnum())


def _tie(starting: Starting) -> tuple[str, str] | None:
    """Find a start that is over and the one name that can be its container's alone."""
    sure: dict[str, list[str]] = {}
    for name, (_, candidates) in starting.names.items():
        if len(candidates) == 1:
            sure.setdefault(candidates[0], []).append(name)
    return next(((each, names[0]) for each, names in sure.items() if each in starting.done and len(names) == 1), None)


def _decode(_key: str, row: dict[str, Any]) -> Starting:
    return Starting(**row)


def has_no_container(event: Event) -> bool:
    """Whether an endpoint joins or leaves a network that has no container."""
    endpoint = event.attributes.get("endpoint")
    if endpoint is None or event.role is LEADING:
        return False
    return is_own(endpoint, event.attributes.get("network") or event.id)
