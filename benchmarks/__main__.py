"""Measure every budget in one run, and print each figure beside its budget.

    python -m benchmarks [--quick] [--lines N] [--rounds N] [--cache FOLDER] [NAME…]

Ratios are measured side by side, in rounds, and the median counts: in CPU time of whole processes where commands
are compared. So the verdict is the same on a fast machine and on a slow one; seconds and milliseconds mean
something on an idle machine only. The corpus (see corpus.py) is made once and kept.

A measurement is a module with a function that takes a `Bench` and yields a `Verdict` for every
budget: add it to the table.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks import (
    alerting,
    catching_up,
    following,
    growing,
    living,
    matching,
    replaying,
    results,
    scraping,
    starting,
)
from benchmarks.bench import Bench, Measurement, Verdict

MEASUREMENTS: Mapping[str, Measurement] = {
    "replay": replaying.measure,
    "catching-up": catching_up.measure,
    "growth": growing.measure,
    "events": matching.measure_events,
    "rules": matching.measure_rules,
    "start": starting.measure,
    "scrape": scraping.measure,
    "live": living.measure,
    "burst": following.measure,
    "alerts": alerting.measure,
}


def main() -> None:
    arguments = _arguments()
    verdicts: list[Verdict] = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(
            cache=arguments.cache,
            folder=Path(folder),
            lines=arguments.lines or (500_000 if arguments.quick else 2_000_000),
            rounds=arguments.rounds or (2 if arguments.quick else 5),
            quick=arguments.quick,
        )
        for name in arguments.names or MEASUREMENTS:
            print(f"{name}:", flush=True)
            verdicts += MEASUREMENTS[name](bench)
    if not arguments.quick and not arguments.names:
        results.write(arguments.results, verdicts, bench)
    print(f"\nload of the machine meanwhile, ours included: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for verdict in verdicts:
        print(verdict)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(MEASUREMENTS)}")
    parser.add_argument("--quick", action="store_true", help="a short run: a quarter of the corpus, two rounds")
    parser.add_argument("--lines", type=int, help="of the corpus")
    parser.add_argument("--rounds", type=int)
    parser.add_argument(
        "--cache", type=Path, default=Path(__file__).with_name("corpus"), help="where the corpus is kept"
    )
    parser.add_argument(
        "--results",
        type=Path,
        default=Path(__file__).with_name("RESULTS.md"),
        help="where a full run, of all measurements, writes its figures",
    )
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in MEASUREMENTS:
            parser.error(f"nothing is called '{name}': there are {', '.join(MEASUREMENTS)}")
    return arguments


if __name__ == "__main__":
    main()
