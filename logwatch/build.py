"""Builds the parts from the configuration; the same for `run`, `replay` and `check`."""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from socket import gethostname
from zoneinfo import ZoneInfo

from logwatch import alerting
from logwatch.alerting import MuteWindow, Options
from logwatch.config import Config, webfile
from logwatch.lifecycle import Find
from logwatch.matching.matcher import Matcher
from logwatch.metrics import Registry
from logwatch.model import Rule, label_name
from logwatch.notation import nanoseconds
from logwatch.pipeline import Pipeline, Settings
from logwatch.queries import QueryOptions
from logwatch.rulefiles import RuleSet, load


@dataclass(frozen=True, slots=True)
class Builder:
    """Makes pipelines that share their series."""

    config: Config
    series: Registry
    cache_dir: Path | None
    raw: bool = False
    alerting: bool = True
    """Also evaluate alerts."""
    counts_events: bool = True
    """As in `pipeline_settings.Settings`."""
    groups_unknown: bool = False
    """As in `pipeline_settings.Settings`."""
    replays: bool = False
    """The log is read once and ends; nothing measures this process meanwhile."""
    find: Find | None = None
    """Looks a container up in the engine's own files."""
    pairs_lines: bool = False
    """A file is followed with the journal, which has the same lines; it also has those that rsyslog folds."""

    def configured(self, config: Config) -> Builder:
        """Return the same with another configuration; the series go on."""
        return replace(self, config=config)

    def rules(self) -> RuleSet:
        """Load the rules that the configuration names; RuleError tells every mistake."""
        rules = self.config.rules
        loaded = load(rules.paths, shipped=rules.shipped, disabled=rules.disable)
        labels = self.config.docker.labels
        return replace(loaded, rules=tuple(_with_labels(rule, labels) for rule in loaded.rules)) if labels else loaded

    def pipeline(self, rules: RuleSet) -> Pipeline:
        """Build all stages for these rules."""
        return self.prepare(rules)()

    def prepare(self, rules: RuleSet) -> Callable[[], Pipeline]:
        """Build what needs no series, which takes longest, in any thread; the call builds the rest, in the loop's."""
        config, settings = self.config.alerting, self.settings()
        files = rules.alert_files if self.alerting and not self.raw else ()
        disabled = self.config.rules.disable
        groups = alerting.load(
            files, interval_ns=nanoseconds(config.sample_interval), disabled=disabled, promql=config.promql
        )
        matcher = Matcher.build(rules.rules, settings.secrets, self.cache_dir)
        return lambda: Pipeline(
            rules.rules, rules.correlations, settings, self.series, groups=groups, find=self.find, matcher=matcher
        )

    def settings(self) -> Settings:
        """What the path of a line depends on, beside the rules."""
        sources, limits = self.config.sources, self.config.limits
        return Settings(
            zone=ZoneInfo(sources.timezone) if sources.timezone else None,
            settle_ns=nanoseconds(limits.settle),
            multi_host=sources.multi_host,
            count_repeated=sources.count_repeated and not self.pairs_lines,
            secrets=tuple(sources.secrets),
            max_containers=limits.max_containers,
            keep_removed_ns=nanoseconds(limits.keep_removed),
            short_lived=self.config.metrics.short_lived,
            labels=self.config.docker.labels,
            max_ahead_ns=nanoseconds(sources.max_ahead),
            pairs_lines=self.pairs_lines,
            raw=self.raw,
            groups_unknown=self.groups_unknown,
            counts_events=self.counts_events,
            alerting=self.terms(),
        )

    def terms(self) -> Options:
        """Return what the configuration says alerts go by."""
        alerting = self.config.alerting
        return Options(
            target_labels=target_labels(self.config),
            external_labels=alerting.external_labels,
            sample_interval_ns=nanoseconds(alerting.sample_interval),
            external_url=external_url(self.config),
            last_words=alerting.last_words,
            promql=alerting.promql,
            replays=self.replays,
        )


def _with_labels(rule: Rule, keys: Sequence[str]) -> Rule:
    """Return a rule that takes the fields of docker events, which have all labels, with attributes for these labels."""
    if all(parser.kind != "docker_events" for parser in rule.fields):
        return rule
    labels = {label_name(key): f"{{Actor.Attributes.{key}}}" for key in keys}
    return replace(rule, attributes={**labels, **rule.attributes})


def query_options(config: Config) -> QueryOptions:
    """Return what the configuration says about queries."""
    alerting = config.alerting
    return QueryOptions(
        target_labels=target_labels(config),
        sample_interval_ns=nanoseconds(alerting.sample_interval),
        retention_ns=nanoseconds(alerting.query_retention),
        promql=alerting.promql,
    )


def target_labels(config: Config) -> Mapping[str, str]:
    """Return the labels of every series, as a scrape would attach them."""
    given = config.alerting.target_labels
    return {"job": "logwatch", "instance": _instance(config)} if given is None else given


def mute_windows(config: Config) -> list[MuteWindow]:
    """Return the times at which alerts are muted."""
    return [
        MuteWindow(window.match, [each.interval() for each in window.time_intervals], window.reason)
        for window in config.alerting.mute_windows
    ]


def external_url(config: Config) -> str:
    """Return the URL under which others reach the page: as configured, else the address that is served."""
    web = config.web
    if web.external_url:
        return web.external_url
    found = webfile.check(web.config_file)[0] if web.config_file is not None else None
    scheme = "https" if found is not None and found.tls_server_config is not None else "http"
    return f"{scheme}://{_instance(config)}"


def _instance(config: Config) -> str:
    host, _, port = config.web.listen_address.rpartition(":")
    return f"{host if host not in {'', '0.0.0.0', '[::]'} else gethostname()}:{port}"  # noqa: S104 - compared, not bound


M_MMAP_THRESHOLD = -3
"""Of mallopt(3). Left alone, glibc raises it to the size of what was freed, and then keeps chunks of a log for later ones."""
M_ARENA_MAX = -8
"""Of mallopt(3). Left alone, glibc gives each thread a heap of its own, of which most stays empty."""
LARGE = 128 * 1024
"""Bytes from which on a block is returned to the system when it is freed; glibc's own first value."""


def settle_heap(*, collect: bool = True, keeps_chunks: bool = False) -> None:
    """Take what was built so far out of the garbage collector's sight, and return what was freed to the system.

    All that is built lives as long as the process, and a full collection looks at it each time otherwise. What the path
    of a line makes dies by its reference count; the collector need not look for it at every 700th object. To `collect`
    first holds up all threads for as long as all objects take.
    A replay `keeps_chunks`: each chunk of the log uses the memory of the last one, where fresh memory costs a third of the scan.
    """
    if collect:
        gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    with suppress(AttributeError):  # both are glibc's
        libc = ctypes.CDLL(None)
        if not keeps_chunks:
            libc.mallopt(M_MMAP_THRESHOLD, LARGE)
            libc.mallopt(M_ARENA_MAX, 1)  # threads take turns anyway
        libc.malloc_trim(0)  # compiling patterns alone takes some MB that stay otherwise


def cache_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """Where compiled patterns are kept by commands that have no state directory."""
    base = environment.get("XDG_CACHE_HOME") or str(Path(environment.get("HOME", "/tmp")) / ".cache")  # noqa: S108 - a last resort, and a cache
    return Path(base) / "logwatch"
