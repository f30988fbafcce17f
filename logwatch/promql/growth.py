"""By how much counters grew, as shipped alerts ask for it so that a Prometheus which scrapes us finds the same.

    x - (
      last_over_time(x[1h] offset 15m) <= x
      or x * 0 and on (job, instance) last_over_time(y[1h] offset 15m)
      or min_over_time(x[15m])
    )

That is what the counter is now, less what it was at the begin of the range; less nothing, if it was not there while
another series `y` shows that we were; else less the lowest that it was since. Operator by operator this reads `x` five
times and matches four pairs of vectors at every change of a counter. `Growth` looks at each series once, and
`GrowthAbove` knows that what has not grown enough will not because of the time alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser as parser

from logwatch.promql.floats import smallest
from logwatch.promql.operators import Calculated, Number
from logwatch.promql.range_functions import LastOfSelector, OverRuns
from logwatch.promql.selectors import InstantSelector, Shift
from logwatch.promql.series_index import Series
from logwatch.promql.values import NEVER_NS, Moment, Vector, VectorNode
from logwatch.promql.vector_matching import And, Matched, Matching, Or

Operators = tuple[str, "Operators | None", "Operators | None"] | None
OPERATORS: Operators = ("-", None, ("or", ("or", ("<=", None, None), ("and", ("*", None, None), None)), None))
"""Of the expression: each operator with those on its sides."""


@dataclass(frozen=True, slots=True)
class Growth:
    """The growth of each series; `plain` finds it operator by operator."""

    plain: VectorNode
    counter: InstantSelector
    before: LastOfSelector
    """The counter before the range."""
    lowest: OverRuns
    """The counter within the range."""
    witness: LastOfSelector
    """What shows that we were there before the range."""
    matching: Matching
    """Of a counter with its witness."""
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        if not self.is_sampled(moment):
            return self.plain.vector(moment)
        found: Vector = []
        for series, grown, until_ns in self.grown(moment):
            moment.changes_at(until_ns)
            if grown is not None:
                found.append((series.labels.nameless(), grown))
        return found

    def is_sampled(self, moment: Moment) -> bool:
        """Whether the ranges are so long that there are samples in each."""
        step = moment.scrape.interval_ns(self.counter.selector.name)
        return min(self.before.argument.range_ns, self.lowest.argument.range_ns) >= step

    def grown(self, moment: Moment) -> Iterator[tuple[Series, float | None, int]]:
        """Each series, by how much it grew (None if it is not there), and until when that is so."""
        key, witnesses = self.matching.key(), None
        ticks, own = self.before.argument.ticks(moment), moment.at(moment.time_ns)
        for series in moment.select(self.counter.number):
            own.until_ns = NEVER_NS
            value = self.counter.value(series, own)
            before = self.before.last(series, ticks, own) if value == value else None
            if before is None or not before <= value:
                if witnesses is None:
                    witnesses = {key(labels) for labels, _ in self.witness.vector(moment)}
                before = value * 0 if key(series.labels) in witnesses else self._lowest(series, own)
            yield series, None if before is None or value != value else value - before, own.until_ns

    def _lowest(self, series: Series, moment: Moment) -> float | None:
        range_ = self.lowest.argument
        found = range_.run(series, range_.ticks(moment), moment, self.lowest.of)
        return self.lowest.function(found) if found else None

    def only_falls(self, series: Series, moment: Moment) -> bool:
        """Whether the time alone cannot let the growth of a series rise: then the counter never fell in what is looked at."""
        times, values = series.sampled_times, series.sampled_values
        if times is not series.times or times[-1] > moment.time_ns:
            return False
        first = bisect_right(times, self.before.argument.ticks(moment)[-1]) - 1
        looked_at = values[max(0, first) :]
        total = sum(looked_at)
        return total == total and looked_at[0] >= 0 and looked_at == sorted(looked_at)


@dataclass(frozen=True, slots=True)
class GrowthAbove:
    """The growth that is above a number (or at least a positive one)."""

    comparison: Callable[[float, float], bool]
    growth: Growth
    number: float
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        growth, comparison, number = self.growth, self.comparison, self.number
        if not growth.is_sampled(moment):
            return [element for element in growth.plain.vector(moment) if comparison(element[1], number)]
        found: Vector = []
        for series, grown, until_ns in growth.grown(moment):
            if grown is not None and comparison(grown, number):
                found.append((series.labels.nameless(), grown))
            elif until_ns == NEVER_NS or (grown is not None and growth.only_falls(series, moment)):
                continue
            moment.changes_at(until_ns)
        return found


def recognised(tree: Any, plain: VectorNode) -> Growth | None:
    """The node for an expression of that form, of which `plain` is made; None for any other."""
    match plain:
        case Matched(
            left=InstantSelector(shift=Shift(offset_ns=0, pinned=False)) as counter,
            right=Or(
                left=Or(
                    left=Matched(
                        left=LastOfSelector() as before,
                        right=InstantSelector() as compared,
                        matching=Matching(on=False, labels=()),
                        keep_name=True,
                    ),
                    right=And(
                        left=Calculated(argument=InstantSelector() as zero, number=Number(value=0)),
                        right=LastOfSelector() as witness,
                        matching=Matching(on=True) as matching,
                    ),
                    matching=Matching(on=False, labels=()),
                ),
                right=OverRuns(function=function) as lowest,
                matching=Matching(on=False, labels=()),
            ),
            matching=Matching(on=False, labels=(), many=""),
        ) if (
            counter == compared == zero
            and counter.selector.name is not None
            and counter.number == before.argument.number == lowest.argument.number
            and function is smallest
            and lowest.argument.shift == Shift()
            and before.argument.shift == Shift(lowest.argument.range_ns)
            and _operators(tree) == OPERATORS
        ):
            return Growth(plain, counter, before, lowest, witness, matching)
    return None


def _operators(tree: Any) -> Operators:
    while isinstance(tree, parser.ParenExpr):
        tree = tree.expr
    if not isinstance(tree, parser.BinaryExpr):
        return None
    return (str(tree.op), _operators(tree.lhs), _operators(tree.rhs))
