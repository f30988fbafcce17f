"""Reads the parser's tree, whose nodes are loosely typed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import promql_parser as parser

from logwatch.promql import calls
from logwatch.promql.aggregations import Grouping
from logwatch.promql.matching import Matching

# The parser's constants can be compared but not hashed, so their names are the keys.
MATCH_OPERATORS = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}
MANY_SIDES = {"VectorMatchCardinality.ManyToOne": "left", "VectorMatchCardinality.OneToMany": "right"}


def kind_of(tree: Any) -> str:
    """What a part of the tree gives: `scalar`, `vector`, `range` or `string`."""
    match tree:
        case parser.NumberLiteral():
            return "scalar"
        case parser.StringLiteral():
            return "string"
        case parser.MatrixSelector() | parser.SubqueryExpr():
            return "range"
        case parser.ParenExpr() | parser.UnaryExpr():
            return kind_of(tree.expr)
        case parser.Call():
            return "scalar" if tree.func.name in calls.SCALARS else "vector"
        case parser.BinaryExpr():
            return "scalar" if {kind_of(tree.lhs), kind_of(tree.rhs)} == {"scalar"} else "vector"
        case _:
            return "vector"


def nanoseconds(length: timedelta) -> int:
    """A length of time in nanoseconds."""
    return length // timedelta(microseconds=1) * 1000


def string_of(tree: Any) -> str:
    """A string literal, with or without parentheses."""
    return string_of(tree.expr) if isinstance(tree, parser.ParenExpr) else str(tree.val)


def grouping_of(modifier: Any) -> Grouping:
    """`by` or `without` of an aggregation."""
    if modifier is None:
        return Grouping()
    return Grouping(tuple(modifier.labels), without=modifier.type == parser.AggModifierType.Without)


def matching_of(modifier: Any) -> Matching:
    """`on`, `ignoring` and `group_…` of an operator."""
    if modifier is None:
        return Matching(on=False)
    on, labels = False, ()
    if modifier.matching is not None:
        on = modifier.matching.type == parser.LabelModifierType.Include
        labels = tuple(modifier.matching.labels)
    return Matching(on, labels, MANY_SIDES.get(str(modifier.card), ""), tuple(modifier.group_labels or ()))
