"""What was told lately of each type.action on each host, whatever the object."""

from __future__ import annotations

import json
from collections.abc import Mapping

from logwatch.lifecycle.accounts import CORROBORATING
from logwatch.lifecycle.occurrences import REMEMBERED_NS, Kind, Telling
from logwatch.model import SECOND, Event

Place = tuple[str, str]
"""Host and type.action."""
HEARD_NS = 7 * 86_400 * SECOND
"""For so long a host counts as one whose better tellers are heard."""
HEARD_STEP_NS = 3600 * SECOND


class Kinds:
    """The kinds of every host."""

    def __init__(self) -> None:
        self._kinds: dict[Place, Kind] = {}
        self._dirty: set[Place] = set()
        self._stored: set[str] = set()

    def of(self, event: Event) -> Kind:
        """Return the kind of an event."""
        place = (event.host, event.event)
        kind = self._kinds.get(place)
        if kind is None:
            kind = self._kinds[place] = Kind()
        return kind

    def at(self, place: Place) -> Kind | None:
        """Return the kind at a place, None where nothing was told of it."""
        return self._kinds.get(place)

    def hear(self, telling: Telling, clock_ns: int) -> None:
        """Take note that somebody told of one; how long ago that is matters to the hour."""
        kind = telling.kind
        if telling.event.role is CORROBORATING:
            return
        if kind.heard_ns is None or kind.heard_ns + HEARD_STEP_NS <= clock_ns:
            kind.heard_ns = clock_ns
            self._dirty.add((telling.event.host, telling.event.event))

    def sweep(self, clock_ns: int) -> list[Telling]:
        """Forget kinds that were not heard of for long; returns the events without an id that nothing can join."""
        outdated = []
        for place, kind in list(self._kinds.items()):
            outdated += kind.outdated(clock_ns - REMEMBERED_NS)
            if kind.heard_ns is not None and kind.heard_ns + HEARD_NS < clock_ns:
                kind.heard_ns = None
                self._dirty.add(place)
            if not kind:
                del self._kinds[place]
        return outdated

    def changed_rows(self) -> dict[str, str | None]:
        """Hand over what changed since the last call."""
        rows: dict[str, str | None] = {}
        for place in self._dirty:
            key, kind = f"heard {json.dumps(place)}", self._kinds.get(place)
            if kind is not None and kind.heard_ns is not None:
                rows[key] = json.dumps(kind.heard_ns)
                self._stored.add(key)
            elif key in self._stored:
                rows[key] = None
                self._stored.remove(key)
        self._dirty.clear()
        return rows

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue from the rows of the last commit."""
        for key, row in rows.items():
            what, _, name = key.partition(" ")
            if what == "heard":
                self._kinds.setdefault(tuple(json.loads(name)), Kind()).heard_ns = json.loads(row)
                self._stored.add(key)
