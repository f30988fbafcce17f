"""All that `logwatch check` has to say about rules: mistakes, failed examples, warnings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from logwatch.errors import Mistake, RuleError
from logwatch.rulefiles import examples, lint
from logwatch.rulefiles.loader import gather


def check(
    paths: Sequence[Path] = (), *, shipped: bool = True, disabled: Collection[str] = (), cache_dir: Path | None = None
) -> list[Mistake]:
    """Every mistake and warning of these rules together with the shipped ones, in file order."""
    gathered = gather(paths, shipped=shipped, disabled=disabled)
    mistakes = gathered.mistakes + lint.warnings(gathered.rules, gathered.correlations)
    try:
        mistakes += examples.verify(gathered.rules, cache_dir)
    except RuleError as error:  # patterns that the search refuses
        mistakes += error.mistakes
    return sorted(set(mistakes))
