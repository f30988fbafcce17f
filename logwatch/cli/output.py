"""How events are printed: JSON lines for programs, a table for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from math import isfinite

from logwatch.model import SECOND, SHORT_ID, Alert, Event
from logwatch.notation import float_text, rfc3339

Formatter = Callable[[Event], str]

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_COLOURS = {"debug": "2", "warning": "33", "error": "31", "critical": "1;31"}


def as_json(event: Event) -> str:
    """One JSON object on one line; the keys and their order are stable."""
    return _encode(
        {
            "time": rfc3339(event.time_ns),
            "event": event.event,
            "id": event.id,
            "name": event.name,
            "attributes": dict(event.attributes),
            "severity": str(event.severity),
            "rule": event.rule,
            "path": event.path,
            "offset": event.offset,
            "line": event.line,
        }
    )


def as_row(event: Event, *, colour: bool = False) -> str:
    """One line of a table: local time, event, object, attributes."""
    local = datetime.fromtimestamp(event.time_ns / SECOND).astimezone()
    attributes = " ".join(f"{key}={_plain(value)}" for key, value in event.attributes.items())
    subject = event.name or (event.id or "-").removeprefix("sha256:")[:SHORT_ID]
    row = (
        f"{local:%b %d %H:%M:%S}.{local.microsecond // 1000:03d}  {event.event:<24} {_plain(subject):<24} {attributes}"
    )
    code = _COLOURS.get(event.severity)
    return f"\x1b[{code}m{row.rstrip()}\x1b[0m" if colour and code else row.rstrip()


def formatter(name: str, *, colour: bool = False) -> Formatter:
    """The formatter called `jsonl` or `table`."""
    return as_json if name == "jsonl" else lambda event: as_row(event, colour=colour)


def alert_as_json(alert: Alert) -> str:
    """One JSON object on one line; the keys and their order are stable."""
    return _encode(
        {
            "alert": alert.labels["alertname"],
            "starts": rfc3339(alert.starts_ns),
            "ends": rfc3339(alert.ends_ns) if alert.ends_ns else None,
            "state": alert.state,
            "labels": dict(alert.labels),
            "annotations": dict(alert.annotations),
            "value": _shown(alert.value),
            "rule": alert.rule,
        }
    )


def alert_as_row(alert: Alert) -> str:
    """When an alert fired and for how long, which one it is, and the lines behind it."""
    local = datetime.fromtimestamp(alert.starts_ns / SECOND).astimezone()
    lasted = f"{(alert.ends_ns - alert.starts_ns) / SECOND:g}s" if alert.ends_ns else "firing"
    labels = " ".join(f"{key}={_plain(value)}" for key, value in alert.labels.items() if key != "alertname")
    row = f"{local:%b %d %H:%M:%S}  {lasted:>8}  {alert.labels['alertname']:<28} {labels}"
    summary = [alert.annotations[key] for key in ("summary",) if key in alert.annotations]
    return "\n    ".join([row.rstrip(), *summary, *alert.annotations.get("evidence", "").splitlines()])


def alert_formatter(name: str) -> Callable[[Alert], str]:
    """The formatter of alerts called `jsonl` or `table`."""
    return alert_as_json if name == "jsonl" else alert_as_row


def _shown(value: float) -> float | str:
    """A number; JSON has none that is not finite."""
    return value if isfinite(value) else float_text(value)


def _plain(value: str) -> str:
    """A value on one line of a terminal: control characters are escaped."""
    if value.isprintable():
        return value if " " not in value else f'"{value}"'
    return json.dumps(value, ensure_ascii=False)


def one_line(text: str) -> str:
    """Text of a log as a terminal may show it: control characters are escaped."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
