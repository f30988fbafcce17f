"""Series of the evaluator's own: what recording rules made, ALERTS, and samples of self metrics."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from logwatch.alerting.rehearsal import GivenSeries
from logwatch.metrics.changepoints import NAN, ChangePoints
from logwatch.model import SeriesView

Pairs = tuple[tuple[str, str], ...]
Selected = tuple[Mapping[str, str], Sequence[int], Sequence[float]]
Owner = tuple[str, ...]
"""Who puts a series: the key of a recording rule, or nothing."""


@dataclass(slots=True)
class _Kept:
    points: ChangePoints
    owner: Owner


class Memory:
    """Series by name and labels, with their recent past.

    Whole vectors are put: what is missing in one ends, if its owner put it. So several recording
    rules may make one metric, each with labels of its own.
    """

    def __init__(self) -> None:
        self.look_back_ns: dict[str, int] = {}
        self.touched: dict[str, int] = {}
        """Name to the time of its newest change."""
        self._series: dict[str, dict[Pairs, _Kept]] = {}
        self._dirty: dict[tuple[str, Pairs], None] = {}

    def put(self, name: str, vector: Iterable[tuple[Mapping[str, str], float]], now_ns: int, owner: Owner = ()) -> bool:
        """Make this vector the owner's series of that name from now on; whether anything changed."""
        series = self._series.setdefault(name, {})
        values: dict[Pairs, float] = {tuple(sorted(labels.items())): value for labels, value in vector}
        values.update({labels: NAN for labels, kept in series.items() if kept.owner == owner and labels not in values})
        changed = False
        for labels, value in values.items():
            kept = series.get(labels)
            last = kept.points.values[-1] if kept else NAN
            if value == last or (value != value and last != last):
                continue
            kept = kept or series.setdefault(labels, _Kept(ChangePoints(), owner))
            kept.owner = owner
            kept.points.put(now_ns, float(value))  # a `Held` sample of a test is recorded as any other
            self._dirty[name, labels] = None
            changed = True
        if changed:
            self.touched[name] = now_ns
            self._forget(name, now_ns)
        return changed

    def end_of_others(self, owners: Collection[Owner], now_ns: int) -> None:
        """End what none of these owners put."""
        orphans = {
            (name, kept.owner)
            for name, series in self._series.items()
            for kept in series.values()
            if kept.owner not in owners
        }
        for name, owner in orphans:
            self.put(name, (), now_ns, owner)

    def inherit(self, before: Memory, names: Collection[str]) -> None:
        """Go on with the series of these names that another had."""
        for name in before._series.keys() & names:
            self._series[name] = before._series[name]
            self.touched[name] = before.touched.get(name, 0)

    def rewind(self) -> None:
        """Take the last values for those of all time before: when they came about is no longer known."""
        for series in self._series.values():
            for kept in series.values():
                kept.points.times, kept.points.values = [0], kept.points.values[-1:]
        self.touched.clear()

    def _forget(self, name: str, now_ns: int) -> None:
        """Drop the series that ended before anything looks back."""
        series = self._series[name]
        horizon = now_ns - self.look_back_ns.get(name, 0)
        for labels, kept in tuple(series.items()):
            if kept.points.forget(horizon):
                self._dirty[name, labels] = None
            if not kept.points.times:
                del series[labels]
                self._dirty[name, labels] = None

    def names(self) -> Iterable[str]:
        """The names that have series."""
        return self._series.keys()

    def select(self, name: str) -> Iterator[Selected]:
        """As `model.SeriesView`."""
        for labels, kept in self._series.get(name, {}).items():
            yield dict(labels), kept.points.times, kept.points.values

    def changed_rows(self) -> dict[str, str | None]:
        """As `model.Stateful`."""
        rows: dict[str, str | None] = {}
        for name, labels in self._dirty:
            kept = self._series[name].get(labels)
            key = json.dumps(["series", name, *map(list, labels)])
            rows[key] = json.dumps([kept.points.times, kept.points.values, kept.owner]) if kept else None
        self._dirty.clear()
        return rows

    def restore(self, name: str, pairs: Iterable[Sequence[str]], row: str) -> None:
        """Take one row in."""
        labels = tuple((label, value) for label, value in pairs)
        points = ChangePoints()
        points.times, points.values, owner = json.loads(row)
        self._series.setdefault(name, {})[labels] = _Kept(points, tuple(owner))
        self.touched[name] = max(points.times[-1], self.touched.get(name, 0))


class Together:
    """Several views as one; a name belongs to the first that has it."""

    def __init__(self, first: Sequence[GivenSeries], last: SeriesView) -> None:
        self._first = first
        self._last = last

    def names(self) -> Iterable[str]:
        """Every sample name."""
        return dict.fromkeys([*(name for memory in self._first for name in memory.names()), *self._last.names()])

    def belongs_to_last(self, name: str) -> bool:
        """Whether no view before the last has that name."""
        return all(name not in memory.names() for memory in self._first)

    def select(self, name: str) -> Iterable[Selected]:
        """Every series of that name."""
        for memory in self._first:
            if name in memory.names():
                return memory.select(name)
        return self._last.select(name)
