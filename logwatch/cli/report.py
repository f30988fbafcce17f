"""`logwatch report`: what happened in a period, printed or sent."""

from __future__ import annotations

import json
import socket
import sys
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import click

from logwatch.build import external_url
from logwatch.cli import options
from logwatch.cli.options import moment
from logwatch.cli.output import alert_as_json
from logwatch.config import Config
from logwatch.errors import ConfigError, NotifyError
from logwatch.model import Alert
from logwatch.notation import one_line, rfc3339
from logwatch.receivers import receivers
from logwatch.store import History
from logwatch.summary import Summary, gather
from logwatch.summary.text import as_html, as_text, headline


@click.command("report")
@click.option(
    "--since",
    default="1d",
    show_default=True,
    help="Begin: a time (2026-11-23T18:12:57Z) or how long ago (12h, 1d, 1w).",
)
@click.option("--until", help="End, exclusive: as --since. [default: now]")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "html", "json"]),
    default="text",
    show_default=True,
    help="Text for people, a page, or JSON for programs.",
)
@click.option("--send", is_flag=True, help="Send it to the webhooks and Apprise services of the configuration instead.")
@options.state_dir
@options.config_file
def command(
    since: str,
    until: str | None,
    output_format: str,
    state_dir: Path | None,
    config_file: Path | None,
    *,
    send: bool,
) -> int:
    """Report what happened: deaths, failures, alerts, losses.

    Exit status: 0 printed, or all receivers took it, 1 one did not. In a crontab:

    Example: 0 7 * * * docker-logwatch report --since 1d --send
    """
    config = options.effective(config_file, state__dir=state_dir).config
    now_ns = time.time_ns()
    since_ns, until_ns = moment(since, now_ns, "--since") or 0, moment(until, now_ns, "--until") or now_ns
    if since_ns >= until_ns:
        raise ConfigError(f"--since {since} is not before --until {until or 'now'}: name an earlier begin")
    with closing(History(config.state.dir)) as history:
        summary = gather(history, since_ns, until_ns, config.docker_root)
    if send:
        return 0 if _sent(summary, config, now_ns) else 1
    if output_format == "json":
        sys.stdout.write(json.dumps(_tree(summary), ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(as_html(summary) if output_format == "html" else as_text(summary))
    return 0


def _sent(summary: Summary, config: Config, now_ns: int) -> bool:
    """Send the report as the description of an alert, which people's receivers show; whether all took it."""
    alerting = config.alerting.model_copy(update={"alertmanagers": []})  # it would keep the report firing
    destinations = receivers(config.model_copy(update={"alerting": alerting}))
    if not destinations:
        raise ConfigError("nobody to send to: name a receiver under alerting.webhooks or alerting.apprise")
    report = Alert(
        labels={
            **config.alerting.external_labels,
            "alertname": "LogwatchReport",
            "instance": socket.gethostname(),
            "severity": "info",
        },
        annotations={"summary": headline(summary), "description": as_text(summary)},
        starts_ns=now_ns,
        ends_ns=None,
        state="firing",
        value=float(len(summary.in_trouble)),
        rule="logwatch/report",
        generator_url=external_url(config),
        updated_ns=now_ns,
    )
    all_took_it = True
    for receiver in destinations:
        try:
            receiver.send([report], now_ns)
        except NotifyError as error:
            click.echo(f"{receiver.name}: FAILED: {one_line(str(error))}", err=True)
            all_took_it = False
    return all_took_it


def _tree(summary: Summary) -> dict[str, object]:
    tree = asdict(summary)
    tree["since"], tree["until"] = rfc3339(tree.pop("since_ns")), rfc3339(tree.pop("until_ns"))
    tree["headline"] = headline(summary)
    tree["alerts"] = [json.loads(alert_as_json(alert)) for alert in summary.alerts]
    for each in (*tree["containers"], *tree["engine"], *tree["failures"]):
        each["last"] = rfc3339(each.pop("last_ns"))
    return tree
