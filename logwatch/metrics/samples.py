"""One series, and all series of one metric."""

from __future__ import annotations

from collections.abc import Iterator

from logwatch.metrics.changepoints import ChangePoints
from logwatch.model import Family, LabelValues


def bound_label(bound: float) -> str:
    """Return a bucket's bound as the value of the label `le`, as Prometheus' own clients write it."""
    return "+Inf" if bound == float("inf") else repr(float(bound))


class Cell:
    """One series: its value, since when, and (histograms) its observations per bucket, not yet summed up."""

    __slots__ = ("counts", "dirty", "labels", "table", "time_ns", "value")

    def __init__(self, table: Table, labels: LabelValues, time_ns: int) -> None:
        self.table = table
        self.labels = labels
        self.time_ns = time_ns
        self.value = 0.0
        self.counts = [0.0] * len(table.bounds)
        self.dirty = False

    def samples(self) -> Iterator[tuple[str, LabelValues, float]]:
        """Yield sample name, label values and value as Prometheus wants them: buckets that add up."""
        name, reached = self.table.family.name, 0.0
        if not self.counts:
            yield name, self.labels, self.value
            return
        for bound, count in zip(self.table.bounds, self.counts, strict=True):
            reached += count
            yield f"{name}_bucket", (*self.labels, bound), reached
        yield f"{name}_count", self.labels, reached
        yield f"{name}_sum", self.labels, self.value


class Table:
    """The series of one metric."""

    __slots__ = ("bounds", "cells", "family", "lookback_ns", "owned", "owner", "past")

    def __init__(self, family: Family, owner: tuple[int, ...]) -> None:
        self.family = family
        self.bounds = (*map(bound_label, family.buckets), "+Inf") if family.kind == "histogram" else ()
        self.cells: dict[LabelValues, Cell] = {}
        self.owner = owner
        self.owned: dict[LabelValues, dict[LabelValues, None]] = {}
        self.lookback_ns = 0
        self.past: dict[tuple[str, LabelValues], ChangePoints] = {}

    def owner_of(self, labels: LabelValues) -> LabelValues:
        """Return the label values that name the owner of a series."""
        return tuple([labels[index] for index in self.owner])

    def remembered(self, sample: str, labels: LabelValues) -> ChangePoints:
        """The change points of a series, from now on if there were none."""
        past = self.past.get((sample, labels))
        if past is None:
            past = self.past[sample, labels] = ChangePoints()
        return past

    def sample_names(self) -> tuple[str, ...]:
        """Return the names its samples have in the exposition."""
        return tuple(self.family.samples())
