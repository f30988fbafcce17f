"""Who wrote a line, as headers other than RFC 5424's tell it: `host tag[pid]: `.

As rsyslog's traditional and ISO file formats write it (RFC 3164 §4.1, loosely), and what
other writers make of it:

    vm dockerd[4242]: msg        vm dockerd: msg          EL 7: no pid
    vm docker/web[1120]: msg     a container's tag; may hold / : - .
    kernel: msg                  no host (also as two blanks)
    box daemon.info dockerd[7]: msg    busybox: facility and severity stand before the tag
    box daemon.info/vm dockerd[7]: msg    syslog-ng: and the source behind them
    vm kernel:msg            no blank behind the colon: only tags that everybody knows
    vm last message repeated 3 times   no tag at all
    web[8433] msg                      no colon, and here no host: a container's tag, never a host's name
"""

from __future__ import annotations

import re
from typing import NamedTuple

ORIGINS_KEPT = 4096
ROOM = 512


class Origin(NamedTuple):
    """Who wrote a line; host and tag are empty where the header has none."""

    host: str
    tag: str
    pid: str | None


PRIORITY = re.compile(
    rb"""
    (?: kern | user | mail | daemon | auth | syslog | lpr | news | uucp | cron | authpriv | ftp | ntp | security | console
      | local[0-7] )
    [.]
    (?: emerg | panic | alert | crit | err | error | warn | warning | notice | info | debug )
    (?: / \S* )?
    """,
    re.VERBOSE,
)
TAG = re.compile(
    rb"""
    (?P<tag> [^\s"=]+? ) \[ (?P<pid> [^\s\[\]]* ) \] :     # dockerd[4242]:   also glued to its message
    | (?P<glued> kernel | dockerd | containerd ) : (?= [^\s:] )
    | (?P<bare> [^\s"=]+ ) : (?= [ ] | \Z )                # kernel:   registry:2:
    """,
    re.VERBOSE,
)

COLONLESS = re.compile(
    rb"""
    (?P<tag> [^\s"=:\[\]]+ ) \[ (?P<pid> [^\s\[\]]* ) \] (?= [ ] | \Z )   # web[8433]   what RFC 5424 brought, without its colon
    """,
    re.VERBOSE,
)


class Origins:
    """Splits host and tag off; remembers those seen, which changes nothing but the speed."""

    def __init__(self) -> None:
        self._known: dict[bytes, Origin] = {}

    def split(self, line: bytes, start: int) -> tuple[Origin, bytes]:
        """Who wrote the line whose stamp ends before `start`, and the message."""
        colon = line.find(b": ", start, start + ROOM)
        origin = self._known.get(line[start:colon])
        if origin is not None and colon >= 0:
            return origin, line[colon + 2 :]
        return self._split(line, start, colon)

    def _split(self, line: bytes, start: int, colon: int) -> tuple[Origin, bytes]:
        host, position = _host(line, start)
        if b"[" in host:  # no host has one: it is a tag, and what follows is already the message
            host, position = b"", start
        tag = TAG.match(line, position, position + ROOM)
        if tag is None:
            return _without_colon(line, host, position)
        pid = tag["pid"]
        origin = Origin(
            _decoded(host), _decoded(tag["tag"] or tag["bare"] or tag["glued"]), _decoded(pid) if pid else None
        )
        if tag.end() == colon + 1:
            if len(self._known) >= ORIGINS_KEPT:
                self._known.clear()
            self._known[line[start:colon]] = origin
        end = tag.end()
        return origin, line[end + 1 :] if line[end : end + 1] == b" " else line[end:]


def _without_colon(line: bytes, host: bytes, position: int) -> tuple[Origin, bytes]:
    """Who wrote a line in which no colon ends the tag."""
    tag = COLONLESS.match(line, position, position + ROOM)
    if tag is None:
        return Origin(_decoded(host), "", None), line[position:]
    return Origin(_decoded(host), _decoded(tag["tag"]), _decoded(tag["pid"]) or None), line[tag.end() + 1 :]


def _host(line: bytes, start: int) -> tuple[bytes, int]:
    """The host, empty where it is missing, and where the tag begins."""
    words = line[start : start + ROOM].split(b" ", 2)
    first = words[0]
    if not first:
        return b"", start + 1
    if PRIORITY.fullmatch(first):
        return b"", start + len(first) + 1
    if TAG.match(first):
        return b"", start
    position = start + len(first) + 1
    if len(words) > 1 and PRIORITY.fullmatch(words[1]):
        position += len(words[1]) + 1
    return first, position


def _decoded(text: bytes) -> str:
    return text.decode(errors="replace")
