"""All that `logwatch check` has to say about rules: mistakes, failed examples, warnings."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from logwatch.errors import Mistake, RuleError
from logwatch.model import Rule
from logwatch.rulefiles import examples, lint
from logwatch.rulefiles.loader import gather


def check(
    paths: Sequence[Path] = (), *, shipped: bool = True, disabled: Collection[str] = (), cache_dir: Path | None = None
) -> list[Mistake]:
    """Every mistake and warning of these rules together with the shipped ones, in file order."""
    gathered = gather(paths, shipped=shipped, disabled=disabled)
    mistakes = gathered.mistakes + lint.warnings(gathered.rules, gathered.correlations)
    mistakes += _examples(gathered.rules, cache_dir)
    return sorted(set(mistakes))


def _examples(rules: Sequence[Rule], cache_dir: Path | None) -> list[Mistake]:
    """Run the examples, without the rules whose patterns the search refuses."""
    try:
        return examples.verify(rules, cache_dir)
    except RuleError as error:
        refused = {(found.path, found.line, found.column) for found in error.mistakes}
        sound = [rule for rule in rules if refused.isdisjoint(places(rule))]
        return error.mistakes + (_examples(sound, cache_dir) if len(sound) < len(rules) else [])


def places(rule: Rule) -> Iterator[tuple[str, int, int]]:
    """Where a rule's patterns stand."""
    marks = [*(pattern.mark for pattern in rule.patterns), *(parser.mark for parser in rule.fields if parser.mark)]
    return ((mark.path, mark.line, mark.column) for mark in marks)
