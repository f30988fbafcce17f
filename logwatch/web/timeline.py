"""A container's last hours as a strip: which state it was in, and what went wrong when.

    ▁▁▁▁████████▌▁▁███████████      state, from the events between two times
            │OOM │start_failed      marks of what should not happen

What was before the first event is told by that event (who dies was running), and what is after the last by it; a
container without events was all the time what it is now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from logwatch.model import Event

UNKNOWN = "unknown"
AFTER = {
    "create": "created",
    "start": "running",
    "restart": "running",
    "unpause": "running",
    "pause": "paused",
    "die": "exited",
    "destroy": "removed",
}
"""The state that follows an action; other actions change none."""
BEFORE = {
    "create": "removed",
    "start": "exited",
    "restart": "running",
    "unpause": "paused",
    "pause": "running",
    "die": "running",
    "destroy": "exited",
}
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


def timeline(events: Iterable[Event], state: str, since_ns: int, until_ns: int) -> Timeline:
    """Draw a container's strip between two times; `state` is how it is at the end, empty where it was removed."""
    told = sorted((event for event in events if since_ns <= event.time_ns < until_ns), key=lambda event: event.time_ns)
    turns = [(event, _action(event)) for event in told if _action(event) in AFTER]
    length = max(1, until_ns - since_ns)

    def share(time_ns: int) -> float:
        return (time_ns - since_ns) / length

    segments: list[Segment] = []
    begin, current = 0.0, BEFORE[turns[0][1]] if turns else state or "removed"
    for event, action in turns:
        segments.append(Segment(begin, share(event.time_ns) - begin, current))
        begin, current = share(event.time_ns), AFTER[action]
    segments.append(Segment(begin, 1 - begin, state or "removed" if turns else current))
    marks = [Mark(share(event.time_ns), event) for event in told if _action(event) in MARKED]
    return Timeline([segment for segment in segments if segment.width > 0], marks)


def _action(event: Event) -> str:
    return event.event.partition(".")[2]
