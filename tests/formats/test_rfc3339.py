"""Stamps with date, time and offset."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.formats.rfc3339 import Rfc3339

OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1971, 1, 2), datetime(2260, 12, 30), timezones=OFFSETS)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def nanoseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


@given(st.lists(MOMENTS, max_size=5), st.integers(0, 999))
def test_reads_what_python_writes(moments: list[datetime], nano: int) -> None:
    stamps = Rfc3339()
    for moment in moments:
        iso = moment.isoformat(timespec="microseconds")
        with_nano = f"{iso[:26]}{nano:03}{iso[26:]}".encode()

        assert stamps.read(iso.encode()) == nanoseconds(moment)
        assert stamps.read(with_nano) == nanoseconds(moment) + nano
        assert stamps.read(with_nano.replace(b"+00:00", b"Z")) == nanoseconds(moment) + nano
        assert stamps.read(moment.isoformat(timespec="seconds").encode()) == nanoseconds(moment.replace(microsecond=0))


@pytest.mark.parametrize("before", [b"", b"2026-11-23T20:20:40.379393898Z"])
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"Z",
        b"2026-11-23T20:20:40",
        b"2026-11-23T20:20:61Z",
        b"2026-11-23T20:20:4 .379393898Z",
        b"2026-11-23T20:20:40.37_393898Z",
        b"2026-11-23T20:60:40Z",
        b"2026-11-23T24:20:40Z",
        b"2026-02-29T20:20:40Z",
        b"2026-11-23T20:20:40.+1:00Z",
        b"1969-12-31T20:20:40Z",
        b"9999-12-31T20:20:40Z",
        b"2026-11-23T20:20:40+25",
        b"2026-11-23T20:20:40.",
    ],
)
def test_anything_else_is_none(text: bytes, before: bytes) -> None:
    stamps = Rfc3339()
    stamps.read(before)

    assert stamps.read(text) is None


def test_a_fraction_is_cut_at_nanoseconds_and_a_leap_second_is_the_next() -> None:
    stamps = Rfc3339()

    assert stamps.read(b"1971-01-01T00:00:00.12345678999Z") == 31536000 * 10**9 + 123456789
    assert stamps.read(b"1971-01-01T00:00:60Z") == stamps.read(b"1971-01-01T00:01:00Z")


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_never_raises(texts: list[bytes]) -> None:
    stamps = Rfc3339()

    assert all(number is None or isinstance(number, int) for number in map(stamps.read, texts))
