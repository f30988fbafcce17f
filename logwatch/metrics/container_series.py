"""The series of containers that are still at 0: one record per container instead of one per series.

A counter that first appears at 1 does not increase for Prometheus, so a container's counters and states are
at 0 from its first event on. Nearly all of them never move. They exist here as the time at which their
group (a container's label) began; a `Series` is made of one when it first moves. Whoever asks the
registry for series, changes or change points does not see the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush

from logwatch.metrics.changepoints import MAX_POINTS, NAN, SAVED, ChangePoints
from logwatch.metrics.series import Metric
from logwatch.model import LabelValues, SampleChange

Group = LabelValues
"""The label values that all series of a container share: its name, and its host if there are several."""


class Zeros:
    """The series of one metric that are at 0, by group; their second label takes each of `values`."""

    __slots__ = ("_begun", "_labels_of", "_metric", "_new", "_past", "_surplus", "_unsaved", "_values")

    def __init__(self, metric: Metric, values: tuple[str, ...]) -> None:
        self._metric = metric
        self._values = values
        self._begun: dict[Group, int] = {}
        self._labels_of: dict[Group, tuple[LabelValues, ...]] = {}
        """The labels of the series of each group that exists: one tuple for all who keep them."""
        self._past: dict[Group, ChangePoints] = {}
        """From when to when a group existed: 0, and NaN for the end."""
        self._new: dict[Group, None] = {}
        """Groups that began since the last `changes`."""
        self._unsaved: list[Group] = []
        """Groups with change points that were not handed over."""
        self._surplus: list[tuple[int, Group]] = []
        """A heap: from which time on a group has change points too many."""

    def __contains__(self, labels: LabelValues) -> bool:
        """Whether the series exists and is at 0 since its group began."""
        return (
            self._metric.group_key(labels) in self._begun
            and labels[1] in self._values
            and labels not in self._metric.series
        )

    def _labels(self, group: Group) -> Iterable[LabelValues]:
        return self._labels_of.get(group) or [(group[0], value, *group[1:]) for value in self._values]

    # ── groups come and go ───────────────────────────────────────────────────────────

    def begin(self, group: Group, time_ns: int) -> None:
        """Begin the series of a group, at 0."""
        self._begun[group] = time_ns
        self._labels_of[group] = tuple(self._labels(group))
        self._new[group] = None
        if self._metric.lookback_ns:
            self._put(group, time_ns, 0.0)

    def end(self, group: Group, time_ns: int) -> list[SampleChange]:
        """End the series of a group that did not move; returns the ends."""
        if self._begun.pop(group, None) is None:
            return []
        ended = self._labels_of.pop(group)
        if self._metric.lookback_ns:
            self._put(group, time_ns, NAN)
            if len(self._past[group].times) == 1:  # it had no value at any time
                self._forget_shared(group)
                self._forget_own(group, longest=1)
        if self._new.pop(group, 0) is None:  # it began since the last `changes`
            return []
        name, moved = self._metric.family.name, self._metric.series
        return [SampleChange(name, labels, None, time_ns) for labels in ended if labels not in moved]

    def forget(self, group: Group) -> None:
        """Forget the change points of a group, those of its series included; what was not handed over still is."""
        self._forget_shared(group)
        self._forget_own(group)

    def _forget_shared(self, group: Group) -> None:
        metric, name = self._metric, self._metric.family.name
        past = self._past.get(group)
        if past is not None:
            past.drop_unsaved()
            points = past.take_unsaved()
            for labels in self._shared(group):
                metric.changes.starts += [SampleChange(name, labels, value, time_ns) for time_ns, value in points]
                metric.journal((name, labels), ChangePoints(), 0)
            del self._past[group]

    def _forget_own(self, group: Group, longest: int = MAX_POINTS) -> None:
        """Forget the change points of series that have their own, unless they move (their end is still to come)."""
        for labels in self._labels(group):
            past = self._metric.past.get((self._metric.family.name, labels))
            if past is not None and len(past.times) <= longest and labels not in self._metric.series:
                self._metric.forget((self._metric.family.name, labels))

    def groups(self) -> list[Group]:
        """Return the groups that exist."""
        return list(self._begun)

    def clear(self) -> None:
        """Forget all change points."""
        self._past.clear()
        self._surplus.clear()
        self._unsaved.clear()

    def seed(self) -> None:
        """Give groups that are looked back at from now on their first change point: they existed before."""
        for group in self._begun:
            if group not in self._past:
                self._put(group, 0, 0.0)

    # ── what others see ──────────────────────────────────────────────────────────────

    def samples(self) -> Iterator[tuple[LabelValues, int]]:
        """Yield the series at 0 with the times at which they began."""
        for group, time_ns in self._begun.items():
            for labels in self._labels(group):
                if labels not in self._metric.series:
                    yield labels, time_ns

    def select(self) -> Iterator[tuple[LabelValues, ChangePoints]]:
        """Yield the series without change points of their own, with those of their group."""
        for group, past in self._past.items():
            for labels in self._shared(group):
                yield labels, past

    def _shared(self, group: Group) -> Iterator[LabelValues]:
        """Yield the series of a group that have no change points of their own."""
        name, own = self._metric.family.name, self._metric.past
        return (labels for labels in self._labels(group) if (name, labels) not in own)

    def changes(self) -> Iterator[SampleChange]:
        """Yield the series that began since the last call and did not move."""
        new, self._new = self._new, {}
        for group in new:
            for labels in self._labels(group):
                if labels not in self._metric.series:
                    yield SampleChange(self._metric.family.name, labels, 0.0, self._begun[group])

    def points(self) -> Iterator[SampleChange]:
        """Yield the change points since the last call."""
        unsaved, self._unsaved = self._unsaved, []
        for group in unsaved:
            past = self._past.get(group)
            points = past.take_unsaved() if past is not None else []
            for labels in self._shared(group) if points else ():
                for time_ns, value in points:
                    yield SampleChange(self._metric.family.name, labels, value, time_ns)

    def forget_before(self, horizon_ns: int) -> Iterator[SampleChange]:
        """Drop change points as `Metric.forget_before` does."""
        while self._surplus and self._surplus[0][0] <= horizon_ns:
            _, group = heappop(self._surplus)
            past = self._past.get(group)
            if past is None or not past.forget(horizon_ns):
                continue
            ended = not past.times or past.times[0] > 0
            value = None if ended else past.values[0]
            for labels in self._shared(group):
                yield SampleChange(self._metric.family.name, labels, value, 0)
                if not past.times:
                    self._metric.journal((self._metric.family.name, labels), past, 0)
            self._await_surplus(group, past)
            if not past.times:
                del self._past[group]

    # ── a series moves ───────────────────────────────────────────────────────────────

    def give_past(self, labels: LabelValues) -> None:
        """Give a series that moves now the change points that it shared until now."""
        group, key = self._metric.group_key(labels), (self._metric.family.name, labels)
        shared = self._past.get(group)
        if shared is not None and labels[1] in self._values and key not in self._metric.past:
            self._metric.adopt(key, shared.copy())

    def restore(self, labels: LabelValues, time_ns: int) -> bool:
        """Continue with a series at 0, if it is one of these and began, and never moved, as others of its group."""
        group, key = self._metric.group_key(labels), (self._metric.family.name, labels)
        if labels[1] not in self._values or self._begun.get(group, time_ns) != time_ns:
            return False
        past = self._metric.past.get(key)
        if past is not None:
            shared = self._past.get(group, past)
            if any(past.values) or (past.times, past.values) != (shared.times, shared.values):
                return False
            del self._metric.past[key]
            if shared is past:
                self._past[group] = past
                self._await_surplus(group, past)
            self._metric.journal(key, self._past[group], 0)
        self._begun[group] = time_ns
        if group not in self._labels_of:
            self._labels_of[group] = tuple(self._labels(group))
        return True

    def _put(self, group: Group, time_ns: int, value: float) -> None:
        metric, name = self._metric, self._metric.family.name
        past = self._past.get(group)
        if past is None:
            past = self._past[group] = ChangePoints()
        if past.unsaved == SAVED:
            self._unsaved.append(group)
        time_ns = past.put(time_ns, value)
        if past.thinned:
            thinned = past.take_thinned()
            for labels in self._shared(group):
                metric.note_thinned((name, labels), thinned)
        if len(past.times) <= 2:
            self._await_surplus(group, past)
        for labels in self._labels(group):
            key = (name, labels)
            own = metric.past.get(key)
            if own is None:
                metric.journal(key, past, time_ns)
            elif labels not in metric.series:  # it moved before its group ended and began again
                metric.put(key, own, time_ns, value)

    def _await_surplus(self, group: Group, past: ChangePoints) -> None:
        surplus_ns = past.next_surplus_ns()
        if surplus_ns is not None:
            heappush(self._surplus, (surplus_ns, group))
            if len(self._surplus) > 4 * len(self._past) + 1000:  # most are of groups whose past was forgotten
                known = ((each.next_surplus_ns(), group) for group, each in self._past.items())
                self._surplus = [(each_ns, group) for each_ns, group in known if each_ns is not None]
                heapify(self._surplus)
