"""What a correlation asks of an event: the key it is about, and what a step wants."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from logwatch.model import Correlation, Event

Key = tuple[str, ...]
"""The host, and the values of what `by` names."""


def beginning_of(correlation: Correlation) -> Callable[[Event], bool]:
    """What tells whether an event is the first step; of a value that is watched for, whether it is any."""
    steps = range(len(correlation.steps) if correlation.kind == "first_seen" else 1)
    return lambda event: any(matches(correlation, step, event) for step in steps)


def key_of(correlation: Correlation) -> Callable[[Event], Key | None]:
    """What works out an event's key: the host and the values of `by`; None where one is absent."""
    if correlation.by == ("id",):  # as nearly all are
        return lambda event: None if event.id is None else (event.host, event.id)
    return partial(_key, correlation)


def _key(correlation: Correlation, event: Event) -> Key | None:
    key = [event.host]
    for part in correlation.by:
        value = event.attributes.get(part[11:]) if part.startswith("attributes.") else getattr(event, part)
        if value is None:
            return None
        key.append(value)
    return tuple(key)


def matches(correlation: Correlation, step: int, event: Event) -> bool:
    """Whether an event is what a step wants: of its kind, with its attributes."""
    if step >= len(correlation.steps) or correlation.steps[step] != event.event:
        return False
    where = correlation.where[step] if step < len(correlation.where) else {}
    return all(event.attributes.get(key) == value for key, value in where.items())
