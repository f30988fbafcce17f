"""Subqueries: an instant expression evaluated at steps, as if it had been recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from logwatch.promql.change_points import grid
from logwatch.promql.selectors import Shift
from logwatch.promql.values import Labels, Moment, Span, VectorNode, Window


@dataclass(frozen=True, slots=True)
class Subquery:
    """`expression[range:step]`; the steps are multiples of the step since 1970, like virtual samples."""

    argument: VectorNode
    range_ns: int
    step_ns: int | None
    """None: the default of the snapshot."""
    shift: Shift

    @property
    def many_names(self) -> bool:
        """As the argument."""
        return self.argument.many_names

    def span(self, moment: Moment) -> Span:
        """What the windows cover."""
        end = self.shift.apply(moment)
        return Span(end - self.range_ns, end, moment.time_ns)

    def windows(self, moment: Moment) -> Iterator[Window]:
        """The results of all steps, by series."""
        moment.changes_always()
        start, end, _ = self.span(moment)
        collected: dict[Labels, tuple[list[int], list[float]]] = {}
        for time_ns in grid(start, end, self.step_ns or moment.scrape.subquery_step_ns):
            step = moment.at(time_ns)
            elements = self.argument.vector(step)
            moment.has_read(step)
            for labels, value in elements:
                times, values = collected.setdefault(labels, ([], []))
                times.append(time_ns)
                values.append(value)
        for labels, (times, values) in collected.items():
            yield labels, times, values
