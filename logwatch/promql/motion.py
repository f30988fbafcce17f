"""What becomes of a result while no series changes: whether time alone can change it.

    steady   a result that stays as it is, once no change is within its look-back any more
    fading   elements only ever leave it: `last_event > time() - 300`; once empty, it stays empty
    moving   everything else: `time() - last_event > 300`, subqueries, the hour

An evaluator can leave the first two alone for most of the time, which is what makes months of
silence in a log cheap.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import promql_parser as parser

from logwatch.promql.tree import kind_of


class Motion(Enum):
    """How a result moves with time."""

    STEADY = "steady"
    FADING = "fading"
    MOVING = "moving"
    RISING = "rising"
    """Of a scalar only: the time, more or less something fixed."""


STEADY, FADING, MOVING, RISING = Motion.STEADY, Motion.FADING, Motion.MOVING, Motion.RISING

STEADY_FUNCTIONS = frozenset(
    [
        "increase",
        "rate",
        "absent",
        "vector",
        "scalar",
        "abs",
        "ceil",
        "floor",
        "round",
        "clamp",
        "clamp_min",
        "clamp_max",
        "sort",
        "sort_desc",
        "label_replace",
        "label_join",
        "histogram_quantile",
        "exp",
        "ln",
        "log2",
        "log10",
        "sqrt",
        "sgn",
        "max_over_time",
        "min_over_time",
        "avg_over_time",
        "last_over_time",
        "present_over_time",
        "changes",
        "resets",
    ]
)
FADES = {">": "rhs", ">=": "rhs", "<": "lhs", "<=": "lhs"}
"""Comparisons, and the side on which a rising scalar makes ever fewer elements pass."""
COMPARISONS = frozenset({*FADES, "==", "!="})


def motion_of(tree: Any) -> Motion:
    """How the result of a parsed expression moves."""
    match tree:
        case parser.NumberLiteral() | parser.StringLiteral() | parser.VectorSelector() | parser.MatrixSelector():
            return STEADY
        case parser.ParenExpr():
            return motion_of(tree.expr)
        case parser.UnaryExpr():
            return STEADY if motion_of(tree.expr) is STEADY else MOVING
        case parser.AggregateExpr():
            parts = [tree.expr] if tree.param is None else [tree.expr, tree.param]
            return STEADY if all(motion_of(part) is STEADY for part in parts) else MOVING
        case parser.Call():
            return _call(tree)
        case parser.BinaryExpr():
            return _binary(tree, motion_of(tree.lhs), motion_of(tree.rhs))
        case _:
            return MOVING


def _call(tree: Any) -> Motion:
    if tree.func.name == "time":
        return RISING
    steady = tree.func.name in STEADY_FUNCTIONS and all(motion_of(argument) is STEADY for argument in tree.args)
    return STEADY if steady else MOVING


def _binary(tree: Any, left: Motion, right: Motion) -> Motion:
    operator = str(tree.op)
    if left is STEADY and right is STEADY:
        return STEADY
    if operator == "and" and {left, right} <= {STEADY, FADING}:
        return FADING
    if operator == "unless" and left is FADING and right is STEADY:
        return FADING
    if operator in {"+", "-"} and left is RISING and right is STEADY and kind_of(tree.rhs) == "scalar":
        return RISING
    if operator in COMPARISONS and not (tree.modifier is not None and tree.modifier.return_bool):
        return _comparison(tree, operator, left, right)
    return MOVING


def _comparison(tree: Any, operator: str, left: Motion, right: Motion) -> Motion:
    """Of a vector with a scalar, as a filter."""
    rising = {"rhs": right, "lhs": left}.get(FADES.get(operator, ""))
    vector, other = (left, right) if kind_of(tree.lhs) == "vector" else (right, left)
    if vector not in {STEADY, FADING} or {kind_of(tree.lhs), kind_of(tree.rhs)} != {"vector", "scalar"}:
        return MOVING
    fades = other is STEADY or (rising is RISING and other is RISING)
    return FADING if fades else MOVING
