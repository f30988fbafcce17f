"""`logwatch check`: every mistake in the configuration, the rules and their tests, with its place."""

from __future__ import annotations

import os
from pathlib import Path

import click

from logwatch import config, ruletests
from logwatch.alerting.checking import check as check_alerts
from logwatch.build import cache_dir, nanoseconds
from logwatch.cli import options
from logwatch.config import settings
from logwatch.errors import Mistake
from logwatch.rulefiles.checking import check
from logwatch.rulefiles.files import Kind
from logwatch.rulefiles.loader import Gathered, gather


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
    gathered = gather(paths, shipped=shipped)
    alerts = _alerts(gathered, effective.config if effective else settings.Config())
    found += [each for each in [*alerts, *_tests(gathered)] if each not in found]
    for mistake in found:
        click.echo(str(mistake))
    mistakes = sum(not mistake.warning for mistake in found)
    click.echo(f"{mistakes} mistakes, {len(found) - mistakes} warnings", err=True)
    return 1 if mistakes else 0


def _alerts(gathered: Gathered, effective: settings.Config) -> list[Mistake]:
    """What is wrong with the alert files among these."""
    alerting = effective.alerting
    return check_alerts(
        [file.path for file in gathered.files if file.kind is Kind.ALERTS],
        gathered.all,
        interval_ns=nanoseconds(alerting.sample_interval),
        target_labels=alerting.target_labels or (),
    )


def _tests(gathered: Gathered) -> list[Mistake]:
    """What is wrong with the test files among these; `logwatch test` runs them."""
    return ruletests.load(file.path for file in gathered.files if file.kind is Kind.TESTS)[1]
