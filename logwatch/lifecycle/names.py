"""Which container an id, a short id or a name means, and what a container is called.

The engine logs ids. A name comes from a `docker events` line, from the inventory, from a
rename, or from a debug line `POST /containers/create?name=web`, which has no id: it is bound
to the next id that is born, if that comes within seconds, was never seen before, and no
other creation is under way. Otherwise the container keeps its 12 hex digits: no name is
better than a wrong one. For the same reason a prefix of fewer than 12 digits means nothing:
`db` and `cafe` are names.

A name has one owner per host at a time. Who takes it over proves that the former owner is
gone or was renamed. What a container was called is remembered after it was removed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from logwatch.model import SECOND, SHORT_ID

FULL_ID = 64
BORN_NS = 10 * SECOND
"""Between a creation and the first line of the new id."""
PENDING = 64
"""Most creations under way per host: with two of them no name is given any more."""
HEX = frozenset("0123456789abcdef")


def looks_like_id(text: str) -> bool:
    """Whether a text is a full id or a prefix of one that is long enough to be no name."""
    return SHORT_ID <= len(text) <= FULL_ID and HEX.issuperset(text)


class Names:
    """The containers known by host and id, and their names."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str | None] = {}
        self._owners: dict[tuple[str, str], str] = {}
        self._prefixes: dict[tuple[str, str], list[str]] = {}
        self._pending: dict[str, dict[str, int]] = {}
        self._dirty: set[tuple[str, str]] = set()
        self._dirty_pending: set[str] = set()
        self._stored: set[str] = set()

    def resolve(self, host: str, given: str) -> str:
        """Return the id of the known container that is meant, else what was given.

        As Docker does: a name goes before a prefix.
        """
        if len(given) == FULL_ID or (host, given) in self._names:
            return given
        owner = self._owners.get((host, given))
        if owner is not None:
            return owner
        if len(given) < SHORT_ID:
            return given
        found = [each for each in self._prefixes.get((host, given[:SHORT_ID]), ()) if each.startswith(given)]
        return found[0] if len(found) == 1 else given

    def known(self, host: str, container_id: str) -> bool:
        """Whether the id was seen before."""
        return (host, container_id) in self._names

    def of(self, host: str, container_id: str) -> str | None:
        """The container's name, as far as known."""
        return self._names.get((host, container_id))

    def owner(self, host: str, name: str) -> str | None:
        """The id of the container that has this name now."""
        return self._owners.get((host, name))

    def add(self, host: str, container_id: str) -> str | None:
        """Take note of an id; returns the short id under which this container was known until now."""
        if (host, container_id) in self._names:
            return None
        prefix = (host, container_id[:SHORT_ID])
        siblings = self._prefixes.setdefault(prefix, [])
        short = next((each for each in siblings if len(each) < FULL_ID and container_id.startswith(each)), None)
        if short is not None:
            siblings.remove(short)
            self._names[host, container_id] = self._names.pop((host, short))
            self._dirty.add((host, short))
            name = self._names[host, container_id]
            if name is not None and self._owners.get((host, name)) == short:
                self._owners[host, name] = container_id
        else:
            self._names[host, container_id] = None
        siblings.append(container_id)
        self._dirty.add((host, container_id))
        return short

    def learn(self, host: str, container_id: str, name: str) -> str | None:
        """Give a known container its name; returns the id of the former owner of the name, if any."""
        before = self._names[host, container_id]
        former = self._owners.get((host, name))
        if before == name and former == container_id:
            return None
        if before is not None and self._owners.get((host, before)) == container_id:
            del self._owners[host, before]
        self._names[host, container_id] = name
        self._owners[host, name] = container_id
        self._dirty.add((host, container_id))
        if former is None or former == container_id:
            return None
        self._names[host, former] = None
        self._dirty.add((host, former))
        return former

    def release(self, host: str, container_id: str) -> None:
        """Free the name of a container that is gone; it is still what that container was called."""
        name = self._names.get((host, container_id))
        if name is not None and self._owners.get((host, name)) == container_id:
            del self._owners[host, name]
            self._dirty.add((host, container_id))

    def reclaim(self, host: str, container_id: str) -> None:
        """The container is not gone after all: it has its name again, unless another one took it over."""
        name = self._names.get((host, container_id))
        if name is not None and self._owners.setdefault((host, name), container_id) != container_id:
            self._names[host, container_id] = None
        self._dirty.add((host, container_id))

    def forget(self, host: str, container_id: str) -> None:
        """Drop a container."""
        self.release(host, container_id)
        self._names.pop((host, container_id), None)
        siblings = self._prefixes.get((host, container_id[:SHORT_ID]), [])
        if container_id in siblings:
            siblings.remove(container_id)
        if not siblings:
            self._prefixes.pop((host, container_id[:SHORT_ID]), None)
        self._dirty.add((host, container_id))

    # ── creations whose id is not known yet ──────────────────────────────────────────

    def expect(self, host: str, name: str, time_ns: int) -> None:
        """A container of that name is being created."""
        pending = self._pending.setdefault(host, {})
        if len(pending) >= PENDING:
            pending.clear()
        pending[name] = time_ns
        self._dirty_pending.add(host)

    def expect_none(self, host: str) -> None:
        """A creation failed; which one is not told."""
        if self._pending.pop(host, None):
            self._dirty_pending.add(host)

    def born(self, host: str, time_ns: int) -> str | None:
        """Return the name for an id seen first at that time, if there is no doubt."""
        pending = self._pending.get(host)
        if not pending:
            return None
        for name in [name for name, then_ns in pending.items() if abs(time_ns - then_ns) > BORN_NS]:
            del pending[name]
            self._dirty_pending.add(host)
        if len(pending) != 1:
            return None
        self._dirty_pending.add(host)
        return pending.popitem()[0]

    # ── state ────────────────────────────────────────────────────────────────────────

    def changed_rows(self) -> dict[str, str | None]:
        """Hand over what changed since the last call."""
        rows: dict[str, str | None] = {}
        for key in self._dirty:
            rows[f"name {json.dumps(key)}"] = self._dump(key) if key in self._names else None
        for host in self._dirty_pending:
            pending = self._pending.get(host)
            rows[f"pending {json.dumps(host)}"] = json.dumps(pending) if pending else None
        self._dirty.clear()
        self._dirty_pending.clear()
        rows = {key: row for key, row in rows.items() if row is not None or key in self._stored}
        self._stored |= rows.keys()
        self._stored -= {key for key, row in rows.items() if row is None}
        return rows

    def _dump(self, key: tuple[str, str]) -> str:
        name = self._names[key]
        return json.dumps([name, name is not None and self._owners.get((key[0], name)) == key[1]])

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue from the rows of the last commit."""
        for key, row in rows.items():
            what, _, subject = key.partition(" ")
            if what == "pending":
                self._pending[json.loads(subject)] = json.loads(row)
            elif what == "name":
                host, container_id = json.loads(subject)
                name, owns = json.loads(row)
                self._names[host, container_id] = name
                self._prefixes.setdefault((host, container_id[:SHORT_ID]), []).append(container_id)
                if owns:
                    self._owners[host, name] = container_id
            else:
                continue
            self._stored.add(key)
