"""Function calls: which are covered, and which node each becomes. This list is the allow-list."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import promql_parser as parser

from logwatch.promql import range_functions, vector_functions
from logwatch.promql.change_points import lowest_run, runs
from logwatch.promql.matchers import Regex
from logwatch.promql.operators import Number, ScalarOf, Time, TimesOf, VectorOf
from logwatch.promql.selectors import InstantSelector, RangeSelector, SampleTimes
from logwatch.promql.values import Labels, RangeNode, ScalarNode, VectorNode
from logwatch.promql.vector_functions import Applied


class Arguments(Protocol):
    """The arguments of a call, by position, each as the node that the function needs."""

    @property
    def expressions(self) -> Sequence[parser.Expr]:
        """As the parser gives them."""

    def scalar(self, index: int) -> ScalarNode:
        """A number."""

    def vector(self, index: int) -> VectorNode:
        """An instant vector."""

    def ranged(self, index: int) -> RangeNode:
        """Windows."""

    def string(self, index: int) -> str:
        """A string."""

    def label(self, index: int) -> str:
        """A string that is a label name."""

    def regex(self, index: int) -> Regex:
        """A string that is a regex."""

    @property
    def most_made(self) -> int:
        """Bytes of labels that the call may make."""


def _over_time(name: str) -> Callable[[Arguments], VectorNode]:
    function = range_functions.OF_VALUES[name]
    counts: Literal["unless constant", "always"] = "unless constant" if name in range_functions.AVERAGES else "always"

    def build(given: Arguments) -> VectorNode:
        argument = given.ranged(0)
        if name in range_functions.PRESENCE and isinstance(argument, RangeSelector):
            return range_functions.OverRuns(function, argument, lowest_run if name == "min_over_time" else runs)
        return range_functions.OverTime(function, argument, counts)

    return build


def _over_samples(name: str) -> Callable[[Arguments], VectorNode]:
    return lambda given: range_functions.OverSamples(range_functions.OF_SAMPLES[name], given.ranged(0))


def _of_value(name: str) -> Callable[[Arguments], VectorNode]:
    return lambda given: Applied(vector_functions.mapped(vector_functions.OF_VALUE[name]), given.vector(0))


def _calendar(name: str) -> Callable[[Arguments], VectorNode]:
    part = vector_functions.PARTS[name]

    def build(given: Arguments) -> VectorNode:
        if not given.expressions:
            return vector_functions.CalendarNow(part)
        return Applied(vector_functions.calendar(part), given.vector(0))

    return build


def _counting(name: str) -> Callable[[Arguments], VectorNode]:
    def build(given: Arguments) -> VectorNode:
        argument = given.ranged(0)
        if isinstance(argument, RangeSelector):
            return range_functions.Increase(argument, per_second=name == "rate")
        return range_functions.OverSamples(range_functions.OF_SAMPLES[name], argument)

    return build


def _absence(node: VectorNode | RangeNode) -> Labels:
    if isinstance(node, InstantSelector | RangeSelector):
        return vector_functions.labels_of_absence(node.selector)
    return Labels()


def _absent(given: Arguments) -> VectorNode:
    argument = given.vector(0)
    return Applied(vector_functions.absent(_absence(argument)), argument)


def _last_over_time(given: Arguments) -> VectorNode:
    argument = given.ranged(0)
    return (
        range_functions.LastOfSelector(argument)
        if isinstance(argument, RangeSelector)
        else range_functions.LastOfWindow(argument)
    )


def _absent_over_time(given: Arguments) -> VectorNode:
    argument = given.ranged(0)
    return range_functions.AbsentOverTime(argument, _absence(argument))


def _timestamp(given: Arguments) -> VectorNode:
    argument = given.vector(0)
    times = SampleTimes(argument) if isinstance(argument, InstantSelector) else TimesOf(argument)
    return Applied(vector_functions.mapped(float), times)


def _round(given: Arguments) -> VectorNode:
    return Applied(
        vector_functions.rounded, given.vector(0), (given.scalar(1) if len(given.expressions) > 1 else Number(1.0),)
    )


def _label_replace(given: Arguments) -> VectorNode:
    function = vector_functions.label_replaced(
        given.label(1), given.string(2), given.string(3), given.regex(4), given.most_made
    )
    return Applied(function, given.vector(0), names="changed")


def _label_join(given: Arguments) -> VectorNode:
    sources = tuple(given.label(index) for index in range(3, len(given.expressions)))
    function = vector_functions.label_joined(given.label(1), given.string(2), sources, given.most_made)
    return Applied(function, given.vector(0), names="changed")


def _clamp(given: Arguments, low: ScalarNode, high: ScalarNode) -> VectorNode:
    return Applied(vector_functions.clamped, given.vector(0), (low, high))


def _sort(given: Arguments, *, descending: bool) -> VectorNode:
    return Applied(vector_functions.in_order(descending=descending), given.vector(0), names="kept")


def _histogram_quantile(given: Arguments) -> VectorNode:
    return Applied(vector_functions.histogram_quantile, given.vector(1), (given.scalar(0),))


SCALARS: dict[str, Callable[[Arguments], ScalarNode]] = {
    "time": lambda _: Time(),
    "pi": lambda _: Number(math.pi),
    "scalar": lambda given: ScalarOf(given.vector(0)),
}

VECTORS: dict[str, Callable[[Arguments], VectorNode]] = {
    **{name: _over_time(name) for name in range_functions.OF_VALUES},
    **{name: _over_samples(name) for name in range_functions.OF_SAMPLES},
    **{name: _of_value(name) for name in vector_functions.OF_VALUE},
    **{name: _calendar(name) for name in vector_functions.PARTS},
    **{name: _counting(name) for name in ("increase", "rate")},
    "last_over_time": _last_over_time,
    "absent_over_time": _absent_over_time,
    "quantile_over_time": lambda given: range_functions.QuantileOverTime(given.scalar(0), given.ranged(1)),
    "predict_linear": lambda given: range_functions.PredictLinear(given.ranged(0), given.scalar(1)),
    "absent": _absent,
    "vector": lambda given: VectorOf(given.scalar(0)),
    "timestamp": _timestamp,
    "round": _round,
    "clamp": lambda given: _clamp(given, given.scalar(1), given.scalar(2)),
    "clamp_min": lambda given: _clamp(given, given.scalar(1), Number(math.inf)),
    "clamp_max": lambda given: _clamp(given, Number(-math.inf), given.scalar(1)),
    "sort": lambda given: _sort(given, descending=False),
    "sort_desc": lambda given: _sort(given, descending=True),
    "label_replace": _label_replace,
    "label_join": _label_join,
    "histogram_quantile": _histogram_quantile,
}

YOUNGER: dict[str, Callable[[Arguments], VectorNode]] = {
    "first_over_time": lambda given: range_functions.FirstOfWindow(given.ranged(0)),
    "mad_over_time": lambda given: range_functions.OverTime(
        range_functions.median_absolute_deviation, given.ranged(0), "unless constant"
    ),
}
"""Those of Prometheus 3 alone."""
VECTORS |= YOUNGER
FUNCTIONS = frozenset(SCALARS) | frozenset(VECTORS)
