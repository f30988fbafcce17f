"""A: of this key for the first time, or again after T without."""

from __future__ import annotations

from logwatch.correlations.correlation_state import CorrelationState, Key, Open
from logwatch.model import Event, Outcome


def process(state: CorrelationState, key: Key, outcome: Outcome, clock_ns: int) -> list[Event]:
    """Note when the key was seen last."""
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
