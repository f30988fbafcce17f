"""The Go templates of labels and annotations, as far as Prometheus' users know them.

    text {{ $labels.name }} {{ $value | humanize }} {{ if gt $value 5.0 }}…{{ else }}…{{ end }}

A template is parsed when its file is loaded, so that mistakes have a place; what can only fail
with a value (a word that is no number) becomes part of the text, as in Prometheus.
https://prometheus.io/docs/prometheus/2.42/configuration/template_reference/
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from logwatch.alerts import functions
from logwatch.alerts.functions import COMPARISONS, FUNCTIONS, NOT_HERE, Value, ValueMistakeError, truth, written
from logwatch.rulefiles.vocabulary import did_you_mean

ACTION = re.compile(r"\{\{(?P<left>-(?=\s))?(?P<code>.*?)(?P<right>(?<=\s)-)?\}\}", re.DOTALL)
TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<string>"(?:[^"\\\n]|\\.)*" | `[^`]*`)
    | (?P<number>[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)
    | (?P<path>[$.][A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)   # $labels.name  .Value
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<mark>[|()])
    """,
    re.VERBOSE,
)
VARIABLES = {
    "$labels": "labels",
    ".Labels": "labels",
    "$externalLabels": "external",
    ".ExternalLabels": "external",
    "$value": "value",
    ".Value": "value",
    "$externalURL": "url",
    ".ExternalURL": "url",
}
DEEPEST = 20
LONGEST = 18
"""Characters of a whole number: so many are within 64 bits."""


class TemplateError(ValueError):
    """A template that cannot be parsed; `offset` counts characters from 0."""

    def __init__(self, offset: int, what: str) -> None:
        self.offset = offset
        super().__init__(what)


class Scope(NamedTuple):
    """What a template can speak of."""

    labels: Mapping[str, str]
    value: float
    external: Mapping[str, str] = {}
    url: str = ""


class Token(NamedTuple):
    """A word of an action."""

    kind: str
    text: str
    offset: int


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
        """What it stands for."""
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
    filled = []
    for part in parts:
        if isinstance(part, str):
            filled.append(part)
        elif isinstance(part, Choice):
            filled.append(_render(_chosen(part, scope), scope))
        else:
            filled.append(written(part.evaluate(scope)))
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


def parse(text: str) -> Template:
    """Parse a template; raises TemplateError."""
    return Template(text, _Parser(text).whole())


