"""Matchers of labels, and the selectors made of them."""

from __future__ import annotations

import re as stdlib_re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import re2

from logwatch.promql.values import METRIC_NAME

PLAIN = stdlib_re.compile(r"[A-Za-z0-9_:/ -]*")


class RegexError(ValueError):
    """RE2 does not accept a regex."""


MEMORY, MEMORY_OF_CHARACTER = 512 << 10, 64
"""Bytes of one regex, and those for each character of its text: who queries may choose it, and re2 keeps the last 128."""


class Match(Protocol):
    """Where a regex matched."""

    def group(self, group: int | str) -> str | None:
        """The text of a group; None where it took no part."""


class Regex(Protocol):
    """A compiled regex."""

    groups: int
    groupindex: dict[str, int]

    def fullmatch(self, text: str) -> Match | None:
        """Match the whole text."""

    def search(self, text: str) -> Match | None:
        """Find the first match anywhere in the text."""

    def sub(self, replacement: Callable[[Match], str], text: str) -> str:
        """Replace every match."""


def compile_regex(pattern: str) -> Regex:
    """Compile a regex in RE2 syntax; raises RegexError, and says nothing on stderr."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MEMORY + MEMORY_OF_CHARACTER * len(pattern)
    try:
        regex: Regex = re2.compile(pattern, options)
    except re2.error as error:
        raise RegexError(error.args[0].decode(errors="replace")) from error
    return regex


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label; an absent label has the empty value."""

    label: str
    operator: str
    """`=`, `!=`, `=~` or `!~`"""
    value: str
    accepts: Callable[[str], bool] = field(compare=False, repr=False)


def matcher(label: str, operator: str, value: str) -> Matcher:
    """Build a matcher (a regex always matches the whole value); raises RegexError."""
    if operator in {"=", "!="}:
        wanted = operator == "="
        return Matcher(label, operator, value, lambda given: (given == value) is wanted)
    positive = operator == "=~"
    if all(PLAIN.fullmatch(part) for part in value.split("|")):
        # a|b|c is by far the most frequent regex, and a set is ten times as fast.
        values = frozenset(value.split("|"))
        return Matcher(label, operator, value, lambda given: (given in values) is positive)
    regex = compile_regex(value)
    return Matcher(label, operator, value, lambda given: (regex.fullmatch(given) is not None) is positive)


@dataclass(frozen=True, slots=True)
class Selector:
    """Which series are meant: those of a name (None: see the matchers), and of them what the matchers accept."""

    name: str | None
    matchers: tuple[Matcher, ...]

    def reads(self, name: str) -> bool:
        """Whether series of that sample name can be selected."""
        if self.name is not None:
            return name == self.name
        return all(matcher.accepts(name) for matcher in self.matchers if matcher.label == METRIC_NAME)

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """Whether all matchers accept the labels of a series."""
        return all(matcher.accepts(labels.get(matcher.label, "")) for matcher in self.matchers)

    def demanded(self) -> Iterator[tuple[str, str]]:
        """The labels that it demands to have a value."""
        return ((matcher.label, matcher.value) for matcher in self.matchers if matcher.operator == "=")
