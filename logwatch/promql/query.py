"""An expression, ready to be evaluated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import copysign
from typing import NamedTuple

import promql_parser as parser

from logwatch.model import SeriesView
from logwatch.promql.aggregations import NAMES as AGGREGATIONS
from logwatch.promql.aggregations import YOUNGER as LIMITS
from logwatch.promql.functions import FUNCTIONS, YOUNGER
from logwatch.promql.matchers import Selector
from logwatch.promql.planner import Numbered, Planner, Reading, Surroundings
from logwatch.promql.series_index import Scrape, Series, SeriesIndex
from logwatch.promql.syntax import ExpressionError, Version, Words, refuse, syntax_error, tokenize
from logwatch.promql.traits import Parting, kind_of, parting_of
from logwatch.promql.values import NEVER_NS, Labels, Moment, RangeNode, Sample, ScalarNode, Vector, VectorNode, Window
from logwatch.promql.vector_matching import And


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
    shared: tuple[And, ...]
    """Operators whose right side is the same for all parts."""
    _scalar: ScalarNode | None
    _vector: VectorNode | None
    _ranged: RangeNode | None = None

    @property
    def is_range(self) -> bool:
        """Whether the result is a range of samples of each series, as of `up[5m]`: see `windows_on`."""
        return self._ranged is not None

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

    def windows_on(self, index: SeriesIndex, time_ns: int) -> list[Window]:
        """The samples of each series, where the result is a range; raises EvaluationError."""
        assert self._ranged is not None
        series = [index.select(numbered.selector) for numbered in self.selectors]
        return list(self._ranged.windows(Moment(index.scrape, series, time_ns, time_ns)))

    def elements(self, moment: Moment) -> Vector:
        """The result at a moment, a number as one element without labels; raises EvaluationError."""
        if self._scalar is not None:
            return [(Labels(), self._scalar.scalar(moment))]
        assert self._vector is not None
        return self._vector.vector(moment)


def compile(text: str, *, ranges: bool = False, version: Version = 2) -> Query:  # noqa: A001 - as re.compile, it is called with the name of its module
    """Parse and check an expression of that version of Prometheus; with `ranges` its result may be a range; raises ExpressionError."""
    tokens = tokenize(text)
    younger = frozenset(YOUNGER) | LIMITS if version < 3 else frozenset()
    refuse(text, tokens, Words(FUNCTIONS, AGGREGATIONS, younger))
    try:
        tree = parser.parse(text)
    except ValueError as error:
        raise syntax_error(text, tokens, str(error)) from error
    parting = parting_of(tree)
    planner = Planner(text, tokens, parting, version)
    scalar = vector = ranged = None
    if ranges and kind_of(tree) == "range":
        ranged = planner.ranged(tree, Surroundings())
    else:
        scalar, vector = planner.plan(tree)
    found = tuple(planner.readings), tuple(planner.selectors), parting, tuple(planner.shared)
    return Query(text, *found, scalar, vector, ranged)


def select(text: str) -> Selector:
    """Parse a selector that stands alone, such as `up` or `{job="x"}`; raises ExpressionError."""
    query = compile(text)
    tree = parser.parse(text)
    if not isinstance(tree, parser.VectorSelector) or tree.offset is not None or tree.at is not None:
        raise ExpressionError(text, 0, "not a selector", 'write name{label="value"}')
    return query.readings[0].selector


def prettify(text: str) -> str:
    """Write an expression as Prometheus formats it; raises ExpressionError."""
    compile(text)
    return str(parser.parse(text).prettify())


EVERYTHING = -1
"""What a part has read that was never evaluated: every selector's bit is set."""
Result = list[tuple[Labels, float]]
_NO_SERIES: list[Series] = []
"""Of a selector that selects none in a part; there are tens of thousands, and each list takes 56 bytes."""


class Part:
    """The series of a part by selector, and which its last evaluation read."""

    __slots__ = ("key", "read", "series", "until_ns")

    def __init__(self, key: str, series: list[list[Series]]) -> None:
        self.key = key
        self.series = series
        self.read = EVERYTHING
        self.until_ns = NEVER_NS

    def add(self, number: int, series: Series) -> None:
        """Add a series of a selector."""
        if self.series[number]:
            self.series[number].append(series)
        else:
            self.series[number] = [series]


