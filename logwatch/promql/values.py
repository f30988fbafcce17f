"""What expressions are made of while they are evaluated: label sets, samples, windows, nodes.

A node is one operation of an expression. Nodes are of three kinds, by what they give:
a number (`ScalarNode`), a value per series (`VectorNode`) or a window of samples per series
(`RangeNode`). Times are integer nanoseconds, as everywhere.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence, Set
from typing import TYPE_CHECKING, NamedTuple, Protocol

from logwatch.notation import quoted
from logwatch.promql.syntax import EvaluationError

if TYPE_CHECKING:
    from logwatch.promql.series_index import Scrape, Series

METRIC_NAME = "__name__"


class Labels(dict[str, str]):
    """A label set. Immutable by contract, so that it can be shared and be a key; no value is empty."""

    __slots__ = ("_identity", "_lacking", "_nameless")

    _identity: frozenset[tuple[str, str]]
    _nameless: Labels
    _lacking: dict[tuple[str, ...], Labels]

    def __hash__(self) -> int:  # type: ignore[override]  # dict has none, because others change theirs
        return hash(self.identity())

    def identity(self) -> frozenset[tuple[str, str]]:
        """Its pairs as a set, which is several times faster as a key than the label set itself."""
        try:
            return self._identity
        except AttributeError:
            self._identity = frozenset(self.items())
            return self._identity

    def nameless(self) -> Labels:
        """The same without the metric's name."""
        try:
            return self._nameless
        except AttributeError:
            self._nameless = self.without((METRIC_NAME,)) if METRIC_NAME in self else self
            return self._nameless

    def without(self, names: Iterable[str]) -> Labels:
        """A copy that lacks these labels."""
        copy = Labels(self)
        for name in names:
            copy.pop(name, None)
        return copy

    def lacking(self, names: tuple[str, ...]) -> Labels:
        """As `without`, remembered: a series' labels are asked for the same at every evaluation."""
        try:
            known = self._lacking
        except AttributeError:
            known = self._lacking = {}
        found = known.get(names)
        if found is None:
            found = known[names] = self.without(names)
        return found

    def text(self) -> str:
        """As PromQL writes a series: `up{job="logwatch"}`."""
        pairs = ", ".join(f"{name}={quoted(value)}" for name, value in sorted(self.items()) if name != METRIC_NAME)
        name = self.get(METRIC_NAME, "")
        return f"{name}{{{pairs}}}" if pairs or not name else name

    def having(self, name: str, value: str) -> Labels:
        """A copy with one label set; an empty value removes it."""
        copy = Labels(self)
        if value:
            copy[name] = value
        else:
            copy.pop(name, None)
        return copy


class Sample(NamedTuple):
    """One element of a result."""

    labels: Labels
    value: float


Element = tuple[Labels, float]
"""A sample while it is worked on: a plain tuple takes a fifth of the time to make."""

Vector = list[Element]


Window = tuple[Labels, Sequence[int], Sequence[float]]
"""The samples of one series within a range: its labels, ascending times and values."""


class Span(NamedTuple):
    """What a range covers (both ends belong to it), and the time it is looked at from."""

    start_ns: int
    end_ns: int
    at_ns: int


NEVER_NS = 1 << 62
"""A time that does not come."""


class Shared(Protocol):
    """What all parts of an expression read alike."""

    def matches(self, number: int, moment: Moment) -> Set[Hashable]:
        """What elements have to match on the right side of that number; notes in `moment.read` that it was asked."""


class Moment:
    """One evaluation: its time, the series it reads, and until when its result stays as it is.

    `until_ns` is the earliest time at which the result can differ although no series changes; nodes
    lower it. `read` has a bit for each selector that was read, above them one for each shared side.
    """

    __slots__ = ("_series", "is_part", "now_ns", "read", "scrape", "shared", "time_ns", "until_ns")

    def __init__(
        self,
        scrape: Scrape,
        series: Sequence[Sequence[Series]],
        time_ns: int,
        now_ns: int,
        *,
        is_part: bool = False,
        shared: Shared | None = None,
    ) -> None:
        self.is_part = is_part
        """Whether it reads one part of an expression (`Query.parting`) and not all series."""
        self.shared = shared
        """What is the same for all parts, if it is known at that time."""
        self.scrape = scrape
        self._series = series
        self.time_ns = time_ns
        """The time nodes are evaluated at; within a subquery it differs from `now_ns`."""
        self.now_ns = now_ns
        self.until_ns = NEVER_NS
        self.read = 0

    def select(self, number: int) -> Sequence[Series]:
        """The series of a selector, by its number in the query."""
        self.read |= 1 << number
        return self._series[number]

    def changes_at(self, time_ns: int) -> None:
        """Note a time at which the result can differ."""
        if time_ns < self.until_ns:
            self.until_ns = time_ns

    def changes_always(self) -> None:
        """Note that the result can differ at any later time."""
        self.until_ns = 0

    def at(self, time_ns: int) -> Moment:
        """The same series at another time."""
        return Moment(self.scrape, self._series, time_ns, self.now_ns, is_part=self.is_part)

    def has_read(self, other: Moment) -> None:
        """Note what was read at another time."""
        self.read |= other.read


class ScalarNode(Protocol):
    """Gives a number."""

    def scalar(self, moment: Moment) -> float:
        """The number at that moment."""


class VectorNode(Protocol):
    """Gives a value per series."""

    @property
    def many_names(self) -> bool:
        """Whether its series may have different metric names, so that dropping them may collide."""

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""


class RangeNode(Protocol):
    """Gives a window of samples per series."""

    @property
    def many_names(self) -> bool:
        """As of a vector."""

    def span(self, moment: Moment) -> Span:
        """What the windows cover."""

    def windows(self, moment: Moment) -> Iterator[Window]:
        """The windows that hold at least one sample."""


class KeepsNames:
    """A node whose elements have the names of its argument's; for a dataclass with an `argument`."""

    __slots__ = ()
    argument: VectorNode | RangeNode

    @property
    def many_names(self) -> bool:
        """As the argument."""
        return self.argument.many_names


def unique(elements: Vector) -> Vector:
    """Return the elements, or raise if two have the same labels."""
    if len({labels.identity() for labels, _ in elements}) != len(elements):
        raise EvaluationError("vector cannot contain metrics with the same labelset")
    return elements
