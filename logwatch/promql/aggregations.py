"""Aggregations: many elements into few, group by group (promql/engine.go, aggregation)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from logwatch.notation import float_text
from logwatch.promql import floats
from logwatch.promql.syntax import EvaluationError
from logwatch.promql.values import METRIC_NAME, Element, KeepsNames, Labels, Moment, ScalarNode, Vector, VectorNode
from logwatch.promql.vector_functions import largest_first, smallest_first

Key = TypeVar("Key", bound=Hashable)
MAX_INT64 = 9.223372036854775e18


def stdvar(values: Sequence[float]) -> float:
    """The population variance, by Welford; a single value, whatever it is, has none."""
    mean, squares = values[0], 0.0
    for count, value in enumerate(values[1:], 2):
        difference = value - mean
        mean += difference / count
        squares += difference * (value - mean)
    return squares / len(values)


OF_VALUES: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "min": floats.smallest,
    "max": floats.largest,
    "avg": floats.mean_of,
    "count": lambda values: float(len(values)),
    "group": lambda _: 1.0,
    "stdvar": stdvar,
    "stddev": lambda values: math.sqrt(stdvar(values)),
}
YOUNGER = frozenset({"limitk"})
"""Those of Prometheus 3 alone."""
WITH_PARAMETER = frozenset({"topk", "bottomk", "quantile", "count_values"}) | YOUNGER
NAMES = frozenset(OF_VALUES) | WITH_PARAMETER


@dataclass(frozen=True, slots=True)
class Grouping:
    """`by (…)` or `without (…)`; nothing is `by ()`."""

    labels: tuple[str, ...] = ()
    without: bool = False

    def adding(self, label: str) -> Grouping:
        """The same, with one more label that results keep."""
        return self if self.without else Grouping((*self.labels, label))

    def apply(self, elements: Vector) -> dict[Labels, list[Element]]:
        """Sort elements into groups, which have the labels of the result."""
        if not self.labels and not self.without:
            return {Labels(): elements} if elements else {}
        if self.without:
            dropped = (*self.labels, METRIC_NAME)
            return _sorted_out(elements, lambda labels: labels.lacking(dropped))
        if len(self.labels) == 1:
            only = self.labels[0]
            by_value = _sorted_out(elements, lambda labels: labels.get(only, ""))
            return {_named(self.labels, (value,)): group for value, group in by_value.items()}
        names = self.labels
        by_values = _sorted_out(elements, lambda labels: tuple([labels.get(name, "") for name in names]))
        return {_named(names, values): group for values, group in by_values.items()}


def _sorted_out(elements: Vector, key: Callable[[Labels], Key]) -> dict[Key, list[Element]]:
    groups: defaultdict[Key, list[Element]] = defaultdict(list)
    for element in elements:
        groups[key(element[0])].append(element)
    return groups


def _named(names: Sequence[str], values: Sequence[str]) -> Labels:
    return Labels({name: value for name, value in zip(names, values, strict=True) if value})


class Groups:
    """A node with an element for each group of its argument's."""

    __slots__ = ()
    grouping: Grouping
    argument: VectorNode

    @property
    def many_names(self) -> bool:
        """Only where the name itself is a label of the groups."""
        return self.argument.many_names and not self.grouping.without and METRIC_NAME in self.grouping.labels


@dataclass(frozen=True, slots=True)
class Aggregation(Groups):
    """An aggregation that needs only the values of a group."""

    function: Callable[[Sequence[float]], float]
    grouping: Grouping
    argument: VectorNode

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        groups = self.grouping.apply(self.argument.vector(moment))
        return [(labels, float(self.function([value for _, value in group]))) for labels, group in groups.items()]


@dataclass(frozen=True, slots=True)
class QuantileAggregation(Groups):
    """`quantile(q, vector)`."""

    q: ScalarNode
    grouping: Grouping
    argument: VectorNode

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        q = self.q.scalar(moment)
        return Aggregation(lambda values: floats.quantile(q, values), self.grouping, self.argument).vector(moment)


def _whole(count: float) -> int:
    if not -MAX_INT64 <= count <= MAX_INT64:
        raise EvaluationError(f"{float_text(count)} is not a number of elements")
    return int(count)


@dataclass(frozen=True, slots=True)
class Extremes(KeepsNames):
    """`topk` and `bottomk`: the k elements at one end of each group, with all their labels."""

    count: ScalarNode
    largest: bool
    grouping: Grouping
    argument: VectorNode

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment, the most extreme first."""
        count = _whole(self.count.scalar(moment))
        if count < 1:
            return []
        groups = self.grouping.apply(self.argument.vector(moment)).values()
        key = largest_first if self.largest else smallest_first
        return [element for group in groups for element in sorted(group, key=key)[:count]]


@dataclass(frozen=True, slots=True)
class Limited(KeepsNames):
    """`limitk`: any k elements of each group, here the first in the order of their labels."""

    count: ScalarNode
    grouping: Grouping
    argument: VectorNode

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        count = max(0, _whole(self.count.scalar(moment)))
        groups = self.grouping.apply(self.argument.vector(moment)).values()
        return [
            element for group in groups for element in sorted(group, key=lambda each: sorted(each[0].items()))[:count]
        ]


@dataclass(frozen=True, slots=True)
class CountValues(Groups):
    """`count_values(label, vector)`: how many elements have each value, which becomes a label."""

    label: str
    grouping: Grouping
    argument: VectorNode

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        elements = self.argument.vector(moment)
        valued: Vector = [(labels.having(self.label, float_text(value)), value) for labels, value in elements]
        groups = self.grouping.adding(self.label).apply(valued)
        return [(labels, float(len(group))) for labels, group in groups.items()]
