"""Which telling a line joins, and what it proves of those that are held."""

from __future__ import annotations

from logwatch.lifecycle.accounts import (
    CORROBORATING,
    JOIN_NS,
    LEADING,
    OOM_NS,
    PRIMARY,
    agree,
    is_death,
    is_start,
    repeats,
)
from logwatch.lifecycle.occurrences import REVOKED, Telling, joinable
from logwatch.model import Event

TROUBLES = ("_failed", "_error")
"""Actions that do not show that the object has ever run."""


def match(tellings: list[Telling], event: Event, clock_ns: int, epoch: int | None, *, certain: bool) -> Telling | None:
    """Find the telling, nearest in time, that the line joins."""
    best, distance = None, JOIN_NS + 1
    time_ns = event.time_ns
    for telling in tellings:
        gap = abs(telling.event.time_ns - time_ns)
        if gap >= distance and epoch is None:
            continue
        if gap < OOM_NS and repeats(telling.event, event, gap):
            return telling
        if epoch is not None and telling.epoch == epoch and event.role is CORROBORATING:
            return telling  # however often it is said: the service is in that state already
        if telling.epoch == epoch and is_open(telling, event, clock_ns) and absorbs(telling, event, certain=certain):
            best, distance = telling, min(gap, JOIN_NS)
    return best


def is_open(telling: Telling, event: Event, clock_ns: int) -> bool:
    """Whether the line can tell of it: its rule has not done so yet, and does not contradict."""
    return event.rule not in telling.tellers and joinable(telling, clock_ns) and agree(telling.event, event)


def absorbs(telling: Telling, event: Event, *, certain: bool) -> bool:
    """Whether a telling takes the line in: one that was revoked only what tells of the same mistake."""
    if telling.seq != REVOKED or event.role is CORROBORATING:
        return True
    return event.role is PRIMARY and bool(event.revoked_by) and not certain and is_death(event)


def confirms(held: list[Telling], event: Event, *, certain: bool) -> bool:
    """Whether a new line of the object proves what is held of it.

    A death after a start proves nothing where both may be revoked by one event: it is what a
    failed start looks like. A trouble proves nothing either: what could not start can often not
    be cleaned up. Anything else, also a second start, shows that the first was one.
    """
    if event.event.endswith(TROUBLES):
        return False
    if certain or not event.revoked_by or event.role is LEADING or is_start(event):
        return True
    return any(telling.event.event == event.event or not telling.revoked_by & event.revoked_by for telling in held)
