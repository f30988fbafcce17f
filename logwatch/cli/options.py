"""Flags that several commands share, and times in flags; named as Prometheus' flags if it has them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TypeVar

import click

from logwatch import config
from logwatch.errors import ConfigError
from logwatch.model import SECOND
from logwatch.store.earlier_name import in_use

Command = TypeVar("Command", bound=Callable[..., object])

rules = click.option(
    "--rules",
    "rule_paths",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A rule file, or a folder of them; adds to the shipped rules. Repeatable.",
)
no_shipped_rules = click.option("--no-shipped-rules", is_flag=True, help="Run without the shipped rules.")
config_file = click.option(
    "--config.file", "config_file", type=click.Path(path_type=Path), help="Configuration file (logwatch.yml)."
)
state_dir = click.option("--state-dir", type=click.Path(path_type=Path), help="State directory.")
timezone = click.option(
    "--timezone", help="Zone of timestamps without one. [default: learned from the log, else the host's]"
)
output_format = click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "jsonl"]),
    default="table",
    show_default=True,
    help="A table for people, JSON lines for programs.",
)
listing_format = click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "jsonl", "csv"]),
    default="table",
    show_default=True,
    help="A table for people, JSON lines or CSV for programs.",
)


def rule_options(command: Command) -> Command:
    """Add the flags that choose rules, and the configuration file."""
    return config_file(rules(no_shipped_rules(command)))


def configuration(command: Callable[..., object]) -> Callable[..., object]:
    """Add the flags that choose rules, the zone and the configuration file; the command gets what they say as `config`."""

    @timezone
    @rule_options
    @wraps(command)
    def configured(
        *,
        timezone: str | None,
        config_file: Path | None,
        rule_paths: tuple[Path, ...],
        no_shipped_rules: bool,
        **others: object,
    ) -> object:
        found = effective(
            config_file, rule_paths=rule_paths, no_shipped_rules=no_shipped_rules, sources__timezone=timezone
        )
        return command(config=found.config, **others)

    return configured


def effective(
    config_file: Path | None,
    *,
    rule_paths: tuple[Path, ...] = (),
    no_shipped_rules: bool = False,
    **flags: object,
) -> config.Effective:
    """Lay flags over environment, file and defaults; `flags` are dotted keys with `__` for the dot."""
    given = {name.replace("__", "."): str(value) if isinstance(value, Path) else value for name, value in flags.items()}
    given["rules.paths"] = tuple(str(path) for path in rule_paths)
    given["rules.shipped"] = False if no_shipped_rules else None
    return with_state_dir(config.load(config_file, os.environ, given), in_use)


def with_state_dir(effective: config.Effective, choose: Callable[[], Path]) -> config.Effective:
    """Return the configuration with the chosen state directory where none is configured."""
    if effective.origins["state.dir"] != config.DEFAULT:
        return effective
    state = effective.config.state.model_copy(update={"dir": choose()})
    return replace(effective, config=effective.config.model_copy(update={"state": state}))


# ── points in time ──────────────────────────────────────────────────────────────────────


_AGO = re.compile(
    r"""
    (?P<count>\d+)(?P<unit>[smhdw])   # 90s 15m 2h 3d 1w
    """,
    re.VERBOSE,
)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def moment(text: str | None, now_ns: int, flag: str) -> int | None:
    """A point in time, given as such or as how long ago; without a zone it is local time."""
    if text is None:
        return None
    if ago := _AGO.fullmatch(text):
        return now_ns - int(ago["count"]) * _UNITS[ago["unit"]] * SECOND
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{flag} {text}: neither a time (2026-11-23T18:12:57Z) nor how long ago (15m, 2h, 3d)"
        ) from None
    seconds, microseconds = divmod(found.astimezone(UTC).timestamp() * 1_000_000, 1_000_000)
    return int(seconds) * SECOND + int(microseconds) * 1000
