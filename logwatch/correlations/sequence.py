"""A ── B ── C: the last step within T of the first makes the event."""

from __future__ import annotations

from logwatch.correlations.correlation_state import CorrelationState, Key, Open
from logwatch.model import Event, Outcome


def process(state: CorrelationState, key: Key, outcome: Outcome, clock_ns: int) -> list[Event]:
    """Go on, begin, or begin again."""
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
