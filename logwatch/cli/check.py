"""`logwatch check`: every mistake in the configuration and the rules, with its place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from logwatch import config
from logwatch.alerts.checking import check as check_alerts
from logwatch.cli import options
from logwatch.compose import cache_dir, nanoseconds
from logwatch.config import settings
from logwatch.errors import Mistake
from logwatch.rulefiles.checking import check
from logwatch.rulefiles.files import Kind
from logwatch.rulefiles.loader import gather


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
    alerts = _alerts(paths, effective.config if effective else settings.Config(), shipped=shipped)
    found += [each for each in alerts if each not in found]
    for mistake in found:
        click.echo(str(mistake))
    mistakes = sum(not mistake.warning for mistake in found)
    click.echo(f"{mistakes} mistakes, {len(found) - mistakes} warnings", err=True)
    return 1 if mistakes else 0


def _alerts(paths: Sequence[Path], effective: settings.Config, *, shipped: bool) -> list[Mistake]:
    """What is wrong with the alert files among these."""
    gathered = gather(paths, shipped=shipped)
    files = [file.path for file in gathered.files if file.kind is Kind.ALERTS]
    alerting = effective.alerting
    return check_alerts(
        files,
        gathered.all,
        interval_ns=nanoseconds(alerting.sample_interval),
        target_labels=alerting.target_labels or (),
    )
