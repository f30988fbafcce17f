"""Feed logwatch mutations of all that it reads; nothing may raise, and no line may cost more than its length.

    python -m benchmarks.fuzz [--seeds N] [--first SEED] [--lines N]

Each seed is so many lines through the whole pipeline into a store, and a few hundred of everything else: rule files,
an engine's files of containers, requests to the port. The same seed gives the same bytes: what fails is found again.
"""

from __future__ import annotations

import argparse
import gc
import heapq
import logging
import random
import re
import resource
import socket
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from benchmarks import mutations
from benchmarks.bench import Verdict
from logwatch.build import settle_heap
from logwatch.docker import containers
from logwatch.errors import RuleError
from logwatch.formats import repeated_message
from logwatch.metrics import Registry
from logwatch.model import SECOND, Chunk
from logwatch.pipeline import Pipeline, Settings
from logwatch.rulefiles import load
from logwatch.status import Requests, StatusSnapshot
from logwatch.store import Store
from logwatch.web import WebServer

TWINS = 2
"""Pipelines in which a line that seems to be dear is measured again: the least of all figures is its own cost."""
BEFORE = 10
"""Lines that are read before it, when it is measured again."""
DEAREST = 20
"""Lines that are measured again at the end, each in a new pipeline, with other ids each time."""
TRIES = 40
ID = re.compile(rb"[0-9a-f]{12,64}")
NOW_NS = 1_795_500_000 * SECOND
"""The wall clock at the first line."""
LINE_NS = SECOND // 20
"""By how much each line moves it; at each commit the pipeline follows it, as `run` does where nothing is left to read."""
REPEATED = re.compile(
    rb"(?:docker|containerd|kernel|dmeventd|systemd)[^ ]*?(?: [^ ]+ [^ ]+ -)? *(?:last )?message repeated ([0-9]{1,9}) times"
)
"""What a syslog daemon writes under the tags that shipped rules name; of a container's own repeats none is believed."""
WORST_MS = 1.0
MOST_MB = 300.0
"""Of all pipelines, the store and the server, in one process with what makes the lines."""
GROWTH_MB = 20.0
SETTLED = 200
"""Seeds after which what is kept for a day of the log's time, or up to a number, is nearly complete."""
OTHERS = 100
"""Files and requests of each kind, per seed."""


@dataclass
class Found:
    """What a run found."""

    lines: int = 0
    size: int = 0
    worst_ns: int = 0
    """The processor time per kB that the dearest line begins; while it runs, that of the cheapest of the dear ones."""
    dearest: bytes = b""
    resident: list[float] = field(default_factory=list)
    """Memory in MB after each seed."""
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.lines:,} lines, {self.size / 1e6:,.0f} MB: {len(self.faults)} faults, at most "
            f"{self.worst_ns / 1e6:.2f} ms per kB, {self.resident[-1]:.0f} MB resident"
        )

    def verdicts(self) -> Iterator[Verdict]:
        """Yield what must hold."""
        yield Verdict("faults", len(self.faults), 0)
        yield Verdict("processor time of the dearest line, per kB that it begins", self.worst_ns / 1e6, WORST_MS, " ms")
        yield Verdict("resident memory, the most", max(self.resident), MOST_MB, " MB")
        half = len(self.resident) // 2
        if half >= SETTLED:
            more = max(self.resident[half:]) - max(self.resident[SETTLED:half], default=0)
            yield Verdict("resident memory, second half more than the first", max(0, more), GROWTH_MB, " MB")


class Dear(NamedTuple):
    """A line that cost much, and the lines before it."""

    per_kb: int
    line: bytes
    before: tuple[bytes, ...]


