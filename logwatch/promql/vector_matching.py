"""Vector matching: operators between two vectors, element by element (promql/engine.go, VectorBinop)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Set
from dataclasses import dataclass
from typing import Literal

from logwatch.promql.syntax import EvaluationError
from logwatch.promql.values import METRIC_NAME, Element, Labels, Moment, Vector, VectorNode

Key = Callable[[Labels], Hashable]


@dataclass(frozen=True, slots=True)
class Matching:
    """How elements of two vectors find each other, and what the result keeps."""

    on: bool
    """`on (labels)`; otherwise `ignoring (labels)`, which is also what no word means."""
    labels: tuple[str, ...] = ()
    many: str = ""
    """The side with several elements per match: `left` (group_left), `right`, or neither."""
    include: tuple[str, ...] = ()
    """Labels that group_left or group_right take over from the other side."""

    def key(self) -> Key:
        """What elements that belong together have in common."""
        names = self.labels
        if self.on and len(names) == 1:
            only = names[0]
            return lambda labels: labels.get(only, "")
        if self.on:
            return lambda labels: tuple([labels.get(name, "") for name in names])
        if not names:
            return lambda labels: labels.nameless().identity()
        dropped = (*names, METRIC_NAME)
        return lambda labels: labels.lacking(dropped).identity()

    def shown(self, labels: Labels) -> str:
        """The labels of a match, for messages."""
        kept = {name: value for name, value in labels.items() if name != METRIC_NAME}
        kept = {name: value for name, value in kept.items() if (name in self.labels) is self.on}
        return "{" + ", ".join(f'{name}="{value}"' for name, value in sorted(kept.items())) + "}"


@dataclass(frozen=True, slots=True)
class Matched:
    """Arithmetic or a comparison between two vectors.

    `operation` gives the value of the result, or None when a comparison filters the pair out.
    """

    operation: Callable[[float, float], float | None]
    left: VectorNode
    right: VectorNode
    matching: Matching
    keep_name: bool
    """A comparison without `bool` keeps the left side's metric name, all others drop it."""
    paired: bool = False
    """Within a part, each side has one element at most, and they match."""
    is_right_safe: bool = False
    """The right side cannot fail: it is not evaluated if the left one is empty."""

    @property
    def many_names(self) -> bool:
        """As the side that gives the labels."""
        return self.keep_name and (self.right if self.matching.many == "right" else self.left).many_names

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        left = self.left.vector(moment)
        if not left and self.is_right_safe:
            return []
        right = self.right.vector(moment)
        if not left or not right:
            return []
        if self.paired and moment.is_part:
            paired = self._value(left[0][1], right[0][1])
            return [] if paired is None else [(self._labels(left[0][0], right[0][0]), paired)]
        many, one = (right, left) if self.matching.many == "right" else (left, right)
        key = self.matching.key()
        partners = self._partners(one, key)
        found: Vector = []
        taken: set[Hashable] = set()
        for labels, value in many:
            match = key(labels)
            partner = partners.get(match)
            if partner is None:
                continue
            result = self._value(value, partner[1])
            if result is not None:
                given = self._labels(labels, partner[0])
                taken_key = (match, given.identity()) if self.matching.many else match
                if taken_key in taken:
                    raise self._ambiguous(labels)
                taken.add(taken_key)
                found.append((given, result))
        return found

    def _partners(self, one: Vector, key: Key) -> dict[Hashable, Element]:
        partners: dict[Hashable, Element] = {}
        for element in one:
            match = key(element[0])
            if match in partners:
                side = "left" if self.matching.many == "right" else "right"
                raise EvaluationError(
                    f"found duplicate series for the match group {self.matching.shown(element[0])} on the {side} hand-side "
                    "of the operation; many-to-many matching not allowed: matching labels must be unique on one side"
                )
            partners[match] = element
        return partners

    def _value(self, many: float, one: float) -> float | None:
        return self.operation(one, many) if self.matching.many == "right" else self.operation(many, one)

    def _labels(self, many: Labels, one: Labels) -> Labels:
        matching = self.matching
        result = many if self.keep_name else many.nameless()
        if not matching.many:
            if matching.on:
                return Labels({name: result[name] for name in matching.labels if name in result})
            return result.without(matching.labels) if matching.labels else result
        for name in matching.include:
            result = result.having(name, one.get(name, ""))
        return result

    def _ambiguous(self, labels: Labels) -> EvaluationError:
        rule = "many-to-one matching must be explicit (group_left/group_right)"
        if self.matching.many:
            rule = "grouping labels must ensure unique matches"
        return EvaluationError(f"multiple matches for labels {self.matching.shown(labels)}: {rule}")


@dataclass(frozen=True, slots=True)
class And:
    """The left elements that have a match on the right (`unless`: `present` is False, that have none)."""

    left: VectorNode
    right: VectorNode
    matching: Matching
    present: bool = True
    paired: bool = False
    """Within a part, each side has one element at most, and they match."""
    first: Literal["left", "right", None] = None
    """The side which, if it is empty, decides: the other one cannot fail, as it can elsewhere, and is not evaluated."""
    shared: int | None = None
    """The number of the right side, if all parts read the same there; it cannot fail then."""

    @property
    def many_names(self) -> bool:
        """As the left side."""
        return self.left.many_names

    def matches(self, moment: Moment) -> Set[Hashable]:
        """What left elements have to match."""
        return self._keys(self.right.vector(moment))

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        if self.shared is not None and moment.shared is not None:
            left = self.left.vector(moment)
            return self._filtered(left, moment.shared.matches(self.shared, moment)) if left else []
        # Both sides otherwise, as in Prometheus: an error on the right does not wait for the left.
        right = self.right.vector(moment) if self.first == "right" else None
        if right is not None and not right:
            return []
        left = self.left.vector(moment)
        if self.first == "left" and not left:
            return []
        if right is None:
            right = self.right.vector(moment)
        if not left:
            return []
        if self.paired and moment.is_part:
            return left if bool(right) is self.present else []
        return self._filtered(left, self._keys(right))

    def _keys(self, right: Vector) -> Set[Hashable]:
        key = self.matching.key()
        return {key(labels) for labels, _ in right}

    def _filtered(self, left: Vector, matches: Set[Hashable]) -> Vector:
        key = self.matching.key()
        return [element for element in left if (key(element[0]) in matches) is self.present]


@dataclass(frozen=True, slots=True)
class Or:
    """All left elements, and the right ones that have no match on the left."""

    left: VectorNode
    right: VectorNode
    matching: Matching
    covered: bool = False
    """Within a part, an element on the left matches all there can be on the right, which is then not evaluated."""
    many_names: bool = True

    def vector(self, moment: Moment) -> Vector:
        """The elements at that moment."""
        left = self.left.vector(moment)
        if left and self.covered and moment.is_part:
            return left
        right = self.right.vector(moment)
        key = self.matching.key()
        matches = {key(labels) for labels, _ in left}
        return left + [element for element in right if key(element[0]) not in matches]
