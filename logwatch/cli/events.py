"""`logwatch events`: what is in the history."""

from __future__ import annotations

import re
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click

from logwatch.cli import options
from logwatch.cli.output import formatter
from logwatch.errors import ConfigError
from logwatch.model import SECOND
from logwatch.store import History, Query

_AGO = re.compile(
    r"""
    (?P<count>\d+)(?P<unit>[smhdw])   # 90s 15m 2h 3d 1w
    """,
    re.VERBOSE,
)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@click.command("events")
@click.option("--since", help="Not before: a time (2026-11-23T18:12:57Z) or how long ago (15m, 2h, 3d).")
@click.option("--until", help="Before: as --since.")
@click.option("--event", help="type.action, a type alone, or with *: container.die, image, 'container.*_failed'.")
@click.option("--name", help="Name of the object.")
@click.option("--id", "object_id", help="Id of the object, or the beginning of it.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many, the newest. No limit by itself.")
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
    output_format: str,
    state_dir: Path | None,
    config_file: Path | None,
) -> None:
    """Print the events that are kept, in the order in which they were read."""
    config = options.effective(config_file, state__dir=state_dir).config
    now_ns = time.time_ns()
    query = Query(
        since_ns=_moment(since, now_ns, "--since"),
        until_ns=_moment(until, now_ns, "--until"),
        event=event,
        name=name,
        id=object_id,
        limit=limit,
        newest_first=limit is not None,
    )
    show = formatter(output_format, colour=sys.stdout.isatty())
    with closing(History(config.state.dir)) as history:
        outcomes = history.events(query)
        for outcome in reversed(list(outcomes)) if limit else outcomes:
            sys.stdout.write(show(outcome.event) + "\n")


def _moment(text: str | None, now_ns: int, flag: str) -> int | None:
    """A point in time, given as such or as how long ago; without a zone it is local time."""
    if text is None:
        return None
    if ago := _AGO.fullmatch(text):
        return now_ns - int(ago["count"]) * _UNITS[ago["unit"]] * SECOND
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{flag} {text}: neither a time (2026-11-23T18:12:57Z) nor how long ago (15m, 2h, 3d)"
        ) from None
    seconds, microseconds = divmod(moment.astimezone(UTC).timestamp() * 1_000_000, 1_000_000)
    return int(seconds) * SECOND + int(microseconds) * 1000
