"""Headers of RFC 5424, as rsyslog's RSYSLOG_SyslogProtocol23Format writes them to a file.

    <30>1 2026-11-23T20:20:40.379574+00:00 vm dockerd 25552 - [meta seq="1"]  time="…" level=info …

A `-` means: not known. rsyslog leaves the blank before MSG in, so there are two.
"""

from __future__ import annotations

import re

from logwatch.formats.rfc3164 import Origin

NIL = b"-"
BOM = b"\xef\xbb\xbf"
ORIGINS_KEPT = 4096
ROOM = 1024
"""Bytes of host, tag and process id. RFC 5424 grants them 431 together; what is kept of hosts must not grow with a line."""

STRUCTURED = re.compile(
    rb"""
    (?: \[
        (?: [^"\]\\] | \\. | " (?: [^"\\] | \\. )*+ " )*+    # meta seq="1" text="a \" and a \]"
    \] )++
    (?= [ ] | \Z )
    """,
    re.VERBOSE | re.DOTALL,
)


class Lines:
    """Splits lines of RFC 5424; remembers origins, which changes nothing but the speed."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, bytes, bytes], Origin] = {}

    def split(self, line: bytes) -> tuple[bytes, Origin, bytes] | None:
        """Stamp, origin and message of a line; None where it is not of this form."""
        words = line.split(b" ", 6)
        if len(words) < 7:
            return None
        version, stamp, host, app, pid, _, rest = words
        if version != b"1" and version[-2:] != b">1":
            return None
        message = _message(rest)
        if message is None:
            return None
        origin = self._known.get((host, app, pid))
        if origin is None:
            if len(host) + len(app) + len(pid) > ROOM:
                return None
            origin = self._remember(host, app, pid)
        return stamp, origin, message

    def _remember(self, host: bytes, app: bytes, pid: bytes) -> Origin:
        if len(self._known) >= ORIGINS_KEPT:
            self._known.clear()
        host_name, tag, process = ("" if word == NIL else word.decode(errors="replace") for word in (host, app, pid))
        origin = Origin(host_name, tag, process or None)
        self._known[host, app, pid] = origin
        return origin


def _message(rest: bytes) -> bytes | None:
    """What follows the structured data; None where that is not structured data."""
    if rest[:2] == b"- ":
        start = 2
    elif rest == NIL:
        return b""
    else:
        data = STRUCTURED.match(rest)
        if data is None:
            return None
        start = data.end() + 1
    if rest[start : start + 1] == b" ":
        start += 1
    if rest[start : start + 3] == BOM:
        start += 3
    return rest[start:]
