r"""Counting docker lines, and the engine's own by level, without reading their headers.

    Nov 23 18:12:57 vm dockerd[42]: time="2026-11-23T18:12:57.728700494Z" level=info msg=…
    ╵◀──── back ─────▶╵◀─────────────── ahead ────────────────▶╵

Host, tag, pid and the width of the stamps stay the same as long as an engine runs, and so do
the two distances from where `docker` first stands in a line, and the text from there to the tag's end: a `Shape`. One
regex goes from `docker` to `docker` through a chunk, and where a shape that it knows stands it takes the level with it. Any
other line with `docker` behind a blank is held against the grammar of headers, which may teach a new shape; shapes make this
fast and change no count.

The header before the tag must have a form that a container's output cannot have: no earlier
tag (`[` or `: `) in the line, or RFC 5424 with the tag as its APP-NAME. Lines under the tag of a shell are handed on: the
extractor knows whether the engine of their host has a tag of its own. Two approximations remain: a container whose own tag
is `docker` counts as the engine (the extractor knows better, see there), and headers are those that rsyslog writes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from logwatch.formats.tags import TAG_FAMILIES, WRAPPER_TAGS
from logwatch.matching.patterns import escape
from logwatch.model import Doubtful

LEVELS = ("debug", "info", "warning", "error", "fatal", "panic")
_DOCKER = b"docker"
_MAX_HEADER = 300
_MAX_SHAPES = 8
_LEARNT = 16
"""Lines of one shape in a chunk that make it worth knowing."""
_KEY = 11
"""Bytes that tell the level, in either form: `" level=inf`, `level":"inf`."""
_LEVEL_OF = {(form + level.encode())[:_KEY]: level for level in LEVELS for form in (b'" level=', b'level":"')}
_SAID = frozenset({b"", *_LEVEL_OF})


class Shape(NamedTuple):
    """Bytes of a line before `docker`, the text from there, and the bytes between that and the level.

    The text tells the engine from a container on a host that is called docker1, and from one
    tagged docker/web.
    """

    before: int
    text: bytes
    between: int

    def regex(self) -> bytes:
        """What stands behind `docker` in such a line, up to the level."""
        text = escape(self.text.removeprefix(_DOCKER))
        return rb"(?<=\n.{%d}docker)%b.{%d}" % (self.before, text, self.between)


class DaemonLines(NamedTuple):
    """The engine's lines of a chunk."""

    levels: Counter[str]
    docker: int
    """Lines that say `docker`, whoever writes them."""
    other: int
    """Lines of engines in which nothing says `docker`."""
    doubtful: Sequence[Doubtful]
    """Lines under the tag of a shell, which are in no other count unless they say `docker`."""


# ── what is looked for ───────────────────────────────────────────────────────────────


def docker_lines(shapes: Iterable[Shape]) -> re.Pattern[bytes]:
    """Match a line from where it first says `docker`, once.

    Its group is the level (a key of `_LEVEL_OF`) in a line of these shapes, some other text in one whose tag
    may begin there, and empty in any other. A text found by `re` takes a third of what hyperscan needs to tell where a match begins.
    """
    known = b"|".join([rb"(?!)", *(shape.regex() for shape in shapes)])
    level = b"(?:" + _either(_LEVEL_OF) + b")"
    return re.compile(
        rb"docker(?:(?:(?:" + known + b")(?=" + level + rb")|(?<=[ ]docker)(?!" + level + rb"))(.{0,%d}))?.*" % _KEY
    )


def other_tags_expressions() -> list[bytes]:
    """What the scanner looks for: what may be the tag of an engine that does not call itself docker."""
    tags = {tag for tag in TAG_FAMILIES["engine"] if "docker" not in tag}
    wrapped = rb'(?:\[[0-9]+\]:|:| [^ \n]+ [^ \n]+ -) {0,2}\.*time="'
    # Each tag an expression of its own: plain literals cost least.
    return [
        *(escape(tag.encode()) for tag in sorted(tags - WRAPPER_TAGS)),
        b" (?:" + _either(tag.encode() for tag in tags & WRAPPER_TAGS) + b")" + wrapped,
        rb'(?m)^\.*time="[0-9]{4}-',  # no header at all
    ]


def _either(texts: Iterable[bytes]) -> bytes:
    return b"|".join(escape(text) for text in sorted(texts))


# ── what it is ───────────────────────────────────────────────────────────────────────


def _header(tags: Iterable[str], payload: bytes) -> bytes:
    names = b"(?:" + _either(tag.encode() for tag in tags) + b")"
    syslog = rb"[^<\s][^\s\[]+ (?:[^\n:\[]|:[^\n ])*? ?" + names + rb"(?:\[[0-9]+\])?:"
    rfc5424 = rb"1 [^ \n]+ [^ \n]+ " + names + rb" [^ \n]+ [^ \n]+ (?:-|\[[^\n]*?\])"
    return rb"(?:<[0-9]{1,3}>)?(?:" + syslog + b"|" + rfc5424 + b") {0,2}" + payload


