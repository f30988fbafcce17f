"""The whole history of all series, as the samples that scrapes would have taken.

`promtool tsdb create-blocks-from openmetrics` makes blocks for a Prometheus out of it, so that
a dashboard or an alert can be looked at over a log from last week. Each series has a sample at
every k · interval (Unix-aligned) from its birth to its end; between two change points it holds
its value. OpenMetrics wants all samples of a metric together, so the change points are kept
until the end: 16 bytes each.

A scrape marks the end of a series; OpenMetrics has no marker, so that a Prometheus takes the last sample
for 5 minutes more. A state or health that a container has no more is therefore written as 0 once at its end.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping

from logwatch.metrics.exposition import escape, number, openmetrics_header
from logwatch.model import SECOND, Family, LabelValues, SampleChange

_HISTOGRAM = ("_bucket", "_count", "_sum")
NAN = float("nan")
_STATES = ("docker_container_state", "docker_container_health")
"""Gauges that are 1 for the state that something is in."""


class _Course:
    """One series from its birth to its end."""

    __slots__ = ("times", "values")

    def __init__(self) -> None:
        self.times = array("q")
        self.values = array("d")

    def put(self, time_ns: int, value: float) -> None:
        """Note a change point; one replaces another of the same time."""
        place = len(self.times)
        if place and time_ns <= self.times[-1]:
            place = bisect_left(self.times, time_ns)
            if self.times[place] == time_ns:
                self.values[place] = value
                return
        self.times.insert(place, time_ns)
        self.values.insert(place, value)

    def samples(self, first: int, last: int, interval_ns: int, *, ends_at_0: bool) -> Iterator[tuple[int, float]]:
        """Yield k and the value at k · interval while the series exists.

        With `ends_at_0` a value above 0 is followed by one 0 when the series ends.
        """
        before = NAN
        for place, (time_ns, value) in enumerate(zip(self.times, self.values, strict=True)):
            following = self.times[place + 1] if place + 1 < len(self.times) else None
            end = last if following is None else min(last, -(-following // interval_ns) - 1)
            if value == value:
                yield from ((k, value) for k in range(max(first, -(-time_ns // interval_ns)), end + 1))
            elif ends_at_0 and before > 0 and first <= (k := -(-time_ns // interval_ns)) <= end:
                yield k, 0.0
            before = value


class Backfill:
    """Collects the change points of a replay, and writes them as OpenMetrics with timestamps."""

    def __init__(self, interval_ns: int, target_labels: Mapping[str, str], own_labels: Container[str] = ()) -> None:
        """`own_labels` are the metrics that have all their labels already, as those that a Prometheus makes itself."""
        self._own_labels = own_labels
        self._interval_ns = interval_ns
        self._targets = dict(target_labels)
        self._courses: dict[str, dict[LabelValues, _Course]] = defaultdict(dict)
        self._first_ns: int | None = None
        self._last_ns = 0

    def take_in(self, points: Iterable[SampleChange]) -> None:
        """Note change points in the order in which they were made; time 0 means from the beginning."""
        for point in points:
            courses = self._courses[point.family]
            course = courses.get(point.labels)
            if course is None:
                course = courses[point.labels] = _Course()
            course.put(point.time_ns, NAN if point.value is None else point.value)
            if point.time_ns:
                self._first_ns = min(point.time_ns, self._first_ns or point.time_ns)
                self._last_ns = max(self._last_ns, point.time_ns)

    @property
    def first_ns(self) -> int | None:
        """The time of the first change point, None without any."""
        return self._first_ns

    def text(self, families: Iterable[Family], end_ns: int = 0) -> Iterator[str]:
        """Yield the page, a piece for each series; it reaches to the last change point, or to `end_ns` if that is later."""
        if self._first_ns is None:
            yield "# EOF\n"
            return
        first = -(-self._first_ns // self._interval_ns)
        last = -(-max(self._last_ns, end_ns) // self._interval_ns)  # what happened last is in a sample too
        for family in families:
            header = openmetrics_header(family)
            for suffix in _HISTOGRAM if family.kind == "histogram" else ("",):
                courses = self._courses.get(family.name + suffix, {})
                for labels in sorted(courses, key=_by_bound if suffix == "_bucket" else None):
                    prefix = f"{family.name}{suffix}{self._written(family, suffix, labels)} "
                    ends_at_0 = family.name in _STATES
                    samples = courses[labels].samples(first, last, self._interval_ns, ends_at_0=ends_at_0)
                    lines = "".join([f"{prefix}{number(value)} {self._seconds(k)}\n" for k, value in samples])
                    if lines:
                        yield header + lines
                        header = ""
        yield "# EOF\n"

    def _written(self, family: Family, suffix: str, labels: LabelValues) -> str:
        """Write the labels as a scrape stores them: with the target's, which win over a rule's own."""
        names = (*family.labels, "le") if suffix == "_bucket" else family.labels
        targets = {} if family.name in self._own_labels else self._targets
        known = dict(targets)
        for name, value in zip(names, labels, strict=True):
            known[f"exported_{name}" if name in targets else name] = value
        pairs = ",".join(f'{name}="{escape(value)}"' for name, value in known.items() if value)
        return f"{{{pairs}}}" if pairs else ""

    def _seconds(self, k: int) -> str:
        seconds, rest = divmod(k * self._interval_ns, SECOND)
        return f"{seconds}.{rest // 1_000_000:03d}" if rest else str(seconds)


def _by_bound(labels: LabelValues) -> tuple[LabelValues, float]:
    return labels[:-1], float(labels[-1])
