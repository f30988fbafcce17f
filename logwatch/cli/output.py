"""How events and alerts are printed: JSON lines for programs, a table for people; no text of a log reaches a terminal raw."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime
from math import isfinite

from rich.markup import escape

from logwatch.model import SECOND, SHORT_ID, Alert, Event
from logwatch.notation import event_line, float_text, one_line, quoted, rfc3339

Formatter = Callable[[Event], str]

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_COLOURS = {"debug": "2", "warning": "33", "error": "31", "critical": "1;31"}


def as_json(event: Event) -> str:
    """One JSON object on one line; the keys and their order are stable."""
    return event_line(event)


PRINTED = ("last_words", "probe_output")
"""Attributes of several lines: what a container or its health check printed."""


def as_row(event: Event, *, colour: bool = False, last_words: bool = False) -> str:
    """One line of a table: local time, event, object, attributes; below it (`last_words`) what was printed last."""
    local = datetime.fromtimestamp(event.time_ns / SECOND).astimezone()
    attributes = " ".join(
        f"{one_line(key)}={_plain(value)}" for key, value in event.attributes.items() if key not in PRINTED
    )
    subject = event.name or (event.id or "-").removeprefix("sha256:")[:SHORT_ID]
    row = f"{local:%b %d %H:%M:%S}.{local.microsecond // 1000:03d}  {one_line(event.event):<24} {_plain(subject):<24} {attributes}"
    code = _COLOURS.get(event.severity)
    row = f"\x1b[{code}m{row.rstrip()}\x1b[0m" if colour and code else row.rstrip()
    words = [line for key in PRINTED for line in event.attributes.get(key, "").splitlines()] if last_words else []
    return "\n".join([row, *(f"    | {_plain(line)}" for line in words)])


CSV_HEADER = "time,event,host,id,name,severity,rule,path,offset,attributes"


def as_csv(event: Event) -> str:
    """One row of CSV (RFC 4180); the attributes are a JSON object."""
    row = io.StringIO()
    known = (rfc3339(event.time_ns), event.event, event.host, event.id, event.name, event.severity, event.rule)
    csv.writer(row, lineterminator="").writerow([*known, event.path, event.offset, _encode(dict(event.attributes))])
    return row.getvalue()


def formatter(name: str, *, colour: bool = False, last_words: bool = False) -> Formatter:
    """The formatter called `jsonl`, `csv` or `table`."""
    if name == "table":
        return lambda event: as_row(event, colour=colour, last_words=last_words)
    return as_csv if name == "csv" else as_json


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
    """When an alert fired and for how long, its name and labels, and its evidence."""
    local = datetime.fromtimestamp(alert.starts_ns / SECOND).astimezone()
    lasted = f"{(alert.ends_ns - alert.starts_ns) / SECOND:g}s" if alert.ends_ns else "firing"
    labels = " ".join(f"{one_line(key)}={_plain(value)}" for key, value in alert.labels.items() if key != "alertname")
    row = f"{local:%b %d %H:%M:%S}  {lasted:>8}  {one_line(alert.labels['alertname']):<28} {labels}"
    summary = [alert.annotations[key] for key in ("summary",) if key in alert.annotations]
    evidence = alert.annotations.get("evidence", "").rstrip("\n")
    texts = [*summary, *(evidence.split("\n") if evidence else ())]
    return "\n    ".join([row.rstrip(), *map(one_line, texts)])


def alert_formatter(name: str) -> Callable[[Alert], str]:
    """The formatter of alerts called `jsonl` or `table`."""
    return alert_as_json if name == "jsonl" else alert_as_row


def _shown(value: float) -> float | str:
    """A number; JSON has none that is not finite."""
    return value if isfinite(value) else float_text(value)


def _plain(value: str) -> str:
    """A value on one line of a terminal: in quotes if it holds blanks or what cannot be printed."""
    return value if value.isprintable() and " " not in value else quoted(value)


def cell(value: object) -> str:
    """A value for a table of rich: on one line, and without meaning for its markup."""
    return escape(one_line(str(value)))
