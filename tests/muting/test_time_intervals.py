"""Times that come again, as Alertmanager writes them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from logwatch import time_intervals
from logwatch.time_intervals import TimeInterval

NIGHT = [(120, 210)]


def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("interval", "inside", "outside"),
    [
        (TimeInterval(), ["2026-11-30T00:00"], []),
        (TimeInterval(NIGHT), ["2026-11-30T02:00", "2026-11-30T03:29"], ["2026-11-30T01:59", "2026-11-30T03:30"]),
        (TimeInterval(NIGHT, zone=ZoneInfo("Europe/Berlin")), ["2026-11-30T01:00"], ["2026-11-30T03:00"]),
        (TimeInterval(weekdays=[(0, 4)]), ["2026-11-30T00:00"], ["2026-11-29T23:59"]),
        (TimeInterval(days_of_month=[(1, 5)]), ["2026-12-05T23:59"], ["2026-12-06T00:00"]),
        (TimeInterval(days_of_month=[(-1, -1)]), ["2026-02-28T00:00", "2024-02-29T00:00"], ["2024-02-28T00:00"]),
        (TimeInterval(days_of_month=[(30, 31)]), ["2026-11-30T00:00"], ["2026-11-29T00:00"]),
        (TimeInterval(months=[(5, 8)]), ["2026-05-01T00:00", "2026-08-31T00:00"], ["2026-04-30T00:00"]),
        (TimeInterval(years=[(2026, 2027)]), ["2026-01-01T00:00"], ["2028-01-01T00:00"]),
        (TimeInterval(NIGHT, weekdays=[(6, 6)]), ["2026-11-29T02:30"], ["2026-11-29T04:00", "2026-11-30T02:30"]),
    ],
)
def test_contains(interval, inside, outside):
    assert [text for text in inside if not interval.contains(moment(text))] == []
    assert [text for text in outside if interval.contains(moment(text))] == []


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        (time_intervals.minutes, "02:30", 150),
        (time_intervals.minutes, "24:00", 1440),
        (time_intervals.weekdays, "Saturday", (5, 5)),
        (time_intervals.weekdays, "monday:friday", (0, 4)),
        (time_intervals.days_of_month, "-3:-1", (-3, -1)),
        (time_intervals.days_of_month, "1:-1", (1, -1)),
        (time_intervals.months, "may:8", (5, 8)),
        (time_intervals.years, "2026", (2026, 2026)),
    ],
)
def test_reads(read, text, expected):
    assert read(text) == expected


@pytest.mark.parametrize(
    ("read", "text", "what"),
    [
        (time_intervals.minutes, "2", "is not a time of day"),
        (time_intervals.minutes, "24:01", "is not a time of day"),
        (time_intervals.weekdays, "mon", "is not a weekday"),
        (time_intervals.weekdays, "friday:monday", "ends before it begins"),
        (time_intervals.days_of_month, "0", "is not a day of the month"),
        (time_intervals.days_of_month, "32", "is not a day of the month"),
        (time_intervals.months, "13", "is not a month"),
        (time_intervals.months, "", "is not a month"),
        (time_intervals.years, "soon", "is not a year"),
    ],
)
def test_says_what_to_write(read, text, what):
    with pytest.raises(ValueError, match=what):
        read(text)
