"""Drafts a rule for a group of lines that no rule knows.

A draft holds what can be derived without understanding the line: the text that all lines of the
group share, the fields they carry, a line that hits and lines that must not. What the event
is called, and whether it is one at all, is the author's decision.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC

from logwatch.authoring.drafts import LONGEST_VALUE, Draft, naming_of, unused_name
from logwatch.authoring.grouping import Group, Sample, pieces
from logwatch.authoring.nearmisses import matches
from logwatch.formats import json
from logwatch.formats.line_parser import LineReader
from logwatch.matching.extractor import looks_like_engine
from logwatch.matching.fields import fields_of
from logwatch.matching.patterns import find_fault
from logwatch.matching.redaction import Masker
from logwatch.model import Chunk, Mark, Pattern, Record

CONTAINER_TAG = "5f0d7c1a9b3e"
"""A container's tag, for the near miss that every rule of the engine has."""
IDS = ("container", "containerID", "container_id", "containerId", "cid", "id", "ID")
OWN_FIELDS = frozenset({"time", "level", "msg"})
MOST_ATTRIBUTES = 8

_ID = re.compile(r"[0-9a-f]{12,64}")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
_TAG = re.compile(r"[^\s:\[\]]+")


def draft(groups: Sequence[Group], limit: int) -> list[tuple[Group, Draft | None]]:
    """Draft a rule for each of the first groups; None if its lines have no text in common."""
    taken: set[str] = set()
    return [(group, _draft(group, groups, taken)) for group in groups[:limit]]


def _draft(group: Group, groups: Sequence[Group], taken: set[str]) -> Draft | None:
    program = _program(group)
    others = [other for other in groups if other is not group and other.family == group.family]
    pattern = pattern_of(group, others)
    if program is None or pattern is None:
        return None
    sample = group.samples[0]
    naming = naming_of(group)
    name = unused_name(naming, taken)
    found = fields_of(sample.record._replace(message=sample.message))
    bare = not OWN_FIELDS & found.keys()
    id_field = None if bare else next((key for key in IDS if _ID.fullmatch(found.get(key, ""))), None)
    attributes = {} if bare else dict(_attributes(found, id_field))
    return Draft(
        group=group,
        event=f"{naming.type}.{name.replace('-', '_')}",
        name=name,
        program=program,
        pattern=pattern,
        kind="json" if json.parse(sample.message) is not None else None,
        id_field=id_field,
        attributes=attributes,
        expected=_expected(found, id_field, attributes),
        near_misses=[*_similar(group, others, pattern), *_imitated(sample)],
    )


def _program(group: Group) -> Sequence[str] | None:
    """The program; None if it cannot be written as a rule's program."""
    if group.family in {"engine", "containerd"}:
        return [group.family]
    return sorted(group.tags) if all(_TAG.fullmatch(tag) for tag in group.tags) else None


# ── their fields ──────────────────────────────────────────────────────────────────


def _attributes(found: Mapping[str, str], id_field: str | None) -> Iterator[tuple[str, str]]:
    """Attributes to the fields that fill them."""
    masker = Masker()
    usable = [
        key
        for key, value in found.items()
        if key not in OWN_FIELDS and key != id_field and value and _KEY.fullmatch(key) and not masker.is_secret(key)
    ]
    for key in usable[:MOST_ATTRIBUTES]:
        # An attribute called name would name the object.
        yield re.sub(r"[^A-Za-z0-9_.]", "_", key) if key != "name" else "called", key


def _expected(
    found: Mapping[str, str], id_field: str | None, attributes: Mapping[str, str]
) -> dict[str, str | Mapping[str, str]]:
    """What the event of the first sample carries."""
    masker = Masker()
    expected: dict[str, str | Mapping[str, str]] = {"id": found[id_field]} if id_field else {}
    values = {name: masker.mask(found[key]) for name, key in attributes.items()}
    shown = {name: value for name, value in values.items() if len(value) <= LONGEST_VALUE and value.isprintable()}
    return expected | ({"attributes": shown} if shown else {})


# ── near misses ──────────────────────────────────────────────────────────────────────


