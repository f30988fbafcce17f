"""promtool's notation of series."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.ruletests.input_series import MOST_SAMPLES, NoSample, metric, values


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("1 2.5 -3", [1, 2.5, -3]),
        ("1x2", [1, 1, 1]),
        ("1+2x3", [1, 3, 5, 7]),
        ("10-3x2", [10, 7, 4]),
        ("-2x1", [-2, -2]),
        ("_ _x2 stale", [NoSample.OMITTED, NoSample.OMITTED, NoSample.OMITTED, NoSample.STALE]),
        ("010 0x2", [8, 0, 0, 0]),
        ("1x0 _x0", [1]),
        ("", []),
    ],
)
def test_values_are_expanded(text: str, steps: list[float | NoSample]) -> None:
    assert values(text) == steps


@pytest.mark.parametrize("text", ["1x9999999", "_x9999999", "0+1x500000 2x900000 stale"])
def test_only_so_many_samples_are_made(text: str) -> None:
    assert len(values(text)) == MOST_SAMPLES


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1+2", "how many samples"),
        ("1x", "how many samples"),
        ("sale", "did you mean 'stale'"),
        ("1,2", "not a sample"),
        ("NaN", "NaN ends a series"),
        ("1x2.5", "not a sample"),
    ],
)
def test_what_is_wrong_with_values_is_said(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        values(text)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("up", {"__name__": "up"}),
        ("a:b{}", {"__name__": "a:b"}),
        ("up{job=\"x\", instance = 'y' ,}", {"__name__": "up", "job": "x", "instance": "y"}),
        (r'{a="\"\\\n\u00e9", b=`\n`, c=""}', {"a": '"\\\né', "b": "\\n"}),
    ],
)
def test_a_series_is_taken_apart(text: str, labels: dict[str, str]) -> None:
    assert metric(text) == labels


@pytest.mark.parametrize("text", ["", "1x", "up{", "up{job=x}", 'up{job="x" a="y"}', 'up{job=~"x"}', 'up{a="1",a="2"}'])
def test_what_is_no_series_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        metric(text)


@given(st.text())
def test_no_text_breaks_the_readers(text: str) -> None:
    for read in (metric, values):
        with suppress(ValueError):
            read(text)
