"""`logwatch tail`: `tail -f /var/log/messages | grep docker`, parsed, with names and colours."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from logwatch.build import Builder, cache_dir
from logwatch.cli import options
from logwatch.cli.options import moment
from logwatch.config import Config
from logwatch.docker.containers import containers_root
from logwatch.docker.inventory import Inventory
from logwatch.errors import ConfigError, SourceError
from logwatch.matching.patterns import Regex, compile_regex
from logwatch.metrics import Registry
from logwatch.model import CONTAINERS, SECOND, SHORT_ID, Event, Source
from logwatch.notation import counted, one_line
from logwatch.sources import DOCKER, default_log
from logwatch.sources.archive import Backlog
from logwatch.sources.content import describe, packed_suffix
from logwatch.sources.file import FileSource, cure, expand, is_pattern
from logwatch.sources.journal import JournalBacklog, JournalSource, is_journal, why_not
from logwatch.sources.stdin import StdinSource
from logwatch.tailing import LEVELS, Filter, Line, Tail, recent

FILTERED = 100
"""So many docker lines are searched for each that is to be shown, where only some are wanted."""
WAIT = 1.0
"""Seconds between two checks of the inventory."""


@click.command("tail")
@click.argument("paths", nargs=-1)
@click.option(
    "-n",
    "--lines",
    "count",
    type=click.IntRange(min=0),
    help="Number of docker lines to start with. [default: 10; with --since all]",
)
@click.option("--since", help="Start here: a time (2026-11-23T18:12:57Z) or how long ago (15m, 2h, 3d).")
@click.option(
    "-f/-F",
    "--follow/--no-follow",
    default=True,
    help="Continue as the log grows, also across rotations. [default: follow]",
)
@click.option("--name", help="Lines about this container or other object; * is any text.")
@click.option("--event", help="Lines that report this: type.action, a type alone, or with *: 'container.*_failed'.")
@click.option("--level", type=click.Choice(LEVELS), help="Lines of at least this level.")
@click.option("--grep", "pattern", help="Lines in which this regex (RE2) is found.")
@click.option(
    "--fold/--no-fold",
    default=None,
    help="Print a line that comes again and again once, and how often it came. [default: on a terminal]",
)
@click.option("--raw", is_flag=True, help="Print the lines unchanged.")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colours: auto means on a terminal.",
)
@click.option(
    "--docker-root", type=click.Path(path_type=Path), help="Docker's data directory, read-only: names of containers."
)
@options.timezone
@options.rule_options
def command(
    paths: tuple[str, ...],
    count: int | None,
    since: str | None,
    name: str | None,
    event: str | None,
    level: str | None,
    pattern: str | None,
    color: str,
    docker_root: Path | None,
    timezone: str | None,
    config_file: Path | None,
    rule_paths: tuple[Path, ...],
    *,
    follow: bool,
    fold: bool | None,
    raw: bool,
    no_shipped_rules: bool,
) -> None:
    """Show the docker lines of logs as they are written.

    Each with time, program, message and the event that it reports. A docker line contains `docker` or has an engine's
    tag. Ids are replaced by names if known. Without PATHS the logs that `run` would follow; - is stdin. Writes nothing
    to disk.

    Example: logwatch tail --name web --level warning
    """
    config = options.effective(
        config_file,
        rule_paths=rule_paths,
        no_shipped_rules=no_shipped_rules,
        sources__paths=paths,
        sources__timezone=timezone,
        docker_root=docker_root,
    ).config
    now_ns = time.time_ns()
    since_ns = moment(since, now_ns, "--since")
    tail, wanted = _tail(config), Filter(name, event, level, _regex(pattern))
    rows = _rows(color, raw=raw, fold=fold)
    count = count if count is not None or since_ns is not None else 10
    _show(config, paths, tail, wanted, rows, count=count, since_ns=since_ns, follow=follow)


def _rows(color: str, *, raw: bool, fold: bool | None) -> Rows:
    """Return what prints lines, for a terminal or for a program."""
    is_terminal = sys.stdout.isatty()
    colour = color == "always" or (color == "auto" and is_terminal and "NO_COLOR" not in os.environ)
    return Rows(raw=raw, colour=colour, fold=not raw and (is_terminal if fold is None else fold))


def _show(
    config: Config,
    paths: Sequence[str],
    tail: Tail,
    wanted: Filter,
    rows: Rows,
    *,
    count: int | None,
    since_ns: int | None,
    follow: bool,
) -> None:
    """Print the last lines of the logs, and then those that are written."""
    with ExitStack() as stack:
        offsets = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        logs = _logs(config, paths)
        cursor = ""
        if is_journal(logs[0]):
            lines, cursor = _begin_journal(logs[0], tail, wanted, count=count, since_ns=since_ns)
            rows.show(lines)
        elif logs != ["-"]:
            rows.show(_begin(logs, tail, wanted, offsets, count=count, since_ns=since_ns, follow=follow))
        if follow or logs == ["-"]:
            source = _source(logs, config, offsets, cursor)
            stack.callback(source.close)
            _follow(source, tail, wanted, rows)
        rows.end()


def _logs(config: Config, given: Sequence[str]) -> list[str]:
    """Return the logs to show: what is given, else those that `run` follows and this command can read."""
    if given:
        _refuse(given)
        return list(given)
    followed = [path for path in config.sources.paths if not path.startswith((DOCKER, CONTAINERS))]
    files = [path for path in followed if not is_journal(path)]
    return files or followed[:1] or [default_log(journal=why_not)]


def _refuse(logs: Sequence[str]) -> None:
    if any(path.startswith(DOCKER) for path in logs):
        raise SourceError(f"{DOCKER} unsupported by tail: pipe it, docker events | logwatch tail -")
    if any(path.startswith(CONTAINERS) for path in logs):
        raise SourceError(f"{CONTAINERS} unsupported by tail: use docker logs")
    if len(logs) > 1 and any(map(is_journal, logs)):
        raise SourceError(f"the journal is followed alone: remove all but one of {', '.join(logs)}")


def _tail(config: Config) -> Tail:
    sources = config.sources
    rules = Builder(config, Registry(), None).rules()
    zone = ZoneInfo(sources.timezone) if sources.timezone else None
    root = containers_root(config.docker_root) if config.docker_root else None
    find = Inventory(root, config.docker.labels).find if root else None
    return Tail(rules.rules, zone=zone, cache_dir=cache_dir(), secrets=sources.secrets, find=find)


def _source(logs: Sequence[str], config: Config, offsets: Path, cursor: str) -> Source:
    sources, limit = config.sources, config.limits.max_line_bytes
    if is_journal(logs[0]):
        entries = JournalSource(logs[0], max_line_bytes=limit)
        entries.begin_after(cursor)
        return entries
    if logs == ["-"]:
        return StdinSource(max_line_bytes=limit)
    source = FileSource(
        logs,
        max_line_bytes=limit,
        rotate_patterns=sources.rotate_patterns,
        olddirs=sources.olddirs,
        offset_dir=offsets,
    )
    source.restore({})
    return source


def _regex(pattern: str | None) -> Regex | None:
    try:
        return None if pattern is None else compile_regex(pattern)
    except ValueError as error:
        raise ConfigError(f"--grep {pattern}: {error}: write a regex in RE2 syntax") from error


def _begin(
    logs: Sequence[str],
    tail: Tail,
    wanted: Filter,
    offsets: Path,
    *,
    count: int | None,
    since_ns: int | None,
    follow: bool,
) -> list[Line]:
    """The last docker lines of all logs in the order of their times; following continues after them.

    Those that are wanted are looked for among a hundred times as many.
    """
    searched = _searched(count, wanted)
    now_ns = time.time_ns()
    lines: list[Line] = []
    for path in (found for log in logs for found in (expand(log) if is_pattern(log) else [log])):
        with _opened(path, missing_is_fine=follow) as backlog:
            if backlog is None:
                continue
            backlog.leave_offset(offsets)
            for chunk in recent(backlog.blocks(), now_ns, count=searched, since_ns=since_ns):
                lines += filter(wanted.accepts, tail.read(chunk, now_ns))
    return _chosen(lines, count=count, since_ns=since_ns)


def _begin_journal(
    path: str, tail: Tail, wanted: Filter, *, count: int | None, since_ns: int | None
) -> tuple[list[Line], str]:
    """The last docker lines of a journal, as those of files; and the cursor of its newest entry."""
    now_ns = time.time_ns()
    backlog = JournalBacklog(path)
    with closing(backlog.blocks(now_ns)) as blocks:
        chunks = recent(blocks, now_ns, count=_searched(count, wanted), since_ns=since_ns)
    lines = [line for chunk in chunks for line in filter(wanted.accepts, tail.read(chunk, now_ns))]
    return _chosen(lines, count=count, since_ns=since_ns), backlog.cursor


def _searched(count: int | None, wanted: Filter) -> int | None:
    return count * FILTERED if count is not None and wanted else count


def _chosen(lines: list[Line], *, count: int | None, since_ns: int | None) -> list[Line]:
    """The last of these, in the order of their times."""
    lines = sorted(lines, key=lambda line: line.time_ns or 0)
    if since_ns is not None:
        lines = [line for line in lines if line.time_ns is not None and line.time_ns >= since_ns]
    return lines if count is None else lines[max(0, len(lines) - count) :]


@contextmanager
def _opened(path: str, *, missing_is_fine: bool) -> Iterator[Backlog | None]:
    """The current content of a log; None if it does not exist yet."""
    if packed_suffix(path):
        raise SourceError(f"{path}: compressed files do not grow: use `logwatch replay {path}`")
    try:
        backlog = Backlog(path)
    except FileNotFoundError as error:
        if not missing_is_fine:
            raise SourceError(describe(path, error)) from error
        yield None
        return
    except OSError as error:
        raise SourceError(f"{describe(path, error)}: {cure(error)}") from error
    with backlog:
        yield backlog


def _follow(source: Source, tail: Tail, wanted: Filter, rows: Rows) -> None:
    while not source.finished:
        now_ns = time.time_ns()
        chunk = source.read(now_ns)
        if chunk is None:
            source.wait(WAIT)
        else:
            rows.show(filter(wanted.accepts, tail.read(chunk, now_ns)))


class Rows:
    """Prints lines; with `fold`, one that comes again is printed once, and then how often it came."""

    def __init__(self, *, raw: bool, colour: bool, fold: bool) -> None:
        self._raw, self._colour, self._fold = raw, colour, fold
        self._last: object = None
        self._again = 0

    def show(self, lines: Iterable[Line]) -> None:
        """Print the lines of one read."""
        for line in lines:
            said = (line.tag, line.level, line.message, line.fields, [each.event.event for each in line.events])
            if self._fold and said == self._last:
                self._again += 1
                continue
            self.end()
            self._last = said
            text = line.text if self._raw else as_row(line, colour=self._colour).encode(errors="replace")
            sys.stdout.buffer.write(text + b"\n")
        sys.stdout.flush()

    def end(self) -> None:
        """Print how often the last line came again."""
        if self._again:
            text = f"    the same {counted(self._again, 'time')} more"
            sys.stdout.buffer.write((_paint(text, DIM) if self._colour else text).encode() + b"\n")
            sys.stdout.flush()
        self._last, self._again = None, 0


# ── one row ─────────────────────────────────────────────────────────────────────────────


DIM, BOLD = "2", "1"
_FAMILIES = {"engine": "36", "containerd": "34", "container output": "35"}
_LEVELS = {"debug": "2", "trace": "2", "warning": "33", "warn": "33", "error": "31", "fatal": "1;31", "panic": "1;31"}
_SEVERITIES = {"debug": "2", "info": "1;32", "warning": "1;33", "error": "1;31", "critical": "1;31"}
_TAG_WIDTH = 10


def as_row(line: Line, *, colour: bool) -> str:
    """Local time, program, message, fields, and events."""
    return " ".join(_paint(text, code) if colour else text for text, code in _parts(line) if text)


def _parts(line: Line) -> Iterator[tuple[str, str]]:
    """Texts and their colours."""
    if line.time_ns is not None:
        yield _local(line.time_ns), DIM
    tag = f"{line.tag} (container)" if line.family == "container output" else line.tag
    yield f"{one_line(tag):<{_TAG_WIDTH}}", _FAMILIES.get(line.family, "")
    level = _LEVELS.get(line.level, "")
    if level and level != DIM:
        yield line.level.upper(), level
    yield one_line(line.message), level
    yield " ".join(f"{one_line(key)}={one_line(value)}" for key, value in line.fields.items()), DIM
    for event, first in line.events:
        yield _described(event), _SEVERITIES.get(event.severity, BOLD) if first else DIM


def _local(time_ns: int) -> str:
    local = datetime.fromtimestamp(time_ns / SECOND).astimezone()
    return f"{local:%b %d %H:%M:%S}.{local.microsecond // 1000:03d}"


def _described(event: Event) -> str:
    """What happened to whom: `→ container.die web exit_code=137`."""
    subject = event.name or (event.id or "").removeprefix("sha256:")[:SHORT_ID]
    exit_code = event.attributes.get("exit_code")
    said = ["→", event.event, one_line(subject), f"exit_code={exit_code}" if exit_code is not None else ""]
    return " ".join(text for text in said if text)


def _paint(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if code else text