class ReportedErrors(logging.Handler):
    """Makes faults of the errors that the server's parts report: they went wrong without a bad answer."""

    loggers = (logging.getLogger("uvicorn.error"), logging.getLogger("asyncio"))

    def __init__(self, faults: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._faults = faults
        for each in self.loggers:
            each.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what was reported, with its exception."""
        self._faults.append(f"{record.name}: {self.format(record)[-500:]}")

    def close(self) -> None:
        """Take no more of them."""
        for each in self.loggers:
            each.removeHandler(self)
        super().close()


class Fuzz:
    """Everything that reads what others write, with state that goes on from seed to seed."""

    def __init__(self, folder: Path) -> None:
        self._rules = rules = load([])
        self.found = Found()
        self._reported = ReportedErrors(self.found.faults)
        self._folder = folder
        self._lines = mutations.lines()
        self._pipeline, *self._twins = (self._new_pipeline() for _ in range(1 + TWINS))
        self._before: deque[bytes] = deque(maxlen=BEFORE)
        self._dear: list[Dear] = []
        self._store = Store(folder / "state", datetime.now(UTC))
        self._offset = 0
        view = StatusSnapshot(
            folder / "state", rules, self._pipeline.series.families(), Requests(lambda: None), [], time.time_ns
        )
        self._web = WebServer(view, "127.0.0.1:0")
        self._web.start()

        gc.collect()
        gc.freeze()  # rules and modules: what is collected then is what the lines made

    def _new_pipeline(self) -> Pipeline:
        return Pipeline(self._rules.rules, self._rules.correlations, Settings(), Registry(), self._folder)

    def close(self) -> None:
        """End the server, and close the store."""
        self._web.close()
        self._reported.close()
        self._store.close()
        gc.enable()
        gc.unfreeze()

    def run(self, seed: int, lines: int) -> None:
        """Feed everything one seed makes; garbage is collected between two commits, which no line's time includes."""
        gc.disable()
        for number, line in enumerate(islice(mutations.stream(seed, self._lines), lines)):
            self._feed(line, seed)
            if number % 500 == 499:
                self._commit()
        self._commit()
        gc.enable()
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
        per_kb = self._process(self._pipeline, line)
        for twin in self._twins:
            if per_kb <= self.found.worst_ns:
                break
            per_kb = min(per_kb, self._process_again(twin, line, self._before))
        if per_kb > self.found.worst_ns:
            heapq.heappush(self._dear, Dear(per_kb, line, tuple(self._before)))
            if len(self._dear) > DEAREST:
                heapq.heappop(self._dear)
                self.found.worst_ns = self._dear[0].per_kb
        self._before.append(line)
        self.found.lines += 1
        self.found.size += len(line) + 1
        if report := self._pipeline.faults.take_report():
            self.found.faults.append(f"seed {seed}: {report}: {line[:500]!r}")

    def _process(self, pipeline: Pipeline, line: bytes) -> int:
        """Return the processor time in nanoseconds per kB that the line begins, and per repetition that it reports."""
        now_ns = NOW_NS + self.found.lines * LINE_NS
        chunk = Chunk(line + b"\n", "messages", self._offset, now_ns)
        self._offset += len(line) + 1
        began = time.thread_time_ns()
        pipeline.process(chunk, now_ns)
        return (time.thread_time_ns() - began) // max(1 + len(line) // 1024, _stands_for(line))

    def _process_again(self, twin: Pipeline, line: bytes, before: Iterable[bytes]) -> int:
        """Measure in a pipeline that does not know the line: one that was read before may cost less.

        The first time may have been another's: of what was due just then, or of a busy machine.
        """
        for each in before:
            self._process(twin, each)
        taken = self._process(twin, line)
        twin.take_transaction(twin.take_outcomes())
        return taken

    def measure_dearest(self) -> None:
        """Measure the dearest lines again and again, about another container each time: the least figure of each counts.

        The first line of its kind in a process costs up to three times as much: automata and series begin with it.
        """
        self.found.worst_ns = 0
        for _, line, before in self._dear:
            pipeline, chance = self._new_pipeline(), random.Random(line)
            for each in before:
                self._process(pipeline, each)
            per_kb = min(self._process(pipeline, _of_another(line, chance)) for _ in range(TRIES))
            if per_kb > self.found.worst_ns:
                self.found.worst_ns, self.found.dearest = per_kb, line

    def _commit(self) -> None:
        now_ns = NOW_NS + self.found.lines * LINE_NS
        self._pipeline.follow(now_ns)
        self._store.commit(self._pipeline.take_transaction(self._pipeline.take_outcomes()), now_ns)
        gc.collect()

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


def _of_another(line: bytes, chance: random.Random) -> bytes:
    """The line with other ids of the same lengths."""
    return ID.sub(lambda found: chance.randbytes(32).hex()[: len(found[0])].encode(), line)


def _stands_for(line: bytes) -> int:
    """How many lines a syslog daemon folded into this one, as far as it is believed."""
    if b"message repeated" not in line:  # the regex takes the most of a seed's time otherwise
        return 1
    return max((min(int(times), repeated_message.MOST) for times in REPEATED.findall(line)), default=1)


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def fuzz(seeds: Sequence[int], lines: int, *, measured: bool = False) -> Found:
    """Run these seeds with so many lines each; `measured` measures the dearest lines again at the end."""
    with tempfile.TemporaryDirectory() as folder:
        one = Fuzz(Path(folder))
        try:
            for number, seed in enumerate(seeds):
                known = len(one.found.faults)
                one.run(seed, lines)
                one.found.resident.append(_resident_mb())
                print(*one.found.faults[known:], sep="\n", end="\n" * (len(one.found.faults) > known))
                if number % 10 == 9:
                    print(f"seed {seed}: {one.found}", flush=True)
            if measured:
                one.measure_dearest()
        finally:
            one.close()
        return one.found


def main() -> int:
    """Print the figures; 1 if one of them misses its budget."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="seed to begin with")
    parser.add_argument("--lines", type=int, default=10_000, help="of each seed")
    arguments = parser.parse_args()
    logging.getLogger("logwatch").setLevel(logging.CRITICAL)  # hostile lines are what it is about
    settle_heap()  # freed memory goes back as it does in `run`
    found = fuzz(range(arguments.first, arguments.first + arguments.seeds), arguments.lines, measured=True)
    verdicts = list(found.verdicts())
    print(found, f"dearest line: {found.dearest[:200]!r}", *found.faults[:20], *verdicts, sep="\n")
    return 0 if all(verdict.holds for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