def _similar(group: Group, others: Sequence[Group], pattern: Pattern) -> Iterator[str]:
    """The line of another group that has most words in common with this one's and is not taken."""
    words = set(group.template.split())
    near = [(len(words.intersection(other.template.split())), other.samples[0]) for other in others]
    near = [(common, sample) for common, sample in near if common and not matches(pattern, sample.message)]
    if near:
        yield max(near, key=lambda pair: pair[0])[1].text


def _imitated(sample: Sample) -> Iterator[str]:
    """The same line under a container's tag."""
    message = sample.record.message.decode(errors="replace")
    header = sample.text[: len(sample.text) - len(message)]
    before, tag, behind = header.rpartition(sample.record.tag)
    line = f"{before}{CONTAINER_TAG}{behind}{message}"
    record = _read(line)
    if tag and record is not None and record.tag == CONTAINER_TAG:
        yield line


def _read(line: str) -> Record | None:
    reader = LineReader(UTC)
    reader.begin(Chunk(line.encode() + b"\n", "", 0, 0), 0)
    return reader.read(line.encode())


# ── patterns ────────────────────────────────────────────────────────────────────────────


SHORTEST_TEXT = 12
ENOUGH_TEXT = 80
"""Enough characters to identify a line."""
NOWHERE = Mark("", 0, 0)

_SPELLED_OTHERWISE = re.compile(r'["\\#\ufffd]|[^\x20-\x7e]|[ ]{2,}')
"""Text that may be escaped in the line but not in the field."""
_SPECIAL = re.compile(r"[\\.^$|?*+()\[\]{}]")


def pattern_of(group: Group, others: Sequence[Group]) -> Pattern | None:
    """The shortest pattern that all lines of a group have and no line of another, as far as samples tell."""
    fitting = [pattern for pattern in _candidates(group) if _fits(pattern, group)]
    alone = (pattern for pattern in fitting if not any(_hits(pattern, other) for other in others))
    return next(alone, fitting[-1] if fitting else None)


def _candidates(group: Group) -> Iterator[Pattern]:
    """Patterns for a group, the plainest first."""
    message = group.samples[0].message
    opening, closing = _quotes(group)
    texts = [text for piece in pieces(group.template) for text in _SPELLED_OTHERWISE.split(piece) if text.strip()]
    if not texts:
        return
    whole = len(texts) == 1 and texts[0] == group.template
    begins = group.template.startswith(texts[0])
    first = (opening if begins else "") + texts[0]
    anchored = group.family == "engine" and not looks_like_engine(message)
    if not anchored:
        if whole:
            yield _literal(first + closing)
        if len(texts[0].strip()) >= SHORTEST_TEXT:
            yield _literal(first)
    parts = [first, *_specific(texts[1:], ENOUGH_TEXT - len(first))]
    expression = ".*".join(_SPECIAL.sub(r"\\\g<0>", part) for part in parts)
    if anchored:
        if begins:
            yield Pattern(f"^{expression}", regex=True, mark=NOWHERE)
        return
    yield Pattern(expression, regex=True, mark=NOWHERE) if len(parts) > 1 else _literal(first)


def _specific(texts: Sequence[str], room: int) -> Iterator[str]:
    """The texts with letters or digits, until there is enough of it."""
    for text in texts:
        if room > 0 and any(char.isalnum() for char in text):
            yield text
            room -= len(text)


def _quotes(group: Group) -> tuple[str, str]:
    """What surrounds the text in the line: `msg="` and `"`, if it is a field."""
    message = group.samples[0].message
    if group.level is None:
        return "", ""
    if json.parse(message) is not None:
        return ('"msg":"', '"') if b'"msg":"' in message else ("", "")
    return ('msg="', '"') if b'msg="' in message else ("msg=", "") if b"msg=" in message else ("", "")


def _literal(text: str) -> Pattern:
    return Pattern(text, regex=False, mark=NOWHERE)


def _fits(pattern: Pattern, group: Group) -> bool:
    if not pattern.text.strip() or find_fault(pattern) is not None:
        return False
    return all(matches(pattern, sample.message) for sample in group.samples)


def _hits(pattern: Pattern, group: Group) -> bool:
    return any(matches(pattern, sample.message) for sample in group.samples)
