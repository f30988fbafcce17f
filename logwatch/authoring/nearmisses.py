"""Rules that almost take a line, and what keeps them from it.

Two kinds. The scanner found a rule's text in the line, and the rule did not take it: the text
is elsewhere, or another program wrote it. Or most of a rule's text is there: its first words,
or most of what a regex wants literally.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from logwatch.formats.tags import family_tags
from logwatch.matching.patterns import Token, compile_regex, is_anchored, tokens
from logwatch.model import Pattern, Record, Rule

MOST = 5
SHORTEST_RUN = 4
"""Fewer literal characters than this are in lines of every kind."""
ENOUGH = 0.6
"""So much of a rule's text must be there."""
ALL_THERE = 0.99
SHORTEST_TEXT = 10
"""A rule with less literal text is like every line."""
BEGUN = 0.3
"""So much, where the beginning of it is there."""
EVERYWHERE = (
    b"container=",
    b"error=",
    b" ",
    b"level=",
    b"info ",
    b"error ",
    b"warning ",
    b"debug ",
    b'msg="',
    b'"msg":"',
    b'"',
    b" ",
)
"""Common to all lines, so not a similarity; removed from both ends in this order."""


class NearMiss(NamedTuple):
    """A rule that almost takes a line."""

    rule: str
    why: str
    likeness: float
    """1 where all of its text is in the line."""


class Line(NamedTuple):
    """What is known of the line that a rule does not take."""

    record: Record
    found: Collection[int]
    """Rules whose patterns the scanner found anywhere in it."""
    speaks: bool
    """It has the form of an engine's line, or its tag is not the engine's."""
    barred: bool
    """Its tag is known to be another's on that host."""


def near_misses(rules: Sequence[Rule], line: Line, taken: Collection[str]) -> list[NearMiss]:
    """The rules nearest to taking a line, with the cause; partial texts only where no rule takes it."""
    misses = []
    for index, rule in enumerate(rules):
        if rule.id in taken:
            continue
        if index in line.found:
            misses.append(NearMiss(rule.id, _why_refused(rule, line), 1.0))
        elif not taken and line.record.tag in family_tags(rule.programs):
            misses += _partial(rule, line.record.message)
    misses.sort(key=lambda miss: (-miss.likeness, miss.rule))
    return misses[:MOST]


# ── the text is there ────────────────────────────────────────────────────────────────


def _why_refused(rule: Rule, line: Line) -> str:
    """Why a rule whose text is in the line did not take it."""
    record = line.record
    if not any(matches(pattern, record.message) for pattern in rule.patterns):
        anchored = any(is_anchored(pattern) for pattern in rule.patterns)
        where = "where it is anchored (^ and $ mean the message's ends)" if anchored else "in the message"
        return f"its text is found in the line, but not {where}"
    if record.tag not in family_tags(rule.programs):
        return f"its text is found, but the tag '{record.tag}' is not among program: {', '.join(sorted(rule.programs))}"
    if line.barred:
        return f"its text is found, but on host '{record.host}' the engine's own tag is another than '{record.tag}'"
    if not line.speaks:
        return 'its text is found, but the message does not begin as the engine\'s do (time="…", {"…", a job line)'
    return "its text is found, but the line was refused"


def matches(pattern: Pattern, message: bytes) -> bool:
    """Whether a pattern is in a message."""
    if not pattern.regex:
        return pattern.text.encode() in message
    return compile_regex(pattern.text).search(message) is not None


# ── a part of it is there ────────────────────────────────────────────────────────────


def _partial(rule: Rule, message: bytes) -> Iterator[NearMiss]:
    """The pattern of a rule of which most is in the message."""
    likest = max((_likeness(pattern, message) for pattern in rule.patterns), default=(0.0, ""))
    if likest[0] > 0:
        yield NearMiss(rule.id, likest[1], likest[0])


def _likeness(pattern: Pattern, message: bytes) -> tuple[float, str]:
    """How much of a pattern's text is in the message, and what is not."""
    runs = literal_runs(pattern.text) if pattern.regex else [pattern.text.encode()]
    runs = [run for run in map(_characteristic, runs) if len(run) >= SHORTEST_RUN]
    total = sum(map(len, runs))
    if total < SHORTEST_TEXT:
        return 0.0, ""
    parts = [(run, _beginning(run, message)) for run in runs]
    matched = sum(len(part) for _, part in parts)
    begun = len(parts[0][1]) >= SHORTEST_TEXT and matched >= total * BEGUN
    if not begun and matched < total * ENOUGH:
        return 0.0, ""
    broken = next(((run, part) for run, part in parts if part != run), None)
    if broken is None:
        return ALL_THERE, "all of its literal text is there, but the text between does not match the regex"
    run, part = (text.decode(errors="replace") for text in broken)
    if not part:
        return matched / total, f"parts of its text are there, but not {run!r}"
    return matched / total, f"only the first words are there: {part!r} is not followed by {run.removeprefix(part)!r}"


def _characteristic(run: bytes) -> bytes:
    """A text without what lines of all kinds have in common."""
    for common in EVERYWHERE:
        run = run.removeprefix(common).removesuffix(common)
    return run


def _beginning(run: bytes, message: bytes) -> bytes:
    """The first words of a text, as many as are in the message together."""
    words = run.split(b" ")
    starts = (b" ".join(words[:count]) for count in range(len(words), 0, -1))
    return next((start for start in starts if start.strip() and start in message), b"")


def literal_runs(regex: str) -> list[bytes]:
    """The runs of literal characters outside of groups: the text that every match holds."""
    runs, run, depth = [], b"", 0
    pieces = list(tokens(regex.encode()))
    if any(piece.kind == "or" for piece in _outside(regex)):
        return []
    for piece, after in zip(pieces, [*pieces[1:], None], strict=True):
        depth += (piece.kind == "open") - (piece.kind == "close")
        literal = (piece.kind == "atom" and piece.text != b".") or (
            piece.kind == "escape" and not piece.text[1:2].isalnum()
        )
        repeated = after is not None and after.kind == "repeat"
        if literal and not repeated and depth == 0:
            run += piece.text.removeprefix(b"\\") if piece.kind == "escape" else piece.text
            continue
        if run:
            runs.append(run)
        run = b""
    return [*runs, run] if run else runs


def _outside(regex: str) -> Iterator[Token]:
    """The pieces of a regex outside of groups."""
    depth = 0
    for piece in tokens(regex.encode()):
        depth += (piece.kind == "open") - (piece.kind == "close")
        if depth == 0:
            yield piece
