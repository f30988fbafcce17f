"""All parts of `run`, built from the configuration and tied together."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from logwatch.build import Builder, give_back_memory
from logwatch.config import Config, Effective
from logwatch.docker.inventory import Inventory
from logwatch.driver import NOTIFIERS, SOURCE, Engine
from logwatch.errors import ConfigError
from logwatch.metrics import Registry
from logwatch.model import Source
from logwatch.notation import nanoseconds
from logwatch.notifiers import Dispatcher
from logwatch.receivers import receivers
from logwatch.reloading import Reloading
from logwatch.sources import default_log, journal
from logwatch.sources.file import FileSource
from logwatch.sources.journal import JournalSource
from logwatch.sources.stdin import StdinSource
from logwatch.status import Board
from logwatch.store import Store, Sync
from logwatch.store.retention import Retention
from logwatch.web.server import WebServer

if TYPE_CHECKING:
    from logwatch.docker.sampler import StorageSampler
    from logwatch.web.security import Security

log = logging.getLogger("logwatch")


class Daemon:
    """Follows, counts and serves until it is stopped; `read_again` gives the configuration at a reload.

    Raises what keeps it from starting: RuleError, SourceError, StateError, ConfigError.
    """

    def __init__(self, effective: Effective, read_again: Callable[[], Effective]) -> None:
        config = effective.config
        series = Registry()
        security = _security(config)
        scheme = "https" if security is not None and security.context is not None else "http"
        builder = Builder(config, series, config.state.dir, scheme=scheme)
        reloading = Reloading(effective, read_again, builder)
        rules = builder.rules()
        source = _source(config)
        self._dispatcher = Dispatcher(receivers(config), time.time_ns)
        self._store = _store(config)
        saved = self._store.load()
        for notice in saved.notices:
            log.warning("%s", notice)
        pipeline = builder.pipeline(rules)
        series.restore(saved.series, saved.points)
        pipeline.restore(saved.stages)
        source.restore({key: row for (name, key), row in saved.sources.items() if name == SOURCE})
        self._dispatcher.restore({key: row for (stage, key), row in saved.stages.items() if stage == NOTIFIERS})
        self._source = source
        self._board = Board(config.state.dir, rules, series.families(), time.time_ns)
        self._board.published.apply(series.everything())
        self._engine = Engine(
            source=source,
            store=self._store,
            pipeline=pipeline,
            board=self._board,
            inventory=_inventory(config),
            load=reloading.load,
            changed=reloading.changed,
            now=time.time_ns,
            lateness_ns=nanoseconds(config.alerting.lateness),
            dispatcher=self._dispatcher,
        )
        self._board.notifications = self._dispatcher.samples
        self._storage = _storage(config)
        if self._storage is not None:
            self._board.storage = self._storage.samples
        self._board.ask_reload = self._engine.reload
        self._board.ask_stop = self._engine.stop
        self._web = WebServer(
            self._board,
            config.web.listen_address,
            lifecycle=config.web.enable_lifecycle,
            security=security,
            max_connections=config.web.max_connections,
        )
        self._url = f"{scheme}://{self._web.address}"
        give_back_memory()

    def run(self) -> None:
        """Serve and follow until stopped; the last turn is committed, and everything let go."""
        self._web.start()
        self._dispatcher.start()
        if self._storage is not None:
            self._storage.start()
        log.info("listening on %s", self._url)
        try:
            self._engine.run()
        finally:
            if self._storage is not None:
                self._storage.close()
            self._dispatcher.close()
            self._web.close()
            self._source.close()
            self._store.close()
        log.info("stopped; all input read so far is committed")

    def stop(self) -> None:
        """End `run`; callable from any thread and from signal handlers."""
        self._engine.stop()

    def reload(self) -> None:
        """Load rules and receivers again; callable from any thread and from signal handlers."""
        self._engine.reload()


def _security(config: Config) -> Security | None:
    """TLS and passwords, where they are configured; most run without, and need not load what does it."""
    if config.web.config_file is None:
        return None
    from logwatch.web.security import Security

    return Security(config.web.config_file)


def _source(config: Config) -> Source:
    sources, limits = config.sources, config.limits
    paths = list(sources.paths) or [default_log(journal=journal.why_not)]
    if paths == ["-"]:
        return StdinSource(follow=True, max_line_bytes=limits.max_line_bytes)
    if any(map(journal.is_journal, paths)):
        if len(paths) > 1:
            raise ConfigError(f"the journal is followed alone: leave {', '.join(paths)} but one out")
        return JournalSource(paths[0], start=sources.start, max_line_bytes=limits.max_line_bytes)
    return FileSource(
        paths,
        start=sources.start,
        max_line_bytes=limits.max_line_bytes,
        rotate_wait_ns=nanoseconds(sources.rotate_wait),
        rotate_patterns=sources.rotate_patterns,
        olddirs=sources.olddirs,
        offset_dir=config.state.dir,
    )


def _inventory(config: Config) -> Inventory | None:
    """The engine's own files; with several hosts in one log nobody can tell whose they are."""
    if config.docker_root is None or config.sources.multi_host:
        return None
    return Inventory(config.docker_root)


def _storage(config: Config) -> StorageSampler | None:
    """Samples the engine's disk where Docker's data directory is given; most run without, and need not load it."""
    if config.docker_root is None or config.sources.multi_host or not config.storage.interval:
        return None
    from logwatch.docker.sampler import StorageSampler

    return StorageSampler(
        config.docker_root,
        config.containerd_root,
        interval_ns=nanoseconds(config.storage.interval),
        budget_ns=nanoseconds(config.storage.time_budget),
        max_containers=config.limits.max_containers,
        now=time.time_ns,
        working=time.monotonic_ns,
    )


def _store(config: Config) -> Store:
    state = config.state
    retention = Retention(
        age_ns=nanoseconds(state.history.max_age),
        events=state.history.max_events,
        max_bytes=state.max_bytes,
    )
    return Store(state.dir, datetime.now(UTC), sync=Sync(state.sync), retention=retention)
