from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.rulefiles.units import duration, duration_text, size, size_text


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
def test_what_is_written_is_read_again(number: int) -> None:
    assert size(size_text(number)) == number
    assert duration(duration_text(timedelta(milliseconds=number))) == timedelta(milliseconds=number)
