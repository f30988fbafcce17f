"""`logwatch explain`: how a line is parsed, which rules match it, which nearly do and why not."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from zoneinfo import ZoneInfo

import click

from logwatch.authoring.explanation import Explainer, Explanation, Verdict, rows
from logwatch.build import Builder, cache_dir
from logwatch.cli import options
from logwatch.config import Config
from logwatch.metrics import Registry
from logwatch.notation import rfc3339

WIDTH = 10


@click.command("explain")
@click.argument("line", required=False)
@options.output_format
@options.configuration
def command(
    line: str | None,
    output_format: str,
    *,
    config: Config,
) -> int:
    """Explain a line of a log: header, fields, and rules.

    Put LINE in single quotes; without it each line of stdin is explained. Exit status: 0 a rule matches the line, 1 none does.

    Example: grep dockerd /var/log/messages | tail -1 | logwatch explain
    """
    zone = ZoneInfo(config.sources.timezone) if config.sources.timezone else None
    explainer = Explainer(Builder(config, Registry(), None).rules().rules, zone, cache_dir(), config.sources.secrets)
    taken = False
    for number, each in enumerate(_lines(line)):
        explanation = explainer.explain(each, time.time_ns())
        taken = taken or bool(explanation.verdicts)
        if output_format == "jsonl":
            text = json.dumps(as_json(explanation), ensure_ascii=False, separators=(",", ":"))
        else:
            lines = [f"{title:<{WIDTH}}{text}" for title, text in rows(explanation)]
            text = "\n" * bool(number) + "\n".join(lines)
        sys.stdout.write(text + "\n")
    return 0 if taken else 1


def _lines(line: str | None) -> Iterable[bytes]:
    if line is not None and line != "-":
        return [line.encode(errors="surrogateescape")]
    return (each for each in sys.stdin.buffer if each.strip())


# ── for programs ─────────────────────────────────────────────────────────────────────


def as_json(explanation: Explanation) -> dict[str, object]:
    """An explanation as JSON shows it."""
    record = explanation.record
    return {
        "line": explanation.line,
        "header": None
        if record is None
        else {
            "stamp": rfc3339(record.stamp_ns),
            "time": rfc3339(record.time_ns),
            "host": record.host,
            "tag": record.tag,
            "pid": record.pid,
        },
        "notes": list(explanation.notes),
        "family": explanation.family,
        "looks_like_engine": explanation.looks,
        "logfmt": explanation.normalised or None,
        "fields": dict(explanation.fields),
        "rules": [_verdict(verdict) for verdict in explanation.verdicts],
        "near": [{"rule": miss.rule, "why": miss.why} for miss in explanation.near],
        "warnings": list(explanation.warnings),
    }


def _verdict(verdict: Verdict) -> dict[str, object]:
    event = verdict.event
    made = event and {"event": event.event, "id": event.id, "name": event.name, "attributes": dict(event.attributes)}
    return {"rule": verdict.rule, "makes": made, "note": verdict.note or None}
