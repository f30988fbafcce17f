"""Events made of events: `sequence`, `missing` and `first_seen`.

    sequence   A ── B ── C          the last step within T of the first: made with the last
    missing    A ────────┤ no B     made at A + T, on the clock that `advance` sets
    first_seen         A            of this key for the first time, or again after T without

Everything is per key: the host, and what `by` names. An event that lacks a part of its key
takes no part. `unless` events of the same key close what is open, and stop a sequence that
begins within T after them (a kill that follows the kernel's OOM line).

The order of events is the order in which they come; their times only measure distances. An
event that is amended later takes part as if it had come then, if only now its attributes
meet a condition. Events that are made go back through the lifecycle and may be steps of
other correlations; if those form a cycle, an earlier one ignores the events of a later one.

    correlator ─▶ correlation_state (one correlation and its open keys)
               ─▶ kinds (what each kind makes of an event)
"""

from logwatch.correlations.correlator import Correlator

__all__ = ["Correlator"]
