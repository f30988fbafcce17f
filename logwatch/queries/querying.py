"""Evaluates an expression at one time, or at many times within a range; bounded in series, samples and time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from logwatch import promql
from logwatch.model import SECOND
from logwatch.promql import Labels, Sample, Scrape, SeriesIndex, Version
from logwatch.promql.values import METRIC_NAME, Moment
from logwatch.queries.kept import KeptSeries
from logwatch.store import TooManyPointsError

MOST_STEPS = 11_000
"""As Prometheus: points of each series of a result."""
MOST_READ = 2_000_000
"""Change points that one query reads."""
MOST_SAMPLES = 1_000_000
"""Values in a result."""
MOST_TEXT = 32_000_000
"""Characters of all labels in a result."""

Matrix = dict[Labels, list[tuple[int, float]]]
"""Times (ns) and values of each series."""


class QueryLimitError(Exception):
    """A query that would read or return more than is allowed."""


class ResolutionError(QueryLimitError):
    """More steps than a series of a result may have points."""


class QueryTimeoutError(Exception):
    """A query that takes too long."""


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """What the configuration says about queries."""

    target_labels: Mapping[str, str] = field(default_factory=dict)
    sample_interval_ns: int = 15 * SECOND
    retention_ns: int = 86_400 * SECOND
    """What is older is not shown: it is known of some series only."""
    promql: Version = 2


@dataclass(frozen=True, slots=True)
class Querying:
    """Queries over one commit."""

    kept: KeptSeries
    options: QueryOptions
    now_ns: int
    is_late: Callable[[], bool] = lambda: False
    """Whether a query has taken too long."""

    def instant(self, text: str, time_ns: int) -> list[Sample] | float | Matrix:
        """The result at that time, of a range (`up[5m]`) its samples; raises PromqlError and the errors of this module."""
        query = promql.compile(text, ranges=True, version=self.options.promql)
        index = self._index(query.reads(self.kept.names()))
        if not query.is_range:
            result = query.evaluate_on(index, time_ns)
            if not isinstance(result, float):
                self._check_text(sample.labels for sample in result)
            return result
        found: Matrix = {}
        left = MOST_SAMPLES
        for labels, times, values in query.windows_on(index, time_ns):
            found[labels] = list(zip(times, values, strict=True))
            left -= len(times)
            self._check(left)
        return found

    def ranged(self, text: str, start_ns: int, end_ns: int, step_ns: int) -> Matrix:
        """The results at every step from start to end, as far as the past is kept and not ahead of now."""
        query = promql.compile(text, version=self.options.promql)
        steps = range(start_ns, end_ns + 1, step_ns)
        if len(steps) > MOST_STEPS:
            raise ResolutionError(
                f"exceeded maximum resolution of {MOST_STEPS:,} points per timeseries. Try decreasing the query resolution (?step=XX)"
            )
        index = self._index(query.reads(self.kept.names()))
        series = [index.select(numbered.selector) for numbered in query.selectors]
        found: Matrix = {}
        left = MOST_SAMPLES
        for time_ns in steps:
            if time_ns < self.now_ns - self.options.retention_ns or time_ns > self.now_ns:
                continue
            for labels, value in query.elements(Moment(index.scrape, series, time_ns, time_ns)):
                found.setdefault(labels, []).append((time_ns, value))
                left -= 1
            self._check(left)
        self._check_text(found)
        return found

    def matching(self, texts: Iterable[str], start_ns: int, end_ns: int) -> list[Labels]:
        """The labels of the series that one of the selectors selects, and that had a value in that time."""
        found: dict[Labels, None] = {}
        for text in texts:
            selector = promql.select(text)
            index = self._index([name for name in self.kept.names() if selector.reads(name)])
            for series in index.select(selector):
                if _lives(series.times, series.values, start_ns, end_ns):
                    found[series.labels] = None
        return list(found)

    def _index(self, names: Iterable[str]) -> SeriesIndex:
        scrape = Scrape(
            self.options.target_labels,
            check=lambda: self._check(0),
            own_labels=frozenset(self.kept.own),
            sample_interval_ns=self.options.sample_interval_ns,
        )
        index = SeriesIndex(scrape)
        left = MOST_READ
        for number, name in enumerate(names):
            try:
                for place, (labels, times, values) in enumerate(self.kept.select(name)):
                    index.add(name, labels, times, values, key=(number, place))
                    left -= len(times)
            except TooManyPointsError as error:
                raise QueryLimitError(f"query processing would load too many samples of {name} into memory") from error
            self._check(left)
        return index

    def _check_text(self, found: Iterable[Labels]) -> None:
        """Raise if the labels of a result are too long together."""
        left = MOST_TEXT
        for labels in found:
            left -= sum(map(len, labels.values()))
        self._check(left)

    def _check(self, left: int) -> None:
        if left < 0:
            raise QueryLimitError("query processing would load too many samples into memory in query execution")
        if self.is_late():
            raise QueryTimeoutError("query timed out in expression evaluation")


def _lives(times: Iterable[int], values: Iterable[float], start_ns: int, end_ns: int) -> bool:
    """Whether a series has a value at some time of a range."""
    points = list(zip(times, values, strict=True))
    ends = [time_ns for time_ns, _ in points[1:]] + [max(end_ns, points[-1][0]) + SECOND]
    return any(
        value == value and time_ns <= end_ns and until_ns > start_ns
        for (time_ns, value), until_ns in zip(points, ends, strict=True)
    )


def named(labels: Labels) -> str:
    """A series as it is written in PromQL."""
    pairs = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()) if name != METRIC_NAME)
    name = labels.get(METRIC_NAME, "")
    return f"{name}{{{pairs}}}" if pairs or not name else name
