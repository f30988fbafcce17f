"""Which events happened."""

from __future__ import annotations

from fnmatch import fnmatchcase

from logwatch.model import SECOND, Event
from logwatch.rulefiles.units import duration_text
from logwatch.ruletests.expectations import Check, Failure, compared
from logwatch.ruletests.running import Performance
from logwatch.ruletests.schema import EventSpec, EventTestSpec

SHORTEST_ID = 12


def judge(check: Check, performance: Performance) -> Failure | None:
    """Compare all events of a kind, or how many there are."""
    spec = check.spec
    assert isinstance(spec, EventTestSpec)
    found = [
        event
        for event in performance.seen.events.values()
        if spec.event is None or fnmatchcase(event.event, spec.event)
    ]
    what = f"events {spec.event or 'of all kinds'}"
    if spec.exp_count is not None:
        if len(found) == spec.exp_count:
            return None
        got = [_event(event, performance.start_ns) for event in found]
        return compared(check, what, [f"{spec.exp_count} events"], got)
    expected = [_narrowed(each, spec.event) for each in spec.exp_events or ()]
    lines = [_expected_event(each) for each in expected]
    got = [
        lines[index]
        if index < len(expected) and _is(event, expected[index], performance.start_ns)
        else _event(event, performance.start_ns)
        for index, event in enumerate(found)
    ]
    return compared(check, what, lines, got)


def _narrowed(spec: EventSpec, kind: str | None) -> EventSpec:
    return spec.model_copy(update={"event": spec.event or kind})


def _is(event: Event, spec: EventSpec, start_ns: int) -> bool:
    attributes = event.attributes
    return (
        (spec.event is None or fnmatchcase(event.event, spec.event))
        and (spec.id is None or _same_id(event.id or "", spec.id))
        and spec.name in {None, event.name}
        and spec.host in {None, event.host}
        and (spec.severity is None or str(spec.severity) == str(event.severity))
        and spec.rule in {None, event.rule}
        and (spec.at is None or round(spec.at.total_seconds() * SECOND) == event.time_ns - start_ns)
        and all(attributes.get(name) == value for name, value in spec.attributes.items())
        and (
            not spec.exact
            or attributes.keys() == {name for name, value in spec.attributes.items() if value is not None}
        )
    )


def _same_id(got: str, expected: str) -> bool:
    return got == expected or (len(expected) >= SHORTEST_ID and got.startswith(expected))


def _expected_event(spec: EventSpec) -> str:
    at = None if spec.at is None else duration_text(spec.at)
    named = {
        "id": spec.id,
        "name": spec.name,
        "host": spec.host,
        "severity": spec.severity,
        "rule": spec.rule,
        "at": at,
    }
    words = [spec.event or "*", *(f"{key}={value}" for key, value in named.items() if value is not None)]
    words += [f"{key}={'(none)' if value is None else value}" for key, value in spec.attributes.items()]
    return " ".join(words) + (" (and no other attribute)" if spec.exact else "")


def _event(event: Event, start_ns: int) -> str:
    at = f"{(event.time_ns - start_ns) / SECOND:g}s"
    named = {
        "id": event.id,
        "name": event.name,
        "host": event.host,
        "severity": event.severity,
        "rule": event.rule,
        "at": at,
    }
    words = [event.event, *(f"{key}={value}" for key, value in named.items() if value)]
    return " ".join([*words, *(f"{key}={value}" for key, value in event.attributes.items())])
