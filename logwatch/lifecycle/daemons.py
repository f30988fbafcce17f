"""The state of each host's daemon and containerd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from logwatch.lifecycle.states import MOMENTARY, SERVICE, SERVICE_PROVES, SERVICE_STATEFUL, Service
from logwatch.model import Event
from logwatch.store.state_table import StateTable

Key = tuple[str, str]
"""Host and type (`daemon`, `containerd`)."""


@dataclass(slots=True)
class ServiceState:
    """The state of a host's daemon or containerd."""

    state: Service = Service.UNKNOWN
    epoch: int = 0
    """How often the state changed: reports within one epoch are of one occurrence."""
    live_restore: bool = False


class Services:
    """The daemon and containerd of every host."""

    def __init__(self) -> None:
        self._services: StateTable[Key, ServiceState] = StateTable("service", _encode, _decode)
        self.tables = (self._services,)
        self.anomalies = 0
        """Events that the tables do not allow."""

    def epoch(self, host: str, type_: str, action: str) -> int | None:
        """Return the number of changes of state so far; None for an action that does not last."""
        service = self._services.get((host, type_))
        return None if action in MOMENTARY else service.epoch if service else 0

    def process(self, type_: str, action: str, event: Event) -> bool:
        """Apply an event; returns whether the states of the host's containers are unknown after it."""
        if action not in SERVICE_STATEFUL and "live_restore" not in event.attributes:
            return False
        service = self._service(event.host, type_)
        before = service.state
        service.state, allowed = follow_service(before, action)
        self.anomalies += not allowed
        service.epoch += service.state is not before
        killed = action == "start" and before is Service.RUNNING
        unknown = type_ == "daemon" and (action in ("stop", "crash") or killed) and not service.live_restore
        if action == "start" and service.state is not before:
            service.live_restore = False
        self.amend(type_, event)
        return unknown

    def amend(self, type_: str, event: Event) -> None:
        """Take over what an event's attributes say, also if they are reported later."""
        if event.attributes.get("live_restore") == "true":
            self._service(event.host, type_).live_restore = True

    def _service(self, host: str, type_: str) -> ServiceState:
        self._services.touch((host, type_))
        return self._services.setdefault((host, type_), ServiceState())


def follow_service(state: Service, action: str) -> tuple[Service, bool]:
    """Return the service's next state, and whether the table allows the event."""
    after = SERVICE[state].get(action)
    if after is not None:
        return after, True
    return SERVICE_PROVES.get(action, state), action not in SERVICE_STATEFUL


def _encode(service: ServiceState) -> list[Any]:
    return [service.state, service.epoch, service.live_restore]


def _decode(_key: Key, row: list[Any]) -> ServiceState:
    return ServiceState(Service(row[0]), row[1], row[2])
