"""What is derived from the containers of the register: whom a name or a prefix means, and which containers are due.

None of it is committed but the `order` of each container: after a restart it is made of the containers again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from logwatch.lifecycle.states import ALIVE
from logwatch.model import FULL_ID, SHORT_ID, Container, State

PAUSED, GONE, UNKNOWN = State.PAUSED, State.GONE, State.UNKNOWN

Key = tuple[str, str]
"""Host and id."""


class ContainerIndex:
    """The containers by name, by prefix of their id, by state, and in the order in which they are dropped."""

    def __init__(self) -> None:
        self.owners: dict[Key, str] = {}
        """Host and name to the id of the container that the name means now."""
        self.removed: OrderedDict[Key, None] = OrderedDict()
        """In the order of their removal."""
        self.with_series: OrderedDict[Key, None] = OrderedDict()
        """Those of the removed ones that are not `Expired`, in the same order."""
        self.unnamed: OrderedDict[Key, None] = OrderedDict()
        """In the order of their last events."""
        self.alive: set[Key] = set()
        self.at_rest: set[Key] = set()
        self._paused: dict[str, set[str]] = {}
        """Host to the ids of its paused containers."""
        self._prefixes: dict[Key, list[str]] = {}
        self._newest = 0
        """The `order` of the container that came last into a queue."""

    def restore(self, containers: Iterable[Container], unidentified: Iterable[Container]) -> None:
        """Make all of it again; containers in rows of older versions have no order, but times."""
        loose = {(each.host, each.id): each for each in unidentified}
        for container in sorted((*containers, *loose.values()), key=_place):
            key, order = (container.host, container.id), container.order
            if key in loose:
                self.add_unidentified(container)
            else:
                self.add_id(*key)
                if container.owns_name and container.name is not None:
                    self.owners[container.host, container.name] = container.id
                self.file(container)
            container.order = order
            self._newest = max(self._newest, order)

    def paused(self, host: str) -> set[str]:
        """Return the ids of the paused containers of a host."""
        return self._paused.get(host, set()).copy()

    def meant(self, host: str, prefix: str) -> str | None:
        """Return the only id of a host that begins with at least twelve digits; None if there is none, or several."""
        found = [each for each in self._prefixes.get((host, prefix[:SHORT_ID]), ()) if each.startswith(prefix)]
        return found[0] if len(found) == 1 else None

    def shortened(self, host: str, container_id: str) -> str | None:
        """Return the short id under which the container of an id is known."""
        siblings = self._prefixes.get((host, container_id[:SHORT_ID]), ())
        return next((each for each in siblings if len(each) < FULL_ID and container_id.startswith(each)), None)

    def add_id(self, host: str, container_id: str) -> None:
        """Add the id of a new container."""
        self._prefixes.setdefault((host, container_id[:SHORT_ID]), []).append(container_id)

    def add_unidentified(self, container: Container) -> None:
        """Add a container of which only a name is known."""
        self.unnamed[container.host, container.id] = None
        self._number(container)

    def lengthen(self, host: str, short: str, container_id: str) -> None:
        """Give a container that was known by a short id its full one, at the same place in every order."""
        self._prefixes[host, short[:SHORT_ID]].remove(short)
        self.add_id(host, container_id)
        old, new = (host, short), (host, container_id)
        self.removed = _replaced(self.removed, old, new)
        self.with_series = _replaced(self.with_series, old, new)
        self.unnamed = _replaced(self.unnamed, old, new)

    def forget(self, container: Container) -> None:
        """Remove a container from all of it."""
        key = (container.host, container.id)
        self.withdraw(container)
        for queue in (self.removed, self.with_series, self.unnamed):
            queue.pop(key, None)
        prefix = (container.host, container.id[:SHORT_ID])
        siblings = self._prefixes.get(prefix, [])
        if container.id in siblings:
            siblings.remove(container.id)
        if not siblings:
            self._prefixes.pop(prefix, None)

    def note_event(self, container: Container) -> None:
        """Let a container without a name be dropped after all others: something was read of it."""
        key = (container.host, container.id)
        if key in self.unnamed:
            self.unnamed.move_to_end(key)
            self._number(container)

    def _number(self, container: Container) -> None:
        self._newest += 1
        container.order = self._newest

    def file(self, container: Container) -> None:
        """Add a container where its state and name put it, after it was withdrawn."""
        key = (container.host, container.id)
        if container.announced and container.state in ALIVE:
            self.alive.add(key)
            if container.state is PAUSED:
                self._paused.setdefault(container.host, set()).add(container.id)
        elif container.announced and container.state not in (GONE, UNKNOWN):
            self.at_rest.add(key)
        # Both queues are in the order in which their containers are dropped: who is in one stays at its place.
        if container.state is GONE:
            if key not in self.removed:
                self.removed[key] = None
                self._number(container)
            if not container.expired:
                self.with_series.setdefault(key)
            self.unnamed.pop(key, None)
        else:
            self.removed.pop(key, None)
            self.with_series.pop(key, None)
            if container.name is not None:
                self.unnamed.pop(key, None)
            elif key not in self.unnamed:
                self.unnamed[key] = None
                self._number(container)

    def withdraw(self, container: Container) -> None:
        """Remove a container from where its state put it."""
        key = (container.host, container.id)
        self.alive.discard(key)
        self.at_rest.discard(key)
        paused = self._paused.get(container.host)
        if paused is not None:
            paused.discard(container.id)
            if not paused:
                del self._paused[container.host]


def _place(container: Container) -> tuple[int, int, str, str]:
    return container.order, container.gone_ns or container.last_ns, container.host, container.id


def _replaced(queue: OrderedDict[Key, None], key: Key, by: Key) -> OrderedDict[Key, None]:
    """Return a queue in which another key has the place of one."""
    return OrderedDict.fromkeys(by if each == key else each for each in queue) if key in queue else queue
