"""The text between the actions of a template, and the words of each action."""

from __future__ import annotations

import re
from typing import NamedTuple

ACTION = re.compile(r"\{\{(?P<left>-(?=\s))?(?P<code>.*?)(?P<right>(?<=\s)-)?\}\}", re.DOTALL)
TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<string>"(?:[^"\\\n]|\\.)*" | `[^`]*`)
    | (?P<number>[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)
    | (?P<path>(?:\$[A-Za-z0-9_]*|\.[A-Za-z_][A-Za-z0-9_]*|\.(?![A-Za-z0-9_]))(?:\.[A-Za-z_][A-Za-z0-9_]*)*)   # $labels.name  .Value  $  .
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<mark>:=|[|()=,])
    """,
    re.VERBOSE,
)


class TemplateError(ValueError):
    """A template that cannot be parsed; `offset` counts characters from 0."""

    def __init__(self, offset: int, what: str) -> None:
        self.offset = offset
        super().__init__(what)


class UnfillableError(TemplateError):
    """A template that Prometheus loads, but that logwatch, or nobody, can fill in."""


class Token(NamedTuple):
    """A word of an action."""

    kind: str
    text: str
    offset: int


def split(text: str) -> list[str | list[Token]]:
    """Text between actions as it is printed, and the words of each action."""
    pieces: list[str | list[Token]] = []
    end, trim = 0, False
    for action in ACTION.finditer(text):
        between = text[end : action.start()]
        between = between.lstrip() if trim else between
        pieces.append(between.rstrip() if action["left"] else between)
        if (code := action["code"].strip()) and not code.startswith("/*"):
            pieces.append(_tokens(action["code"], action.start("code")))
        elif not code:
            raise TemplateError(action.start(), "{{ }} is empty: write for instance {{ $value }}")
        end, trim = action.end(), action["right"] is not None
    rest = text[end:].lstrip() if trim else text[end:]
    if "{{" in rest:
        raise TemplateError(end + text[end:].index("{{"), "'{{' is never closed: add '}}'")
    return [piece for piece in (*pieces, rest) if piece]


def _tokens(code: str, start: int) -> list[Token]:
    tokens: list[Token] = []
    position = 0
    while position < len(code):
        found = TOKEN.match(code, position)
        if found is None:
            raise TemplateError(start + position, f"'{code[position]}' is not expected here")
        if found.lastgroup != "space":
            tokens.append(Token(str(found.lastgroup), found.group(), start + position))
        position = found.end()
    return tokens
