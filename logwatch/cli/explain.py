"""`logwatch explain`: how a line is parsed, which rules match it, which nearly do and why not."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

import click

from logwatch.authoring.explanation import Explainer, Explanation, Verdict
from logwatch.build import Builder, cache_dir
from logwatch.cli import options
from logwatch.config import Config
from logwatch.metrics import Registry
from logwatch.notation import one_line, rfc3339
from logwatch.rulefiles.examples import describe

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
    """Explain a line of a log (or each line of stdin): header, fields, and rules.

    Put LINE in single quotes. Exit status: 0 a rule matches the line, 1 none does.
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
            text = "\n" * bool(number) + "\n".join(as_text(explanation))
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


# ── for people ───────────────────────────────────────────────────────────────────────


def as_text(explanation: Explanation) -> Iterator[str]:
    """An explanation as lines of text."""
    record = explanation.record
    if record is None:
        yield _row("header", "not found: give the whole line, as it is in the log")
        yield _row("rules", "a rule matches only lines with a header")
        return
    yield from _header(explanation)
    yield from _section("rules see", [one_line(explanation.normalised)] if explanation.normalised else [])
    for place, (key, value) in enumerate(explanation.fields.items()):
        yield _row("fields" if place == 0 else "", f"{one_line(key)} = {one_line(value)}")
    if not explanation.fields:
        yield _row("fields", "none: the message is bare text")
    yield from _section("rules", [_describe(verdict) for verdict in explanation.verdicts] or ["no rule matches it"])
    yield from _section("nearly", [f"{miss.rule}: {miss.why}" for miss in explanation.near])
    yield from _section("warning", explanation.warnings)


def _header(explanation: Explanation) -> Iterator[str]:
    record = explanation.record
    assert record is not None
    yield _row("header", one_line(explanation.header))
    yield _row("stamp", rfc3339(record.stamp_ns))
    if record.time_ns != record.stamp_ns:
        yield _row("time", f"{rfc3339(record.time_ns)}, the message's own")
    yield from _section("", explanation.notes)
    yield _row("host", one_line(record.host) or "none")
    family = f", of the family {explanation.family}" if explanation.family else ", not a tag of the engine"
    yield _row("tag", one_line(record.tag) + family if record.tag else "none")
    yield _row("pid", one_line(record.pid or "") or "none")
    yield _row("form", "looks like the engine's" if explanation.looks else "does not look like the engine's")


def _describe(verdict: Verdict) -> str:
    makes = f"makes {one_line(describe(verdict.event))}" if verdict.event else verdict.note
    return f"{verdict.rule}: {makes}"


def _section(title: str, rows: Iterable[str]) -> Iterator[str]:
    for place, text in enumerate(rows):
        yield _row(title if place == 0 else "", text)


def _row(title: str, text: str) -> str:
    return f"{title:<{WIDTH}}{text}"
