"""Makes the event of a correlation out of those of its steps."""

from __future__ import annotations

from collections.abc import Mapping

from logwatch.correlations.course import Course
from logwatch.model import Event, Role


def make(course: Course, event: Event, attributes: Mapping[str, str], time_ns: int, clock_ns: int) -> Event:
    """Make the correlation's event, about the object and with the line of one of its steps."""
    correlation = course.correlation
    own = {}
    for name, template in course.templates.items():
        value = template.render(lambda field: _field(event, attributes, field))
        if value is not None:
            own[name] = value
    return Event(
        time_ns,
        correlation.event,
        event.host,
        event.id,
        event.name,
        {**attributes, **own},
        correlation.severity,
        correlation.id,
        event.path,
        event.offset,
        event.line,
        Role.PRIMARY,
        max(clock_ns, time_ns),
    )


def _field(event: Event, attributes: Mapping[str, str], field: str) -> str | None:
    """What a placeholder of a correlation means: `id`, `name`, `host`, or an attribute of a step."""
    if field in ("id", "name", "host"):
        value = getattr(event, field)
        return None if value is None else str(value)
    return attributes.get(field.removeprefix("attributes.").removeprefix("event."))
