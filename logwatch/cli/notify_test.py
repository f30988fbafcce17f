"""`logwatch notify-test`: see whether an alert reaches every receiver."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import click

from logwatch.cli import options
from logwatch.errors import ConfigError, NotifyError
from logwatch.model import Alert
from logwatch.notifiers import Receiver
from logwatch.receivers import external_url, receivers


@click.command("notify-test")
@options.config_file
def command(config_file: Path | None) -> int:
    """Send a test alert to every receiver and print what came of it.

    Exit status: 0 if all took it, 1 if one did not, 2 if there is none.
    """
    config = options.effective(config_file).config
    destinations = receivers(config)
    if not destinations:
        raise ConfigError(
            "no receiver is configured: name one under alerting.alertmanagers, alerting.webhooks or alerting.apprise"
        )
    alert = _alert(time.time_ns(), dict(config.alerting.external_labels), external_url(config))
    verdicts = [_told(receiver, alert) for receiver in destinations]
    return 0 if all(verdicts) else 1


def _told(receiver: Receiver, alert: Alert) -> bool:
    try:
        stands = receiver.probe()
        receiver.send([alert], time.time_ns())
    except NotifyError as error:
        click.echo(f"{receiver.name}: FAILED: {error}")
        return False
    click.echo(f"{receiver.name}: took the test alert; {stands}")
    return True


def _alert(now_ns: int, labels: dict[str, str], url: str) -> Alert:
    """Fires for the four minutes that Alertmanager believes an alert nobody repeats."""
    return Alert(
        labels={**labels, "alertname": "LogwatchNotifyTest", "instance": socket.gethostname(), "severity": "info"},
        annotations={
            "summary": "This is a test of logwatch's notifications.",
            "description": "Somebody ran logwatch notify-test; nothing is wrong.",
        },
        starts_ns=now_ns,
        ends_ns=None,
        state="firing",
        value=1.0,
        rule="logwatch/notify-test",
        generator_url=url,
        updated_ns=now_ns,
    )
