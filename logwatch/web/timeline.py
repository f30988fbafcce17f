"""A container's last hours as a strip: which state it was in, and what went wrong when.

    ▁▁▁▁████████▌▁▁████▒▒▒████      state, from the events between two times; ▒ running, but unhealthy
            │OOM │start_failed      marks of what should not happen

The states between events follow from the table of the lifecycle; the state before the first event is the usual one
(a container that dies was running). A container without events was in its present state all the time. A container is
unhealthy from the event that says so until it is healthy again or starts again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from logwatch.lifecycle.containers import follow
from logwatch.lifecycle.states import USUAL_BEFORE
from logwatch.model import Event, State

REMOVED = "removed"
"""How a strip calls the time before a container was created and after it was removed."""
HEALTH = "health_status"
UNHEALTHY = "unhealthy"
"""How a strip calls the time in which a container ran and its health check failed; the engine calls the health so, too."""
MARKED = frozenset(
    {"oom", "start_failed", "stop_timeout", "kill_failed", "destroy_failed", "exec_failed", "restart_refused"}
)


class Segment(NamedTuple):
    """A stretch in one state; begin and width are shares of the whole, from 0 to 1."""

    begin: float
    width: float
    state: str


class Mark(NamedTuple):
    """Something that went wrong at one moment."""

    at: float
    event: Event


class Timeline(NamedTuple):
    """A strip."""

    segments: Sequence[Segment]
    marks: Sequence[Mark]


def timeline(events: Iterable[Event], state: str, since_ns: int, until_ns: int, *, health: str = "") -> Timeline:
    """Draw a container's strip between two times; `state` (empty if it was removed) and `health` are those at the end."""
    shown = sorted((event for event in events if since_ns <= event.time_ns < until_ns), key=lambda event: event.time_ns)
    turns = [event for event in shown if _action(event) in USUAL_BEFORE or _action(event) == HEALTH]
    length = max(1, until_ns - since_ns)

    def share(time_ns: int) -> float:
        return (time_ns - since_ns) / length

    actions = [action for event in turns if (action := _action(event)) in USUAL_BEFORE]
    at_the_end = State(state) if state else State.GONE
    current = USUAL_BEFORE[actions[0]] if actions else at_the_end
    is_unhealthy = not turns and health == UNHEALTHY
    segments, begin = [], 0.0
    for event in turns:
        segments.append(Segment(begin, share(event.time_ns) - begin, _shown(current, is_unhealthy=is_unhealthy)))
        begin, action = share(event.time_ns), _action(event)
        if action == HEALTH:
            is_unhealthy = event.attributes.get("health") == UNHEALTHY
        else:
            current = follow(current, action)[0]
            is_unhealthy = is_unhealthy and action not in {"start", "restart", "die"}
    segments.append(Segment(begin, 1 - begin, _shown(at_the_end, is_unhealthy=health == UNHEALTHY)))
    marks = [Mark(share(event.time_ns), event) for event in shown if _action(event) in MARKED]
    return Timeline(_joined(segment for segment in segments if segment.width > 0), marks)


def _joined(segments: Iterable[Segment]) -> Sequence[Segment]:
    """Make one of neighbours in the same state."""
    joined: list[Segment] = []
    for each in segments:
        if joined and joined[-1].state == each.state:
            joined[-1] = joined[-1]._replace(width=joined[-1].width + each.width)
        else:
            joined.append(each)
    return joined


def _shown(state: State, *, is_unhealthy: bool) -> str:
    if state is State.RUNNING and is_unhealthy:
        return UNHEALTHY
    return REMOVED if state is State.GONE else state.value


def _action(event: Event) -> str:
    return event.event.partition(".")[2]
