"""Drafts of rules: their names, and their text as a rule file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import yaml

from logwatch.authoring.grouping import Group, pieces
from logwatch.model import Pattern

TYPES = {
    "container": ("container", "containers", "exec", "healthcheck"),
    "image": ("image", "images", "manifest", "pull", "pulling", "push"),
    "network": ("network", "networks", "endpoint", "bridge", "iptables", "sandbox", "dns", "resolver", "ipam"),
    "volume": ("volume", "volumes"),
    "storage": ("layer", "layers", "overlay", "overlay2", "aufs", "devmapper", "graphdriver", "btrfs", "zfs"),
    "registry": ("registry", "mirror"),
    "security": ("tls", "certificate", "selinux", "apparmor", "seccomp"),
    "swarm": ("swarm", "raft", "node", "manager", "agent"),
    "plugin": ("plugin", "plugins"),
    "api": ("handler", "request", "http"),
}
"""Type of an event to the words that indicate it, the more specific ones first."""
FAMILY_TYPES = {"engine": "daemon", "containerd": "containerd", "kernel": "kernel"}
STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "for",
        "from",
        "has",
        "have",
        "in",
        "is",
        "it",
        "its",
        "no",
        "not",
        "of",
        "on",
        "or",
        "that",
        "the",
        "this",
        "to",
        "was",
        "with",
    ]
)
MOST_WORDS = 4
LONGEST_WORD = 40
"""Longer tokens are values, not words."""

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]+")


class Naming(NamedTuple):
    """An event's type, and the words its action and the rule's name are made of."""

    type: str
    words: Sequence[str]


def naming_of(group: Group) -> Naming:
    """The type of a group's event, found by the words of its lines, and the remaining words."""
    words = [
        word.lower() for piece in pieces(group.template) for word in _WORD.findall(piece) if len(word) <= LONGEST_WORD
    ]
    spoken = (name for name, telling in TYPES.items() if not set(telling).isdisjoint(words))
    first = next(spoken, None) if group.family in {"engine", "containerd"} else None
    kind = first or FAMILY_TYPES.get(group.family) or re.sub(r"[^a-z0-9]+", "_", group.family.lower()).strip("_")
    significant = [word for word in words if word not in STOP_WORDS and word != kind]
    return Naming(kind if kind[:1].isalpha() else "log", significant or ["unnamed"])


def unused_name(naming: Naming, taken: set[str]) -> str:
    """A name that no other draft has: more words, or else a number."""
    more = [
        "-".join(naming.words[:count]) for count in range(min(MOST_WORDS, len(naming.words)), len(naming.words) + 1)
    ]
    short = more[0]
    numbered = (f"{short}-{number}" for number in range(2, len(taken) + 3))
    name = next(name for name in [*more[:3], *numbered] if name not in taken)
    taken.add(name)
    return name


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
    """A rule, as far as it can be derived from lines."""

    group: Group
    event: str
    name: str
    program: Sequence[str]
    pattern: Pattern
    kind: str | None
    """How fields are parsed, if not as logfmt."""
    id_field: str | None
    attributes: Mapping[str, str]
    """Attribute to field."""
    expected: Mapping[str, str | Mapping[str, str]]
    near_misses: Sequence[str]


HEAD = """\
# yaml-language-server: $schema=../schemas/events.schema.json
# Drafts by `logwatch suggest`. Choose what each event is called (or write `ignore: true` instead of
# `event:` if the line needs no event), write what it means, and run `logwatch check --rules` on this file.
events:
"""


def as_yaml(drafts: Sequence[tuple[Group, Draft | None]]) -> str:
    """Drafts as a rule file; a group without a draft becomes a comment."""
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
    yield f"    description: {_quoted(f'Drafted from {group.count} lines of {group.family}; write what it means.')}"
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
