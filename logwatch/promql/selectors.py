"""Selectors and subqueries as nodes: the value of each series now, or its window of samples."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from logwatch.model import SECOND
from logwatch.promql.change_points import grid, last_sample, runs, sampled, started_at, value_at
from logwatch.promql.matchers import Selector
from logwatch.promql.series_index import Series
from logwatch.promql.syntax import EvaluationError
from logwatch.promql.values import KeepsNames, Labels, Moment, Span, Vector, VectorNode, Window

Runs = Callable[[Sequence[int], Sequence[float], range], list[float]]
"""What takes the values that are looked at from the change points: `runs` or `lowest_run`."""


LONG = 1_000
"""Samples of a window that takes long enough to look at the clock beside it."""
MOST_COLLECTED = 5_000_000
"""Samples of all series that a subquery collects."""
TOO_MANY = f"a subquery would collect more than {MOST_COLLECTED} samples: shorten its range, lengthen its step or select fewer series"
LISTS = 4_000_000
"""Samples of windows without a change that are kept beside each other."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Which time is looked at: `offset`, and `@`, which leaves a subquery's time."""

    offset_ns: int = 0
    """Below 0 it looks ahead."""
    pinned: bool = False
    at_ns: int | None = None
    """The time of `@ 1700000000`, if that is written."""

    def apply(self, moment: Moment) -> int:
        """The time that is meant at that moment."""
        if self.at_ns is not None:
            return self.at_ns - self.offset_ns
        base = moment.now_ns if self.pinned else moment.time_ns
        return base - self.offset_ns


@dataclass(frozen=True, slots=True)
class InstantSelector:
    """The value of each series that exists at that time, as new as the log."""

    selector: Selector
    number: int
    """Of the selector, in its query."""
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
        for labels, times, values, _, _ in moment.select(self.number):
            if times[-1] <= now:
                value = values[-1]
            else:
                value = value_at(times, values, now)
                moment.changes_at(times[bisect_right(times, now)] + self.shift.offset_ns)
            if value == value:
                add((labels, value))
        return found

    def value(self, series: Series, moment: Moment) -> float:
        """The value of one series at that moment, NaN if it has none."""
        now = self.shift.apply(moment)
        if series.times[-1] <= now:
            return series.values[-1]
        moment.changes_at(series.times[bisect_right(series.times, now)] + self.shift.offset_ns)
        return value_at(series.times, series.values, now)


@dataclass(frozen=True, slots=True)
class SampleTimes:
    """`timestamp()` of a selector: when the newest virtual sample was taken, in seconds.

    A series that began after the last tick has no virtual sample yet: its begin counts.
    """

    selector: InstantSelector

    @property
    def many_names(self) -> bool:
        """The caller drops the names."""
        return self.selector.many_names

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        moment.changes_always()
        now = self.selector.shift.apply(moment)
        interval = moment.scrape.interval_ns(self.selector.selector.name)
        tick = now - now % interval
        found: Vector = []
        for labels, times, values, sampled_times, sampled_values in moment.select(self.selector.number):
            value = value_at(times, values, now)
            if value == value:
                started = started_at(times, values, now)
                taken = last_sample(sampled_times, sampled_values, started, tick, interval)
                found.append((labels, (started if taken is None else taken[0]) / SECOND))
        return found


