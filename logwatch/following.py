"""Builds the source that `run` follows, from the paths of the configuration.

/var/log/messages, globs, -     ─▶ the log                                    ┐
journal:, docker:               ─▶ beside it: their lines go between the log's ├─▶ one source
containers:                     ─▶ what containers print                      ┘
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from logwatch.config import Config
from logwatch.docker.containers import containers_root
from logwatch.errors import ConfigError
from logwatch.model import CONTAINERS, Source
from logwatch.notation import nanoseconds
from logwatch.sources import DOCKER, JOURNAL, default_log, journal
from logwatch.sources.engine import EngineSource
from logwatch.sources.engine_api import tls_context
from logwatch.sources.file import FileSource
from logwatch.sources.inotify import WakePipe
from logwatch.sources.journal import JournalSource
from logwatch.sources.merged import Beside, MergedSource
from logwatch.sources.stdin import StdinSource

if TYPE_CHECKING:
    from logwatch.sources.containers import ContainersSource


class Paths(NamedTuple):
    """The configured paths by what they mean."""

    logs: list[str]
    """Files, globs, or `-`."""
    journals: list[str]
    engines: list[str]
    printed: list[str]


def _paths(config: Config) -> Paths:
    paths = list(dict.fromkeys(config.sources.paths)) or [default_log(journal=journal.why_not)]
    journals = [path for path in paths if journal.is_journal(path)]
    engines = [path for path in paths if path.startswith(DOCKER)]
    printed = [path for path in paths if path.startswith(CONTAINERS)]
    logs = [path for path in paths if path not in (*journals, *engines, *printed)]
    return Paths(logs, journals, engines, printed)


def pairs_lines(config: Config) -> bool:
    """Whether files and a journal are followed, which may have copies of one line."""
    paths = _paths(config)
    return bool(paths.logs and paths.journals)


def followed_source(config: Config) -> Source:
    """Return one source of all configured paths. Raises ConfigError for paths that do not go together, and SourceError."""
    paths = _paths(config)
    if len(paths.journals) > 1:
        raise ConfigError(f"one journal is followed: remove all but one of {', '.join(paths.journals)}")
    journals = paths.journals[:1]
    log: FileSource | StdinSource | JournalSource | None = None
    if paths.logs:
        log = _log(config, paths.logs)
    elif journals:
        log = _journal(config, journals.pop())
    if log is not None and not (journals or paths.engines or paths.printed):
        return log
    beside: list[Beside] = [_journal(config, path, log.pipe if log is not None else None) for path in journals]
    beside += _engines(config, paths.engines, log.pipe if log is not None else None)
    pipe = log.pipe if log is not None else beside[0].pipe if beside else None
    return MergedSource(log, beside, _printed(config, paths, pipe))


def _log(config: Config, paths: list[str]) -> FileSource | StdinSource:
    sources, limits = config.sources, config.limits
    if paths == ["-"]:
        return StdinSource(follow=True, max_line_bytes=limits.max_line_bytes)
    return FileSource(
        paths,
        start=sources.start,
        max_line_bytes=limits.max_line_bytes,
        rotate_wait_ns=nanoseconds(sources.rotate_wait),
        rotate_patterns=sources.rotate_patterns,
        olddirs=sources.olddirs,
        offset_dir=config.state.dir,
    )


def _journal(config: Config, path: str, pipe: WakePipe | None = None) -> JournalSource:
    return JournalSource(path, start=config.sources.start, max_line_bytes=config.limits.max_line_bytes, pipe=pipe)


def _engines(config: Config, paths: Sequence[str], pipe: WakePipe | None) -> list[EngineSource]:
    tls = config.sources.docker.tls_config
    secure = None
    if tls is not None:
        context = tls_context(tls.ca_file, tls.cert_file, tls.key_file, verify=not tls.insecure_skip_verify)
        secure = (context, tls.server_name)
    engines: list[EngineSource] = []
    for path in paths:
        limit = config.limits.max_line_bytes
        engines.append(EngineSource(path, start=config.sources.start, max_line_bytes=limit, tls=secure, pipe=pipe))
        pipe = pipe or engines[0].pipe
    return engines


def _printed(config: Config, paths: Paths, pipe: WakePipe | None) -> ContainersSource | None:
    """Follow what containers print, if `containers:` or `containers:web-*,db` says so."""
    if not paths.printed:
        return None
    if config.docker_root is None or config.sources.multi_host:
        cure = "leave it out" if config.sources.multi_host else "name the engine's data directory with --docker-root"
        raise ConfigError(f"{paths.printed[0]}: the containers' logs are not known: {cure}")
    # Most run without.
    from logwatch.sources.container_filter import ContainerFilter
    from logwatch.sources.containers import ContainersSource

    sources = config.sources
    named = tuple(name for path in paths.printed for name in path.removeprefix(CONTAINERS).split(",") if name)
    filters = [
        ContainerFilter(each.name, each.image, each.project, each.service, each.labels) for each in sources.containers
    ]
    return ContainersSource(
        containers_root(config.docker_root),
        [*filters, *([ContainerFilter(name=named)] if named else [])],
        start=sources.start,
        max_line_bytes=config.limits.max_line_bytes,
        rotate_wait_ns=nanoseconds(sources.rotate_wait),
        pipe=pipe,
        journal=paths.journals[0] if paths.journals else JOURNAL,
    )
