"""A parsed template: texts, expressions and choices, and how they are filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from logwatch.alerting.templates.functions import (
    FUNCTIONS,
    LONGEST,
    TOO_LONG,
    Value,
    ValueMistakeError,
    truth,
    written,
)


class Scope(NamedTuple):
    """What a template can speak of."""

    labels: Mapping[str, str]
    value: float
    external: Mapping[str, str] = {}
    url: str = ""


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal."""

    value: Value

    def evaluate(self, _scope: Scope) -> Value:
        """The literal."""
        return self.value


@dataclass(frozen=True, slots=True)
class Variable:
    """The value, or a label; an absent label is empty."""

    name: str
    label: str | None

    def evaluate(self, scope: Scope) -> Value:
        """The value."""
        if self.name == "value":
            return scope.value
        if self.name == "url":
            return scope.url
        labels = scope.labels if self.name == "labels" else scope.external
        return labels if self.label is None else labels.get(self.label, "")


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments."""

    name: str
    arguments: tuple[Expression, ...]

    def evaluate(self, scope: Scope) -> Value:
        """What the function gives; raises ValueMistakeError."""
        return FUNCTIONS[self.name].apply([argument.evaluate(scope) for argument in self.arguments])


Expression = Constant | Variable | Call


@dataclass(frozen=True, slots=True)
class Choice:
    """`if`: the first branch whose condition holds; a branch without one always does."""

    branches: tuple[tuple[Expression | None, tuple[Part, ...]], ...]


Part = str | Expression | Choice


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template."""

    text: str
    parts: tuple[Part, ...]

    @property
    def uses_value(self) -> bool:
        """Whether the text changes with the value."""
        return _uses(self.parts, "value")

    def render(self, scope: Scope) -> str:
        """Fill it in; what fails becomes part of the text, as in Prometheus."""
        if len(self.parts) == 1 and type(self.parts[0]) is str:
            return self.parts[0]
        try:
            return _render(self.parts, scope)
        except ValueMistakeError as error:
            return f"<error expanding template: {error}>"


def _render(parts: Sequence[Part], scope: Scope) -> str:
    filled: list[str] = []
    size = 0
    for part in parts:
        if isinstance(part, str):
            filled.append(part)
        elif isinstance(part, Choice):
            filled.append(_render(_chosen(part, scope), scope))
        else:
            filled.append(written(part.evaluate(scope)))
        size += len(filled[-1])
        if size > LONGEST:
            raise ValueMistakeError(TOO_LONG)
    return "".join(filled)


def _chosen(choice: Choice, scope: Scope) -> Sequence[Part]:
    for condition, parts in choice.branches:
        if condition is None or truth(condition.evaluate(scope)):
            return parts
    return ()


def _expressions(parts: Sequence[Part]) -> list[Expression]:
    found: list[Expression] = []
    for part in parts:
        if isinstance(part, Choice):
            for condition, branch in part.branches:
                found += [condition] if condition is not None else []
                found += _expressions(branch)
        elif not isinstance(part, str):
            found.append(part)
    return found


def _variables(expressions: Sequence[Expression]) -> list[Variable]:
    found: list[Variable] = []
    for expression in expressions:
        if isinstance(expression, Variable):
            found.append(expression)
        elif isinstance(expression, Call):
            found += _variables(expression.arguments)
    return found


def _uses(parts: Sequence[Part], name: str) -> bool:
    return any(variable.name == name for variable in _variables(_expressions(parts)))
