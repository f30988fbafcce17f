"""Running the same work several times, side by side with what it is compared to."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Work = Callable[[], float | None]
"""Does the work once; seconds it took, None where its tool is missing or failed."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Seconds of several runs of one work."""

    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        """The run that the machine disturbed least."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """The run in the middle."""
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        return f"{self.best:8.3f} s  (median {self.median:.3f} s of {len(self.seconds)})"


def side_by_side(works: Mapping[str, Work], rounds: int) -> dict[str, Figure | None]:
    """Run all works in turn, `rounds` times, so that a busy moment of the machine meets them all."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    missing: set[str] = set()
    for _ in range(rounds):
        for name, work in works.items():
            if name in missing:
                continue
            took = work()
            if took is None:
                missing.add(name)
            else:
                seconds[name].append(took)
    return {name: None if name in missing else Figure(tuple(took)) for name, took in seconds.items()}


def command(arguments: Sequence[str | Path], *, good: Iterable[int] = (0,)) -> Work:
    """A command to be timed, its output read and thrown away."""
    program = str(arguments[0])

    def work() -> float | None:
        if shutil.which(program) is None:
            print(f"{program}: not installed", file=sys.stderr)
            return None
        start = time.perf_counter()
        # Read through a pipe: grep stops at its first match when it sees that it writes to /dev/null.
        done = subprocess.run([str(argument) for argument in arguments], capture_output=True, check=False)
        took = time.perf_counter() - start
        if done.returncode not in good:
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            print(f"{program}: exit status {done.returncode}: {lines[-1] if lines else 'no message'}", file=sys.stderr)
            return None
        return took

    return work
