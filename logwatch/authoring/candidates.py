"""The pattern that a group of lines is known by: the text that all of them share and no other group has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from logwatch.authoring.grouping import Group, pieces
from logwatch.authoring.nearmisses import matches
from logwatch.formats import json
from logwatch.matching.extractor import looks_like_engine
from logwatch.matching.patterns import find_fault
from logwatch.model import Mark, Pattern

SHORTEST_TEXT = 12
ENOUGH_TEXT = 80
"""So many characters are enough to know a line by."""
NOWHERE = Mark("", 0, 0)

_SPELLED_OTHERWISE = re.compile(r'["\\#\ufffd]|[^\x20-\x7e]|[ ]{2,}')
"""What may be written otherwise in the line than in the field."""
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
    parts = [first, *_telling(texts[1:], ENOUGH_TEXT - len(first))]
    expression = ".*".join(_SPECIAL.sub(r"\\\g<0>", part) for part in parts)
    if anchored:
        if begins:
            yield Pattern(f"^{expression}", regex=True, mark=NOWHERE)
        return
    yield Pattern(expression, regex=True, mark=NOWHERE) if len(parts) > 1 else _literal(first)


def _telling(texts: Sequence[str], room: int) -> Iterator[str]:
    """The texts that say something, until there is enough of it."""
    for text in texts:
        if room > 0 and any(char.isalnum() for char in text):
            yield text
            room -= len(text)


def _quotes(group: Group) -> tuple[str, str]:
    """What stands around the text in the line: `msg="` and `"`, where it is a field."""
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
