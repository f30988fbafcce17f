"""Lines that were written twice: by two collectors, or when a journal was imported again.

Two engine lines of one host with the same tag, message and own time are one line: the engine stamps each line with
at least microseconds, so no two differ in nothing. Of those that made events the newest 87,000 are remembered, for a day (to the minute).

Other lines, such as the kernel's and systemd's, may really come twice. Where a host writes both a file and a journal
(`pairs`), a line of the one is a copy if the other had one with the same tag and message within `PAIR_NS`, and
each line has one copy: two equal lines in either are two.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from logwatch.model import SECOND, Record
from logwatch.store.state_table import StateTable

LINES = 87_000
"""Three times as many are fewer than 2^18: a dict whose oldest key goes for each new one is rebuilt for three times what it holds."""
DAY_S = 86_400
MINUTE = 60 * SECOND
SHORTER = 8
"""By so many bits hashes are shorter than those of older versions."""
PAIR_NS = 5 * SECOND
"""Between the stamps of two copies: collectors stamp what has no time of its own when they get it."""
MOST_UNPAIRED, MOST_EQUAL = 10_000, 64
"""Different lines whose copy has not come, and equal ones of each."""
UPTIME = re.compile(rb"\[ {0,8}\d{1,10}\.\d{1,9}\] ")
"""What imklog leaves before a message of the kernel, and the journal does not."""
OWN_TIME = re.compile(
    rb"""
    time=" \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d [.] \d{6,9} [Z+-]      # time="2026-11-23T18:12:57.728700494Z"
    """,
    re.VERBOSE,
)


class DuplicateLines:
    """Remembers lines by a hash."""

    def __init__(self, *, pairs: bool = False) -> None:
        """`pairs`: several paths may have copies of one line."""
        self._pairs = pairs
        self._unpaired: StateTable[int, list[Sequence[Any]]] = StateTable("unpaired")
        """Hash of a line to paths and times of those whose copy has not come, the oldest lines first."""
        self._seen: StateTable[int, int] = StateTable("line")
        """Hash of a line to the minute of its header, in seconds."""
        self._before: StateTable[int | str, int] = StateTable("seen")
        """In rows of older versions: by a longer hash, or that in hex."""
        self._order: deque[int] = deque()
        """The hashes, the oldest line first. A dict finds its first key by going over all that were deleted before it."""
        self.tables = (self._seen, self._before, self._unpaired)

    def add(self, record: Record, path: str = "") -> bool:
        """Take note of a line of a path; whether it was seen before.

        Always False for lines without an exact time of their own, unless they come by several paths.
        """
        if OWN_TIME.match(record.message) is None:
            return self._pairs and self._is_copy(record, path)
        key = _hash(record, record.message)
        if key in self._seen:
            return True
        now_s = _shared(record.stamp_ns // MINUTE * 60)
        self._seen[key] = now_s
        self._order.append(key)
        while len(self._order) > LINES or self._seen[self._order[0]] < now_s - DAY_S:
            del self._seen[self._order.popleft()]
        return False

    def _is_copy(self, record: Record, path: str) -> bool:
        """Whether another path had this line; one that is not is kept for its own copy."""
        key, time_ns = _hash(record, UPTIME.sub(b"", record.message, count=1)), record.stamp_ns
        lines = self._unpaired.pop(key, [])[-MOST_EQUAL:]
        near = (each for each in lines if each[0] != path and abs(each[1] - time_ns) <= PAIR_NS)
        other = min(near, key=lambda each: abs(each[1] - time_ns), default=None)
        if other is not None:
            lines.remove(other)
        else:
            lines.append((path, time_ns))
        if lines:
            self._unpaired[key] = lines
        while len(self._unpaired) > MOST_UNPAIRED:
            del self._unpaired[next(iter(self._unpaired))]
        return other is not None

    def restored(self) -> None:
        """Bring the lines into their order, after the tables were restored."""
        for key, second in self._before.items():
            self._seen[(int(key, 16) if isinstance(key, str) else key) >> SHORTER] = second
        self._before.clear()
        for key, second in self._seen.items():
            dict.__setitem__(self._seen, key, _shared(second // 60 * 60))  # no row changes
        self._order = deque(sorted(self._seen, key=self._seen.__getitem__))


def _hash(record: Record, message: bytes) -> int:
    digest = blake2b(_writer(record.host, record.tag) + message, digest_size=8).digest()
    return int.from_bytes(digest, "big") >> SHORTER  # two digits of Python's, not three


@lru_cache(maxsize=4096)
def _shared(second: int) -> int:
    """Return one object for all lines of a minute: there may be 87,000 lines."""
    return second


@lru_cache(maxsize=1024)
def _writer(host: str, tag: str) -> bytes:
    """Who wrote a line. Collectors differ in whether they write a host's domain."""
    return f"{host.partition('.')[0].lower()}\0{tag}\0".encode()
