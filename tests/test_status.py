"""What other threads see of the loop: its health, by a clock that nobody sets."""

from pathlib import Path

import pytest

from logwatch.model import SECOND
from logwatch.rulefiles import load
from logwatch.status import Requests, StatusSnapshot

DAY_S = 86_400


@pytest.mark.parametrize(
    ("wall_s", "passed_s", "ok"),
    [(1, 1, True), (DAY_S, 1, True), (-DAY_S, 1, True), (60, 60, False), (-DAY_S, 60, False)],
    ids=["a second later", "set forward", "set back", "a minute without a heartbeat", "the same, and set back"],
)
def test_health_is_measured_by_the_monotonic_clock(wall_s: int, passed_s: int, ok: bool, tmp_path: Path) -> None:
    clocks = {"wall": 1_800_000_000 * SECOND, "monotonic": 1_000 * SECOND}
    page = StatusSnapshot(
        tmp_path,
        load([]),
        (),
        Requests(lambda: None),
        (),
        lambda: clocks["wall"],
        monotonic=lambda: clocks["monotonic"],
    )
    page.heartbeat(clocks["wall"])
    clocks["wall"] += wall_s * SECOND
    clocks["monotonic"] += passed_s * SECOND

    assert page.health().ok is ok
    assert ("stalled for 60 s" in page.health().detail) is not ok
