"""An explanation as rows of a title and a text, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from logwatch.authoring.explanation import Explanation, Verdict
from logwatch.notation import one_line, rfc3339
from logwatch.rulefiles.examples import describe

Row = tuple[str, str]
"""The title is empty where a row continues the one before."""


def rows(explanation: Explanation) -> Iterator[Row]:
    """Yield the rows of an explanation."""
    record = explanation.record
    if record is None:
        yield ("header", "not found: give the whole line, as it is in the log")
        yield ("rules", "a rule matches only lines with a header")
        return
    yield from _header(explanation)
    yield from _section("rules see", [one_line(explanation.normalised)] if explanation.normalised else [])
    for place, (key, value) in enumerate(explanation.fields.items()):
        yield ("fields" if place == 0 else "", f"{one_line(key)} = {one_line(value)}")
    if not explanation.fields:
        yield ("fields", "none: the message is bare text")
    yield from _section("rules", [_describe(verdict) for verdict in explanation.verdicts] or ["no rule matches it"])
    yield from _section("nearly", [f"{miss.rule}: {miss.why}" for miss in explanation.near])
    yield from _section("warning", explanation.warnings)


def _header(explanation: Explanation) -> Iterator[Row]:
    record = explanation.record
    assert record is not None
    yield ("header", one_line(explanation.header))
    yield ("stamp", rfc3339(record.stamp_ns))
    if record.time_ns != record.stamp_ns:
        yield ("time", f"{rfc3339(record.time_ns)}, the message's own")
    yield from _section("", explanation.notes)
    yield ("host", one_line(record.host) or "none")
    family = f", of the family {explanation.family}" if explanation.family else ", not a tag of the engine"
    yield ("tag", one_line(record.tag) + family if record.tag else "none")
    yield ("pid", one_line(record.pid or "") or "none")
    yield ("form", "looks like the engine's" if explanation.looks else "does not look like the engine's")


def _describe(verdict: Verdict) -> str:
    makes = f"makes {one_line(describe(verdict.event))}" if verdict.event else verdict.note
    return f"{verdict.rule}: {makes}"


def _section(title: str, rows: Iterable[str]) -> Iterator[Row]:
    for place, text in enumerate(rows):
        yield (title if place == 0 else "", text)
