"""Lines that were written twice: by two collectors, or when a journal was imported again.

Two engine lines of one host with the same tag, message and own time are one line: the engine stamps each line with
at least microseconds, so no two differ in nothing. Of those that made events the newest 100,000 are remembered, for a day.
"""

from __future__ import annotations

import re
from collections import deque
from hashlib import blake2b
from typing import Any

from logwatch.model import SECOND, Record
from logwatch.store.state_table import StateTable

LINES = 100_000
DAY_S = 86_400
OWN_TIME = re.compile(
    rb"""
    time=" \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d [.] \d{6,9} [Z+-]      # time="2026-11-23T18:12:57.728700494Z"
    """,
    re.VERBOSE,
)


class DuplicateLines:
    """Remembers lines by a hash."""

    def __init__(self) -> None:
        self._seen: StateTable[int, int] = StateTable("seen")
        """Hash of a line to the second of its header."""
        self._now_s = 0
        self._order: deque[int] = deque()
        """The hashes, the oldest line first. A dict finds its first key by going over all that were deleted before it."""
        self.tables = (self._seen,)

    def add(self, record: Record) -> bool:
        """Take note of a line; whether it was seen before. Always False for lines without an exact time of their own."""
        if OWN_TIME.match(record.message) is None:
            return False
        text = f"{record.host}\0{record.tag}\0".encode() + record.message
        key = int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
        if key in self._seen:
            return True
        now_s = record.stamp_ns // SECOND
        if now_s == self._now_s:
            now_s = self._now_s  # one object for all lines of a second
        self._now_s = now_s
        self._seen[key] = now_s
        self._order.append(key)
        while len(self._order) > LINES or self._seen[self._order[0]] < now_s - DAY_S:
            del self._seen[self._order.popleft()]
        return False

    def restored(self) -> None:
        """Bring the lines into their order, after the table was restored; earlier versions wrote the hashes in hex."""
        seen: StateTable[Any, int] = self._seen
        for key in [key for key in seen if isinstance(key, str)]:
            seen[int(key, 16)] = seen.pop(key)
        self._order = deque(sorted(self._seen, key=self._seen.__getitem__))
