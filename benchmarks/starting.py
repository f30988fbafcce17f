"""How long `run` takes from its first instruction to ready, with the compiled patterns in their cache."""

from __future__ import annotations

import compileall
import time
from collections.abc import Iterable
from pathlib import Path

import logwatch
from benchmarks.bench import LOGWATCH, Bench, Verdict
from benchmarks.measure import command, side_by_side
from benchmarks.sidecar import Sidecar


def measure(bench: Bench) -> Iterable[Verdict]:
    """Start on a log of a thousand lines again and again; the first start, which compiles, does not count."""
    state = bench.folder / "started"
    # As pip does when it installs: where bytecode is not written, each start would compile the source.
    compileall.compile_dir(Path(logwatch.__file__).parent, quiet=1)

    def start() -> float:
        began = time.perf_counter()
        with Sidecar(bench.head(), state) as sidecar:
            sidecar.wait_until_ready(pause=0.005)
            return time.perf_counter() - began

    start()
    works = {"run to ready": start, "replay, head": command([LOGWATCH, "replay", "--metrics", bench.head()])}
    rounds = side_by_side(works, max(3, bench.rounds))
    rounds.report()
    yield Verdict("start with all shipped rules to ready", rounds.median(lambda took: took["run to ready"]), 0.7, " s")
