"""What a logwatch that followed a log would have said of itself, and of its alerts, for a history made by a replay.

Without it a dashboard over the history shows a host on which nothing fired, and a logwatch that never ran.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from logwatch import __version__
from logwatch.metrics.catalog import BUILD_INFO, SAMPLED
from logwatch.model import Alert, Family, LabelValues, SampleChange

ALERTS, UP = "ALERTS", "up"
OWN = frozenset({ALERTS, UP})
"""Series that a Prometheus makes itself."""
KNOWN = {family.name: family for family in SAMPLED}
RUNNING = ("logwatch_source_open", "logwatch_source_pending_bytes")
"""Of each log: it is open, and nothing waits to be read."""


class Replayed(NamedTuple):
    """A metric and the change points of its series."""

    family: Family
    points: Sequence[SampleChange]


def of_replay(
    fired: Sequence[Alert], paths: Iterable[str], target_labels: Mapping[str, str], start_ns: int
) -> Iterator[Replayed]:
    """The metrics of a logwatch that has run since `start_ns`, with the alerts that fired meanwhile."""
    version = (__version__, platform.python_version())
    yield Replayed(KNOWN[BUILD_INFO], [SampleChange(BUILD_INFO, version, 1.0, start_ns)])
    for name, value in zip(RUNNING, (1.0, 0.0), strict=True):
        yield Replayed(KNOWN[name], [SampleChange(name, (path,), value, start_ns) for path in paths])
    up = Family(UP, "gauge", "1 while the target answers.", tuple(target_labels))
    yield Replayed(up, [SampleChange(UP, tuple(target_labels.values()), 1.0, start_ns)])
    if fired:
        yield _alerts(fired)
        yield _counts(fired)


def _alerts(fired: Iterable[Alert]) -> Replayed:
    """`ALERTS` as a Prometheus writes it, for those that fired; each has a series from its begin to its end."""
    found = [({**alert.labels, "alertstate": "firing"}, alert) for alert in fired]
    names = tuple(sorted({name for labels, _ in found for name in labels}))
    points: list[SampleChange] = []
    for labels, alert in found:
        values = tuple(labels.get(name, "") for name in names)
        points.append(SampleChange(ALERTS, values, 1.0, alert.starts_ns))
        if alert.ends_ns is not None:
            points.append(SampleChange(ALERTS, values, None, alert.ends_ns))
    points.sort(key=lambda point: (point.time_ns, point.value is not None))  # one that begins again goes on
    return Replayed(Family(ALERTS, "gauge", "Alerts that fire.", names), points)


def _counts(fired: Iterable[Alert]) -> Replayed:
    """`logwatch_alerts`: how many fire, by name and severity."""
    family = KNOWN["logwatch_alerts"]
    steps: list[tuple[int, int, LabelValues]] = []
    for alert in fired:
        labels: LabelValues = (alert.labels["alertname"], alert.labels.get("severity", ""), "firing")
        steps.append((alert.starts_ns, 1, labels))
        if alert.ends_ns is not None:
            steps.append((alert.ends_ns, -1, labels))
    counts: Counter[LabelValues] = Counter()
    points: list[SampleChange] = []
    for time_ns, step, labels in sorted(steps):
        counts[labels] += step
        points.append(SampleChange(family.name, labels, float(counts[labels]) or None, time_ns))
    return Replayed(family, points)
