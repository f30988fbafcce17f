"""Everything that `logwatch check` reports about rules: mistakes, failed examples, and warnings."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from logwatch.errors import Mistake, RuleError, mistake
from logwatch.matching.patterns import tokens
from logwatch.model import Correlation, MetricRule, Pattern, Rule
from logwatch.rulefiles import examples
from logwatch.rulefiles.checks import fields_of
from logwatch.rulefiles.loader import gather
from logwatch.rulefiles.schema import MAX_SERIES
from logwatch.rulefiles.vocabulary import near_miss, unit_warning


def check(
    paths: Sequence[Path] = (), *, shipped: bool = True, disabled: Collection[str] = (), cache_dir: Path | None = None
) -> list[Mistake]:
    """Every mistake and warning of these rules together with the shipped ones, in file order."""
    gathered = gather(paths, shipped=shipped, disabled=disabled)
    mistakes = gathered.mistakes + warnings(gathered.rules, gathered.correlations)
    mistakes += _examples(gathered.rules, cache_dir)
    return sorted(set(mistakes))


def _examples(rules: Sequence[Rule], cache_dir: Path | None) -> list[Mistake]:
    """Run the examples, without the rules whose patterns hyperscan rejects."""
    try:
        return examples.verify(rules, cache_dir)
    except RuleError as error:
        refused = {(found.path, found.line, found.column) for found in error.mistakes}
        sound = [rule for rule in rules if refused.isdisjoint(places(rule))]
        return error.mistakes + (_examples(sound, cache_dir) if len(sound) < len(rules) else [])


def places(rule: Rule) -> Iterator[tuple[str, int, int]]:
    """The places of a rule's patterns."""
    marks = [*(pattern.mark for pattern in rule.patterns), *(parser.mark for parser in rule.fields if parser.mark)]
    return ((mark.path, mark.line, mark.column) for mark in marks)


AnyRule = Rule | Correlation
SHORTEST = 4
"""Fewer literal characters than this match lines of every kind."""
SPECIAL = re.compile(r"[\\.^$|?*+()\[\]{}]")
UNBOUNDED = frozenset({"event.id", "error", "msg", "message", "path", "command", "pid", "time", "addr", "address"})
"""Fields with a new value in nearly every event."""


def warnings(rules: Sequence[Rule], correlations: Sequence[Correlation]) -> list[Mistake]:
    """Every warning about these rules."""
    found = [warning for rule in rules for warning in _rule(rule)]
    everything: list[AnyRule] = [*rules, *correlations]
    found += [warning for rule in everything for warning in _any(rule)]
    return found + list(_same_pattern(rules))


def _any(rule: AnyRule) -> Iterator[Mistake]:
    meant = near_miss(rule.event) if rule.event and "{" not in rule.event else None
    if meant is not None:
        yield _warn(rule, f"event '{rule.event}' is new and similar to '{meant}': write that if it is meant")
    if not rule.description:
        yield _warn(rule, f"rule '{rule.id}' has no description: write what the event means")
    for metric in rule.metrics:
        yield from (_warn(rule, what) for what in _metric(metric))


def _rule(rule: Rule) -> Iterator[Mistake]:
    for pattern in rule.patterns:
        what = _pattern(pattern)
        if what is not None:
            yield mistake(pattern.mark, what, warning=True)


def _pattern(pattern: Pattern) -> str | None:
    if not pattern.regex:
        short = len(pattern.text.strip()) < SHORTEST
        return f"'{pattern.text}' matches lines of many kinds: write more of the message" if short else None
    if SPECIAL.search(pattern.text) is None:
        return "this regex is plain text: write it without regex:, which is faster and clearer"
    if re.search(r"(?<!\\)\.[*+]$", pattern.text):
        return "'.*' at the end matches no further line: remove it"
    if longest_literal(pattern.text) < SHORTEST:
        return f"no {SHORTEST} characters in a row of this regex are literal, so it is tried on lines of every kind: add text"
    return None


def longest_literal(regex: str) -> int:
    """Length of the longest run of literal characters in a regex."""
    longest = run = 0
    for token in tokens(regex.encode()):
        if token.kind == "quoted":
            longest, run = max(longest, len(token.text) - 4), 0
        elif token.kind == "repeat" and token.text[:1] in {b"*", b"?", b"{"}:
            run = 0
        elif (token.kind == "atom" and token.text != b".") or (
            token.kind == "escape" and not token.text[1:2].isalnum()
        ):
            run += 1
            longest = max(longest, run)
        elif token.kind not in {"open", "anchor", "flags"}:
            run = 0
    return longest


def _metric(metric: MetricRule) -> Iterator[str]:
    unit = unit_warning(metric.name)
    if unit is not None:
        yield unit
    for label, template in metric.labels.items():
        if label == "container":
            yield f"label 'container' of '{metric.name}' is renamed by Kubernetes' own: write name"
        free = [field for field in fields_of(template) if field in UNBOUNDED]
        if free and metric.max_series == MAX_SERIES:
            yield f"label '{label}' of '{metric.name}' is fed from '{free[0]}', new in nearly every event: set max_series, or use another field"


def _same_pattern(rules: Iterable[Rule]) -> Iterator[Mistake]:
    """Rules with the same text, program and event."""
    first: dict[tuple[str, str, frozenset[str]], Rule] = {}
    for rule in rules:
        for pattern in rule.patterns:
            other = first.setdefault((pattern.text, rule.event, rule.programs), rule)
            if other is not rule and other.role is rule.role and _parsers(other) == _parsers(rule):
                what = f"rule '{other.id}' has the same text, program and event: keep one"
                yield mistake(pattern.mark, what, warning=True)


def _parsers(rule: Rule) -> list[tuple[str, str | None, str | None]]:
    """How a rule takes its fields, wherever that is written."""
    return [(parser.kind, parser.regex, parser.of) for parser in rule.fields]


def _warn(rule: AnyRule, what: str) -> Mistake:
    return mistake(rule.mark, what, warning=True)
