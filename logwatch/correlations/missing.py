"""A ────┤ no B: the first step waits, any other ends the waiting; what waits until T makes the event."""

from __future__ import annotations

from logwatch.correlations.conditions import Key, matches
from logwatch.correlations.course import Course, Open
from logwatch.correlations.making import make
from logwatch.model import Event, Outcome


def take(course: Course, key: Key, outcome: Outcome, _clock_ns: int) -> list[Event]:
    """Begin to wait, or wait no more: nothing is made before the time is over."""
    event, correlation = outcome.event, course.correlation
    if key in course.opens:
        if any(matches(correlation, step, event) for step in range(1, len(correlation.steps))):
            course.match(outcome)
            course.close(key)
    elif matches(correlation, 0, event):
        course.match(outcome)
        course.open(key, Open(event.time_ns, 1, event.attributes, event))
    return []


def over(course: Course, waiting: Open, deadline_ns: int, clock_ns: int) -> list[Event]:
    """The time of what waits is over; only where something was awaited it has a first step to tell of."""
    if waiting.event is None:
        return []
    return [make(course, waiting.event, waiting.attributes, deadline_ns, clock_ns)]
