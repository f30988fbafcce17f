"""`logwatch containers`: the state of each container, from the log alone."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from logwatch.cli import options
from logwatch.cli.output import cell
from logwatch.lifecycle.containers import committed
from logwatch.model import SECOND, SHORT_ID, Container, State
from logwatch.notation import rfc3339
from logwatch.store import History


@click.command("containers")
@options.output_format
@options.state_dir
@options.config_file
def command(output_format: str, state_dir: Path | None, config_file: Path | None) -> None:
    """Print state, restarts, last exit code, OOM kills and health of each container."""
    config = options.effective(config_file, state__dir=state_dir).config
    with closing(History(config.state.dir)) as history:
        containers = [each for each in committed(history) if each.state is not State.GONE]
    if output_format == "jsonl":
        for container in containers:
            sys.stdout.write(json.dumps(as_json(container), ensure_ascii=False) + "\n")
        return
    table = Table("name", "id", "state", "since", "restarts", "exit", "OOM kills", "health", "image", box=None)
    for each in containers:
        since = f"{datetime.fromtimestamp(each.since_ns / SECOND).astimezone():%b %d %H:%M:%S}"
        texts = (each.name, each.id[:SHORT_ID], each.state, since, each.restarts or None, each.exit_code)
        table.add_row(*(cell(text or "-") for text in (*texts, each.ooms or None, each.health, each.image)))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


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
