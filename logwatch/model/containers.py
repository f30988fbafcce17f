"""What is known of one container."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

FULL_ID = 64
"""Hex digits of a whole id."""
HEX = frozenset("0123456789abcdef")
SHORT_ID = 12
"""Hex digits of an id that Docker shows, and that stand in for an unknown name."""


COMPOSE_LABELS = {"com.docker.compose.project": "compose_project", "com.docker.compose.service": "compose_service"}
"""Labels that each container's events and series have, and as what."""
CHOSEN_LABEL = "label_"
"""Before the key of a label that `docker.labels` chooses."""
_REPLACED = re.compile(r"[^a-zA-Z0-9_]")


def label_name(key: str) -> str:
    """Return the name that a container's label has as an attribute of events and a label of series.

    >>> label_name("com.example.team")
    'label_com_example_team'
    """
    return CHOSEN_LABEL + _REPLACED.sub("_", key)


def is_label(attribute: str) -> bool:
    """Whether an attribute of an event is a label of its container."""
    return attribute.startswith((CHOSEN_LABEL, "compose_"))


class State(StrEnum):
    """A container's state, in the words of Docker's own diagram."""

    __hash__ = str.__hash__  # that of Enum runs in Python, at each look-up in a table

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    EXITED = "exited"
    DEAD = "dead"
    REMOVING = "removing"
    UNKNOWN = "unknown"
    GONE = "gone"
    """Removed; never exported."""


@dataclass(slots=True)
class Container:
    """One container of the register (`lifecycle.containers`), which alone changes it."""

    host: str
    id: str
    name: str | None = None
    """What it is, or was before its removal, called."""
    owns_name: bool = False
    """The name means this container now; it does not after a removal."""
    former_name: str | None = None
    """What it was called until `renamed_ns`."""
    renamed_ns: int = 0
    state: State = State.UNKNOWN
    since_ns: int = 0
    """When it came into this state."""
    last_ns: int = 0
    """The clock at its last event."""
    announced: bool = False
    """A change of its state was returned to the stages that follow."""
    image: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    """Attributes that every event of it gets: compose project and service, and labels that were chosen."""
    started: bool = False
    restarts: int = 0
    """Starts after the first one that was seen."""
    restart_count: int | None = None
    """How often the engine restarted it, as its own file says."""
    exit_code: str | None = None
    ooms: int = 0
    health: str | None = None
    failing_streak: int = 0
    """Failed probes in a row."""
    probe: str | None = None
    """The command of its health check, if it is known."""
    probe_output: str = ""
    """What the last failed probe printed."""
    times: dict[str, int] = field(default_factory=dict)
    """Action to when it last happened, of those that explain an end (`lifecycle.endings`)."""
    gone_ns: int | None = None
    """When it was removed, by the clock; None while it exists."""
    expired: bool = False
    """It was removed so long ago that its series ended."""
    order: int = 0
    """Its place among those that are removed, or among those without a name: times may be equal."""

    def name_at(self, time_ns: int) -> str | None:
        """Return what it was called at a time, as far back as one rename."""
        return self.former_name if self.former_name is not None and time_ns < self.renamed_ns else self.name

    @property
    def label(self) -> str:
        """The value of the label `name` of its series."""
        return self.name or self.id[:SHORT_ID]

    @property
    def project(self) -> str | None:
        """The compose project."""
        return self.labels.get("compose_project")

    @property
    def service(self) -> str | None:
        """The compose service."""
        return self.labels.get("compose_service")
