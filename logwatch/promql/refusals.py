"""What an expression must not contain: what Prometheus 2.42 does not know, and what we do not do.

The parser also accepts younger PromQL. A rule file must load everywhere (the newest words are
refused by the Prometheus beside us), so that an allow-list of functions decides here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from logwatch.promql.aggregations import NAMES as AGGREGATIONS
from logwatch.promql.errors import ExpressionError
from logwatch.promql.tokens import Token

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
    "limitk": "use topk or bottomk",
    "limit_ratio": "use topk or bottomk",
    "sort_by_label": "remove it: alerts have no order",
    "sort_by_label_desc": "remove it: alerts have no order",
    "mad_over_time": "use stddev_over_time",
    "info": "join with * on (…) group_left (…)",
    "first_over_time": "use min_over_time or offset",
}
"""Names that people try, and what to write for them."""


def refuse(text: str, tokens: Sequence[Token], functions: frozenset[str]) -> None:
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
            _check_word(text, token, before, after, functions | AGGREGATIONS)


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
            if tokens[index + 1].text == "-":
                cure = "write a positive offset"
                raise ExpressionError(text, tokens[index + 1].offset, "a negative offset looks into the future", cure)
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
        raise ExpressionError(text, token.offset, "a duration is no number", "write seconds, as in 300 for 5m")
    parts = DURATION_PART.findall(token.text)
    if sum(int(count) * SECONDS[unit] for count, unit in parts) > MAX_SECONDS:
        raise ExpressionError(text, token.offset, f"{token.text} is too long", "at most 366d")


def _check_range(text: str, token: Token) -> None:
    if token.kind == "number":
        raise ExpressionError(text, token.offset, "a duration needs a unit", f"write [{token.text}s] or [5m]")
    if token.kind != "step" and token.text != "]":
        raise ExpressionError(text, token.offset, f"{token.text!r} is not expected here", "write [5m] or [1h:5m]")


def _check_word(text: str, token: Token, before: Token | None, after: Token | None, known: frozenset[str]) -> None:
    following = after.text.lower() if after else ""
    if token.text == "@" and following not in {"start", "end"}:
        cure = "use offset; only @ start() and @ end() are covered"
        raise ExpressionError(text, token.offset, "no history is kept back to a fixed time", cure)
    if token.text.lower() == "atan2":
        raise ExpressionError(text, token.offset, "atan2 is not covered", "compare the two sides themselves")
    called = following == "(" or (following in {"by", "without"} and token.text in INSTEAD)
    if token.kind == "word" and called and (before is None or before.text != "@"):
        _check_function(text, token, known)


def _check_function(text: str, token: Token, known: frozenset[str]) -> None:
    name = token.text
    if name in known or name.lower() in AGGREGATIONS | KEYWORDS:
        return
    what = f"function {name!r} is not covered" if name in INSTEAD else f"unknown function {name!r}"
    near = get_close_matches(name.lower(), sorted(known), n=1)
    guess = f"did you mean {near[0]}()?" if near else "docs/promql.md lists the functions"
    raise ExpressionError(text, token.offset, what, INSTEAD.get(name, guess))
