"""Selectors as nodes: the value of each series now, or its window of virtual samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from logwatch.promql.matchers import Selector
from logwatch.promql.snapshot import Series
from logwatch.promql.values import SECOND, Moment, Span, Vector, Window
from logwatch.promql.windows import grid, sampled, sampled_at, value_at


@dataclass(frozen=True, slots=True)
class Shift:
    """Which time is looked at: `offset`, and @ start() or @ end(), which leave a subquery's time."""

    offset_ns: int = 0
    pinned: bool = False

    def apply(self, moment: Moment) -> int:
        """The time that is meant at that moment."""
        base = moment.snapshot.time_ns if self.pinned else moment.time_ns
        return base - self.offset_ns


@dataclass(frozen=True, slots=True)
class InstantSelector:
    """The value of each series that is there at that time, as new as the log tells."""

    selector: Selector
    shift: Shift

    @property
    def many_names(self) -> bool:
        """Without a name it may find several."""
        return self.selector.name is None

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        now = self.shift.apply(moment)
        found: Vector = []
        add = found.append
        for labels, times, values in moment.snapshot.select(self.selector):
            value = values[-1] if times[-1] <= now else value_at(times, values, now)
            if value == value:
                add((labels, value))
        return found


@dataclass(frozen=True, slots=True)
class SampleTimes:
    """`timestamp()` of a selector: when the newest virtual sample was taken, in seconds.

    A series that was born after the last tick has no virtual sample yet: its birth counts.
    """

    selector: InstantSelector

    @property
    def many_names(self) -> bool:
        """The caller drops the names."""
        return self.selector.many_names

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        now = self.selector.shift.apply(moment)
        interval = moment.snapshot.scrape.interval_ns(self.selector.selector.name)
        found: Vector = []
        for labels, times, values in moment.snapshot.select(self.selector.selector):
            value = value_at(times, values, now)
            if value == value:
                found.append((labels, sampled_at(times, values, now, interval) / SECOND))
        return found


@dataclass(frozen=True, slots=True)
class RangeSelector:
    """The window of each series: its virtual samples, or (for exact counting) its change points."""

    selector: Selector
    range_ns: int
    shift: Shift

    @property
    def many_names(self) -> bool:
        """Without a name it may find several."""
        return self.selector.name is None

    def span(self, moment: Moment) -> Span:
        """What the windows cover; both ends belong to them, as in Prometheus 2."""
        end = self.shift.apply(moment)
        return Span(end - self.range_ns, end, moment.time_ns)

    def series(self, moment: Moment) -> Sequence[Series]:
        """The series with all their change points."""
        return moment.snapshot.select(self.selector)

    def windows(self, moment: Moment) -> Iterator[Window]:
        """The virtual samples of each series that has one within the range."""
        start, end, _ = self.span(moment)
        ticks = grid(start, end, moment.snapshot.scrape.interval_ns(self.selector.name))
        if not ticks:
            return
        first, count = ticks.start, len(ticks)
        steady: dict[float | str, list[float]] = {}  # one list per value, so that functions can know it again
        for labels, times, values in self.series(moment):
            if times[-1] <= first:  # nothing changed: by far the most frequent case
                value = values[-1]
                if value == value:
                    key = value or str(value)  # 0 is not -0
                    yield labels, ticks, steady.get(key) or steady.setdefault(key, [value] * count)
                continue
            taken_times, taken_values = sampled(times, values, ticks)
            if taken_times:
                yield labels, taken_times, taken_values
