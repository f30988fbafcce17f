"""Series of the evaluator's own: what recording rules made, ALERTS, and metrics of this process."""

from __future__ import annotations

import platform
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from logwatch import __version__
from logwatch.metrics.catalog import BUILD_INFO, PROCESS, SAMPLED
from logwatch.metrics.changepoints import NAN, ChangePoints
from logwatch.model import LabelValues, SampleChange
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


FAMILIES = tuple(family for family in (*SAMPLED, *PROCESS) if family.name != BUILD_INFO)
MEASURED = {name: labels for family in FAMILIES for name, labels in family.samples().items()}
"""Sample name to its labels."""
ALWAYS_NS = -(1 << 62)
"""Before every time that an expression can look at."""
COUNTS = frozenset(name for family in FAMILIES if family.kind != "gauge" for name in family.samples())


class MeasuredSeries(SeriesStore):
    """Series of what this process measures."""

    def __init__(self) -> None:
        super().__init__()
        self._measured: dict[str, list[tuple[LabelValues, float]]] = {}
        """By name the last samples: those of each container's storage stay the same for minutes."""

    def measure(self, names: Collection[str], samples: Iterable[SampleChange], time_ns: int) -> None:
        """Put the samples of these names.

        What a counter counted before its first sample does not count as an increase, because its time is not known. A series
        that comes later has counted from 0 since the previous sample.
        """
        measured: dict[str, list[tuple[LabelValues, float]]] = {name: [] for name in MEASURED.keys() & names}
        for sample in samples:
            if sample.family in measured and sample.value is not None:
                measured[sample.family].append((sample.labels, sample.value))
        for name, values in measured.items():
            if values == self._measured.get(name):
                continue
            self._measured[name] = values
            vector = [(dict(zip(MEASURED[name], labels, strict=True)), value) for labels, value in values]
            unseen = name in COUNTS and name not in self.names()
            self.put(name, vector, 0 if unseen else time_ns)


class BuildInfo:
    """`logwatch_build_info`: 1 at every time.

    Shipped alerts ask for it whether a series that is absent was absent while logwatch was
    scraped. For the evaluator logwatch has always run, also in a replay.
    """

    def names(self) -> Sequence[str]:
        """As `model.SeriesView`."""
        return (BUILD_INFO,)

    def select(self, name: str) -> Iterable[tuple[Mapping[str, str], Sequence[int], Sequence[float]]]:
        """As `model.SeriesView`."""
        if name == BUILD_INFO:
            yield {"version": __version__, "pythonversion": platform.python_version()}, (ALWAYS_NS,), (1.0,)
