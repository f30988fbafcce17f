"""Finds the docker lines of logs, each with its program and the rules that match it, and counts them.

A docker line contains `docker` or has an engine's tag. `tail` shows them, `rules coverage` counts them, `suggest` groups them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import NamedTuple

from logwatch.formats.line_parser import LineReader
from logwatch.formats.tags import TAG_FAMILIES
from logwatch.matching.extractor import Extractor
from logwatch.matching.scanner import Scanner
from logwatch.model import Chunk, Event, Hit, Record, Rule

CONTAINER = "container output"
NO_HEADER = "no header"
_CONTAINER_TAG = re.compile(
    r"""
    [0-9a-f]{12} (?: [0-9a-f]{52} )?      # d642c9fb1c22: the syslog driver's own tag
    | docker/ .+                          # docker/web: tag=docker/{{.Name}}
    """,
    re.VERBOSE,
)
_FAMILY_OF = {tag: family for family, tags in TAG_FAMILIES.items() for tag in tags}


class DockerLine(NamedTuple):
    """A docker line, and its events."""

    text: bytes
    record: Record | None
    family: str
    """`engine`, `containerd`, `container output`, `no header`, or the tag itself."""
    rules: Sequence[str]
    """Rules that match it; none: the line is unknown."""
    events: Sequence[Event] = ()
    """Their events."""


class LineClassifier:
    """Finds the docker lines of logs, and matches them with rules."""

    def __init__(self, rules: Sequence[Rule], zone: tzinfo | None = None, cache_dir: Path | None = None) -> None:
        self._scanner = Scanner(rules, cache_dir)
        self._extractor = Extractor(rules)
        self._zone = zone
        self._readers: dict[str, LineReader] = {}

    def classify(self, chunk: Chunk, now_ns: int) -> Iterator[DockerLine]:
        """Yield the docker lines of a chunk, in their order."""
        reader = self._readers.setdefault(chunk.path, LineReader(self._zone))
        reader.begin(chunk, now_ns)
        hits = {hit.start: hit for hit in self._scanner.scan(chunk.data).hits}
        start = 0
        for text in _lines(chunk.data):
            end = start + len(text)
            line = self._classify(reader, text.rstrip(b"\n"), hits.get(start) or Hit(start, end - 1, ()))
            if line is not None:
                yield line
            start = end
        reader.unparsed.clear()

    def _classify(self, reader: LineReader, text: bytes, hit: Hit) -> DockerLine | None:
        docker = b"docker" in text
        record = reader.read(text)
        if record is None:
            return DockerLine(text, None, NO_HEADER, ()) if docker else None
        if not docker and record.tag not in TAG_FAMILIES["engine"]:
            return None
        extraction = self._extractor.extract(record, hit, "", hit.start, None)
        if not docker and not extraction.engine:
            return None
        barred = record.tag == "docker" and not extraction.engine
        family = CONTAINER if barred else family_of(record.tag)
        return DockerLine(text, record, family, extraction.rules, extraction.events)


def family_of(tag: str) -> str:
    """The family of a tag, `container output`, or the tag itself."""
    if tag in _FAMILY_OF:
        return _FAMILY_OF[tag]
    return CONTAINER if _CONTAINER_TAG.fullmatch(tag) else tag or "no tag"


def _lines(data: bytes) -> Iterator[bytes]:
    """The lines of bytes, which only a newline ends."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start) + 1 or len(data)
        yield data[start:end]
        start = end


# ── coverage ────────────────────────────────────────────────────────────────────────────


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


def measure(classifier: LineClassifier, chunks: Iterable[Chunk], rules: Iterable[Rule], now_ns: int) -> Coverage:
    """Count the docker lines of chunks."""
    stepping_back = frozenset(rule.id for rule in rules if rule.unless_other)
    coverage = Coverage()
    for chunk in chunks:
        for line in classifier.classify(chunk, now_ns):
            coverage.add(line, stepping_back)
    return coverage


def _most_first(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
