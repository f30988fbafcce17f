"""Stamps that say all: date, time and offset, as RFC 3339 writes them.

The header of rsyslog's newer formats and the payload's own `time=` are such stamps, and
neighbouring lines share their minute. So a minute is worked out once and remembered;
seconds and fraction are added by slicing.
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
