"""A recording rule: its result becomes series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from logwatch.alerting.series_store import SeriesStore
from logwatch.model import SECOND, Mark
from logwatch.promql import NEVER_NS, EvaluationError, LiveQuery, Query

LOOK_BACK_NS = 300 * SECOND
"""For so long Prometheus takes the last sample of a series for its value (query.lookback-delta)."""

Vector = Mapping[frozenset[tuple[str, str]], tuple[Mapping[str, str], float]]


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """A recording rule as its file has it: its result becomes series of that name."""

    name: str
    query: Query
    labels: Mapping[str, str]
    mark: Mark
    marks: Mapping[str, Mark] = field(default_factory=dict)
    """Where its values begin: `expr`."""


@dataclass(slots=True)
class RecordingState:
    """A recording rule under evaluation."""

    rule: RecordingRule
    key: tuple[str, ...]
    """Identifies the rule, also after a restart."""
    id: str
    """`<group>/<metric>`, as operators see it."""
    live: LiveQuery
    store: SeriesStore
    interval_ns: int
    limit: int
    """Series that it may make; 0: any number."""
    offset_ns: int = 0
    """So much earlier than the rule is evaluated, what it records begins (`query_offset` of its group)."""
    error: str = ""
    evaluated: bool = False
    due_ns: int = 0
    """When what it records can change next although no series changes."""
    asks_for_absence: bool = False
    _recorded_ns: int = 0

    def evaluate(self, now_ns: int) -> bool:
        """Evaluate the expression and record the result; whether a recorded series changed.

        What it recorded before it failed stays for as long as Prometheus sees a last sample.
        """
        had_result = self.evaluated and not self.error
        self.error, self.evaluated, self.due_ns = "", True, 0
        vector = self._vector(now_ns)
        now_ns -= self.offset_ns
        if vector is not None:
            self._recorded_ns, self.due_ns = now_ns, NEVER_NS
            return self.store.put(self.rule.name, vector.values(), now_ns, self.key)
        if had_result:  # until the previous time, also if that one was skipped because nothing could change
            self._recorded_ns = max(self._recorded_ns, now_ns - self.interval_ns)
        self._recorded_ns = self._recorded_ns or now_ns
        return now_ns - self._recorded_ns > LOOK_BACK_NS and self.store.put(self.rule.name, (), now_ns, self.key)

    def _vector(self, now_ns: int) -> Vector | None:
        """The series by their labels; None (and an error) where two would be one, or there are too many."""
        try:
            self.live.update(now_ns)
        except EvaluationError as error:
            self.error = str(error)
            return None
        found = []
        for labels, value in self.live.result():
            merged = {**labels.nameless(), **self.rule.labels}
            found.append(({label: text for label, text in merged.items() if text}, value))
        vector = {frozenset(labels.items()): (labels, value) for labels, value in found}
        if len(vector) < len(found):
            self.error = "two series of the result have the same labels after those of the rule"
        elif self.limit and len(vector) > self.limit:
            self.error = f"the result has {len(vector)} series, more than the limit of {self.limit}"
        else:
            return vector
        return None
