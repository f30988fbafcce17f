"""`logwatch rules profile`: what each rule costs with the lines of a log."""

from __future__ import annotations

import json
import sys
import time
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table

from logwatch.authoring.profiling import Cost, Profile, Profiler
from logwatch.build import Builder, cache_dir
from logwatch.cli import options
from logwatch.cli.coverage import chunks
from logwatch.cli.output import cell
from logwatch.config import Config
from logwatch.metrics import Registry
from logwatch.notation import counted

MICROSECOND = 1_000
MILLISECOND = 1_000_000


@click.command("profile")
@click.argument("files", nargs=-1, required=True)
@options.output_format
@options.configuration
def profile(
    files: tuple[str, ...],
    output_format: str,
    *,
    config: Config,
) -> None:
    """Print what each rule costs, the dearest first.

    FILES are logs, which may be compressed. A rule that is hit often and rarely confirmed has a pattern that is too general.

    Example: logwatch rules profile --rules my-rules /var/log/messages
    """
    rules = Builder(config, Registry(), None).rules().rules
    zone = ZoneInfo(config.sources.timezone) if config.sources.timezone else None
    profiler = Profiler(rules, zone, cache_dir(), time.thread_time_ns)
    now_ns = time.time_ns()
    found = profiler.profile(chunks(files, config, now_ns), now_ns)
    if output_format == "jsonl":
        for cost in found.rules:
            sys.stdout.write(json.dumps(_as_json(cost)) + "\n")
        return
    Console(width=None if sys.stdout.isatty() else 200).print(_table(found))
    click.echo(
        f"\n{counted(found.lines, 'line')}, patterns found in {found.hits}: search for all patterns "
        f"{_milliseconds(found.scan_ns)}, headers {_milliseconds(found.headers_ns)}, rules {_milliseconds(found.rules_ns)}"
    )


def _as_json(cost: Cost) -> dict[str, str | int]:
    return {
        "rule": cost.rule,
        "hits": cost.hits,
        "confirmed": cost.confirmed,
        "events": cost.events,
        "microseconds": cost.spent_ns // MICROSECOND,
    }


def _table(found: Profile) -> Table:
    table = Table("rule", box=None, pad_edge=False)
    for name in ("hits", "confirmed", "events", "time", "µs per hit", "share"):
        table.add_column(name, justify="right")
    for cost in found.rules:
        table.add_row(
            cell(cost.rule),
            str(cost.hits),
            str(cost.confirmed),
            str(cost.events),
            _milliseconds(cost.spent_ns),
            f"{cost.spent_ns / MICROSECOND / cost.hits:.1f}",
            f"{100 * cost.spent_ns / found.rules_ns:.1f} %" if found.rules_ns else "-",
        )
    return table


def _milliseconds(length_ns: int) -> str:
    return f"{length_ns / MILLISECOND:.1f} ms"
