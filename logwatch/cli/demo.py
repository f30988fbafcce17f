"""`logwatch demo`: a recorded host, as if it were happening now."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import click

from logwatch.cli import options
from logwatch.cli.run import follow
from logwatch.demo import feed
from logwatch.model import SECOND


@click.command("demo")
@click.option(
    "--speed", type=click.FloatRange(min=0.1), default=1.0, show_default=True, help="How much faster than it was."
)
@click.option("--web.listen-address", "listen_address", help="Where to serve. [default: :19979]")
@click.option("--once", is_flag=True, help="Stop when the recording is over; it starts again by itself otherwise.")
def command(speed: float, listen_address: str | None, *, once: bool) -> None:
    """Feed a recorded host's log into a temporary file, and run on it.

    Two minutes of a real engine: containers crash in a loop, run out of memory, stop too
    slowly; the daemon restarts. Nothing outside the temporary folder is touched.
    """
    with tempfile.TemporaryDirectory(prefix="logwatch-demo-") as folder:
        log = Path(folder) / "messages"
        log.touch()
        effective = options.effective(
            None,
            sources__paths=(str(log),),
            state__dir=Path(folder) / "state",
            web__listen_address=listen_address,
        )
        stopped = threading.Event()
        click.echo(f"logwatch: playing a recorded host into {log}", err=True)
        follow(effective, beside=lambda stop: _play(log, speed, stopped, stop if once else None), stopping=stopped.set)


def _play(log: Path, speed: float, stopped: threading.Event, at_the_end: Callable[[], None] | None) -> None:
    """Write the recording's lines when they are due, again and again."""
    with log.open("ab", buffering=0) as out:
        while not stopped.is_set():
            for due_ns, line in feed(time.time_ns(), speed):
                early = (due_ns - time.time_ns()) / SECOND
                if early > 0 and stopped.wait(early):
                    return
                out.write(line)
            if at_the_end is not None:
                # What the last lines told settles within two seconds of the clock.
                stopped.wait(4)
                at_the_end()
                return
