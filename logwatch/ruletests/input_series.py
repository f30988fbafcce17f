"""Input series of a test: promtool's notation, read into change points for the evaluator.

`docker_events_total{type="image"}` and `0+1x10 _x5 stale`, as promtool 2.42 accepts them: `ax4` is a and
four more times a, `_x4` is four ticks without a sample. A sample is visible until the next one, but no longer
than Prometheus looks back, and range functions see it once. So there are two lists of change points:

    samples              1    1    _    _    3    stale
    shown                1                   3    NaN
    in ranges            1         NaN       3    NaN
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from logwatch.metrics.changepoints import NAN
from logwatch.model import SECOND
from logwatch.rulefiles.vocabulary import closest


class NoSample(Enum):
    """A tick without a sample."""

    OMITTED = "_"
    STALE = "stale"
    """The marker that ends a series."""


Step = float | NoSample

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
"""Of one series; those that follow are left out: a test that looks at later ones is refused."""


def metric(text: str) -> dict[str, str]:
    """The labels of one series, its name as `__name__`; raises ValueError with cause and cure."""
    match = METRIC.fullmatch(text)
    if match is None or not text.strip():
        raise ValueError(f"'{text}' is not a series: write for instance docker_events_total{{type=\"image\"}}")
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


NATIVE = "native histograms are not supported"


def values(text: str) -> list[Step]:
    """The samples of one series, tick by tick; raises ValueError with cause and cure."""
    steps: list[Step] = []
    for word in text.split():
        match = ITEM.fullmatch(word)
        if match is None:
            raise ValueError(_not_understood(word))
        steps += _expanded(match, MOST_SAMPLES - len(steps))
    return steps[:MOST_SAMPLES]


def _expanded(match: re.Match[str], most: int) -> list[Step]:
    if match["omitted"]:
        return [NoSample.OMITTED] * min(int(match["gap"] or 1), most)
    if match["stale"]:
        return [NoSample.STALE]
    first, step = _number(match["first"]), _number(match["step"] or "0")
    if first != first or step != step:
        raise ValueError("NaN ends a series in logwatch: write stale, or leave the samples out with _")
    found: list[Step] = [first]
    for _ in range(min(int(match["times"] or 0), most)):
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
    if word.startswith("{{"):
        return f"{NATIVE}: give the series _bucket, _sum and _count"
    if closest(word, ["stale"]):
        return f"'{word}' is not a sample (did you mean 'stale'?)"
    if re.fullmatch(rf"[+-]?{NUMBER}(?:[+-]{NUMBER})?x", word) or re.fullmatch(rf"[+-]?{NUMBER}[+-]{NUMBER}", word):
        return f"'{word}' does not say how many samples: write for instance '1+2x3' for 1 3 5 7"
    return f"'{word}' is not a sample: write a number, '1+2x3' for 1 3 5 7, '_' for none, or 'stale'"


# ── change points ───────────────────────────────────────────────────────────────────────


LOOK_BACK_NS = 300 * SECOND
"""Prometheus' default: for how long a sample is shown that no other follows."""
NAME = "__name__"

Points = tuple[list[int], list[float]]


class InputSeries(NamedTuple):
    """One series of a test: its labels, with its name as `__name__`, and its samples tick by tick."""

    labels: Mapping[str, str]
    steps: Sequence[Step]


class Given:
    """All input series of a test; ticks are `interval_ns` apart, the first at `start_ns`."""

    def __init__(self, series: Iterable[InputSeries], start_ns: int, interval_ns: int) -> None:
        self._series: dict[str, list[tuple[Mapping[str, str], Points, Points]]] = {}
        last = {frozenset(labels.items()): (labels, steps) for labels, steps in series}
        for labels, steps in last.values():
            own = {label: value for label, value in labels.items() if label != NAME}
            shown, sampled = change_points(steps, start_ns, interval_ns)
            if shown[0]:
                self._series.setdefault(labels[NAME], []).append((own, shown, sampled))

    def names(self) -> Iterable[str]:
        """The names that have samples."""
        return self._series.keys()

    def select(self, name: str) -> Iterator[tuple[Mapping[str, str], Points, Points]]:
        """Labels, change points as shown, and as functions of ranges see them, of each series."""
        yield from self._series.get(name, ())


def change_points(steps: Sequence[Step], start_ns: int, interval_ns: int) -> tuple[Points, Points]:
    """The change points of one series, as it is shown and in ranges; see the drawing above.

    A series that has a sample at the start of the test was there before: its first time is 0.
    """
    shown, sampled = _Drawn(), _Drawn()
    shown_until = 0
    """The last moment at which the newest sample is shown; 0 if there is none."""
    for number, step in enumerate([*steps, NoSample.OMITTED]):
        now = start_ns + number * interval_ns
        if shown_until and shown_until < now:
            shown.put(shown_until + 1, NAN)
            shown_until = 0
        if isinstance(step, float):
            shown.put(now if number else 0, step)
            sampled.put(now if number else 0, step)
            shown_until = now + LOOK_BACK_NS
            continue
        sampled.put(now, NAN)
        if step is NoSample.STALE:
            shown.put(now, NAN)
            shown_until = 0
    if shown_until:
        shown.put(shown_until + 1, NAN)
    return (shown.times, shown.values), (sampled.times, sampled.values)


class _Drawn:
    """Change points in the order of their times."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.values: list[float] = []

    def put(self, time_ns: int, value: float) -> None:
        """Add a point, if the value is another one than before."""
        before = self.values[-1] if self.values else NAN
        if value != before and (value == value or before == before):
            self.times.append(time_ns)
            self.values.append(value)
