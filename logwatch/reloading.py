"""What a reload puts in place: rules and receivers, read again from where the start read them.

The sections `rules` and `alerting` change at a reload; what else is configured was settled at
the start, and a change of it is told, not made.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from logwatch.build import Builder, give_back_memory
from logwatch.config import Config, Effective
from logwatch.driver import Loaded
from logwatch.notation import nanoseconds
from logwatch.receivers import receivers

ANEW = ("rules.", "alerting.")
"""Beginnings of the keys that a reload takes in."""

log = logging.getLogger("logwatch")


class Reloading:
    """Knows the configuration in force, and how to get the next one."""

    def __init__(self, effective: Effective, read_again: Callable[[], Effective], builder: Builder) -> None:
        self._effective = effective
        self._read_again = read_again
        self._builder = builder
        self._watch = Watch(effective)

    def changed(self) -> bool:
        """Whether a file of rules or the configuration differs from what the last call saw."""
        return self._watch.changed()

    def load(self) -> Loaded:
        """Read it all again; ConfigError or RuleError leaves what is in force as it is."""
        fresh = self._read_again()
        for warning in fresh.warnings:
            log.warning("reload: %s", warning)
        watch = Watch(fresh)
        config = self._merged(fresh.config)
        builder = self._builder.configured(config)
        rules = builder.rules()
        same = config.alerting == self._builder.config.alerting
        destinations = None if same else receivers(config)
        pipeline = builder.pipeline(rules)
        self._tell_what_stays(fresh)
        self._builder, self._watch = builder, watch
        give_back_memory()
        return Loaded(rules, pipeline, destinations, nanoseconds(config.alerting.lateness))

    def _merged(self, fresh: Config) -> Config:
        return self._effective.config.model_copy(update={"rules": fresh.rules, "alerting": fresh.alerting})

    def _tell_what_stays(self, fresh: Effective) -> None:
        before = {key: value for key, value, _ in self._effective.table()}
        for key, value, origin in fresh.table():
            if value != before[key] and not key.startswith(ANEW):
                log.warning("reload: %s: %s is now %s: restart required", origin, key, value)


class Watch:
    """Sees that files changed on disk, also where a ConfigMap swaps a whole folder."""

    def __init__(self, effective: Effective) -> None:
        rules = effective.config.rules
        configuration = [effective.path] if effective.path is not None else []
        self._paths = [*configuration, *map(Path, rules.paths)] if rules.watch else []
        self._seen = self._look()

    def changed(self) -> bool:
        """Whether the files differ from those that the last call saw."""
        seen, self._seen = self._seen, self._look()
        return seen != self._seen

    def _look(self) -> list[tuple[str, int, int, int]]:
        """Name, inode, size and time of change of every file."""
        files = [file for path in self._paths for file in (sorted(path.rglob("*.yml")) if path.is_dir() else [path])]
        looked = []
        for file in files:
            try:
                stat = file.stat()
            except OSError:
                continue
            looked.append((str(file), stat.st_ino, stat.st_size, stat.st_mtime_ns))
        return looked
