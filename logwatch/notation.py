"""How times, durations, sizes, numbers, events and quoted text are written: one reader and one writer of each.

The forms are those of Prometheus and of Go's strconv, so that files and messages can be compared with theirs.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from json import encoder
from typing import Literal

from logwatch.model import SECOND, Event

# ── durations and sizes ──────────────────────────────────────────────────────────────

# As in Prometheus' model.ParseDuration: each unit once, from large to small.
DURATION = re.compile(
    r"""(?:(?P<y>\d+)y)?(?:(?P<w>\d+)w)?(?:(?P<d>\d+)d)?   # 7d
        (?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+)s)?   # 1h30m
        (?:(?P<ms>\d+)ms)?                                 # 250ms
    """,
    re.VERBOSE | re.ASCII,
)
MILLISECONDS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
LONGEST = timedelta(days=100 * 365)

SIZE = re.compile(
    r"""(?P<number>\d+)          # 64
        (?P<unit>[KMGT]i?B|B)    # MiB, or MB as Prometheus' storage.tsdb.retention.size
    """,
    re.VERBOSE | re.ASCII,
)
POWERS = {"B": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def duration(text: str) -> timedelta:
    """Read a duration; raises ValueError with what to write."""
    if text == "0":
        return timedelta(0)
    match = DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError(
            f"'{text}' is not a duration: write a number with a unit (ms s m h d w y), such as 30s, 5m or 1h30m"
        )
    milliseconds = sum(int(amount) * MILLISECONDS[unit] for unit, amount in match.groupdict("0").items())
    if milliseconds > LONGEST / timedelta(milliseconds=1):
        raise ValueError(f"'{text}' is longer than 100 years")
    return timedelta(milliseconds=milliseconds)


def size(text: str) -> int:
    """Read a size in bytes; a unit is a power of 1024, as in Prometheus."""
    match = SIZE.fullmatch(text)
    if match is None:
        raise ValueError(
            f"'{text}' is not a size: write a whole number with a unit (B KB MB GB TB, or KiB …), such as 512MB"
        )
    if len(match["number"]) > 15:
        raise ValueError(f"'{text}' is larger than any disk")
    return int(match["number"]) * int(1024 ** POWERS[match["unit"][0]])


def duration_text(value: timedelta) -> str:
    """Write a duration as `duration` reads it."""
    rest = round(value / timedelta(milliseconds=1))
    if rest == 0:
        return "0s"
    text = ""
    for unit in ("d", "h", "m", "s", "ms"):
        amount, rest = divmod(rest, MILLISECONDS[unit])
        text += f"{amount}{unit}" if amount else ""
    return text


def size_text(value: int) -> str:
    """Write a size as `size` reads it."""
    for unit in ("T", "G", "M", "K"):
        whole, rest = divmod(value, 1024 ** POWERS[unit])
        if whole and not rest:
            return f"{whole}{unit}iB"
    return f"{value}B"


# ── times ────────────────────────────────────────────────────────────────────────────


def rfc3339(time_ns: int, digits: int = 9) -> str:
    """Write nanoseconds since the epoch as `2026-11-23T18:12:57.123456789Z`, with so many digits."""
    seconds, rest = divmod(time_ns, SECOND)
    minute, second = divmod(seconds, 60)
    return f"{_minute(minute)}{second:02d}.{rest:09d}"[: 20 + digits if digits else 19] + "Z"


@lru_cache(maxsize=256)
def _minute(minute: int) -> str:
    """What times of one minute begin with; strftime takes longer than all else that is written of an event."""
    return f"{datetime.fromtimestamp(minute * 60, UTC):%Y-%m-%dT%H:%M:}"


def nanoseconds(length: timedelta) -> int:
    """Convert a length of time to whole nanoseconds."""
    return length // timedelta(microseconds=1) * 1000


# ── numbers ──────────────────────────────────────────────────────────────────────────

LARGEST = 2**63 - 1
"""Whole numbers of a log have 64 bits, which SQLite and every reader of JSON can hold; a larger one stays text."""
MOST_DIGITS = 20
"""Characters of the longest whole number of 64 bits, its sign included."""
MOST_FRACTION_DIGITS = 40


def whole(text: str) -> int | None:
    """Read a whole number of 64 bits; None if the text is not one."""
    digits = text.removeprefix("-")
    if not digits.isdecimal() or len(text) > MOST_DIGITS:
        return None
    number = int(text)
    return number if -LARGEST <= number <= LARGEST else None


def whole_or_text(text: str) -> int | str:
    """For `json.loads`: a number, or the text if it is too large."""
    number = whole(text)
    return text if number is None else number


def fraction_or_text(text: str) -> float | str:
    """For `json.loads`: a finite number, or the text."""
    if len(text) > MOST_FRACTION_DIGITS:
        return text
    number = float(text)
    return number if math.isfinite(number) else text


def float_text(value: float, form: Literal["f", "e", "g"] = "f") -> str:
    """Write a float with the fewest digits that identify it, as Go's strconv.FormatFloat(value, form, -1, 64).

    `f` has no exponent, `e` always has one, `g` below 1e-4 and from 1e6 on.
    """
    if not math.isfinite(value):
        return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"
    digits = Decimal(repr(float(value))).normalize()
    exponential = form == "e" or (form == "g" and value != 0 and not -4 <= digits.adjusted() < 6)
    return f"{value:.{len(digits.as_tuple().digits) - 1}e}" if exponential else f"{digits:f}"


# ── events ───────────────────────────────────────────────────────────────────────────


def event_json(event: Event) -> dict[str, object]:
    """An event as JSON shows it on the command line and in the API; the keys and their order are stable."""
    return {
        "time": rfc3339(event.time_ns),
        "event": event.event,
        "id": event.id,
        "name": event.name,
        "attributes": dict(event.attributes),
        "severity": str(event.severity),
        "rule": event.rule,
        "path": event.path,
        "offset": event.offset,
        "line": event.line,
    }


_string = encoder.encode_basestring
"""A JSON string, letters beyond ASCII as they are."""


def event_line(event: Event) -> str:
    """As `event_json`, as JSON on one line. By hand, in half the time: a replay prints each of its events."""
    attributes = ",".join([f"{_string(key)}:{_string(value)}" for key, value in event.attributes.items()])
    return (
        f'{{"time":"{rfc3339(event.time_ns)}","event":{_string(event.event)},"id":{_string_or_null(event.id)},'
        f'"name":{_string_or_null(event.name)},"attributes":{{{attributes}}},"severity":{_string(event.severity)},'
        f'"rule":{_string(event.rule)},"path":{_string(event.path)},"offset":{event.offset},'
        f'"line":{"null" if event.line is None else event.line}}}'
    )


def _string_or_null(text: str | None) -> str:
    return "null" if text is None else _string(text)


# ── quoted text ──────────────────────────────────────────────────────────────────────

_ESCAPED = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}
_SURROGATES = range(0xD800, 0xE000)


def quoted(text: str) -> str:
    """Quote a text; what cannot be printed is written by its code.

    Go's IsPrint and Python's isprintable name the same categories of Unicode, and the blank.
    """
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(map(_written, text)) + '"'


def _written(char: str) -> str:
    if char in _ESCAPED:
        return _ESCAPED[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    if code in _SURROGATES:
        return "\\ufffd"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def one_line(text: str) -> str:
    """Text of a log as a terminal may show it: control, bidirectional and zero-width characters are escaped."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 mistake`, `2 mistakes`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
