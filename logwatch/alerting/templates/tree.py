"""A parsed template: texts, expressions and blocks, and how they are filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from logwatch.alerting.templates.functions import FUNCTIONS, LONGEST, TOO_LONG
from logwatch.alerting.templates.values import Value, ValueMistakeError, field_of, text_of, truth, value_text
from logwatch.notation import quoted
from logwatch.promql import EvaluationError, PromqlError

MOST_STEPS = 100_000
"""Parts that are filled in until a template is given up: loops within loops grow fast."""
STEPS_OF_QUERY = 5_000
"""A query counts as so many: a template makes a score of them."""
DEEPEST_CALLS = 20
"""Templates that include each other."""


Asked = Callable[[str], Sequence[tuple[Mapping[str, str], float]]]
"""The samples of an expression's result; raises PromqlError."""


def not_asked(expression: str) -> Sequence[tuple[Mapping[str, str], float]]:
    """There are no series here."""
    raise EvaluationError(f"nothing can be asked here: {expression}")


class Scope(NamedTuple):
    """What a template is about."""

    labels: Mapping[str, str]
    value: float
    external: Mapping[str, str] = {}
    url: str = ""
    query: Asked = not_asked
    """What `query` gives for an expression."""


@dataclass(slots=True)
class Budget:
    """The work that is left."""

    steps: int = MOST_STEPS

    def spend(self) -> None:
        """Count a step; raises ValueMistakeError when there were too many."""
        self.steps -= 1
        if self.steps < 0:
            raise ValueMistakeError(f"the template takes more than {MOST_STEPS} steps")


@dataclass(frozen=True, slots=True)
class Frame:
    """Where filling in has come: the dot, and the variables, each in a list of one so that inner blocks can assign."""

    dot: Value
    names: Mapping[str, list[Value]]
    defined: Mapping[str, tuple[Part, ...]]
    budget: Budget = field(default_factory=Budget)
    depth: int = 0
    query: Asked = not_asked

    def declaring(self, names: Sequence[str], values: Sequence[Value]) -> Frame:
        """The same with variables declared."""
        return replace(self, names={**self.names, **{name: [each] for name, each in zip(names, values, strict=True)}})


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal."""

    value: Value

    def evaluate(self, _frame: Frame) -> Value:
        """The literal."""
        return self.value


@dataclass(frozen=True, slots=True)
class Path:
    """A variable (`$x`, `$`) or the dot, and parts of it."""

    name: str
    fields: tuple[str, ...] = ()

    def evaluate(self, frame: Frame) -> Value:
        """The value; raises ValueMistakeError if it has no such part."""
        value = frame.dot if self.name == "." else frame.names[self.name][0]
        for each in self.fields:
            value = field_of(value, each)
        return value


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments."""

    name: str
    arguments: tuple[Expression, ...]

    def evaluate(self, frame: Frame) -> Value:
        """What the function gives; raises ValueMistakeError."""
        frame.budget.spend()
        return FUNCTIONS[self.name].apply([argument.evaluate(frame) for argument in self.arguments])


@dataclass(frozen=True, slots=True)
class Ask:
    """`query`: the result of an expression at the time of the evaluation."""

    expression: Expression

    def evaluate(self, frame: Frame) -> Value:
        """Its samples; raises ValueMistakeError."""
        frame.budget.steps -= STEPS_OF_QUERY
        frame.budget.spend()
        text = text_of(self.expression.evaluate(frame))
        try:
            found = frame.query(text)
        except PromqlError as error:
            raise ValueMistakeError(f"error executing query {quoted(text)}: {error}") from error
        return tuple({"Labels": labels, "Value": value} for labels, value in found)


@dataclass(frozen=True, slots=True)
class Include:
    """`template`: another template, filled in with a dot of its own."""

    name: str
    dot: Expression | None

    def evaluate(self, frame: Frame) -> str:
        """Its text; raises ValueMistakeError."""
        if self.name not in frame.defined:
            raise ValueMistakeError(f"template {self.name!r} is not defined")
        if frame.depth >= DEEPEST_CALLS:
            raise ValueMistakeError(f"templates include each other more than {DEEPEST_CALLS} times")
        dot = self.dot.evaluate(frame) if self.dot is not None else None
        names = {"$": [dot], "$externalURL": frame.names["$externalURL"]}  # the latter for functions
        inner = replace(frame, dot=dot, names=names, depth=frame.depth + 1)
        return _render(frame.defined[self.name], inner)


Expression = Constant | Path | Call | Ask | Include


@dataclass(frozen=True, slots=True)
class Assignment:
    """`$x := …` or (not `declares`) `$x = …`."""

    name: str
    value: Expression
    declares: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """What a block prints if its condition holds; one without always does. `name` is a variable declared on the way."""

    condition: Expression | None
    name: str | None
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """`if` and `with`: the first branch whose condition holds; with `moves_dot` its value becomes the dot."""

    branches: tuple[Branch, ...]
    moves_dot: bool


@dataclass(frozen=True, slots=True)
class Loop:
    """`range` over labels by their names, or over samples; the variables get the name or place (of two) and the value."""

    over: Expression
    names: tuple[str, ...]
    parts: tuple[Part, ...]
    otherwise: tuple[Part, ...]


