"""Functions of the calendar: parts of a time in UTC, given in seconds since 1970."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from math import isfinite

from logwatch.promql import floats
from logwatch.promql.elements import Mapped
from logwatch.promql.values import Labels, Moment, Vector, VectorNode

DAY = 86_400
EPOCH = date(1970, 1, 1).toordinal()
CYCLE_DAYS = 146_097
"""The calendar repeats every 400 years, which `date` cannot count beyond 9999."""


def _day(seconds: int) -> tuple[date, int]:
    """The day of a time, moved into the years 1 to 400, and by how many cycles it was moved."""
    cycles, day = divmod(seconds // DAY + EPOCH - 1, CYCLE_DAYS)
    return date.fromordinal(day + 1), cycles


def days_in_month(seconds: int) -> int:
    """How many days the month has."""
    day, _ = _day(seconds)
    return monthrange(day.year, day.month)[1]


PARTS: dict[str, Callable[[int], int]] = {
    "minute": lambda seconds: seconds // 60 % 60,
    "hour": lambda seconds: seconds // 3600 % 24,
    "day_of_week": lambda seconds: (seconds // DAY + 4) % 7,  # 1970 began on a Thursday
    "day_of_month": lambda seconds: _day(seconds)[0].day,
    "day_of_year": lambda seconds: _day(seconds)[0].timetuple().tm_yday,
    "days_in_month": days_in_month,
    "month": lambda seconds: _day(seconds)[0].month,
    "year": lambda seconds: _day(seconds)[0].year + 400 * _day(seconds)[1],
}


@dataclass(frozen=True, slots=True)
class CalendarPart:
    """One of PARTS of each value, or of the evaluation time when there is no argument."""

    part: Callable[[int], int]
    argument: VectorNode | None
    many_names: bool = False

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        if self.argument is None:
            moment.changes_always()
            return [(Labels(), float(self.part(moment.time_ns // 1_000_000_000)))]
        return Mapped(self._of, self.argument).vector(moment)

    def _of(self, value: float) -> float:
        return float(self.part(int(value))) if isfinite(value) else floats.NAN
