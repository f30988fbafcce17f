"""The time that a message carries itself, beside its header's.

The engine writes `time="…"` first (up to 1.12 behind one dot per container it has
loaded), on a terminal `INFO[…]`, its JSON form has `"time"`, the JSON of `docker events` also `"timeNano"`, and the
plain text of `docker events` begins with the stamp.
"""

from __future__ import annotations

import re

from logwatch.formats.rfc3339 import Rfc3339
from logwatch.model import SECOND

NEEDLES = (b'time="', b'"time":', b'"timeNano":', b": 2", b"-  2")
STAMP_ROOM = 64
LATEST = 9_000_000_000 * SECOND
"""In 2255: what 64 bits of nanoseconds hold."""
_BRACKETED_FIRST = frozenset({b"\x1b", b"#", b"T", b"D", b"I", b"W", b"E", b"F", b"P"})
_BRACKETED = re.compile(
    rb"(?:(?:\x1b|#033)\[[0-9;]*m)?[A-Z]{4,7}(?:(?:\x1b|#033)\[[0-9;]*m)?\[([0-9]{4}-[^\]\s]{14,40})\]"
)


def time_ns(message: bytes, stamps: Rfc3339) -> int | None:
    """Nanoseconds since the epoch, or None where the message carries no time that can be read."""
    if message[:6] == b'time="':
        return stamps.read(message[6 : message.find(b'"', 6, STAMP_ROOM)])
    first = message[:1]
    if first == b"{":
        return _json(message, stamps)
    if first.isdigit():
        return stamps.read(message[: message.find(b" ", 19, STAMP_ROOM)])
    if first == b".":
        dotless = message.lstrip(b".")
        return time_ns(dotless, stamps) if dotless[:5] == b"time=" else None
    if message[:5] == b"time=":
        return stamps.read(message[5:STAMP_ROOM].partition(b" ")[0])
    bracketed = _BRACKETED.match(message) if first in _BRACKETED_FIRST else None
    return None if bracketed is None else stamps.read(bracketed[1])


def _json(message: bytes, stamps: Rfc3339) -> int | None:
    # A quote inside a JSON string is escaped, so these needles can only be keys.
    nano = _number(message, b'"timeNano":')
    if nano:
        return nano if nano <= LATEST else None
    start = message.find(b'"time":')
    text = message[start + len(b'"time":') : start + STAMP_ROOM].lstrip(b" ") if start >= 0 else b""
    if text[:1] == b'"':
        return stamps.read(text[1 : text.find(b'"', 1)])
    seconds = _number(message, b'"time":')
    return seconds * SECOND if seconds and seconds <= LATEST // SECOND else None


def _number(message: bytes, needle: bytes) -> int | None:
    start = message.rfind(needle)
    if start < 0:
        return None
    start += len(needle)
    digits = message[start : start + 22].replace(b"}", b",").partition(b",")[0].strip()
    # Nineteen digits are what nanoseconds of this century have, and what 64 bits hold.
    return int(digits) if digits.isdigit() and len(digits) <= 19 else None
