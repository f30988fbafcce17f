"""The result of a query, kept up to date part by part.

The series of most queries fall into parts that do not depend on each other (`traits`). A part is
evaluated again only when a series that its last evaluation read has changed, or when the time has
come at which its result can differ although none has.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from math import copysign

from logwatch.promql.matchers import Selector
from logwatch.promql.query import Query
from logwatch.promql.series_index import Scrape, Series
from logwatch.promql.values import NEVER_NS, Labels, Moment

EVERYTHING = -1
"""What a part has read that was never evaluated: every selector's bit is set."""
Result = list[tuple[Labels, float]]


class Part:
    """The series of a part by selector, and what its last evaluation found."""

    __slots__ = ("read", "result", "series", "until_ns")

    def __init__(self, series: list[list[Series]]) -> None:
        self.series = series
        self.read = EVERYTHING
        self.result: Result = []
        self.until_ns = 0


class LiveQuery:
    """Watches a `SeriesIndex`; `update` brings the result up to a time."""

    def __init__(self, query: Query, scrape: Scrape) -> None:
        self.query = query
        self.selectors: Sequence[Selector] = [numbered.selector for numbered in query.selectors]
        self.due_ns = 0
        """The earliest time at which the result can differ from that of the last update."""
        self.results: dict[str, Result] = {}
        """By part, those that are not empty."""
        self._scrape = scrape
        self._shared: dict[int, list[Series]] = {
            number: [] for number, numbered in enumerate(query.selectors) if numbered.shared
        }
        self._parts: dict[str, Part] = {}
        self._stale: dict[str, None] = {}
        self._deadlines: list[tuple[int, str]] = []
        self._changed = False
        if query.parting.is_whole:
            self._part("")

    # ── what the index tells ─────────────────────────────────────────────────────────

    def add(self, series: Series, numbers: Sequence[int]) -> None:
        """A series came that the selectors of these numbers select."""
        for number in numbers:
            if number in self._shared:
                self._shared[number].append(series)
            else:
                self._part(self.query.parting.key(series.labels)).series[number].append(series)
        self.touch(series, numbers)

    def touch(self, series: Series, numbers: Sequence[int]) -> None:
        """Such a series changed: the parts that read it are stale."""
        own = shared = 0
        for number in numbers:
            if number in self._shared:
                shared |= 1 << number
            else:
                own |= 1 << number
        if shared:
            self._make_stale([key for key, part in self._parts.items() if part.read & shared])
        if own:
            key = self.query.parting.key(series.labels)
            if self._parts[key].read & own:
                self._make_stale((key,))

    def remove(self, series: Series, numbers: Sequence[int]) -> None:
        """Such a series is gone."""
        self.touch(series, numbers)
        for number in numbers:
            if number in self._shared:
                _remove(self._shared[number], series)
                continue
            key = self.query.parting.key(series.labels)
            part = self._parts[key]
            _remove(part.series[number], series)
            own = (each for place, each in enumerate(part.series) if place not in self._shared)
            if not self.query.parting.is_whole and not any(own):
                self._drop(key)
                return

    def invalidate(self) -> None:
        """Make everything stale: the clock was set back."""
        self._make_stale(self._parts)

    # ── the result ───────────────────────────────────────────────────────────────────

    def update(self, time_ns: int) -> bool:
        """Evaluate what is stale or due; whether the result changed. Raises EvaluationError, and is due until it does not."""
        if time_ns < self.due_ns:
            return False
        self.due_ns = 0
        while self._deadlines and self._deadlines[0][0] <= time_ns:
            until_ns, key = heappop(self._deadlines)
            part = self._parts.get(key)
            if part is not None and part.until_ns == until_ns:
                self._stale[key] = None
        for key in tuple(self._stale):
            self._changed |= self._evaluate(key, time_ns)
            del self._stale[key]
        self.due_ns = self._deadlines[0][0] if self._deadlines else NEVER_NS
        changed, self._changed = self._changed, False
        return changed

    def result(self) -> Result:
        """All elements of the last update."""
        return [element for part in self.results.values() for element in part]

    def _evaluate(self, key: str, time_ns: int) -> bool:
        part = self._parts.get(key)
        result: Result = []
        if part is not None:
            moment = Moment(self._scrape, part.series, time_ns, time_ns, is_part=True)
            result = self.query.elements(moment)
            part.read, part.until_ns = moment.read, moment.until_ns
            if moment.until_ns < NEVER_NS:
                heappush(self._deadlines, (moment.until_ns, key))
        if _same(result, self.results.get(key, [])):
            return False
        if result:
            self.results[key] = result
        else:
            del self.results[key]
        return True

    # ── parts ────────────────────────────────────────────────────────────────────────

    def _part(self, key: str) -> Part:
        part = self._parts.get(key)
        if part is None:
            lists = [self._shared.get(number, []) for number in range(len(self.selectors))]
            part = self._parts[key] = Part(
                [each if number in self._shared else [] for number, each in enumerate(lists)]
            )
            self._make_stale((key,))
        return part

    def _drop(self, key: str) -> None:
        del self._parts[key]
        if key in self.results:
            self._make_stale((key,))
        else:
            self._stale.pop(key, None)

    def _make_stale(self, keys: Sequence[str] | dict[str, Part]) -> None:
        if keys:
            self._stale.update(dict.fromkeys(keys))
            self.due_ns = 0


def _remove(series: list[Series], gone: Series) -> None:
    series[:] = [each for each in series if each is not gone]


def _same(left: Result, right: Result) -> bool:
    """Whether two results have the same elements in the same order; NaN equals NaN, 0 is not -0."""
    if len(left) != len(right):
        return False
    for (labels, value), (other_labels, other) in zip(left, right, strict=True):
        if labels != other_labels or (value != other and (value == value or other == other)):
            return False
        if not value and copysign(1.0, value) != copysign(1.0, other):
            return False
    return True
