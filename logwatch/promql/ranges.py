"""Functions of the values within a range, by the formulas of Prometheus (promql/functions.go)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from logwatch.promql import floats
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
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        function = self.function
        found: Vector = []
        results: dict[int, tuple[Sequence[float], float]] = {}  # the windows in which nothing changed share few lists
        for labels, times, values in self.argument.windows(moment):
            if type(times) is range:
                known = results.get(id(values))
                if known is None:
                    known = results[id(values)] = (values, function(values))
                found.append((labels.nameless(), known[1]))
            else:
                found.append((labels.nameless(), function(values)))
        return unique(found) if self.argument.many_names else found


@dataclass(frozen=True, slots=True)
class LastOverTime:
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
class AbsentOverTime:
    """`absent_over_time`: 1 when no series has a sample in the range."""

    argument: RangeNode
    labels: Labels
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        return [(self.labels, 1.0)] if next(self.argument.windows(moment), None) is None else []


@dataclass(frozen=True, slots=True)
class QuantileOverTime:
    """`quantile_over_time(q, range)`."""

    q: ScalarNode
    argument: RangeNode
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        q = self.q.scalar(moment)
        return OverTime(lambda values: floats.quantile(q, values), self.argument).vector(moment)
