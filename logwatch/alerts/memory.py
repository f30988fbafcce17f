"""Series of the evaluator's own: what recording rules made, ALERTS, and samples of self metrics."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from logwatch.alerts.rehearsal import GivenSeries
from logwatch.changepoints import NAN, ChangePoints
from logwatch.model import SeriesView

Pairs = tuple[tuple[str, str], ...]
Selected = tuple[Mapping[str, str], Sequence[int], Sequence[float]]


class Memory:
    """Series by name and labels, with their recent past. Whole vectors are put: what is missing in one ends."""

    def __init__(self) -> None:
        self.look_back_ns: dict[str, int] = {}
        self.touched: dict[str, int] = {}
        """Name to the time of its newest change."""
        self._series: dict[str, dict[Pairs, ChangePoints]] = {}
        self._dirty: dict[tuple[str, Pairs], None] = {}

    def put(self, name: str, vector: Iterable[tuple[Mapping[str, str], float]], now_ns: int) -> bool:
        """Make this vector the series of that name from now on; whether anything changed."""
        series = self._series.setdefault(name, {})
        values: dict[Pairs, float] = {tuple(sorted(labels.items())): value for labels, value in vector}
        values.update({labels: NAN for labels in series if labels not in values})
        changed = False
        for labels, value in values.items():
            points = series.get(labels)
            last = points.values[-1] if points and points.values else NAN
            if value == last or (value != value and last != last):
                continue
            points = points or series.setdefault(labels, ChangePoints())
            points.put(now_ns, float(value))  # a `Held` sample of a test is recorded as any other
            self._dirty[name, labels] = None
            changed = True
        if changed:
            self.touched[name] = now_ns
            self._forget(name, now_ns)
        return changed

    def _forget(self, name: str, now_ns: int) -> None:
        """Drop the series that ended before anything looks back."""
        series = self._series[name]
        horizon = now_ns - self.look_back_ns.get(name, 0)
        for labels, points in tuple(series.items()):
            if points.forget(horizon):
                self._dirty[name, labels] = None
            if not points.times:
                del series[labels]
                self._dirty[name, labels] = None

    def names(self) -> Iterable[str]:
        """The names that have series."""
        return self._series.keys()

    def select(self, name: str) -> Iterator[Selected]:
        """As `model.SeriesView`."""
        for labels, points in self._series.get(name, {}).items():
            yield dict(labels), points.times, points.values

    def changed_rows(self) -> dict[str, str | None]:
        """As `model.Stateful`."""
        rows: dict[str, str | None] = {}
        for name, labels in self._dirty:
            points = self._series[name].get(labels)
            key = json.dumps(["series", name, *map(list, labels)])
            rows[key] = json.dumps([points.times, points.values]) if points else None
        self._dirty.clear()
        return rows

    def restore(self, name: str, pairs: Iterable[Sequence[str]], row: str) -> None:
        """Take one row in."""
        labels = tuple((label, value) for label, value in pairs)
        points = ChangePoints()
        points.times, points.values = json.loads(row)
        self._series.setdefault(name, {})[labels] = points
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
