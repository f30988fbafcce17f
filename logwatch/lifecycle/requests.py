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
from logwatch.store.state_table import HostTable, StateTable

MAX_NAMES = 4096
"""Most names per host that are kept; the oldest go first."""
PATH = re.compile(r"(?:/v[0-9.]{1,8})?/containers/(?P<object>[A-Za-z0-9][\w.-]{0,255})(?:/(?P<op>[a-z]{1,16}))?")
IMAGES = re.compile(r"(?:/v[0-9.]{1,8})?/images/(?P<image>[^?]{1,512}?)(?:/(?P<op>push|tag))?(?:\?.*)?")
OTHERS = re.compile(
    r"(?:/v[0-9.]{1,8})?/(?P<op>images/load|images/create(?!\?.*fromImage=)|build|volumes/create|networks/create)(?:\?.*)?"
)
COMMIT = re.compile(r"(?:/v[0-9.]{1,8})?/commit\?(?:[^ ]*&)?container=(?P<object>[A-Za-z0-9][\w.-]{0,255})(?:&.*)?")
CREATES = {
    "images/load": "image.load",
    "images/create": "image.import",
    "build": "image.build",
    "volumes/create": "volume.create",
    "networks/create": "network.create",
}
"""What the paths of OTHERS ask for."""
OPERATIONS = {"": "destroy", "exec": "exec_create"}
"""What the last part of a path asks for, if it is not the action itself."""
ENDED = frozenset({State.CREATED, State.EXITED, State.DEAD, State.GONE})
ASKED: dict[str, tuple[str, ...]] = {"restart": ("restart", "stop")}
"""Which actions a request asks for, if not one."""
REFUSED_IN = {
    "pause": ENDED | {State.PAUSED, State.RESTARTING},
    "unpause": ENDED | {State.RUNNING, State.RESTARTING},
    "kill": ENDED | {State.RESTARTING},
    "stop": ENDED,
    "rename": frozenset({State.GONE}),
    "update": frozenset({State.GONE}),
    "restart": frozenset({State.GONE}),
    "attach": frozenset({State.GONE}),
    "destroy": frozenset({State.GONE}),
    "commit": frozenset({State.GONE}),
}
"""States of a container in which the engine refuses a request about it."""
OF_RUNNING = frozenset({"stop", "kill", "pause", "unpause"})
"""Requests that the engine refuses about a container that was never started."""


class Refusal(NamedTuple):
    """A request that the engine refused: what was asked of which container."""

    object: str
    action: str


class Requests:
    """Which requests can have been granted on each host."""

    def __init__(self) -> None:
        self._names: HostTable[str, dict[str, int]] = HostTable("name-in-use")
        """Host to the names that containers were given, with the time of the request."""
        self._explicit: HostTable[str, int] = HostTable("refusals")
        """Hosts whose engine logs refused requests (28 and later), with the time of the last one."""
        self._awaited: StateTable[tuple[str, str], int] = StateTable("removal-awaited")
        """Containers that are removed when they end, with the time of the request."""
        self._created: StateTable[tuple[str, str], int] = StateTable("created")
        """Containers that were created and have not ended since, with the time at which they were started first, or 0."""
        self.tables = (self._names, self._explicit, self._awaited, self._created)

    def add_created(self, host: str, container_id: str) -> None:
        """Note that a container was created."""
        self._created[host, container_id] = 0
        if len(self._created) > MAX_NAMES:
            del self._created[next(iter(self._created))]

    def note_start(self, host: str, container_id: str, time_ns: int) -> None:
        """Note that a container is being started."""
        if self._created.get((host, container_id)) == 0:
            self._created[host, container_id] = time_ns

    def note_end(self, host: str, container_id: str) -> None:
        """Note that a container has ended, or could not be started."""
        self._created.pop((host, container_id), None)

    def was_refused(self, event: Event, container: Container) -> bool:
        """Whether a container that should be stopped was not running, but started only then; or one to be removed runs on."""
        if event.event == "container.destroy":
            return _needs_force(event, container)
        if event.event != "container.stop":
            return False
        if self._created.get((event.host, container.id), 0) > event.time_ns:
            return True
        started_ns, ended_ns = container.times.get("start", 0), container.times.get("die", 0)
        return started_ns > event.time_ns and not event.time_ns <= ended_ns <= started_ns

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

    def remove_name(self, host: str, name: str, given_ns: int | None = None) -> None:
        """Note that a name is free again; with `given_ns` only if it was given then, by a rename that was refused."""
        names = self._names.get(host, {})
        if name in names and given_ns in (None, names[name]):
            del names[name]
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
        if action == "destroy" and _needs_force(event, container):
            return True
        if action in OF_RUNNING and self._created.get((host, container.id)) == 0:
            return True
        return container.announced and container.state in REFUSED_IN.get(action, ())


def has_force(event: Event) -> bool:
    """Whether a removal was asked for with force."""
    return event.attributes.get("force") in ("1", "true")


def _needs_force(event: Event, container: Container) -> bool:
    """Whether a container runs and its removal was asked for without force."""
    return container.state in ALIVE and not has_force(event)


def refusal_of(path: str) -> Refusal | None:
    """What a request's path asked for; None if it is not about one container."""
    commit = COMMIT.fullmatch(path)
    if commit is not None:
        return Refusal(commit["object"], "commit")
    found = PATH.match(path)
    if found is None or found["object"] in ("create", "prune", "json"):
        return None
    op = found["op"] or ""
    return Refusal(found["object"], OPERATIONS.get(op, op))


def refusal_without_id(method: str, path: str) -> tuple[str, str | None] | None:
    """Return the type of event that a request asked for whose events have no id, and the image that it names."""
    found = OTHERS.fullmatch(path)
    if found is not None and method == "POST":
        return CREATES[found["op"]], None
    found = IMAGES.fullmatch(path)
    if found is None or (found["op"] is None) is not (method == "DELETE"):
        return None
    return ("image.untag" if method == "DELETE" else f"image.{found['op']}"), found["image"]