@dataclass(frozen=True, slots=True)
class RangeSelector:
    """The window of each series: its virtual samples, or (for exact counting) its change points."""

    selector: Selector
    number: int
    """Of the selector, in its query."""
    range_ns: int
    shift: Shift
    excluded_ns: int = 0
    """Of the older end: 1 leaves out a sample that lies on it, as Prometheus 3 does."""

    @property
    def many_names(self) -> bool:
        """Without a name it may find several."""
        return self.selector.name is None

    def span(self, moment: Moment) -> Span:
        """What the windows cover; both ends belong to them, unless the older one is excluded."""
        end = self.shift.apply(moment)
        return Span(end - self.range_ns, end, moment.time_ns)

    def ticks(self, moment: Moment) -> range:
        """The times of virtual samples within the range."""
        start, end, _ = self.span(moment)
        return grid(start + self.excluded_ns, end, moment.scrape.interval_ns(self.selector.name))

    def series(self, moment: Moment) -> Sequence[Series]:
        """The series with all their change points."""
        return moment.select(self.number)

    def windows(self, moment: Moment) -> Iterator[Window]:
        """The virtual samples of each series that has one within the range.

        A window in which nothing changes has a `range` of times. It stays as it is but for the number of
        its samples, and so do the runs of equal values in any window until `changes_at` of the moment.
        """
        ticks = self.ticks(moment)
        if not ticks or self.range_ns < ticks.step:
            moment.changes_always()  # with the next tick, or when there is none in the range
        if not ticks:
            return
        first, count = ticks.start, len(ticks)
        most_steady = LISTS // count
        steady: dict[float | str, list[float]] = {}  # one list per value, so that functions can know it again
        for labels, _, _, times, values in self.series(moment):
            if count > LONG:
                moment.scrape.check()
            if times[-1] <= first:  # nothing changed: by far the most frequent case
                value = values[-1]
                if value == value:
                    key = value or str(value)  # 0 is not -0
                    if len(steady) > most_steady:
                        steady.clear()
                    yield labels, ticks, steady.get(key) or steady.setdefault(key, [value] * count)
                continue
            self._note_changes(times, ticks, moment)
            taken_times, taken_values = sampled(times, values, ticks)
            if taken_times:
                yield labels, taken_times, taken_values

    def runs(self, moment: Moment, of: Runs = runs) -> Iterator[tuple[Labels, Sequence[float]]]:
        """The values of the virtual samples of each window, those that follow each other and are equal once."""
        ticks = self.ticks(moment)
        if not ticks or self.range_ns < ticks.step:
            moment.changes_always()
        if not ticks:
            return
        for series in self.series(moment):
            found = self.run(series, ticks, moment, of)
            if found:
                yield series.labels, found

    def run(self, series: Series, ticks: range, moment: Moment, of: Runs) -> Sequence[float]:
        """The same of one series, at these times; empty if it has no sample then."""
        times, values = series.sampled_times, series.sampled_values
        if times[-1] <= ticks.start:
            return values[-1:] if values[-1] == values[-1] else ()
        self._note_changes(times, ticks, moment)
        return of(times, values, ticks)

    def _note_changes(self, times: Sequence[int], ticks: range, moment: Moment) -> None:
        """Note when the first run of equal values leaves the window, and when the next change enters it."""
        step, offset = ticks.step, self.shift.offset_ns
        place = bisect_right(times, ticks[0])
        if times[place] <= ticks[-1]:
            moment.changes_at((times[place] - 1) // step * step + self.range_ns + offset + 1 - self.excluded_ns)
            place = bisect_right(times, ticks[-1])
        if place < len(times):
            moment.changes_at(-(-times[place] // step) * step + offset)


@dataclass(frozen=True, slots=True)
class Subquery(KeepsNames):
    """`expression[range:step]`; the steps are multiples of the step since 1970, like virtual samples."""

    argument: VectorNode
    range_ns: int
    step_ns: int | None
    """None: the default of the snapshot."""
    shift: Shift
    excluded_ns: int = 0
    """As of a `RangeSelector`."""

    def span(self, moment: Moment) -> Span:
        """What the windows cover."""
        end = self.shift.apply(moment)
        return Span(end - self.range_ns, end, moment.time_ns)

    def windows(self, moment: Moment) -> Iterator[Window]:
        """The results of all steps, by series."""
        moment.changes_always()
        start, end, _ = self.span(moment)
        collected: dict[Labels, tuple[list[int], list[float]]] = {}
        left = MOST_COLLECTED
        for time_ns in grid(start + self.excluded_ns, end, self.step_ns or moment.scrape.subquery_step_ns):
            step = moment.at(time_ns)
            elements = self.argument.vector(step)
            moment.has_read(step)
            moment.scrape.check()
            left -= len(elements)
            if left < 0:
                raise EvaluationError(TOO_MANY)
            for labels, value in elements:
                times, values = collected.setdefault(labels, ([], []))
                times.append(time_ns)
                values.append(value)
        for labels, (times, values) in collected.items():
            yield labels, times, values
