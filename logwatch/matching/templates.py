"""Texts with placeholders: `{container}`, `{Actor.Attributes.name}`, `{Action|before ':'|lower}`.

A template is compiled once and filled in for every event, so the two common cases, text
without placeholders and a single bare field, take a short way. A field that is absent or
empty makes the whole value absent.

    before 'x'   what stands before the first x; all of it where there is none
    after 'x'    what stands after the first x; absent where there is none
    hex          a hexadecimal number in decimal: 0x89 is 137
    lower        in lower case
    unquote      of an address, with %2F as /
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

Lookup = Callable[[str], str | None]
Filter = Callable[[str], str]

_PLACEHOLDER = re.compile(
    r"""\{ (?P<inner> (?: '[^']*' | "[^"]*" | [^{}'"] )* ) \}""", re.VERBOSE
)  # {Action|before ':'}
_PIPE = re.compile(r"""\| (?= (?: [^'"] | '[^']*' | "[^"]*" )* \Z )""", re.VERBOSE)
_FILTER = re.compile(
    r"""
    \s* (?P<name> \w+ ) (?: \s+ (?: '(?P<single>[^']+)' | "(?P<double>[^"]+)" ) )? \s*    # before ':'
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A field and what is made of its value."""

    field: str
    filters: tuple[Filter, ...] = ()

    def render(self, lookup: Lookup) -> str | None:
        """The field's value after its filters; None where nothing is left."""
        value = lookup(self.field)
        for apply in self.filters:
            if not value:
                return None
            value = apply(value)
        return value or None


@dataclass(frozen=True, slots=True)
class Template:
    """A text that may hold placeholders."""

    parts: tuple[str | Placeholder, ...]
    constant: str | None
    """The text, when there are no placeholders in it."""
    plain: str | None
    """The field, when it is all there is, without filters."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields it needs, in order."""
        return tuple(part.field for part in self.parts if isinstance(part, Placeholder))

    def render(self, lookup: Lookup) -> str | None:
        """Fill in the fields; None if one of them is absent or empty."""
        if self.plain is not None:
            return lookup(self.plain) or None
        if self.constant is not None:
            return self.constant
        filled = []
        for part in self.parts:
            text = part if isinstance(part, str) else part.render(lookup)
            if text is None:
                return None
            filled.append(text)
        return "".join(filled)


def parse(text: str) -> Template:
    """Compile a template; raises ValueError with cause and cure."""
    parts: list[str | Placeholder] = []
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        parts += _literal(text[end : match.start()], text)
        parts.append(_placeholder(match["inner"], text))
        end = match.end()
    parts += _literal(text[end:], text)
    bare = parts[0].field if len(parts) == 1 and isinstance(parts[0], Placeholder) and not parts[0].filters else None
    constant = text if not any(isinstance(part, Placeholder) for part in parts) else None
    return Template(tuple(parts), constant, bare)


def _literal(text: str, template: str) -> Sequence[str]:
    if "{" in text or "}" in text:
        raise ValueError(f"'{template}' has a brace without its other half: write {{field}}")
    return [text] if text else []


def _placeholder(inner: str, template: str) -> Placeholder:
    field, *filters = _PIPE.split(inner)
    if not field.strip():
        raise ValueError(f"'{template}' has a placeholder without a field: write {{field}}")
    return Placeholder(field.strip(), tuple(_filter(text) for text in filters))


def _filter(text: str) -> Filter:
    match = _FILTER.fullmatch(text)
    name = match["name"] if match else text.strip()
    argument = match and (match["single"] or match["double"])
    if match is None or (name not in _PLAIN and name not in _WITH_TEXT):
        raise ValueError(f"unknown filter '{name}': there are before 'x', after 'x', hex, lower and unquote")
    if name in _PLAIN:
        if argument:
            raise ValueError(f"filter '{name}' takes no text: write {name}")
        return _PLAIN[name]
    if not argument:
        raise ValueError(f"filter '{name}' needs a text in quotes: {name} ':'")
    return _WITH_TEXT[name](argument)


_LONGEST_HEX = len("0x") + 16
"""Characters of a number of 64 bits."""


# ── filters ──────────────────────────────────────────────────────────────────────────


def _before(separator: str) -> Filter:
    return lambda value: value.partition(separator)[0].strip()


def _after(separator: str) -> Filter:
    return lambda value: value.partition(separator)[2].strip()


def _hex(value: str) -> str:
    if len(value) > _LONGEST_HEX:
        return ""
    try:
        return str(int(value, 16))
    except ValueError:
        return ""


_PLAIN: dict[str, Filter] = {"hex": _hex, "lower": str.lower, "unquote": unquote}
_WITH_TEXT: dict[str, Callable[[str], Filter]] = {"before": _before, "after": _after}
