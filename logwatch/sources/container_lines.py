r"""What containers print, as lines: `time host container[id]: text`.

The engine's driver `json-file` writes one JSON object for each line, and several for one of more than 16 KiB: all
but the last one end without a newline, and so does what a stream ends with if the container printed none there
(`daemon/logger/copier.go` and `jsonfilelog` of moby).

    {"log":"2026-11-30 08:00:00 FATAL: no space\n","stream":"stderr","time":"2026-11-30T07:00:00.123456789Z"}
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

from logwatch.formats.tags import CONTAINER_TAG

STREAMS = frozenset({"stdout", "stderr"})
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})")
_BREAKS = str.maketrans({"\n": " ", "\r": " ", "\0": " "})

PIECE = 16 << 10
"""Bytes of a piece that is not the last one of its line: what the engine's buffer holds."""
Partial = list[str]
"""Time and beginning of a line whose end has not come."""


class LineJoiner:
    """Joins the entries of one container into lines; `partial` survives a restart with the position."""

    def __init__(self, container_id: str, host: str, limit: int, partial: dict[str, Partial]) -> None:
        """`limit` are the bytes of a line, header included; what is longer is cut."""
        self.partial = partial
        """By stream."""
        self._host = host
        self._id = container_id
        self._limit = limit

    def lines(self, data: bytes, skipped: Counter[str]) -> Iterator[bytes]:
        """Yield the lines that end in these entries, each with its newline."""
        for entry in data.split(b"\n"):
            if not entry:
                continue
            try:
                fields = json.loads(entry)
                text, stream, time = fields["log"], fields.get("stream", "stdout"), fields["time"]
            except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
                skipped["entry"] += 1
                continue
            if not isinstance(text, str) or not isinstance(stream, str) or stream not in STREAMS or not is_time(time):
                skipped["entry"] += 1
                continue
            line = self.join(text, stream, time, skipped)
            if line is not None:
                yield line

    def join(self, text: str, stream: str, time: str, skipped: Counter[str]) -> bytes | None:
        """Return the line that ends in an entry, with its newline; None if the next entry goes on with it."""
        if not text:
            return None
        is_piece = not text.endswith("\n") and len(text.encode("utf-8", "backslashreplace")) >= PIECE
        begun = self.partial.pop(stream, None)
        if begun is not None:
            time, text = begun[0], begun[1] + text
        if is_piece:
            self.partial[stream] = [time, text[: self._limit + 1]]
            return None
        return self._line(time, text, skipped)

    def rest(self, skipped: Counter[str]) -> list[bytes]:
        """Return the lines whose end will not come, because the container is gone."""
        lines = [self._line(time, text, skipped) for time, text in self.partial.values()]
        self.partial.clear()
        return lines

    def _line(self, time: str, text: str, skipped: Counter[str]) -> bytes:
        header = f"{time} {self._host} {CONTAINER_TAG}[{self._id}]: ".encode()
        body = text.rstrip("\r\n").translate(_BREAKS).encode("utf-8", "backslashreplace")
        room = max(self._limit - len(header), 0)
        skipped["too_long"] += room < len(body)
        return header + body[:room] + b"\n"


def is_time(time: object) -> bool:
    """Whether a text is a time as the engine writes it."""
    return isinstance(time, str) and _TIME.fullmatch(time) is not None
