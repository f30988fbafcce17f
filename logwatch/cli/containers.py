"""`logwatch containers`: the state of each container, from the log alone."""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from logwatch.cli import options
from logwatch.cli.output import cell
from logwatch.errors import ConfigError
from logwatch.lifecycle.containers import committed
from logwatch.model import SECOND, SHORT_ID, Container, State
from logwatch.notation import rfc3339
from logwatch.store import History

PAUSE = 1.0
"""Seconds between two looks."""
ORDERS: dict[str, Callable[[Container], Any]] = {
    "name": lambda each: (each.name or each.id, each.host),
    "state": lambda each: (str(each.state), each.name or each.id),
    "since": lambda each: -each.since_ns,
    "restarts": lambda each: (-each.restarts, each.name or each.id),
    "ooms": lambda each: (-each.ooms, each.name or each.id),
}
STATES = [str(state) for state in State if state is not State.GONE]


@click.command("containers")
@click.option("--name", help="Containers of this name; * is any text.")
@click.option(
    "--state", "states", type=click.Choice(STATES), multiple=True, help="Containers in this state. Repeatable."
)
@click.option(
    "--sort",
    type=click.Choice(list(ORDERS)),
    default="name",
    show_default=True,
    help="Order; numbers and times: highest first.",
)
@click.option("--watch", is_flag=True, help="Keep the table up to date until interrupted (on a terminal).")
@options.listing_format
@options.state_dir
@options.config_file
def command(
    name: str | None,
    states: tuple[str, ...],
    sort: str,
    output_format: str,
    state_dir: Path | None,
    config_file: Path | None,
    *,
    watch: bool,
) -> None:
    """Print state, restarts, exit code and health of containers.

    Example: logwatch containers --state restarting --sort restarts
    """
    config = options.effective(config_file, state__dir=state_dir).config

    def wanted() -> Sequence[Container]:
        with closing(History(config.state.dir)) as history:
            return chosen(committed(history), name=name, states=states, sort=sort)

    if watch:
        _watch(wanted, output_format)
    elif output_format == "jsonl":
        for container in wanted():
            sys.stdout.write(json.dumps(as_json(container), ensure_ascii=False) + "\n")
    elif output_format == "csv":
        _write_csv(wanted())
    else:
        Console(width=None if sys.stdout.isatty() else 200).print(as_table(wanted()))


def chosen(
    containers: Iterable[Container], *, name: str | None = None, states: Sequence[str] = (), sort: str = "name"
) -> list[Container]:
    """Those that are there, have the name and are in one of the states (none: any), in order."""
    found = [
        each
        for each in containers
        if each.state is not State.GONE
        and (name is None or fnmatchcase(each.name or each.id, name))
        and (not states or str(each.state) in states)
    ]
    return sorted(found, key=ORDERS[sort])


def _watch(wanted: Callable[[], Sequence[Container]], output_format: str) -> None:
    if output_format != "table" or not sys.stdout.isatty():
        raise ConfigError("--watch draws a table on a terminal: for programs, follow with logwatch events --watch")
    with suppress(KeyboardInterrupt), Live(as_table(wanted()), screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(PAUSE)
            live.update(as_table(wanted()), refresh=True)


def as_table(containers: Iterable[Container]) -> Table:
    """The containers as people read them."""
    table = Table("name", "id", "state", "since", "restarts", "exit", "OOM kills", "health", "image", box=None)
    for each in containers:
        since = f"{datetime.fromtimestamp(each.since_ns / SECOND).astimezone():%b %d %H:%M:%S}"
        texts = (each.name, each.id[:SHORT_ID], each.state, since, each.restarts or None, each.exit_code)
        table.add_row(*(cell(text or "-") for text in (*texts, each.ooms or None, each.health, each.image)))
    return table


def as_json(container: Container) -> dict[str, object]:
    """A container as JSON shows it."""
    return {
        "host": container.host,
        "id": container.id,
        "name": container.name,
        "state": str(container.state),
        "image": container.image,
        "since_ns": container.since_ns,
        "restarts": container.restarts,
        "exit_code": container.exit_code,
        "ooms": container.ooms,
        "health": container.health,
        "project": container.project,
        "service": container.service,
        "since": rfc3339(container.since_ns),
    }


def _write_csv(containers: Sequence[Container]) -> None:
    rows = [as_json(container) for container in containers]
    writer = csv.DictWriter(sys.stdout, list(as_json(Container("", ""))), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
