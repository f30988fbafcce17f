"""Finds the lines that rules care about: all patterns of all rules in one pass over a chunk.

No line is cut out or decoded before some rule has hit it. hyperscan (the only import of it)
reports the end of each match; every expression runs to the end of its line (see `patterns`), so
a report is a line. Beside the rules' expressions the database holds a few that only count
(see `daemon_lines`), and some for lines in which no rule's text stands as it is: those are translated (see
`formats.logrus`, `formats.envelopes`) and scanned again. A hit is a suspicion: hyperscan sees a pattern without its anchors and
anywhere in the line, RE2 confirms it on the message.

Compiling takes a good part of a second for a thousand rules, so the database is kept in a
file named after its content and hyperscan's version.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import os
import platform
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import hyperscan

import logwatch.matching.patterns
from logwatch import __version__
from logwatch.errors import RuleError, mistake
from logwatch.formats import envelopes, logrus
from logwatch.formats.tags import TAG_FAMILIES
from logwatch.matching.docker_lines import DaemonLineCounter, count_docker, header_of, other_tags_expressions
from logwatch.matching.patterns import TO_LINE_END, find_fault, is_anchored, scan_expression
from logwatch.model import Hit, Pattern, Rule, Scan

_SUFFIX = ".hyperscan"
_LONG = 4096
_ENGINES = frozenset({"engine", "containerd"})
_DIGEST_SIZE = hashlib.sha256().digest_size


class Expression(NamedTuple):
    """One expression of the database, and the number that its matches are reported with."""

    text: bytes
    number: int


class Scanner:
    """All patterns of these rules as one machine.

    Raises RuleError with every pattern that RE2 or hyperscan refuses. `cache_dir` is where
    the compiled machine is kept; None, or a folder that cannot be written, keeps nothing. With
    `count_ignored`, lines that only `ignore` rules know (by a pattern without anchors) are counted in
    `Scan.ignored` and `Scan.known_lines` and make no hits. Of the engine's rules nobody looks at the tag, so what a
    container prints word for word like the engine's noise counts as known.
    """

    def __init__(self, rules: Sequence[Rule], cache_dir: Path | None, *, count_ignored: bool = False) -> None:
        self._ids = [rule.id for rule in rules]
        self._other, self._foreign, self._first_ignored = range(len(rules), len(rules) + 3)
        self._daemon_lines = DaemonLineCounter()
        self._headers = {
            self._first_ignored + index: header_of(rule.programs)
            for index, rule in enumerate(rules)
            if not rule.event and _names_tags(rule)
        }
        """Of noise that others than the engine make, by its number in the database."""

        def number_of(index: int, rule: Rule, pattern: Pattern) -> int:
            return self._first_ignored + index if count_ignored and _is_counted(rule, pattern) else index

        patterns = [
            (pattern, number_of(index, rule, pattern)) for index, rule in enumerate(rules) for pattern in rule.patterns
        ]
        own = [Expression(text, self._other) for text in other_tags_expressions()]
        foreign = (logrus.expression(), *logrus.bare_expressions(), *envelopes.expressions())
        own += [Expression(text + TO_LINE_END, self._foreign) for text in foreign]
        self._database = _load_or_compile(patterns, own, cache_dir)

    def scan(self, data: bytes) -> Scan:
        """Find the hits in whole lines of bytes, and count what lines there are. Never raises."""
        if data and not data.endswith(b"\n"):
            data += b"\n"
        ends: defaultdict[int, list[int]] = defaultdict(list)

        # Called for every match, so it does nothing but keep it.
        def matched(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            ends[number].append(end)

        self._database.scan(data, match_event_handler=matched)
        others, foreign = ends.pop(self._other, ()), ends.pop(self._foreign, ())
        found = [(end, number) for number in ends if number < self._first_ignored for end in ends[number]]
        if foreign:
            found += self._scan_translated(data, foreign)
        daemon = self._daemon_lines.count(data, others)
        ignored_ends, ignored_counts = self._count_ignored(data, ends, found)
        hits, lines = _make_hits(data, found)
        docker_lines = daemon.docker + daemon.other
        known_lines = count_docker(data, ignored_ends)
        return Scan(
            lines, docker_lines, daemon.levels, hits, ignored_counts, known_lines, ignored_ends, daemon.doubtful
        )

    def _scan_translated(self, data: bytes, ends: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Find what rules hit in the engine's lines that are not logfmt, once they are; as the end of the line and the rule."""
        translated: list[tuple[int, bytes]] = []
        for end in sorted(set(ends)):
            line = data[data.rfind(b"\n", 0, end - 1) + 1 : end - 1]
            plain = envelopes.plain(line)
            message = logrus.message_of(line if plain is None else plain) or plain
            if message is not None:
                translated.append((end, message))
        starts, text = _joined([message for _, message in translated])
        found: list[tuple[int, int]] = []
        self._database.scan(text, match_event_handler=lambda number, _start, end, *_: found.append((end, number)))
        for end, number in found:
            rule = number - self._first_ignored if number >= self._first_ignored else number
            if rule < len(self._ids):
                yield translated[bisect_left(starts, end) - 1][0], rule

    def _count_ignored(
        self, data: bytes, ends: Mapping[int, Sequence[int]], found: list[tuple[int, int]]
    ) -> tuple[set[int], dict[str, int]]:
        """Count what only `ignore` rules know; where other rules hit too, or the tag is in doubt, theirs are added to `found`."""
        hit = {end for end, _ in found}
        known: set[int] = set()
        counts = {}
        for number in ends:
            if number < self._first_ignored:
                continue
            lines = set(ends[number])
            doubtful = lines & hit | self._under_other_tags(data, lines, number)
            if doubtful:
                lines -= doubtful
                found += [(end, number - self._first_ignored) for end in doubtful]
            if lines:
                known |= lines
                counts[self._ids[number - self._first_ignored]] = len(lines)
        return known, counts

    def _under_other_tags(self, data: bytes, ends: set[int], number: int) -> set[int]:
        """The lines whose header does not plainly bear a tag of the rule."""
        header = self._headers.get(number)
        if header is None:
            return set()
        return {end for end in ends if not header.match(data, data.rfind(b"\n", 0, end - 1) + 1, end)}


