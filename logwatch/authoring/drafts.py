"""Drafts of rules, and how they are written down as a rule file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import yaml

from logwatch.authoring.grouping import Group
from logwatch.model import Pattern

SEVERITIES = {
    "trace": "debug",
    "debug": "debug",
    "info": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "fatal": "critical",
    "panic": "critical",
}
LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule as far as it can be written without its author."""

    group: Group
    event: str
    name: str
    program: Sequence[str]
    pattern: Pattern
    kind: str | None
    """How fields are taken, where it is not logfmt."""
    id_field: str | None
    attributes: Mapping[str, str]
    """Attribute to field."""
    expected: Mapping[str, str | Mapping[str, str]]
    near_misses: Sequence[str]


HEAD = """\
# yaml-language-server: $schema=../schemas/events.schema.json
# Drafts by `logwatch suggest`. Choose what each event is called (or write `ignore: true` instead of
# `event:` where the line tells nothing), say what it means, and run `logwatch check --rules` on this file.
events:
"""


def as_yaml(drafts: Sequence[tuple[Group, Draft | None]]) -> str:
    """Drafts as a rule file; comments only where there is none."""
    body = "\n".join(_rule(group, draft) for group, draft in drafts)
    return (HEAD if any(draft for _, draft in drafts) else "") + body


def _rule(group: Group, draft: Draft | None) -> str:
    level = f" level={group.level}" if group.level else ""
    said = "".join(char if char.isprintable() else "?" for char in group.template[:LONGEST_VALUE])
    head = f"  # {group.count} × {group.family}{level}: {said}\n"
    if draft is None:
        return head + "  # No draft: these lines share no text, or their tag cannot be a rule's program.\n"
    return head + "\n".join(_keys(draft)) + "\n"


def _keys(draft: Draft) -> Iterator[str]:
    """The lines of a rule."""
    group, pattern = draft.group, draft.pattern
    yield f"  - event: {draft.event}"
    yield f"    name: {draft.name}"
    yield f"    description: {_quoted(f'Drafted from {group.count} lines of {group.family}; say what it means.')}"
    if draft.program != ["engine"]:
        yield f"    program: {_flow(list(draft.program))}"
    yield f"    match: {_flow({'regex': pattern.text}) if pattern.regex else _quoted(pattern.text)}"
    if draft.kind is not None:
        yield f"    fields: {draft.kind}"
    if draft.id_field is not None:
        yield f"    id: {_quoted('{' + draft.id_field + '}')}"
    if draft.attributes:
        yield f"    attributes: {_flow({name: '{' + key + '}' for name, key in draft.attributes.items()})}"
    if group.level in SEVERITIES:
        yield f"    severity: {SEVERITIES[group.level]}"
    yield "    examples:"
    yield f"      - line: {_quoted(group.samples[0].text)}"
    yield f"        event: {_flow(dict(draft.expected))}"
    for line in draft.near_misses:
        yield f"      - line: {_quoted(line)}"
        yield "        event: null"


def _quoted(text: str) -> str:
    """A text as one YAML scalar in quotes, single ones where they can hold it."""
    dumped: str = yaml.safe_dump(text, default_style="'", width=float("inf"), allow_unicode=True)
    return dumped.rstrip("\n")


def _flow(value: object) -> str:
    """A mapping or list on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(each) for each in value) + "]"
    return _quoted(str(value))
