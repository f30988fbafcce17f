"""All series, what changed in them, and their recent past."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from weakref import ref

from logwatch.metrics.catalog import OTHER
from logwatch.metrics.changepoints import NAN, SAVED
from logwatch.metrics.container_series import Zeros
from logwatch.metrics.series import Changes, Journal, Metric, Series
from logwatch.model import SECOND, Family, LabelValues, SampleChange

FORGET_NS = 10 * SECOND
FAR_NS = 1 << 62
"""After all times."""
TIMES = "_timestamp_seconds"
"""Metrics of this ending have times as values."""
DROPPED = "logwatch_series_dropped_total"
Selected = tuple[Mapping[str, str], Sequence[int], Sequence[float]]


class Registry:
    """All series of this process, with what changed since the last commit."""

    def __init__(self, families: Iterable[Family] = ()) -> None:
        self._metrics: dict[str, Metric] = {}
        self._by_sample: dict[str, Metric] = {}
        self._zeros: dict[str, Zeros] = {}
        self._changes = Changes()
        self._declared: dict[str, set[str]] = {}
        self._forgot_ns = -FORGET_NS
        for family in families:
            self.declare(family)

    # ── which metrics there are ──────────────────────────────────────────────────────

    def declare(
        self, family: Family, group_by: tuple[int, ...] = (), zeros: tuple[str, ...] = (), time_ns: int = 0
    ) -> None:
        """Make a metric known; its series survive if its type, labels and buckets are as before.

        `group_by` are the places of the labels that `remove_group` goes by; `zeros` the values of the second
        label with which `begin_group` creates series at 0.
        """
        metric = self._metrics.get(family.name)
        if metric:
            old = metric.family
            before = (old.kind, old.labels, old.buckets, metric.group_by)
            if before == (family.kind, family.labels, family.buckets, group_by):
                metric.family = family
                return
            self.retire(family.name, time_ns)
        metric = self._metrics[family.name] = Metric(family, group_by, self._changes)
        self._by_sample.update(dict.fromkeys(metric.sample_names(), metric))
        if zeros:
            self._zeros[family.name] = Zeros(metric, zeros)

    def retire(self, name: str, time_ns: int) -> None:
        """End a metric with all its series."""
        metric = self._metrics[name]
        for labels in tuple(metric.series):
            self.remove(name, labels, time_ns)
        if name in self._zeros:
            zeros = self._zeros.pop(name)
            for group in zeros.groups():
                self._changes.ended += zeros.end(group, time_ns)
        del self._metrics[name]
        for sample in metric.sample_names():
            del self._by_sample[sample]

    def retire_undeclared(self, declarer: str, names: set[str], time_ns: int = 0) -> None:
        """Retire the metrics that this declarer named the last time and does not any more."""
        for name in self._declared.get(declarer, set()) - names:
            self.retire(name, time_ns)
        self._declared[declarer] = names

    def families(self) -> list[Family]:
        """Return what is declared, in that order."""
        return [metric.family for metric in self._metrics.values()]

    def set_lookback(self, lookback_ns: Mapping[str, int]) -> None:
        """Keep change points of these metrics (by name of metric or sample) for so long; of others, none."""
        wanted: dict[Metric, int] = defaultdict(int)
        for name, length in lookback_ns.items():
            if metric := self._metrics.get(name) or self._by_sample.get(name):
                wanted[metric] = max(wanted[metric], length)
        for metric in self._metrics.values():
            metric.lookback_ns = wanted[metric]
            if not metric.lookback_ns:
                metric.forget_past()
                if metric.family.name in self._zeros:
                    self._zeros[metric.family.name].clear()
            self._seed(metric)

    # ── moving series ────────────────────────────────────────────────────────────────

    def add(self, name: str, labels: LabelValues, amount: float, time_ns: int) -> None:
        """Increment a counter."""
        metric = self._metrics[name]
        series = metric.series.get(labels) or self._create(metric, labels, time_ns)
        if series is not None:
            series.add(amount, time_ns)

    def set(self, name: str, labels: LabelValues, value: float, time_ns: int) -> None:
        """Set a gauge."""
        metric = self._metrics[name]
        series = metric.series.get(labels) or self._create(metric, labels, time_ns)
        if series is not None:
            series.set(value, time_ns)

    def set_max(self, name: str, labels: LabelValues, value: float, time_ns: int) -> None:
        """Set a gauge unless it is higher already. For values above 0."""
        metric = self._metrics[name]
        series = metric.series.get(labels) or self._create(metric, labels, time_ns)
        if series is not None:
            series.set_max(value, time_ns)

    def observe(self, name: str, labels: LabelValues, value: float, time_ns: int) -> None:
        """Add a value to a histogram."""
        metric = self._metrics[name]
        series = metric.series.get(labels) or self._create(metric, labels, time_ns)
        if series is not None:
            series.observe(value, time_ns)

    def start(self, name: str, labels: LabelValues, time_ns: int) -> None:
        """Create a series at 0 before anything moves it; at the metric's limit none is created."""
        metric = self._metrics[name]
        if labels not in metric.series and len(metric.series) < metric.family.max_series:
            self._create(metric, labels, time_ns)
            self._seed(metric, labels)

    def begin_group(self, name: str, group: LabelValues, time_ns: int) -> None:
        """Begin the series at 0 of a group of a metric that was declared with `zeros`."""
        self._zeros[name].begin(group, time_ns)

    def end_zeros(self, name: str, group: LabelValues, time_ns: int) -> None:
        """End those series of a group that are at 0: of a counter, those that never moved."""
        metric = self._metrics[name]
        self._changes.ended += self._zeros[name].end(group, time_ns)
        # After a restart a series that began again after an end is one of its own (`Zeros.restore`).
        for labels in [labels for labels in metric.by_group.get(group, ()) if not metric.series[labels].value]:
            self.remove(name, labels, time_ns)

    def counters(self, name: str, group: LabelValues) -> list[tuple[LabelValues, float]]:
        """Return the series of a group with their values, of a counter that was declared; of others, none."""
        metric = self._metrics.get(name)
        if metric is None or metric.family.kind != "counter":
            return []
        return [(labels, metric.series[labels].value) for labels in metric.by_group.get(group, ())]

    def resume(self, name: str, labels: LabelValues, value: float, time_ns: int) -> None:
        """Continue a counter that ended at this value; for all who look back it has not grown meanwhile."""
        metric = self._metrics.get(name)
        if metric is None or len(labels) != len(metric.family.labels) or labels in metric.series:
            return
        if len(metric.series) >= metric.family.max_series:
            return
        if metric.lookback_ns:
            key, past = (name, labels), metric.past_of((name, labels))
            metric.put(key, past, past.times[-1] if past.times else 0, value)
        series = self._create(metric, labels, time_ns)
        assert series is not None
        series.value = value

    def get(self, name: str, labels: LabelValues, time_ns: int) -> Series | None:
        """Return a series to keep, created if it is missing: at the metric's limit the common one, or (gauges) none.

        It is valid until it is removed.
        """
        metric = self._metrics[name]
        return metric.series.get(labels) or self._create(metric, labels, time_ns)

    def remove(self, name: str, labels: LabelValues, time_ns: int) -> None:
        """End a series, if it exists."""
        metric = self._metrics[name]
        if labels not in metric.series:
            return
        if metric.group_by:
            key = metric.group_key(labels)
            group = metric.by_group[key]
            group.remove(labels)
            if not group:
                del metric.by_group[key]
        self._end(metric, labels, time_ns)

    def remove_group(self, name: str, group: LabelValues, time_ns: int, *, forget: bool = False) -> None:
        """End all series of a metric that belong to a group; `forget` their change points, too, where room is needed."""
        metric, zeros = self._metrics[name], self._zeros.get(name)
        if zeros is not None:
            self._changes.ended += zeros.end(group, time_ns)
        for labels in metric.by_group.pop(group, ()):
            self._end(metric, labels, time_ns, forget=forget)
        if zeros is not None and forget:
            zeros.forget(group)

    def _end(self, metric: Metric, labels: LabelValues, time_ns: int, *, forget: bool = False) -> None:
        series = metric.series.pop(labels)
        series.is_moved = False
        for sample, values, _ in series.samples():
            self._changes.ended.append(SampleChange(sample, values, None, time_ns))
            if metric.lookback_ns:
                key, past = (sample, values), metric.past_of((sample, values))
                metric.put(key, past, time_ns, NAN)
                if forget or len(past.times) == 1:  # it had no value at any time
                    metric.forget(key)

    def metric(self, name: str) -> Metric:
        """Return a metric with its series."""
        return self._metrics[name]

    def value(self, name: str, labels: LabelValues) -> float | None:
        """Return the value of a series (the sum of a histogram), None if there is none."""
        series = self._metrics[name].series.get(labels)
        if series is None:
            return 0.0 if name in self._zeros and labels in self._zeros[name] else None
        return series.value

    def _create(self, metric: Metric, labels: LabelValues, time_ns: int) -> Series | None:
        """Make a series; at the metric's limit the common one, or (gauges) none."""
        family = metric.family
        if len(metric.series) >= family.max_series and family.labels:
            if family.name != DROPPED:
                self.add(DROPPED, (family.name,), 1, time_ns)
            if family.kind == "gauge":
                return None
            labels = (OTHER,) * len(family.labels)
            if labels in metric.series:
                return metric.series[labels]
        assert len(labels) == len(family.labels), f"{family.name} has labels {family.labels}, not {labels}"
        series = metric.series[labels] = Series(metric, labels, time_ns)
        if metric.group_by:
            metric.by_group.setdefault(metric.group_key(labels), []).append(labels)
        series.move(time_ns)
        if metric.lookback_ns and family.name in self._zeros:
            self._zeros[family.name].give_past(labels)
        if family.kind != "gauge":
            self._seed(metric, labels)
        return series

    # ── the commit ───────────────────────────────────────────────────────────────────

    def changes(self) -> list[SampleChange]:
        """Hand over what ended and what moved since the last call, in that order."""
        changes, self._changes.ended = self._changes.ended, []
        moved, self._changes.moved = self._changes.moved, []
        for series in moved:
            if series.is_moved:
                series.is_moved = False
                if series.counts:
                    changes.extend(SampleChange(*sample, series.time_ns) for sample in series.samples())
                else:
                    changes.append(SampleChange(series.metric.family.name, series.labels, series.value, series.time_ns))
        for zeros in self._zeros.values():
            changes.extend(zeros.changes())
        return changes

    def everything(self) -> list[SampleChange]:
        """Return every sample as it is now, in the order of labels."""
        everything: list[SampleChange] = []
        for name, metric in self._metrics.items():
            found = [
                SampleChange(sample, values, value, series.time_ns)
                for _, series in sorted(metric.series.items())
                for sample, values, value in series.samples()
            ]
            if name in self._zeros:
                found += [SampleChange(name, labels, 0.0, time_ns) for labels, time_ns in self._zeros[name].samples()]
                found.sort(key=lambda change: change.labels)
            everything += found
        return everything

    def points(self) -> list[SampleChange]:
        """Hand over the change points since the last call; one replaces another of the same series and time."""
        points, self._changes.starts = self._changes.starts, []
        changed, self._changes.points = self._changes.points, []
        points += [
            SampleChange(*key, value, time_ns) for key, past in changed for time_ns, value in past.take_unsaved()
        ]
        for zeros in self._zeros.values():
            points.extend(zeros.points())
        return points

    def thinned(self) -> list[SampleChange]:
        """Hand over the points that were dropped since the last call although they had been handed over."""
        thinned, self._changes.thinned = self._changes.thinned, []
        return thinned

    def restore(self, changes: Iterable[SampleChange], points: Iterable[SampleChange] = ()) -> None:
        """Continue from the last commit; series of metrics that are no longer declared end.

        Declare the metrics, and say what to look back at, first.
        """
        for point in points:
            metric = self._by_sample.get(point.family)
            if metric and metric.lookback_ns and len(point.labels) == len(self.label_names(point.family)):
                key = (point.family, point.labels)
                past = metric.past_of(key)
                metric.put(key, past, point.time_ns, NAN if point.value is None else point.value)
                past.set_committed()
        # A past that series at 0 share from now on is handed over for all of them (`Zeros.points`).
        self._changes.points = [each for each in self._changes.points if each[1].unsaved != SAVED]
        for change in changes:
            metric = self._by_sample.get(change.family)
            if metric is None or change.value is None or not self._restored(metric, change, change.value):
                self._changes.ended.append(change._replace(value=None))
        for metric in self._metrics.values():
            if metric.bounds:
                for series in metric.series.values():
                    series.counts = [b - a for a, b in zip([0.0, *series.counts], series.counts, strict=False)]
        for metric in self._metrics.values():
            self._seed(metric)

    def _restored(self, metric: Metric, change: SampleChange, value: float) -> bool:
        """Take one sample in; buckets are summed up until `restore` takes them apart."""
        bucket = change.family.endswith("_bucket") and bool(metric.bounds)
        labels = change.labels[:-1] if bucket else change.labels
        if len(labels) != len(metric.family.labels) or (bucket and change.labels[-1] not in metric.bounds):
            return False
        zeros = self._zeros.get(metric.family.name) if value == 0 else None
        if zeros is not None and labels not in metric.series and zeros.restore(labels, change.time_ns):
            return True
        series = metric.series.get(labels) or self._create(metric, labels, change.time_ns)
        if series is None or series.labels != labels:
            return False
        series.time_ns, series.is_moved = change.time_ns, False
        if bucket:
            series.counts[metric.bounds.index(change.labels[-1])] = value
        elif not (metric.bounds and change.family.endswith("_count")):
            series.value = value
        return True

    # ── the recent past ──────────────────────────────────────────────────────────────

    def journal(self) -> Journal:
        """Return a list to which every change of what is looked back at is added while somebody has it.

        Who reads it empties it.
        """
        journal = Journal()
        self._changes.journals.append(ref(journal, self._changes.journals.remove))
        return journal

    def names(self) -> list[str]:
        """Return every sample name."""
        return list(self._by_sample)

    def label_names(self, name: str) -> tuple[str, ...]:
        """Return the names of the labels of a sample."""
        return self._by_sample[name].family.samples()[name]

    def select(self, name: str) -> Iterator[Selected]:
        """Yield every series of a sample name: labels, times of its change points, values from each on."""
        metric = self._by_sample.get(name)
        if metric is None:
            return
        keys, zeros = self.label_names(name), self._zeros.get(name)
        if metric.lookback_ns:
            for (sample, labels), past in metric.past.items():
                if sample == name:
                    yield dict(zip(keys, labels, strict=True)), past.times, past.values
            for labels, past in zeros.select() if zeros is not None else ():
                yield dict(zip(keys, labels, strict=True)), past.times, past.values
            return
        for series in metric.series.values():
            for sample, labels, value in series.samples():
                if sample == name:
                    yield dict(zip(keys, labels, strict=True)), (series.time_ns,), (value,)
        for labels, time_ns in zeros.samples() if zeros is not None else ():
            yield dict(zip(keys, labels, strict=True)), (time_ns,), (0.0,)

    def forget(self, clock_ns: int) -> dict[str, int]:
        """Drop change points that no rule sees any more; return for each sample name that had some from when on they stay.

        At most once in ten seconds. Call it before `points`.
        """
        horizons: dict[str, int] = {}
        if abs(clock_ns - self._forgot_ns) < FORGET_NS:
            return horizons
        self._forgot_ns = clock_ns
        for metric in self._metrics.values():
            if metric.lookback_ns:
                horizon_ns = clock_ns - metric.lookback_ns
                dropped = list(metric.forget_before(horizon_ns))
                if metric.family.name in self._zeros:
                    dropped += self._zeros[metric.family.name].forget_before(horizon_ns)
                self._changes.starts += dropped
                horizons.update((change.family, horizon_ns) for change in dropped)
        return horizons

    def set_back(self, clock_ns: int) -> dict[str, int]:
        """The clock was set back: values of now count for all time before it, and none is a time to come.

        When series changed is not known in the new time. Returns as `forget`.
        """
        for metric in self._metrics.values():
            for series in metric.series.values() if metric.family.name.endswith(TIMES) else ():
                series.set(min(series.value, clock_ns / SECOND), clock_ns)
        return self.forget(FAR_NS)

    def _seed(self, metric: Metric, labels: LabelValues | None = None) -> None:
        """Give series that are looked back at, and have no change points yet, their first.

        One that is created now (`labels`) begins at its time; what existed before anybody looked back has
        been there from time 0 on, so that its whole count is not taken for an increase.
        """
        if not metric.lookback_ns:
            return
        if labels is None and metric.family.name in self._zeros:
            self._zeros[metric.family.name].seed()
        for series in [metric.series[labels]] if labels is not None else metric.series.values():
            for name, values, value in series.samples():
                past = metric.past.get((name, values))
                if past is None or past.values[-1] != past.values[-1]:
                    time_ns = 0 if labels is None else series.time_ns
                    metric.put((name, values), metric.past_of((name, values)), time_ns, value)
