"""All series, what changed in them, and their recent past."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from logwatch.metrics.catalog import OTHER
from logwatch.metrics.changepoints import NAN, ChangePoints
from logwatch.metrics.samples import Cell, Table
from logwatch.model import SECOND, Family, LabelValues, SampleChange

FORGET_NS = 10 * SECOND
DROPPED = "logwatch_series_dropped_total"
Selected = tuple[Mapping[str, str], Sequence[int], Sequence[float]]


class ChangedPoints(NamedTuple):
    """A series of a sample name that is another one from a time on."""

    name: str
    labels: LabelValues
    since_ns: int


class Series:
    """All series of this process, with what changed since the last commit."""

    def __init__(self, families: Iterable[Family] = ()) -> None:
        self._tables: dict[str, Table] = {}
        self._samples: dict[str, Table] = {}
        self._dirty: list[Cell] = []
        self._ended: list[SampleChange] = []
        self._points: list[SampleChange] = []
        self._groups: dict[str, set[str]] = {}
        self._forgot_ns = -FORGET_NS
        self._changed_points: dict[ChangePoints, ChangedPoints] = {}
        for family in families:
            self.declare(family)

    # ── which metrics there are ──────────────────────────────────────────────────────

    def declare(self, family: Family, owner: tuple[int, ...] = (), time_ns: int = 0) -> None:
        """Make a metric known; its series survive if its type, labels and buckets are as before.

        `owner` are the places of the labels that name what a series belongs to; `end` ends by them.
        """
        table = self._tables.get(family.name)
        if table:
            old = table.family
            if (old.kind, old.labels, old.buckets, table.owner) == (family.kind, family.labels, family.buckets, owner):
                table.family = family
                return
            self.retire(family.name, time_ns)
        table = self._tables[family.name] = Table(family, owner)
        self._samples.update(dict.fromkeys(table.sample_names(), table))

    def retire(self, name: str, time_ns: int) -> None:
        """End a metric with all its series."""
        table = self._tables[name]
        for labels in tuple(table.cells):
            self.remove(name, labels, time_ns)
        del self._tables[name]
        for sample in table.sample_names():
            del self._samples[sample]

    def keep(self, group: str, names: set[str], time_ns: int = 0) -> None:
        """Retire the metrics that the group kept before and does not any more."""
        for name in self._groups.get(group, set()) - names:
            self.retire(name, time_ns)
        self._groups[group] = names

    def families(self) -> list[Family]:
        """Return what is declared, in that order."""
        return [table.family for table in self._tables.values()]

    def remember(self, lookback_ns: Mapping[str, int]) -> None:
        """Keep change points of these metrics (by name of metric or sample) for so long; of others, none."""
        wanted: dict[Table, int] = defaultdict(int)
        for name, length in lookback_ns.items():
            if table := self._tables.get(name) or self._samples.get(name):
                wanted[table] = max(wanted[table], length)
        for table in self._tables.values():
            table.lookback_ns = wanted[table]
            if not table.lookback_ns:
                table.past.clear()
            self._seed(table)

    # ── moving series ────────────────────────────────────────────────────────────────

    def add(self, name: str, labels: LabelValues, amount: float, time_ns: int) -> None:
        """Let a counter grow."""
        table = self._tables[name]
        cell = table.cells.get(labels) or self._born(table, labels, time_ns)
        if cell is None:
            return
        cell.value += amount
        cell.time_ns = time_ns
        if not cell.dirty:
            cell.dirty = True
            self._dirty.append(cell)
        if table.lookback_ns:
            self._grow(table, name, cell.labels, time_ns, amount, cell.value)

    def set(self, name: str, labels: LabelValues, value: float, time_ns: int) -> None:
        """Set a gauge."""
        table = self._tables[name]
        cell = table.cells.get(labels) or self._born(table, labels, time_ns)
        if cell is None or (cell.value == value and cell.time_ns and not cell.dirty):
            return
        cell.value = value
        cell.time_ns = time_ns
        if not cell.dirty:
            cell.dirty = True
            self._dirty.append(cell)
        if table.lookback_ns:
            self._put(table, name, labels, time_ns, value)

    def lift(self, name: str, labels: LabelValues, value: float, time_ns: int) -> None:
        """Set a gauge unless it is higher already. For values above 0."""
        table = self._tables[name]
        cell = table.cells.get(labels) or self._born(table, labels, time_ns)
        if cell is None or cell.value >= value:
            return
        cell.value = value
        cell.time_ns = time_ns
        if not cell.dirty:
            cell.dirty = True
            self._dirty.append(cell)
        if table.lookback_ns:
            self._put(table, name, labels, time_ns, value)

    def observe(self, name: str, labels: LabelValues, value: float, time_ns: int) -> None:
        """Let a histogram take a value in."""
        table = self._tables[name]
        cell = table.cells.get(labels) or self._born(table, labels, time_ns)
        assert cell is not None
        bucket = bisect_left(table.family.buckets, value)
        cell.counts[bucket] += 1
        cell.value += value
        cell.time_ns = time_ns
        if not cell.dirty:
            cell.dirty = True
            self._dirty.append(cell)
        if table.lookback_ns:
            for bound in table.bounds[bucket:]:
                self._step(table, f"{name}_bucket", (*cell.labels, bound), time_ns, 1)
            self._step(table, f"{name}_count", cell.labels, time_ns, 1)
            self._step(table, f"{name}_sum", cell.labels, time_ns, value)

    def start(self, name: str, labels: LabelValues, time_ns: int) -> None:
        """Let a series stand at 0 before anything moves it."""
        table = self._tables[name]
        if labels not in table.cells and len(table.cells) < table.family.max_series:
            self._born(table, labels, time_ns)
            self._seed(table, labels)

    def remove(self, name: str, labels: LabelValues, time_ns: int) -> None:
        """End a series, if there is such a one."""
        table = self._tables[name]
        cell = table.cells.pop(labels, None)
        if cell is None:
            return
        cell.dirty = False
        if table.owner:
            owner = table.owner_of(labels)
            table.owned[owner].pop(labels)
            if not table.owned[owner]:
                del table.owned[owner]
        for sample, values, _ in cell.samples():
            self._ended.append(SampleChange(sample, values, None, time_ns))
            if table.lookback_ns:
                self._put(table, sample, values, time_ns, NAN)

    def end(self, name: str, owner: LabelValues, time_ns: int) -> None:
        """End all series of a metric that belong to `owner`."""
        for labels in tuple(self._tables[name].owned.get(owner, ())):
            self.remove(name, labels, time_ns)

    def value(self, name: str, labels: LabelValues) -> float | None:
        """Return what a series stands at (the sum of a histogram), None if there is no such series."""
        cell = self._tables[name].cells.get(labels)
        return cell.value if cell else None

    def _born(self, table: Table, labels: LabelValues, time_ns: int) -> Cell | None:
        """Make a series; at the metric's limit the common one, or (gauges) none."""
        family = table.family
        if len(table.cells) >= family.max_series and family.labels:
            if family.name != DROPPED:
                self.add(DROPPED, (family.name,), 1, time_ns)
            if family.kind == "gauge":
                return None
            labels = (OTHER,) * len(family.labels)
            if labels in table.cells:
                return table.cells[labels]
        assert len(labels) == len(family.labels), f"{family.name} has labels {family.labels}, not {labels}"
        cell = table.cells[labels] = Cell(table, labels, time_ns)
        if table.owner:
            table.owned.setdefault(table.owner_of(labels), {})[labels] = None
        cell.dirty = True
        self._dirty.append(cell)
        if family.kind != "gauge":
            self._seed(table, labels)
        return cell

    # ── the commit ───────────────────────────────────────────────────────────────────

    def changes(self) -> list[SampleChange]:
        """Hand over what ended and what moved since the last call, in that order."""
        changes, self._ended = self._ended, []
        dirty, self._dirty = self._dirty, []
        for cell in dirty:
            if cell.dirty:
                cell.dirty = False
                if cell.counts:
                    changes.extend(SampleChange(*sample, cell.time_ns) for sample in cell.samples())
                else:
                    changes.append(SampleChange(cell.table.family.name, cell.labels, cell.value, cell.time_ns))
        return changes

    def everything(self) -> list[SampleChange]:
        """Return every sample as it stands, in the order of labels."""
        return [
            SampleChange(sample, values, value, cell.time_ns)
            for table in self._tables.values()
            for _, cell in sorted(table.cells.items())
            for sample, values, value in cell.samples()
        ]

    def points(self) -> list[SampleChange]:
        """Hand over the change points since the last call; one replaces another of the same series and time."""
        points, self._points = self._points, []
        return points

    def restore(self, changes: Iterable[SampleChange], points: Iterable[SampleChange] = ()) -> None:
        """Continue from the last commit; series of metrics that are no longer declared end.

        Declare the metrics, and say what to remember, first.
        """
        for point in points:
            table = self._samples.get(point.family)
            if table and table.lookback_ns:
                past = table.remembered(point.family, point.labels)
                past.put(point.time_ns, NAN if point.value is None else point.value)
                self._changed_points[past] = ChangedPoints(point.family, point.labels, 0)
        for change in changes:
            table = self._samples.get(change.family)
            if table is None or change.value is None or not self._restored(table, change, change.value):
                self._ended.append(change._replace(value=None))
        for table in self._tables.values():
            if table.bounds:
                for cell in table.cells.values():
                    cell.counts = [b - a for a, b in zip([0.0, *cell.counts], cell.counts, strict=False)]
        for table in self._tables.values():
            self._seed(table)

    def _restored(self, table: Table, change: SampleChange, value: float) -> bool:
        """Take one sample in; buckets stand summed up until `restore` takes them apart."""
        bucket = change.family.endswith("_bucket") and bool(table.bounds)
        labels = change.labels[:-1] if bucket else change.labels
        if len(labels) != len(table.family.labels) or (bucket and change.labels[-1] not in table.bounds):
            return False
        cell = table.cells.get(labels) or self._born(table, labels, change.time_ns)
        if cell is None or cell.labels != labels:
            return False
        cell.time_ns, cell.dirty = change.time_ns, False
        if bucket:
            cell.counts[table.bounds.index(change.labels[-1])] = value
        elif not (table.bounds and change.family.endswith("_count")):
            cell.value = value
        return True

    # ── the recent past ──────────────────────────────────────────────────────────────

    def names(self) -> list[str]:
        """Return every sample name."""
        return list(self._samples)

    def take_changed_points(self) -> dict[ChangePoints, ChangedPoints]:
        """Hand over the series that are looked back at and changed since the last call, by their change points.

        One without any point is no longer kept.
        """
        changed, self._changed_points = self._changed_points, {}
        return changed

    def labels(self, name: str, values: LabelValues) -> dict[str, str]:
        """Return the labels of a series of a sample name, by their names."""
        return dict(zip(self._label_names(name), values, strict=True))

    def _label_names(self, name: str) -> tuple[str, ...]:
        table = self._samples[name]
        return (*table.family.labels, "le") if name.endswith("_bucket") and table.bounds else table.family.labels

    def select(self, name: str) -> Iterator[Selected]:
        """Yield every series of a sample name: labels, times of its change points, values from each on."""
        table = self._samples.get(name)
        if table is None:
            return
        keys = self._label_names(name)
        if table.lookback_ns:
            for (sample, labels), past in table.past.items():
                if sample == name:
                    yield dict(zip(keys, labels, strict=True)), past.times, past.values
            return
        for cell in table.cells.values():
            for sample, labels, value in cell.samples():
                if sample == name:
                    yield dict(zip(keys, labels, strict=True)), (cell.time_ns,), (value,)

    def forget(self, clock_ns: int) -> dict[str, int]:
        """Drop change points that no rule sees any more; return for each sample name what is too old.

        Looks through all series, so calls within ten seconds of the last do nothing.
        """
        if abs(clock_ns - self._forgot_ns) < FORGET_NS:
            return {}
        self._forgot_ns = clock_ns
        horizons = {}
        for table in self._tables.values():
            if not table.lookback_ns:
                continue
            horizon = clock_ns - table.lookback_ns
            horizons.update(dict.fromkeys(table.sample_names(), horizon))
            for key, past in tuple(table.past.items()):
                if not past.forget(horizon):
                    continue
                ended = not past.times or past.times[0] > 0
                self._points.append(SampleChange(*key, None if ended else past.values[0], 0))
                if not past.times:
                    del table.past[key]
                    self._changed_points[past] = ChangedPoints(*key, 0)
        return horizons

    def _seed(self, table: Table, labels: LabelValues | None = None) -> None:
        """Give series that are looked back at, and have no change points yet, their first.

        One that is born now (`labels`) begins at its time; what stood before anybody looked back has
        stood from time 0 on, so that its whole count is not taken for a birth.
        """
        if not table.lookback_ns:
            return
        for cell in [table.cells[labels]] if labels is not None else table.cells.values():
            for name, values, value in cell.samples():
                past = table.past.get((name, values))
                if past is None or past.values[-1] != past.values[-1]:
                    self._put(table, name, values, 0 if labels is None else cell.time_ns, value)

    def _put(self, table: Table, name: str, labels: LabelValues, time_ns: int, value: float) -> None:
        past = table.remembered(name, labels)
        count = len(past.times)
        time_ns = past.put(time_ns, value)
        self._points.append(SampleChange(name, labels, value, time_ns))
        self._note(past, name, labels, time_ns if len(past.times) >= count else 0)

    def _step(self, table: Table, name: str, labels: LabelValues, time_ns: int, amount: float) -> None:
        past = table.past[name, labels]
        self._grow(table, name, labels, time_ns, amount, past.values[-1] + amount)

    def _grow(self, table: Table, name: str, labels: LabelValues, time_ns: int, amount: float, value: float) -> None:
        past = table.past[name, labels]
        count = len(past.times)
        first = past.grow(time_ns, amount, value)
        for index in range(first, len(past.times)):
            self._points.append(SampleChange(name, labels, past.values[index], past.times[index]))
        self._note(past, name, labels, past.times[first] if len(past.times) >= count else 0)

    def _note(self, past: ChangePoints, name: str, labels: LabelValues, since_ns: int) -> None:
        known = self._changed_points.get(past)
        if known is None or known.since_ns > since_ns:
            self._changed_points[past] = ChangedPoints(name, labels, since_ns)
