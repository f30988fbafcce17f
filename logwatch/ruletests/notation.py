"""promtool's notation of input series: `docker_events_total{type="image"}` and `0+1x10 _x5 stale`.

Accepts what promtool 2.42 accepts, where `ax4` is a and four times a again, and `_x4` four times nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

from logwatch.rulefiles.vocabulary import closest


class No(Enum):
    """A tick without a sample."""

    SAMPLE = "_"
    MORE = "stale"
    """The marker that ends a series."""


Step = float | No

METRIC = re.compile(r"[ \t]*(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)?[ \t]*(?:\{(?P<labels>.*)\})?[ \t]*", re.DOTALL)
PAIR = re.compile(
    r"""
    \s* (?P<label>[a-zA-Z_][a-zA-Z0-9_]*) \s* = \s*
    (?: "(?P<double>(?:[^"\\\n]|\\.)*)" | '(?P<single>(?:[^'\\\n]|\\.)*)' | `(?P<raw>[^`]*)` )
    \s* (?:,|\Z)
    """,
    re.VERBOSE,
)
ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL)
SHORT = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}

NUMBER = r"(?:(?:\d+[.]?\d*|[.]\d+)(?:[eE][+-]?\d+)?|[iI][nN][fF]|[nN][aA][nN])"
ITEM = re.compile(
    rf"""
      (?P<omitted>_) (?:x(?P<gap>\d+))?                                         # _x5
    | (?P<stale>stale)
    | (?P<first>[+-]?{NUMBER}) (?: (?P<step>[+-]{NUMBER})? x(?P<times>\d+) )?   # 1+2x3
    """,
    re.VERBOSE,
)
MOST_SAMPLES = 1_000_000


def metric(text: str) -> dict[str, str]:
    """The labels of one series, its name as `__name__`; ValueError says what is wrong."""
    match = METRIC.fullmatch(text)
    if match is None or not text.strip():
        raise ValueError(f"'{text}' is no series: write for instance docker_events_total{{type=\"image\"}}")
    labels = {"__name__": match["name"]} if match["name"] else {}
    for label, value in _pairs(match["labels"] or "", text):
        if label in labels:
            raise ValueError(f"label '{label}' is here twice: keep one")
        labels[label] = value
    return {label: value for label, value in labels.items() if value}


def _pairs(text: str, whole: str) -> Iterator[tuple[str, str]]:
    position = 0
    while text[position:].strip():
        match = PAIR.match(text, position)
        if match is None:
            rest = text[position:].strip()
            raise ValueError(f"'{whole}' cannot be read from '{rest}' on: write label=\"value\", … in the braces")
        value = match["raw"]
        if value is None:
            value = ESCAPE.sub(_unescaped, match["double"] if match["double"] is not None else match["single"])
        yield match["label"], value
        position = match.end()


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code:
        return chr(int(code, 16))
    return chr(int(match[4], 8)) if match[4] else SHORT.get(match[5], match[5])


def values(text: str) -> list[Step]:
    """The samples of one series, tick by tick; ValueError says what is wrong."""
    steps: list[Step] = []
    for word in text.split():
        match = ITEM.fullmatch(word)
        if match is None:
            raise ValueError(_not_understood(word))
        if int(match["gap"] or match["times"] or 0) + len(steps) > MOST_SAMPLES:
            raise ValueError(f"'{word}' makes more than {MOST_SAMPLES} samples: use a longer interval")
        steps += _expanded(match)
    return steps


def _expanded(match: re.Match[str]) -> list[Step]:
    if match["omitted"]:
        return [No.SAMPLE] * int(match["gap"] or 1)
    if match["stale"]:
        return [No.MORE]
    first, step = _number(match["first"]), _number(match["step"] or "0")
    if first != first or step != step:
        raise ValueError("NaN ends a series in logwatch: write stale, or leave the samples out with _")
    found: list[Step] = [first]
    for _ in range(int(match["times"] or 0)):
        first += step  # added up, not multiplied: so do Prometheus' own roundings
        found.append(first)
    return found


def _number(text: str) -> float:
    """A number in Go's spelling: a leading 0 makes it octal."""
    digits = text.lstrip("+-")
    if digits.isdigit() and len(digits) > 1 and digits[0] == "0" and not set(digits) & {"8", "9"}:
        return float(int(digits, 8)) * (-1 if text[0] == "-" else 1)
    return float(text)


def _not_understood(word: str) -> str:
    if closest(word, ["stale"]):
        return f"'{word}' is no sample (did you mean 'stale'?)"
    if re.fullmatch(rf"[+-]?{NUMBER}(?:[+-]{NUMBER})?x", word) or re.fullmatch(rf"[+-]?{NUMBER}[+-]{NUMBER}", word):
        return f"'{word}' does not say how many samples: write for instance '1+2x3' for 1 3 5 7"
    return f"'{word}' is no sample: write a number, '1+2x3' for 1 3 5 7, '_' for none, or 'stale'"
