"""An expression, ready to be evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import promql_parser as parser

from logwatch.model import SeriesView
from logwatch.promql.calls import FUNCTIONS
from logwatch.promql.motion import Motion, motion_of
from logwatch.promql.placing import syntax_error
from logwatch.promql.planner import Planner, Reading
from logwatch.promql.refusals import refuse
from logwatch.promql.snapshot import Scrape, Snapshot
from logwatch.promql.tokens import tokenize
from logwatch.promql.values import Moment, Sample, ScalarNode, VectorNode


@dataclass(frozen=True, slots=True)
class Query:
    """A checked expression. Made by `compile`."""

    text: str
    readings: tuple[Reading, ...]
    """The selectors it uses, each with how far it looks back."""
    motion: Motion
    """Whether time alone can change the result."""
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
        return self.evaluate_in(Snapshot(view, time_ns, Scrape(extra_labels)))

    def evaluate_in(self, snapshot: Snapshot) -> list[Sample] | float:
        """The result on a snapshot that several queries share; raises EvaluationError."""
        moment = Moment(snapshot, snapshot.time_ns)
        if self._scalar is not None:
            return self._scalar.scalar(moment)
        assert self._vector is not None
        return [Sample(labels, value) for labels, value in self._vector.vector(moment)]


def compile(text: str) -> Query:  # noqa: A001 - as re.compile, it is called with the name of its module
    """Parse and check an expression; raises ExpressionError."""
    tokens = tokenize(text)
    refuse(text, tokens, FUNCTIONS)
    try:
        tree = parser.parse(text)
    except ValueError as error:
        raise syntax_error(text, tokens, str(error)) from error
    planner = Planner(text, tokens)
    scalar, vector = planner.plan(tree)
    return Query(text, tuple(planner.readings), motion_of(tree), scalar, vector)
