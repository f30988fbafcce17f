"""What can be known of a part of an expression without any series.

An evaluator need not look at all series when one of them changes. Most expressions fall into parts
that do not depend on each other: `x{action="die"} - x{action="die"} offset 5m > 3` has one for each
set of labels, `state == 1 and ignoring (state, action) x > 3` one for each set of labels but for
`state` and `action`, `sum by (name) (x) > 3` one for each name. `parting_of` finds the labels that
distinguish the parts of a whole expression.

Within a part many vectors have at most one element (`is_single`). Then an operator can leave its
other side alone: `or` if the left has an element, `and` if one side has none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import promql_parser as parser

from logwatch.promql import aggregations, functions
from logwatch.promql.aggregations import Grouping
from logwatch.promql.values import METRIC_NAME
from logwatch.promql.vector_matching import Matching

RELABELLING = {"label_replace": 1, "label_join": 1}
"""Functions that change a label, and the argument that names it."""
WHOLE = frozenset({"absent", "absent_over_time", "vector", "scalar", "sort", "sort_desc"})
"""Functions whose result is not made series by series."""


@dataclass(frozen=True, slots=True)
class Parting:
    """The labels that distinguish parts: `kept` (None: all) without `free` and without the metric's name."""

    kept: frozenset[str] | None = None
    free: frozenset[str] = frozenset()

    @property
    def is_whole(self) -> bool:
        """Whether there is one part only."""
        return self.kept is not None and not self.kept - self.free

    def key(self, labels: Mapping[str, str]) -> str:
        """The part that a series belongs to."""
        kept, free = self.kept, self.free
        return "\0".join(
            sorted(
                f"{name}\1{value}"
                for name, value in labels.items()
                if name not in free and name != METRIC_NAME and (kept is None or name in kept)
            )
        )

    def joined(self, other: Parting) -> Parting:
        """The coarser one that suits both."""
        kept = self.kept if other.kept is None else other.kept if self.kept is None else self.kept & other.kept
        return Parting(kept, self.free | other.free)


ALL_LABELS = Parting()
ONE_PART = Parting(frozenset())


@dataclass(frozen=True, slots=True)
class Traits:
    """Of one part of an expression."""

    parting: Parting = ALL_LABELS
    fixed: Mapping[str, str] | None = None
    """Labels that all elements have alike ("": not at all); None where two may differ in their names only."""
    fails: bool = False
    """Whether an evaluation can raise EvaluationError."""
    selectors: int = 0
    """How many it reads: what an evaluation costs, roughly."""

    def is_single(self, parting: Parting) -> bool:
        """Whether there is at most one element in each part of an expression with that parting."""
        return parting.kept is None and self.fixed is not None and parting.free <= self.fixed.keys()

    def agrees(self, other: Traits, ignored: Collection[str]) -> bool:
        """Whether the labels that are not ignored are the same here and there, apart from those that distinguish parts."""
        here, there = self.fixed or {}, other.fixed or {}
        return all(here[name] == there[name] for name in here.keys() & there.keys() if name not in ignored)


def parting_of(tree: Any) -> Parting:
    """The labels that distinguish the parts of a whole expression."""
    return traits_of(tree).parting if kind_of(tree) == "vector" else ONE_PART


def traits_of(tree: Any) -> Traits:
    """The traits of any part of an expression."""
    match tree:
        case parser.NumberLiteral() | parser.StringLiteral():
            return Traits(fixed={})
        case parser.VectorSelector():
            return Traits(fixed=_demanded(tree) if tree.name else None, selectors=1)
        case parser.MatrixSelector():
            return traits_of(tree.vector_selector)
        case parser.ParenExpr() | parser.UnaryExpr():
            return traits_of(tree.expr)
        case parser.Call():
            return _call(tree)
        case parser.AggregateExpr():
            return _aggregation(tree)
        case parser.BinaryExpr():
            return _binary(tree)
        case _:  # a subquery
            inner = traits_of(tree.expr)
            return Traits(ONE_PART, None, fails=True, selectors=inner.selectors)


