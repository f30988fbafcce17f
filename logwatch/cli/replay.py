"""`logwatch replay`: run any log through the same pipeline, then stop."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from logwatch.build import Builder, cache_dir, settle_heap
from logwatch.cli import options, printouts
from logwatch.cli.output import formatter
from logwatch.cli.printouts import Printout
from logwatch.config import Config
from logwatch.errors import ConfigError
from logwatch.metrics import Registry
from logwatch.model import Event, Source
from logwatch.pipeline import Pipeline
from logwatch.replay import Replay, oldest_first
from logwatch.sources.archive import ReplaySource
from logwatch.sources.journal import JournalSource, is_journal
from logwatch.sources.stdin import StdinSource
from logwatch.store import Store, Sync

# Lines that are only counted get the time of the end of their chunk: small chunks give a more exact history.
_WIDE, _FINE = 1 << 20, 1 << 12


@click.command("replay")
@click.argument("files", nargs=-1, required=True)
@options.output_format
@click.option("--raw", is_flag=True, help="Events as the rules make them, before lifecycle and correlations.")
@click.option("--alerts", is_flag=True, help="Print what would have fired, when and why, instead of the events.")
@click.option("--metrics", is_flag=True, help="Print the metrics at the end instead of the events.")
@click.option(
    "--openmetrics",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the history of all series to this file, for promtool tsdb create-blocks-from openmetrics, instead of the events.",
)
@click.option(
    "--diff",
    "other_rules",
    type=click.Path(exists=True, path_type=Path),
    help="Print which events and alerts would be added, removed or changed with these rules instead of those of --rules.",
)
@options.state_dir
@options.configuration
def command(
    files: tuple[str, ...],
    output_format: str,
    state_dir: Path | None,
    openmetrics: Path | None,
    other_rules: Path | None,
    *,
    raw: bool,
    alerts: bool,
    metrics: bool,
    config: Config,
) -> int:
    """Run logs through the pipeline and print the events.

    FILES may be compressed (.gz .bz2 .xz .zst), - for stdin, or journal: for the systemd journal. Several are read in
    the order of their first lines. With --state-dir a replay may be interrupted and continued; without it nothing is
    written. With --diff the exit status is 1 if anything differs.

    Example: logwatch replay --alerts /var/log/messages*
    """
    counts_events = bool(state_dir or alerts or metrics or openmetrics)
    if raw and counts_events:
        raise ConfigError(
            "--raw prints events without state: remove --state-dir, --metrics, --openmetrics and --alerts"
        )
    if openmetrics and state_dir:
        raise ConfigError("--openmetrics writes the history of one whole replay: remove --state-dir")
    if other_rules and (raw or counts_events or files == ("-",)):
        raise ConfigError("--diff replays files twice, with these rules and with others: remove the other flags")
    if other_rules is not None:
        return _compare(config, files, other_rules, output_format)
    builder = Builder(
        config,
        Registry(),
        state_dir or cache_dir(),
        raw=raw,
        alerting=alerts or openmetrics is not None,
        counts_events=counts_events,
        replays=True,
    )
    pipeline = builder.pipeline(builder.rules())
    settle_heap(keeps_chunks=True)
    wanted = _printouts(builder, pipeline, output_format, openmetrics, alerts=alerts, metrics=metrics)
    _replay(_source(files, config, chunk_bytes=_FINE if openmetrics else _WIDE), pipeline, state_dir, config, wanted)
    return 0


def _printouts(
    builder: Builder, pipeline: Pipeline, output_format: str, openmetrics: Path | None, *, alerts: bool, metrics: bool
) -> list[Printout]:
    """Return what prints what was asked for: the events if it was nothing else."""
    wanted: list[Printout] = []
    if alerts:
        wanted.append(printouts.Alerts(pipeline, output_format, sys.stdout))
    if metrics:
        wanted.append(printouts.Metrics(pipeline.series, sys.stdout))
    if openmetrics:
        wanted.append(printouts.History(builder, pipeline, openmetrics))
    return wanted or [printouts.Events(formatter(output_format, colour=sys.stdout.isatty()), sys.stdout)]


def _compare(config: Config, files: tuple[str, ...], other_rules: Path, output_format: str) -> int:
    from logwatch.cli.printouts import compare  # nothing else needs it

    with _interruptible() as stopped:
        return compare(config, other_rules, lambda: _source(files, config), output_format, lambda: bool(stopped))


def _replay(
    source: Source, pipeline: Pipeline, state_dir: Path | None, config: Config, wanted: Sequence[Printout]
) -> None:
    """Run a source through the pipeline; each printout prints what it is for."""

    def on_event(event: Event) -> None:
        for printout in wanted:
            printout.on_event(event)

    def on_chunk(show_progress: Callable[[], None]) -> None:
        show_progress()
        for printout in wanted:
            printout.on_chunk()

    try:
        with _store(state_dir, config) as store, _interruptible() as stopped, _progress(source) as show_progress:
            Replay(
                source=source,
                pipeline=pipeline,
                store=store,
                now_ns=time.time_ns(),
                on_event=on_event,
                flush=sys.stdout.flush,
                on_chunk=lambda: on_chunk(show_progress),
                stopped=lambda: bool(stopped),
            ).run()
    finally:
        source.close()
    for printout in wanted:
        printout.on_end()
    sys.stdout.flush()


def _source(files: tuple[str, ...], config: Config, *, chunk_bytes: int = _WIDE) -> Source:
    limit = config.limits.max_line_bytes
    if files == ("-",):
        return StdinSource(max_line_bytes=limit, chunk_bytes=chunk_bytes)
    if "-" in files:
        raise ConfigError("- means stdin and cannot be combined with files: name one or the other")
    if any(map(is_journal, files)):
        if len(files) > 1:
            raise ConfigError(f"the journal is replayed alone: remove all but one of {', '.join(files)}")
        return JournalSource(files[0], follow=False, max_line_bytes=limit, chunk_bytes=chunk_bytes)
    return ReplaySource(oldest_first(files, time.time_ns()), max_line_bytes=limit, chunk_bytes=chunk_bytes)


@contextmanager
def _store(state_dir: Path | None, config: Config) -> Iterator[Store | None]:
    if state_dir is None:
        yield None
        return
    store = Store(state_dir, datetime.now(UTC), sync=Sync(config.state.sync))
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _interruptible() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM: the current chunk is finished first."""
    caught: list[int] = []
    before = {
        number: signal.signal(number, lambda n, _: caught.append(n)) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if caught:
            click.echo("logwatch: interrupted", err=True)


@contextmanager
def _progress(source: Source) -> Iterator[Callable[[], None]]:
    """Show a progress bar if stderr is a terminal."""
    console = Console(stderr=True)
    total = sum(status.size for status in source.status())
    if not console.is_terminal or sys.stdout.isatty() or not total:
        yield lambda: None
        return
    columns = (TextColumn("replay"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("replay", total=total)
        yield lambda: bar.update(task, completed=sum(status.position for status in source.status()))
