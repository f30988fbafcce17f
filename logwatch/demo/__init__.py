"""A recorded host, fed into a file as if it were happening now.

The recording is what a real dockerd 20.10 wrote through rsyslog (RFC 5424 lines, with
`docker events` beside them): containers are started, crash in a loop, run out of memory,
stop too slowly; the daemon restarts. Its times are moved so that its first line was
written at `start_ns` and the rest follow `speed` times as fast; all else stays as it was.
"""

from __future__ import annotations

import lzma
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.resources import files

from logwatch.model import SECOND
from logwatch.notation import rfc3339

_TIME = re.compile(
    rb"""
    (?P<day>2026-11-2[34])T(?P<clock>\d\d:\d\d:\d\d)   # 2026-11-23T20:20:40.423811+00:00
    (?P<fraction>(?:\.\d+)?)(?P<zone>Z|\+00:00)        # 2026-11-23T20:20:40Z
    """,
    re.VERBOSE,
)
_EPOCH = re.compile(rb'"time":(?P<seconds>\d{10}),"timeNano":(?P<nanoseconds>\d{19})')


def recording() -> list[bytes]:
    """The lines of the recorded host, each with its newline."""
    packed = files("logwatch.demo").joinpath("messages.xz").read_bytes()
    return lzma.decompress(packed).splitlines(keepends=True)


def feed(start_ns: int, speed: float = 1.0) -> Iterator[tuple[int, bytes]]:
    """Yield when (ns since the epoch) each line is due, and the line with its times moved there."""
    first_ns = 0
    for line in recording():
        stamp = _TIME.search(line)
        if stamp is None:
            continue
        first_ns = first_ns or _nanoseconds(stamp)

        def moved(time_ns: int, first_ns: int = first_ns) -> int:
            return start_ns + int((time_ns - first_ns) / speed)

        yield moved(_nanoseconds(stamp)), _move(line, moved)


def _move(line: bytes, moved: Callable[[int], int]) -> bytes:
    line = _TIME.sub(lambda stamp: _written(moved(_nanoseconds(stamp)), stamp), line)
    return _EPOCH.sub(lambda epoch: _written_epoch(moved(int(epoch["nanoseconds"]))), line)


def _nanoseconds(stamp: re.Match[bytes]) -> int:
    text = (stamp["day"] + b"T" + stamp["clock"]).decode()
    seconds = int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    return seconds * SECOND + int((stamp["fraction"][1:] or b"0").ljust(9, b"0"))


def _written(time_ns: int, like: re.Match[bytes]) -> bytes:
    """A time in the form of the one it replaces."""
    digits = max(0, len(like["fraction"]) - 1)
    return rfc3339(time_ns, digits).removesuffix("Z").encode() + like["zone"]


def _written_epoch(time_ns: int) -> bytes:
    return b'"time":%d,"timeNano":%d' % (time_ns // SECOND, time_ns)