class SharedSide:
    """The right side of an operator that all parts read alike, as its last evaluation found it."""

    __slots__ = ("bit", "matches", "node", "read", "readers", "until_ns")

    def __init__(self, node: And, bit: int) -> None:
        self.node = node
        self.bit = bit
        """Says in what a part has read that it read this."""
        self.matches: Set[Hashable] = frozenset()
        self.read = EVERYTHING
        self.until_ns = 0
        self.readers: dict[str, None] = {}
        """The parts that read it when they were evaluated last."""


class Place(NamedTuple):
    """Where a series is in a query: its part, and the bits of the selectors that select it."""

    key: str
    own: int
    shared: int
    """Of selectors of which each part reads all series."""


class LiveQuery:
    """Watches a `SeriesIndex`; `update` brings the result up to a time. `on_due` is called with an earlier `due_ns`.

    With an offset, `update` and `due_ns` are about times at which a rule is evaluated; it looks at series so much earlier.
    """

    def __init__(
        self, query: Query, scrape: Scrape, on_due: Callable[[int], None] = lambda _: None, *, offset_ns: int = 0
    ) -> None:
        self.query = query
        self._offset_ns = offset_ns
        self.selectors: Sequence[Selector] = [numbered.selector for numbered in query.selectors]
        self.due_ns = 0
        """The earliest time at which the result can differ from that of the last update."""
        self.results: dict[str, Result] = {}
        """By part, those that are not empty."""
        self._on_due = on_due
        self._scrape = scrape
        self._shared: dict[int, list[Series]] = {
            number: [] for number, numbered in enumerate(query.selectors) if numbered.shared
        }
        self._shared_series = [self._shared.get(number, _NO_SERIES) for number in range(len(self.selectors))]
        self._sides = [SharedSide(node, 1 << len(self.selectors) + number) for number, node in enumerate(query.shared)]
        self._read_by_parts = 0
        """The selectors that parts read themselves, and not through a shared side."""
        self._parts: dict[str, Part] = {}
        self._deadlines: list[tuple[int, str]] = []
        self._changed: dict[str, None] = {}
        if query.parting.is_whole:
            self._part("")

    # ── called by the index ─────────────────────────────────────────────────────────

    def add(self, series: Series, numbers: Sequence[int], since_ns: int) -> Place:
        """A series came that the selectors of these numbers select."""
        shared = sum(1 << number for number in numbers if number in self._shared)
        own = sum(1 << number for number in numbers if number not in self._shared)
        part = self._part(self.query.parting.key(series.labels)) if own else None
        for number in numbers:
            if number in self._shared:
                self._shared[number].append(series)
            elif part is not None:
                part.add(number, series)
        place = Place(part.key if part is not None else "", own, shared)
        self.touch(place, since_ns)
        return place

    def touch(self, place: Place, since_ns: int) -> None:
        """Such a series is another one from that time on: the parts that read it are due then."""
        key, own, shared = place
        if own and self._parts[key].read & own:
            self._make_due(key, self._parts[key], since_ns)
        if not shared:
            return
        for side in self._sides:
            if side.read & shared and since_ns < side.until_ns:
                side.until_ns = since_ns
                if side.readers:
                    self._be_due(since_ns)
        if shared & self._read_by_parts:
            for each, part in self._parts.items():
                if part.read & shared:
                    self._make_due(each, part, since_ns)

    def remove(self, series: Series, place: Place) -> None:
        """Such a series is gone."""
        self.touch(place, 0)
        for number in self._shared:
            if place.shared & 1 << number:
                _remove(self._shared[number], series)
        if not place.own:
            return
        lists = self._parts[place.key].series
        own = [each for number, each in enumerate(lists) if number not in self._shared]
        for each in own:
            _remove(each, series)
        if not any(own) and not self.query.parting.is_whole:
            del self._parts[place.key]  # that it is due makes its result end

    def invalidate(self) -> None:
        """Be due with all parts: the clock was set back."""
        for side in self._sides:
            side.until_ns = 0
        for key, part in self._parts.items():
            self._make_due(key, part, 0)

    # ── the result ───────────────────────────────────────────────────────────────────

    def update(self, time_ns: int) -> Collection[str]:
        """Evaluate the parts that are due; returns those whose result changed.

        Raises EvaluationError, and is due until it does not; what changed until then is returned afterwards.
        """
        if time_ns < self.due_ns:
            return ()
        time_ns -= self._offset_ns
        due: dict[str, None] = {}
        while self._deadlines and self._deadlines[0][0] <= max(time_ns, 0):  # a part that is due always is due since 0
            until_ns, key = heappop(self._deadlines)
            part = self._parts.get(key)
            if part is None or part.until_ns == until_ns:
                due[key] = None
        for side in self._sides:
            if side.readers and side.until_ns <= max(time_ns, 0) and self._evaluate_side(side, time_ns):
                due.update(side.readers)
        self.due_ns = 0
        try:
            for key in sorted(due):  # so that of several errors it is always the same one
                if self._evaluate(key, time_ns):
                    self._changed[key] = None
                del due[key]
        finally:
            for key in due:
                self._schedule(key, 0)
        until_ns = min(
            self._deadlines[0][0] if self._deadlines else NEVER_NS,
            *[side.until_ns for side in self._sides if side.readers],
            NEVER_NS,
        )
        self.due_ns = self._due_at(until_ns)
        changed, self._changed = self._changed, {}
        return changed

    def result(self) -> Result:
        """All elements of the last update."""
        return [element for part in self.results.values() for element in part]

    def _evaluate(self, key: str, time_ns: int) -> bool:
        part = self._parts.get(key)
        result: Result = []
        if part is not None:
            moment = Moment(self._scrape, part.series, time_ns, time_ns, is_part=True, shared=self)
            result = self.query.elements(moment)
            part.read = moment.read
            self._read_by_parts |= moment.read
            self._schedule(key, moment.until_ns)
        for side in self._sides:
            if part is not None and part.read & side.bit:
                side.readers[key] = None
            else:
                side.readers.pop(key, None)
        before = self.results.get(key)
        if before is None and not result:
            return False
        if before is not None and _same(result, before):
            return False
        if result:
            self.results[key] = result
        else:
            del self.results[key]
        return True

    # ── what parts share ─────────────────────────────────────────────────────────────

    def matches(self, number: int, moment: Moment) -> Set[Hashable]:
        """As `values.Shared`."""
        side = self._sides[number]
        if side.until_ns <= max(moment.time_ns, 0):
            self._evaluate_side(side, moment.time_ns)
        moment.read |= side.bit
        return side.matches

    def _evaluate_side(self, side: SharedSide, time_ns: int) -> bool:
        """Whether it changed."""
        moment = Moment(self._scrape, self._shared_series, time_ns, time_ns, is_part=True)
        before, side.matches = side.matches, side.node.matches(moment)
        side.read, side.until_ns = moment.read, moment.until_ns
        return before != side.matches

    # ── parts ────────────────────────────────────────────────────────────────────────

    def _part(self, key: str) -> Part:
        part = self._parts.get(key)
        if part is None:
            part = self._parts[key] = Part(key, self._shared_series.copy())
            self._make_due(key, part, 0)
        return part

    def _make_due(self, key: str, part: Part, time_ns: int) -> None:
        if time_ns < part.until_ns:
            self._schedule(key, time_ns)
        self._be_due(time_ns)

    def _be_due(self, time_ns: int) -> None:
        due_ns = self._due_at(time_ns)
        if due_ns < self.due_ns:
            self.due_ns = due_ns
            self._on_due(due_ns)

    def _due_at(self, time_ns: int) -> int:
        """When to evaluate what a time of the series changes; 0 is always."""
        return time_ns + self._offset_ns if time_ns > 0 else 0

    def _schedule(self, key: str, time_ns: int) -> None:
        """Evaluate a part at that time, and not before."""
        part = self._parts.get(key)
        if part is not None:
            part.until_ns = time_ns
        if time_ns < NEVER_NS:
            heappush(self._deadlines, (time_ns, key))
            if len(self._deadlines) > 64 + 4 * len(self._parts):  # most of it was overtaken by something earlier
                parts = ((part.until_ns, key) for key, part in self._parts.items() if part.until_ns < NEVER_NS)
                self._deadlines = [*parts, *((0, key) for key in self.results if key not in self._parts)]
                heapify(self._deadlines)


def _remove(series: list[Series], gone: Series) -> None:
    series[:] = [each for each in series if each is not gone]


def _same(left: Result, right: Result) -> bool:
    """Whether two results have the same elements in the same order; NaN equals NaN, 0 is not -0."""
    if len(left) != len(right):
        return False
    for (labels, value), (other_labels, other) in zip(left, right, strict=True):
        if labels != other_labels or (value != other and (value == value or other == other)):
            return False
        if not value and copysign(1.0, value) != copysign(1.0, other):
            return False
    return True
