"""What happened, and what it means for the containers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from logwatch.model.containers import SHORT_ID, State
from logwatch.model.lines import SECOND
from logwatch.model.rules import Role

Attributes = Mapping[str, str]
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


class Outcome(NamedTuple):
    """An event that the lifecycle accepted, or (`amends`) the fuller form of one it had accepted.

    `seq` counts accepted events from 1 and identifies the event in the history for ever.
    """

    seq: int
    event: Event
    amends: bool = False


class StateChange(NamedTuple):
    """A container is now in another state."""

    time_ns: int
    host: str
    id: str
    label: str
    """The value of the label `name` of its series at that time."""
    before: State | None
    after: State


class Renamed(NamedTuple):
    """A container's name was found out or changed; its series under the old label end here."""

    time_ns: int
    host: str
    id: str
    label: str
    old_label: str

    @property
    def is_late_name(self) -> bool:
        """Whether the container had no name before: its id was counted under."""
        return self.old_label == self.id[:SHORT_ID]


class Expired(NamedTuple):
    """The series of a container end here: it was removed some time ago, or is no longer kept."""

    time_ns: int
    host: str
    id: str
    label: str
    is_forgotten: bool
    """The register dropped it; else it is kept, and may yet be reported."""


class Described(NamedTuple):
    """What the engine's own file says of a container, where that changed."""

    time_ns: int
    host: str
    id: str
    label: str
    image: str | None
    labels: Attributes
    exit_code: str | None
    health: str | None
    """None while it does not run, and without a check."""
    restart_count: int


class Probed(NamedTuple):
    """The number of a container's failed health probes in a row changed."""

    time_ns: int
    host: str
    id: str
    label: str
    failing_streak: int


Consequence = Outcome | StateChange | Renamed | Expired | Described | Probed
"""What the lifecycle returns to the stages after it, in order."""
