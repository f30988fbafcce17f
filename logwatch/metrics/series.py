"""One series, and all series of one metric."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from weakref import ReferenceType

from logwatch.metrics.changepoints import SAVED, ChangePoints
from logwatch.model import Family, LabelValues, SampleChange

Key = tuple[str, LabelValues]
"""Sample name and label values."""


class Journal(list[tuple[str, LabelValues, ChangePoints, int]]):
    """Series that rules look back at, in the order in which they changed, and from when on; one without points is gone."""

    __slots__ = ("__weakref__",)


def bound_label(bound: float) -> str:
    """Return a bucket's bound as the value of the label `le`, as Prometheus' own clients write it."""
    return "+Inf" if bound == float("inf") else repr(float(bound))


@dataclass(slots=True)
class Changes:
    """What changed in all series since the last commit."""

    moved: list[Series] = field(default_factory=list)
    ended: list[SampleChange] = field(default_factory=list)
    points: list[tuple[Key, ChangePoints]] = field(default_factory=list)
    """Series with change points that were not handed over."""
    starts: list[SampleChange] = field(default_factory=list)
    """At time 0: what series were before the first point that is left."""
    thinned: list[SampleChange] = field(default_factory=list)
    """Points that were handed over, and dropped since because their series had too many."""
    journals: list[ReferenceType[Journal]] = field(default_factory=list)


_NO_COUNTS: list[float] = []
"""Of a series without buckets; there are tens of thousands, and each list takes 56 bytes."""


class Series:
    """One series: its value, since when, and (histograms) its observations per bucket, not yet summed up."""

    __slots__ = ("counts", "is_moved", "labels", "metric", "past", "time_ns", "value")

    def __init__(self, metric: Metric, labels: LabelValues, time_ns: int) -> None:
        self.metric = metric
        self.labels = labels
        self.time_ns = time_ns
        self.value = 0.0
        self.counts = [0.0] * len(metric.bounds) if metric.bounds else _NO_COUNTS
        self.is_moved = False
        """Whether it is among what the next commit writes."""
        self.past: ChangePoints | None = None
        """The change points, once they were needed; a histogram's samples have theirs in `Metric.past` alone."""

    def add(self, amount: float, time_ns: int) -> None:
        """Increment a counter."""
        self.value += amount
        self.move(time_ns)
        metric = self.metric
        if metric.lookback_ns:
            self.past = self.past or metric.past_of((metric.family.name, self.labels))
            metric.grow((metric.family.name, self.labels), self.past, time_ns, amount, self.value)

    def set(self, value: float, time_ns: int) -> None:
        """Set a gauge."""
        if self.value == value and self.time_ns and not self.is_moved:
            return
        self.value = value
        self.move(time_ns)
        metric = self.metric
        if metric.lookback_ns:
            self.past = self.past or metric.past_of((metric.family.name, self.labels))
            metric.put((metric.family.name, self.labels), self.past, time_ns, value)

    def set_max(self, value: float, time_ns: int) -> None:
        """Set a gauge unless it is higher already. For values above 0."""
        if self.value < value:
            self.set(value, time_ns)

    def observe(self, value: float, time_ns: int) -> None:
        """Add a value to a histogram."""
        metric, name = self.metric, self.metric.family.name
        bucket = bisect_left(metric.family.buckets, value)
        self.counts[bucket] += 1
        self.value += value
        self.move(time_ns)
        if metric.lookback_ns:
            steps = [((f"{name}_bucket", (*self.labels, bound)), 1.0) for bound in metric.bounds[bucket:]]
            for key, amount in (*steps, ((f"{name}_count", self.labels), 1.0), ((f"{name}_sum", self.labels), value)):
                past = metric.past_of(key)
                metric.grow(key, past, time_ns, amount, past.values[-1] + amount)

    def move(self, time_ns: int) -> None:
        """Note that the next commit writes it."""
        self.time_ns = time_ns
        if not self.is_moved:
            self.is_moved = True
            self.metric.changes.moved.append(self)

    def samples(self) -> Iterator[tuple[str, LabelValues, float]]:
        """Yield sample name, label values and value as Prometheus wants them: buckets that add up."""
        name, reached = self.metric.family.name, 0.0
        if not self.counts:
            yield name, self.labels, self.value
            return
        for bound, count in zip(self.metric.bounds, self.counts, strict=True):
            reached += count
            yield f"{name}_bucket", (*self.labels, bound), reached
        yield f"{name}_count", self.labels, reached
        yield f"{name}_sum", self.labels, self.value


_FIRST = (0,)


