"""`logwatch check`: every mistake in the configuration and the rules, with its place."""

from __future__ import annotations

import os
from pathlib import Path

import click

from logwatch import config
from logwatch.cli import options
from logwatch.compose import cache_dir
from logwatch.config import settings
from logwatch.rulefiles.checking import check


@click.command("check")
@options.rule_options
def command(config_file: Path | None, rule_paths: tuple[Path, ...], *, no_shipped_rules: bool) -> int:
    """Check configuration and rules, and run the rules' examples.

    Prints path:line:column: what: cure. Exit status: 0 no mistakes (there may be warnings), 1
    mistakes, 2 could not check.
    """
    found = config.check(config_file, os.environ, {})
    effective = None if any(not each.warning for each in found) else options.effective(config_file)
    rules = effective.config.rules if effective else settings.Rules()
    shipped = rules.shipped and not no_shipped_rules
    paths = [*rules.paths, *rule_paths]
    found = found + check(paths, shipped=shipped, disabled=rules.disable, cache_dir=cache_dir())
    for mistake in found:
        click.echo(str(mistake))
    mistakes = sum(not mistake.warning for mistake in found)
    click.echo(f"{mistakes} mistakes, {len(found) - mistakes} warnings", err=True)
    return 1 if mistakes else 0
