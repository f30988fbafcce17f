"""Nodes that give a number, and operators with a number on one side."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass

from logwatch.model import SECOND
from logwatch.promql import floats
from logwatch.promql.values import KeepsNames, Labels, Moment, ScalarNode, Vector, VectorNode, unique

ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": floats.divide,
    "%": floats.modulo,
    "^": floats.power,
}
COMPARISON: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
ORDER = frozenset({">", "<", ">=", "<="})
ROUNDING = 0.001
"""Seconds: far more than what floats lose of the time."""
FAR_AHEAD = 1e9
MIRRORED = {"==": "==", "!=": "!=", ">": "<", "<": ">", ">=": "<=", "<=": ">="}


@dataclass(frozen=True, slots=True)
class Calculated:
    """Arithmetic, or a comparison with `bool`, between a vector and a number."""

    operation: Callable[[float, float], float]
    argument: VectorNode
    number: ScalarNode
    swapped: bool
    """The number stands on the left."""
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        number, operation = self.number.scalar(moment), self.operation
        elements = self.argument.vector(moment)
        if self.swapped:
            found = [(labels.nameless(), float(operation(number, value))) for labels, value in elements]
        else:
            found = [(labels.nameless(), float(operation(value, number))) for labels, value in elements]
        return unique(found) if self.argument.many_names else found


@dataclass(frozen=True, slots=True)
class FilteredByTime(KeepsNames):
    """A comparison by order of a vector with the time plus or minus a number: `last > time() - 300`.

    An element stays on its side until the time comes by.
    """

    comparison: Callable[[float, float], bool]
    argument: VectorNode
    number: ScalarNode

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        number, comparison = self.number.scalar(moment.at(moment.time_ns)), self.comparison
        found: Vector = []
        for element in self.argument.vector(moment):
            if comparison(element[1], number):
                found.append(element)
            ahead = element[1] - number
            if -ROUNDING <= ahead < FAR_AHEAD:
                moment.changes_at(moment.time_ns + max(1, int((ahead - ROUNDING) * SECOND)))
        return found


@dataclass(frozen=True, slots=True)
class Filtered(KeepsNames):
    """A comparison of a vector with a number: the elements for which it is true, unchanged."""

    comparison: Callable[[float, float], bool]
    argument: VectorNode
    number: ScalarNode

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        number, comparison = self.number.scalar(moment), self.comparison
        return [element for element in self.argument.vector(moment) if comparison(element[1], number)]


@dataclass(frozen=True, slots=True)
class Number:
    """A literal."""

    value: float

    def scalar(self, _: Moment) -> float:
        """The number."""
        return self.value


@dataclass(frozen=True, slots=True)
class Time:
    """`time()`: the evaluation time in seconds."""

    def scalar(self, moment: Moment) -> float:
        """The number at that moment."""
        moment.changes_always()
        return moment.time_ns / SECOND


@dataclass(frozen=True, slots=True)
class ScalarOf:
    """`scalar(vector)`: the value of the only element, else NaN."""

    argument: VectorNode

    def scalar(self, moment: Moment) -> float:
        """The number at that moment."""
        elements = self.argument.vector(moment)
        return elements[0][1] if len(elements) == 1 else floats.NAN


@dataclass(frozen=True, slots=True)
class VectorOf:
    """`vector(scalar)`: one element without labels."""

    argument: ScalarNode
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        return [(Labels(), self.argument.scalar(moment))]


@dataclass(frozen=True, slots=True)
class ScalarOperation:
    """An operator between numbers; a comparison gives 0 or 1."""

    operation: Callable[[float, float], float]
    left: ScalarNode
    right: ScalarNode

    def scalar(self, moment: Moment) -> float:
        """The number at that moment."""
        return float(self.operation(self.left.scalar(moment), self.right.scalar(moment)))


@dataclass(frozen=True, slots=True)
class NegatedScalar:
    """The unary minus of a number."""

    argument: ScalarNode

    def scalar(self, moment: Moment) -> float:
        """The number at that moment."""
        return -self.argument.scalar(moment)


@dataclass(frozen=True, slots=True)
class TimesOf(KeepsNames):
    """`timestamp()` of anything but a selector: the evaluation time, for each element."""

    argument: VectorNode

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        moment.changes_always()
        now = moment.time_ns / SECOND
        return [(labels, now) for labels, _ in self.argument.vector(moment)]