Part = str | Expression | Assignment | Choice | Loop


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template, and those that it defines."""

    text: str
    parts: tuple[Part, ...]
    defined: Mapping[str, tuple[Part, ...]] = field(default_factory=dict)

    @property
    def uses_value(self) -> bool:
        """Whether the text changes with the value."""
        parts = [*self.parts, *(part for each in self.defined.values() for part in each)]
        return any(path.name == "$value" or path.fields[:1] == ("Value",) for path in _paths(parts))

    @property
    def queries(self) -> bool:
        """Whether the text changes with series that the rule itself does not read."""
        parts = [*self.parts, *(part for each in self.defined.values() for part in each)]
        return any(isinstance(each, Ask) for each in _expressions(parts))

    @property
    def labels_read(self) -> frozenset[str]:
        """The labels of the result that it asks for by name."""
        parts = [*self.parts, *(part for each in self.defined.values() for part in each)]
        paths = [(path.name, *path.fields) for path in _paths(parts)]
        return frozenset(
            [fields[1] for fields in paths if fields[0] == "$labels" and len(fields) > 1]
            + [fields[2] for fields in paths if fields[:2] in ((".", "Labels"), ("$", "Labels")) and len(fields) > 2]
        )

    def render(self, scope: Scope) -> str:
        """Fill it in; what fails becomes part of the text, as in Prometheus."""
        if len(self.parts) == 1 and type(self.parts[0]) is str:
            return self.parts[0]
        root: Mapping[str, Value] = {
            "Labels": scope.labels,
            "Value": scope.value,
            "ExternalLabels": scope.external,
            "ExternalURL": scope.url,
        }
        names: dict[str, list[Value]] = {
            "$": [root],
            "$labels": [scope.labels],
            "$value": [scope.value],
            "$externalLabels": [scope.external],
            "$externalURL": [scope.url],
        }
        try:
            return _render(self.parts, Frame(root, names, self.defined, query=scope.query))
        except ValueMistakeError as error:
            return f"<error expanding template: {error}>"


def _render(parts: Sequence[Part], frame: Frame) -> str:
    filled: list[str] = []
    size = 0
    for part in parts:
        frame.budget.spend()
        if isinstance(part, Assignment):
            frame = _assigned(part, frame)
            continue
        if isinstance(part, str):
            filled.append(part)
        elif isinstance(part, Choice):
            filled.append(_render_choice(part, frame))
        elif isinstance(part, Loop):
            filled.append(_render_loop(part, frame))
        else:
            filled.append(value_text(part.evaluate(frame)))
        size += len(filled[-1])
        if size > LONGEST:
            raise ValueMistakeError(TOO_LONG)
    return "".join(filled)


def _assigned(part: Assignment, frame: Frame) -> Frame:
    value = part.value.evaluate(frame)
    if part.declares:
        return frame.declaring([part.name], [value])
    frame.names[part.name][0] = value
    return frame


def _render_choice(choice: Choice, frame: Frame) -> str:
    for branch in choice.branches:
        if branch.condition is None:
            return _render(branch.parts, frame)
        value = branch.condition.evaluate(frame)
        if branch.name is not None:
            frame = frame.declaring([branch.name], [value])
        if truth(value):
            return _render(branch.parts, replace(frame, dot=value) if choice.moves_dot else frame)
    return ""


def _render_loop(loop: Loop, frame: Frame) -> str:
    over = loop.over.evaluate(frame)
    if isinstance(over, str) or not isinstance(over, Mapping | Sequence):
        raise ValueMistakeError(f"range can't iterate over {value_text(over)}")
    if not over:
        return _render(loop.otherwise, frame)
    texts: list[str] = []
    size = 0
    pairs: list[tuple[Value, Value]] = sorted(over.items()) if isinstance(over, Mapping) else list(enumerate(over))
    for key, value in pairs:
        values: list[Value] = [key, value]
        inner = replace(frame, dot=value).declaring(loop.names, values[len(values) - len(loop.names) :])
        texts.append(_render(loop.parts, inner))
        size += len(texts[-1])
        if size > LONGEST:
            raise ValueMistakeError(TOO_LONG)
    return "".join(texts)


def _paths(parts: Sequence[Part | None]) -> Iterator[Path]:
    """The variables that parts mention."""
    return (each for each in _expressions(parts) if isinstance(each, Path))


def _expressions(parts: Sequence[Part | None]) -> Iterator[Expression]:
    """The expressions of parts, and those within them."""
    for part in parts:
        if isinstance(part, Constant | Path | Call | Ask | Include):
            yield part
        match part:
            case Call():
                yield from _expressions(part.arguments)
            case Ask():
                yield from _expressions([part.expression])
            case Include():
                yield from _expressions([part.dot])
            case Assignment():
                yield from _expressions([part.value])
            case Choice():
                for branch in part.branches:
                    yield from _expressions([branch.condition, *branch.parts])
            case Loop():
                yield from _expressions([part.over, *part.parts, *part.otherwise])
