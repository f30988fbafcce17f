"""Running the same works several times, side by side, and what is made of their times."""

from __future__ import annotations

import resource
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Work = Callable[[], float | None]
"""Does the work once; seconds it took, None where its tool is missing or failed."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """Seconds of every work in every round."""

    seconds: Sequence[Mapping[str, float]]

    def median(self, figure: Callable[[Mapping[str, float]], float]) -> float | None:
        """Return the middle of a figure that is made of each round's seconds; None where a work is missing in all."""
        figures = []
        for seconds in self.seconds:
            try:
                figures.append(figure(seconds))
            except (KeyError, ZeroDivisionError):
                continue
        return statistics.median(figures) if figures else None

    def report(self) -> None:
        """Print what each work took."""
        for name in dict.fromkeys(name for seconds in self.seconds for name in seconds):
            took = [seconds[name] for seconds in self.seconds if name in seconds]
            print(f"  {name:32} {statistics.median(took):8.3f} s  (best {min(took):.3f} s of {len(took)})")


def side_by_side(works: Mapping[str, Work], rounds: int) -> Rounds:
    """Run all works in turn, `rounds` times, so that a busy moment of the machine meets them all."""
    seconds: list[dict[str, float]] = []
    missing: set[str] = set()
    for _ in range(rounds):
        took = {name: work() for name, work in works.items() if name not in missing}
        missing |= {name for name, figure in took.items() if figure is None}
        seconds.append({name: figure for name, figure in took.items() if figure is not None})
    return Rounds(seconds)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of all (0 to 1) does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def command(arguments: Sequence[str | Path], *, good: Iterable[int] = (0,)) -> Work:
    """A command whose CPU time counts, user and system, so that a busy machine shifts all alike; its output is thrown away."""
    program = str(arguments[0])

    def work() -> float | None:
        if shutil.which(program) is None:
            print(f"{program}: not installed", file=sys.stderr)
            return None
        before = _children_seconds()
        # Read through a pipe: grep stops at its first match when it sees that it writes to /dev/null.
        done = subprocess.run([str(argument) for argument in arguments], capture_output=True, check=False)
        took = _children_seconds() - before
        if done.returncode not in good:
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            print(f"{program}: exit status {done.returncode}: {lines[-1] if lines else 'no message'}", file=sys.stderr)
            return None
        return took

    return work


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
