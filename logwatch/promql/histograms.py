"""`histogram_quantile`: a quantile from cumulative buckets (promql/quantile.go)."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from logwatch.promql import floats
from logwatch.promql.values import METRIC_NAME, Labels, Moment, ScalarNode, Vector, VectorNode, unique

BOUND = "le"
GO_FLOAT = re.compile(r"[+-]?(?:inf|infinity|nan|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?)", re.IGNORECASE)

Bucket = tuple[float, float]
"""Upper bound and cumulative count."""


@dataclass(frozen=True, slots=True)
class HistogramQuantile:
    """`histogram_quantile(q, buckets)`: one element per histogram; what has no bound is passed over."""

    q: ScalarNode
    argument: VectorNode
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        q = self.q.scalar(moment)
        histograms: dict[Labels, list[Bucket]] = {}
        for labels, value in self.argument.vector(moment):
            bound = labels.get(BOUND, "")
            if GO_FLOAT.fullmatch(bound):
                histograms.setdefault(labels.without((BOUND,)), []).append((float(bound), value))
        found = [
            (labels.without((METRIC_NAME,)), bucket_quantile(q, buckets)) for labels, buckets in histograms.items()
        ]
        return unique(found)


def bucket_quantile(q: float, buckets: list[Bucket]) -> float:
    """The quantile, linear within its bucket; NaN without observations or without a bucket +Inf."""
    if q != q:
        return floats.NAN
    if q < 0 or q > 1:
        return -floats.INF if q < 0 else floats.INF
    bounds, counts = _monotonic(sorted(buckets, key=itemgetter(0)))
    if bounds[-1] != floats.INF or len(bounds) < 2:
        return floats.NAN
    rank = q * counts[-1]
    if not counts[-1]:
        return floats.NAN
    # The question is Go's, so that counts of NaN lead to the same bucket.
    place = bisect_left(counts, True, 0, len(counts) - 1, key=lambda count: count >= rank)  # noqa: FBT003 - sought
    if place == len(bounds) - 1:
        return bounds[-2]
    if place == 0 and bounds[0] <= 0:
        return bounds[0]
    if place == 0:
        return bounds[0] * floats.divide(rank, counts[0])
    start, below = bounds[place - 1], counts[place - 1]
    return start + (bounds[place] - start) * floats.divide(rank - below, counts[place] - below)


def _monotonic(buckets: list[Bucket]) -> tuple[list[float], list[float]]:
    """Add up buckets of one bound, and lift those that stand below an earlier one (scrapes can tear)."""
    bounds: list[float] = []
    counts: list[float] = []
    highest = -floats.INF
    for bound, group in groupby(buckets, key=itemgetter(0)):
        count = sum(value for _, value in group)
        bounds.append(bound)
        counts.append(highest if count < highest else count)
        highest = max(highest, count)
    return bounds, counts
