"""The text of an expression: its words and their places, what is not supported, and where a mistake is.

The parser's tree carries no positions, so a small tokenizer finds them. The parser also accepts
younger PromQL than Prometheus 2.42. A rule file must load everywhere (the newest words are
refused by the Prometheus beside us), so an allow-list of functions decides here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import pairwise
from typing import Literal, NamedTuple

from logwatch.errors import LogwatchError

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
    """Refuse what is nested too deeply; what is in a bracket that was closed counts no more."""
    depth, before = 0, [0]
    for token in tokens:
        if token.kind == "bracket" and token.text in CLOSING:
            before.append(depth)
        elif token.kind == "bracket":
            depth = before.pop()
        depth += token.text in CLOSING or (token.kind == "operator" and token.inside != "{")
        depth += token.kind == "word" and token.text.lower() in {"and", "or", "unless"}
        if depth > MAX_DEPTH:
            what = f"more than {MAX_DEPTH} operators and brackets"
            raise ExpressionError(text, token.offset, what, "split it into recording rules")


class PromqlError(LogwatchError):
    """The base of everything this package raises."""


class ExpressionError(PromqlError):
    """An expression that cannot be loaded: where, what and the cure.

    `offset` counts characters of the expression from 0, `line` and `column` count from 1;
    `what` and `cure` are for an operator (`cure` may be empty).
    """

    def __init__(self, text: str, offset: int, what: str, cure: str = "") -> None:
        self.offset = max(0, min(offset, len(text)))
        before = text[: self.offset]
        self.line = before.count("\n") + 1
        self.column = self.offset - (before.rfind("\n") + 1) + 1
        self.what = what
        self.cure = cure
        super().__init__(f"{self.line}:{self.column}: {what}" + (f": {cure}" if cure else ""))


class EvaluationError(PromqlError):
    """An expression that has no result for these series, such as an ambiguous match."""


KEYWORDS = frozenset(
    ("and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset")
)
DURATION_PART = re.compile(r"([0-9]+)(ms|[smhdwy])")
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
MAX_SECONDS = 366 * SECONDS["d"]
NATIVE = "native histograms are not supported; use the _bucket, _sum and _count series"
INSTEAD = {
    "histogram_avg": "write rate(x_sum[5m]) / rate(x_count[5m])",
    "histogram_count": NATIVE,
    "histogram_sum": NATIVE,
    "histogram_fraction": NATIVE,
    "histogram_stddev": NATIVE,
    "histogram_stdvar": NATIVE,
    "holt_winters": "use avg_over_time, deriv or predict_linear",
    "double_exponential_smoothing": "use avg_over_time, deriv or predict_linear",
    "limit_ratio": "use topk or bottomk",
    "sort_by_label": "remove it: alerts have no order",
    "sort_by_label_desc": "remove it: alerts have no order",
    "info": "join with * on (…) group_left (…)",
    "ts_of_first_over_time": "use timestamp(x) in a subquery",
    "ts_of_last_over_time": "use timestamp(x) in a subquery",
    "ts_of_max_over_time": "use timestamp(x) in a subquery",
    "ts_of_min_over_time": "use timestamp(x) in a subquery",
    "histogram_quantiles": "write one histogram_quantile for each quantile",
}
"""Names that people try, and what to write for them."""


Version = Literal[2, 3]
"""Of Prometheus: what an expression may hold, and whether the older end of a range belongs to it (not in 3)."""


class Words(NamedTuple):
    """What can stand before a bracket; the case of aggregations does not matter."""

    functions: frozenset[str]
    aggregations: frozenset[str]
    younger: frozenset[str] = frozenset()
    """Those of these that need Prometheus 3."""


def refuse(text: str, tokens: Sequence[Token], words: Words) -> None:
    """Raise ExpressionError at the first word that is not covered."""
    offsets = _check_offsets(text, tokens)
    for index, token in enumerate(tokens):
        before = tokens[index - 1] if index else None
        after = tokens[index + 1] if index + 1 < len(tokens) else None
        if token.kind == "duration":
            _check_duration(text, token, expected=token.inside == "[" or index in offsets)
        elif token.inside == "{":
            _check_matcher(text, token, before, after)
        elif token.inside == "[":
            _check_range(text, token)
        elif token.kind == "word" or token.text == "@":
            _check_word(text, token, before, after, words)


def _check_offsets(text: str, tokens: Sequence[Token]) -> set[int]:
    """Check what stands behind `offset`; return the indexes of the durations there."""
    found = set()
    for index, token in enumerate(tokens):
        if token.text.lower() != "offset" or token.inside in {"{", "["}:
            continue
        signed = index + 1 < len(tokens) and tokens[index + 1].text in {"+", "-"}
        place = index + 1 + signed
        length = tokens[place] if place < len(tokens) else token
        if length.kind == "duration":
            found.add(place)
        elif _is_modifier(tokens[index - 1] if index else None, length, signed=signed):
            cure = f"write offset {length.text}s" if length.kind == "number" else "write offset 5m"
            raise ExpressionError(text, length.offset, "offset needs a duration", cure)
    return found


def _is_modifier(before: Token | None, length: Token, *, signed: bool) -> bool:
    """Whether `offset` can only be a modifier, and not a metric of that name."""
    # The parser fails badly on an infinite offset, so a doubtful one is refused, too.
    is_infinite = length.text.lower() in {"inf", "nan"}
    if not signed and (is_infinite or length.kind == "number"):
        return True
    if before is None or before.kind == "operator" or before.text in {"(", "[", "{"}:
        return False
    return is_infinite or before.kind != "word" or before.text.lower() not in KEYWORDS


def _check_matcher(text: str, token: Token, before: Token | None, after: Token | None) -> None:
    separated = before is not None and before.text in {"{", ","}
    if token.kind == "string" and separated:
        raise ExpressionError(text, token.offset, "quoted names need Prometheus 3", 'write name{label="value"}')
    if token.text.lower() == "or" and not separated:
        cure = 'use a regex, label=~"a|b", or write or between two selectors'
        raise ExpressionError(text, token.offset, "'or' between matchers is not PromQL", cure)
    if token.kind == "word" and ":" in token.text and separated and after is not None:
        raise ExpressionError(text, token.offset, f"label name {token.text!r} has a colon", "use an underscore")


def _check_duration(text: str, token: Token, *, expected: bool) -> None:
    if not expected:
        raise ExpressionError(text, token.offset, "a duration is not a number", "write seconds, as in 300 for 5m")
    parts = DURATION_PART.findall(token.text)
    if sum(int(count) * SECONDS[unit] for count, unit in parts) > MAX_SECONDS:
        raise ExpressionError(text, token.offset, f"{token.text} is too long", "at most 366d")


def _check_range(text: str, token: Token) -> None:
    if token.kind == "number":
        raise ExpressionError(text, token.offset, "a duration needs a unit", f"write [{token.text}s] or [5m]")
    if token.kind != "step" and token.text != "]":
        raise ExpressionError(text, token.offset, f"{token.text!r} is not expected here", "write [5m] or [1h:5m]")


def _check_word(text: str, token: Token, before: Token | None, after: Token | None, words: Words) -> None:
    following = after.text.lower() if after else ""
    if token.text == "@" and following == "-":
        raise ExpressionError(text, token.offset, "a time before 1970", "write @ 1700000000, @ start() or @ end()")
    if token.text.lower() == "atan2":
        raise ExpressionError(text, token.offset, "atan2 is not covered", "compare the two sides themselves")
    called = following == "(" or (following in {"by", "without"} and token.text in {*INSTEAD, *words.younger})
    if token.kind == "word" and called and (before is None or before.text != "@"):
        _check_function(text, token, words)


def _check_function(text: str, token: Token, words: Words) -> None:
    name = token.text
    known = words.functions | words.aggregations
    if name in words.younger or name.lower() in words.younger & words.aggregations:
        raise ExpressionError(text, token.offset, f"{name!r} needs Prometheus 3", "set alerting.promql: 3")
    if name in known or name.lower() in words.aggregations | KEYWORDS:
        return
    what = f"function {name!r} is not covered" if name in INSTEAD else f"unknown function {name!r}"
    near = get_close_matches(name.lower(), sorted(known), n=1)
    guess = f"did you mean {near[0]}()?" if near else "docs/promql.md lists the functions"
    raise ExpressionError(text, token.offset, what, INSTEAD.get(name, guess))


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
    """The first word in a place where nothing of its kind can be, judging by its neighbours."""
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
