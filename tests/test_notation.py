"""Times, durations, sizes, numbers, events and quoted text, compared with what Prometheus and Go's strconv write."""

import json
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.model import Event, Severity
from logwatch.notation import (
    duration,
    duration_text,
    event_json,
    event_line,
    float_text,
    nanoseconds,
    quoted,
    rfc3339,
    size,
    size_text,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("1h30m", 5400),
        ("7d", 604_800),
        ("250ms", 0.25),
        ("1y", 31_536_000),
        ("2w", 1_209_600),
        ("0", 0),
        ("0s", 0),
    ],
)
def test_durations_are_prometheus(text: str, seconds: float) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "30", "30 s", "1.5h", "m", "-5s", "5s1h", "1m1m", "٣s", "100y1y"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|longer"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("1B", 1), ("64KiB", 65_536), ("64KB", 65_536), ("512MB", 536_870_912), ("2TiB", 2 << 40)]
)
def test_sizes_are_powers_of_1024(text: str, expected: int) -> None:
    assert size(text) == expected


@pytest.mark.parametrize("text", ["", "64", "1.5GB", "1 GB", "GB", "-1B", "1gb", "9999999999999999B"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"size|disk"):
        size(text)


@given(st.integers(min_value=0, max_value=10**12))
def test_durations_and_sizes_are_read_as_they_are_written(number: int) -> None:
    assert size(size_text(number)) == number
    assert duration(duration_text(timedelta(milliseconds=number))) == timedelta(milliseconds=number)


@pytest.mark.parametrize(
    ("digits", "expected"),
    [(9, "2026-11-23T18:12:57.023456789Z"), (3, "2026-11-23T18:12:57.023Z"), (0, "2026-11-23T18:12:57Z")],
)
def test_times_are_cut_not_rounded(digits: int, expected: str) -> None:
    assert rfc3339(1_795_457_577_023_456_789, digits) == expected


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)))  # the zone is added below
def test_times_are_read_as_they_are_written(moment: datetime) -> None:
    length = moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)

    assert datetime.fromisoformat(rfc3339(nanoseconds(length), 6)) == moment.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        (0.0, "f", "0"),
        (-0.0, "f", "-0"),
        (3.0, "f", "3"),
        (0.1, "f", "0.1"),
        (1e21, "f", "1000000000000000000000"),
        (1e-7, "f", "0.0000001"),
        (3.0, "e", "3e+00"),
        (1234.5, "e", "1.2345e+03"),
        (0.0, "g", "0"),
        (999999.0, "g", "999999"),
        (1e6, "g", "1e+06"),
        (0.0001, "g", "0.0001"),
        (0.00001, "g", "1e-05"),
        (float("inf"), "f", "+Inf"),
        (float("-inf"), "e", "-Inf"),
        (float("nan"), "g", "NaN"),
    ],
)
def test_floats_have_the_fewest_digits(value: float, form: Literal["f", "e", "g"], expected: str) -> None:
    assert float_text(value, form) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", '""'),
        ("plain text", '"plain text"'),
        ('say "hello"', r'"say \"hello\""'),
        ("C:\\temp", r'"C:\\temp"'),
        ("\a\b\f\n\r\t\v", r'"\a\b\f\n\r\t\v"'),
        ("\x00\x1b\x7f", r'"\x00\x1b\x7f"'),
        ("übermäßig 容器", '"übermäßig 容器"'),
        ("zero\u200bwidth", r'"zero\u200bwidth"'),
        ("no\u00a0break", r'"no\u00a0break"'),
        ("tag\U000e0041", r'"tag\U000e0041"'),
        ("half\udcff", r'"half\ufffd"'),
    ],
)
def test_what_go_writes(text: str, expected: str) -> None:
    assert quoted(text) == expected


@given(
    text=st.text(),
    absent=st.none() | st.text(),
    attributes=st.dictionaries(st.text(), st.text(), max_size=3),
    line=st.none() | st.integers(min_value=0),
    time_ns=st.integers(min_value=0, max_value=1 << 62),
)
def test_an_event_on_a_line_is_its_json(
    text: str, absent: str | None, attributes: dict[str, str], line: int | None, time_ns: int
) -> None:
    event = Event(time_ns, text, "vm", absent, absent, attributes, Severity.ERROR, text, text, 7, line)

    assert event_line(event) == json.dumps(event_json(event), ensure_ascii=False, separators=(",", ":"))
