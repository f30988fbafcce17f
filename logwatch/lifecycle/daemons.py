"""The state of each host's daemon and containerd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from logwatch.lifecycle.occurrences import JOIN_NS
from logwatch.lifecycle.states import AFTERMATH, MOMENTARY, SERVICE, SERVICE_PROVES, SERVICE_STATEFUL, Service
from logwatch.model import Event
from logwatch.store.state_table import HostTable

SERVICES = frozenset({"daemon", "containerd"})
"""Types of their events."""
Key = tuple[str, str]
"""Host and type (`daemon`, `containerd`)."""


@dataclass(slots=True)
class ServiceState:
    """The state of a host's daemon or containerd."""

    state: Service = Service.UNKNOWN
    epoch: int = 0
    """How often the state changed: reports within one epoch are of one occurrence."""
    live_restore: bool = False
    ready_ns: int | None = None
    """When it became ready, while it runs."""
    start_epoch: int | None = None
    """The epoch since which it is known that it was started, until it ends."""
    stopped_ns: int | None = None
    """When it stopped; None while it runs, and after a crash."""


class Services:
    """The daemon and containerd of every host."""

    def __init__(self) -> None:
        self._services: HostTable[Key, ServiceState] = HostTable("service", _encode, _decode)
        self.tables = (self._services,)
        self.anomalies = 0
        """Events that the tables do not allow."""

    def epoch(self, event: Event, type_: str, action: str) -> int | None:
        """Return the number of changes of state so far, of a late start at that start; None for a momentary action."""
        service = self._services.get((event.host, type_))
        if action in MOMENTARY:
            return None
        if service is None:
            return 0
        if service.start_epoch is not None and _is_late_start(service, event):
            return service.start_epoch
        return service.epoch

    def was_started(self, host: str, type_: str) -> bool:
        """Whether it is known how the service that runs, or is about to, was started."""
        service = self._services.get((host, type_))
        return service is not None and (service.start_epoch is not None or service.state is Service.RUNNING)

    def stopped_ns(self, host: str) -> int | None:
        """Return when the host's daemon stopped with its containers; None if it runs, or left them running."""
        service = self._services.get((host, "daemon"))
        return None if service is None or service.live_restore else service.stopped_ns

    def is_starting(self, host: str, type_: str) -> bool:
        """Whether the service has begun to start and is not ready."""
        service = self._services.get((host, type_))
        return service is not None and service.state is Service.STARTING

    def is_aftermath(self, event: Event, type_: str, action: str) -> bool:
        """Whether the service manager reports of a service that has ended already."""
        service = self._services.get((event.host, type_))
        return service is not None and action in AFTERMATH.get(service.state, ())

    def process(self, type_: str, action: str, event: Event) -> bool:
        """Apply an event; returns whether the states of the host's containers are unknown after it."""
        if action not in SERVICE_STATEFUL and "live_restore" not in event.attributes:
            return False
        service = self._service(event.host, type_)
        before = service.state
        if _is_late_start(service, event):
            service.start_epoch = service.epoch
            return False
        service.state, allowed = follow_service(before, action)
        self.anomalies += not allowed
        service.epoch += service.state is not before
        _note_boot(service, event, action)
        if service.state in (Service.STOPPED, Service.FAILED):
            service.stopped_ns = event.time_ns if action == "stop" else service.stopped_ns
        else:
            service.stopped_ns = None
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
        service = self._services.setdefault((host, type_), ServiceState())
        self._services.touch((host, type_))
        return service


def _note_boot(service: ServiceState, event: Event, action: str) -> None:
    if action == "start":
        service.start_epoch = service.epoch
    if service.state is Service.RUNNING:
        service.ready_ns = event.time_ns if action == "ready" else service.ready_ns
    elif service.state is not Service.STARTING:
        service.ready_ns = service.start_epoch = None


def _is_late_start(service: ServiceState, event: Event) -> bool:
    """Whether a line about a start comes after the daemon is ready: engines 1.9 to 1.13 log their version then."""
    if event.event != "daemon.start" or service.state is not Service.RUNNING or service.ready_ns is None:
        return False
    return "version" in event.attributes and 0 <= event.time_ns - service.ready_ns <= JOIN_NS


def follow_service(state: Service, action: str) -> tuple[Service, bool]:
    """Return the service's next state, and whether the table allows the event."""
    after = SERVICE[state].get(action)
    if after is not None:
        return after, True
    return SERVICE_PROVES.get(action, state), action not in SERVICE_STATEFUL


def _encode(service: ServiceState) -> list[Any]:
    return [
        service.state,
        service.epoch,
        service.live_restore,
        service.ready_ns,
        service.start_epoch,
        service.stopped_ns,
    ]


def _decode(_key: Key, row: list[Any]) -> ServiceState:
    service = ServiceState(Service(row[0]), *row[1:])
    if len(row) == 3 and service.state is Service.STARTING:  # as older versions stored it
        service.start_epoch = service.epoch
    return service
