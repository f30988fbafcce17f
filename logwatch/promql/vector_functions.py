"""Functions of instant vectors: of values, labels, the calendar and histograms, and the order of elements."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from math import isfinite
from operator import itemgetter
from typing import Literal

from logwatch.model import SECOND
from logwatch.promql import floats
from logwatch.promql.matchers import Match, Regex, Selector
from logwatch.promql.syntax import EvaluationError
from logwatch.promql.values import METRIC_NAME, Element, Labels, Moment, ScalarNode, Vector, VectorNode, unique

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


VectorFunction = Callable[..., Vector]
"""Takes the elements of an instant vector, and numbers."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A function of an instant vector and numbers."""

    function: VectorFunction
    argument: VectorNode
    numbers: tuple[ScalarNode, ...] = ()
    names: Literal["dropped", "kept", "changed"] = "dropped"
    """What becomes of the metrics' names."""

    @property
    def many_names(self) -> bool:
        """As the argument, if names are kept."""
        return self.names == "changed" or (self.names == "kept" and self.argument.many_names)

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        numbers = [number.scalar(moment) for number in self.numbers]
        found = self.function(self.argument.vector(moment), *numbers)
        return (
            found
            if self.names == "kept" or not (self.argument.many_names or self.names == "changed")
            else unique(found)
        )


def mapped(function: Callable[[float], float]) -> VectorFunction:
    """A function of each value."""
    return lambda elements: [(labels.nameless(), function(value)) for labels, value in elements]


def clamped(elements: Vector, low: float, high: float) -> Vector:
    """`clamp`, `clamp_min`, `clamp_max`: no element when the bounds cross."""
    return [] if high < low else mapped(lambda value: _clamp(value, low, high))(elements)


def _clamp(value: float, low: float, high: float) -> float:
    if value != value or low != low or high != high:
        return floats.NAN
    return max(low, min(high, value))


def rounded(elements: Vector, to: float) -> Vector:
    """`round(vector, to)`: the nearest multiple; halves go up."""
    # The inverse, because dividing by 0.1 is less exact than multiplying with 10.
    inverse = floats.divide(1.0, to)
    return mapped(lambda value: floats.divide(floats.floor(value * inverse + 0.5), inverse))(elements)


def in_order(*, descending: bool) -> VectorFunction:
    """`sort` and `sort_desc`: elements by value, NaN last."""
    return lambda elements: sorted(elements, key=largest_first if descending else smallest_first)


def smallest_first(element: Element) -> tuple[bool, float]:
    """A sort key; NaN comes last."""
    value = element[1]
    return (True, 0.0) if value != value else (False, value)


def largest_first(element: Element) -> tuple[bool, float]:
    """A sort key; NaN comes last."""
    value = element[1]
    return (True, 0.0) if value != value else (False, -value)


def absent(labels: Labels) -> VectorFunction:
    """`absent(vector)`: 1, with these labels, when there are no elements."""
    return lambda elements: [] if elements else [(labels, 1.0)]


DAY = 86_400
EPOCH = date(1970, 1, 1).toordinal()
CYCLE_DAYS = 146_097
"""The calendar repeats every 400 years, which `date` cannot count beyond 9999."""


