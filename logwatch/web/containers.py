"""Containers as the committed series tell of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from logwatch.metrics.catalog import OTHER
from logwatch.metrics.exposition import Published

Key = tuple[str, str]
"""Host (empty where only one is told of) and name."""


@dataclass(slots=True)
class ContainerStatus:
    """A container: how it is and what happened to it."""

    name: str
    host: str = ""
    id: str = ""
    image: str = ""
    state: str = ""
    """Empty for one that was removed."""
    health: str = ""
    exit_code: int | None = None
    last_event: float = 0.0
    """Unix time in seconds."""
    last_action: str = ""
    events: dict[str, int] = field(default_factory=dict)


def containers(published: Published) -> list[ContainerStatus]:
    """Return all containers that have series, by host and name."""
    found: dict[Key, ContainerStatus] = {}

    def rows(metric: str, own: int) -> list[tuple[ContainerStatus, tuple[str, ...], float]]:
        """Pair each series of a metric with its container; `own` labels come before a host."""
        paired = []
        for labels, value in published.values(metric).items():
            host = labels[own] if len(labels) > own else ""
            key = (host, labels[0])
            if key not in found:
                found[key] = ContainerStatus(labels[0], host)
            paired.append((found[key], labels, value))
        return paired

    for status, labels, _ in rows("docker_container_info", 3):
        status.id, status.image = labels[1], labels[2]
    for status, labels, value in rows("docker_container_state", 2):
        status.state = labels[1] if value else status.state
    for status, labels, value in rows("docker_container_health", 2):
        status.health = labels[1] if value else status.health
    for status, _, value in rows("docker_container_exit_code", 1):
        status.exit_code = int(value)
    for status, labels, value in rows("docker_container_events_total", 2):
        if value:
            status.events[labels[1]] = int(value)
    for status, labels, value in rows("docker_container_last_event_timestamp_seconds", 2):
        if value > status.last_event:
            status.last_event, status.last_action = value, labels[1]
    return [found[key] for key in sorted(found) if key[1] != OTHER]


def totals(published: Published) -> Mapping[str, int]:
    """Return how often each `type.action` happened, of those that did."""
    counts: dict[str, int] = {}
    for labels, value in published.values("docker_events_total").items():
        if value:
            name = f"{labels[0]}.{labels[1]}"
            counts[name] = counts.get(name, 0) + int(value)
    return counts
