"""What somebody asked the engine for: whether it can have been granted, and what it says about names.

At debug level the engine logs each request before it looks at it, and up to version 27 it does not log that it refused one
(status 4xx). So a request makes its event only if nothing refuses it: an error in answer to it, a name that no container has,
or a state in which the engine does not do it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from logwatch.lifecycle.states import ALIVE
from logwatch.model import Container, Event, State
from logwatch.store.state_table import StateTable

MAX_NAMES = 4096
"""Most names per host that are kept; the oldest go first."""
PATH = re.compile(r"(?:/v[0-9.]{1,8})?/containers/(?P<object>[A-Za-z0-9][\w.-]{0,255})(?:/(?P<op>[a-z]{1,16}))?")
OPERATIONS = {"": "destroy", "exec": "exec_create"}
"""What the last part of a path asks for, if it is not the action itself."""
ENDED = frozenset({State.CREATED, State.EXITED, State.DEAD, State.GONE})
REFUSED_IN = {
    "pause": ENDED | {State.PAUSED},
    "unpause": ENDED | {State.RUNNING},
    "kill": ENDED,
    "stop": ENDED,
    "rename": frozenset({State.GONE}),
    "update": frozenset({State.GONE}),
    "restart": frozenset({State.GONE}),
    "attach": frozenset({State.GONE}),
    "destroy": frozenset({State.GONE}),
    "commit": frozenset({State.GONE}),
}
"""States of a container in which the engine refuses a request about it."""


class Refusal(NamedTuple):
    """A request that the engine refused: what was asked of which container."""

    object: str
    action: str


class Requests:
    """Which requests can have been granted on each host."""

    def __init__(self) -> None:
        self._names: StateTable[str, dict[str, int]] = StateTable("name-in-use")
        """Host to the names that containers were given, with the time of the request."""
        self._explicit: StateTable[str, int] = StateTable("refusals")
        """Hosts whose engine logs refused requests (28 and later), with the time of the last one."""
        self._awaited: StateTable[tuple[str, str], int] = StateTable("removal-awaited")
        """Containers that are removed when they end, with the time of the request."""
        self.tables = (self._names, self._explicit, self._awaited)

    def await_removal(self, host: str, container_id: str, time_ns: int) -> None:
        """Note that a container is removed when it ends."""
        self._awaited[host, container_id] = time_ns
        if len(self._awaited) > MAX_NAMES:
            del self._awaited[next(iter(self._awaited))]

    def was_awaited(self, host: str, container_id: str) -> bool:
        """Whether the container that ended is removed now; True once."""
        return self._awaited.pop((host, container_id), None) is not None

    def add_name(self, host: str, name: str, time_ns: int) -> None:
        """Note that a container was given this name."""
        names = self._names.setdefault(host, {})
        names.pop(name, None)
        names[name] = time_ns
        if len(names) > MAX_NAMES:
            del names[next(iter(names))]
        self._names.touch(host)

    def has_name(self, host: str, name: str) -> bool:
        """Whether a container was given this name and not removed since, as far as is known."""
        return name in self._names.get(host, {})

    def remove_name(self, host: str, name: str) -> None:
        """Note that a name is free again."""
        if self._names.get(host, {}).pop(name, None) is not None:
            self._names.touch(host)

    def mark_explicit(self, host: str, time_ns: int) -> None:
        """Note that the engine of a host logs refused requests."""
        self._explicit[host] = time_ns

    def is_refused(self, event: Event, action: str, container: Container | None, *, named: bool) -> bool:
        """Whether the engine cannot have done what was asked; `named` if the request names the container."""
        host = event.host
        if container is None:
            names = self._names.get(host)
            return named and names is not None and event.id not in names and host not in self._explicit
        if action == "destroy" and container.state in ALIVE and event.attributes.get("force") not in ("1", "true"):
            return True
        return container.announced and container.state in REFUSED_IN.get(action, ())


def refusal_of(path: str) -> Refusal | None:
    """What a request's path asked for; None if it is not about one container."""
    found = PATH.match(path)
    if found is None or found["object"] in ("create", "prune", "json"):
        return None
    op = found["op"] or ""
    return Refusal(found["object"], OPERATIONS.get(op, op))
