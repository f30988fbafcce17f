"""Turns the parser's tree into nodes, and notes what they read of the past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import promql_parser as parser

from logwatch.model import LABEL_NAME, SECOND
from logwatch.notation import nanoseconds
from logwatch.promql import aggregations, functions, growth, matchers, operators
from logwatch.promql.growth import Growth, GrowthAbove
from logwatch.promql.operators import NegatedScalar, Number, ScalarOperation
from logwatch.promql.selectors import InstantSelector, RangeSelector, Shift, Subquery
from logwatch.promql.series_index import SAMPLE_INTERVAL_NS, SUBQUERY_STEP_NS
from logwatch.promql.syntax import ExpressionError, Token, Version
from logwatch.promql.traits import (
    MATCH_OPERATORS,
    ONE_PART,
    Parting,
    grouping_of,
    kind_of,
    matching_of,
    string_of,
    traits_of,
)
from logwatch.promql.values import METRIC_NAME, RangeNode, ScalarNode, VectorNode
from logwatch.promql.vector_matching import And, Matched, Matching, Or

KINDS = {"scalar": "a number", "vector": "an instant vector", "range": "a range of samples", "string": "a string"}
MAX_SAMPLES = 1_000_000
"""Samples and steps per series that one evaluation may look at."""


MOST_MADE = 64 << 20
"""Bytes of labels that all calls of MAKES of an expression may make at a time: they may be kept beside each other."""
MAKES = frozenset({"label_replace", "label_join"})


class Reading(NamedTuple):
    """A selector of an expression, and how far before the evaluation time it looks."""

    selector: matchers.Selector
    look_back_ns: int


class Surroundings(NamedTuple):
    """What stands around a part of the expression."""

    reach_ns: int = 0
    """How far before the evaluation time the part may be evaluated."""
    steps: int = 1
    """How often it is evaluated."""
    shared: bool = False
    """Whether it reads all series for each part of the expression."""


class Numbered(NamedTuple):
    """A selector of an expression; its place in the list of them is its number."""

    selector: matchers.Selector
    shared: bool
    """Whether each part of the expression reads all of its series."""


class Planner:
    """Builds the nodes of one expression; `readings`, `selectors` and `shared` collect what they read."""

    def __init__(self, text: str, tokens: Sequence[Token], parting: Parting = ONE_PART, version: Version = 2) -> None:
        self.text = text
        self.tokens = tokens
        self.parting = parting
        self.version = version
        self._excluded_ns = 1 if version >= 3 else 0
        self.readings: list[Reading] = []
        self.selectors: list[Numbered] = []
        self.shared: list[And] = []
        """Operators whose right side is the same for all parts of the expression."""

    def plan(self, tree: Any) -> tuple[ScalarNode | None, VectorNode | None]:
        """The node of the whole expression, a number's or a vector's; raises ExpressionError for what gives no instant result."""
        kind = kind_of(tree)
        if kind == "scalar":
            return self.scalar(tree, Surroundings()), None
        if kind == "vector":
            return None, self.vector(tree, Surroundings())
        given = KINDS[kind]
        cure = "compare a metric with a number, as in up == 0"
        raise ExpressionError(self.text, 0, f"a rule needs an instant vector or a number, this is {given}", cure)

    # ── by kind ──────────────────────────────────────────────────────────────────────

    def scalar(self, tree: Any, around: Surroundings) -> ScalarNode:
        """The node of a part that gives a number."""
        match tree:
            case parser.NumberLiteral():
                return Number(tree.val)
            case parser.ParenExpr():
                return self.scalar(tree.expr, around)
            case parser.UnaryExpr():
                return NegatedScalar(self.scalar(tree.expr, around))
            case parser.BinaryExpr():
                operation = {**operators.ARITHMETIC, **operators.COMPARISON}[str(tree.op)]
                return ScalarOperation(operation, self.scalar(tree.lhs, around), self.scalar(tree.rhs, around))
            case parser.Call() if tree.func.name in functions.SCALARS:
                return functions.SCALARS[tree.func.name](Given(self, tree.args, around))
            case _:
                raise self.mistyped(tree, "a number")

    def vector(self, tree: Any, around: Surroundings) -> VectorNode:
        """The node of a part that gives an instant vector."""
        match tree:
            case parser.VectorSelector():
                shift = self.shift(tree)
                return InstantSelector(*self._read(tree, shift, 0, around), shift)
            case parser.ParenExpr():
                return self.vector(tree.expr, around)
            case parser.UnaryExpr():
                times = operators.ARITHMETIC["*"]
                return operators.Calculated(times, self.vector(tree.expr, around), Number(-1.0), swapped=False)
            case parser.AggregateExpr():
                return self._aggregation(tree, around)
            case parser.BinaryExpr():
                return self._binary(tree, around)
            case parser.Call() if tree.func.name in functions.VECTORS:
                return functions.VECTORS[tree.func.name](Given(self, tree.args, around))
            case _:
                raise self.mistyped(tree, "an instant vector")

    def ranged(self, tree: Any, around: Surroundings) -> RangeNode:
        """The node of a part that gives windows."""
        match tree:
            case parser.ParenExpr():
                return self.ranged(tree.expr, around)
            case parser.SubqueryExpr():
                return self._subquery(tree, around)
            case parser.MatrixSelector():
                shift, range_ns = self.shift(tree.vector_selector), nanoseconds(tree.range)
                self._limit(range_ns, SAMPLE_INTERVAL_NS, around)
                read = self._read(tree.vector_selector, shift, range_ns, around)
                return RangeSelector(*read, range_ns, shift, self._excluded_ns)
            case _:
                raise self.mistyped(tree, "a range of samples")

    # ── selectors ────────────────────────────────────────────────────────────────────

    def selector(self, tree: Any) -> matchers.Selector:
        """The selector, its name taken out of the matchers where it is certain."""
        name = tree.name
        others = []
        for given in tree.matchers.matchers:
            operator = MATCH_OPERATORS[str(given.op)]
            if given.name == METRIC_NAME and operator == "=" and name is None and given.value:
                name = given.value
            else:
                others.append(self._matcher(given.name, operator, given.value))
        return matchers.Selector(name, tuple(others))

    def _matcher(self, label: str, operator: str, value: str) -> matchers.Matcher:
        try:
            return matchers.matcher(label, operator, value)
        except matchers.RegexError as error:
            raise self.mistake(value, f"illegal regex: {error}", "write a regex in RE2 syntax") from error

    def shift(self, tree: Any) -> Shift:
        """The offset and @ of a selector or subquery."""
        offset_ns = nanoseconds(tree.offset) if tree.offset else 0
        try:
            at = tree.at.at if tree.at is not None else None
        except (ValueError, OverflowError) as error:  # the parser takes times that no date has
            offset = next((token.offset for token in self.tokens if token.text == "@"), 0)
            cure = "write @ 1700000000, @ start() or @ end()"
            raise ExpressionError(self.text, offset, "a time after the year 9999", cure) from error
        at_ns = round(at.timestamp() * 1000) * (SECOND // 1000) if at is not None else None
        return Shift(offset_ns, pinned=tree.at is not None, at_ns=at_ns)

    def _read(self, tree: Any, shift: Shift, range_ns: int, around: Surroundings) -> tuple[matchers.Selector, int]:
        reach = 0 if shift.pinned else around.reach_ns
        selector = self.selector(tree)
        self.readings.append(Reading(selector, max(0, reach + shift.offset_ns + range_ns)))
        numbered = Numbered(selector, around.shared)
        if numbered not in self.selectors:
            self.selectors.append(numbered)
        return selector, self.selectors.index(numbered)

    def _subquery(self, tree: Any, around: Surroundings) -> Subquery:
        shift, range_ns = self.shift(tree), nanoseconds(tree.range)
        step_ns = nanoseconds(tree.step) if tree.step else None
        steps = self._limit(range_ns, step_ns or SUBQUERY_STEP_NS, around)
        reach = (0 if shift.pinned else around.reach_ns) + shift.offset_ns + range_ns
        argument = self.vector(tree.expr, Surroundings(reach, steps, around.shared))
        return Subquery(argument, range_ns, step_ns, shift, self._excluded_ns)

    def _limit(self, range_ns: int, step_ns: int, around: Surroundings) -> int:
        """How many samples are looked at; raises ExpressionError when they are too many."""
        samples = around.steps * max(1, range_ns // step_ns)
        if samples > MAX_SAMPLES:
            what = f"one evaluation would look at {samples} samples of each series"
            cure = f"shorten the range or lengthen the step of the subquery (at most {MAX_SAMPLES})"
            bracket = next((token.offset for token in self.tokens if token.text == "["), 0)
            raise ExpressionError(self.text, bracket, what, cure)
        return samples

    # ── operators and aggregations ───────────────────────────────────────────────────

    def _aggregation(self, tree: Any, around: Surroundings) -> VectorNode:
        operator = str(tree.op)
        argument = self.vector(tree.expr, around)
        grouping = grouping_of(tree.modifier)
        if operator in aggregations.OF_VALUES:
            return aggregations.Aggregation(aggregations.OF_VALUES[operator], grouping, argument)
        if operator == "count_values":
            return aggregations.CountValues(self.label(string_of(tree.param)), grouping, argument)
        parameter = self.scalar(tree.param, around)
        if operator == "limitk":
            return aggregations.Limited(parameter, grouping, argument)
        if operator == "quantile":
            return aggregations.QuantileAggregation(parameter, grouping, argument)
        return aggregations.Extremes(parameter, largest=operator == "topk", grouping=grouping, argument=argument)

    def _binary(self, tree: Any, around: Surroundings) -> VectorNode:
        operator = str(tree.op)
        returns_bool = bool(tree.modifier and tree.modifier.return_bool)
        filters = operator in operators.COMPARISON and not returns_bool
        if kind_of(tree.rhs) == "scalar":
            argument, number = self.vector(tree.lhs, around), self.scalar(tree.rhs, around)
            rises = filters and operator in operators.ORDER and _rises(tree.rhs)
            return _with_number(operator, argument, number, filters=filters, swapped=False, rises=rises)
        if kind_of(tree.lhs) == "scalar":
            number, argument = self.scalar(tree.lhs, around), self.vector(tree.rhs, around)
            rises = filters and operator in operators.ORDER and _rises(tree.lhs)
            return _with_number(operator, argument, number, filters=filters, swapped=True, rises=rises)
        matching = matching_of(tree.modifier)
        if operator in {"and", "unless"}:
            return self._and(tree, matching, around, present=operator == "and")
        left, right = self.vector(tree.lhs, around), self.vector(tree.rhs, around)
        if operator == "or":
            return Or(left, right, matching, covered=self._covered(tree, around))
        node = Matched(
            _operation(operator, filters=filters),
            left,
            right,
            matching,
            filters,
            paired=self._paired(tree, around),
            is_right_safe=not traits_of(tree.rhs).fails,
        )
        if self.version >= 3:  # its windows leave out their older end
            return node
        return growth.recognised(tree, node) or node

    def _and(self, tree: Any, matching: Matching, around: Surroundings, *, present: bool) -> VectorNode:
        left = self.vector(tree.lhs, around)
        right = self.vector(tree.rhs, around._replace(shared=around.shared or matching.on))
        lefts, rights = traits_of(tree.lhs), traits_of(tree.rhs)
        first: Literal["left", "right", None] = None
        if present and not lefts.fails and (rights.fails or rights.selectors < lefts.selectors):
            first = "right"
        elif not rights.fails:
            first = "left"
        node = And(left, right, matching, present, self._paired(tree, around), first)
        if matching.on and not around.shared and not rights.fails and not self.parting.is_whole:
            node = replace(node, shared=len(self.shared))
            self.shared.append(node)
        return node

    def _covered(self, tree: Any, around: Surroundings) -> bool:
        """Whether an element on the left of `or` has the labels of all there can be on the right."""
        return self._paired(tree, around) and not traits_of(tree.rhs).fails

    def _paired(self, tree: Any, around: Surroundings) -> bool:
        """Whether each side of an operator has one element at most in each part, and these match."""
        matching, left, right = matching_of(tree.modifier), traits_of(tree.lhs), traits_of(tree.rhs)
        if matching.on or matching.many or around.shared:
            return False
        return left.is_single(self.parting) and right.is_single(self.parting) and left.agrees(right, matching.labels)

    # ── words ────────────────────────────────────────────────────────────────────────

    def label(self, name: str) -> str:
        """A label name given as a string."""
        if not LABEL_NAME.fullmatch(name):
            raise self.mistake(name, f"{name!r} is not a label name", "letters, digits and underscores")
        return name

    def regex(self, pattern: str) -> matchers.Regex:
        """A regex given as a string."""
        try:
            return matchers.compile_regex(pattern)
        except matchers.RegexError as error:
            raise self.mistake(pattern, f"illegal regex: {error}", "write a regex in RE2 syntax") from error

    def mistyped(self, tree: Any, wanted: str) -> ExpressionError:
        """An error about a kind that the parser let pass, as it does in ln(-1)."""
        what = f"expected {wanted}, got {KINDS[kind_of(tree)]}: {tree.prettify()}"
        return ExpressionError(self.text, 0, what, "look up the arguments of the function")

    def mistake(self, word: str, what: str, cure: str) -> ExpressionError:
        """An error at the string that holds that word."""
        strings = (token.offset for token in self.tokens if token.kind == "string" and token.content == word)
        return ExpressionError(self.text, next(strings, 0), what, cure)


@dataclass(frozen=True, slots=True)
class Given:
    """The arguments of a call (see functions.Arguments)."""

    planner: Planner
    expressions: Sequence[parser.Expr]
    around: Surroundings

    def scalar(self, index: int) -> ScalarNode:
        """A number."""
        return self.planner.scalar(self.expressions[index], self.around)

    def vector(self, index: int) -> VectorNode:
        """An instant vector."""
        return self.planner.vector(self.expressions[index], self.around)

    def ranged(self, index: int) -> RangeNode:
        """Windows."""
        return self.planner.ranged(self.expressions[index], self.around)

    def string(self, index: int) -> str:
        """A string."""
        return string_of(self.expressions[index])

    def label(self, index: int) -> str:
        """A string that is a label name."""
        return self.planner.label(self.string(index))

    def regex(self, index: int) -> matchers.Regex:
        """A string that is a regex."""
        return self.planner.regex(self.string(index))

    @property
    def most_made(self) -> int:
        """Bytes of labels that the call may make."""
        return MOST_MADE // sum(token.text.lower() in MAKES for token in self.planner.tokens)


def _rises(tree: Any) -> bool:
    """Whether a number is the time plus or minus a fixed one."""
    match tree:
        case parser.ParenExpr():
            return _rises(tree.expr)
        case parser.Call():
            return bool(tree.func.name == "time")
        case parser.BinaryExpr() if str(tree.op) in {"+", "-"}:
            return _rises(tree.lhs) and _is_fixed(tree.rhs)
        case _:
            return False


def _is_fixed(tree: Any) -> bool:
    match tree:
        case parser.ParenExpr() | parser.UnaryExpr():
            return _is_fixed(tree.expr)
        case parser.BinaryExpr():
            return _is_fixed(tree.lhs) and _is_fixed(tree.rhs)
        case _:
            return isinstance(tree, parser.NumberLiteral)


def _with_number(
    operator: str, argument: VectorNode, number: ScalarNode, *, filters: bool, swapped: bool, rises: bool
) -> VectorNode:
    if filters:
        mirrored = operators.MIRRORED[operator] if swapped else operator
        if isinstance(argument, Growth) and isinstance(number, Number) and _is_above_zero(mirrored, number.value):
            return GrowthAbove(operators.COMPARISON[mirrored], argument, number.value)
        kind = operators.FilteredByTime if rises else operators.Filtered
        return kind(operators.COMPARISON[mirrored], argument, number)
    operation = {**operators.ARITHMETIC, **operators.COMPARISON}[operator]
    return operators.Calculated(operation, argument, number, swapped=swapped)


def _is_above_zero(operator: str, number: float) -> bool:
    """Whether a comparison with the number is false for 0 and for what is below."""
    return (operator == ">=" and number > 0) or (operator == ">" and number >= 0)


def _operation(operator: str, *, filters: bool) -> Callable[[float, float], float | None]:
    if operator in operators.ARITHMETIC:
        return operators.ARITHMETIC[operator]
    comparison = operators.COMPARISON[operator]
    if filters:
        return lambda left, right: left if comparison(left, right) else None
    return lambda left, right: float(comparison(left, right))
