"""Samples of a test as change points."""

import math

import pytest

from logwatch.model import SECOND
from logwatch.promql.windows import Held, Stood
from logwatch.ruletests.input_series import Given, InputSeries, change_points, values

MINUTE = 60
END = MINUTE * 5 + 1e-9


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("1", [(0, "1 stood"), (60, "1 held"), (END, "end")]),
        ("1 1 2", [(0, "1 stood"), (120, "2"), (180, "2 held"), (120 + END, "end")]),
        ("_ 1", [(60, "1"), (120, "1 held"), (60 + END, "end")]),
        ("1 _ _ 1", [(0, "1 stood"), (60, "1 held"), (180, "1"), (240, "1 held"), (180 + END, "end")]),
        ("1 stale 2", [(0, "1 stood"), (60, "end"), (120, "2"), (180, "2 held"), (120 + END, "end")]),
        ("1 _x6 2", [(0, "1 stood"), (60, "1 held"), (END, "end"), (420, "2"), (480, "2 held"), (420 + END, "end")]),
        ("_ stale", []),
        ("", []),
    ],
)
def test_samples_become_change_points(text: str, points: list[tuple[float, str]]) -> None:
    times, found = change_points(values(text), 0, MINUTE * SECOND)

    assert [(time / SECOND, told(value)) for time, value in zip(times, found, strict=True)] == points


def told(value: float) -> str:
    if math.isnan(value):
        return "end"
    kind = {Held: " held", Stood: " stood"}.get(type(value), "")
    return f"{value:g}{kind}"


def test_a_sample_is_shown_for_five_minutes_also_where_samples_are_rarer() -> None:
    times, found = change_points([1.0, 2.0], 0, 600 * SECOND)

    assert [time / SECOND for time in times] == [0, END, 600, 600 + END]
    assert [told(value) for value in found] == ["1 stood", "end", "2", "end"]


def test_series_are_found_by_their_names() -> None:
    labels = {"__name__": "up", "job": "x"}
    given = Given([InputSeries(labels, [1.0]), InputSeries({"__name__": "empty"}, [])], 0, MINUTE * SECOND)

    assert list(given.names()) == ["up"]
    assert [own for own, _, _ in given.select("up")] == [{"job": "x"}]
    assert given.touched == {"up": 300 * SECOND + 1}
