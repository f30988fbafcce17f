"""A ────┤ no B: the first step waits, any other ends the waiting; what waits until T makes the event."""

from __future__ import annotations

from logwatch.correlations.correlation_state import CorrelationState, Key, Open
from logwatch.model import Event, Outcome


def process(state: CorrelationState, key: Key, outcome: Outcome, clock_ns: int) -> list[Event]:
    """Begin or end the waiting: nothing is made before its deadline."""
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
