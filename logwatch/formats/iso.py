"""Stamps of rsyslog's ISO format (RSYSLOG_FileFormat) that name their offset, and near relations.

2026-11-23T20:18:41.257307+00:00      rsyslog; the fast way
2021-07-28T10:21:21Z
2024-11-03T12:00:01+0100              journalctl -o short-iso
2024-11-03 12:00:01,123 +01:00
1730635201.123456                     journalctl -o short-unix: seconds since 1970
"""

from __future__ import annotations

import re

from logwatch.formats.rfc3339 import Rfc3339

LONGEST = 42

ABSOLUTE = re.compile(
    rb"""
    (?P<date> \d{4} - \d\d - \d\d ) [Tt ]
    (?P<clock> \d\d : \d\d : \d\d )
    (?: [.,] (?P<fraction> \d{1,9} ) \d* )?
    [ ]? (?: [Zz] | (?P<hours> [+-]\d\d ) :? (?P<minutes> \d\d )? )
    (?= [ ] | \Z )
    """,
    re.VERBOSE,
)

UNIX = re.compile(rb"(?P<seconds>[0-9]{9,10})[.](?P<fraction>[0-9]{3,9})(?= )")


def parse(line: bytes, stamps: Rfc3339) -> tuple[int, int] | None:
    """Read the stamp that a line begins with: its time (ns) and where it ends; None where there is none."""
    end = line.find(b" ", 19, LONGEST)
    time_ns = stamps.read(line[:end])
    if time_ns is not None:
        return time_ns, end
    match = ABSOLUTE.match(line[:LONGEST])
    if match is None:
        unix = UNIX.match(line[:LONGEST])
        return None if unix is None else (int(unix["seconds"] + unix["fraction"].ljust(9, b"0")), unix.end())
    zone = match["hours"] + b":" + (match["minutes"] or b"00") if match["hours"] else b"Z"
    time_ns = stamps.read(match["date"] + b"T" + match["clock"] + b"." + (match["fraction"] or b"0") + zone)
    return None if time_ns is None else (time_ns, match.end())
