"""Reads templates: recursive descent over pieces of text, and over the words of each action."""

from __future__ import annotations

from collections.abc import Sequence

from logwatch.alerting.templates.functions import COMPARISONS, FUNCTIONS, NOT_HERE, OF_URL
from logwatch.alerting.templates.tree import (
    Ask,
    Assignment,
    Branch,
    Call,
    Choice,
    Constant,
    Expression,
    Include,
    Loop,
    Part,
    Path,
    Template,
)
from logwatch.alerting.templates.values import unquoted
from logwatch.alerting.templates.words import TemplateError, Token, UnfillableError, split
from logwatch.rulefiles.vocabulary import did_you_mean

VARIABLES = ("$labels", "$externalLabels", "$value", "$externalURL")
FIELDS = ("Labels", "ExternalLabels", "Value", "ExternalURL")
"""Of the dot outside all blocks."""
WITHOUT_PARTS = frozenset({"$value", "$externalURL", "Value", "ExternalURL"})
DEEPEST = 20
"""Levels of blocks, and of brackets."""
LONGEST = 18
"""Characters of a whole number: so many are within 64 bits."""
VALUE = Path("$value")

Names = dict[str, None]
"""The variables that are declared."""


def parse(text: str) -> Template:
    """Parse a template; raises TemplateError, UnfillableError for one that Prometheus loads all the same."""
    parser = _Parser(text)
    parts = parser.whole()
    return Template(text, parts, parser.defined)


