"""A container's last hours as a strip."""

import pytest

from logwatch.model import SECOND, Event, Severity
from logwatch.web.timeline import Segment, timeline

T = 1_763_921_000 * SECOND


def event(action: str, second: float) -> Event:
    time_ns = T + int(second * SECOND)
    return Event(time_ns, f"container.{action}", "vm", "8d" * 32, "web", {}, Severity.INFO, "r/r", "/log", 0)


@pytest.mark.parametrize(
    ("events", "state", "expected"),
    [
        ([], "running", [(0, 1, "running")]),
        ([], "", [(0, 1, "removed")]),
        ([("die", 25)], "exited", [(0, 0.25, "running"), (0.25, 0.75, "exited")]),
        ([("start", 50)], "running", [(0, 0.5, "exited"), (0.5, 0.5, "running")]),
        (
            [("die", 25), ("start", 50)],
            "running",
            [(0, 0.25, "running"), (0.25, 0.25, "exited"), (0.5, 0.5, "running")],
        ),
        (
            [("start", 50), ("die", 25)],
            "running",
            [(0, 0.25, "running"), (0.25, 0.25, "exited"), (0.5, 0.5, "running")],
        ),
        (
            [("create", 50), ("start", 75)],
            "running",
            [(0, 0.5, "removed"), (0.5, 0.25, "created"), (0.75, 0.25, "running")],
        ),
        ([("destroy", 50)], "", [(0, 0.5, "exited"), (0.5, 0.5, "removed")]),
        ([("pause", 50)], "paused", [(0, 0.5, "running"), (0.5, 0.5, "paused")]),
        ([("die", -10), ("die", 100)], "exited", [(0, 1, "exited")]),
        ([("die", 50)], "unknown", [(0, 0.5, "running"), (0.5, 0.5, "unknown")]),
    ],
    ids=["quiet", "gone", "died", "started", "again", "unsorted", "born", "removed", "paused", "outside", "unknown"],
)
def test_states_follow_from_what_happened(events: list, state: str, expected: list) -> None:
    drawn = timeline([event(*each) for each in events], state, T, T + 100 * SECOND)

    assert drawn.segments == [Segment(*each) for each in expected]


def health(value: str, second: float) -> Event:
    return event("health_status", second)._replace(attributes={"health": value})


@pytest.mark.parametrize(
    ("events", "now", "expected"),
    [
        ([], "unhealthy", [(0, 1, "unhealthy")]),
        ([], "healthy", [(0, 1, "running")]),
        ([health("unhealthy", 50)], "unhealthy", [(0, 0.5, "running"), (0.5, 0.5, "unhealthy")]),
        (
            [health("unhealthy", 25), health("healthy", 50)],
            "healthy",
            [(0, 0.25, "running"), (0.25, 0.25, "unhealthy"), (0.5, 0.5, "running")],
        ),
        (
            [health("unhealthy", 25), event("die", 50), event("start", 75)],
            "starting",
            [(0, 0.25, "running"), (0.25, 0.25, "unhealthy"), (0.5, 0.25, "exited"), (0.75, 0.25, "running")],
        ),
        (
            [event("start", 25), health("unhealthy", 50)],
            "unhealthy",
            [(0, 0.25, "exited"), (0.25, 0.25, "running"), (0.5, 0.5, "unhealthy")],
        ),
    ],
    ids=["all the time", "never", "since", "for a while", "until it ended", "after a start"],
)
def test_bad_health_is_a_stretch_of_its_own(events: list[Event], now: str, expected: list) -> None:
    drawn = timeline(events, "running", T, T + 100 * SECOND, health=now)

    assert drawn.segments == [Segment(*each) for each in expected]


def test_what_went_wrong_is_marked() -> None:
    drawn = timeline(
        [event("oom", 20), event("exec_start", 30), event("stop_timeout", 80)], "running", T, T + 100 * SECOND
    )

    assert [(mark.at, mark.event.event) for mark in drawn.marks] == [
        (0.2, "container.oom"),
        (0.8, "container.stop_timeout"),
    ]
