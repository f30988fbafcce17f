"""`logwatch suggest`: drafts of rules for the docker lines that no rule knows."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from logwatch.authoring.drafts import as_yaml
from logwatch.authoring.grouping import Grouper
from logwatch.authoring.suggestions import draft
from logwatch.cli import options
from logwatch.cli.coverage import chunks, surveyor_of


@click.command("suggest")
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many, the most frequent."
)
@click.option("--general", is_flag=True, help="Also lines that only general rules know: those with unless_other.")
@options.timezone
@options.rule_options
def command(
    files: tuple[str, ...],
    limit: int,
    timezone: str | None,
    config_file: Path | None,
    rule_paths: tuple[Path, ...],
    *,
    general: bool,
    no_shipped_rules: bool,
) -> None:
    """Group the docker lines of logs (also .gz .bz2 .xz .zst) that no rule knows, and draft a rule for each group.

    Warnings and errors of the engine are always known, to general rules; --general looks at them too. Prints a rule
    file: choose the names of the events, then run `logwatch check` on it.
    Needs the extra logwatch[suggest].
    """
    config = options.effective(
        config_file, rule_paths=rule_paths, no_shipped_rules=no_shipped_rules, sources__timezone=timezone
    ).config
    now_ns = time.time_ns()
    rules, surveyor = surveyor_of(config)
    general_rules = frozenset(rule.id for rule in rules.rules if rule.unless_other and general)
    grouper = Grouper(general_rules, config.sources.secrets)
    for chunk in chunks(files, config, now_ns):
        for line in surveyor.survey(chunk, now_ns):
            grouper.add(line)
    groups = grouper.groups()
    sys.stdout.write(as_yaml(draft(groups, limit)))
    lines = sum(group.count for group in groups)
    click.echo(f"{lines} unknown docker lines in {len(groups)} groups, {min(limit, len(groups))} shown", err=True)
    for family, count in sorted(grouper.left_out.items()):
        click.echo(f"left out: {count} lines, {family}", err=True)
    if grouper.crowded_out:
        click.echo(f"left out: {grouper.crowded_out} lines of further groups", err=True)
