"""What a series was at a moment, on the sample grid and between two moments, by its change points.

A series is its ascending change points: it holds each value until the next, and NaN ends it.

    change points   |1         |3  |NaN            |5
    value           1111111111133333                5555…
    virtual samples 1    1    1    3                5        every sample interval, Unix-aligned

Virtual samples are what a Prometheus would hold that scrapes on that grid. An end is a
staleness marker there, so nothing outlives it, neither here nor there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence


def value_at(times: Sequence[int], values: Sequence[float], time_ns: int) -> float:
    """The value at that time; NaN before the first change point and after the end."""
    index = bisect_right(times, time_ns) - 1
    return values[index] if index >= 0 else float("nan")


def started_at(times: Sequence[int], values: Sequence[float], time_ns: int) -> int:
    """When the life began that the series has at that time (it must have one)."""
    index = bisect_right(times, time_ns) - 1
    while index > 0 and values[index - 1] == values[index - 1]:
        index -= 1
    return times[index]


def last_sample(
    times: Sequence[int], values: Sequence[float], first_ns: int, tick_ns: int, interval_ns: int
) -> tuple[int, float] | None:
    """The newest virtual sample from `first_ns` to the tick `tick_ns`: its time and value; None if there is none."""
    index = bisect_right(times, tick_ns) - 1
    while index >= 0 and tick_ns >= first_ns:
        if values[index] == values[index] and times[index] <= tick_ns:
            return tick_ns, values[index]
        # Absent at this tick, or a value that lasted for less than a tick: what was at the one before?
        tick_ns = min(tick_ns, (times[index] - 1) // interval_ns * interval_ns)
        index -= 1
    return None


def grid(start_ns: int, end_ns: int, interval_ns: int) -> range:
    """The times of the virtual samples within a range, both ends included."""
    first = -(-start_ns // interval_ns) * interval_ns
    return range(first, end_ns + 1, interval_ns)


def sampled(times: Sequence[int], values: Sequence[float], ticks: range) -> tuple[Sequence[int], Sequence[float]]:
    """The virtual samples of a series at those times: the times that have one, and the values."""
    taken_times: list[int] = []
    taken_values: list[float] = []
    index = bisect_right(times, ticks.start) - 1
    last = len(times) - 1
    for tick in ticks:
        while index < last and times[index + 1] <= tick:
            index += 1
        if index < 0:
            continue
        value = values[index]
        if value == value:
            taken_times.append(tick)
            taken_values.append(value)
    return taken_times, taken_values


def runs(times: Sequence[int], values: Sequence[float], ticks: range) -> list[float]:
    """As `sampled`, without the times and each value of a change point once."""
    first = max(0, bisect_right(times, ticks[0]) - 1)
    last = bisect_right(times, ticks[-1])
    if first == last:
        return []
    start, step = ticks[0], ticks.step
    followings = [*times[first + 1 : last], ticks[-1] + 1]
    return [
        value
        for time, value, following in zip(times[first:last], values[first:last], followings, strict=True)
        if value == value and max(start, -(-time // step) * step) < following
    ]


def lowest_run(times: Sequence[int], values: Sequence[float], ticks: range) -> list[float]:
    """As `runs`, but only the first where no other is lower: so it is with a counter that was not reset."""
    first = bisect_right(times, ticks[0]) - 1
    if first >= 0 and values[first] <= min(values[first : bisect_right(times, ticks[-1])]):
        return [values[first]]
    return runs(times, values, ticks)


def increase(times: Sequence[int], values: Sequence[float], start_ns: int, end_ns: int) -> float | None:
    """By how much a counter grew after `start_ns` and until `end_ns`, exactly; None if it was not there.

    A counter begins at 0: one that appears with 3 has grown by 3, unless its first time is 0 (it was
    there before). A lower value than before is a reset, from which it counts from 0 again.
    """
    index = bisect_right(times, start_ns)
    before = values[index - 1] if index else float("nan")
    present = before == before
    count = before if present else 0.0
    if not index and times and times[0] <= 0:
        count = values[0]
    grown = 0.0
    while index < len(times) and times[index] <= end_ns:
        value = values[index]
        if value != value:
            count = 0.0
        else:
            present = True
            grown += value - count if value >= count else value
            count = value
        index += 1
    return grown if present else None
