"""What `logwatch replay` can give of a log: its events, its alerts, its metrics, or the history of all series."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TextIO

from logwatch.build import Builder, nanoseconds
from logwatch.cli.output import Formatter, alert_formatter
from logwatch.errors import ConfigError
from logwatch.metrics import Series
from logwatch.metrics.backfill import Backfill
from logwatch.metrics.exposition import Published
from logwatch.model import Alert, Event
from logwatch.pipeline import Pipeline

_FOREVER_NS = 1 << 62


class Printout(Protocol):
    """Sees a replay go by, and prints."""

    def tell(self, event: Event) -> None:
        """An event is as full as it will be."""

    def look(self) -> None:
        """A chunk was read."""

    def end(self) -> None:
        """The replay is over."""


class Events:
    """Each event as it is told."""

    def __init__(self, show: Formatter, out: TextIO = sys.stdout) -> None:
        self._show = show
        self._out = out

    def tell(self, event: Event) -> None:
        """Print it."""
        self._out.write(self._show(event) + "\n")

    def look(self) -> None:
        """Nothing more."""

    def end(self) -> None:
        """Nothing more."""


class Alerts:
    """At the end, what fired, in the order of time."""

    def __init__(self, pipeline: Pipeline, output_format: str, out: TextIO = sys.stdout) -> None:
        self._pipeline = pipeline
        self._show = alert_formatter(output_format)
        self._out = out
        self._fired: list[Alert] = []
        pipeline.alerts.tell_resolved(self._fired.append)

    def tell(self, event: Event) -> None:
        """Events are not asked for."""

    def look(self) -> None:
        """Nothing yet."""

    def end(self) -> None:
        """Print what has resolved and what fires still."""
        fired = [*self._fired, *self._pipeline.alerts.firing(self._pipeline.clock_ns)]
        for alert in sorted(fired, key=lambda alert: (alert.starts_ns, alert.rule, sorted(alert.labels.items()))):
            self._out.write(self._show(alert) + "\n")


class Metrics:
    """At the end, the metrics."""

    def __init__(self, series: Series, out: TextIO = sys.stdout) -> None:
        self._series = series
        self._out = out

    def tell(self, event: Event) -> None:
        """Events are not asked for."""

    def look(self) -> None:
        """Nothing yet."""

    def end(self) -> None:
        """Print them as a scrape would show them."""
        published = Published(self._series.families())
        published.apply(self._series.everything())
        self._out.write(published.text())


class History:
    """The history of all series, into a file, for `promtool tsdb create-blocks-from openmetrics`.

    Nothing is forgotten meanwhile, which only a replay without state can afford.
    """

    def __init__(self, builder: Builder, pipeline: Pipeline, path: Path) -> None:
        self._series = pipeline.series
        self._series.remember({family.name: _FOREVER_NS for family in self._series.families()})
        self._pipeline = pipeline
        self._path = path
        interval_ns = nanoseconds(builder.config.alerting.sample_interval)
        self._backfill = Backfill(interval_ns, builder.terms().target_labels)

    def tell(self, event: Event) -> None:
        """Events are not asked for."""

    def look(self) -> None:
        """Take in what has changed."""
        self._backfill.take_in(self._series.points())

    def end(self) -> None:
        """Write the file; raises ConfigError if it cannot be written."""
        self.look()
        _write(self._path, self._backfill.text(self._series.families(), self._pipeline.clock_ns))


def _write(path: Path, pieces: Iterator[str]) -> None:
    try:
        with path.open("w", encoding="utf-8", errors="replace", newline="\n") as out:
            out.writelines(pieces)
    except OSError as error:
        raise ConfigError(f"{path}: cannot write the history: {error.strerror}") from error
