"""Change points seen as samples: the value now, the grid, ends and births."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.promql.change_points import grid, increase, lowest_run, runs, sampled, started_at, value_at

NAN = float("nan")
TIMES = [10, 20, 30, 40]
VALUES = [1.0, 3.0, NAN, 5.0]


@pytest.mark.parametrize(("time", "expected"), [(10, 1), (19, 1), (20, 3), (29, 3), (40, 5), (99, 5)])
def test_a_value_holds_until_the_next(time: int, expected: float) -> None:
    assert value_at(TIMES, VALUES, time) == expected


@pytest.mark.parametrize("time", [9, 30, 39])
def test_there_is_no_value_before_the_birth_and_after_the_end(time: int) -> None:
    assert value_at(TIMES, VALUES, time) != value_at(TIMES, VALUES, time)


@pytest.mark.parametrize(("time", "expected"), [(10, 10), (25, 10), (45, 40)])
def test_a_life_begins_with_the_first_change_after_an_end(time: int, expected: int) -> None:
    assert started_at(TIMES, VALUES, time) == expected


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 30, [0, 15, 30]), (1, 29, [15]), (16, 29, []), (-20, 0, [-15, 0]), (30, 30, [30])],
)
def test_the_grid_includes_both_ends(start: int, end: int, expected: list[int]) -> None:
    assert list(grid(start, end, 15)) == expected


def test_samples_are_taken_where_the_series_is() -> None:
    assert sampled(TIMES, VALUES, range(0, 60, 5)) == ([10, 15, 20, 25, 40, 45, 50, 55], [1, 1, 3, 3, 5, 5, 5, 5])


def test_a_life_between_two_ticks_leaves_no_sample_but_its_increase() -> None:
    assert sampled([16, 17], [1.0, NAN], range(0, 60, 15)) == ([], [])
    assert increase([16, 17], [1.0, NAN], 0, 60) == 1


@pytest.mark.parametrize(
    ("start", "end", "expected"), [(0, 50, 8), (10, 50, 7), (20, 50, 5), (25, 35, 0), (30, 35, None), (30, 45, 5)]
)
def test_increase_counts_from_the_start_to_the_end(start: int, end: int, expected: float | None) -> None:
    assert increase(TIMES, VALUES, start, end) == expected


@given(
    points=st.dictionaries(st.integers(0, 60), st.sampled_from([0.0, 1.0, 2.0, NAN]), min_size=1),
    ticks=st.builds(
        lambda first, count: range(5 * first, 5 * (first + count), 5), st.integers(0, 12), st.integers(1, 8)
    ),
)
def test_runs_have_the_values_of_the_samples_and_the_lowest_their_minimum(
    points: dict[int, float], ticks: range
) -> None:
    times = sorted(points)
    values = [points[time] for time in times]
    samples = sampled(times, values, ticks)[1]

    assert set(runs(times, values, ticks)) == set(samples)
    assert min(lowest_run(times, values, ticks), default=None) == min(samples, default=None)
