"""How much of what the engine writes the rules know.

Docker lines are counted by who writes them (the family of the tag) and, where a rule knows them, by the rule's file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from logwatch.authoring.line_classifier import DockerLine, Surveyor
from logwatch.model import Chunk, Rule

MOST_FAMILIES = 1000
OTHERS = "others"


class Row(NamedTuple):
    """Docker lines of one family, or known to the rules of one file."""

    name: str
    lines: int
    known: int


@dataclass(slots=True)
class Coverage:
    """Docker lines counted, by family and by the file of the rule that knows them."""

    lines: Counter[str] = field(default_factory=Counter)
    """By family."""
    known: Counter[str] = field(default_factory=Counter)
    """By family."""
    files: Counter[str] = field(default_factory=Counter)
    """By rule file; a line that several rules know counts for the one that makes its event, else for the first."""

    def add(self, line: DockerLine, stepping_back: frozenset[str]) -> None:
        """Count a line; `stepping_back` are the rules with `unless_other`."""
        family = line.family
        if family not in self.lines and len(self.lines) >= MOST_FAMILIES:
            family = OTHERS
        self.lines[family] += 1
        if line.rules:
            self.known[family] += 1
            first = next((rule for rule in line.rules if rule not in stepping_back), line.rules[0])
            self.files[first.partition("/")[0]] += 1

    @property
    def total(self) -> int:
        """Docker lines."""
        return sum(self.lines.values())

    @property
    def total_known(self) -> int:
        """Docker lines that some rule knows."""
        return sum(self.known.values())

    def families(self) -> list[Row]:
        """The families, the one with most lines first."""
        return [Row(name, count, self.known[name]) for name, count in _most_first(self.lines)]

    def rule_files(self) -> list[Row]:
        """The rule files, the one that knows most lines first; the lines are all docker lines."""
        return [Row(name, self.total, count) for name, count in _most_first(self.files)]


def measure(surveyor: Surveyor, chunks: Iterable[Chunk], rules: Iterable[Rule], now_ns: int) -> Coverage:
    """Count the docker lines of chunks."""
    stepping_back = frozenset(rule.id for rule in rules if rule.unless_other)
    coverage = Coverage()
    for chunk in chunks:
        for line in surveyor.survey(chunk, now_ns):
            coverage.add(line, stepping_back)
    return coverage


def _most_first(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
