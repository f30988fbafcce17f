"""What can be wrong with an expression, when it is loaded and when it is evaluated."""

from __future__ import annotations

from logwatch.errors import LogwatchError


class PromqlError(LogwatchError):
    """The base of everything this package raises."""


class ExpressionError(PromqlError):
    """An expression that cannot be loaded: where, what and the cure.

    `offset` counts characters of the expression from 0, `line` and `column` count from 1;
    `what` and `cure` are for an operator (`cure` may be empty).
    """

    def __init__(self, text: str, offset: int, what: str, cure: str = "") -> None:
        self.offset = max(0, min(offset, len(text)))
        before = text[: self.offset]
        self.line = before.count("\n") + 1
        self.column = self.offset - (before.rfind("\n") + 1) + 1
        self.what = what
        self.cure = cure
        super().__init__(f"{self.line}:{self.column}: {what}" + (f": {cure}" if cure else ""))


class EvaluationError(PromqlError):
    """An expression that has no result for these series, such as an ambiguous match."""
