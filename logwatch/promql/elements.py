"""Functions of instant vectors: one value in, one value out, and the order of elements."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from logwatch.promql import floats
from logwatch.promql.values import Element, Labels, Moment, ScalarNode, Vector, VectorNode, unique

OF_VALUE: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "ceil": floats.ceil,
    "floor": floats.floor,
    "sgn": floats.sign,
    "exp": floats.total(math.exp),
    "sqrt": floats.total(math.sqrt),
    "ln": floats.logarithm(math.log),
    "log2": floats.logarithm(math.log2),
    "log10": floats.logarithm(math.log10),
    "deg": math.degrees,
    "rad": math.radians,
    "sin": floats.total(math.sin),
    "cos": floats.total(math.cos),
    "tan": floats.total(math.tan),
    "asin": floats.total(math.asin),
    "acos": floats.total(math.acos),
    "atan": math.atan,
    "sinh": floats.total(math.sinh),
    "cosh": floats.total(math.cosh),
    "tanh": math.tanh,
    "asinh": math.asinh,
    "acosh": floats.total(math.acosh),
    "atanh": floats.atanh,
}


@dataclass(frozen=True, slots=True)
class Mapped:
    """A function of each value; the metric's name goes, for it is no longer that metric."""

    function: Callable[[float], float]
    argument: VectorNode
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        function = self.function
        found = [(labels.nameless(), function(value)) for labels, value in self.argument.vector(moment)]
        return unique(found) if self.argument.many_names else found


@dataclass(frozen=True, slots=True)
class Clamped:
    """`clamp`, `clamp_min`, `clamp_max`; a missing bound is None."""

    argument: VectorNode
    lowest: ScalarNode | None
    highest: ScalarNode | None
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment; none when the bounds cross."""
        low = self.lowest.scalar(moment) if self.lowest else -floats.INF
        high = self.highest.scalar(moment) if self.highest else floats.INF
        if high < low:
            return []
        return Mapped(lambda value: _clamp(value, low, high), self.argument).vector(moment)


def _clamp(value: float, low: float, high: float) -> float:
    if value != value or low != low or high != high:
        return floats.NAN
    return max(low, min(high, value))


@dataclass(frozen=True, slots=True)
class Rounded:
    """`round(vector, to)`: the nearest multiple; halves go up."""

    argument: VectorNode
    to: ScalarNode
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        # The inverse, because dividing by 0.1 is less exact than multiplying with 10.
        inverse = floats.divide(1.0, self.to.scalar(moment))
        mapped = Mapped(lambda value: floats.divide(floats.floor(value * inverse + 0.5), inverse), self.argument)
        return mapped.vector(moment)


@dataclass(frozen=True, slots=True)
class Sorted:
    """`sort` and `sort_desc`: elements by value, NaN last; they keep their names."""

    argument: VectorNode
    descending: bool

    @property
    def many_names(self) -> bool:
        """As the argument."""
        return self.argument.many_names

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        return sorted(self.argument.vector(moment), key=largest_first if self.descending else smallest_first)


def smallest_first(element: Element) -> tuple[bool, float]:
    """A sort key; NaN comes last."""
    value = element[1]
    return (True, 0.0) if value != value else (False, value)


def largest_first(element: Element) -> tuple[bool, float]:
    """A sort key; NaN comes last."""
    value = element[1]
    return (True, 0.0) if value != value else (False, -value)


@dataclass(frozen=True, slots=True)
class Absent:
    """`absent(vector)`: 1, with the labels that its selector demands, when there is no element."""

    argument: VectorNode
    labels: Labels
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        return [] if self.argument.vector(moment) else [(self.labels, 1.0)]
