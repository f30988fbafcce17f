"""A docker line as `logwatch tail` shows it on one row of a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from logwatch.cli.output import one_line
from logwatch.model import SECOND, SHORT_ID, Event
from logwatch.tailing import Line

DIM, BOLD = "2", "1"
_FAMILIES = {"engine": "36", "containerd": "34", "container output": "35"}
_LEVELS = {"debug": "2", "trace": "2", "warning": "33", "warn": "33", "error": "31", "fatal": "1;31", "panic": "1;31"}
_SEVERITIES = {"debug": "2", "info": "1;32", "warning": "1;33", "error": "1;31", "critical": "1;31"}
_TAG_WIDTH = 10


def as_row(line: Line, *, colour: bool) -> str:
    """Local time, who wrote it, what it says, and the events it makes."""
    return " ".join(_paint(text, code) if colour else text for text, code in _parts(line) if text)


def _parts(line: Line) -> Iterator[tuple[str, str]]:
    """Texts and their colours."""
    if line.time_ns is not None:
        yield _local(line.time_ns), DIM
    tag = f"{line.tag} (container)" if line.family == "container output" else line.tag
    yield f"{one_line(tag):<{_TAG_WIDTH}}", _FAMILIES.get(line.family, "")
    level = _LEVELS.get(line.level, "")
    if level and level != DIM:
        yield line.level.upper(), level
    yield one_line(line.message), level
    yield " ".join(f"{one_line(key)}={one_line(value)}" for key, value in line.fields.items()), DIM
    for event, first in line.events:
        yield _described(event), _SEVERITIES.get(event.severity, BOLD) if first else DIM


def _local(time_ns: int) -> str:
    local = datetime.fromtimestamp(time_ns / SECOND).astimezone()
    return f"{local:%b %d %H:%M:%S}.{local.microsecond // 1000:03d}"


def _described(event: Event) -> str:
    """What happened to whom: `→ container.die web exit_code=137`."""
    subject = event.name or (event.id or "").removeprefix("sha256:")[:SHORT_ID]
    exit_code = event.attributes.get("exit_code")
    said = ["→", event.event, one_line(subject), f"exit_code={exit_code}" if exit_code is not None else ""]
    return " ".join(text for text in said if text)


def _paint(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if code else text