class _Parser:
    """Recursive descent over the actions of one template."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pieces = list(_pieces(text))
        self.place = 0

    def whole(self) -> tuple[Part, ...]:
        parts, ending = self._parts(0)
        if ending is not None:
            raise TemplateError(ending[0].offset, f"{{{{ {ending[0].text} }}}} without {{{{ if }}}}: remove it")
        return parts

    def _parts(self, depth: int) -> tuple[tuple[Part, ...], list[Token] | None]:
        """Parts up to `else`, `end` or the end of the text; which of these it was."""
        parts: list[Part] = []
        while self.place < len(self.pieces):
            piece = self.pieces[self.place]
            self.place += 1
            if isinstance(piece, str):
                parts.append(piece)
            elif piece[0].text in {"else", "end"}:
                return tuple(parts), piece
            elif piece[0].text == "if":
                parts.append(self._choice(piece, depth + 1))
            else:
                parts.append(_Pipeline(piece).whole())
        return tuple(parts), None

    def _choice(self, opening: list[Token], depth: int) -> Choice:
        if depth > DEEPEST:
            raise TemplateError(opening[0].offset, f"more than {DEEPEST} levels of if: no alert needs so many")
        branches: list[tuple[Expression | None, tuple[Part, ...]]] = []
        condition: Expression | None = _condition(opening[0], opening[1:])
        while True:
            parts, ending = self._parts(depth)
            branches.append((condition, parts))
            if ending is None:
                raise TemplateError(opening[0].offset, "{{ if }} is never closed: add {{ end }}")
            if ending[0].text == "end":
                return Choice(tuple(branches))
            if condition is None:
                raise TemplateError(ending[0].offset, "a second {{ else }}: an if has one, and it comes last")
            condition = _condition(ending[1], ending[2:]) if len(ending) > 1 else None


def _condition(keyword: Token, tokens: list[Token]) -> Expression:
    if keyword.text != "if":
        raise TemplateError(keyword.offset, f"'{keyword.text}' is not expected behind else: write {{{{ else if … }}}}")
    if not tokens:
        raise TemplateError(keyword.offset, "{{ if }} has no condition: write for instance {{ if gt $value 5.0 }}")
    return _Pipeline(tokens).whole()


def _pieces(text: str) -> list[str | list[Token]]:
    """Text between actions as it is printed, and the words of each action."""
    pieces: list[str | list[Token]] = []
    end, trim = 0, False
    for action in ACTION.finditer(text):
        between = text[end : action.start()]
        between = between.lstrip() if trim else between
        pieces.append(between.rstrip() if action["left"] else between)
        if (code := action["code"].strip()) and not code.startswith("/*"):
            pieces.append(_tokens(action["code"], action.start("code")))
        elif not code:
            raise TemplateError(action.start(), "{{ }} is empty: write for instance {{ $value }}")
        end, trim = action.end(), action["right"] is not None
    rest = text[end:].lstrip() if trim else text[end:]
    if "{{" in rest:
        raise TemplateError(end + text[end:].index("{{"), "'{{' is never closed: add '}}'")
    return [piece for piece in (*pieces, rest) if piece]


def _tokens(code: str, start: int) -> list[Token]:
    tokens: list[Token] = []
    position = 0
    while position < len(code):
        found = TOKEN.match(code, position)
        if found is None:
            raise TemplateError(start + position, f"'{code[position]}' is not expected here")
        if found.lastgroup != "space":
            tokens.append(Token(str(found.lastgroup), found.group(), start + position))
        position = found.end()
    return tokens


class _Pipeline:
    """`a b | c`: the value of each command is the last argument of the next."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.place = 0

    def whole(self) -> Expression:
        expression = self._pipeline()
        if self.place < len(self.tokens):
            token = self.tokens[self.place]
            raise TemplateError(token.offset, f"'{token.text}' is not expected here")
        return expression

    def _pipeline(self) -> Expression:
        expression = self._command(())
        while self._at("|"):
            self.place += 1
            expression = self._command((expression,))
        return expression

    def _command(self, piped: tuple[Expression, ...]) -> Expression:
        if self.place >= len(self.tokens):
            last = self.tokens[-1]
            raise TemplateError(last.offset, f"something must follow '{last.text}'")
        first = self.tokens[self.place]
        if first.kind == "word" and first.text not in {"true", "false"}:
            self.place += 1
            arguments = []
            while self.place < len(self.tokens) and self.tokens[self.place].text not in {"|", ")"}:
                arguments.append(self._operand())
            return _call(first, (*arguments, *piped))
        operand = self._operand()
        if piped:
            raise TemplateError(first.offset, f"'{first.text}' is no function: only functions follow |")
        return operand

    def _operand(self) -> Expression:
        token = self.tokens[self.place]
        self.place += 1
        if token.text == "(":
            expression = self._pipeline()
            if not self._at(")"):
                raise TemplateError(token.offset, "'(' is never closed: add ')'")
            self.place += 1
            return expression
        if token.kind == "path":
            return _variable(token)
        if token.kind == "string":
            return Constant(functions.unquoted(token.text))
        if token.kind == "number":
            whole = token.text.lstrip("+-").isdigit()
            if whole and len(token.text) > LONGEST:
                raise TemplateError(token.offset, f"{token.text[:LONGEST]}… is too long for a whole number: write 1e20")
            return Constant(int(token.text) if whole else float(token.text))
        if token.text in {"true", "false"}:
            return Constant(token.text == "true")
        if token.kind == "word":
            return _call(token, ())
        raise TemplateError(token.offset, f"'{token.text}' is not expected here")

    def _at(self, text: str) -> bool:
        return self.place < len(self.tokens) and self.tokens[self.place].text == text


def _variable(token: Token) -> Variable:
    head, dot, rest = token.text[1:].partition(".")
    name = VARIABLES.get(token.text[0] + head)
    if name is None:
        nearest = did_you_mean(token.text[0] + head, VARIABLES) or ": there are $labels, $value and $externalLabels"
        raise TemplateError(token.offset, f"unknown variable '{token.text[0] + head}'{nearest}")
    if dot and (name in {"value", "url"} or "." in rest):
        raise TemplateError(token.offset, f"'{token.text}' has no parts: write '{token.text[0] + head}'")
    return Variable(name, rest or None)


def _call(token: Token, arguments: tuple[Expression, ...]) -> Call:
    function = FUNCTIONS.get(token.text)
    if function is None and token.text in NOT_HERE:
        raise TemplateError(token.offset, f"'{token.text}' is not covered: labels and the value must do")
    if function is None:
        nearest = did_you_mean(token.text, FUNCTIONS) or ": docs/alerts.md lists the functions"
        raise TemplateError(token.offset, f"unknown function '{token.text}'{nearest}")
    if not function.least <= len(arguments) <= function.most:
        raise TemplateError(token.offset, f"{token.text} takes {function.wants}, not {len(arguments)}")
    _compare_alike(token, arguments)
    return Call(token.text, arguments)


def _compare_alike(token: Token, arguments: Sequence[Expression]) -> None:
    """Refuse `gt $value 5`, which no value makes true: in Go a float and a whole number do not compare."""
    if token.text in COMPARISONS and Variable("value", None) in arguments:
        for constant in arguments:
            if isinstance(constant, Constant) and type(constant.value) is int:
                whole = constant.value
                raise TemplateError(
                    token.offset, f"$value is not compared with the whole number {whole}: write {whole}.0"
                )
