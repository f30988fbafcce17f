"""Functions of the samples within a range, by the formulas of Prometheus (promql/functions.go).

`increase` and `rate` of a selector count change points and are exact. All others, and these
two over a subquery, see virtual samples.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from logwatch.model import SECOND
from logwatch.promql import floats
from logwatch.promql.change_points import increase, last_sample, runs
from logwatch.promql.selectors import RangeSelector, Runs
from logwatch.promql.series_index import Series
from logwatch.promql.values import KeepsNames, Labels, Moment, RangeNode, ScalarNode, Span, Vector, Window, unique


def changes(values: Sequence[float]) -> float:
    """How often the value changed; NaN equals NaN."""
    count = 0
    before = values[0]
    for value in values:
        if value != before and (value == value or before == before):
            count += 1
        before = value
    return float(count)


def resets(values: Sequence[float]) -> float:
    """How often the value fell."""
    return float(sum(value < before for before, value in pairwise(values)))


def stdvar(values: Sequence[float]) -> float:
    """The population variance, by Welford with compensated sums (funcStdvarOverTime)."""
    mean = mean_rest = squares = squares_rest = 0.0
    for count, value in enumerate(values, 1):
        difference = value - (mean + mean_rest)
        mean, mean_rest = floats.add(difference / count, mean, mean_rest)
        squares, squares_rest = floats.add(difference * (value - (mean + mean_rest)), squares, squares_rest)
    return (squares + squares_rest) / len(values)


def median_absolute_deviation(values: Sequence[float]) -> float:
    """The median of the distances from the median."""
    median = floats.quantile(0.5, values)
    return floats.quantile(0.5, [abs(value - median) for value in values])


PRESENCE = frozenset({"min_over_time", "max_over_time", "present_over_time", "changes", "resets"})
"""Functions that do not depend on how often a value is repeated."""
AVERAGES = frozenset({"avg_over_time", "stddev_over_time", "stdvar_over_time"})
"""Functions that do not while there is only one value."""
OF_VALUES: dict[str, Callable[[Sequence[float]], float]] = {
    "avg_over_time": floats.mean_of,
    "min_over_time": floats.smallest,
    "max_over_time": floats.largest,
    "sum_over_time": floats.total_of,
    "count_over_time": lambda values: float(len(values)),
    "present_over_time": lambda _: 1.0,
    "stddev_over_time": lambda values: math.sqrt(stdvar(values)),
    "stdvar_over_time": stdvar,
    "changes": changes,
    "resets": resets,
}


@dataclass(frozen=True, slots=True)
class OverTime:
    """A function that needs only the values of a window."""

    function: Callable[[Sequence[float]], float]
    argument: RangeNode
    counts: Literal["unless constant", "always"] = "always"
    """Whether the result depends on the number of samples, which differs from time to time."""
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        function = self.function
        found: Vector = []
        results: dict[int, tuple[Sequence[float], float]] = {}  # the windows in which nothing changed share few lists
        constant = True
        for labels, times, values in self.argument.windows(moment):
            if type(times) is range:
                known = results.get(id(values))
                if known is None:
                    known = results[id(values)] = (values, function(values))
                found.append((labels.nameless(), known[1]))
            else:
                constant = False
                found.append((labels.nameless(), function(values)))
        if self.counts == "always" or (self.counts == "unless constant" and not constant):
            moment.changes_always()
        return unique(found) if self.argument.many_names else found


@dataclass(frozen=True, slots=True)
class OverRuns:
    """A function of a selector that does not depend on how often a value is repeated."""

    function: Callable[[Sequence[float]], float]
    argument: RangeSelector
    of: Runs = runs
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        function = self.function
        found = [(labels.nameless(), function(values)) for labels, values in self.argument.runs(moment, self.of)]
        return unique(found) if self.argument.many_names else found


@dataclass(frozen=True, slots=True)
class LastOfWindow(KeepsNames):
    """`last_over_time`: the newest sample; the only one that keeps the metric's name."""

    argument: RangeNode

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        return [(labels, values[-1]) for labels, _, values in self.argument.windows(moment)]


