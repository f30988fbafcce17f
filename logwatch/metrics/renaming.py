"""Moves what was counted under one label of a container to another: from its id to a name that became known late.

Counters add to the other series, each increment at its own time; gauges go on there. The
first series then never was: its change points are overwritten, so that no window sees an increment twice.
"""

from __future__ import annotations

from logwatch.metrics.registry import Registry
from logwatch.metrics.series import Metric, Series
from logwatch.model import SECOND, LabelValues

YOUNG_NS = 3600 * SECOND
"""What was first counted longer ago stays under the id: every Prometheus would see a jump otherwise."""


def move_group(registry: Registry, name: str, owner: LabelValues, to: LabelValues, time_ns: int) -> None:
    """Move all series of a metric that belong to `owner` to another one."""
    metric = registry.metric(name)
    for labels in tuple(metric.by_group.get(owner, ())):
        moved = list(labels)
        for index, value in zip(metric.group_by, to, strict=True):
            moved[index] = value
        if not metric.bounds:
            _move(registry, metric, metric.series[labels], tuple(moved))
        registry.remove(name, labels, time_ns)


def _move(registry: Registry, metric: Metric, series: Series, labels: LabelValues) -> None:
    points = _points(metric, series)
    existed = labels in metric.series
    if not existed:
        registry.start(metric.family.name, labels, points[0][0])
    target = metric.series.get(labels)
    if target is None:  # at the metric's limit
        return
    newest_ns = max(target.time_ns, series.time_ns)
    before = 0.0
    for point_ns, value in points:
        if metric.family.kind == "counter":
            if value > before:
                target.add(value - before, point_ns)
                before = value
        elif not existed or point_ns >= target.time_ns:
            target.set(value, point_ns)
    target.time_ns = newest_ns
    past = metric.past.get((metric.family.name, series.labels))
    if past is not None:
        metric.erase((metric.family.name, series.labels), past)


def _points(metric: Metric, series: Series) -> list[tuple[int, float]]:
    """Return when a series had which value, the last one included."""
    past = metric.past.get((metric.family.name, series.labels))
    if past is None or not past.times:
        return [(series.time_ns, series.value)]
    return [(at, value) for at, value in zip(past.times, past.values, strict=True) if value == value] or [
        (series.time_ns, series.value)
    ]
