"""What happened, and what it means for the containers."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from logwatch.model.lines import SECOND
from logwatch.model.rules import Role

Attributes = Mapping[str, str]
SHORT_ID = 12
"""Hex digits of an id that Docker shows, and that stand in for an unknown name."""
LONGEST_NAME = 512
"""Characters of an id, a name or a kind of event; an image's reference has at most 255 and a digest."""
LONGEST_VALUE = 4096
"""Characters of an attribute."""
LATE_NS = 10 * SECOND
"""What comes longer after its time is a late event."""


class Event(NamedTuple):
    """Something that happened to an object of the engine, according to a rule."""

    time_ns: int
    event: str
    """`type.action`, in the words of `docker events` where it has one."""
    host: str
    id: str | None
    """Of the object, as the line gives it: 64 or 12 hex digits, a name or a reference."""
    name: str | None
    attributes: Attributes
    severity: str
    rule: str
    path: str
    offset: int
    line: int | None = None
    role: Role = Role.PRIMARY
    stamp_ns: int = 0
    """The header's time: the clock when the event was read."""
    revoked_by: frozenset[str] = frozenset()


class State(StrEnum):
    """A container's state, in the words of Docker's own diagram."""

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


class Outcome(NamedTuple):
    """An event that the lifecycle accepted, or (`amends`) the fuller form of one it had accepted.

    `seq` counts accepted events from 1 and identifies the event in the history for ever.
    """

    seq: int
    event: Event
    amends: bool = False


class Container(NamedTuple):
    """A container as series know it; two with one name share its series, one after the other."""

    host: str
    id: str
    name: str | None

    @property
    def label(self) -> str:
        """The value of the label `name`."""
        return self.name or self.id[:SHORT_ID]


class StateChange(NamedTuple):
    """A container is now in another state."""

    time_ns: int
    container: Container
    before: State | None
    after: State


class Renamed(NamedTuple):
    """A container's name was learned or changed; its old series end here."""

    time_ns: int
    container: Container
    """With the new name."""
    old_label: str


Consequence = Outcome | StateChange | Renamed
"""What the lifecycle tells the stages after it, in order."""
