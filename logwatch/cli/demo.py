"""`logwatch demo`: play a recorded host in real time."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import click

from logwatch.cli import options
from logwatch.cli.run import follow
from logwatch.config import Effective
from logwatch.demo import feed
from logwatch.demo.companions import JOB, Companions
from logwatch.model import SECOND


@click.command("demo")
@click.option(
    "--speed", type=click.FloatRange(min=0.1), default=1.0, show_default=True, help="Speed relative to the recording."
)
@click.option("--web.listen-address", "listen_address", help="Address to listen on. [default: :19979]")
@click.option(
    "--stack", is_flag=True, help="Also start this host's prometheus and alertmanager, where they are installed."
)
@click.option("--once", is_flag=True, help="Stop at the end of the recording; by default it repeats.")
def command(speed: float, listen_address: str | None, *, stack: bool, once: bool) -> None:
    """Follow a recorded host's log, to try logwatch.

    Two minutes of a real engine: containers crash in a loop, run out of memory, stop too
    slowly; the daemon restarts. Nothing outside a temporary folder is touched.

    Example: logwatch demo --speed 5
    """
    with tempfile.TemporaryDirectory(prefix="logwatch-demo-") as folder, ExitStack() as ending:
        log = Path(folder) / "messages"
        log.touch()
        companions = Companions.find() if stack else None
        effective = _effective(log, listen_address, companions)
        stopped = threading.Event()
        click.echo(f"logwatch: playing a recorded host into {log}", err=True)
        if companions:
            instance = _instance(effective.config.web.listen_address)
            for line in (f"logwatch      http://{instance}", *companions.lines()):
                click.echo(f"  {line}", err=True)
            ending.enter_context(companions.running(Path(folder), instance))
        follow(
            effective,
            read_again=lambda: effective,
            beside=lambda stop: _play(log, speed, stopped, stop if once else None),
            stopping=stopped.set,
        )


def _effective(log: Path, listen_address: str | None, companions: Companions | None) -> Effective:
    """The configuration of the demo, with all files in its temporary folder."""
    url = companions.alertmanager_url if companions else None
    address = options.effective(None, web__listen_address=listen_address).config.web.listen_address
    return options.effective(
        None,
        sources__paths=(str(log),),
        state__dir=log.parent / "state",
        web__listen_address=listen_address,
        alerting__alertmanagers=(url,) if url else None,
        # As the scrape attaches them, so that Alertmanager sees an alert of logwatch and of Prometheus as one.
        alerting__target_labels={"job": JOB, "instance": _instance(address)} if url else None,
    )


def _instance(listen_address: str) -> str:
    """Address for clients on this host."""
    host, _, port = listen_address.rpartition(":")
    return f"{host if host not in {'', '0.0.0.0', '[::]'} else 'localhost'}:{port}"  # noqa: S104 - compared, not bound


def _play(log: Path, speed: float, stopped: threading.Event, at_the_end: Callable[[], None] | None) -> None:
    """Write the recording's lines when they are due, repeatedly."""
    with log.open("ab", buffering=0) as out:
        while not stopped.is_set():
            for due_ns, line in feed(time.time_ns(), speed):
                early = (due_ns - time.time_ns()) / SECOND
                if early > 0 and stopped.wait(early):
                    return
                out.write(line)
            if at_the_end is not None:
                # Events of the last lines settle within two seconds of the clock.
                stopped.wait(4)
                at_the_end()
                return
