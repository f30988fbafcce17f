"""Which rule costs what: the time that confirming it and making its events takes with a log's own lines.

The search for all patterns at once cannot be divided among the rules, nor can the headers: each is one figure for
all. A rule that is hit often and rarely confirmed has a pattern that is too general.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from logwatch.formats.line_parser import LineReader
from logwatch.matching.extractor import CompiledRule, Extractor, Place
from logwatch.matching.fields import Message
from logwatch.matching.scanner import Scanner
from logwatch.model import Chunk, Event, Record, Rule

Clock = Callable[[], int]
"""Nanoseconds of CPU that this thread has used."""


@dataclass(slots=True)
class Cost:
    """What lines cost of one rule."""

    rule: str
    hits: int = 0
    """Lines in which the scanner found one of its patterns."""
    confirmed: int = 0
    """Those in which RE2 found it, too; of noise that is only counted, all."""
    events: int = 0
    spent_ns: int = 0


@dataclass(slots=True)
class Profile:
    """The costs of the rules, and of what comes before them."""

    rules: list[Cost]
    """Of all rules that were hit, the dearest first."""
    lines: int = 0
    hits: int = 0
    """Lines in which any pattern was found."""
    scan_ns: int = 0
    headers_ns: int = 0

    @property
    def rules_ns(self) -> int:
        """The time that all rules took together."""
        return sum(cost.spent_ns for cost in self.rules)


class Profiler:
    """Runs chunks through scanner, line parser and extractor, and measures the rules one by one."""

    def __init__(self, rules: Sequence[Rule], zone: tzinfo | None, cache_dir: Path | None, clock: Clock) -> None:
        self._scanner = Scanner(rules, cache_dir, count_ignored=True)
        self._extractor = Extractor(rules)
        self._readers: dict[str, LineReader] = {}
        self._zone = zone
        self._clock = clock
        self._costs = {rule.id: Cost(rule.id) for rule in rules}
        self._profile = Profile([])
        for rule in self._extractor.rules:
            _measure(rule, self._costs[rule.id], clock)

    def profile(self, chunks: Iterable[Chunk], now_ns: int) -> Profile:
        """Measure the lines of chunks, of which those of one path follow each other."""
        for chunk in chunks:
            self._add(chunk, now_ns)
        hit = [cost for cost in self._costs.values() if cost.hits]
        self._profile.rules = sorted(hit, key=lambda cost: (-cost.spent_ns, cost.rule))
        return self._profile

    def _add(self, chunk: Chunk, now_ns: int) -> None:
        profile, clock = self._profile, self._clock
        began_ns = clock()
        scan = self._scanner.scan(chunk.data)
        profile.scan_ns += clock() - began_ns
        profile.lines += scan.lines
        profile.hits += len(scan.hits)
        for rule, count in scan.ignored.items():
            self._costs[rule].hits += count
            self._costs[rule].confirmed += count
        reader = self._readers.setdefault(chunk.path, LineReader(self._zone))
        reader.begin(chunk, now_ns)
        for hit in scan.hits:
            began_ns = clock()
            record = reader.read(chunk.data[hit.start : hit.end])
            profile.headers_ns += clock() - began_ns
            if record is not None:
                self._extractor.extract(record, hit, chunk.path, chunk.offset + hit.start, None)


def _measure(rule: CompiledRule, cost: Cost, clock: Clock) -> None:
    """Let a rule count its lines and the time that they take."""
    make = rule.make

    def confirming(found: Callable[[bytes], bool]) -> Callable[[bytes], bool]:
        def measured(text: bytes) -> bool:
            began_ns = clock()
            confirmed = found(text)
            cost.spent_ns += clock() - began_ns
            cost.hits += 1
            cost.confirmed += confirmed
            return confirmed

        return measured

    def making(record: Record, message: Message, place: Place) -> Event | None:
        began_ns = clock()
        event = make(record, message, place)
        cost.spent_ns += clock() - began_ns
        cost.events += event is not None
        return event

    rule.found, rule.found_bare, rule.make = confirming(rule.found), confirming(rule.found_bare), making
