"""What must not grow: the cost of an event with the containers that exist, and memory with those gone by."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.bench import LOGWATCH, Bench, Verdict
from benchmarks.corpus import SEED, dockerd_line
from benchmarks.measure import command, side_by_side
from benchmarks.sidecar import Sidecar
from logwatch.build import Builder, settle_heap
from logwatch.config import load
from logwatch.metrics import Registry
from logwatch.model import SECOND, Chunk
from logwatch.store import Store

LINES = 100_000
FEW, MANY = 100, 5_000
TURNS = 400
KNOWN = 1_000
SETTLED = 5.0
"""Seconds after which what a start has taken is given back."""


def measure(bench: Bench) -> Iterable[Verdict]:
    """Replay as many events of few and of many containers; look at the memory of `run` with many known and many gone."""
    few, many = bench.lives(LINES, FEW), bench.lives(LINES, MANY)
    rounds = side_by_side(
        {
            "100 containers": command([LOGWATCH, "replay", "--format", "jsonl", few]),
            "5,000 containers": command([LOGWATCH, "replay", "--format", "jsonl", many]),
        },
        bench.rounds,
    )
    rounds.report()
    yield Verdict(
        "an event with 5,000 containers / with 100",
        rounds.median(lambda took: took["5,000 containers"] / took["100 containers"]),
        1.1,
        " ×",
    )
    yield Verdict("resident memory with 1,000 containers", _resident(bench, bench.lives(30_000, KNOWN)), 100, " MB")
    yield Verdict(
        "longest turn with 1,000 containers, CPU", _longest_turn(bench, bench.lives(30_000, KNOWN)) * 1000, 20, " ms"
    )
    gone = 50_000 if bench.quick else 1_000_000
    yield Verdict(
        f"resident memory, {gone:,} containers gone by, never named",
        _resident(bench, _passing(bench, gone)),
        120,
        " MB",
    )


def _resident(bench: Bench, log: Path) -> float | None:
    """MB of a `run` that has read this log."""
    with Sidecar(log, bench.folder / f"{log.name}-state") as sidecar:
        try:
            sidecar.wait_until_ready(pause=0.5)
        except RuntimeError as error:
            print(f"  {log.name}: {error}")
            return None
        time.sleep(SETTLED)
        return sidecar.resident_bytes() / 1e6


def _longest_turn(bench: Bench, log: Path) -> float:
    """CPU seconds of the longest of many turns that follow live: one line each, the clock, the commit."""
    config = load(None, {}, {}).config
    registry = Registry()
    builder = Builder(config, registry, bench.cache)
    pipeline = builder.pipeline(builder.rules())
    store = Store(bench.folder / "turns", datetime.now(UTC))
    data = log.read_bytes()
    now_ns = time.time_ns()
    pipeline.process(Chunk(data, "messages", 0, now_ns), now_ns)
    store.commit(pipeline.take_transaction(pipeline.take_outcomes()), now_ns)
    settle_heap()
    last = data[data.rfind(b"\n", 0, -1) + 1 :]
    longest, offset, clock_ns = 0.0, len(data), pipeline.clock_ns
    for turn in range(TURNS):
        began = time.thread_time()
        pipeline.process(Chunk(last, "messages", offset, now_ns, live=True), now_ns)
        pipeline.advance(clock_ns + turn * SECOND // 4)
        store.commit(pipeline.take_transaction(pipeline.take_outcomes()), now_ns)
        longest = max(longest, time.thread_time() - began)
        offset += len(last)
    store.close()
    return longest


def _passing(bench: Bench, containers: int) -> Path:
    """Containers that each end once, and are never heard of again."""
    path = bench.cache / f"passing-{containers}"
    if path.exists():
        return path
    rng = random.Random(SEED)
    with path.open("w", encoding="utf-8") as file:
        for number in range(containers):
            text = (
                f'"ignoring event" container={rng.getrandbits(256):064x} module=libcontainerd namespace=moby'
                ' topic=/tasks/delete type="*events.TaskDelete"'
            )
            file.write(dockerd_line(timedelta(seconds=number * 0.5), text))
    return path
