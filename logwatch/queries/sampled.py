"""What the process measures of itself, sampled as by a scrape; in memory, for some hours."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterable, Iterator, Sequence

from logwatch.model import LabelValues, SampleChange

MOST_POINTS = 1_440
"""Of each series: six hours of one that is another at each sample of 15 s."""
MOST_SERIES = 5_000
NAN = float("nan")

Key = tuple[str, LabelValues]


class SampledSeries:
    """Series by sample name and label values. One thread writes, others read."""

    def __init__(self, interval_ns: int) -> None:
        self._interval_ns = interval_ns
        self._sampled_ns = 0
        self._lock = threading.Lock()
        self._series: dict[Key, tuple[array[int], array[float]]] = {}

    def is_due(self, now_ns: int) -> bool:
        """Whether a sample is due."""
        return self._sampled_ns // self._interval_ns != now_ns // self._interval_ns

    def process(self, samples: Iterable[SampleChange], now_ns: int) -> None:
        """Take a sample of all series; one that is missing has ended."""
        first, self._sampled_ns = not self._sampled_ns, now_ns
        values = {(sample.family, sample.labels): sample.value for sample in samples if sample.value is not None}
        with self._lock:
            for key in self._series.keys() - values.keys():
                values[key] = NAN
            for key, value in values.items():
                kept = self._series.get(key)
                if kept is None and len(self._series) >= MOST_SERIES:
                    continue
                if kept is None or kept[1][-1] != value:
                    self._put(key, value, 0 if first else now_ns)

    def _put(self, key: Key, value: float, time_ns: int) -> None:
        """Note another value. What was there at the first sample counts for all time before."""
        times, values = self._series.setdefault(key, (array("q"), array("d")))
        if not times or value == value or values[-1] == values[-1]:
            times.append(max(time_ns, times[-1] + 1) if times else time_ns)
            values.append(value)
        if len(times) > MOST_POINTS:
            del times[: MOST_POINTS // 4], values[: MOST_POINTS // 4]
            if values[-1] != values[-1]:  # of what ended so long ago nothing is left to see
                del self._series[key]

    def select(self, name: str) -> Iterator[tuple[LabelValues, Sequence[int], Sequence[float]]]:
        """Yield label values and change points of every series of a sample name."""
        with self._lock:
            found = [
                (key[1], list(times), list(values)) for key, (times, values) in self._series.items() if key[0] == name
            ]
        yield from found
