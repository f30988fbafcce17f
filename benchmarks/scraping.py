"""A scrape of 50,000 series, and what it does to the reading beside it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.bench import Bench, Verdict
from benchmarks.measure import side_by_side
from benchmarks.sidecar import Sidecar

SERIES = 50_000
RULES = f"""\
events:
  - event: api.seen
    name: seen
    description: A line with a value of its own.
    match: ['msg="ignoring event" container=']
    examples:
      - line: 'Nov 23 18:12:57 vm dockerd[42]: time="2026-11-23T18:12:57Z" level=info msg="ignoring event" container=8dd3'
        event: {{}}
      - line: 'Nov 23 18:12:57 vm web[8]: msg="ignoring event" container=8dd3'
        event: null
    attributes: {{value: "{{container}}"}}
    metrics:
      - counter: seen_total
        help: Lines by value.
        labels: {{value: "{{value}}"}}
        max_series: {SERIES}
"""
LINE = '{stamp} node7 dockerd[1042]: time="{time}Z" level=info msg="ignoring event" container={value:064x}\n'


def measure(bench: Bench) -> Iterable[Verdict]:
    """Scrape when everything has changed, and again when only some series have."""
    rules, log = bench.folder / "series.yml", bench.folder / "series.log"
    rules.write_text(RULES)
    log.write_text("".join(_line(value) for value in range(SERIES)))
    with Sidecar(log, bench.folder / "series-state", "--no-shipped-rules", "--rules", rules) as sidecar:
        sidecar.wait_until_ready(pause=0.02)

        def after(changed: int) -> float:
            _grow(sidecar, log, changed)
            return _scrape(sidecar)

        works = {"all series changed": lambda: after(SERIES), "100 series changed": lambda: after(100)}
        rounds = side_by_side(works, bench.rounds)
    rounds.report()
    yield Verdict(
        f"scrape of {SERIES:,} series", rounds.median(lambda took: took["all series changed"] * 1000), 300, " ms"
    )


def _line(value: int) -> str:
    return LINE.format(stamp=time.strftime("%b %e %H:%M:%S"), time=time.strftime("%Y-%m-%dT%H:%M:%S"), value=value)


def _grow(sidecar: Sidecar, log: Path, changed: int) -> None:
    """Let so many series move, and wait until they have."""
    with log.open("a") as file:
        file.writelines(_line(value) for value in range(changed))
    read = f"{log}: open, 0 bytes to read of {log.stat().st_size}"
    while read.encode() not in sidecar.get("/-/ready")[1]:
        time.sleep(0.05)


def _scrape(sidecar: Sidecar) -> float:
    start = time.perf_counter()
    status, page = sidecar.get("/metrics")
    took = time.perf_counter() - start
    assert status == 200
    assert page.count(b"\nseen_total{") == SERIES
    return took