def _make_hits(data: bytes, found: list[tuple[int, int]]) -> tuple[list[Hit], int]:
    """Make one hit of all matches in a line; and count all lines."""
    hits: list[Hit] = []
    before = counted = 0
    for end, numbers in _by_line(found):
        start = data.rfind(b"\n", 0, end - 1) + 1
        before += count_lines(data, counted, start)
        counted = start
        hits.append(Hit(start, end - 1, numbers, before))
    return hits, before + count_lines(data, counted, len(data))


def count_lines(data: bytes, start: int, end: int) -> int:
    """Count the newlines between two offsets."""
    if end - start < _LONG:
        return data.count(b"\n", start, end)
    part = data[start:end]
    # Twice as fast as bytes.count, which looks at every byte by itself.
    return len(part) - len(part.replace(b"\n", b""))


def _is_counted(rule: Rule, pattern: Pattern) -> bool:
    """Whether what the scanner finds of a pattern is as good as confirmed, at most after a look at the tag."""
    noise = not rule.event and (rule.programs <= _ENGINES or _names_tags(rule))
    return noise and not is_anchored(pattern)


def _names_tags(rule: Rule) -> bool:
    """Whether a rule's programs are tags alone, no families of them."""
    return not rule.programs & TAG_FAMILIES.keys()


def _joined(messages: Sequence[bytes]) -> tuple[list[int], bytes]:
    """Lines of these messages, and where each begins."""
    lines = [message + b"\n" for message in messages]
    return list(accumulate((len(line) for line in lines), initial=0)), b"".join(lines)


