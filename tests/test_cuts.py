"""Events do not depend on where the log was cut into chunks, also where a line decides what the lines after it are."""

from __future__ import annotations

import pytest

from logwatch.metrics import Registry
from logwatch.model import SECOND, Chunk, Event
from logwatch.pipeline import Pipeline, Settings
from logwatch.rulefiles import load

NOW_NS = 1_795_500_000 * SECOND
"""Some hours after the lines."""
ID = "5f0d7c1a9b3e4d28860f1c5ab7e92d34c6a8f0e1b2d3948576a0c1e2f3d4b596"


def line(clock: str, tag: str, message: str, level: str = "info") -> str:
    return f'Nov 23 {clock} vm {tag}: time="2026-11-23T{clock}.120771023Z" level={level} {message}\n'


START = f'msg="starting signal loop" namespace=moby path=/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/{ID} pid=14717'
GONE = f'msg="shim disconnected" id={ID} namespace=moby'
LOG = {
    "a tag that is the engine's until it has one of its own": [
        line("18:12:50", "docker[7]", START),
        line("18:12:51", "docker[7]", 'msg="Could not open the pipe"', "error"),
        line("18:12:52", "dockerd[42]", 'msg="Could not open the socket"', "error"),
        line("18:12:53", "docker[7]", 'msg="Could not open the file"', "error"),
        line("18:12:54", "sh[9]", 'msg="Could not open the door"', "error"),
        line("18:12:55", "dockerd[42]", GONE),
    ],
    "a line that came again": [
        line("18:12:50", "dockerd[42]", 'msg="Could not open the socket"', "error"),
        "Nov 23 18:12:51 vm last message repeated 3 times\n",
        line("18:12:52", "dockerd[42]", START),
        "Nov 23 18:12:53 vm last message repeated 2 times\n",
        line("18:12:54", "dockerd[42]", GONE),
    ],
    "a line from a wrong clock, and a step that a second line confirms": [
        line("18:12:50", "dockerd[42]", START),
        line("21:12:50", "dockerd[42]", 'msg="Could not open the socket"', "error"),
        line("18:12:51", "dockerd[42]", 'msg="Could not open the pipe"', "error"),
        line("18:12:52", "dockerd[42]", 'msg="Could not open the file"', "error"),
        line("19:40:00", "dockerd[42]", GONE),
        line("19:40:01", "dockerd[42]", 'msg="Could not open the door"', "error"),
        line("19:40:02", "dockerd[42]", START),
    ],
}


def events_of(lines: list[str], at_once: int) -> tuple[list[Event], dict[tuple[str, ...], float]]:
    """The events of a log that is read so many lines at once, and the counts of lines."""
    rules, series = load(()), Registry()
    pipeline, offset = Pipeline(rules.rules, rules.correlations, Settings(), series), 0
    for first in range(0, len(lines), at_once):
        data = "".join(lines[first : first + at_once]).encode()
        pipeline.process(Chunk(data, "log", offset, NOW_NS), NOW_NS)
        offset += len(data)
    pipeline.finish()
    events = {outcome.seq: outcome.event for outcome in pipeline.take_outcomes()}
    counts = {
        (name, *labels): value for name, labels, value, _ in series.everything() if name.startswith("logwatch_unma")
    }
    return [events[seq] for seq in sorted(events)], counts


@pytest.mark.parametrize("lines", LOG.values(), ids=LOG)
def test_the_same_lines_make_the_same_events_however_they_are_cut(lines: list[str]) -> None:
    expected = events_of(lines, at_once=1)

    assert len(expected[0]) >= 3
    assert [expected] * 3 == [events_of(lines, at_once=count) for count in (2, 3, len(lines))]


def test_events_come_in_the_order_of_their_times_however_many_lines_move_the_clock() -> None:
    other = ID[::-1]
    lines = [
        line("18:12:10", "dockerd[42]", f'msg="Container {ID} failed to exit within 1 seconds of signal 15 - using the force"'),
        line("18:12:40", "dockerd[42]", f'msg="shim disconnected" id={other}'),
        line("18:12:50", "dockerd[42]", f'msg="shim disconnected" id={ID[2:]}aa'),
    ]  # fmt: skip
    more = [*lines[:2], line("18:12:41", "dockerd[42]", 'msg="Could not open the socket"', "error"), lines[2]]

    few, many = (events_of(each, 1)[0] for each in (lines, more))

    order = ["container.kill", "container.stop_timeout", "container.stop_incomplete", "container.die", "container.die"]
    assert order == [event.event for event in few]
    assert order == [event.event for event in many if event.event != "daemon.error"]


@pytest.mark.parametrize(("seconds", "ended"), [("39", True), ("40", False)])
def test_a_death_that_is_still_pending_at_the_end_of_a_timeout_is_not_missing(seconds: str, ended: bool) -> None:
    lines = [
        line("18:05:00", "dockerd[42]", f'msg="shim disconnected" id={ID}'),
        line("18:12:10", "dockerd[42]", f'msg="Container {ID} failed to exit within 1 seconds of signal 15 - using the force"'),
        line(f"18:12:{seconds}", "dockerd[42]", f'msg="shim disconnected" id={ID}').replace(".12077", ".92077"),
        line("18:12:41", "dockerd[42]", 'msg="Could not open the socket"', "error"),
        line("18:13:50", "dockerd[42]", f'msg="shim disconnected" id={ID[::-1]}'),
    ]  # fmt: skip
    for at_once in (1, len(lines)):
        events = [event.event for event in events_of(lines, at_once)[0] if event.event.startswith("container.")]
        assert events.count("container.die") == 3
        assert ("container.stop_incomplete" in events) is not ended