class Metric:
    """The series of one metric family, and their recent past."""

    __slots__ = (
        "_surplus",
        "bounds",
        "by_group",
        "changes",
        "family",
        "group_by",
        "lookback_ns",
        "past",
        "series",
    )  # fmt: skip

    def __init__(self, family: Family, group_by: tuple[int, ...], changes: Changes) -> None:
        self.family = family
        self.changes = changes
        self.bounds = (*map(bound_label, family.buckets), "+Inf") if family.kind == "histogram" else ()
        self.series: dict[LabelValues, Series] = {}
        self.group_by = group_by
        self.by_group: dict[LabelValues, list[LabelValues]] = {}
        self.lookback_ns = 0
        self.past: dict[Key, ChangePoints] = {}
        self._surplus: list[tuple[int, Key]] = []
        """A heap: from which time on a series has change points too many."""

    def group_key(self, labels: LabelValues) -> LabelValues:
        """Return the label values that name the group of a series."""
        if self.group_by == _FIRST:  # nearly always
            return labels[:1]
        return tuple([labels[index] for index in self.group_by])

    def sample_names(self) -> tuple[str, ...]:
        """Return the names its samples have in the exposition."""
        return tuple(self.family.samples())

    # ── the recent past ──────────────────────────────────────────────────────────────

    def past_of(self, key: Key) -> ChangePoints:
        """Return the change points of a series; from now on there are some."""
        past = self.past.get(key)
        if past is None:
            past = self.past[key] = ChangePoints()
        return past

    def put(self, key: Key, past: ChangePoints, time_ns: int, value: float) -> None:
        """Note a change point."""
        if past.unsaved == SAVED:
            self.changes.points.append((key, past))
        count = len(past.times)
        time_ns = past.put(time_ns, value)
        if len(past.times) < count:
            self.note_thinned(key, past.take_thinned())
            time_ns = 0
        self._note(key, past, len(past.times) - 1, time_ns)

    def grow(self, key: Key, past: ChangePoints, time_ns: int, amount: float, value: float) -> None:
        """Note an increment."""
        if past.unsaved == SAVED:
            self.changes.points.append((key, past))
        count = len(past.times)
        index = past.grow(time_ns, amount, value)
        since_ns = past.times[index]
        if len(past.times) < count:
            self.note_thinned(key, past.take_thinned())
            since_ns = 0
        self._note(key, past, index, since_ns)

    def note_thinned(self, key: Key, times: Iterable[int]) -> None:
        """Note that points of a series that were handed over are dropped."""
        self.changes.thinned += [SampleChange(*key, None, time_ns) for time_ns in times]

    def erase(self, key: Key, past: ChangePoints) -> None:
        """Overwrite all change points of a series: it never was."""
        if past.unsaved == SAVED:
            self.changes.points.append((key, past))
        past.erase()
        self._note(key, past, 0, 0)

    def forget_past(self) -> None:
        """Forget all change points."""
        self.past.clear()
        self._surplus.clear()
        for series in self.series.values():
            series.past = None

    def forget(self, key: Key) -> None:
        """Forget the change points of a series; they are handed over only if some of them were."""
        past = self.past.pop(key, None)
        if past is not None:
            past.drop_unsaved()
            self.journal(key, ChangePoints(), 0)

    def forget_before(self, horizon_ns: int) -> Iterator[SampleChange]:
        """Drop change points that no window sees any more; yield what each series was before the first that is left."""
        while self._surplus and self._surplus[0][0] <= horizon_ns:
            _, key = heappop(self._surplus)
            past = self.past.get(key)
            if past is None or not past.forget(horizon_ns):
                continue
            ended = not past.times or past.times[0] > 0
            yield SampleChange(*key, None if ended else past.values[0], 0)
            self._await_surplus(key, past)
            if not past.times:
                del self.past[key]
                self.journal(key, past, 0)

    def _note(self, key: Key, past: ChangePoints, index: int, since_ns: int) -> None:
        """Note that the points from that index on changed, and the series from that time on."""
        if index <= 1:
            self._await_surplus(key, past)
        if self.changes.journals:
            self.journal(key, past, since_ns)

    def adopt(self, key: Key, past: ChangePoints) -> None:
        """Give a series change points that it shared with others until now."""
        self.past[key] = past
        if past.unsaved != SAVED:
            self.changes.points.append((key, past))
        self._await_surplus(key, past)

    def journal(self, key: Key, past: ChangePoints, since_ns: int) -> None:
        """Add a series to the journals of what changed."""
        for reference in self.changes.journals:
            journal = reference()
            if journal is not None:
                journal.append((*key, past, since_ns))

    def _await_surplus(self, key: Key, past: ChangePoints) -> None:
        surplus_ns = past.next_surplus_ns()
        if surplus_ns is not None:
            heappush(self._surplus, (surplus_ns, key))
            if len(self._surplus) > 4 * len(self.past) + 1000:  # most are of series whose past was forgotten
                known = ((each.next_surplus_ns(), key) for key, each in self.past.items())
                self._surplus = [(each_ns, key) for each_ns, key in known if each_ns is not None]
                heapify(self._surplus)
