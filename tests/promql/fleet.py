"""The series that both evaluators are given: counters, gauges and a histogram over one hour.

Everything changes on the 15 s grid only, so that samples tell all there is to know.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence

NAN = math.nan
STEP_MS = 15_000
START_MS = 1_700_002_800_000
"""A full hour, so that ranges and subquery steps meet the grid."""
TICKS = 240

Changes = Mapping[int, float]
"""Tick to the value from then on; NaN ends the series."""

TARGET = {"job": "logwatch", "instance": "host:9"}


def counter(seed: int, *, born: int = 0, dies: int | None = None, resets: Sequence[int] = ()) -> Changes:
    chance = random.Random(seed)
    changes, value = {born: 0.0}, 0.0
    for tick in range(born + 1, TICKS if dies is None else dies):
        if tick in resets:
            value = float(chance.randrange(2))
            changes[tick] = value
        elif chance.random() < 0.2:
            value += chance.randrange(1, 5)
            changes[tick] = value
    if dies is not None:
        changes[dies] = NAN
    return changes


def gauge(seed: int, *, scale: float = 10.0) -> Changes:
    chance = random.Random(seed)
    return {
        tick: round(chance.uniform(-scale, scale), 3) for tick in range(TICKS) if tick == 0 or chance.random() < 0.3
    }


def histogram(seed: int) -> Iterable[tuple[str, Changes]]:
    chance = random.Random(seed)
    bounds = ["0.1", "0.5", "1", "5", "+Inf"]
    counts = dict.fromkeys(bounds, 0.0)
    changes: dict[str, dict[int, float]] = {bound: {0: 0.0} for bound in bounds}
    for tick in range(1, TICKS, 3):
        place = chance.randrange(len(bounds))
        for bound in bounds[place:]:
            counts[bound] += 1
            changes[bound][tick] = counts[bound]
    return changes.items()


def series() -> list[tuple[str, dict[str, str], Changes]]:
    events, state = "docker_container_events_total", "docker_container_state"
    made: list[tuple[str, dict[str, str], Changes]] = []
    for number, name in enumerate(["web", "db", "cache", "job-1", "été"]):
        for action in ("start", "die", "oom"):
            seed = number * 10 + len(action)
            made.append((events, {"name": name, "action": action}, counter(seed, resets=[77] if name == "db" else ())))
        for place, phase in enumerate(("running", "exited")):
            made.append(
                (
                    state,
                    {"name": name, "state": phase},
                    {0: float(place == 0), 40 + number: float(place == 1), 90: float(place == 0)},
                )
            )
        made.append(("docker_container_exit_code", {"name": name}, {5: 0.0, 60 + number: 137.0, 120: 1.0 + number % 2}))
        made.append(("temperature", {"name": name, "rack": "ab"[number % 2]}, gauge(number)))
    made.append((events, {"name": "late", "action": "die"}, counter(91, born=150)))
    made.append((events, {"name": "gone", "action": "die"}, counter(92, dies=100)))
    made.append((events, {"name": "back", "action": "die"}, {**counter(93, dies=100), 170: 2.0, 180: 5.0}))
    made.append((events, {"name": "brief", "action": "die"}, {158: 1.0, 161: NAN}))
    for name in ("web", "db"):
        made.extend(
            ("latency_seconds_bucket", {"name": name, "le": bound}, changes) for bound, changes in histogram(len(name))
        )
    made.append(("limit", {"rack": "a"}, {0: 3.0, 100: 5.5}))
    made.append(("limit", {"rack": "b"}, {0: 0.0, 130: -2.0}))
    made.append(("extreme", {"kind": "inf"}, {0: 1.0, 150: math.inf}))
    made.append(("extreme", {"kind": "minus"}, {0: -1.0, 155: -math.inf}))
    made.append(("extreme", {"kind": "big"}, {0: 1e300, 150: 1e20}))
    made.append(("extreme", {"kind": "zero"}, {0: 0.0, 152: -0.0, 158: 0.5}))
    made.append(("started_seconds", {"name": "web"}, {0: 1_583_020_800.0, 100: 1_709_210_096.5}))
    return made


def samples(changes: Changes) -> list[tuple[int, float]]:
    """What a scrape on the grid sees: a marker once where the series ends."""
    points, value = [], NAN
    for tick in range(TICKS):
        before, value = value, changes.get(tick, value)
        if value == value or before == before:
            points.append((START_MS + tick * STEP_MS, value))
    return points


class View:
    """The same series as change points (a SeriesView)."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[Mapping[str, str], Sequence[int], Sequence[float]]]] = {}
        for name, labels, changes in series():
            times = [(START_MS + tick * STEP_MS) * 1_000_000 for tick in sorted(changes)]
            self.rows.setdefault(name, []).append((labels, times, [changes[tick] for tick in sorted(changes)]))

    def names(self) -> Iterable[str]:
        return self.rows

    def select(self, name: str) -> Iterable[tuple[Mapping[str, str], Sequence[int], Sequence[float]]]:
        return self.rows.get(name, ())
