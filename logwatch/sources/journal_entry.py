"""Reads an entry of the journal as a line, as rsyslog would have written it.

`journalctl --output=json` prints an object per line (systemd.io/JOURNAL_EXPORT_FORMATS, "Journal JSON Format"): text
fields are strings, fields with other bytes lists of numbers, fields that an entry has twice lists of both. A line is

    2026-11-24T17:05:20.123456+00:00 vm dockerd[411]: time="…" level=info msg="…"

The output of a container has its name in fields that only the engine's journald driver sets, whatever tag its
operator chose, so its tag is `docker/<name>`.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from logwatch.docker.inventory import NAME
from logwatch.formats.tags import TAG_FAMILIES, WRAPPER_TAGS
from logwatch.model import FULL_ID, HEX, NamedContainer
from logwatch.notation import rfc3339
from logwatch.sources.container_lines import is_time

FIELDS = (
    *("MESSAGE", "SYSLOG_IDENTIFIER", "SYSLOG_PID", "_COMM", "_PID", "_HOSTNAME"),
    *("CONTAINER_NAME", "CONTAINER_ID", "CONTAINER_ID_FULL"),
)
"""The fields that are asked for; the cursor and the time come with every entry."""
PRINTED_FIELDS = (
    *("MESSAGE", "PRIORITY", "_COMM", "CONTAINER_NAME", "CONTAINER_ID", "CONTAINER_ID_FULL"),
    *("CONTAINER_PARTIAL_MESSAGE", "SYSLOG_TIMESTAMP"),
)
"""Those of what containers print. The engine writes the last one since version 23."""

_BROKEN = (ValueError, RecursionError, KeyError, TypeError, OverflowError, OSError)
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_NAMES = str.maketrans(dict.fromkeys(" \t\n:[]", "_"))
_LONGEST_COMM = 15
"""Characters that the kernel keeps of a process's name."""
ENGINES = frozenset(tag[:_LONGEST_COMM] for tag in TAG_FAMILIES["engine"] - WRAPPER_TAGS)
"""Values of _COMM, which journald sets by itself, of entries that an engine wrote."""


class Entry(NamedTuple):
    """One entry."""

    cursor: str
    line: bytes
    """With its newline; control characters as rsyslog escapes them."""
    time_ns: int = 0
    container: NamedContainer | None = None
    """Which container printed it, as its engine says."""


class Printed(NamedTuple):
    """One entry of the output of a container, in the words of `container_lines`."""

    id: str
    name: str
    text: str
    """Ends with a newline, unless the next entry goes on with the line."""
    stream: str
    time: str
    time_ns: int


def read_printed(text: bytes) -> tuple[str, Printed | None]:
    """Read one object; its cursor, and what a container printed if an engine says so ("" and None for anything else)."""
    try:
        fields = json.loads(text)
        cursor, time_us, message = fields["__CURSOR"], int(fields["__REALTIME_TIMESTAMP"]), fields["MESSAGE"]
        time = rfc3339(time_us * 1000, 9)
    except _BROKEN:
        return "", None
    if not isinstance(cursor, str):
        return "", None
    container = _container(fields, "", time_us * 1000)
    if container is None or message is None:
        return cursor, None
    end = "" if fields.get("CONTAINER_PARTIAL_MESSAGE") == "true" else "\n"
    printed = _bytes(message).decode(errors="replace").rstrip("\n") + end
    stream = "stderr" if fields.get("PRIORITY") == "3" else "stdout"
    exact = fields.get("SYSLOG_TIMESTAMP")
    stamp = exact if isinstance(exact, str) and is_time(exact) else time
    return cursor, Printed(container.id, container.name, printed, stream, stamp, container.time_ns)


def read_entry(text: bytes) -> Entry | None:
    """Read one object; None if it is not one, or has no cursor, time or message."""
    try:
        fields = json.loads(text)
        cursor, time_us, message = fields["__CURSOR"], int(fields["__REALTIME_TIMESTAMP"]), fields["MESSAGE"]
        stamp = rfc3339(time_us * 1000, 6).replace("Z", "+00:00")
    except _BROKEN:
        return None
    if not isinstance(cursor, str) or message is None:
        return None
    host = _name(fields.get("_HOSTNAME")) or "localhost"
    head = f"{stamp} {host} {_tag(fields)}: "
    line = head.encode(errors="replace") + _CONTROL.sub(_escape, _bytes(message)) + b"\n"
    return Entry(cursor, line, time_us * 1000, _container(fields, host, time_us * 1000))


def _container(fields: dict[str, Any], host: str, time_ns: int) -> NamedContainer | None:
    """Return id and name of the container that printed an entry, if an engine wrote it.

    An operator can make any label of a container a field; one that an entry has twice says nothing.
    """
    container_id, name, short = (fields.get(f"CONTAINER_{key}") for key in ("ID_FULL", "NAME", "ID"))
    program = fields.get("_COMM")
    if not (isinstance(container_id, str) and isinstance(name, str) and isinstance(short, str)):
        return None
    is_id = len(container_id) == FULL_ID and HEX.issuperset(container_id) and container_id.startswith(short)
    if not is_id or not isinstance(program, str) or program not in ENGINES or NAME.fullmatch(name) is None:
        return None
    return NamedContainer(host, container_id, name.removeprefix("/"), time_ns)


def _tag(fields: dict[str, Any]) -> str:
    container = fields.get("CONTAINER_NAME") or fields.get("CONTAINER_ID")
    if container is not None:
        return f"docker/{_name(container)}"
    tag = _name(fields.get("SYSLOG_IDENTIFIER")) or _name(fields.get("_COMM")) or "unknown"
    pid = _name(fields.get("SYSLOG_PID") or fields.get("_PID"))
    return f"{tag}[{pid}]" if pid else tag


def _name(value: object) -> str:
    """Return a field for a header, as one word."""
    return _bytes(value).decode(errors="replace").translate(_NAMES) if value is not None else ""


def _bytes(value: object) -> bytes:
    """Return the bytes of a field; of the first if an entry has it twice."""
    while isinstance(value, list) and value:
        if all(isinstance(each, int) and 0 <= each < 256 for each in value):
            return bytes(value)
        value = value[0]
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else b""


def _escape(found: re.Match[bytes]) -> bytes:
    return b"#%03o" % found[0][0]
