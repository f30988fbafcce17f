"""Metrics and their values, as stages change them and PromQL sees them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Family:
    """A metric: its name, type and labels."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    max_series: int = 10_000

    def samples(self) -> dict[str, tuple[str, ...]]:
        """Its sample names (of a histogram _bucket, _sum and _count), each with the names of its labels."""
        if self.kind != "histogram":
            return {self.name: self.labels}
        bucket = {f"{self.name}_bucket": (*self.labels, "le")}
        return bucket | {f"{self.name}_sum": self.labels, f"{self.name}_count": self.labels}


LabelValues = tuple[str, ...]


class SampleChange(NamedTuple):
    """A series has a new value from this time on; None ends it."""

    family: str
    labels: LabelValues
    """Values in the order of the family's labels."""
    value: float | None
    time_ns: int


class SeriesView(Protocol):
    """What the PromQL evaluator sees of the series."""

    def names(self) -> Iterable[str]:
        """Every sample name (histograms as _bucket, _sum and _count)."""

    def select(self, name: str) -> Iterable[tuple[Mapping[str, str], Sequence[int], Sequence[float]]]:
        """Every series of that sample name.

        Labels (without `__name__`), the ascending times (ns) of its change points, and the
        value from each of those times on. A value of NaN (the staleness marker) ends the series.
        The first time is 0 where a series began before what is kept of it: else its whole value
        would count as an increase at that time.
        """
