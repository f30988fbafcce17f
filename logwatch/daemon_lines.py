r"""Counting the engine's own lines by level, without reading their headers.

`find_docker_lines` tells where `docker` first stands in a line, so for an engine's line:

    Nov 23 18:12:57 vm dockerd[42]: time="2026-11-23T18:12:57.728700494Z" level=info msg=…
    ╵◀──── back ─────▶╵◀─────────────── ahead ────────────────▶╵

Host, tag, pid and the width of the stamps stay the same as long as an engine runs, and so do
these two distances and the text from `docker` to the tag's end: a `Shape`. Whatever line has that text, a
newline just so far back and a level just so far ahead is counted by three looks at the bytes. Any other is held against the grammar of headers,
which may teach a new shape; shapes make this fast and change no count.

The header before the tag must have a form that a container's output cannot have: no earlier
tag (`[` or `: `) in the line, or RFC 5424 with the tag as its APP-NAME. Two approximations
remain: a container whose own tag is `docker` or `sh` counts as the engine (the extractor
knows better, see there), and headers are those that rsyslog writes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from logwatch.formats.tags import TAG_FAMILIES
from logwatch.patterns import escape

LEVELS = ("debug", "info", "warning", "error", "fatal", "panic")
_DOCKER = b"docker"
_DOCKER_LINE = re.compile(rb"docker[^\n]*\n")
_NEWLINE, _BLANK = b"\n "
_WRAPPERS = frozenset({"sh", "bash", "env"})
"""Tags of scripts that start an engine: only lines in logrus' form are its."""
_MAX_HEADER = 300
_MAX_SHAPES = 8
_KEY = 11
"""Bytes that tell the level, in either form: `" level=inf`, `level":"inf`."""
_LEVEL_OF = {(form + level.encode())[:_KEY]: level for level in LEVELS for form in (b'" level=', b'level":"')}


class Shape(NamedTuple):
    """Distances from where `docker` begins to the newline before, and to the level; and what stands there.

    The text tells the engine from a container on a host that is called docker1, and from one
    tagged docker/web.
    """

    back: int
    ahead: int
    text: bytes


class DaemonLines(NamedTuple):
    """The engine's lines of a chunk."""

    levels: Counter[str]
    other: int
    """Lines of engines in which nothing says `docker`."""


# ── what is looked for ───────────────────────────────────────────────────────────────


def find_docker_lines(data: bytes) -> list[tuple[int, int]]:
    """Find every line that contains `docker`: where it first stands there, and where the next line begins.

    One text, found by `re`, takes a third of what hyperscan needs when it has to tell where a match begins.
    """
    return [match.span() for match in _DOCKER_LINE.finditer(data)]


def other_tags_expressions() -> list[bytes]:
    """What the scanner looks for: what may be the tag of an engine that does not call itself docker."""
    tags = {tag for tag in TAG_FAMILIES["engine"] if "docker" not in tag}
    wrapped = rb'(?:\[[0-9]+\]:|:| [^ \n]+ [^ \n]+ -) {0,2}\.*time="'
    # Each tag an expression of its own: plain literals cost least.
    return [
        *(escape(tag.encode()) for tag in sorted(tags - _WRAPPERS)),
        b" (?:" + _either(tags & _WRAPPERS) + b")" + wrapped,
    ]


def _either(tags: Iterable[str]) -> bytes:
    return b"|".join(escape(tag.encode()) for tag in sorted(tags))


# ── what it is ───────────────────────────────────────────────────────────────────────


def _header(tags: Iterable[str], payload: bytes) -> bytes:
    names = b"(?:" + _either(tags) + b")"
    syslog = rb"[^<\s][^\s\[]+ (?:[^\n:\[]|:[^\n ])*? ?" + names + rb"(?:\[[0-9]+\])?:"
    rfc5424 = rb"1 [^ \n]+ [^ \n]+ " + names + rb" [^ \n]+ [^ \n]+ (?:-|\[[^\n]*?\])"
    return rb"(?:<[0-9]{1,3}>)?(?:" + syslog + b"|" + rfc5424 + b") {0,2}" + payload


