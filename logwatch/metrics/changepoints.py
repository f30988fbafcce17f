"""The recent past of one sample: when it changed, and to what.

A sample has its value until its next change point, so no sampling is needed to know what
it was at any time. Points older than the longest look-back of the loaded rules are
dropped, but for the last of them, which gives the value at the window's start.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from sys import maxsize

NAN = float("nan")
MAX_POINTS = 4096
"""Per series. Beyond it every other point of the older half is dropped."""
SAVED = maxsize
"""`unsaved` of a series whose points were all handed over."""


class ChangePoints:
    """Ascending times (ns) and the value from each of them on; NaN ends the series."""

    __slots__ = ("is_committed", "thinned", "times", "unsaved", "values")

    def __init__(self) -> None:
        self.times: list[int] = []
        self.values: list[float] = []
        self.unsaved = SAVED
        """Index of the first point that was not handed over for a commit."""
        self.is_committed = False
        """Whether any point was."""
        self.thinned: Sequence[int] = ()
        """Times of points that were dropped because there were too many, and may have been handed over before."""

    def put(self, time_ns: int, value: float) -> int:
        """Note a value that replaces the last one; return the time it was noted at.

        The order of the log is the order: a time before the last point counts as the last point's.
        """
        times = self.times
        if times and time_ns <= times[-1]:
            time_ns = times[-1]
            self.values[-1] = value
        else:
            times.append(time_ns)
            self.values.append(value)
        self._changed_from(len(times) - 1)
        if len(times) > MAX_POINTS:
            self._thin()
        return time_ns

    def grow(self, time_ns: int, amount: float, value: float) -> int:
        """Note an increment of a counter at its own time; return the index of the first point it changed.

        An increment that comes late lifts every later point too.
        """
        times, values = self.times, self.values
        if not times or time_ns > times[-1] or values[-1] != values[-1]:
            self.put(time_ns, value)
            return len(times) - 1
        place = bisect_right(times, time_ns) - 1
        if place < 0:  # older than all that is kept: it was there from the start
            place = 0
        elif times[place] != time_ns:
            place += 1
            times.insert(place, time_ns)
            values.insert(place, values[place - 1])
        for index in range(place, len(values)):
            values[index] += amount
        self._changed_from(place)
        if len(times) > MAX_POINTS:
            self._thin()
        return min(place, len(times) - 1)

    def erase(self) -> None:
        """Let there be no value at any time; the times stay, to overwrite what was handed over."""
        self.values[:] = [NAN] * len(self.values)  # in place: rules hold the list
        self._changed_from(0)

    def forget(self, before_ns: int) -> bool:
        """Drop the points that no window starting at `before_ns` or later can see; whether there were such.

        The first that is left then counts for all time before it (time 0): the series did not begin there. One
        that had ended by then is as if it had never been.
        """
        surplus = bisect_right(self.times, before_ns) - 1
        if surplus < 0 or (surplus == 0 and self.times[0] == 0):
            return False
        del self.times[:surplus], self.values[:surplus]
        self.times[0] = 0
        if self.values[0] != self.values[0]:
            del self.times[0], self.values[0]
            surplus += 1
        if self.unsaved != SAVED:
            self.unsaved = max(0, self.unsaved - surplus)
        return True

    def next_surplus_ns(self) -> int | None:
        """From which `before_ns` on `forget` has something to drop; None for never."""
        if not self.times:
            return None
        if self.times[0]:
            return self.times[0]
        return self.times[1] if len(self.times) > 1 else None

    def copy(self) -> ChangePoints:
        """Return the same points, to be changed apart from these."""
        other = ChangePoints()
        other.times, other.values = self.times[:], self.values[:]
        other.unsaved, other.is_committed = self.unsaved, self.is_committed
        return other

    def set_committed(self) -> None:
        """Note that all points come from a commit."""
        self.unsaved, self.is_committed = SAVED, True

    def drop_unsaved(self) -> None:
        """Hand nothing over any more, unless an earlier point was: then its end must be."""
        if not self.is_committed:
            self.unsaved = SAVED

    def take_unsaved(self) -> list[tuple[int, float]]:
        """Hand over the points since the last call."""
        unsaved = self.unsaved
        self.set_committed()
        return list(zip(self.times[unsaved:], self.values[unsaved:], strict=True))

    def take_thinned(self) -> Sequence[int]:
        """Hand over the times of `thinned`."""
        thinned, self.thinned = self.thinned, ()
        return thinned

    def _changed_from(self, index: int) -> None:
        if index < self.unsaved:
            self.unsaved = index

    def _thin(self) -> None:
        half = len(self.times) // 2
        if self.is_committed:
            self.thinned = (*self.thinned, *self.times[1:half:2])
        del self.times[1:half:2], self.values[1:half:2]
        if self.unsaved != SAVED:
            self.unsaved -= min(self.unsaved, half) // 2
