"""Lines that come late, in pieces, with pauses in which the wall clock goes on, make the events of a replay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from parity import unpack

from logwatch.log_clock import LineClock
from logwatch.metrics import Registry
from logwatch.model import SECOND, Chunk, Event
from logwatch.pipeline import Pipeline, Settings
from logwatch.rulefiles import load

NOW_NS = 1_800_000_000 * SECOND
"""Weeks after the recordings."""
LATENESS_NS = 2 * SECOND
PAUSE_NS = SECOND // 4


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Pipeline]:
    shipped, cache = load([]), Path(tmp_path_factory.mktemp("patterns"))
    return lambda: Pipeline(shipped.rules, shipped.correlations, Settings(), Registry(), cache)


def final(pipeline: Pipeline, seen: dict[int, Event]) -> None:
    seen.update((outcome.seq, outcome.event) for outcome in pipeline.take_outcomes())


def replayed(pipeline: Pipeline, log: bytes) -> list[tuple[object, ...]]:
    seen: dict[int, Event] = {}
    pipeline.process(Chunk(log, "messages", 0, NOW_NS), NOW_NS)
    pipeline.finish(NOW_NS)
    final(pipeline, seen)
    return sorted(map(plain, seen.values()))


def plain(event: Event) -> tuple[object, ...]:
    """An event without when and where it was read."""
    return event.time_ns, event.event, event.id or "", event.name or "", sorted(event.attributes.items())


@pytest.mark.parametrize(("recording", "lines"), [("info-traditional", 1), ("info-traditional", 40), ("debug-iso", 23)])
def test_what_is_delivered_late_makes_the_events_of_a_replay(
    pipeline: Callable[[], Pipeline], recording: str, lines: int
) -> None:
    log = unpack(recording, "messages")
    live, seen, now_ns, offset = pipeline(), dict[int, Event](), NOW_NS, 0
    live.follow(now_ns, LATENESS_NS)
    written = log.splitlines(keepends=True)
    for first in range(0, len(written), lines):
        piece = b"".join(written[first : first + lines])
        live.process(Chunk(piece, "messages", offset, now_ns, live=True), now_ns)
        offset, now_ns = offset + len(piece), now_ns + PAUSE_NS
        live.follow(now_ns, LATENESS_NS)
        final(live, seen)
    live.follow(now_ns + 3600 * SECOND, LATENESS_NS)
    live.finish(now_ns + 3600 * SECOND)
    final(live, seen)

    assert replayed(pipeline(), log) == sorted(map(plain, seen.values()))


def test_the_clock_of_what_waits_goes_on_with_the_wall_clock_from_the_last_line() -> None:
    clock = LineClock()
    clock.follow(NOW_NS, LATENESS_NS)
    assert clock.time_ns == NOW_NS - LATENESS_NS

    old_ns = NOW_NS - 86_400 * SECOND
    assert clock.process(old_ns)  # nothing was read before it: the wall clock alone had moved it
    clock.read(1, NOW_NS)
    clock.follow(NOW_NS + SECOND, LATENESS_NS)
    assert clock.time_ns == old_ns

    clock.follow(NOW_NS + 60 * SECOND, LATENESS_NS)
    assert clock.time_ns == old_ns + 58 * SECOND
    assert clock.process(old_ns + SECOND)
    assert clock.time_ns == old_ns + SECOND
    assert not clock.process(old_ns)
    assert clock.time_ns == old_ns + SECOND


def test_the_clock_goes_on_after_a_restart_as_if_it_had_not_been_stopped() -> None:
    clock, again = LineClock(), LineClock()
    clock.process(NOW_NS - 100 * SECOND)
    clock.read(1, NOW_NS)
    again.load(clock.dump())
    again.follow(NOW_NS + 30 * SECOND, LATENESS_NS)

    assert again.time_ns == NOW_NS - 72 * SECOND