def _demanded(tree: Any) -> dict[str, str]:
    """What the matchers demand a label to be."""
    return {
        matcher.name: matcher.value
        for matcher in tree.matchers.matchers
        if MATCH_OPERATORS[str(matcher.op)] == "=" and matcher.name != METRIC_NAME
    }


def _sum(parts: Iterable[Traits]) -> Traits:
    """Of several arguments, but for `fixed`."""
    total = Traits()
    for part in parts:
        total = Traits(
            total.parting.joined(part.parting),
            fails=total.fails or part.fails,
            selectors=total.selectors + part.selectors,
        )
    return total


def _call(tree: Any) -> Traits:
    name, arguments = tree.func.name, [traits_of(argument) for argument in tree.args]
    if name in {"time", "pi"}:
        return Traits(fixed={})
    total = _sum(arguments)
    if name in WHOLE or not arguments:
        return replace(total, parting=ONE_PART, fixed={})
    if name in RELABELLING:
        label = string_of(tree.args[RELABELLING[name]])
        return replace(total, parting=total.parting.joined(Parting(free=frozenset({label}))), fails=True)
    if name == "histogram_quantile":
        return replace(total, parting=total.parting.joined(Parting(free=frozenset({"le"}))), fails=True)
    vectors = [
        part for part, argument in zip(arguments, tree.args, strict=True) if kind_of(argument) in {"vector", "range"}
    ]
    fixed = vectors[0].fixed if vectors else {}
    return replace(total, fixed=fixed, fails=total.fails or fixed is None)


def _aggregation(tree: Any) -> Traits:
    argument, grouping = traits_of(tree.expr), grouping_of(tree.modifier)
    total = _sum([argument] if tree.param is None else [argument, traits_of(tree.param)])
    fails = total.fails or str(tree.op) in aggregations.WITH_PARAMETER
    keeps_elements = str(tree.op) in {"topk", "bottomk"}
    labels = frozenset(grouping.labels)
    parting = Parting(free=labels) if grouping.without else Parting(kept=labels)
    fixed = dict(argument.fixed or {}) | dict.fromkeys(labels, "") if grouping.without else {}
    if str(tree.op) == "count_values":
        parting, fixed = ONE_PART, {}
    return Traits(
        total.parting.joined(parting),
        argument.fixed if keeps_elements else fixed,
        fails=fails,
        selectors=total.selectors,
    )


def _binary(tree: Any) -> Traits:
    left, right, operator = traits_of(tree.lhs), traits_of(tree.rhs), str(tree.op)
    kinds = (kind_of(tree.lhs), kind_of(tree.rhs))
    if kinds != ("vector", "vector"):
        fixed = left.fixed if kinds[0] == "vector" else right.fixed
        total = _sum((left, right))
        return replace(total, fixed=fixed, fails=total.fails or (kinds != ("scalar", "scalar") and fixed is None))
    matching = matching_of(tree.modifier)
    names = frozenset(matching.labels)
    between = Parting(kept=names) if matching.on else Parting(free=names)
    if operator in {"and", "unless"} and matching.on:
        # The right side is read as a whole, for each part of the left.
        return replace(left, fails=left.fails or right.fails, selectors=left.selectors + right.selectors)
    total = _sum((left, right))
    total = replace(total, parting=total.parting.joined(between))
    if operator in {"and", "unless"}:
        return replace(total, fixed=left.fixed)
    if operator == "or":
        return replace(total, fixed=_common(left.fixed, right.fixed))
    plain = not matching.on and not matching.many
    sides = (left.fixed, right.fixed)
    fails = total.fails or not plain or any(fixed is None or not names <= fixed.keys() for fixed in sides)
    fixed = None if fails or left.fixed is None else dict(left.fixed) | dict.fromkeys(names, "")
    return replace(total, fixed=fixed, fails=fails)


def _common(left: Mapping[str, str] | None, right: Mapping[str, str] | None) -> Mapping[str, str] | None:
    if left is None or right is None:
        return None
    return {name: value for name, value in left.items() if right.get(name) == value}


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
            return "scalar" if tree.func.name in functions.SCALARS else "vector"
        case parser.BinaryExpr():
            return "scalar" if {kind_of(tree.lhs), kind_of(tree.rhs)} == {"scalar"} else "vector"
        case _:
            return "vector"


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
