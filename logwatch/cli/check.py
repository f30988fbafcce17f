"""`logwatch check`, `config` and `notify-test`: prove a configuration before it runs."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from logwatch import config, ruletests
from logwatch.alerting.lint import check as check_alerts
from logwatch.build import cache_dir, external_url, target_labels
from logwatch.cli import options
from logwatch.cli.output import cell
from logwatch.config import settings
from logwatch.errors import ConfigError, Mistake, NotifyError
from logwatch.model import Alert
from logwatch.notation import counted, nanoseconds, one_line
from logwatch.notifiers import Receiver
from logwatch.receivers import missing_packages, receivers
from logwatch.rulefiles.files import Kind
from logwatch.rulefiles.lint import check
from logwatch.rulefiles.loader import Gathered, gather


@click.command("check")
@options.rule_options
def command(config_file: Path | None, rule_paths: tuple[Path, ...], *, no_shipped_rules: bool) -> int:
    """Check configuration and rules, and run the rules' examples.

    Prints path:line:column: what: cure. Exit status: 0 no mistakes (there may be warnings), 1
    mistakes, 2 could not check.

    Example: logwatch check --config.file logwatch.yml --rules my-rules
    """
    found = config.check(config_file, os.environ, {})
    effective = None if any(not each.warning for each in found) else options.effective(config_file)
    if effective is not None:
        found += [Mistake(str(config_file), 0, 0, missing) for missing in missing_packages(effective.config)]
    rules = effective.config.rules if effective else settings.Rules()
    shipped = rules.shipped and not no_shipped_rules
    paths = [*rules.paths, *rule_paths]
    found = found + check(paths, shipped=shipped, disabled=rules.disable, cache_dir=cache_dir())
    gathered = gather(paths, shipped=shipped)
    alerts = _alerts(gathered, effective.config if effective else settings.Config())
    found += [
        each
        for each in [*alerts, *_tests(gathered, effective.config if effective else settings.Config())]
        if each not in found
    ]
    for mistake in found:
        click.echo(one_line(str(mistake)))
    mistakes = sum(not mistake.warning for mistake in found)
    click.echo(f"{counted(mistakes, 'mistake')}, {counted(len(found) - mistakes, 'warning')}", err=True)
    return 1 if mistakes else 0


def _alerts(gathered: Gathered, effective: settings.Config) -> list[Mistake]:
    """Mistakes of the alert files among these."""
    alerting = effective.alerting
    return check_alerts(
        [file.path for file in gathered.files if file.kind is Kind.ALERTS],
        gathered.all,
        interval_ns=nanoseconds(alerting.sample_interval),
        target_labels=alerting.target_labels or (),
        promql=alerting.promql,
    )


def _tests(gathered: Gathered, effective: settings.Config) -> list[Mistake]:
    """Mistakes of the test files among these; `logwatch test` runs them."""
    paths = [file.path for file in gathered.files if file.kind is Kind.TESTS]
    return ruletests.load(paths, promql=effective.alerting.promql)[1]


@click.command("config")
@options.rule_options
@options.state_dir
def config_command(
    config_file: Path | None, rule_paths: tuple[Path, ...], state_dir: Path | None, *, no_shipped_rules: bool
) -> None:
    """Print every setting with the origin of its value.

    The origin is a flag, an environment variable, a file or the default.

    Example: logwatch config --config.file logwatch.yml
    """
    effective = options.effective(
        config_file, rule_paths=rule_paths, no_shipped_rules=no_shipped_rules, state__dir=state_dir
    )
    table = Table("key", "value", "origin", box=None, pad_edge=False)
    for key, value, origin in effective.table():
        table.add_row(key, cell(value), cell(origin))
    console = Console()
    (console if console.is_terminal else Console(width=200)).print(table)
    for warning in effective.warnings:
        click.echo(f"logwatch: {one_line(str(warning))}", err=True)


@click.command("notify-test")
@options.config_file
def notify_test(config_file: Path | None) -> int:
    """Send a test alert to every receiver.

    Exit status: 0 all accepted it, 1 one did not, 2 no receiver is configured.

    Example: logwatch notify-test --config.file logwatch.yml
    """
    config = options.effective(config_file).config
    destinations = receivers(config)
    if not destinations:
        raise ConfigError(
            "no receiver is configured: name one under alerting.alertmanagers, alerting.webhooks or alerting.apprise"
        )
    labels = {**target_labels(config), **config.alerting.external_labels}
    alert = _test_alert(time.time_ns(), labels, external_url(config))
    verdicts = [_delivered(receiver, alert) for receiver in destinations]
    return 0 if all(verdicts) else 1


def _delivered(receiver: Receiver, alert: Alert) -> bool:
    try:
        status = receiver.probe()
        receiver.send([alert], time.time_ns())
    except NotifyError as error:
        click.echo(f"{receiver.name}: FAILED: {one_line(str(error))}")
        return False
    click.echo(f"{receiver.name}: test alert accepted ({one_line(status)})")
    return True


def _test_alert(now_ns: int, labels: dict[str, str], url: str) -> Alert:
    """Fires for the four minutes that Alertmanager keeps an alert that is not sent again."""
    return Alert(
        labels={**labels, "alertname": "LogwatchNotifyTest", "severity": "info"},
        annotations={
            "summary": "This is a test of logwatch's notifications.",
            "description": "Sent by logwatch notify-test; nothing is wrong.",
        },
        starts_ns=now_ns,
        ends_ns=None,
        state="firing",
        value=1.0,
        rule="logwatch/notify-test",
        generator_url=url,
        updated_ns=now_ns,
    )
