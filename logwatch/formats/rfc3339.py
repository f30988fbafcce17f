"""Stamps that say all: date, time and offset, as RFC 3339 writes them.

The header of rsyslog's newer formats and the payload's own `time=` are such stamps, and
neighbouring lines share their minute. So a minute is worked out once and remembered;
seconds and fraction are added by slicing. Near relations that name their offset are read, too:

2026-11-23T20:18:41.257307+00:00      rsyslog's RSYSLOG_FileFormat; the fast way
2021-07-28T10:21:21Z
2024-11-03T12:00:01+0100              journalctl -o short-iso
2024-11-03 12:00:01,123 +01:00
1730635201.123456                     journalctl -o short-unix: seconds since 1970
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from logwatch.model import SECOND

MINUTES_KEPT = 512
FIRST_YEAR, LAST_YEAR = 1970, 2261  # nanoseconds of later years do not fit 64 bits

SCALE = tuple(int(SECOND // 10**digits) for digits in range(10))
"""Number of fraction digits to what one unit of the last is worth, in nanoseconds."""

MINUTE = re.compile(
    rb"""
    (?P<year>\d{4}) - (?P<month>\d\d) - (?P<day>\d\d)   # 2026-11-23
    [Tt ]
    (?P<hour>\d\d) : (?P<minute>\d\d) :                 # 20:18:
    (?: Z | (?P<sign>[+-]) (?P<hours>\d\d) : (?P<minutes>[0-5]\d) )  # Z, +01:00
    """,
    re.VERBOSE,
)


class Rfc3339:
    """Reads RFC 3339 stamps; remembers minutes, which changes nothing but the speed.

    The last minute and its zone stand apart: stamps of one writer differ in seconds and fraction only.
    """

    def __init__(self) -> None:
        self._minutes: dict[bytes, int] = {}
        self._minute = self._zone = b""
        self._minute_ns = self._fraction_end = 0
        self._scale = 1

    def read(self, text: bytes) -> int | None:
        """Nanoseconds since the epoch, or None where the text is not such a stamp.

        More than nine digits of fraction are cut; second 60 is the next minute's first.
        """
        if text[:17] == self._minute and text[self._fraction_end :] == self._zone:
            digits = text[17:19] + text[20 : self._fraction_end]
            if digits.isdigit() and digits < b"61":
                return self._minute_ns + int(digits) * self._scale
        return self._read(text)

    def _read(self, text: bytes) -> int | None:
        zone = text[-1:] if text[-1:] == b"Z" else text[-6:]
        fraction = text[20 : -len(zone)]
        digits = (text[17:19] + fraction)[:11]
        if not digits.isdigit() or digits >= b"61":
            return None
        minute_ns = self._minutes.get(text[:17] + zone)
        if minute_ns is None:
            minute_ns = self._remember(text[:17] + zone)
            if minute_ns is None:
                return None
        scale = SCALE[len(digits) - 2]
        if 0 < len(fraction) <= 9:
            self._minute, self._zone, self._minute_ns, self._scale = text[:17], zone, minute_ns, scale
            self._fraction_end = 20 + len(fraction)
        return minute_ns + int(digits) * scale

    def _remember(self, minute: bytes) -> int | None:
        match = MINUTE.fullmatch(minute)
        if match is None or not FIRST_YEAR < int(match["year"]) < LAST_YEAR:
            return None
        year, month, day, hour, past = (int(match[name]) for name in ("year", "month", "day", "hour", "minute"))
        try:
            moment = datetime(year, month, day, hour, past, tzinfo=UTC)
        except ValueError:
            return None
        seconds = round(moment.timestamp()) - _offset(match)
        if len(self._minutes) >= MINUTES_KEPT:
            self._minutes.clear()
        self._minutes[minute] = seconds * SECOND
        return seconds * SECOND


def _offset(match: re.Match[bytes]) -> int:
    if match["sign"] is None:
        return 0
    seconds = int(match["hours"]) * 3600 + int(match["minutes"]) * 60
    return -seconds if match["sign"] == b"-" else seconds


LONGEST_ABSOLUTE = 42

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


def read_absolute(line: bytes, stamps: Rfc3339) -> tuple[int, int] | None:
    """Read the stamp that a line begins with: its time (ns) and where it ends; None where there is none."""
    end = line.find(b" ", 19, LONGEST_ABSOLUTE)
    time_ns = stamps.read(line[:end])
    if time_ns is not None:
        return time_ns, end
    match = ABSOLUTE.match(line[:LONGEST_ABSOLUTE])
    if match is None:
        unix = UNIX.match(line[:LONGEST_ABSOLUTE])
        return None if unix is None else (int(unix["seconds"] + unix["fraction"].ljust(9, b"0")), unix.end())
    zone = match["hours"] + b":" + (match["minutes"] or b"00") if match["hours"] else b"Z"
    time_ns = stamps.read(match["date"] + b"T" + match["clock"] + b"." + (match["fraction"] or b"0") + zone)
    return None if time_ns is None else (time_ns, match.end())
