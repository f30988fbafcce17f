"""The corpus through `replay` and `run`, beside grep and mtail."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.bench import LOGWATCH, MTAIL_PROGRAMS, Bench, Verdict
from benchmarks.measure import Work, command, side_by_side
from benchmarks.sidecar import Sidecar


def measure(bench: Bench) -> Iterable[Verdict]:
    """Wall of the corpus less that of its head, with all shipped rules."""
    whole, head = bench.whole(), bench.head()
    mtail: list[str | Path] = ["mtail", "--one_shot", "--progs", MTAIL_PROGRAMS, "--logs", whole, "--logtostderr"]
    rounds = side_by_side(
        {
            "grep -c docker": command(["grep", "-c", "docker", whole]),
            "replay": command([LOGWATCH, "replay", "--metrics", whole]),
            "replay, head": command([LOGWATCH, "replay", "--metrics", head]),
            "run": _followed(bench, whole),
            "run, head": _followed(bench, head),
            "mtail, 5 patterns": command(mtail),
        },
        bench.rounds,
    )
    rounds.report()
    yield Verdict(
        f"replay of {bench.lines:,} lines / grep -c docker",
        rounds.median(lambda took: (took["replay"] - took["replay, head"]) / took["grep -c docker"]),
        5,
        " ×",
    )
    yield Verdict(
        "mtail with 5 patterns / replay",
        rounds.median(lambda took: took["mtail, 5 patterns"] / (took["replay"] - took["replay, head"])),
        10,
        " ×",
        more=True,
    )
    yield Verdict(
        "run into a fresh state directory / replay",
        rounds.median(lambda took: (took["run"] - took["run, head"]) / (took["replay"] - took["replay, head"])),
        2,
        " ×",
    )


def _followed(bench: Bench, log: Path) -> Work:
    """Follow a log from its beginning until all of it is committed."""

    def work() -> float:
        state = bench.folder / "state"
        shutil.rmtree(state, ignore_errors=True)
        start = time.perf_counter()
        with Sidecar(log, state) as sidecar:
            sidecar.wait_until_ready(pause=0.02)
            return time.perf_counter() - start

    return work
