"""An expression, ready to be evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import promql_parser as parser

from logwatch.model import SeriesView
from logwatch.promql.calls import FUNCTIONS
from logwatch.promql.placing import syntax_error
from logwatch.promql.planner import Numbered, Planner, Reading
from logwatch.promql.refusals import refuse
from logwatch.promql.series_index import Scrape, SeriesIndex
from logwatch.promql.tokens import tokenize
from logwatch.promql.traits import Parting, parting_of
from logwatch.promql.values import Labels, Moment, Sample, ScalarNode, Vector, VectorNode


@dataclass(frozen=True, slots=True)
class Query:
    """A checked expression. Made by `compile`."""

    text: str
    readings: tuple[Reading, ...]
    """The selectors it uses, each with how far it looks back."""
    selectors: tuple[Numbered, ...]
    """The same, each once; nodes know them by their numbers."""
    parting: Parting
    """Which series can be looked at without the others."""
    _scalar: ScalarNode | None
    _vector: VectorNode | None

    @property
    def is_scalar(self) -> bool:
        """Whether the result is a number rather than a vector."""
        return self._scalar is not None

    def look_back_ns(self, name: str) -> int | None:
        """How much history of that sample name it needs before an evaluation time; None: it does not read it."""
        return max((reading.look_back_ns for reading in self.readings if reading.selector.reads(name)), default=None)

    def reads(self, names: Iterable[str]) -> frozenset[str]:
        """Those of the sample names that it reads."""
        return frozenset(name for name in names if any(reading.selector.reads(name) for reading in self.readings))

    def evaluate(self, view: SeriesView, time_ns: int, *, extra_labels: Mapping[str, str]) -> list[Sample] | float:
        """The result at that time, `extra_labels` attached to every series; raises EvaluationError."""
        index = SeriesIndex(Scrape(extra_labels))
        index.read(view)
        return self.evaluate_on(index, time_ns)

    def evaluate_on(self, index: SeriesIndex, time_ns: int) -> list[Sample] | float:
        """The result at that time; raises EvaluationError."""
        series = [index.select(numbered.selector) for numbered in self.selectors]
        elements = self.elements(Moment(index.scrape, series, time_ns, time_ns))
        if self._scalar is not None:
            return elements[0][1]
        return [Sample(labels, value) for labels, value in elements]

    def elements(self, moment: Moment) -> Vector:
        """The result at a moment, a number as one element without labels; raises EvaluationError."""
        if self._scalar is not None:
            return [(Labels(), self._scalar.scalar(moment))]
        assert self._vector is not None
        return self._vector.vector(moment)


def compile(text: str) -> Query:  # noqa: A001 - as re.compile, it is called with the name of its module
    """Parse and check an expression; raises ExpressionError."""
    tokens = tokenize(text)
    refuse(text, tokens, FUNCTIONS)
    try:
        tree = parser.parse(text)
    except ValueError as error:
        raise syntax_error(text, tokens, str(error)) from error
    parting = parting_of(tree)
    planner = Planner(text, tokens, parting)
    scalar, vector = planner.plan(tree)
    return Query(text, tuple(planner.readings), tuple(planner.selectors), parting, scalar, vector)
