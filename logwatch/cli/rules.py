"""`logwatch rules`: lists and shows rules, and prints the JSON Schema of rule files."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from logwatch.alerting import schema as alerts_schema
from logwatch.authoring.exporting import Form, export
from logwatch.build import Builder
from logwatch.cli import options
from logwatch.cli.coverage import coverage, metrics
from logwatch.cli.output import cell
from logwatch.cli.profile import profile
from logwatch.config import settings
from logwatch.errors import ConfigError
from logwatch.metrics import Registry
from logwatch.model import Correlation, Rule
from logwatch.notation import counted, duration
from logwatch.rulefiles import schema as events_schema
from logwatch.rulefiles.files import fleet_files
from logwatch.ruletests import schema as tests_schema
from logwatch.store import History

SCHEMAS = {
    "events": events_schema.json_schema,
    "alerts": alerts_schema.json_schema,
    "tests": tests_schema.json_schema,
    "logwatch": settings.json_schema,
}


@click.group("rules")
def command() -> None:
    """List rules, measure them, export them, print schemas.

    Example: logwatch rules list --state-dir /var/lib/docker-logwatch
    """


command.add_command(coverage)
command.add_command(metrics)
command.add_command(profile)


@command.command("list")
@options.rule_options
@options.output_format
@options.state_dir
def list_rules(
    config_file: Path | None,
    rule_paths: tuple[Path, ...],
    output_format: str,
    state_dir: Path | None,
    *,
    no_shipped_rules: bool,
) -> None:
    """List the rules with hits and the time of the last one.

    Both are read from the state directory.

    Example: logwatch rules list --state-dir /var/lib/docker-logwatch
    """
    effective = options.effective(
        config_file, rule_paths=rule_paths, no_shipped_rules=no_shipped_rules, state__dir=state_dir
    )
    rules = Builder(effective.config, Registry(), None).rules()
    hits, last = _hits(effective.config.state.dir)
    rows = list(_rows((*rules.rules, *rules.correlations), hits, last))
    if output_format == "jsonl":
        for row in rows:
            sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
        return
    table = Table("rule", "event", "role", "hits", "last hit", "engine", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(cell(row[key] if row[key] is not None else "-") for key in row))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


@command.command("show")
@click.argument("rule_id")
@options.rule_options
def show_rule(config_file: Path | None, rule_paths: tuple[Path, ...], rule_id: str, *, no_shipped_rules: bool) -> None:
    """Print the file and line of a rule, and its text.

    Example: logwatch rules show container-lifecycle/task-delete
    """
    config = options.effective(config_file, rule_paths=rule_paths, no_shipped_rules=no_shipped_rules).config
    rules = Builder(config, Registry(), None).rules()
    everything: list[Rule | Correlation] = [*rules.rules, *rules.correlations]
    rule = next((each for each in everything if each.id == rule_id), None)
    if rule is None:
        raise ConfigError(f"rule '{rule_id}' not found: `logwatch rules list` prints the ids")
    click.echo(f"# {rule.mark.path}:{rule.mark.line}")
    lines = Path(rule.mark.path).read_text(encoding="utf-8").splitlines()
    for line in _item(lines, rule.mark.line - 1):
        click.echo(line)


@command.command("schema")
@click.argument("kind", type=click.Choice(list(SCHEMAS)), default="events")
def schema(kind: str) -> None:
    """Print the JSON Schema of one kind of file, for editors.

    Of event rules (events), alert files (alerts), test files (tests) or the configuration (logwatch).

    Example: logwatch rules schema alerts > alerts.schema.json
    """
    sys.stdout.write(SCHEMAS[kind]())


@command.command("export")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--fleet", is_flag=True, help="Also the recording rules of dashboards about many hosts.")
@click.option("--interval", metavar="DURATION", default="0s", help="Evaluate no group more often, such as 1m.")
@click.option(
    "--form",
    type=click.Choice(["prometheus", "operator"]),
    default="prometheus",
    show_default=True,
    help="Rule files, or resources of the Prometheus operator.",
)
@options.rule_options
def export_rules(
    folder: Path,
    interval: str,
    form: Form,
    config_file: Path | None,
    rule_paths: tuple[Path, ...],
    *,
    fleet: bool,
    no_shipped_rules: bool,
) -> None:
    """Write the alert files in force into a folder.

    For a Prometheus that evaluates them: without the alerts that rules.disable names, and without shipped ones that
    others of the same name replace.

    Example: logwatch rules export --fleet /etc/prometheus/rules
    """
    config = options.effective(config_file, rule_paths=rule_paths, no_shipped_rules=no_shipped_rules).config
    paths = [*Builder(config, Registry(), None).rules().alert_files, *(fleet_files() if fleet else ())]
    exported = export(paths, config.rules.disable, interval=_duration(interval), form=form)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in exported:
            (folder / file.name).write_text(file.text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror}: name a folder to write into") from error
    for file in exported:
        click.echo(f"{folder / file.name}: {counted(file.rules, 'rule')}")


def _duration(text: str) -> timedelta:
    try:
        return duration(text)
    except ValueError as error:
        raise ConfigError(f"--interval: {error}") from None


def _rows(
    rules: Iterable[Rule | Correlation], hits: Counter[str], last: dict[str, float]
) -> Iterator[dict[str, str | int | None]]:
    for rule in rules:
        at = datetime.fromtimestamp(last[rule.id], UTC) if rule.id in last else None
        yield {
            "rule": rule.id,
            "event": rule.event or "(known, no event)",
            "role": str(rule.role) if isinstance(rule, Rule) else rule.kind,
            "hits": hits[rule.id],
            "last_hit": at.isoformat(timespec="seconds") if at else None,
            "engine": rule.engine if isinstance(rule, Rule) else None,
        }


def _hits(state_dir: Path) -> tuple[Counter[str], dict[str, float]]:
    """Hits and time of the last hit by rule, as of the last commit; empty without a state directory."""
    if not (state_dir / "logwatch.db").exists():
        return Counter(), {}
    with closing(History(state_dir)) as history:
        hits = {labels[0]: int(value) for labels, value in history.series("logwatch_rule_hits_total").items()}
        last = {
            labels[0]: value for labels, value in history.series("logwatch_rule_last_hit_timestamp_seconds").items()
        }
    return Counter(hits), last


def _item(lines: list[str], start: int) -> Iterator[str]:
    """The lines of one list item of a YAML file, from the line where its mapping begins."""
    indent = len(lines[start]) - len(lines[start].lstrip(" -"))
    yield lines[start]
    for line in lines[start + 1 :]:
        if line.strip() and len(line) - len(line.lstrip(" ")) < indent:
            return
        yield line
