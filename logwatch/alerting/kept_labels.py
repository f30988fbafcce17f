"""Which labels the result of an expression can have, found without any series: for `logwatch check`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import promql_parser as parser

from logwatch.promql.traits import RELABELLING, WHOLE, grouping_of, kind_of, matching_of, string_of

Labels = frozenset[str] | None
"""None: any."""


def kept_labels(text: str, of_metric: Callable[[str], Labels]) -> Labels:
    """Return the labels that elements of the result may have; `of_metric` has those of a metric's series."""
    return _kept(parser.parse(text), of_metric)


def _kept(tree: Any, of_metric: Callable[[str], Labels]) -> Labels:
    match tree:
        case parser.VectorSelector():
            return of_metric(tree.name) if tree.name else None
        case parser.MatrixSelector():
            return _kept(tree.vector_selector, of_metric)
        case parser.ParenExpr() | parser.UnaryExpr() | parser.SubqueryExpr():
            return _kept(tree.expr, of_metric)
        case parser.Call():
            return _of_call(tree, of_metric)
        case parser.AggregateExpr():
            return _of_aggregation(tree, _kept(tree.expr, of_metric))
        case parser.BinaryExpr():
            return _of_operator(tree, _kept(tree.lhs, of_metric), _kept(tree.rhs, of_metric))
        case _:  # a number or a string
            return frozenset()


def _of_call(tree: Any, of_metric: Callable[[str], Labels]) -> Labels:
    vectors = [argument for argument in tree.args if kind_of(argument) in {"vector", "range"}]
    if tree.func.name in WHOLE or not vectors:
        return None if vectors else frozenset()
    kept = _kept(vectors[0], of_metric)
    if tree.func.name in RELABELLING and kept is not None:
        return kept | {string_of(tree.args[RELABELLING[tree.func.name]])}
    return kept


def _of_aggregation(tree: Any, inner: Labels) -> Labels:
    grouping, operator = grouping_of(tree.modifier), str(tree.op)
    if operator in {"topk", "bottomk"}:
        return inner
    if operator == "count_values":
        return None
    labels = frozenset(grouping.labels)
    if grouping.without:
        return None if inner is None else inner - labels
    return labels if inner is None else labels & inner


def _of_operator(tree: Any, left: Labels, right: Labels) -> Labels:
    kinds = (kind_of(tree.lhs), kind_of(tree.rhs))
    if kinds != ("vector", "vector"):
        return left if kinds[0] == "vector" else right
    operator, matching = str(tree.op), matching_of(tree.modifier)
    if operator in {"and", "unless"}:
        return left
    if operator == "or":
        return None if left is None or right is None else left | right
    if matching.many:
        many = right if matching.many == "right" else left
        return None if many is None else many | frozenset(matching.include)
    names = frozenset(matching.labels)
    if matching.on:
        return names
    return None if left is None else left - names
