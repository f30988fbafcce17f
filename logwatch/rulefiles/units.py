"""Durations and sizes as Prometheus writes them: `30s`, `1h30m`, `7d`, `512MB`."""

from __future__ import annotations

import re
from datetime import timedelta

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
    """Read a duration; ValueError says what to write."""
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
