"""Following live: from a line written to its event in /metrics; and what waiting costs."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.bench import Bench, Verdict
from benchmarks.measure import percentile
from benchmarks.sidecar import Sidecar

KNOWN = 1_000
"""Containers that are known before."""
LINE = (
    "{stamp} node7 dockerd[1042]: "
    'time="{time}" level=error msg="Handler for GET /v1.41/containers/x/json returned error: No such container: x"\n'
)
SHOWN = b'docker_events_total{type="api",action="error"} '
"""An event that nothing can revoke, so that it is not held."""


def measure(bench: Bench) -> Iterable[Verdict]:
    """Write lines one by one and look for each; then leave logwatch alone."""
    log = bench.folder / "live"
    log.write_bytes(bench.lives(30_000, KNOWN).read_bytes())
    with Sidecar(log, bench.folder / "live-state") as sidecar:
        sidecar.wait_until_ready(pause=0.02)
        took = _latencies(sidecar, log, 50 if bench.quick else 300)
        print(f"  written to visible: {len(took)} lines, half of them within {percentile(took, 0.5) * 1000:.1f} ms")
        yield Verdict(
            "line written → visible in /metrics, p99, 1,000 containers", percentile(took, 0.99) * 1000, 50, " ms"
        )
    with Sidecar(bench.head(), bench.folder / "idle-state") as sidecar:
        sidecar.wait_until_ready(pause=0.1)
        share = _idle(sidecar, 5.0 if bench.quick else 30.0)
        yield Verdict("idle, of one core", share * 100, 0.3, " %")
        yield Verdict("idle, resident memory", sidecar.resident_bytes() / 1e6, 75, " MB")


def _latencies(sidecar: Sidecar, log: Path, count: int) -> list[float]:
    took = []
    with log.open("a") as file:
        for index in range(count):
            time.sleep(0.02 + 0.0137 * (index % 10))  # never in step with a timer
            before = _shown(sidecar)
            file.write(LINE.format(stamp=time.strftime("%b %e %H:%M:%S"), time=time.strftime("%Y-%m-%dT%H:%M:%S%z")))
            written = time.perf_counter()
            file.flush()
            while _shown(sidecar) == before and time.perf_counter() - written < 5:
                time.sleep(0.001)
            took.append(time.perf_counter() - written)
    return took


def _shown(sidecar: Sidecar) -> bytes:
    page = sidecar.get("/metrics")[1]
    start = page.find(SHOWN) + len(SHOWN)
    return page[start : page.find(b"\n", start)]


def _idle(sidecar: Sidecar, seconds: float) -> float:
    """Share of one core of a process that has nothing to do."""
    time.sleep(2)
    before = sidecar.cpu_seconds()
    time.sleep(seconds)
    return (sidecar.cpu_seconds() - before) / seconds
