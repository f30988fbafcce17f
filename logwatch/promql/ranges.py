"""Functions of the values within a range, by the formulas of Prometheus (promql/functions.go)."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from logwatch.promql import floats
from logwatch.promql.change_points import last_sample
from logwatch.promql.selectors import RangeSelector
from logwatch.promql.values import Labels, Moment, RangeNode, ScalarNode, Vector, unique


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

    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        function = self.function
        found = [(labels.nameless(), function(values)) for labels, values in self.argument.runs(moment)]
        return unique(found) if self.argument.many_names else found


@dataclass(frozen=True, slots=True)
class LastOfWindow:
    """`last_over_time`: the newest sample; the only one that keeps the metric's name."""

    argument: RangeNode

    @property
    def many_names(self) -> bool:
        """As the argument."""
        return self.argument.many_names

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        return [(labels, values[-1]) for labels, _, values in self.argument.windows(moment)]


@dataclass(frozen=True, slots=True)
class LastOfSelector:
    """`last_over_time` of a selector, without looking at the other samples."""

    argument: RangeSelector

    @property
    def many_names(self) -> bool:
        """As the argument."""
        return self.argument.many_names

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        argument = self.argument
        ticks = argument.ticks(moment)
        step, offset = ticks.step, argument.shift.offset_ns
        if not ticks or argument.range_ns < step:
            moment.changes_always()
        if not ticks:
            return []
        first, last = ticks[0], ticks[-1]
        found: Vector = []
        for labels, _, _, times, values in argument.series(moment):
            if times[-1] <= last and values[-1] == values[-1]:
                found.append((labels, values[-1]))
                continue
            if times[-1] > last:
                following = times[bisect_right(times, last)]
                moment.changes_at(-(-following // step) * step + offset)
            sample = last_sample(times, values, first, last, step)
            if sample is not None:
                found.append((labels, sample[1]))
                if sample[0] < last:
                    moment.changes_at(sample[0] + argument.range_ns + offset + 1)
        return found


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
