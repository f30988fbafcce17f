"""Containers as the page and the API show them: the register, with what the series count of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from logwatch.metrics.exposition import Published
from logwatch.model import SECOND, Container, State
from logwatch.notation import whole

Key = tuple[str, str]
"""Host (empty if there is only one) and name."""


@dataclass(slots=True)
class ContainerStatus:
    """A container: its state, and what happened to it."""

    name: str
    host: str = ""
    id: str = ""
    image: str = ""
    project: str = ""
    service: str = ""
    state: str = ""
    """Empty for one that was removed."""
    since: float = 0.0
    """When it came into this state: Unix time in seconds."""
    health: str = ""
    failing_streak: int = 0
    """Failed health probes in a row."""
    probe_output: str = ""
    """What the last failed one printed."""
    exit_code: int | None = None
    cause: str = ""
    """Why it ended last."""
    last_event: float = 0.0
    """Unix time in seconds."""
    last_action: str = ""
    events: dict[str, int] = field(default_factory=dict)


def containers(register: Iterable[Container], published: Published) -> list[ContainerStatus]:
    """Return all containers by host and name; of those with one name only the last one."""
    latest: dict[Key, Container] = {}
    for each in sorted(register, key=lambda each: (each.state is not State.GONE, each.gone_ns or 0, each.last_ns)):
        latest[each.host, each.label] = each
    several = len({host for host, _ in latest}) > 1
    found = {key: _status(each, key[0] if several else "") for key, each in sorted(latest.items())}
    for status, action, value in _values(found, published, "docker_container_events_total"):
        if value:
            status.events[action] = int(value)
    ended: dict[Key, float] = {}
    for status, cause, value in _values(found, published, "docker_container_last_exit_timestamp_seconds"):
        if value > ended.get((status.host, status.name), 0.0):
            ended[status.host, status.name], status.cause = value, cause
    seen: dict[Key, float] = {}
    for status, action, value in _values(found, published, "docker_container_last_event_timestamp_seconds"):
        if value > seen.get((status.host, status.name), 0.0):
            seen[status.host, status.name] = status.last_event = value
            status.last_action = action
    return list(found.values())


def _status(container: Container, host: str) -> ContainerStatus:
    gone = container.state is State.GONE
    return ContainerStatus(
        name=container.label,
        host=host,
        id=container.id,
        image=container.image or "",
        project=container.project or "",
        service=container.service or "",
        state="" if gone else container.state.value,
        since=container.since_ns / SECOND,
        health=container.health or "",
        failing_streak=container.failing_streak,
        probe_output=container.probe_output,
        exit_code=whole(container.exit_code or ""),
        last_event=container.last_ns / SECOND,
    )


def _values(
    found: Mapping[Key, ContainerStatus], published: Published, metric: str
) -> Iterator[tuple[ContainerStatus, str, float]]:
    """Yield the series of a metric with their containers, actions and values, in the order of labels."""
    by_name: dict[str, list[tuple[str, ContainerStatus]]] = {}
    for (host, name), status in found.items():
        by_name.setdefault(name, []).append((host, status))
    for (name, action, *of), value in published.values(metric).items():
        for host, status in by_name.get(name, ()):
            if not of or of[0] == host:
                yield status, action, value


def totals(published: Published) -> Mapping[str, int]:
    """Return how often each `type.action` happened, of those that did."""
    counts: dict[str, int] = {}
    for labels, value in published.values("docker_events_total").items():
        if value:
            name = f"{labels[0]}.{labels[1]}"
            counts[name] = counts.get(name, 0) + int(value)
    return counts
