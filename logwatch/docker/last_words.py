"""The last lines that a container printed, read from the end of the engine's own log of it.

Formats: `<id>-json.log` of the driver `json-file` (one JSON object a line, `log` without a newline
goes on in the next one; the newest rotated file is `<id>-json.log.1`), `local-logs/container.log` of the driver
`local`, and `container-cached.log` of drivers that cannot be read (`local_entries`). At most `TAIL` bytes of a file are read, however large it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from logwatch.docker.containers import FOLDER
from logwatch.docker.folder import Folder
from logwatch.docker.local_entries import backwards, parse
from logwatch.model import LONGEST_VALUE

LOCAL_LOGS = (("local-logs", "container.log"), ("container-cached.log",))
"""In the folder of a container."""
TAIL = 64 << 10
"""Bytes that are read from the end of a log."""
MOST_LINES = 20
LONGEST = 400
"""Characters of a line."""


def last_words(folder: Folder, container_id: str, most: int = MOST_LINES) -> str:
    """Return the last lines of a container, one below the other; empty if there are none, or none can be read."""
    log = f"{container_id}-json.log"
    entries = list(_json_entries(folder.tail(FOLDER, container_id, log, most=TAIL)))
    if len(entries) < most:
        entries = [*_json_entries(folder.tail(FOLDER, container_id, f"{log}.1", most=TAIL)), *entries]
    for file in LOCAL_LOGS:
        entries = entries or _local_entries(folder.tail(FOLDER, container_id, *file, most=TAIL))
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
    """Return the texts of entries; a partial line has no newline."""
    found = [parse(entry) for entry in backwards(tail)][::-1]
    return [entry.line.decode("utf-8", "backslashreplace") + ("" if entry.partial else "\n") for entry in found]


def _printable(line: str) -> str:
    line = line.rstrip("\r")[:LONGEST]
    if line.isprintable():
        return line
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)[:LONGEST]
