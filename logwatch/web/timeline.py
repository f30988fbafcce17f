"""A container's last hours as a strip: which state it was in, and what went wrong when.

    ▁▁▁▁████████▌▁▁███████████      state, from the events between two times
            │OOM │start_failed      marks of what should not happen

The states between events follow from the table of the lifecycle; the state before the first event is the usual one
(a container that dies was running). A container without events was in its present state all the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from logwatch.lifecycle.containers import follow
from logwatch.lifecycle.states import USUAL_BEFORE
from logwatch.model import Event, State

REMOVED = "removed"
"""How a strip calls the time before a container was created and after it was removed."""
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
    """Draw a container's strip between two times; `state` is its state at the end, empty if it was removed."""
    shown = sorted((event for event in events if since_ns <= event.time_ns < until_ns), key=lambda event: event.time_ns)
    turns = [(event, _action(event)) for event in shown if _action(event) in USUAL_BEFORE]
    length = max(1, until_ns - since_ns)

    def share(time_ns: int) -> float:
        return (time_ns - since_ns) / length

    if not turns:
        segments = [Segment(0.0, 1.0, state or REMOVED)]
    else:
        segments, begin, current = [], 0.0, USUAL_BEFORE[turns[0][1]]
        for event, action in turns:
            segments.append(Segment(begin, share(event.time_ns) - begin, _shown(current)))
            begin, current = share(event.time_ns), follow(current, action)[0]
        segments.append(Segment(begin, 1 - begin, state or REMOVED))
    marks = [Mark(share(event.time_ns), event) for event in shown if _action(event) in MARKED]
    return Timeline([segment for segment in segments if segment.width > 0], marks)


def _shown(state: State) -> str:
    return REMOVED if state is State.GONE else state.value


def _action(event: Event) -> str:
    return event.event.partition(".")[2]
