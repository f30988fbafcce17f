"""The corpus through `replay`, beside grep and mtail."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmarks.bench import LOGWATCH, MTAIL_PROGRAMS, Bench, Verdict
from benchmarks.measure import command, side_by_side


def measure(bench: Bench) -> Iterable[Verdict]:
    """CPU time of the corpus less that of its head, with all shipped rules; and where no line is Docker's."""
    whole, head, foreign = bench.whole(), bench.head(), bench.foreign()
    mtail: list[str | Path] = ["mtail", "--one_shot", "--progs", MTAIL_PROGRAMS, "--logs", whole, "--logtostderr"]
    rounds = side_by_side(
        {
            "grep -c docker": command(["grep", "-c", "docker", whole]),
            "replay": command([LOGWATCH, "replay", "--format", "jsonl", whole]),
            "replay, head": command([LOGWATCH, "replay", "--format", "jsonl", head]),
            "grep, no docker": command(["grep", "-c", "docker", foreign], good=(1,)),
            "replay, no docker": command([LOGWATCH, "replay", "--format", "jsonl", foreign]),
            "mtail, 5 patterns": command(mtail),
        },
        bench.rounds,
    )
    rounds.report()
    yield Verdict(
        f"replay of {bench.lines:,} lines / grep -c docker",
        rounds.median(lambda took: (took["replay"] - took["replay, head"]) / took["grep -c docker"]),
        28,
        " ×",
    )
    yield Verdict(
        "mtail with 5 patterns / replay",
        rounds.median(lambda took: took["mtail, 5 patterns"] / (took["replay"] - took["replay, head"])),
        1.5,
        " ×",
        more=True,
    )
    yield Verdict(
        "replay where no line is Docker's / grep -c docker",
        rounds.median(lambda took: (took["replay, no docker"] - took["replay, head"]) / took["grep, no docker"]),
        8,
        " ×",
    )
