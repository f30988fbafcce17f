"""`logwatch storage`: what the engine's disk holds, and what could be freed."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from logwatch.cli import options
from logwatch.cli.image_output import human
from logwatch.cli.images import DEFAULT_SOURCE, containerd_root
from logwatch.docker.disk import survey_disk
from logwatch.docker.storage import Kind, Report
from logwatch.docker.usage import finish
from logwatch.notation import one_line


@click.command("storage")
@click.argument("docker_root", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True,
    help="Tables for people, JSON for programs.",
)  # fmt: skip
@click.option(
    "--largest", default=10, show_default=True, type=click.IntRange(min=0), help="How many of each kind to list."
)
@containerd_root
@options.config_file
def command(
    docker_root: Path | None, output_format: str, largest: int, containerd_root: Path | None, config_file: Path | None
) -> int:
    """Show what fills the engine's disk and could be freed.

    Images, containers, volumes, logs and caches in DOCKER_ROOT, which defaults to docker_root of the configuration,
    else /var/lib/docker.

    Example: logwatch storage --largest 3 /var/lib/docker
    """
    config = options.effective(config_file).config
    root = docker_root or config.docker_root or Path(DEFAULT_SOURCE)
    store = containerd_root or (config.containerd_root if docker_root is None else None)
    report = finish(survey_disk(root, store, time.time_ns()))
    if output_format == "json":
        click.echo(json.dumps(as_json(report)))
    else:
        console = Console(width=None if sys.stdout.isatty() else 200)
        for table in _tables(report, largest):
            console.print(table)
    for text in (*report.problems, *report.notes):
        click.echo(f"logwatch: {one_line(text)}", err=True)
    return 1 if report.problems else 0


def as_json(report: Report) -> dict[str, object]:
    """The report as one document; the keys are stable."""
    reclaimable = report.reclaimable()
    totals = [
        {"driver": driver, "kind": kind, "bytes": size, "reclaimable_bytes": reclaimable[driver, kind]}
        for (driver, kind), size in report.totals().items()
    ]
    return asdict(report) | {"totals": totals}


def _tables(report: Report, largest: int) -> Iterator[Table]:
    yield _overview(report)
    yield _limits(report)
    for kind in Kind:
        found = [item for item in report.largest(kind, largest) if item.size]
        if not found:
            continue
        table = _table(f"the largest {kind.replace('_', ' ')}", "owner", "id", "size", "freed by")
        for item in found:
            flag = "" if item.complete else "?"
            table.add_row(
                _text(item.owner),
                _text(item.id.removeprefix("sha256:")[:25]),
                human(item.size) + flag,
                _text(item.reclaim or "in use"),
            )
        yield table


def _overview(report: Report) -> Table:
    table = _table(
        f"{report.images} images, {report.layers} layers, {len(report.containers)} containers",
        "driver",
        "kind",
        "size",
        "unused",
        "freed by",
    )
    commands: dict[tuple[str, Kind], Counter[str]] = {}
    for item in report.items:
        if item.reclaim:
            commands.setdefault((item.driver, item.kind), Counter())[item.reclaim] += item.size
    reclaimable = report.reclaimable()
    for (driver, kind), size in sorted(report.totals().items()):
        if size:
            given = commands.get((driver, kind), Counter())
            command = next(iter(given), "") if len(given) < 2 else _COMMANDS.get(kind, "see below")
            table.add_row(driver, kind.replace("_", " "), human(size), human(reclaimable[driver, kind]), _text(command))
    return table


_COMMANDS = {
    Kind.WRITABLE_LAYERS: "docker container prune",
    Kind.CONTAINER_LOGS: "docker container prune",
    Kind.VOLUMES: "docker volume prune --all",
}
"""What frees all unused of a kind at once."""


def _limits(report: Report) -> Table:
    table = _table("limits", "of", "used", "limit", "share")
    for pool in report.pools:
        table.add_row(
            f"thin pool, {pool.kind.removeprefix('pool_')}",
            human(pool.allocated),
            human(pool.limit),
            _share(pool.allocated, pool.limit),
        )
    for disk in report.file_systems:
        used = disk.size - disk.available
        table.add_row(_text(f"file system {disk.mountpoint}"), human(used), human(disk.size), _share(used, disk.size))
    for container in report.containers:
        if container.limit:
            table.add_row(
                _text(f"container {container.name}"),
                human(container.size),
                human(container.limit),
                _share(container.size, container.limit),
            )
    return table


def _share(used: int, limit: int) -> str:
    return f"{used / limit:.0%}" if limit else "-"


def _table(title: str, *columns: str) -> Table:
    table = Table(*columns, box=None, title=title, title_justify="left")
    for column in table.columns:
        if column.header in {"size", "unused", "used", "limit", "share"}:
            column.justify = "right"
    return table


def _text(text: str) -> Text:
    return Text(one_line(text), overflow="fold")