def _by_line(found: list[tuple[int, int]]) -> Iterable[tuple[int, tuple[int, ...]]]:
    """The matches of each line: its end, and its rules ascending and once."""
    if not found:
        return
    found.sort()
    line_end, first = found[0]
    numbers = [first]
    for end, number in found:
        if end != line_end:
            yield line_end, tuple(numbers)
            line_end, numbers = end, [number]
        elif number != numbers[-1]:
            numbers.append(number)
    yield line_end, tuple(numbers)


# ── the database ─────────────────────────────────────────────────────────────────────


def _load_or_compile(
    patterns: Sequence[tuple[Pattern, int]], own: Sequence[Expression], cache_dir: Path | None
) -> hyperscan.Database:
    """Take the database from the cache, where only sound patterns get, or check the patterns and make it.

    Each pattern comes with its number; `own` are expressions that no rule asks for.
    """
    path = cache_dir / (_key(patterns, own) + _SUFFIX) if cache_dir is not None else None
    database = _load(path) if path is not None else None
    if database is None:
        database = _compile_sound(patterns, own)
        if path is not None:
            _save(path, hyperscan.dumpb(database))
    return database


def _compile_sound(numbered: Sequence[tuple[Pattern, int]], own: Sequence[Expression]) -> hyperscan.Database:
    """Compile all expressions at once; each by itself, which takes twice as long, only to tell every mistake."""
    patterns = [pattern for pattern, _ in numbered]
    if any(find_fault(pattern) for pattern in patterns):
        _refuse_faults(patterns)
    try:
        return _compile([*(Expression(scan_expression(pattern), number) for pattern, number in numbered), *own])
    except hyperscan.error:
        _refuse_faults(patterns)
        raise


def _refuse_faults(patterns: Iterable[Pattern]) -> None:
    """Raise RuleError with every pattern that cannot be used."""
    faults = ((pattern, find_fault(pattern) or _refusal(pattern)) for pattern in patterns)
    mistakes = [mistake(pattern.mark, fault) for pattern, fault in faults if fault is not None]
    if mistakes:
        raise RuleError(mistakes)


def _refusal(pattern: Pattern) -> str | None:
    """Why hyperscan refuses a regex that RE2 accepts."""
    if not pattern.regex:
        return None
    try:
        _compile([Expression(scan_expression(pattern), 0)])
    except hyperscan.error as error:
        return f"the pattern search refuses the regex: {error}: write it more simply"
    return None


def _compile(expressions: Sequence[Expression]) -> hyperscan.Database:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[expression.text for expression in expressions],
        ids=[expression.number for expression in expressions],
    )
    return database


def _key(patterns: Sequence[tuple[Pattern, int]], own: Sequence[Expression]) -> str:
    """Name of the cache file: the content, and the libraries, the machine and the code that it was made with.

    The key is the code that derives the expressions: deriving them all takes longer than loading the database.
    """
    made_with = (__version__, version("hyperscan"), platform.machine(), inspect.getsource(logwatch.matching.patterns))
    content = [(pattern.regex, pattern.text, number) for pattern, number in patterns]
    return hashlib.sha256(repr((made_with, content, own)).encode()).hexdigest()[:32]


def _load(path: Path) -> hyperscan.Database | None:
    """The database in a cache file, None if there is none or it is not as it was written."""
    try:
        stored = path.read_bytes()
    except OSError:
        return None
    digest, content = stored[:_DIGEST_SIZE], stored[_DIGEST_SIZE:]
    if hashlib.sha256(content).digest() != digest:  # hyperscan itself would run a damaged machine
        return None
    try:
        database = hyperscan.loadb(content, hyperscan.HS_MODE_BLOCK)
        database.scratch = hyperscan.Scratch(database)
    except hyperscan.error:
        return None
    return database


def _save(path: Path, content: bytes) -> None:
    """Write the cache file whole or not at all; where that is not possible, go without."""
    half = path.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        half.write_bytes(hashlib.sha256(content).digest() + content)
        half.replace(path)
        return
    with contextlib.suppress(OSError):
        half.unlink(missing_ok=True)
