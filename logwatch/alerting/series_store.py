"""Series of the evaluator's own: what recording rules made, ALERTS, and samples of self metrics."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from logwatch.metrics.changepoints import NAN, ChangePoints
from logwatch.store.state_table import StateTable

Pair = tuple[str, str]
Owner = tuple[str, ...]
"""Who puts a series: the key of a recording rule, or nothing."""
Changed = tuple[tuple[Any, ...], int]
"""The key of a series, and from when on it is another one."""
Vector = Iterable[tuple[Mapping[str, str], float]]


@dataclass(slots=True)
class Stored:
    """A series and who puts it."""

    points: ChangePoints
    owner: Owner


class SeriesStore:
    """Series by name and labels, with their recent past.

    Whole vectors are put: what is missing in one ends, if its owner put it. So several recording
    rules may make one metric, each with labels of its own.
    """

    def __init__(self) -> None:
        self.table: StateTable[tuple[Any, ...], Stored] = StateTable("series", _encode, _decode)
        """By name and sorted labels."""
        self._look_back_ns: Mapping[str, int] = {}
        self._by_name: dict[str, dict[tuple[Any, ...], Stored]] = {}
        self._changed: dict[ChangePoints, Changed] = {}

    def remember(self, look_back_ns: Mapping[str, int]) -> None:
        """Keep the past of these names for so long."""
        self._look_back_ns = look_back_ns

    def names(self) -> Collection[str]:
        """The names that ever had series."""
        return self._by_name.keys()

    def select(self, name: str) -> Iterator[tuple[Mapping[str, str], Sequence[int], Sequence[float]]]:
        """Yield labels and change points of every series of a name."""
        for (_, *pairs), stored in self._by_name.get(name, {}).items():
            yield dict(pairs), stored.points.times, stored.points.values

    def put(self, name: str, vector: Vector, now_ns: int, owner: Owner = ()) -> bool:
        """Make this vector the owner's series of that name from now on; whether anything changed."""
        series = self._by_name.setdefault(name, {})
        values: dict[tuple[Any, ...], float] = {(name, *sorted(labels.items())): value for labels, value in vector}
        values.update({key: NAN for key, stored in series.items() if stored.owner == owner and key not in values})
        changed = False
        for key, value in values.items():
            stored = series.get(key)
            last = stored.points.values[-1] if stored else NAN
            if value == last or (value != value and last != last):
                continue
            if stored is None:
                stored = series[key] = self.table[key] = Stored(ChangePoints(), owner)
            stored.owner = owner
            stored.points.put(now_ns, value)
            self.table.touch(key)
            self._changed[stored.points] = (key, now_ns)
            changed = True
        if changed:
            self._forget(series, now_ns - self._look_back_ns.get(name, 0))
        return changed

    def end_of_others(self, owners: Collection[Owner], now_ns: int) -> None:
        """End what none of these owners put."""
        for name, series in self._by_name.items():
            for owner in {stored.owner for stored in series.values()} - set(owners):
                self.put(name, (), now_ns, owner)

    def resume_from(self, before: SeriesStore, names: Collection[str]) -> None:
        """Go on with the series of these names that another had."""
        for name in before._by_name.keys() & names:
            self._by_name[name] = before._by_name[name]
            self.table.update(before._by_name[name])
            self._changed.update({stored.points: (key, 0) for key, stored in self._by_name[name].items()})

    def rewind(self) -> None:
        """Take the last values for those of all time before: when they came about is no longer known."""
        for series in self._by_name.values():
            for key, stored in series.items():
                points = stored.points
                points.times[:], points.values[:] = [0], points.values[-1:]
                self.table.touch(key)
                self._changed[points] = (key, 0)

    @property
    def has_changed(self) -> bool:
        """Whether `take_changed` would return any series."""
        return bool(self._changed)

    def take_changed(self) -> dict[ChangePoints, Changed]:
        """The series that changed since the last call; one without change points is gone."""
        changed, self._changed = self._changed, {}
        return changed

    def restored(self) -> None:
        """Rebuild what the table implies."""
        self._by_name.clear()
        for key, stored in self.table.items():
            self._by_name.setdefault(key[0], {})[key] = stored
            self._changed[stored.points] = (key, 0)

    def _forget(self, series: dict[tuple[Any, ...], Stored], before_ns: int) -> None:
        """Drop the series that ended before anything looks back."""
        for key, stored in tuple(series.items()):
            if stored.points.forget(before_ns):
                self.table.touch(key)
                self._changed[stored.points] = (key, 0)
            if not stored.points.times:
                del series[key]
                self.table.pop(key, None)


def _encode(stored: Stored) -> Any:
    return [stored.points.times, stored.points.values, stored.owner]


def _decode(_: tuple[Any, ...], row: Any) -> Stored:
    points = ChangePoints()
    points.times, points.values, owner = row
    return Stored(points, tuple(owner))