def header_of(tags: Iterable[str]) -> re.Pattern[bytes]:
    """Match the header of a line that is written under one of these tags, in the forms that rsyslog writes."""
    return re.compile(_header(tags, b""))


_ENGINE = re.compile(
    _header(TAG_FAMILIES["engine"] - WRAPPER_TAGS, b"")
    + b"|(?P<wrapper>"
    + _header(WRAPPER_TAGS, rb'(?=\.*time="|\{")')
    + b")"
    + rb'|(?=\.*time="[0-9]{4}-)'  # no header at all
)
_LEVEL = re.compile(
    rb"""
      \.* time="[^"\n]{0,40} (?P<text> "[ ]level= [a-z]+ )         # time="2026-11-23T18:12:57Z" level=info
    | \{ [^\n]*? "(?P<json> level":" [a-z]+ )                      # {"container":"8dd3","level":"info"
    """,
    re.VERBOSE,
)


class DaemonLineCounter:
    """Counts docker lines and the engine's; remembers the shapes it has seen."""

    def __init__(self) -> None:
        self._shapes: list[Shape] = []
        self._lines = docker_lines(())

    def count(self, data: bytes, others: Sequence[int]) -> DaemonLines:
        """Count in whole lines of bytes; `others` is where what may be the tag of another engine ends."""
        lines = b"\n" + data  # so that the first begins like all others
        groups = Counter(self._lines.findall(lines))
        levels: Counter[str] = Counter()
        for key in groups.keys() & _LEVEL_OF.keys():
            levels[_LEVEL_OF[key]] += groups[key]
        doubtful: list[Doubtful] = []
        if groups.keys() - _SAID:
            doubtful += self._count_unknown(lines, levels)
        other = 0
        for start in _starts(data, others):
            found = _find_other(data, start)
            if found is None:
                continue
            if found.wrapped:
                doubtful.append(Doubtful(start, found.level, says_docker=False))
                continue
            other += 1
            if found.level is not None:
                levels[found.level] += 1
        return DaemonLines(levels, groups.total(), other, sorted(doubtful))

    def _count_unknown(self, lines: bytes, levels: Counter[str]) -> Iterator[Doubtful]:
        """Count the lines that are of no known shape by the grammar, and learn the shapes that many of them have; those of shells are yielded."""
        places = [match.start() for match in self._lines.finditer(lines) if (match[1] or b"") not in _SAID]
        shapes: Counter[Shape] = Counter()
        for place in places:
            start = lines.rfind(b"\n", 0, place) + 1
            found = _find_level(lines, start)
            if found is None:
                continue
            header_end, key, wrapped = found
            level = _LEVEL_OF[lines[key : key + _KEY]]
            if wrapped:
                yield Doubtful(start - 1, level, says_docker=True)
                continue
            levels[level] += 1
            if place < header_end:
                shapes[Shape(place - start, lines[place:header_end], key - header_end)] += 1
        learnt = [shape for shape, count in shapes.most_common(_MAX_SHAPES) if count >= _LEARNT]
        if learnt:
            self._shapes = [*learnt, *self._shapes][:_MAX_SHAPES]
            self._lines = docker_lines(self._shapes)


def _starts(data: bytes, places: Iterable[int]) -> Iterator[int]:
    """Where the lines of these places begin, each line once however many places it has."""
    line_end = -1
    for place in sorted(places):
        if place > line_end:
            yield data.rfind(b"\n", 0, place - 1) + 1
            line_end = data.find(b"\n", place - 1)


def count_docker(data: bytes, ends: Iterable[int]) -> int:
    """How many of the lines that end there say `docker`."""
    return sum(data.find(_DOCKER, data.rfind(b"\n", 0, end - 1) + 1, end) >= 0 for end in ends)


class _Other(NamedTuple):
    """A line of an engine in which nothing says `docker`."""

    level: str | None
    wrapped: bool
    """Its tag is a shell's."""


def _find_other(data: bytes, start: int) -> _Other | None:
    """A line without a known shape; None if it is not an engine's or says `docker`."""
    end = data.find(b"\n", start)
    if data.find(_DOCKER, start, end) >= 0:
        return None
    header = _ENGINE.match(data, start, min(end, start + _MAX_HEADER))
    if header is None:
        return None
    found = _find_level(data, start)
    level = _LEVEL_OF[data[found[1] : found[1] + _KEY]] if found is not None else None
    return _Other(level, header["wrapper"] is not None)


def _find_level(data: bytes, start: int) -> tuple[int, int, bool] | None:
    """Where the header of the engine's line that starts here ends, where its level is, and whether its tag is a shell's; None for any other line."""
    header = _ENGINE.match(data, start, start + _MAX_HEADER)
    match = _LEVEL.match(data, header.end()) if header is not None else None
    if header is None or match is None:
        return None
    key = match.start(str(match.lastgroup))
    known = data[key : key + _KEY] in _LEVEL_OF
    return (header.end(), key, header["wrapper"] is not None) if known else None
