"""Samples of a test as change points."""

import math

import pytest

from logwatch.model import SECOND
from logwatch.ruletests.input_series import Given, InputSeries, change_points, values

MINUTE = 60


@pytest.mark.parametrize(
    ("text", "shown", "sampled"),
    [
        ("1", "0:1 end", "0:1 60:-"),
        ("1 1 2", "0:1 120:2 end", "0:1 120:2 180:-"),
        ("_ 1", "60:1 end", "60:1 120:-"),
        ("1 _ _ 1", "0:1 end", "0:1 60:- 180:1 240:-"),
        ("1 stale 2", "0:1 60:- 120:2 end", "0:1 60:- 120:2 180:-"),
        ("1 _x6 2", "0:1 end 420:2 end", "0:1 60:- 420:2 480:-"),
        ("_ stale", "", ""),
        ("", "", ""),
    ],
)
def test_samples_become_change_points(text: str, shown: str, sampled: str) -> None:
    found, in_ranges = change_points(values(text), 0, MINUTE * SECOND)

    assert written(found) == shown
    assert written(in_ranges) == sampled


def written(points: tuple[list[int], list[float]]) -> str:
    """Points as `second:value`, an end as `-`; `end` is one five minutes after the last sample, which nothing follows."""
    words = []
    for time, value in zip(*points, strict=True):
        late = math.isnan(value) and time % SECOND == 1
        words.append("end" if late else f"{time // SECOND}:{'-' if math.isnan(value) else f'{value:g}'}")
    return " ".join(words)


def test_a_sample_is_shown_for_five_minutes_and_not_longer() -> None:
    (times, _), _ = change_points(values("1 _x6 2"), 0, MINUTE * SECOND)

    assert times == [0, 300 * SECOND + 1, 420 * SECOND, 720 * SECOND + 1]


def test_a_sample_is_shown_for_five_minutes_also_where_samples_are_rarer() -> None:
    (times, found), _ = change_points([1.0, 2.0], 0, 600 * SECOND)

    assert times == [0, 300 * SECOND + 1, 600 * SECOND, 900 * SECOND + 1]
    assert [str(value) for value in found] == ["1.0", "nan", "2.0", "nan"]


def test_a_series_that_has_a_sample_at_the_start_was_there_before() -> None:
    (times, _), (sampled, _) = change_points([3.0, 3.0, 4.0], 1000 * SECOND, MINUTE * SECOND)

    assert (times[0], sampled[0]) == (0, 0)


def test_series_are_found_by_their_names() -> None:
    labels = {"__name__": "up", "job": "x"}
    given = Given([InputSeries(labels, [1.0]), InputSeries({"__name__": "empty"}, [])], 0, MINUTE * SECOND)

    assert list(given.names()) == ["up"]
    assert [own for own, _, _ in given.select("up")] == [{"job": "x"}]
