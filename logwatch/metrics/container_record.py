"""What the series under the name of one container show, as it is committed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from logwatch.model import Attributes, LabelValues, State

_STORED = ("host", "label", "id", "state", "image", "health")

Key = tuple[str, str]
"""Host (empty unless there are several) and label of a container."""


@dataclass(slots=True)
class ContainerSeries:
    """What the series under one name show of the container that has the name now."""

    host: str
    label: str
    id: str
    state: str = State.UNKNOWN.value
    removed: bool = False
    image: str = ""
    health: str | None = None
    """What the check last reported; empty after the container ended, None without a check."""
    begun_ns: int = 0
    """When it was first counted; 0 if that is not known."""
    labels: Attributes = field(default_factory=dict)
    """Of the container, by their names as labels of series."""
    ended: list[tuple[str, LabelValues, float]] | None = None
    """The counters (metric, labels, value) of series that ended, should the name come again; None: it has series."""
    counted_as: str = ""
    """The label under which it is counted since its removal, with others that lived shortly."""

    @property
    def is_shown(self) -> bool:
        """Whether a container has series under this name; one that counts others together is none."""
        return bool(self.id) and self.ended is None and not self.counted_as


def decode(_key: Key, row: dict[str, Any]) -> ContainerSeries:
    """Read a row of the state; a key is missing where an older version wrote it."""
    # Older versions stored the times by which they decided when series end.
    removed = row.get("removed", row.get("destroyed_ns") is not None)
    host, label, container_id, state, image, health = (row[name] for name in _STORED)
    begun_ns, labels, counted_as = row.get("begun_ns", 0), row.get("labels", {}), row.get("counted_as", "")
    ended = row.get("ended")
    if ended is not None:
        ended = [(name, tuple(values), value) for name, values, value in ended]
    return ContainerSeries(
        host, label, container_id, state, removed, image, health, begun_ns, labels, ended, counted_as
    )
