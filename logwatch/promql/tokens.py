"""The words of an expression and where they stand: the parser's tree carries no positions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from logwatch.promql.errors import ExpressionError

TOKEN = re.compile(
    r"""
      (?P<space>[ \t\r\n]+ | \#[^\r\n]*)
    | (?P<string>"(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' | `[^`]*`)
    | (?P<duration>(?:[0-9]+(?:ms|[smhdwy]))+)(?![0-9A-Za-z_])            # 5m  1h30m
    | (?P<number>0[xX][0-9a-fA-F]+ | (?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![0-9A-Za-z_.])
    | (?P<step>:)(?=[ \t\r\n]*[0-9\]])                                       # [1h:5m]  [1h:]
    | (?P<word>[A-Za-z_:][A-Za-z0-9_:]*)                                    # names and keywords
    | (?P<operator>==|!=|>=|<=|=~|!~|[-+*/%^<>=@:,])
    | (?P<bracket>[()\[\]{}])
    """,
    re.VERBOSE,
)
CLOSING = {"(": ")", "[": "]", "{": "}"}

# The parser recurses in native code, where a deep expression would end the process.
MAX_LENGTH = 16_384
MAX_DEPTH = 200


class Token(NamedTuple):
    """A word of the expression."""

    kind: str
    """`string`, `duration`, `number`, `step`, `word`, `operator` or `bracket`."""
    text: str
    offset: int
    inside: str
    """The innermost bracket that is open around it: `(`, `[`, `{` or nothing."""

    @property
    def content(self) -> str:
        """Of a string, without quotes; escaped backslashes are undone."""
        return self.text[1:-1] if self.text[0] == "`" else self.text[1:-1].replace("\\\\", "\\")


def tokenize(text: str) -> list[Token]:
    """Split an expression into words; raises ExpressionError where that is impossible."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(text, MAX_LENGTH, f"longer than {MAX_LENGTH} characters", "split it into recording rules")
    tokens: list[Token] = []
    open_brackets: list[Token] = []
    position = 0
    while position < len(text):
        found = TOKEN.match(text, position)
        if found is None:
            raise _unreadable(text, position)
        kind = str(found.lastgroup)
        if kind != "space":
            inside = open_brackets[-1].text if open_brackets else ""
            token = Token(kind, found.group(), position, inside)
            tokens.append(token)
            if kind == "bracket":
                _pair(text, token, open_brackets)
        position = found.end()
    if open_brackets:
        last = open_brackets[-1]
        raise ExpressionError(text, last.offset, f"'{last.text}' is never closed", f"add '{CLOSING[last.text]}'")
    _limit(text, tokens)
    return tokens


def _pair(text: str, token: Token, open_brackets: list[Token]) -> None:
    if token.text in CLOSING:
        open_brackets.append(token)
    elif not open_brackets or CLOSING[open_brackets[-1].text] != token.text:
        raise ExpressionError(text, token.offset, f"'{token.text}' closes nothing", "remove it, or open it before")
    else:
        open_brackets.pop()


def _unreadable(text: str, position: int) -> ExpressionError:
    character = text[position]
    if character in "\"'`":
        return ExpressionError(text, position, "the string has no end", f"add {character}")
    if character.isdigit() or character == ".":
        return ExpressionError(text, position, "not a number or duration", "write 0.5, 1e3, 5m or 1h30m")
    return ExpressionError(text, position, f"unexpected character {character!r}")


def _limit(text: str, tokens: Sequence[Token]) -> None:
    depth = 0
    for token in tokens:
        depth += token.text in CLOSING or (token.kind == "operator" and token.inside != "{")
        depth += token.kind == "word" and token.text.lower() in {"and", "or", "unless"}
        if depth > MAX_DEPTH:
            what = f"more than {MAX_DEPTH} operators and brackets"
            raise ExpressionError(text, token.offset, what, "split it into recording rules")
