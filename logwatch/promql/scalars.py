"""Nodes that give a number, and the ways between numbers and vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from logwatch.promql import floats
from logwatch.promql.values import SECOND, Labels, Moment, ScalarNode, Vector, VectorNode


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
class TimesOf:
    """`timestamp()` of anything but a selector: the evaluation time, for each element."""

    argument: VectorNode

    @property
    def many_names(self) -> bool:
        """The caller drops the names."""
        return self.argument.many_names

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        moment.changes_always()
        now = moment.time_ns / SECOND
        return [(labels, now) for labels, _ in self.argument.vector(moment)]
