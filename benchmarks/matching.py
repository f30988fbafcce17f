"""Every line an event; and what a hundred times as many rules cost."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.bench import EVENT_LINES, LOGWATCH, Bench, Verdict
from benchmarks.measure import command, side_by_side

FEW, MANY = 10, 1_000


def measure_events(bench: Bench) -> Iterable[Verdict]:
    """How many events a second a log gives in which every line is one."""
    replay = [LOGWATCH, "replay", "--format", "jsonl", *bench.own_rules(FEW)]
    works = {"every line matches": [*replay, bench.matched()], "head": [*replay, bench.head()]}
    rounds = side_by_side({name: command(work) for name, work in works.items()}, bench.rounds)
    rounds.report()
    yield Verdict(
        "every line a matched docker line",
        rounds.median(lambda took: EVENT_LINES / (took["every line matches"] - took["head"])),
        50_000,
        " events/s",
        more=True,
    )


def measure_rules(bench: Bench) -> Iterable[Verdict]:
    """The corpus with few and with many rules, each less its start."""
    works = {
        f"{count} rules{part}": command([LOGWATCH, "replay", "--metrics", *bench.own_rules(count), log])
        for count in (FEW, MANY)
        for part, log in (("", bench.whole()), (", head", bench.head()))
    }
    rounds = side_by_side(works, bench.rounds)
    rounds.report()
    yield Verdict(
        f"{MANY:,} rules / {FEW} rules",
        rounds.median(
            lambda took: (
                (took[f"{MANY} rules"] - took[f"{MANY} rules, head"])
                / (took[f"{FEW} rules"] - took[f"{FEW} rules, head"])
            )
        ),
        1.3,
        " ×",
    )
