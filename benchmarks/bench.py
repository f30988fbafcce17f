"""What every measurement gets, and what it hands back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import corpus, rules

LOGWATCH = Path(sys.executable).with_name("logwatch")
MTAIL_PROGRAMS = Path(__file__).with_name("mtail")
HEAD = 1_000
"""Lines that stand for what a command takes to start."""
EVENT_LINES = 200_000


@dataclass(frozen=True, slots=True)
class Bench:
    """Where to work, on what, and how thoroughly."""

    cache: Path
    """The corpus is kept here."""
    folder: Path
    """Thrown away afterwards."""
    lines: int
    rounds: int
    quick: bool
    """A first look instead of a verdict: whatever waits or repeats does so less."""

    def whole(self) -> Path:
        """Return the corpus."""
        path = self.cache / f"messages-{self.lines}"
        corpus.write(path, self.lines)
        return path

    def noise(self) -> Path:
        """Return the corpus without anything that is an event."""
        path = self.cache / f"noise-{self.lines}"
        corpus.write(path, self.lines, noise=1)
        return path

    def foreign(self) -> Path:
        """Return a log of as many lines of which none is Docker's."""
        path = self.cache / f"foreign-{self.lines}"
        if not path.exists():
            with self.whole().open("rb") as whole, path.open("wb") as out:
                out.writelines(line for line in whole if b"docker" not in line)
        return path

    def head(self) -> Path:
        """Return its first lines."""
        path = self.cache / "head"
        with self.whole().open("rb") as whole:
            path.write_bytes(b"".join(whole.readline() for _ in range(HEAD)))
        return path

    def matched(self) -> Path:
        """Return a log in which every line is an event."""
        path = self.cache / f"matched-{EVENT_LINES}"
        corpus.write_matched(path, EVENT_LINES)
        return path

    def lives(self, lines: int, containers: int) -> Path:
        """Return a log of so many containers that start and end."""
        path = self.cache / f"lives-{lines}-{containers}"
        corpus.write_lives(path, lines, containers)
        return path

    def own_rules(self, count: int) -> tuple[str | Path, ...]:
        """Return the options for so many rules of the benchmark's own instead of those that logwatch ships."""
        path = self.folder / f"rules{count}.yml"
        rules.write(path, count)
        return ("--no-shipped-rules", "--rules", path)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A figure beside its budget."""

    what: str
    figure: float | None
    """None: it could not be measured."""
    budget: float
    unit: str = ""
    more: bool = False
    """The budget is the least, not the most."""

    @property
    def holds(self) -> bool:
        """Whether the budget is kept; a negative figure is noise, and keeps none."""
        if self.figure is None or self.figure < 0:
            return False
        return self.figure >= self.budget if self.more else self.figure <= self.budget

    @property
    def figure_text(self) -> str:
        """The figure with its unit."""
        return "not measured" if self.figure is None else f"{_short(self.figure)}{self.unit}"

    @property
    def budget_text(self) -> str:
        """The budget with its unit, and whether it is the least or the most."""
        return f"{'≥' if self.more else '≤'} {_short(self.budget)}{self.unit}"

    @property
    def verdict(self) -> str:
        """Whether the budget is kept, in a word."""
        return "holds" if self.holds else "MISSED" if self.figure is not None else "-"

    def __str__(self) -> str:
        return f"{self.what:58} {self.figure_text:>14}   {self.budget_text:14} {self.verdict}"


Measurement = Callable[[Bench], Iterable[Verdict]]


def _short(figure: float) -> str:
    return f"{figure:,.0f}" if abs(figure) >= 100 or figure == int(figure) else f"{figure:.2f}"
