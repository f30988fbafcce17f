"""A: of this key for the first time, or again after T without."""

from __future__ import annotations

from logwatch.correlations.conditions import Key, matches
from logwatch.correlations.course import Course, Open
from logwatch.correlations.making import make
from logwatch.model import Event, Outcome


def take(course: Course, key: Key, outcome: Outcome, clock_ns: int) -> list[Event]:
    """Note when the key was seen last."""
    event, correlation = outcome.event, course.correlation
    if not any(matches(correlation, step, event) for step in range(len(correlation.steps))):
        return []
    course.match(outcome)
    last = course.opens.get(key)
    newest_ns = event.time_ns if last is None else max(event.time_ns, last.time_ns)
    course.open(key, Open(newest_ns, 0, {}, None))
    if last is not None and event.time_ns - last.time_ns < correlation.within_ns:
        return []
    return [make(course, event, event.attributes, event.time_ns, clock_ns)]
