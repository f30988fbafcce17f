"""`logwatch events`: query the history."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import click

from logwatch.cli import options
from logwatch.cli.options import moment
from logwatch.cli.output import CSV_HEADER, formatter
from logwatch.model import Event
from logwatch.store import History, Query

PAUSE = 0.5
"""Seconds between two looks."""


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
@click.option("--watch", is_flag=True, help="Continue with the events that follow, until interrupted.")
@options.listing_format
@options.state_dir
@options.config_file
def command(
    since: str | None,
    until: str | None,
    event: str | None,
    name: str | None,
    object_id: str | None,
    limit: int | None,
    output_format: str,
    state_dir: Path | None,
    config_file: Path | None,
    *,
    last_words: bool,
    watch: bool,
) -> None:
    """Print the stored events, in the order of reading.

    Example: logwatch events --since 2h --event 'container.*_failed'
    """
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
    if output_format == "csv":
        sys.stdout.write(CSV_HEADER + "\n")
    with closing(History(config.state.dir)) as history:
        newest = history.newest_seq()
        outcomes = history.events(query)
        for outcome in reversed(list(outcomes)) if limit else outcomes:
            newest = max(newest, outcome.seq)
            sys.stdout.write(show(outcome.event) + "\n")
        if watch:
            _follow(history, replace(query, limit=None, newest_first=False), newest, show)


def _follow(history: History, query: Query, newest: int, show: Callable[[Event], str]) -> None:
    """Print what is committed from now on."""
    with suppress(KeyboardInterrupt):
        while True:
            sys.stdout.flush()
            time.sleep(PAUSE)
            for outcome in history.events(replace(query, after_seq=newest)):
                newest = outcome.seq
                sys.stdout.write(show(outcome.event) + "\n")
