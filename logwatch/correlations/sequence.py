"""A ── B ── C: the last step within T of the first makes the event."""

from __future__ import annotations

from logwatch.correlations.conditions import Key, matches
from logwatch.correlations.course import Course, Open
from logwatch.correlations.making import make
from logwatch.model import Event, Outcome


def take(course: Course, key: Key, outcome: Outcome, clock_ns: int) -> list[Event]:
    """Go on, begin, or begin anew."""
    event, correlation = outcome.event, course.correlation
    under_way = course.opens.get(key)
    if under_way is not None and abs(event.time_ns - under_way.time_ns) > correlation.within_ns:
        course.close(key)
        under_way = None
    if under_way is not None and matches(correlation, under_way.step, event):
        course.match(outcome)
        attributes = {**event.attributes, **under_way.attributes}
        further = under_way._replace(step=under_way.step + 1, attributes=attributes)
        return _go_on(course, key, event, further, clock_ns)
    if (under_way is not None and under_way.step > 1) or not matches(correlation, 0, event):
        return []
    barred_ns = course.barred.get(key)
    if barred_ns is not None and abs(event.time_ns - barred_ns) <= correlation.within_ns:
        return []
    course.match(outcome)
    return _go_on(course, key, event, Open(event.time_ns, 1, event.attributes, None), clock_ns)


def _go_on(course: Course, key: Key, event: Event, under_way: Open, clock_ns: int) -> list[Event]:
    if under_way.step < len(course.correlation.steps):
        course.open(key, under_way)
        return []
    course.close(key)
    return [make(course, event, under_way.attributes, event.time_ns, clock_ns)]