@dataclass(frozen=True, slots=True)
class FirstOfWindow(KeepsNames):
    """`first_over_time`: the oldest sample, with the metric's name."""

    argument: RangeNode

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        moment.changes_always()
        return [(labels, values[0]) for labels, _, values in self.argument.windows(moment)]


@dataclass(frozen=True, slots=True)
class LastOfSelector(KeepsNames):
    """`last_over_time` of a selector, without looking at the other samples."""

    argument: RangeSelector

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        argument = self.argument
        ticks = argument.ticks(moment)
        if not ticks or argument.range_ns < ticks.step:
            moment.changes_always()
        if not ticks:
            return []
        found: Vector = []
        for series in argument.series(moment):
            value = self.last(series, ticks, moment)
            if value is not None:
                found.append((series.labels, value))
        return found

    def last(self, series: Series, ticks: range, moment: Moment) -> float | None:
        """The value of the newest sample of one series at these times."""
        times, values, last = series.sampled_times, series.sampled_values, ticks[-1]
        if times[-1] <= last and values[-1] == values[-1]:
            return values[-1]
        step, offset = ticks.step, self.argument.shift.offset_ns
        if times[-1] > last:
            following = times[bisect_right(times, last)]
            moment.changes_at(-(-following // step) * step + offset)
        sample = last_sample(times, values, ticks[0], last, step)
        if sample is None:
            return None
        if sample[0] < last:
            moment.changes_at(sample[0] + self.argument.range_ns + offset + 1 - self.argument.excluded_ns)
        return sample[1]


@dataclass(frozen=True, slots=True)
class AbsentOverTime:
    """`absent_over_time`: 1 when no series has a sample in the range."""

    argument: RangeNode
    labels: Labels
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        windows = list(self.argument.windows(moment))  # all: each notes when it changes
        return [] if windows else [(self.labels, 1.0)]


@dataclass(frozen=True, slots=True)
class QuantileOverTime:
    """`quantile_over_time(q, range)`."""

    q: ScalarNode
    argument: RangeNode
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        q = self.q.scalar(moment)
        return OverTime(lambda values: floats.quantile(q, values), self.argument, "unless constant").vector(moment)


def instant_difference(window: Window, *, counter: bool) -> tuple[float, float] | None:
    """The difference between the last two samples, and the seconds between them."""
    _, times, values = window
    if len(values) < 2:
        return None
    before, last = values[-2], values[-1]
    difference = last if counter and last < before else last - before
    return difference, (times[-1] - times[-2]) / SECOND


def irate(window: Window, _: Span) -> float | None:
    """The rate between the last two samples."""
    found = instant_difference(window, counter=True)
    return found[0] / found[1] if found else None


def idelta(window: Window, _: Span) -> float | None:
    """The difference between the last two samples."""
    found = instant_difference(window, counter=False)
    return found[0] if found else None


def extrapolated(window: Window, span: Span, *, counter: bool) -> float | None:
    """The growth within the range, extrapolated to its ends (promql/functions.go, extrapolatedRate)."""
    _, times, values = window
    if len(values) < 2:
        return None
    result = values[-1] - values[0]
    if counter:
        result += sum(before for before, value in pairwise(values) if value < before)
    to_start = (times[0] - span.start_ns) / SECOND
    to_end = (span.end_ns - times[-1]) / SECOND
    covered = (times[-1] - times[0]) / SECOND
    between = covered / (len(values) - 1)
    if counter and result > 0 and values[0] >= 0:
        to_start = min(to_start, covered * (values[0] / result))  # a counter is never below 0
    threshold = between * 1.1
    reach = covered
    reach += to_start if to_start < threshold else between / 2
    reach += to_end if to_end < threshold else between / 2
    return result * (reach / covered)


def delta(window: Window, span: Span) -> float | None:
    """The difference between the ends of the range."""
    return extrapolated(window, span, counter=False)


def sampled_increase(window: Window, span: Span) -> float | None:
    """`increase` over a subquery, which has no change points."""
    return extrapolated(window, span, counter=True)


def sampled_rate(window: Window, span: Span) -> float | None:
    """`rate` over a subquery."""
    grown = extrapolated(window, span, counter=True)
    return None if grown is None else grown / ((span.end_ns - span.start_ns) / SECOND)


def regression(window: Window, origin_ns: int) -> tuple[float, float]:
    """Slope per second, and the value at `origin_ns`, of the least squares line through the samples."""
    _, times, values = window
    if all(value == values[0] for value in values):
        return (floats.NAN, floats.NAN) if math.isinf(values[0]) else (0.0, values[0])
    count = len(values)
    seconds = [(time - origin_ns) / SECOND for time in times]
    sum_x, sum_y = floats.total_of(seconds), floats.total_of(values)
    sum_xy = floats.total_of([x * y for x, y in zip(seconds, values, strict=True)])
    sum_xx = floats.total_of([x * x for x in seconds])
    slope = floats.divide(sum_xy - sum_x * sum_y / count, sum_xx - sum_x * sum_x / count)
    return slope, sum_y / count - slope * sum_x / count


def deriv(window: Window, _: Span) -> float | None:
    """The slope per second of the least squares line."""
    return regression(window, window[1][0])[0] if len(window[1]) > 1 else None


OF_SAMPLES: dict[str, Callable[[Window, Span], float | None]] = {
    "irate": irate,
    "idelta": idelta,
    "delta": delta,
    "deriv": deriv,
    "increase": sampled_increase,
    "rate": sampled_rate,
}


@dataclass(frozen=True, slots=True)
class OverSamples:
    """A function that needs the times of the samples, too; without a result there are no elements."""

    function: Callable[[Window, Span], float | None]
    argument: RangeNode
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        moment.changes_always()
        span = self.argument.span(moment)
        found: Vector = []
        for window in self.argument.windows(moment):
            value = self.function(window, span)
            if value is not None:
                found.append((window[0].nameless(), value))
        return unique(found) if self.argument.many_names else found


@dataclass(frozen=True, slots=True)
class PredictLinear:
    """`predict_linear(range, seconds)`: the value on the least squares line, seconds from now."""

    argument: RangeNode
    seconds: ScalarNode
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        ahead = self.seconds.scalar(moment)
        return OverSamples(lambda window, span: _predict(window, span, ahead), self.argument).vector(moment)


def _predict(window: Window, span: Span, ahead: float) -> float | None:
    if len(window[1]) < 2:
        return None
    slope, intercept = regression(window, span.at_ns)
    return slope * ahead + intercept


@dataclass(frozen=True, slots=True)
class Increase:
    """`increase` and `rate` (`per_second`) of a selector: every change counts once, where it happened."""

    argument: RangeSelector
    per_second: bool
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        start, end, _ = self.argument.span(moment)
        range_ns, offset_ns = self.argument.range_ns, self.argument.shift.offset_ns
        divisor = range_ns / SECOND if self.per_second else 1.0
        found: Vector = []
        add = found.append
        for labels, times, values, _, _ in self.argument.series(moment):
            if times[-1] <= start:
                if values[-1] == values[-1]:
                    add((labels.nameless(), 0.0))
                continue
            moment.changes_at(times[bisect_right(times, start)] + range_ns + offset_ns)
            if times[-1] > end:
                moment.changes_at(times[bisect_right(times, end)] + offset_ns)
            grown = increase(times, values, start, end)
            if grown is not None:
                add((labels.nameless(), grown / divisor))
        return unique(found) if self.argument.many_names else found
