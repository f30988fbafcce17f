"""How each host's daemon and containerd fare."""

from __future__ import annotations

import json
from collections.abc import Mapping

from logwatch.lifecycle.states import MOMENTARY, SERVICE_STATEFUL, Service, follow_service
from logwatch.model import Event


class Fate:
    """The state of a host's daemon or containerd."""

    __slots__ = ("epoch", "live_restore", "state")

    def __init__(self) -> None:
        self.state = Service.UNKNOWN
        self.epoch = 0
        """How often the state changed: what is told within one epoch is told of one event."""
        self.live_restore = False

    def dump(self) -> str:
        """Return all of it as JSON."""
        return json.dumps([self.state, self.epoch, self.live_restore])

    @classmethod
    def load(cls, row: str) -> Fate:
        """Make one from what `dump` returned."""
        fate = cls()
        state, fate.epoch, fate.live_restore = json.loads(row)
        fate.state = Service(state)
        return fate


class Services:
    """The daemon and containerd of every host."""

    def __init__(self) -> None:
        self._fates: dict[tuple[str, str], Fate] = {}
        self._dirty: set[tuple[str, str]] = set()

    def epoch(self, host: str, type_: str, action: str) -> int | None:
        """The number of changes of state so far; None for an action that does not last."""
        fate = self._fates.get((host, type_))
        return None if action in MOMENTARY else fate.epoch if fate else 0

    def follow(self, type_: str, action: str, event: Event) -> tuple[bool, bool]:
        """Take an event; returns whether the table allows it, and whether containers are unknown by it."""
        if action not in SERVICE_STATEFUL and "live_restore" not in event.attributes:
            return True, False
        fate = self._fates.setdefault((event.host, type_), Fate())
        self._dirty.add((event.host, type_))
        before = fate.state
        fate.state, allowed = follow_service(before, action)
        fate.epoch += fate.state is not before
        killed = action == "start" and before is Service.RUNNING
        doubt = type_ == "daemon" and (action in ("stop", "crash") or killed) and not fate.live_restore
        if action == "start" and fate.state is not before:
            fate.live_restore = False
        self.amend(type_, event)
        return allowed, doubt

    def amend(self, type_: str, event: Event) -> None:
        """Take over what an event's attributes say, also when they are told later."""
        if event.attributes.get("live_restore") == "true":
            self._fates.setdefault((event.host, type_), Fate()).live_restore = True
            self._dirty.add((event.host, type_))

    def changed_rows(self) -> dict[str, str | None]:
        """Hand over what changed since the last call."""
        rows: dict[str, str | None] = {f"service {json.dumps(key)}": self._fates[key].dump() for key in self._dirty}
        self._dirty.clear()
        return rows

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue from the rows of the last commit."""
        for key, row in rows.items():
            what, _, name = key.partition(" ")
            if what == "service":
                host, type_ = json.loads(name)
                self._fates[host, type_] = Fate.load(row)
