"""Says where a mistake is that the parser found: its messages name things but no positions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from logwatch.promql.errors import ExpressionError
from logwatch.promql.tokens import Token

BINARY_WORDS = frozenset({"and", "or", "unless"})
LABEL_LISTS = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})

CURES = (
    (r"expected type matrix in call .* got vector", "write a range behind the selector, as in rate(x[5m])"),
    (r"expected type vector in .* got matrix", "remove the range, or call a function of ranges such as rate()"),
    (r"expected type (?:scalar|string)", "look up the order of the arguments"),
    (r"comparisons between scalars", "write bool behind the comparison, as in 1 > bool 2"),
    (r"at least one non-empty matcher", "name a metric, or match a label with something that is not empty"),
    (r"ranges only allowed", "write the range behind the selector itself, or make a subquery: (…)[5m:1m]"),
    (r"only allowed on vector", "a subquery [5m:1m] stands behind an instant vector"),
    (r"contain only scalar and instant vector", "call a function of ranges first, such as rate()"),
    (r"illegal regex", "write a regex in RE2 syntax; it always matches the whole value"),
    (r"set operator .* not allowed in binary scalar", "and, or, unless stand between vectors: write vector(…)"),
    (r"no grouping allowed", "remove group_left or group_right"),
    (r"bool modifier can only", "remove bool"),
    (r"must not be set twice", "keep one of the names"),
    (r"must be preceded by", "write it directly behind the selector, its range or the subquery"),
    (r"no expression found", "write an expression, such as up == 0"),
    (r"trailing commas", "remove the comma"),
    (r"not a valid duration", "write whole numbers with units, as in 1h30m"),
)


def syntax_error(text: str, tokens: Sequence[Token], message: str) -> ExpressionError:
    """Turn the parser's message into an error with a place and a cure."""
    cure = next((cure for pattern, cure in CURES if re.search(pattern, message)), "")
    if message == "invalid promql query":
        token = misplaced(tokens)
        if token is None and _is_open(tokens):
            return ExpressionError(text, len(text), "the expression ends too early", "something must follow")
        if token is None:
            return ExpressionError(text, 0, "this is not PromQL", "try its parts one by one")
        return ExpressionError(text, token.offset, f"{token.text!r} is not expected here")
    return ExpressionError(text, _mentioned(tokens, message), message, cure)


def _mentioned(tokens: Sequence[Token], message: str) -> int:
    """The place of the first word that the message quotes, else the start."""
    names = re.findall(r"'([^']+)'", message) + re.findall(r"illegal regex for (.+)", message)
    for name in names:
        for token in tokens:
            if token.text == name or (token.kind == "string" and token.content == name):
                return token.offset
    if "comparisons between scalars" in message:
        comparisons = {"==", "!=", ">", "<", ">=", "<="}
        return next((token.offset for token in tokens if token.text in comparisons and token.inside != "{"), 0)
    if "trailing commas" in message:
        places = (comma.offset for comma, after in pairwise(tokens) if (comma.text, after.text) == (",", ")"))
        return next(places, 0)
    return 0


def _is_open(tokens: Sequence[Token]) -> bool:
    last = tokens[-1] if tokens else None
    return last is not None and (last.kind == "operator" or last.text.lower() in BINARY_WORDS | LABEL_LISTS)


def misplaced(tokens: Sequence[Token]) -> Token | None:
    """The first word that stands where nothing of its kind can, as far as neighbours tell."""
    operand_next = True
    previous: Token | None = None
    for token in _skeleton(tokens):
        if token.kind in {"word", "number", "string", "duration"} and token.text.lower() not in BINARY_WORDS:
            if not operand_next:
                return token
            operand_next = False
        elif token.text == "(":
            operand_next = True
        elif token.text == ")":
            if operand_next and not (previous and previous.text == "("):
                return token
            operand_next = False
        else:
            if operand_next and token.text not in {"+", "-"}:
                return token
            operand_next = True
        previous = token
    return None


def _skeleton(tokens: Sequence[Token]) -> list[Token]:
    """The words without matchers, ranges and modifiers: only operands, operators and parentheses."""
    kept: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        word = token.text.lower() if token.kind == "word" else ""
        following = tokens[index + 1].text if index + 1 < len(tokens) else ""
        if token.inside in {"{", "["} or token.text in {"{", "["} or word == "bool":
            index += 1
        elif token.text == "@" or (word == "offset" and kept):
            index = _behind_modifier(tokens, index + 1)
        elif word in LABEL_LISTS and (following == "(" or word.startswith("group")):
            index = _behind_list(tokens, index + 1)
        else:
            kept.append(token)
            index += 1
    return kept


def _behind_modifier(tokens: Sequence[Token], index: int) -> int:
    while index < len(tokens) and tokens[index].text in {"+", "-"}:
        index += 1
    if [token.text for token in tokens[index + 1 : index + 3]] == ["(", ")"]:
        return index + 3
    return index + 1


def _behind_list(tokens: Sequence[Token], index: int) -> int:
    if index >= len(tokens) or tokens[index].text != "(":
        return index
    while index < len(tokens) and tokens[index].text != ")":
        index += 1
    return index + 1
