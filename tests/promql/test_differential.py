"""The evaluator against a real Prometheus: same series, same expressions, same results."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator

import expressions
import fleet
import pytest
from prometheus_server import Prometheus, running

from logwatch import promql

pytestmark = pytest.mark.e2e

ON_GRID = fleet.START_MS + 160 * fleet.STEP_MS
TIMES = (ON_GRID, ON_GRID + 7_000, fleet.START_MS + 239 * fleet.STEP_MS)

Result = dict[frozenset[tuple[str, str]], float] | float | str


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    if shutil.which("prometheus") is None:
        assert os.environ.get("CI") != "true", "prometheus is not installed, and CI must compare with it"
        pytest.skip("prometheus is not installed (Debian: apt install prometheus)")
    with running(tmp_path_factory.mktemp("prometheus")) as server:
        for first in range(
            0, fleet.TICKS, 60
        ):  # in slices of time: a younger sample closes the door to much older ones
            bounds = [fleet.START_MS + tick * fleet.STEP_MS for tick in (first, first + 60)]
            server.write(
                (
                    {**labels, **fleet.TARGET, "__name__": name},
                    [point for point in fleet.samples(changes) if bounds[0] <= point[0] < bounds[1]],
                )
                for name, labels, changes in fleet.series()
            )
        yield server


def theirs(server: Prometheus, expression: str, time_ms: int) -> Result:
    data = server.query(expression, time_ms)
    match data:
        case {"resultType": "vector", "result": list(found)}:
            return {frozenset(row["metric"].items()): float(row["value"][1]) for row in found}
        case {"resultType": "scalar", "result": [_, value]}:
            return float(str(value))
    return "error"


def ours(expression: str, time_ms: int) -> Result:
    try:
        found = promql.compile(expression).evaluate(fleet.View(), time_ms * 1_000_000, extra_labels=fleet.TARGET)
    except promql.PromqlError:
        return "error"
    return found if isinstance(found, float) else {frozenset(labels.items()): value for labels, value in found}


def same(left: Result, right: Result) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(near(left[labels], right[labels]) for labels in left)
    return near(left, right) if isinstance(left, float) and isinstance(right, float) else left == right


def near(left: float, right: float) -> bool:
    """Equal, but for the last digits: Go and C round sums and powers differently."""
    return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9) or (left != left and right != right)


@pytest.mark.parametrize("time_ms", TIMES, ids=["on the grid", "between two samples", "at the end"])
@pytest.mark.parametrize("written", [expressions.by_hand(), expressions.tabled()], ids=["by hand", "tabled"])
def test_written_expressions_give_what_prometheus_gives(
    prometheus: Prometheus, written: list[str], time_ms: int
) -> None:
    compared = [
        expression
        for expression in written
        if time_ms % fleet.STEP_MS == 0 or not expressions.counts_exactly(expression)
    ]

    assert differences(prometheus, compared, time_ms) == []


@pytest.mark.parametrize("seed", range(4))
def test_generated_expressions_give_what_prometheus_gives(prometheus: Prometheus, seed: int) -> None:
    compared = list(expressions.generated(200, seed))

    assert differences(prometheus, compared, TIMES[seed % 2]) == []


def differences(server: Prometheus, compared: list[str], time_ms: int) -> list[tuple[str, Result, Result]]:
    results = [(expression, ours(expression, time_ms), theirs(server, expression, time_ms)) for expression in compared]
    return [result for result in results if not same(result[1], result[2])]
