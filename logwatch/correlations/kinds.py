"""The kinds of correlations: what each makes of an event of a key."""

from __future__ import annotations

from logwatch.correlations.correlation_state import CorrelationState, Key, Open
from logwatch.model import Event, Outcome


def sequence(state: CorrelationState, key: Key, outcome: Outcome, clock_ns: int) -> list[Event]:
    """A ── B ── C: the last step within T of the first makes the event."""
    event, within_ns = outcome.event, state.correlation.within_ns
    opened = state.opens.get(key)
    if opened is not None and abs(event.time_ns - opened.time_ns) > within_ns:
        state.close(key)
        opened = None
    if opened is not None and state.matches(opened.step, event):
        state.match(outcome)
        attributes = {**event.attributes, **opened.attributes}
        return _go_on(state, key, event, opened._replace(step=opened.step + 1, attributes=attributes), clock_ns)
    if (opened is not None and opened.step > 1) or not state.matches(0, event):
        return []
    barred_ns = state.barred.get(key)
    if barred_ns is not None and abs(event.time_ns - barred_ns) <= within_ns:
        return []
    state.match(outcome)
    return _go_on(state, key, event, Open(event.time_ns, 1, event.attributes, None), clock_ns)


def _go_on(state: CorrelationState, key: Key, event: Event, opened: Open, clock_ns: int) -> list[Event]:
    if opened.step < len(state.correlation.steps):
        state.open(key, opened)
        return []
    state.close(key)
    return [state.make(event, opened.attributes, event.time_ns, clock_ns)]


def missing(state: CorrelationState, key: Key, outcome: Outcome, clock_ns: int) -> list[Event]:
    """A ────┤ no B: the first step waits, any other ends the waiting; what waits until T makes the event (`expire`)."""
    event, opened = outcome.event, state.opens.get(key)
    if opened is not None:
        if any(state.matches(step, event) for step in range(1, len(state.correlation.steps))):
            state.match(outcome)
            state.close(key)
            deadline_ns = opened.time_ns + state.lasts_ns
            if event.time_ns > deadline_ns:  # it came before the clock of correlations, which lags
                return expire(state, opened, deadline_ns, clock_ns)
    elif state.matches(0, event):
        state.match(outcome)
        state.open(key, Open(event.time_ns, 1, event.attributes, event))
    return []


def expire(state: CorrelationState, opened: Open, deadline_ns: int, clock_ns: int) -> list[Event]:
    """The deadline passed without the second event; emit the event if a first step was recorded."""
    if opened.event is None:
        return []
    return [state.make(opened.event, opened.attributes, deadline_ns, clock_ns)]


def first_seen(state: CorrelationState, key: Key, outcome: Outcome, clock_ns: int) -> list[Event]:
    """A: of this key for the first time, or again after T without."""
    event = outcome.event
    if not state.begins(event):
        return []
    state.match(outcome)
    last = state.opens.get(key)
    newest_ns = event.time_ns if last is None else max(event.time_ns, last.time_ns)
    state.open(key, Open(newest_ns, 0, {}, None))
    if last is not None and event.time_ns - last.time_ns < state.correlation.within_ns:
        return []
    return [state.make(event, event.attributes, event.time_ns, clock_ns)]


KINDS = {"sequence": sequence, "missing": missing, "first_seen": first_seen}
"""What processes an event of a key and returns the events that it completes."""
