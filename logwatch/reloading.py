"""What a reload loads: rules and receivers, read again from where the start read them.

The sections `rules` and `alerting` change at a reload; a change of any other takes a restart, and is reported.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from logwatch.build import Builder
from logwatch.config import Config, Effective
from logwatch.model import SECOND
from logwatch.notifiers import Receiver
from logwatch.pipeline import Pipeline
from logwatch.receivers import receivers
from logwatch.rulefiles import RuleSet

RELOADABLE = ("rules.", "alerting.")
"""Beginnings of the keys that a reload changes."""
WATCH_NS = 2 * SECOND
"""Between two looks at the files."""
THREAD = "logwatch-reload"
Seen = list[tuple[str, int, int, int]]
"""Name, inode, size and time of change of every file."""

log = logging.getLogger("logwatch")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a reload puts in place."""

    config: Config
    rules: RuleSet
    build: Callable[[], Pipeline]
    """Builds the pipeline of these rules, not yet restored; it declares metrics, so only the loop may call it."""
    receivers: Sequence[Receiver] | None
    """None: as before."""


class Reloader:
    """Loads the configuration again, when asked to and when its files changed."""

    def __init__(self, effective: Effective, read_again: Callable[[], Effective], builder: Builder) -> None:
        self._effective = effective
        self._read_again = read_again
        self._builder = builder
        self._paths = _watched(effective)
        self._seen = _signatures(self._paths)
        self._checked_ns = 0

    def has_changed(self, now_ns: int) -> bool:
        """Whether a watched file changed since the last look, at most one every two seconds."""
        if abs(now_ns - self._checked_ns) < WATCH_NS:
            return False
        self._checked_ns = now_ns
        seen, self._seen = self._seen, _signatures(self._paths)
        return seen != self._seen

    def start(self, wake: Callable[[], None]) -> Future[Loaded]:
        """Load in a thread of its own, and wake the loop; a stop does not wait for it."""
        loaded: Future[Loaded] = Future()
        loaded.add_done_callback(lambda _: wake())
        threading.Thread(target=self._complete, args=[loaded], name=THREAD, daemon=True).start()
        return loaded

    def _complete(self, loaded: Future[Loaded]) -> None:
        gc.disable()  # a full collection of all that is being built would hold up the loop
        try:
            loaded.set_result(self.load())
        except BaseException as error:  # noqa: BLE001 - raised again where the result is taken
            loaded.set_exception(error)
        finally:
            gc.enable()

    def load(self) -> Loaded:
        """Load all of it; ConfigError or RuleError leaves what is loaded as it is."""
        fresh = self._read_again()
        for warning in fresh.warnings:
            log.warning("reload: %s", warning)
        paths = _watched(fresh)
        seen = _signatures(paths)
        config = self._effective.config.model_copy(
            update={"rules": fresh.config.rules, "alerting": fresh.config.alerting}
        )
        builder = self._builder.configured(config)
        rules = builder.rules()
        same = config.alerting == self._builder.config.alerting
        destinations = None if same else receivers(config)
        build = builder.prepare(rules)
        self._report_restart_required(fresh)
        self._builder, self._paths, self._seen = builder, paths, seen
        return Loaded(config, rules, build, destinations)

    def _report_restart_required(self, fresh: Effective) -> None:
        before = {key: value for key, value, _ in self._effective.table()}
        for key, value, origin in fresh.table():
            if value != before[key] and not key.startswith(RELOADABLE):
                log.warning("reload: %s: %s changed to %s: restart required", origin, key, value)


def _watched(effective: Effective) -> list[Path]:
    rules = effective.config.rules
    configuration = [effective.path] if effective.path is not None else []
    return [*configuration, *map(Path, rules.paths)] if rules.watch else []


def _signatures(paths: Sequence[Path]) -> Seen:
    """Look at all files, also where a ConfigMap swaps a whole folder."""
    files = [file for path in paths for file in (sorted(path.rglob("*.yml")) if path.is_dir() else [path])]
    seen = []
    for file in files:
        try:
            stat = file.stat()
        except OSError:
            continue
        seen.append((str(file), stat.st_ino, stat.st_size, stat.st_mtime_ns))
    return seen
