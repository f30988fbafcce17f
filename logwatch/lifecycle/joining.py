"""Which occurrence an event joins, and what it proves of others: decisions that change nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from logwatch.lifecycle.occurrences import (
    BUILDER,
    EMITTED,
    JOIN_NS,
    KILL_NS,
    KILLS,
    LEADING,
    OOM_NS,
    PENDING,
    PRIMARY,
    REQUEST,
    REVOKED,
    SECONDARY,
    SUPPORTING,
    Occurrence,
    compatible,
)
from logwatch.model import SECOND, Event

CREATE = "container.create"
TROUBLES = ("_failed", "_error")
"""Actions that do not show that the object has ever run."""


def match(
    group: list[Occurrence], event: Event, clock_ns: int, epoch: int | None, *, certain: bool
) -> Occurrence | None:
    """Find the occurrence, nearest in time, that the event joins."""
    best, distance = None, JOIN_NS + 1
    time_ns = event.time_ns
    for occurrence in group:
        gap = abs(occurrence.event.time_ns - time_ns)
        if gap >= distance and epoch is None:
            continue
        if gap <= KILL_NS and is_duplicate(occurrence.event, event, gap):
            return occurrence
        if epoch is not None and occurrence.epoch == epoch and event.role in SECONDARY:
            return occurrence  # however often it is reported: the service is in that state already
        if (
            occurrence.epoch == epoch
            and event.rule not in occurrence.rules
            and occurrence.joinable(clock_ns)
            and compatible(occurrence.event, event)
            and absorbs(occurrence, event, certain=certain)
        ):
            best, distance = occurrence, min(gap, JOIN_NS)
    return best


def is_duplicate(known: Event, event: Event, gap_ns: int) -> bool:
    """Whether a line repeats what was reported: `docker events` after a restart, or a kernel's line written twice."""
    if event.event in KILLS and "pid" in event.attributes and known.rule == event.rule:
        return is_same_kill(known, event)
    if gap_ns >= OOM_NS or known.role is not LEADING or known.rule != event.rule or not compatible(known, event):
        return False
    if event.event == "container.oom":
        return gap_ns < OOM_NS
    return gap_ns == 0 and event.time_ns % SECOND != 0 and event.attributes.items() <= known.attributes.items()


def is_same_kill(known: Event, event: Event) -> bool:
    """Whether two lines of one rule report the end of one process."""
    pid = event.attributes.get("pid")
    near = abs(known.time_ns - event.time_ns) <= KILL_NS
    return near and pid is not None and known.rule == event.rule and known.attributes.get("pid") == pid


def absorbs(occurrence: Occurrence, event: Event, *, certain: bool) -> bool:
    """Whether an occurrence takes the event in: a revoked one only reports of the same mistake."""
    if occurrence.status is not REVOKED or event.role in SECONDARY:
        return True
    return event.role is PRIMARY and bool(event.revoked_by) and not certain and is_death(event)


def confirms(pending: list[Occurrence], event: Event, *, certain: bool) -> bool:
    """Whether a new event of the object proves what is pending of it.

    A death after a start proves nothing if both may be revoked by one event: it is what a
    failed start looks like. A trouble proves nothing either: what could not start can often not
    be cleaned up. Anything else, also a second start, shows that the first was one.
    """
    if event.event.endswith(TROUBLES) and not certain:
        return False
    if certain or not event.revoked_by or event.role is LEADING or is_start(event):
        return True
    reported = (each for each in pending if each.event.role is not REQUEST and each.event.event != CREATE)
    return any(each.event.event == event.event or not each.revoked_by & event.revoked_by for each in reported)


def newest_ns(group: Iterable[Occurrence], until_ns: int) -> int:
    """The time of the newest occurrence up to a time that was not revoked; 0 without one."""
    happened = (each.event.time_ns for each in group if each.status in (PENDING, EMITTED))
    return max((time_ns for time_ns in happened if time_ns <= until_ns), default=0)


def mergeable(occurrence: Occurrence) -> Iterator[Occurrence]:
    """The oldest pending event without an id of each rule that reports the occurrence."""
    for group in occurrence.event_type.pending.values():
        for each in group.values():
            reported = any(rule in occurrence.rules for rule in each.rules) or precedes(each.event, occurrence.event)
            if not reported and each.event.role in SECONDARY and compatible(occurrence.event, each.event):
                yield each
                break


def precedes(event: Event, request: Event) -> bool:
    """Whether what happened cannot be what was asked for: it came before the request."""
    asks = request.role is REQUEST or (request.role is SUPPORTING and "method" in request.attributes)
    return asks and event.time_ns < request.time_ns


def nearest(found: Iterable[Occurrence], event: Event) -> Occurrence | None:
    """Find the nearest in time, of two the older."""
    return min(found, key=lambda each: (abs(each.event.time_ns - event.time_ns), each.order), default=None)


def announces(event: Event) -> bool:
    """Whether it is logged before the container is created."""
    return event.role is REQUEST or event.attributes.get("container") == BUILDER


def is_refused(occurrence: Occurrence) -> bool:
    """Whether it was only asked for, and refused: what happens without an object is something else."""
    return occurrence.status is REVOKED and occurrence.event.role in (REQUEST, SUPPORTING)


def is_dead_shim(event: Event) -> bool:
    """Whether a start failed that a line without an id has reported: not one that a request's answer reports."""
    return event.event.endswith(".start_failed") and event.role in SECONDARY and "path" not in event.attributes


def is_start(event: Event) -> bool:
    """Whether the event begins something that may turn out to have failed."""
    return event.event.endswith(".start")


def is_death(event: Event) -> bool:
    """Whether the event is a death; a start that failed may be followed by one."""
    return event.event.endswith(".die")
