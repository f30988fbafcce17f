"""`logwatch config`: every value that counts, and where it came from."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from logwatch.cli import options


@click.command("config")
@options.rule_options
@options.state_dir
def command(
    config_file: Path | None, rule_paths: tuple[Path, ...], state_dir: Path | None, *, no_shipped_rules: bool
) -> None:
    """Print the effective configuration with the origin of every value: flag, environment, file or default."""
    effective = options.effective(
        config_file, rule_paths=rule_paths, no_shipped_rules=no_shipped_rules, state__dir=state_dir
    )
    table = Table("key", "value", "origin", box=None, pad_edge=False)
    for key, value, origin in effective.table():
        table.add_row(key, value, origin)
    console = Console()
    console.print(table, markup=False) if console.is_terminal else Console(width=200).print(table)
    for warning in effective.warnings:
        click.echo(f"logwatch: {warning}", err=True)
