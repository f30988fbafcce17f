"""The stage that makes events of accepted events: all correlations, and one heap of deadlines."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop

from logwatch.correlations.correlation_state import CorrelationState, CorrelationTables, Deadline
from logwatch.correlations.kinds import KINDS, expire
from logwatch.model import LATE_NS, Correlation, Event, Outcome
from logwatch.store.state_table import StateValue


class Correlator:
    """Watches outcomes, and makes events of them."""

    def __init__(self, correlations: Iterable[Correlation]) -> None:
        self.late = 0
        """Events too late for a correlation though not late for themselves, since the last `take_late`."""
        self._late_seq = 0
        tables = CorrelationTables()
        self._keys = tables.keys
        self._matched = tables.matched
        self._clock: StateValue[int] = StateValue("clock", lambda: 0)
        self.tables = (self._keys, self._matched, self._clock)
        self._deadlines: list[Deadline] = []
        self._states = {each.id: CorrelationState(each, tables, self._deadlines) for each in correlations}
        self._steps: dict[str, list[CorrelationState]] = {}
        for state in self._states.values():
            for event in dict.fromkeys((*state.correlation.steps, *state.correlation.unless)):
                self._steps.setdefault(event, []).append(state)
        order = list(self._states)
        for at, state in enumerate(self._states.values()):
            state.exclude(self._reached(state).intersection(order[at:]))

    def _reached(self, state: CorrelationState) -> frozenset[str]:
        """Find the correlations that events of this one lead to, itself included."""
        found, names = set(), [state.correlation.id]
        while names:
            name = names.pop()
            if name not in found:
                found.add(name)
                names += [each.correlation.id for each in self._steps.get(self._states[name].correlation.event, ())]
        return frozenset(found)

    # ── events ───────────────────────────────────────────────────────────────────────

    def process(self, outcome: Outcome) -> list[Event]:
        """Process an accepted or amended event; returns the events it completes."""
        states = self._steps.get(outcome.event.event)
        if states is None:
            return []
        made: list[Event] = []
        for state in states:
            if outcome.event.rule not in state.excluded:
                made += self._offer(state, outcome)
        return made

    def _offer(self, state: CorrelationState, outcome: Outcome) -> list[Event]:
        event, correlation, clock_ns = outcome.event, state.correlation, self._clock.value
        if outcome.amends and not state.newly_matches(outcome):
            return []
        late, bars = event.time_ns + correlation.within_ns < clock_ns, event.event in state.unless
        if not late and not bars and not state.opens and not state.begins(event):
            return []  # nothing is open, and nothing begins: the key need not be worked out
        key = state.key_of(event)
        if key is None:
            return []
        if late:
            self._note_late(outcome)
        if bars:
            state.bar(key, event.time_ns)
            return []
        return KINDS[correlation.kind](state, key, outcome, clock_ns)

    def _note_late(self, outcome: Outcome) -> None:
        """Count an event, not the correlations that it is too late for; the lifecycle has counted it if it is late itself."""
        late = self._clock.value - outcome.event.time_ns > LATE_NS
        if not late and not outcome.amends and outcome.seq != self._late_seq:
            self.late += 1
            self._late_seq = outcome.seq

    # ── time ─────────────────────────────────────────────────────────────────────────

    def next_deadline_ns(self) -> int | None:
        """When `advance` may have something to do, None for never."""
        return self._deadlines[0][0] if self._deadlines else None

    def advance(self, clock_ns: int) -> list[Event]:
        """Advance the clock: make the events whose absence is certain, forget what is too old."""
        self._clock.value = max(self._clock.value, clock_ns)
        made: list[Event] = []
        while self._deadlines and self._deadlines[0][0] <= clock_ns:
            deadline_ns, name, key = heappop(self._deadlines)
            state = self._states[name]
            state.unbar(key, self._clock.value)
            opened = state.opens.get(key)
            if opened is None or opened.time_ns + state.lasts_ns > deadline_ns:
                continue  # what this deadline was set for is over; what is open now has one of its own
            state.close(key)
            made += expire(state, opened, deadline_ns, self._clock.value)
        return made

    def shift(self, step_ns: int, clock_ns: int) -> None:
        """The clock was set, to `clock_ns`: what is open is awaited as long as before."""
        self._clock.value = clock_ns
        for state in self._states.values():
            state.shift(step_ns)
        self._deadlines[:] = [(time_ns + step_ns, name, key) for time_ns, name, key in self._deadlines]

    def go_back(self, clock_ns: int) -> None:
        """Set the clock back to where lines go on."""
        self._clock.value = clock_ns

    # ── state ────────────────────────────────────────────────────────────────────────

    def take_late(self) -> int:
        """Return how many events were too late since the last call."""
        late, self.late = self.late, 0
        return late

    def take_dropped(self) -> dict[str, int]:
        """Return the keys that each correlation dropped since the last call, because too many were open."""
        dropped = {name: state.take_dropped() for name, state in self._states.items()}
        return {name: count for name, count in dropped.items() if count}

    def restored(self) -> None:
        """Rebuild what is derived, after the tables were restored; drop what belongs to no correlation any more."""
        for name in [name for name in self._matched if name not in self._states]:
            del self._matched[name]
        for name, key in sorted(self._keys):
            if name in self._states:
                self._states[name].restore_key(key, self._keys[name, key])
            else:
                del self._keys[name, key]
        heapify(self._deadlines)