def header_of(tags: Iterable[str]) -> re.Pattern[bytes]:
    """Match the header of a line that is written under one of these tags, in the forms that rsyslog writes."""
    return re.compile(_header(tags, b""))


_ENGINE = re.compile(
    _header(TAG_FAMILIES["engine"] - _WRAPPERS, b"") + b"|" + _header(_WRAPPERS, rb'(?=\.*time="|\{")')
)
_LEVEL = re.compile(
    rb"""
      \.* time="[^"\n]{0,40} (?P<text> "[ ]level= [a-z]+ )         # time="2026-11-23T18:12:57Z" level=info
    | \{ [^\n]*? "(?P<json> level":" [a-z]+ )                      # {"container":"8dd3","level":"info"
    """,
    re.VERBOSE,
)


class DaemonLineCounter:
    """Counts the engine's lines; remembers the shapes it has seen."""

    def __init__(self) -> None:
        self._shapes: list[Shape] = []

    def count(self, data: bytes, dockers: Sequence[int], others: Sequence[int]) -> DaemonLines:
        """Count in whole lines of bytes.

        `dockers` is where `docker` first stands, in each line that contains it; `others` is
        where what may be the tag of another engine ends.
        """
        levels: Counter[str] = Counter()
        rest = dockers
        for shape in tuple(self._shapes):
            if not rest:
                break
            rest = _count_shape(data, rest, shape, levels)
        for place in rest:
            if not place or data[place - 1] == _BLANK:
                self._learn(data, place, levels)
        other = {data.rfind(b"\n", 0, end - 1) + 1 for end in others}
        return DaemonLines(levels, sum(_count_other(data, start, levels) for start in other))

    def _learn(self, data: bytes, place: int, levels: Counter[str]) -> None:
        """Count a line by the grammar, and remember its shape."""
        start = data.rfind(b"\n", 0, place) + 1
        found = _find_level(data, start)
        if found is None:
            return
        header_end, key = found
        levels[_LEVEL_OF[data[key : key + _KEY]]] += 1
        shape = Shape(place - start + 1, key - place, data[place:header_end])
        self._shapes = [shape, *self._shapes[: _MAX_SHAPES - 1]]


def _count_shape(data: bytes, places: Sequence[int], shape: Shape, levels: Counter[str]) -> Sequence[int]:
    """Count the lines of a shape; return the places of all others."""
    back, ahead, text = shape
    # The very first line has no newline before it: an index below zero would look at the end.
    first = next((index for index, place in enumerate(places) if place >= back), len(places))
    head, body = places[:first], places[first:]
    near = [place for place in body if data[place - back] == _NEWLINE and data.startswith(text, place)]
    found = 0
    for key, count in Counter([data[place + ahead : place + ahead + _KEY] for place in near]).items():
        level = _LEVEL_OF.get(key)
        if level is not None:
            levels[level] += count
            found += count
    if found == len(body):
        return head
    other = [place for place in body if data[place - back] != _NEWLINE or not data.startswith(text, place)]
    far = [place for place in other if data[place - 1] == _BLANK]
    if found < len(near):
        far += [place for place in near if data[place + ahead : place + ahead + _KEY] not in _LEVEL_OF]
    return [*head, *far]


def _count_other(data: bytes, start: int, levels: Counter[str]) -> bool:
    """Count a line without a known shape; whether it is an engine's and does not say `docker`."""
    end = data.find(b"\n", start)
    if data.find(_DOCKER, start, end) >= 0 or not _ENGINE.match(data, start, min(end, start + _MAX_HEADER)):
        return False
    found = _find_level(data, start)
    if found is not None:
        levels[_LEVEL_OF[data[found[1] : found[1] + _KEY]]] += 1
    return True


def _find_level(data: bytes, start: int) -> tuple[int, int] | None:
    """Where the header of the engine's line that starts here ends, and where its level stands; None if it is no such line."""
    header = _ENGINE.match(data, start, start + _MAX_HEADER)
    match = _LEVEL.match(data, header.end()) if header is not None else None
    if header is None or match is None:
        return None
    key = match.start(str(match.lastgroup))
    return (header.end(), key) if data[key : key + _KEY] in _LEVEL_OF else None
