"""The two documented differences from Prometheus: `increase` and `rate` count what happened, exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pytest

from logwatch import promql

SECOND = 1_000_000_000
NAN = float("nan")
Points = Sequence[tuple[float, float]]
"""Seconds and values."""


class View:
    """One counter `deaths_total{name="web"}` with these change points."""

    def __init__(self, points: Points) -> None:
        self.points = points

    def names(self) -> Iterable[str]:
        return ["deaths_total"]

    def select(self, name: str) -> Iterable[tuple[Mapping[str, str], Sequence[int], Sequence[float]]]:
        if name == "deaths_total":
            yield {"name": "web"}, [int(time * SECOND) for time, _ in self.points], [value for _, value in self.points]


def result(expression: str, points: Points, at: float) -> float | None:
    found = promql.compile(expression).evaluate(View(points), int(at * SECOND), extra_labels={})
    assert isinstance(found, list)
    return found[0].value if found else None


INCREASES: list[tuple[str, Points, float, float | None]] = [
    ("born at 1 counts 1", [(1000, 1)], 1060, 1),
    ("born at 3 counts 3, though between two samples", [(1003, 3)], 1004, 3),
    ("born before the window counts nothing", [(100, 7)], 1060, 0),
    ("every step counts once", [(100, 1), (1001, 2), (1002, 3), (1003, 5)], 1060, 4),
    ("a step at the window's start happened before it", [(0, 0), (760, 2), (761, 3)], 1060, 1),
    ("a step at the window's end is in it", [(0, 0), (1060, 2)], 1060, 2),
    ("a step after the window is not", [(0, 0), (1060.001, 2)], 1060, 0),
    ("a decrease is a reset to 0", [(0, 10), (1000, 12), (1010, 1), (1020, 2)], 1060, 4),
    ("an end counts nothing", [(0, 10), (1000, 12), (1010, NAN)], 1060, 2),
    ("what comes back counts from 0", [(0, 10), (1000, NAN), (1010, 4)], 1060, 4),
    ("what comes back at 0 counts nothing", [(0, 10), (1000, NAN), (1010, 0)], 1060, 0),
    ("born and ended within the window", [(1000, 2), (1001, NAN)], 1060, 2),
    ("ended before the window is absent", [(0, 10), (700, NAN)], 1060, None),
    ("ended at the window's start is absent", [(0, 10), (760, NAN)], 1060, None),
    ("born after the window is absent", [(1061, 1)], 1060, None),
    ("born at the window's start has its count behind it", [(760, 5)], 1060, 0),
    ("a beginning that is no longer kept counts nothing", [(0, 41), (1000, 42)], 1060, 1),
]


@pytest.mark.parametrize(
    ("points", "at", "expected"), [row[1:] for row in INCREASES], ids=[row[0] for row in INCREASES]
)
def test_increase_counts_what_happened(points: Points, at: float, expected: float | None) -> None:
    assert result("increase(deaths_total[5m])", points, at) == expected


@pytest.mark.parametrize(
    ("points", "at", "expected"), [row[1:] for row in INCREASES], ids=[row[0] for row in INCREASES]
)
def test_rate_is_the_increase_per_second(points: Points, at: float, expected: float | None) -> None:
    assert result("rate(deaths_total[5m])", points, at) == (None if expected is None else expected / 300)


def test_one_event_is_enough_for_an_alert_where_prometheus_needs_a_second_sample() -> None:
    assert result("increase(deaths_total[5m]) > 0", [(1003, 1)], 1005) == 1


def test_an_offset_moves_the_window() -> None:
    points = [(0, 0), (500, 1), (800, 2)]

    assert result("increase(deaths_total[5m] offset 4m)", points, 1000) == 1
    assert result("increase(deaths_total[10m] offset 1m)", points, 1000) == 2


def test_over_a_subquery_there_are_only_samples_so_prometheus_formula_holds() -> None:
    points = [(0, 5), (500, 6), (590, 7)]

    assert result("increase(deaths_total[5m:1m])", points, 600) == 2
    assert result("increase(deaths_total[7m10s:1m])", points, 600) == pytest.approx(2 * 430 / 420)
    assert result("rate(deaths_total[1m:1m])", [(590, 2)], 600) is None
