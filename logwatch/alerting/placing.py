"""Where in a file a character of a scalar stands.

A YAML value may be folded, indented and quoted, so that its characters are not where they seem.
What all styles have in common is the order of the characters that are not blank.
"""

from __future__ import annotations

from logwatch.model import Mark


def place(source: str, mark: Mark, text: str, offset: int) -> Mark:
    """The place of text[offset] of the scalar that begins at `mark` in the file's `source`."""
    lines = source.splitlines(keepends=True)
    if not 0 < mark.line <= len(lines):
        return mark
    start = sum(map(len, lines[: mark.line - 1])) + mark.column - 1
    quote = source[start : start + 1]
    if quote in {"|", ">"}:
        start = source.find("\n", start) + 1
    elif quote in {"'", '"'}:
        start += 1
    before = sum(not character.isspace() for character in text[:offset])
    position = _skip(source, start, before, quote)
    line_start = source.rfind("\n", 0, position) + 1
    return Mark(mark.path, source.count("\n", 0, position) + 1, position - line_start + 1)


def _skip(source: str, position: int, count: int, quote: str) -> int:
    """Pass over blanks and so many other characters, an escape of a quoted scalar as one."""
    while position < len(source):
        if not source[position].isspace():
            if count == 0:
                break
            count -= 1
            escaped = (quote == '"' and source[position] == "\\") or (
                quote == "'" and source[position : position + 2] == "''"
            )
            position += escaped
        position += 1
    return min(position, max(0, len(source) - 1))
