"""The process of `run`: all parts, built from the configuration and tied together."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from logwatch.build import Builder, mute_windows, query_options, settle_heap
from logwatch.config import Config, Effective
from logwatch.docker.containers import containers_root
from logwatch.docker.watching import Watch
from logwatch.driver import Driver
from logwatch.errors import CommitError, ConfigError, RuleError
from logwatch.following import followed_source, pairs_lines
from logwatch.live import NOTIFIERS, ClockFeed, InventoryFeed, LivePublisher, Mutes
from logwatch.metrics import Registry
from logwatch.model import SECOND, Rule, Source
from logwatch.notation import nanoseconds
from logwatch.notifiers import Dispatcher
from logwatch.pipeline import Pipeline
from logwatch.receivers import pusher, receivers, silences
from logwatch.reloading import Loaded, Reloader
from logwatch.rulefiles import RuleSet
from logwatch.sources.merged import MergedSource
from logwatch.status import Requests, StatusSnapshot
from logwatch.store import OlderPoints, Store, Sync
from logwatch.store.mutes import MuteFolder
from logwatch.store.retention import Retention
from logwatch.web.server import WebServer

if TYPE_CHECKING:
    from logwatch.docker.sampler import StorageSampler
    from logwatch.web.security import Security

SOURCE = "file"
CHECK_NS = SECOND
"""Between two looks whether the files of the state are in place."""

log = logging.getLogger("logwatch")


class Daemon:
    """Follows, counts and serves until it is stopped; `read_again` gives the configuration at a reload.

    Raises what keeps it from starting: RuleError, SourceError, StateError, ConfigError.
    """

    def __init__(self, effective: Effective, read_again: Callable[[], Effective]) -> None:
        self._config = config = effective.config
        registry = Registry()
        security = _security(config)
        self._checked_ns = 0
        self._source = followed_source(config)
        self._watch = _watch(config, self._source)
        if self._watch is not None:
            self._watch.start()  # before anything that takes seconds: what it sees meanwhile is queued
        find = self._watch.find if self._watch else None
        builder = Builder(
            config, registry, config.state.dir, groups_unknown=True, find=find, pairs_lines=pairs_lines(config)
        )
        self._reloader = Reloader(effective, read_again, builder)
        self._loading: Future[Loaded] | None = None
        """What is being loaded beside the loop."""
        rules = builder.rules()
        self._dispatcher = Dispatcher(receivers(config), time.time_ns)
        self._store = _store(config)
        pipeline = self._restored(builder, rules)
        self.requests = Requests(self._source.wake)
        self._storage, self._pusher = _storage(config), pusher(config, time.time_ns)
        self._status = self._snapshot(rules, registry)
        self._driver = self._driven(pipeline)
        self._web = WebServer(
            self._status,
            config.web.listen_address,
            lifecycle=config.web.enable_lifecycle,
            security=security,
            max_connections=config.web.max_connections,
        )
        scheme = "https" if security is not None and security.context is not None else "http"
        self._url = f"{scheme}://{self._web.address}"
        settle_heap()

    def _snapshot(self, rules: RuleSet, registry: Registry) -> StatusSnapshot:
        """Make what the page, the API and the receivers see: at first what the last commit left."""
        config = self._config
        samplers = (self._dispatcher, self._storage, self._pusher)
        status = StatusSnapshot(
            config.state.dir,
            rules,
            registry.families(),
            self.requests,
            [each.samples for each in samplers if each is not None],
            time.time_ns,
            query_options(config),
            created_timestamps=config.web.created_timestamps,
            explain=self._explain,
        )
        # When these began is not kept; a counter that exists began before anybody could count it twice.
        status.published.apply([change._replace(time_ns=0) for change in registry.everything()])
        return status

    def _driven(self, pipeline: Pipeline) -> Driver:
        """Make the loop, and what it publishes to."""
        config = self._config
        self._publisher = LivePublisher(
            self._source,
            self._dispatcher,
            self._status,
            nanoseconds(config.alerting.lateness),
            Mutes(MuteFolder(config.state.dir), mute_windows(config)),
            silences(config, time.time_ns),
        )
        return Driver(
            self._source,
            SOURCE,
            pipeline,
            self._publisher,
            self._store,
            time.time_ns,
            lambda: self.requests.is_shutdown,
            [ClockFeed(lambda: self._publisher.lateness_ns), *([InventoryFeed(self._watch)] if self._watch else [])],
        )

    def _explain(self, rules: Sequence[Rule], line: str) -> list[tuple[str, str]]:
        """Return how a line is read by these rules, for the page; what that takes is not kept."""
        from logwatch.authoring.explanation import Explainer, rows

        sources = self._config.sources
        zone = ZoneInfo(sources.timezone) if sources.timezone else None
        explainer = Explainer(rules, zone, self._config.state.dir, sources.secrets)
        return list(rows(explainer.explain(line.encode(errors="surrogateescape"), time.time_ns())))

    def _restored(self, builder: Builder, rules: RuleSet) -> Pipeline:
        """Build the pipeline; it, the source and the queue of notifications go on where the last commit left them."""
        saved = self._store.load()
        for notice in saved.notices:
            log.warning("%s", notice)
        pipeline = builder.pipeline(rules)
        pipeline.series.restore(saved.series, saved.points)
        pipeline.restore(saved.stages)
        self._source.restore({key: row for (name, key), row in saved.sources.items() if name == SOURCE})
        self._dispatcher.restore({key: row for (stage, key), row in saved.stages.items() if stage == NOTIFIERS})
        return pipeline

    def run(self) -> None:
        """Serve and follow until stopped; what was read is committed, and everything closed."""
        self._web.start()
        self._dispatcher.start()
        self._publisher.start()
        self._publisher.heartbeat(time.time_ns())  # what is muted now is so from the first commit on
        if self._storage is not None:
            self._storage.start()
        if self._pusher is not None:
            self._pusher.start(self._status.scrape)
        log.info("listening on %s", self._url)
        try:
            self._driver.run(between=self._look_around)
            self._dispatcher.close()  # what was sent until now is in the last commit
            self._driver.commit_rows()
        finally:
            if self._watch is not None:
                self._watch.close()
            if self._storage is not None:
                self._storage.close()
            self._dispatcher.close()
            if self._pusher is not None:
                self._pusher.close()
            self._web.close()
            # An interrupted source has read more than was committed; closing it would note that position for pygtail.
            if not self._driver.is_interrupted:
                self._source.close()
            self._store.close()
        log.info("stopped; all input processed so far is committed")

    def _look_around(self, now_ns: int) -> None:
        """Between two steps: reload if asked to, and see that the state is where it was."""
        self._reload_if_asked(now_ns)
        if abs(now_ns - self._checked_ns) < CHECK_NS:
            return
        self._checked_ns = now_ns
        try:
            notice = self._store.renew(datetime.now(UTC))
        except CommitError as error:
            self._publisher.commit_failed(error)
            self._status.state_lost(str(error), ok=False)
        else:
            if notice is not None:
                log.error("%s", notice)
                self._status.state_lost(notice, ok=True)

    def _reload_if_asked(self, now_ns: int) -> None:
        if self._loading is None:
            if self.requests.take_reload() or self._reloader.has_changed(now_ns):
                self._loading = self._reloader.start(self._source.wake)
            return
        if not self._loading.done():
            return
        loading, self._loading = self._loading, None
        try:
            loaded = loading.result()
        except (RuleError, ConfigError) as error:
            for mistake in str(error).splitlines():
                log.error("reload: %s", mistake)  # noqa: TRY400 - an operator's mistake, not a bug
            log.error("reload failed: keeping the previous rules and receivers")  # noqa: TRY400 - as above
            self._status.reloaded(now_ns, None, (), f"reload failed: keeping the previous rules and receivers\n{error}")
            return
        # What is committed is all there is to know: the new stages start from there.
        pipeline = loaded.build()
        pipeline.restore(self._store.load_stages())
        pipeline.alerts.resume_from(self._driver.pipeline.alerts)
        self._driver.replace_pipeline(pipeline)
        self._publisher.reconfigure(nanoseconds(loaded.config.alerting.lateness), mute_windows(loaded.config))
        if loaded.receivers is not None:
            self._dispatcher.replace_receivers(loaded.receivers)
            self._publisher.replace_silences(silences(loaded.config, time.time_ns))
        settle_heap(collect=False)
        rules = loaded.rules
        summary = f"{len(rules.rules)} rules and {len(rules.correlations)} correlations are loaded"
        self._status.reloaded(now_ns, rules, pipeline.series.families(), summary)
        log.info("reloaded: %s", summary)


def _security(config: Config) -> Security | None:
    """TLS and passwords, where they are configured; most run without, and need not load what does it."""
    if config.web.config_file is None:
        return None
    from logwatch.web.security import Security

    return Security(config.web.config_file)


def _watch(config: Config, source: Source) -> Watch | None:
    """Watch the engine's own files; with several hosts in one log it is unknown whose they are."""
    if config.docker_root is None or config.sources.multi_host:
        return None
    printed = source.printed if isinstance(source, MergedSource) else None
    listener = printed.notice if printed is not None else None
    root = containers_root(config.docker_root)
    return Watch(root, source.wake, labels=config.docker.labels, listener=listener)


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
    older_points = OlderPoints(nanoseconds(config.alerting.query_retention))
    return Store(state.dir, datetime.now(UTC), sync=Sync(state.sync), retention=retention, older_points=older_points)
