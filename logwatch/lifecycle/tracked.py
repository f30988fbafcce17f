"""What is known of each container."""

from __future__ import annotations

import json
from typing import NamedTuple

from logwatch.model import Event, State


class ContainerView(NamedTuple):
    """A container as the API and the page show it."""

    host: str
    id: str
    name: str | None
    state: State
    image: str | None
    since_ns: int
    """When it came into this state."""
    restarts: int
    """Starts after the first one that was seen."""
    exit_code: str | None
    ooms: int
    health: str | None
    project: str | None
    service: str | None


class Tracked:
    """What is known of one container."""

    __slots__ = (
        "announced",
        "dirty",
        "exit_code",
        "gone_ns",
        "health",
        "host",
        "id",
        "image",
        "labels",
        "last_ns",
        "ooms",
        "restarts",
        "since_ns",
        "started",
        "state",
    )

    def __init__(self, host: str, container_id: str, time_ns: int) -> None:
        self.host = host
        self.id = container_id
        self.state = State.UNKNOWN
        self.since_ns = time_ns
        self.last_ns = 0
        """The clock at its last event."""
        self.dirty = False
        self.announced = False
        """Its state has been told to the stages that follow."""
        self.image: str | None = None
        self.labels: dict[str, str] = {}
        """Attributes that every event of it gets: compose project and service."""
        self.started = False
        self.restarts = 0
        self.exit_code: str | None = None
        self.ooms = 0
        self.health: str | None = None
        self.gone_ns: int | None = None

    def take_attributes(self, event: Event) -> None:
        """Take over what an event's attributes say about its container."""
        attributes = event.attributes
        self.image = attributes.get("image") or self.image
        if event.event == "container.die":
            self.exit_code = attributes.get("exit_code") or attributes.get("exitCode") or self.exit_code
        elif event.event == "container.health_status":
            self.health = attributes.get("health") or self.health

    def view(self, name: str | None) -> ContainerView:
        """Return it as the API shows it."""
        return ContainerView(
            self.host,
            self.id,
            name,
            self.state,
            self.image,
            self.since_ns,
            self.restarts,
            self.exit_code,
            self.ooms,
            self.health,
            self.labels.get("compose_project"),
            self.labels.get("compose_service"),
        )

    def dump(self) -> str:
        """Return all of it as JSON."""
        return json.dumps({key: getattr(self, key) for key in self.__slots__ if key not in ("dirty", "host", "id")})

    @classmethod
    def load(cls, host: str, container_id: str, row: str) -> Tracked:
        """Make one from what `dump` returned."""
        tracked = cls(host, container_id, 0)
        for key, value in json.loads(row).items():
            setattr(tracked, key, value)
        tracked.state = State(tracked.state)
        return tracked