def _day(seconds: int) -> tuple[date, int]:
    """The day of a time, moved into the years 1 to 400, and by how many cycles it was moved."""
    cycles, day = divmod(seconds // DAY + EPOCH - 1, CYCLE_DAYS)
    return date.fromordinal(day + 1), cycles


def days_in_month(seconds: int) -> int:
    """How many days the month has."""
    day, _ = _day(seconds)
    return monthrange(day.year, day.month)[1]


PARTS: dict[str, Callable[[int], int]] = {
    "minute": lambda seconds: seconds // 60 % 60,
    "hour": lambda seconds: seconds // 3600 % 24,
    "day_of_week": lambda seconds: (seconds // DAY + 4) % 7,  # 1970 began on a Thursday
    "day_of_month": lambda seconds: _day(seconds)[0].day,
    "day_of_year": lambda seconds: _day(seconds)[0].timetuple().tm_yday,
    "days_in_month": days_in_month,
    "month": lambda seconds: _day(seconds)[0].month,
    "year": lambda seconds: _day(seconds)[0].year + 400 * _day(seconds)[1],
}


@dataclass(frozen=True, slots=True)
class CalendarNow:
    """One of PARTS of the evaluation time."""

    part: Callable[[int], int]
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        moment.changes_always()
        return [(Labels(), float(self.part(moment.time_ns // SECOND)))]


def calendar(part: Callable[[int], int]) -> VectorFunction:
    """One of PARTS of each value."""
    return mapped(lambda value: float(part(int(value))) if isfinite(value) else floats.NAN)


PLACEHOLDER = re.compile(
    r"""
      (?P<dollar>\$\$)
    | \$(?P<plain>[A-Za-z0-9_]+)
    | \$\{(?P<braced>[A-Za-z0-9_]+)\}
    """,
    re.VERBOSE,
)


def expand(template: str, found: Match, regex: Regex, longest: int) -> str:
    """Fill a replacement as Go's Regexp.Expand does: $1, ${1}, $name, $$; unknown groups are empty.

    Raises OverflowError if the groups are longer than `longest` characters together.
    """
    size = 0

    def text(placeholder: re.Match[str]) -> str:
        nonlocal size
        if placeholder["dollar"]:
            return "$"
        name = placeholder["plain"] or placeholder["braced"]
        group: int | str = int(name) if name.isdigit() and len(name) < LONGEST_NUMBER else name
        known = group <= regex.groups if isinstance(group, int) else group in regex.groupindex
        filled = (found.group(group) or "") if known else ""
        size += len(filled)
        if size > longest:
            raise OverflowError(f"longer than {longest} characters")
        return filled

    return PLACEHOLDER.sub(text, template)


LONGEST_NUMBER = 10
"""Digits of a group's number; a longer one is the name of a group that there is not."""
LONGEST_VALUE = 65_536
"""Characters of a label value that a function makes: each may repeat what another made, so that ten of them fill any memory."""
LABEL_SET = 400
"""About the bytes of a label set beside its values."""
TOO_LONG = f"a label value would be longer than {LONGEST_VALUE} characters"
TOO_MANY = "the labels that functions make would take too much memory: use fewer label_replace and label_join, or select fewer series"


class Made:
    """Counts what the labels take that one call makes; raises EvaluationError above a number of bytes."""

    def __init__(self, most: int) -> None:
        self._left = most

    def add(self, value: str) -> None:
        """Count a label set that has a new value."""
        self._left -= LABEL_SET + len(value)
        if self._left < 0:
            raise EvaluationError(TOO_MANY)


def label_replaced(target: str, replacement: str, source: str, regex: Regex, most: int) -> VectorFunction:
    """`label_replace`: what does not match stays as it is. The labels it makes take at most `most` bytes."""

    def replaced(text: str) -> str | None:
        match = regex.fullmatch(text)
        if match is None:
            return None
        try:
            return expand(replacement, match, regex, LONGEST_VALUE)
        except OverflowError as error:
            raise EvaluationError(TOO_LONG) from error

    def apply(elements: Vector) -> Vector:
        changed: dict[str, str | None] = {}
        found: Vector = []
        made = Made(most)
        for labels, value in elements:
            text = labels.get(source, "")
            if text not in changed:
                changed[text] = replaced(text)
            result = changed[text]
            if result is not None:
                made.add(result)
            found.append((labels if result is None else labels.having(target, result), value))
        return found

    return apply


def label_joined(target: str, separator: str, sources: Sequence[str], most: int) -> VectorFunction:
    """`label_join`; the labels it makes take at most `most` bytes."""

    def apply(elements: Vector) -> Vector:
        found: Vector = []
        made = Made(most)
        for labels, value in elements:
            parts = [labels.get(source, "") for source in sources]
            if sum(map(len, parts)) + len(separator) * len(parts) > LONGEST_VALUE:
                raise EvaluationError(TOO_LONG)
            joined = separator.join(parts)
            made.add(joined)
            found.append((labels.having(target, joined), value))
        return found

    return apply


def labels_of_absence(selector: Selector) -> Labels:
    """The labels `absent` gives: those that an equality matcher demands, if no other matcher names them."""
    wanted: dict[str, str] = {}
    seen: set[str] = set()
    for matcher in selector.matchers:
        if matcher.operator == "=" and matcher.label not in seen:
            wanted[matcher.label] = matcher.value
        else:
            wanted.pop(matcher.label, None)
        if matcher.operator == "=":
            seen.add(matcher.label)
    return Labels({name: value for name, value in wanted.items() if value and name != METRIC_NAME})


BOUND = "le"
GO_FLOAT = re.compile(r"[+-]?(?:inf|infinity|nan|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?)", re.IGNORECASE)

Bucket = tuple[float, float]
"""Upper bound and cumulative count."""


def histogram_quantile(elements: Vector, q: float) -> Vector:
    """`histogram_quantile(q, buckets)`: one element per histogram; what has no bound is passed over."""
    histograms: dict[Labels, list[Bucket]] = {}
    for labels, value in elements:
        bound = labels.get(BOUND, "")
        if GO_FLOAT.fullmatch(bound):
            histograms.setdefault(labels.without((BOUND,)), []).append((float(bound), value))
    return unique(
        [(labels.without((METRIC_NAME,)), bucket_quantile(q, buckets)) for labels, buckets in histograms.items()]
    )


def bucket_quantile(q: float, buckets: list[Bucket]) -> float:
    """The quantile, linear within its bucket; NaN without observations or without a bucket +Inf."""
    if q != q:
        return floats.NAN
    if q < 0 or q > 1:
        return -floats.INF if q < 0 else floats.INF
    bounds, counts = _monotonic(sorted(buckets, key=itemgetter(0)))
    if bounds[-1] != floats.INF or len(bounds) < 2:
        return floats.NAN
    rank = q * counts[-1]
    if not counts[-1]:
        return floats.NAN
    # The question is Go's, so that counts of NaN lead to the same bucket.
    place = bisect_left(counts, True, 0, len(counts) - 1, key=lambda count: count >= rank)  # noqa: FBT003 - sought
    if place == len(bounds) - 1:
        return bounds[-2]
    if place == 0 and bounds[0] <= 0:
        return bounds[0]
    if place == 0:
        return bounds[0] * floats.divide(rank, counts[0])
    start, below = bounds[place - 1], counts[place - 1]
    return start + (bounds[place] - start) * floats.divide(rank - below, counts[place] - below)


def _monotonic(buckets: list[Bucket]) -> tuple[list[float], list[float]]:
    """Add up buckets of one bound, and lift those that stand below an earlier one (scrapes can tear)."""
    bounds: list[float] = []
    counts: list[float] = []
    highest = -floats.INF
    for bound, group in groupby(buckets, key=itemgetter(0)):
        count = sum(value for _, value in group)
        bounds.append(bound)
        counts.append(highest if count < highest else count)
        highest = max(highest, count)
    return bounds, counts
