r"""Counting what the engine's own lines are, without reading their headers.

The scanner finds, beside the rules, two kinds of places in a chunk:

    docker           the end of every line that contains `docker`
    Nov 23 18:12:57 vm dockerd[42]: time="2026-11-23T18:12:57.728700494Z" level=info msg=…
                                          ╵ here the engine's own payload begins

From the second, the level stands some twenty to forty bytes ahead, at a distance that one engine
keeps as long as it runs. So a chunk's levels are a handful of slices counted in C.

The header before the tag is held to the shapes that a container cannot print: there is no
earlier tag (`[` or `: `) in the line, or it is RFC 5424 with the tag as its APP-NAME. Two
approximations remain: a container whose own tag is `docker` or `sh` counts as the engine (the
extractor knows better, see there), and header forms that rsyslog does not write are not seen.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from logwatch.formats.tags import TAG_FAMILIES
from logwatch.patterns import TO_LINE_END, escape

LEVELS = ("debug", "info", "warning", "error", "fatal", "panic")
_WRAPPERS = frozenset({"sh", "bash", "env"})
"""Tags of scripts that start an engine: only lines in logrus' form are its."""
_KEY = 11
"""Bytes that tell the level: `" level=inf`."""
_LEVEL_OF = {f'" level={level}'.encode()[:_KEY]: level for level in LEVELS}
# RFC3339 with nanoseconds, in UTC and with an offset; without fraction, in UTC and with an offset.
_STAMP_WIDTHS = (30, 35, 20, 25)
_LEVEL = re.compile(
    rb"""
      [^"\n]{0,40} "[ ]level= (?P<text> [a-z]+ )      # 2026-11-23T18:12:57Z" level=info
    | [^\n]*? "level":" (?P<json> [a-z]+ ) "          # container":"8dd3","level":"info"
    """,
    re.VERBOSE,
)


def docker_expression() -> bytes:
    """Match to the end of every line that contains `docker`."""
    return b"docker" + TO_LINE_END


def payload_expression() -> bytes:
    """Match up to where the payload of an engine's line begins: behind `time="` or `{"`."""
    return _header(TAG_FAMILIES["engine"]) + rb'\.*(?:time="|\{")'


def other_tags_expression() -> bytes:
    """Match to the end of the lines of engines whose tag does not contain `docker`."""
    tags = {tag for tag in TAG_FAMILIES["engine"] if "docker" not in tag}
    own = _header(tags - _WRAPPERS) + TO_LINE_END
    wrapped = _header(tags & _WRAPPERS) + rb'\.*time="' + TO_LINE_END
    return b"(?:" + own + b"|" + wrapped + b")"


def _header(tags: Iterable[str]) -> bytes:
    """From the start of a line to the message, for lines of these tags."""
    names = b"|".join(escape(tag.encode()) for tag in sorted(tags))
    syslog = rb"[^<\s][^\s\[]+(?:[^\n:\[]|:[^\n ])* (?:" + names + rb")(?:\[[0-9]+\])?:"
    rfc5424 = rb"1 [^ \n]+ [^ \n]+ (?:" + names + rb") [^ \n]+ [^ \n]+ (?:-|\[[^\n]*\])"
    return rb"^(?:<[0-9]{1,3}>)?(?:" + syslog + b"|" + rfc5424 + b") {0,2}"


def count_levels(data: bytes, payloads: Sequence[int]) -> Counter[str]:
    """Count the levels of the payloads that begin at these offsets."""
    levels: Counter[str] = Counter()
    rest = payloads
    for width in _STAMP_WIDTHS:
        if not rest:
            return levels
        keys = Counter([data[start + width : start + width + _KEY] for start in rest])
        found = {key: count for key, count in keys.items() if key in _LEVEL_OF}
        for key, count in found.items():
            levels[_LEVEL_OF[key]] += count
        if sum(found.values()) == len(rest):
            return levels
        if found:
            rest = [start for start in rest if data[start + width : start + width + _KEY] not in found]
    levels.update(_search_levels(data, rest))
    return levels


def _search_levels(data: bytes, payloads: Sequence[int]) -> Iterable[str]:
    for start in payloads:
        match = _LEVEL.match(data, start)
        level = match and (match["text"] or match["json"]).decode()
        if level in LEVELS:
            yield level
