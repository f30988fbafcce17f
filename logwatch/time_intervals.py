"""Times that come again, in the form of Alertmanager's time intervals.

https://prometheus.io/docs/alerting/latest/configuration/#time_interval
"""

from __future__ import annotations

import re
from calendar import day_name, month_name, monthrange
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

CLOCK = re.compile(r"(?P<hours>[01]?[0-9]|2[0-4]):(?P<minutes>[0-5][0-9])")  # 02:30  24:00
WEEKDAYS = {name.lower(): place for place, name in enumerate(day_name)}
MONTHS = {name.lower(): place for place, name in enumerate(month_name) if name}

Range = tuple[int, int]
"""First and last; of minutes of the day the last does not belong to it."""


@dataclass(frozen=True, slots=True)
class TimeInterval:
    """Times for which every field that is given has a range that contains them."""

    times: Sequence[Range] = ()
    """Minutes of the day."""
    weekdays: Sequence[Range] = ()
    """Monday is 0."""
    days_of_month: Sequence[Range] = ()
    """Below 0 from the end: -1 is the last day."""
    months: Sequence[Range] = ()
    years: Sequence[Range] = ()
    zone: tzinfo = UTC

    def contains(self, moment: datetime) -> bool:
        """Whether it is such a time."""
        local = moment.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        days = monthrange(local.year, local.month)[1]
        month_days = [(_day(first, days), _day(last, days)) for first, last in self.days_of_month]
        return (
            (not self.times or any(start <= minute < end for start, end in self.times))
            and _within(local.weekday(), self.weekdays)
            and _within(local.day, month_days)
            and _within(local.month, self.months)
            and _within(local.year, self.years)
        )


def _within(value: int, ranges: Sequence[Range]) -> bool:
    return not ranges or any(first <= value <= last for first, last in ranges)


def _day(number: int, days: int) -> int:
    """A day of the month, as far as that month has it; below 0 from the end."""
    return max(1, days + 1 + number) if number < 0 else min(number, days)


# ── as it is written; each raises ValueError with what to write ──────────────────────


def minutes(text: str) -> int:
    """Read a time of day, up to 24:00."""
    found = CLOCK.fullmatch(text)
    if found is None or int(found["hours"]) * 60 + int(found["minutes"]) > 24 * 60:
        raise ValueError(f"'{text}' is not a time of day: write 00:00 to 24:00, such as 02:30")
    return int(found["hours"]) * 60 + int(found["minutes"])


def weekdays(text: str) -> Range:
    """Read `monday` or `monday:friday`."""
    return _range(text, lambda part: WEEKDAYS[part.lower()], "a weekday, such as saturday or monday:friday")


def months(text: str) -> Range:
    """Read `may`, `5` or `may:august`."""
    return _range(
        text,
        lambda part: MONTHS[part.lower()] if part.lower() in MONTHS else _number(part, 1, 12),
        "a month, such as may, 5 or may:august",
    )


def days_of_month(text: str) -> Range:
    """Read `1`, `1:5` or `-3:-1`."""
    return _range(text, lambda part: _number(part, -31, 31), "a day of the month, such as 1, 1:5 or -3:-1")


def years(text: str) -> Range:
    """Read `2026` or `2026:2028`."""
    return _range(text, lambda part: _number(part, 1, 9999), "a year, such as 2026 or 2026:2028")


def _range(text: str, read: Callable[[str], int], wanted: str) -> Range:
    first, colon, last = text.partition(":")
    try:
        found = read(first), read(last if colon else first)
    except (KeyError, ValueError):
        raise ValueError(f"'{text}' is not {wanted}") from None
    if found[0] > found[1] and (found[0] < 0) == (found[1] < 0):
        raise ValueError(f"'{text}' ends before it begins: write two ranges")
    return found


def _number(text: str, least: int, most: int) -> int:
    number = int(text)
    if number == 0 or not least <= number <= most:
        raise ValueError(text)
    return number
