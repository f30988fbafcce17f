"""Feed logwatch mutations of all that it reads; nothing may raise, and no line may cost more than its length.

    python -m benchmarks.fuzz [--seeds N] [--first SEED] [--lines N]

Each seed is so many lines through the whole pipeline into a store, and a few hundred of everything else: rule files,
an engine's files of containers, requests to the port. The same seed gives the same bytes: what fails is found again.
"""

from __future__ import annotations

import argparse
import logging
import resource
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from benchmarks import mutations
from logwatch.docker import containers
from logwatch.errors import RuleError
from logwatch.metrics import Registry
from logwatch.model import SECOND, Chunk
from logwatch.pipeline import Pipeline, Settings
from logwatch.rulefiles import load
from logwatch.status import Requests, StatusSnapshot
from logwatch.store import Store
from logwatch.web import WebServer

SLOW_NS = 1_000_000
"""Of one line, per kB that it begins: above this it is measured again."""
AGAIN = 3
NOW_NS = 1_795_500_000 * SECOND
OTHERS = 100
"""Files and requests of each kind, per seed."""


@dataclass
class Found:
    """What a run found."""

    lines: int = 0
    size: int = 0
    worst_ns: int = 0
    """The processor time per kB of the dearest line."""
    dearest: bytes = b""
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return (
            f"{self.lines:,} lines, {self.size / 1e6:,.0f} MB: {len(self.faults)} faults, at most "
            f"{self.worst_ns / 1e6:.2f} ms per kB, {most:.0f} MB resident"
        )


class Fuzz:
    """Everything that reads what others write, with state that goes on from seed to seed."""

    def __init__(self, folder: Path) -> None:
        rules = load([])
        self.found = Found()
        self._folder = folder
        self._lines = mutations.lines()
        self._pipeline = Pipeline(rules.rules, rules.correlations, Settings(), Registry(), folder)
        self._store = Store(folder / "state", datetime.now(UTC))
        self._offset = 0
        view = StatusSnapshot(
            folder / "state", rules, self._pipeline.series.families(), Requests(lambda: None), [], time.time_ns
        )
        self._web = WebServer(view, "127.0.0.1:0")
        self._web.start()

    def close(self) -> None:
        """End the server, and close the store."""
        self._web.close()
        self._store.close()

    def run(self, seed: int, lines: int) -> None:
        """Feed everything one seed makes."""
        for number, line in enumerate(islice(mutations.stream(seed, self._lines), lines)):
            self._feed(line, seed)
            if number % 500 == 499:
                self._commit()
        self._commit()
        rule_files = mutations.rule_files()
        for content in islice(mutations.stream(seed, rule_files), OTHERS // 10):
            self._load(content)
        for content in islice(mutations.stream(seed, [mutations.CONTAINER]), OTHERS):
            self._inspect(content)
        for request in islice(mutations.stream(seed, mutations.REQUESTS), OTHERS):
            self._ask(request)

    # ── lines ────────────────────────────────────────────────────────────────────────

    def _feed(self, line: bytes, seed: int) -> None:
        # A mutation may hold line ends: then it is several lines, and costs what they cost.
        taken = self._process(line)
        per_kb = taken // (1 + len(line) // 1024)
        if per_kb > SLOW_NS:  # the line itself, or what was due just then
            per_kb = min(per_kb, *(self._process(line) // (1 + len(line) // 1024) for _ in range(AGAIN)))
        self.found.lines += 1
        self.found.size += len(line) + 1
        if per_kb > self.found.worst_ns:
            self.found.worst_ns, self.found.dearest = per_kb, line
        if report := self._pipeline.faults.take_report():
            self.found.faults.append(f"seed {seed}: {report}: {line[:500]!r}")

    def _process(self, line: bytes) -> int:
        chunk = Chunk(line + b"\n", "messages", self._offset, NOW_NS)
        self._offset += len(line) + 1
        began = time.thread_time_ns()
        self._pipeline.process(chunk, NOW_NS)
        return time.thread_time_ns() - began

    def _commit(self) -> None:
        self._store.commit(self._pipeline.take_transaction(self._pipeline.take_outcomes()), NOW_NS)

    # ── files and requests ───────────────────────────────────────────────────────────

    def _load(self, content: bytes) -> None:
        path = self._folder / "rules.yml"
        path.write_bytes(content)
        with suppress(RuleError):
            load([path], shipped=False)

    @staticmethod
    def _inspect(content: bytes) -> None:
        with suppress(ValueError):  # what the inventory counts as a file of an unknown form
            containers.parse(content, "8d" * 32)

    def _ask(self, request: bytes) -> None:
        answered = b""
        with socket.create_connection(("127.0.0.1", self._web.port), timeout=0.2) as client, suppress(OSError):
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            answered = client.recv(1 << 12)
        if b" 500 " in answered[:20]:
            self.found.faults.append(f"{request[:500]!r}: {answered[:200]!r}")


def fuzz(seeds: Sequence[int], lines: int) -> Found:
    """Run these seeds with so many lines each."""
    with tempfile.TemporaryDirectory() as folder:
        one = Fuzz(Path(folder))
        try:
            for number, seed in enumerate(seeds):
                known = len(one.found.faults)
                one.run(seed, lines)
                print(*one.found.faults[known:], sep="\n", end="")
                if number % 10 == 9:
                    print(f"seed {seed}: {one.found}", flush=True)
        finally:
            one.close()
        return one.found


def main() -> int:
    """Print the figures; 1 if anything was set aside or answered with 500."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="seed to begin with")
    parser.add_argument("--lines", type=int, default=10_000, help="of each seed")
    arguments = parser.parse_args()
    logging.getLogger("logwatch").setLevel(logging.CRITICAL)  # hostile lines are what it is about
    found = fuzz(range(arguments.first, arguments.first + arguments.seeds), arguments.lines)
    print(found, f"dearest line: {found.dearest[:200]!r}", *found.faults[:20], sep="\n")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
