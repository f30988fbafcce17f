"""The last lines that a container printed, read from the end of the engine's own log of it.

Formats: `<id>-json.log` of the driver `json-file` (one JSON object a line, `log` without a newline
goes on in the next one; the newest rotated file is `<id>-json.log.1`), and `local-logs/container.log` of the driver
`local` (a protobuf `LogEntry` between two copies of its size, `daemon/logger/local` of moby). Other
drivers keep nothing here. At most `TAIL` bytes of a file are read, however large it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from logwatch.docker.containers import FOLDER
from logwatch.docker.folder import Folder
from logwatch.model import LONGEST_VALUE

TAIL = 64 << 10
"""Bytes that are read from the end of a log."""
MOST_LINES = 20
LONGEST = 400
"""Characters of a line."""
LINE_FIELD = 0x1A
"""Tag of the field `line` (3, length-delimited) in a LogEntry."""


def last_words(folder: Folder, container_id: str, most: int = MOST_LINES) -> str:
    """Return the last lines of a container, one below the other; empty if there are none, or none can be read."""
    log = f"{container_id}-json.log"
    entries = list(_json_entries(folder.tail(FOLDER, container_id, log, most=TAIL)))
    if len(entries) < most:
        entries = [*_json_entries(folder.tail(FOLDER, container_id, f"{log}.1", most=TAIL)), *entries]
    if not entries:
        entries = list(_local_entries(folder.tail(FOLDER, container_id, "local-logs", "container.log", most=TAIL)))
    lines = "".join(entries).split("\n")
    kept = [_printable(line) for line in lines if line.strip()]
    return "\n".join(kept[-most:])[-LONGEST_VALUE:]


def _json_entries(tail: bytes) -> Iterator[str]:
    """Yield the texts of complete JSON lines; the first line of a tail may be torn."""
    for line in tail.split(b"\n"):
        if not line.startswith(b'{"log":'):
            continue
        try:
            text = json.loads(line)["log"]
        except (ValueError, RecursionError):
            continue
        if isinstance(text, str):
            yield text


def _local_entries(tail: bytes) -> list[str]:
    """Return the texts of entries, read backwards by the size that follows each."""
    entries: list[str] = []
    end = len(tail)
    while end >= 8:
        size = int.from_bytes(tail[end - 4 : end], "big")
        start = end - 4 - size
        if start < 4 or int.from_bytes(tail[start - 4 : start], "big") != size:
            break
        entries.append(_line_of(tail[start : end - 4]))
        end = start - 4
    return entries[::-1]


def _line_of(entry: bytes) -> str:
    """Return the field `line` of a LogEntry; a partial line (field 4) has no newline."""
    place, line, partial = 0, b"", False
    while place < len(entry):
        tag, (value, after) = entry[place], _varint(entry, place + 1)
        place = after
        if tag == LINE_FIELD:
            line = entry[place : place + value]
        partial = partial or tag == 0x20 or tag >> 3 == 4
        if tag & 7 == 2:
            place += value
    return line.decode("utf-8", "backslashreplace") + ("" if partial else "\n")


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 64:
        value |= (data[place] & 0x7F) << shift
        place += 1
        if not data[place - 1] & 0x80:
            break
        shift += 7
    return value, place


def _printable(line: str) -> str:
    line = line.rstrip("\r")[:LONGEST]
    if line.isprintable():
        return line
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)[:LONGEST]