class _Parser:
    """Recursive descent over the actions of one template."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pieces = split(text)
        self.place = 0
        self.defined: dict[str, tuple[Part, ...]] = {}

    def whole(self) -> tuple[Part, ...]:
        parts, ending = self._parts(0, Names.fromkeys(("$", *VARIABLES)), is_root=True)
        if ending is not None:
            raise TemplateError(ending[0].offset, f"{{{{ {ending[0].text} }}}} without {{{{ if }}}}: remove it")
        return parts

    def _parts(self, depth: int, names: Names, *, is_root: bool) -> tuple[tuple[Part, ...], list[Token] | None]:
        """Parts up to `else`, `end` or the end of the text; which of these it was."""
        names = dict(names)  # what is declared here is unknown after the block
        parts: list[Part] = []
        while self.place < len(self.pieces):
            piece = self.pieces[self.place]
            self.place += 1
            if isinstance(piece, str):
                parts.append(piece)
                continue
            keyword = piece[0].text if piece[0].kind == "word" else ""
            if keyword in {"else", "end"}:
                return tuple(parts), piece
            if depth >= DEEPEST and keyword in BLOCKS:
                raise TemplateError(piece[0].offset, f"more than {DEEPEST} levels of {keyword}: no alert needs so many")
            if keyword in {"if", "with"}:
                parts.append(self._choice(piece, depth + 1, names, is_root=is_root))
            elif keyword == "range":
                parts.append(self._loop(piece, depth + 1, names, is_root=is_root))
            elif keyword == "define":
                self._define(piece, depth + 1)
            else:
                parts.append(_action(piece, names, is_root=is_root))
        return tuple(parts), None

    def _block(
        self, opening: Token, depth: int, names: Names, *, is_root: bool
    ) -> tuple[tuple[Part, ...], list[Token]]:
        """The parts of a block, and the action that ends it."""
        parts, ending = self._parts(depth, names, is_root=is_root)
        if ending is None:
            raise TemplateError(opening.offset, f"{{{{ {opening.text} }}}} is never closed: add {{{{ end }}}}")
        return parts, ending

    def _choice(self, opening: list[Token], depth: int, names: Names, *, is_root: bool) -> Choice:
        keyword, names = opening[0], dict(names)
        moves_dot = keyword.text == "with"
        branches: list[Branch] = []
        name: str | None
        condition: Expression | None
        name, condition = _condition(keyword, opening[1:], names, is_root=is_root)
        while True:
            inner_is_root = is_root and not (moves_dot and condition is not None)
            parts, ending = self._block(keyword, depth, names, is_root=inner_is_root)
            branches.append(Branch(condition, name, parts))
            if ending[0].text == "end":
                return Choice(tuple(branches), moves_dot)
            if condition is None:
                raise TemplateError(ending[0].offset, "a second {{ else }}: an if has one, and it comes last")
            name, condition = None, None
            if len(ending) > 1:
                if ending[1].text != keyword.text:
                    what = f"'{ending[1].text}' is not expected behind else: write {{{{ else {keyword.text} … }}}}"
                    raise TemplateError(ending[1].offset, what)
                name, condition = _condition(ending[1], ending[2:], names, is_root=is_root)

    def _loop(self, opening: list[Token], depth: int, names: Names, *, is_root: bool) -> Loop:
        declared, rest = _declared(opening[1:])
        if len(declared) > 2:
            raise TemplateError(declared[2].offset, "range declares two variables at most: the name and the value")
        over = _pipeline(opening[0], rest, names, is_root=is_root)
        inner = names | Names.fromkeys(token.text for token in declared)
        parts, ending = self._block(opening[0], depth, inner, is_root=False)
        otherwise: tuple[Part, ...] = ()
        if ending[0].text == "else":
            otherwise, ending = self._block(opening[0], depth, names, is_root=is_root)
        if ending[0].text != "end":
            raise TemplateError(ending[0].offset, "a second {{ else }}: a range has one")
        return Loop(over, tuple(token.text for token in declared), parts, otherwise)

    def _define(self, opening: list[Token], depth: int) -> None:
        if depth > 1 or len(opening) != 2 or opening[1].kind != "string":
            raise TemplateError(
                opening[0].offset, 'define stands outside all blocks and has a name: {{ define "name" }}'
            )
        parts, ending = self._block(opening[0], depth, Names.fromkeys(("$",)), is_root=False)
        if ending[0].text != "end":
            raise TemplateError(ending[0].offset, "{{ else }} without {{ if }}: remove it")
        self.defined[unquoted(opening[1].text)] = parts


BLOCKS = frozenset({"if", "with", "range", "define"})


def _action(tokens: list[Token], names: Names, *, is_root: bool) -> Part:
    """What an action outside of blocks prints or sets."""
    if tokens[0].text == "template" and tokens[0].kind == "word":
        return _include(tokens[0], tokens[1:], names, is_root=is_root)
    if len(tokens) > 1 and tokens[1].text in {":=", "="}:
        declared, rest = _declared(tokens)
        value = _pipeline(tokens[1], rest, names, is_root=is_root)
        name = declared[0].text
        if tokens[1].text == ":=":
            names[name] = None
        elif name not in names:
            raise _unknown(declared[0], name, names)
        return Assignment(name, value, declares=tokens[1].text == ":=")
    return _Pipeline(tokens, names, is_root=is_root).whole()


def _declared(tokens: list[Token]) -> tuple[list[Token], list[Token]]:
    """The variables before `:=` or `=`, and what follows; none without such a sign."""
    place = next((place for place, token in enumerate(tokens) if token.text in {":=", "="}), None)
    if place is None:
        return [], tokens
    declared = [token for token in tokens[:place] if token.text != ","]
    for token in declared or [tokens[place]]:
        if not token.text.startswith("$") or "." in token.text or token.text == "$":
            raise TemplateError(token.offset, f"'{token.text}' is not a variable: write $name := …")
    return declared, tokens[place + 1 :]


def _include(keyword: Token, tokens: list[Token], names: Names, *, is_root: bool) -> Include:
    if not tokens or tokens[0].kind != "string":
        raise TemplateError(keyword.offset, f'{keyword.text} needs a name: write {{{{ {keyword.text} "name" . }}}}')
    dot = _Pipeline(tokens[1:], names, is_root=is_root).whole() if tokens[1:] else None
    return Include(unquoted(tokens[0].text), dot)


def _condition(keyword: Token, tokens: list[Token], names: Names, *, is_root: bool) -> tuple[str | None, Expression]:
    """The variable that a condition declares, which is known in all branches, and the condition."""
    if not tokens:
        raise TemplateError(
            keyword.offset, f"{{{{ {keyword.text} }}}} has no condition: write for instance {{{{ if gt $value 5.0 }}}}"
        )
    declared, rest = _declared(tokens)
    condition = _pipeline(keyword, rest, names, is_root=is_root)
    if len(declared) > 1:
        raise TemplateError(declared[1].offset, f"{keyword.text} declares one variable at most")
    names.update(Names.fromkeys(token.text for token in declared))
    return (declared[0].text if declared else None), condition


def _pipeline(before: Token, tokens: list[Token], names: Names, *, is_root: bool) -> Expression:
    if not tokens:
        raise TemplateError(before.offset, f"something must follow '{before.text}'")
    return _Pipeline(tokens, names, is_root=is_root).whole()


class _Pipeline:
    """`a b | c`: the value of each command is the last argument of the next."""

    def __init__(self, tokens: list[Token], names: Names, *, is_root: bool) -> None:
        self.tokens = tokens
        self.names = names
        self.is_root = is_root
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
            return self._call(first, (*arguments, *piped))
        operand = self._operand()
        if piped:
            kind = UnfillableError if first.kind == "path" and first.text != "." else TemplateError
            raise kind(first.offset, f"'{first.text}' is not a function: only functions follow |")
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
            return self._variable(token)
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
            return self._call(token, ())
        raise TemplateError(token.offset, f"'{token.text}' is not expected here")

    def _at(self, text: str) -> bool:
        return self.place < len(self.tokens) and self.tokens[self.place].text == text

    def _variable(self, token: Token) -> Path:
        head, *fields = token.text.split(".")
        if head and head not in self.names:
            raise _unknown(token, head, self.names)
        fields = [each for each in fields if each]
        is_root = self.is_root if not head else head == "$" and "$labels" in self.names
        if is_root and fields and fields[0] not in FIELDS:
            nearest = did_you_mean(fields[0], FIELDS) or ": there are .Labels, .Value and .ExternalLabels"
            raise UnfillableError(token.offset, f"unknown variable '{head}.{fields[0]}'{nearest}")
        whole = fields[0] if is_root and fields else head
        parts = fields[1:] if is_root and fields else fields
        if (whole in WITHOUT_PARTS and parts) or (whole in {*VARIABLES, *FIELDS} and len(parts) > 1):
            raise UnfillableError(token.offset, f"'{token.text}' has no parts: write '{token.text.rpartition('.')[0]}'")
        return Path(head or ".", tuple(fields))

    def _call(self, token: Token, arguments: tuple[Expression, ...]) -> Expression:
        function = FUNCTIONS.get(token.text)
        if function is None and token.text in NOT_HERE:
            raise UnfillableError(token.offset, f"'{token.text}' is not covered")
        if function is None:
            nearest = did_you_mean(token.text, FUNCTIONS) or ": docs/alerts.md lists the functions"
            raise TemplateError(token.offset, f"unknown function '{token.text}'{nearest}")
        if not function.least <= len(arguments) <= function.most:
            raise UnfillableError(token.offset, f"{token.text} takes {function.wants}, not {len(arguments)}")
        _compare_alike(token, arguments)
        if token.text == "query":
            return Ask(arguments[0])
        return Call(token.text, (Path("$externalURL"),) if token.text in OF_URL else arguments)


def _unknown(token: Token, name: str, names: Names) -> TemplateError:
    nearest = did_you_mean(name, names) or ": there are $labels, $value and $externalLabels"
    return TemplateError(token.offset, f"unknown variable '{name}'{nearest}")


def _compare_alike(token: Token, arguments: Sequence[Expression]) -> None:
    """Refuse `gt $value 5`, which no value makes true: in Go a float and a whole number do not compare."""
    if token.text in COMPARISONS and VALUE in arguments:
        for constant in arguments:
            if isinstance(constant, Constant) and type(constant.value) is int:
                whole = constant.value
                raise UnfillableError(
                    token.offset, f"$value is not compared with the whole number {whole}: write {whole}.0"
                )
