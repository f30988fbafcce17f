"""Flags that several commands share; where Prometheus has a name for one, it is that."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from logwatch import config

Command = TypeVar("Command", bound=Callable[..., object])

rules = click.option(
    "--rules",
    "rule_paths",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A rule file, or a folder of them; adds to the shipped rules. Repeatable.",
)
no_shipped_rules = click.option("--no-shipped-rules", is_flag=True, help="Leave the shipped rules out.")
config_file = click.option(
    "--config.file", "config_file", type=click.Path(path_type=Path), help="Configuration file (logwatch.yml)."
)
state_dir = click.option("--state-dir", type=click.Path(path_type=Path), help="Where the state is kept.")
timezone = click.option(
    "--timezone", help="Zone of stamps that name none. Learned from the log where it can be, else the host's."
)
output_format = click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "jsonl"]),
    default="table",
    show_default=True,
    help="A table for people, JSON lines for programs.",
)


def rule_options(command: Command) -> Command:
    """Add the flags that choose rules, and the configuration they stand in."""
    return config_file(rules(no_shipped_rules(command)))


def effective(
    config_file: Path | None,
    *,
    rule_paths: tuple[Path, ...] = (),
    no_shipped_rules: bool = False,
    **flags: object,
) -> config.Effective:
    """Lay flags over environment, file and defaults; `flags` are dotted keys with `_` for the dot's place as `__`."""
    given = {name.replace("__", "."): str(value) if isinstance(value, Path) else value for name, value in flags.items()}
    given["rules.paths"] = tuple(str(path) for path in rule_paths)
    given["rules.shipped"] = False if no_shipped_rules else None
    return config.load(config_file, os.environ, given)
