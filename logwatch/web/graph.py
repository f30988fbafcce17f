"""The page with a box for an expression of PromQL, its result as a table, or over a time as a drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from logwatch.model import SECOND
from logwatch.notation import duration, float_text, nanoseconds
from logwatch.promql import EvaluationError, ExpressionError, Labels
from logwatch.queries import QueryLimitError, QueryTimeoutError
from logwatch.web.view import View

RANGES = ("", "15m", "1h", "6h", "1d")
"""Over which the result is drawn; empty: it is a table of now."""
STEPS = 200
MOST_ROWS = 1_000
MOST_DRAWN = 20
WIDTH, HEIGHT = 1000.0, 240.0
"""Of a drawing, in its own units."""
Points = Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Row:
    """One element of a result."""

    series: str
    value: str
    line: str = ""
    """The points of its line, as SVG has them."""


@dataclass(frozen=True, slots=True)
class Graph:
    """What the page shows."""

    expression: str
    length: str
    error: str = ""
    rows: Sequence[Row] = ()
    left_out: int = 0
    """Elements that are too many to show."""
    lowest: str = ""
    highest: str = ""


def graph(view: View, expression: str, length: str) -> Graph:
    """Evaluate an expression, if there is one; a mistake in it is what is shown."""
    length = length if length in RANGES else ""
    if not expression.strip():
        return Graph(expression, length)
    try:
        return _drawn(view, expression, length) if length else _listed(view, expression)
    except (ExpressionError, EvaluationError, QueryLimitError, QueryTimeoutError) as error:
        return Graph(expression, length, str(error))


def _listed(view: View, expression: str) -> Graph:
    with view.queries() as queries:
        result = queries.instant(expression, view.now_ns())
    if isinstance(result, dict):
        texts = {labels: " ".join(float_text(value) for _, value in points) for labels, points in result.items()}
        rows = [Row(labels.text(), text) for labels, text in texts.items()]
    else:
        elements = [(Labels(), result)] if isinstance(result, float) else result
        rows = [Row(labels.text(), float_text(value)) for labels, value in elements]
    return Graph(expression, "", rows=rows[:MOST_ROWS], left_out=max(0, len(rows) - MOST_ROWS))


def _drawn(view: View, expression: str, length: str) -> Graph:
    length_ns, end_ns = nanoseconds(duration(length)), view.now_ns()
    step_ns = max(SECOND, length_ns // STEPS)
    start_ns = (end_ns - length_ns) // step_ns * step_ns
    with view.queries() as queries:
        matrix = queries.ranged(expression, start_ns, end_ns, step_ns)
    series = sorted(matrix.items(), key=lambda item: (-max(_finite(item[1]), default=0.0), sorted(item[0].items())))
    shown = series[:MOST_DRAWN]
    values = [value for _, points in shown for value in _finite(points)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    rows = [
        Row(labels.text(), float_text(points[-1][1]), _line(points, (start_ns, end_ns), (low, high)))
        for labels, points in shown
    ]
    left_out = len(series) - len(shown)
    return Graph(expression, length, "", rows, left_out, float_text(low), float_text(high))


def _line(points: Points, times: tuple[int, int], values: tuple[float, float]) -> str:
    (start_ns, end_ns), (low, high) = times, values
    across, up = WIDTH / max(1, end_ns - start_ns), HEIGHT / ((high - low) or 1.0)
    finite = [(time_ns, value) for time_ns, value in points if abs(value) < float("inf")]
    return " ".join(f"{(at - start_ns) * across:.1f},{HEIGHT - (value - low) * up:.1f}" for at, value in finite)


def _finite(points: Points) -> list[float]:
    return [value for _, value in points if abs(value) < float("inf")]
