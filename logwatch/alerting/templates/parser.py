"""Reads templates: recursive descent over pieces of text, and over the words of each action."""

from __future__ import annotations

from collections.abc import Sequence

from logwatch.alerting.templates.functions import COMPARISONS, FUNCTIONS, NOT_HERE, unquoted
from logwatch.alerting.templates.tree import Call, Choice, Constant, Expression, Part, Template, Variable
from logwatch.alerting.templates.words import TemplateError, Token, split
from logwatch.rulefiles.vocabulary import did_you_mean

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
"""Levels of `if`, and of brackets."""
LONGEST = 18
"""Characters of a whole number: so many are within 64 bits."""


def parse(text: str) -> Template:
    """Parse a template; raises TemplateError."""
    return Template(text, _Parser(text).whole())


class _Parser:
    """Recursive descent over the actions of one template."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pieces = split(text)
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


class _Pipeline:
    """`a b | c`: the value of each command is the last argument of the next."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.place = 0
        self.depth = 0

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
            raise TemplateError(first.offset, f"'{first.text}' is not a function: only functions follow |")
        return operand

    def _operand(self) -> Expression:
        token = self.tokens[self.place]
        self.place += 1
        if token.text == "(":
            self.depth += 1
            if self.depth > DEEPEST:
                raise TemplateError(token.offset, f"more than {DEEPEST} levels of brackets: no alert needs so many")
            expression = self._pipeline()
            if not self._at(")"):
                raise TemplateError(token.offset, "'(' is never closed: add ')'")
            self.place += 1
            self.depth -= 1
            return expression
        if token.kind == "path":
            return _variable(token)
        if token.kind == "string":
            return Constant(unquoted(token.text))
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
