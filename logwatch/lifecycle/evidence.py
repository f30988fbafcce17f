"""Lines that prove something without being an event: which name an id has, and which ids are not Docker's.

Rules report them as events of the type `evidence`, which the lifecycle consumes. A name goes to an id only if one line has
both, or two lines of one request (`spanID=`, `sid:`) have one each; which container was created last proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from logwatch.lifecycle.containers import looks_like_id
from logwatch.model import Event, NamedContainer
from logwatch.store.state_table import StateTable

EVIDENCE = "evidence"
MAX_KEYS = 512
"""Most requests per host whose halves are kept."""
MAX_NAMED = 10_000
"""Most names that a source has of containers."""
MAX_FOREIGN = 10_000
"""Most ids of other namespaces that are kept."""


class NameTies:
    """Ids and names that were seen in one request."""

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
