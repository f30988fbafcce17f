"""`logwatch containers`: how each container stands, from the log alone."""

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
from logwatch.lifecycle import Lifecycle
from logwatch.lifecycle.tracked import ContainerView
from logwatch.model import SECOND, SHORT_ID
from logwatch.notation import rfc3339
from logwatch.store import History


@click.command("containers")
@options.output_format
@options.state_dir
@options.config_file
def command(output_format: str, state_dir: Path | None, config_file: Path | None) -> None:
    """Print state, restarts, last exit code, OOM kills and health of each container."""
    config = options.effective(config_file, state__dir=state_dir).config
    lifecycle = Lifecycle()
    with closing(History(config.state.dir)) as history:
        lifecycle.restore(history.stages("lifecycle"))
    views = sorted(lifecycle.containers(), key=lambda view: (view.host, view.name or view.id))
    if output_format == "jsonl":
        for view in views:
            sys.stdout.write(json.dumps(as_json(view), ensure_ascii=False) + "\n")
        return
    table = Table("name", "id", "state", "since", "restarts", "exit", "OOM kills", "health", "image", box=None)
    for view in views:
        since = f"{datetime.fromtimestamp(view.since_ns / SECOND).astimezone():%b %d %H:%M:%S}"
        texts = (view.name, view.id[:SHORT_ID], view.state, since, view.restarts or None, view.exit_code)
        table.add_row(*(cell(text or "-") for text in (*texts, view.ooms or None, view.health, view.image)))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def as_json(view: ContainerView) -> dict[str, object]:
    """A container as JSON shows it."""
    return {**view._asdict(), "state": str(view.state), "since": rfc3339(view.since_ns)} | {"since_ns": view.since_ns}
