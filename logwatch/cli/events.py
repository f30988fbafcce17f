"""`logwatch events`: query the history."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path

import click

from logwatch.cli import options
from logwatch.cli.options import moment
from logwatch.cli.output import formatter
from logwatch.store import History, Query


@click.command("events")
@click.option("--since", help="Earliest time: a time (2026-11-23T18:12:57Z) or how long ago (15m, 2h, 3d).")
@click.option("--until", help="Latest time, exclusive: as --since.")
@click.option("--event", help="type.action, a type alone, or with *: container.die, image, 'container.*_failed'.")
@click.option("--name", help="Name of the object.")
@click.option("--id", "object_id", help="Id of the object, or the beginning of it.")
@click.option("--limit", type=click.IntRange(min=1), help="Print at most this many, the newest. [default: all]")
@click.option(
    "--last-words", is_flag=True, help="Print below an event what the container or its health check printed last."
)
@options.output_format
@options.state_dir
@options.config_file
def command(
    since: str | None,
    until: str | None,
    event: str | None,
    name: str | None,
    object_id: str | None,
    limit: int | None,
    last_words: bool,  # noqa: FBT001 - click passes it by name
    output_format: str,
    state_dir: Path | None,
    config_file: Path | None,
) -> None:
    """Print the stored events, in the order in which they were read."""
    config = options.effective(config_file, state__dir=state_dir).config
    now_ns = time.time_ns()
    query = Query(
        since_ns=moment(since, now_ns, "--since"),
        until_ns=moment(until, now_ns, "--until"),
        event=event,
        name=name,
        id=object_id,
        limit=limit,
        newest_first=limit is not None,
    )
    show = formatter(output_format, colour=sys.stdout.isatty(), last_words=last_words)
    with closing(History(config.state.dir)) as history:
        outcomes = history.events(query)
        for outcome in reversed(list(outcomes)) if limit else outcomes:
            sys.stdout.write(show(outcome.event) + "\n")
