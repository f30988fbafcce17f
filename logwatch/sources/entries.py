"""Entries of the systemd journal as lines of a log, as rsyslog would have written them.

`journalctl --output=json` gives an object a line (systemd.io/JOURNAL_EXPORT_FORMATS, "Journal JSON Format"): text
fields are strings, fields with other bytes lists of numbers, fields that an entry has twice lists of both. A line is

    2026-11-24T17:05:20.123456+00:00 vm dockerd[411]: time="…" level=info msg="…"

Who wrote an entry is told for certain here: what a container printed bears its name in fields that only the engine's
journald driver sets, whatever tag its operator chose, so it is filed under `docker/<name>`.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

FIELDS = (
    *("MESSAGE", "SYSLOG_IDENTIFIER", "SYSLOG_PID", "_COMM", "_PID", "_HOSTNAME"),
    *("CONTAINER_NAME", "CONTAINER_ID"),
)
"""What is asked for; the cursor and the time come with every entry."""

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_NAMES = str.maketrans(dict.fromkeys(" \t\n:[]", "_"))
MICROSECONDS = 1_000_000


class Entry(NamedTuple):
    """One entry."""

    cursor: str
    line: bytes
    """With its newline; control characters as rsyslog escapes them."""


def read(text: bytes) -> Entry | None:
    """Read one object; None where it is none, or lacks its cursor, its time or a message."""
    try:
        fields = json.loads(text)
        cursor, time_us, message = fields["__CURSOR"], int(fields["__REALTIME_TIMESTAMP"]), fields["MESSAGE"]
        stamp = f"{datetime.fromtimestamp(time_us // MICROSECONDS, UTC):%Y-%m-%dT%H:%M:%S}.{time_us % MICROSECONDS:06d}"
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return None
    if not isinstance(cursor, str) or message is None:
        return None
    head = f"{stamp}+00:00 {_name(fields.get('_HOSTNAME')) or 'localhost'} {_tag(fields)}: "
    return Entry(cursor, head.encode(errors="replace") + _CONTROL.sub(_escape, _bytes(message)) + b"\n")


def _tag(fields: dict[str, Any]) -> str:
    container = fields.get("CONTAINER_NAME") or fields.get("CONTAINER_ID")
    if container is not None:
        return f"docker/{_name(container)}"
    tag = _name(fields.get("SYSLOG_IDENTIFIER")) or _name(fields.get("_COMM")) or "unknown"
    pid = _name(fields.get("SYSLOG_PID") or fields.get("_PID"))
    return f"{tag}[{pid}]" if pid else tag


def _name(value: object) -> str:
    """A field that goes into a header: one word."""
    return _bytes(value).decode(errors="replace").translate(_NAMES) if value is not None else ""


def _bytes(value: object) -> bytes:
    """The bytes of a field; of a field that is there twice, of the first."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, list) and value:
        if all(isinstance(each, int) and 0 <= each < 256 for each in value):
            return bytes(value)
        return _bytes(value[0])
    return b""


def _escape(found: re.Match[bytes]) -> bytes:
    return b"#%03o" % found[0][0]
