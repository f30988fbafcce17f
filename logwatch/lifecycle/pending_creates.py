"""Create requests without an id, whose names wait for one.

A debug line `POST /containers/create?name=web` has a name and no id. The name goes to the next id
that was never seen before, if that comes within seconds and no other creation is under way.
"""

from __future__ import annotations

from logwatch.model import SECOND, Event
from logwatch.store.state_table import StateTable

PENDING_NS = 10 * SECOND
"""Longest time between a create request and the first line of the new id."""
MAX_PENDING = 64
"""Most create requests under way per host; with two of them no name is given."""
FIRST_ACTIONS = frozenset({"create", "attach", "start", "start_failed"})
"""Actions of which one is the first event of a container that was just created."""


class PendingCreates:
    """The create requests of every host that are under way."""

    def __init__(self) -> None:
        self._pending: StateTable[str, dict[str, int]] = StateTable("pending")
        """Host to the names and the times of the requests."""
        self.tables = (self._pending,)

    def add(self, host: str, name: str, time_ns: int) -> None:
        """Add a request."""
        pending = self._pending.setdefault(host, {})
        if len(pending) >= MAX_PENDING:
            pending.clear()
        pending[name] = time_ns
        self._pending.touch(host)

    def clear(self, host: str) -> None:
        """Drop all requests of a host: one failed, and the line does not say which."""
        self._pending.pop(host, None)

    def match(self, event: Event, action: str) -> str | None:
        """Return the name under which the id of its first event was created, if only one is possible."""
        pending = self._pending.get(event.host)
        if not pending or action not in FIRST_ACTIONS or event.name is not None:
            return None
        for name in [name for name, then_ns in pending.items() if abs(event.time_ns - then_ns) > PENDING_NS]:
            del pending[name]
        found = pending.popitem()[0] if len(pending) == 1 else None
        self._pending.touch(event.host)
        if not pending:
            del self._pending[event.host]
        return found
