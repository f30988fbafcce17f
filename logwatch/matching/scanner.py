"""Finds the lines that rules care about: all patterns of all rules in one pass over a chunk.

No line is cut out or decoded before some rule has hit it. hyperscan reports the end of each match; every
expression runs to the end of its line (see `patterns`), so a report is a line. Beside the rules' expressions the database holds a few that only count
(see `daemon_lines`), and some for lines in which no rule's text stands as it is: those are translated (see
`formats.logrus`, `formats.envelopes`) and scanned again. A hit is a suspicion: hyperscan sees a pattern without its anchors and
anywhere in the line, RE2 confirms it on the message.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

from logwatch.formats import envelopes, logrus
from logwatch.formats.tags import TAG_FAMILIES, WRAPPER_TAGS, family_tags
from logwatch.matching.compiler import Expression
from logwatch.matching.database import load_or_compile
from logwatch.matching.docker_lines import DaemonLineCounter, count_docker, header_of, other_tags_expressions
from logwatch.matching.patterns import TO_LINE_END, is_anchored
from logwatch.model import Hit, Pattern, Rule, Scan

_LONG = 4096
_ENGINES = frozenset({"engine", "containerd"})
_ENGINE_TAGS = TAG_FAMILIES["engine"]


class Scanner:
    """All patterns of these rules as one machine.

    Raises RuleError with every pattern that RE2 or hyperscan refuses. `cache_dir` is where
    the compiled machine is kept; None, or a folder that cannot be written, keeps nothing. With
    `count_ignored`, lines that only `ignore` rules know (by a pattern without anchors) are counted in
    `Scan.ignored` and `Scan.known_lines` and make no hits; rules that step back from them (`_steps_back`) are counted
    beside them. Of the engine's rules nobody looks at the tag, so what a container prints word for word like the engine's
    noise counts as known.
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
        self._engine = header_of(TAG_FAMILIES["engine"] - WRAPPER_TAGS)
        engines = {index for index, rule in enumerate(rules) if not rule.event and "engine" in rule.programs}
        self._engines_noise = {self._first_ignored + index for index in engines}
        self._stepping_back = {index for index, rule in enumerate(rules) if _steps_back(rule)}
        self._others = {index for index, rule in enumerate(rules) if not family_tags(rule.programs) & _ENGINE_TAGS}
        """Rules that take no line under a tag of the engine."""

        def number_of(index: int, rule: Rule, pattern: Pattern) -> int:
            return self._first_ignored + index if count_ignored and _is_counted(rule, pattern) else index

        patterns = [
            (pattern, number_of(index, rule, pattern)) for index, rule in enumerate(rules) for pattern in rule.patterns
        ]
        own = [Expression(text, self._other) for text in other_tags_expressions()]
        foreign = (logrus.expression(), *logrus.bare_expressions(), *envelopes.expressions())
        own += [Expression(text + TO_LINE_END, self._foreign) for text in foreign]
        self._database = load_or_compile(patterns, own, cache_dir)

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
        found, ignored_ends, ignored_counts = self._count_ignored(data, ends, found)
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
        self, data: bytes, ends: Mapping[int, Sequence[int]], found: Sequence[tuple[int, int]]
    ) -> tuple[list[tuple[int, int]], set[int], dict[str, int]]:
        """Count what only `ignore` rules know; what is left to confirm is `found` without that, with what is in doubt."""
        hit = {end for end, _ in found}
        decided = self._hit_by_none_but(self._stepping_back | self._others, data, found, ends)
        known: set[int] = set()
        counts: Counter[str] = Counter()
        left = list(found)
        for number in ends:
            if number < self._first_ignored:
                continue
            lines = set(ends[number])
            others = hit - decided if number in self._engines_noise else hit
            doubtful = lines & others | self._under_other_tags(data, lines, number)
            if doubtful:
                lines -= doubtful
                left += [(end, number - self._first_ignored) for end in doubtful]
            if lines:
                known |= lines
                counts[self._ids[number - self._first_ignored]] = len(lines)
        if not known.isdisjoint(hit):
            counts.update(self._ids[rule] for end, rule in found if end in known and rule in self._stepping_back)
            left = [each for each in left if each[0] not in known or each[0] not in hit]
        return left, known, counts

    def _hit_by_none_but(
        self, rules: Collection[int], data: bytes, found: Sequence[tuple[int, int]], ends: Mapping[int, Sequence[int]]
    ) -> set[int]:
        """Lines plainly under the engine's tag that its noise hits, and besides none but some rules."""
        noise = {end for number in self._engines_noise & ends.keys() for end in ends[number]}
        lines = noise.intersection(end for end, _ in found)
        lines.difference_update(end for end, number in found if number not in rules)
        return {end for end in lines if self._engine.match(data, data.rfind(b"\n", 0, end - 1) + 1, end)}

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


def _steps_back(rule: Rule) -> bool:
    """Whether a rule makes nothing of a line of the engine that an `ignore` rule knows: no event, no failure, no metric."""
    counts = rule.metrics or rule.event == "api.error" or rule.event.endswith("_failed")  # as the extractor does
    unanchored = not any(map(is_anchored, rule.patterns))
    return rule.unless_other and not counts and rule.programs == {"engine"} and unanchored


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
