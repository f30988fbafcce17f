"""What `logwatch replay` prints: events, alerts, metrics, the history of all series, or what other rules would change."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TextIO, TypeVar

import click

from logwatch.authoring import comparison
from logwatch.authoring.comparison import Account, Difference
from logwatch.build import Builder, cache_dir
from logwatch.cli.output import Formatter, alert_as_json, alert_as_row, alert_formatter, as_json, as_row
from logwatch.config import Config
from logwatch.errors import ConfigError
from logwatch.metrics import Registry
from logwatch.metrics.backfill import Backfill
from logwatch.metrics.exposition import Published
from logwatch.metrics.replayed import OWN, of_replay
from logwatch.model import Alert, Event, Source
from logwatch.notation import nanoseconds, one_line
from logwatch.pipeline import Pipeline

_FOREVER_NS = 1 << 62


class Printout(Protocol):
    """Prints one kind of result of a replay."""

    def on_event(self, event: Event) -> None:
        """Called for each event when it is complete."""

    def on_chunk(self) -> None:
        """Called after each chunk."""

    def on_end(self) -> None:
        """Called once, at the end."""


class Events:
    """Prints each event."""

    def __init__(self, show: Formatter, out: TextIO = sys.stdout) -> None:
        self._show = show
        self._out = out

    def on_event(self, event: Event) -> None:
        """Print it."""
        self._out.write(self._show(event) + "\n")

    def on_chunk(self) -> None:
        """Nothing to print."""

    def on_end(self) -> None:
        """Nothing to print."""


class Alerts:
    """Prints at the end which alerts fired, in the order of time."""

    def __init__(self, pipeline: Pipeline, output_format: str, out: TextIO = sys.stdout) -> None:
        self._pipeline = pipeline
        self._show = alert_formatter(output_format)
        self._out = out
        self._fired: list[Alert] = []
        pipeline.alerts.on_resolved(self._fired.append)

    def on_event(self, event: Event) -> None:
        """Events are not printed."""

    def on_chunk(self) -> None:
        """Nothing to print yet."""

    def on_end(self) -> None:
        """Print what has resolved and what still fires."""
        fired = [*self._fired, *self._pipeline.alerts.firing(self._pipeline.clock_ns)]
        # By convention an alert of severity none always fires (Watchdog), whatever is in the log.
        fired = [alert for alert in fired if alert.labels.get("severity") != "none"]
        for alert in sorted(fired, key=lambda alert: (alert.starts_ns, alert.rule, sorted(alert.labels.items()))):
            self._out.write(self._show(alert) + "\n")


class Metrics:
    """Prints the metrics at the end."""

    def __init__(self, series: Registry, out: TextIO = sys.stdout) -> None:
        self._series = series
        self._out = out

    def on_event(self, event: Event) -> None:
        """Events are not printed."""

    def on_chunk(self) -> None:
        """Nothing to print yet."""

    def on_end(self) -> None:
        """Print them as a scrape would show them."""
        published = Published(self._series.families())
        published.apply(self._series.everything())
        self._out.write(published.text())


class History:
    """Writes the history of all series into a file, for `promtool tsdb create-blocks-from openmetrics`.

    Beside the series of the log: the alerts that fired, and what a logwatch that followed it would have said of itself.
    Nothing is removed meanwhile, which only a replay without state can afford.
    """

    def __init__(self, builder: Builder, pipeline: Pipeline, path: Path) -> None:
        self._series = pipeline.series
        self._series.set_lookback({family.name: _FOREVER_NS for family in self._series.families()})
        self._pipeline = pipeline
        self._path = path
        interval_ns = nanoseconds(builder.config.alerting.sample_interval)
        self._targets = builder.terms().target_labels
        self._backfill = Backfill(interval_ns, self._targets, own_labels=OWN)
        self._fired: list[Alert] = []
        pipeline.alerts.on_resolved(self._fired.append)

    def on_event(self, event: Event) -> None:
        """Events are not printed."""

    def on_chunk(self) -> None:
        """Collect the change points; those that memory drops since are kept here."""
        self._backfill.take_in(self._series.points())
        self._series.thinned()

    def on_end(self) -> None:
        """Write the file; raises ConfigError if it cannot be written."""
        self.on_chunk()
        fired = [*self._fired, *self._pipeline.alerts.firing(self._pipeline.clock_ns)]
        made = []
        if self._backfill.first_ns is not None:
            made = list(of_replay(fired, self._paths(), self._targets, self._backfill.first_ns))
        for series in made:
            self._backfill.take_in(series.points)
        families = [*self._series.families(), *(series.family for series in made)]
        _write(self._path, self._backfill.text(families, self._pipeline.clock_ns))

    def _paths(self) -> list[str]:
        """The logs that were read."""
        return sorted({labels["path"] for labels, _, _ in self._series.select("logwatch_lines_read_total")})


def _write(path: Path, pieces: Iterator[str]) -> None:
    try:
        with path.open("w", encoding="utf-8", errors="replace", newline="\n") as out:
            out.writelines(pieces)
    except OSError as error:
        raise ConfigError(f"{path}: cannot write the history: {error.strerror}") from error


# ── differences ─────────────────────────────────────────────────────────────────────────


WORDS = {
    (True, False): ("go", "removed", "-"),
    (False, True): ("come", "added", "+"),
    (True, True): ("change", "changed", "~"),
}
"""(Present before, present after) to the word in JSON, the word for people, and its mark."""
NOT_COMPARED = frozenset({"evidence", "offset", "line"})
"""If the lines of both differ, `rule` and `time` are sufficient."""
Thing = TypeVar("Thing", Event, Alert)


class Show(NamedTuple, Generic[Thing]):
    """How one kind of result is printed."""

    kind: str
    encode: Callable[[Thing], str]
    row: Callable[[Thing], str]


EVENTS = Show[Event]("event", as_json, as_row)
ALERTS = Show[Alert]("alert", alert_as_json, alert_as_row)


def compare(
    config: Config, other: Path, open_source: Callable[[], Source], output_format: str, stopped: Callable[[], bool]
) -> int:
    """Print how events and alerts differ if `other` replaces the rules given; 1 if they do."""
    now_ns = time.time_ns()
    with_other = replace_rules(config, other)
    before, after = (_account(each, open_source, now_ns, stopped) for each in (config, with_other))
    events = comparison.events(before.events, after.events)
    alerts = comparison.alerts(before.alerts, after.alerts)
    lines = [line for found in events for line in _lines(found, EVENTS, output_format)]
    lines += [line for found in alerts for line in _lines(found, ALERTS, output_format)]
    sys.stdout.writelines(f"{line}\n" for line in lines)
    click.echo(f"events: {_counted(events)}; alerts: {_counted(alerts)}", err=True)
    return 1 if events or alerts else 0


def replace_rules(config: Config, other: Path) -> Config:
    """The configuration with other rules instead of its own; the shipped ones as before."""
    return config.model_copy(update={"rules": config.rules.model_copy(update={"paths": (other,)})})


def _account(config: Config, open_source: Callable[[], Source], now_ns: int, stopped: Callable[[], bool]) -> Account:
    builder = Builder(config, Registry(), cache_dir(), replays=True)
    pipeline = builder.pipeline(builder.rules())
    with closing(open_source()) as source:
        return comparison.account(source, pipeline, now_ns, stopped)


def _lines(found: Difference[Thing], show: Show[Thing], output_format: str) -> Iterator[str]:
    """The lines of one difference."""
    word, _, mark = WORDS[found.before is not None, found.after is not None]
    thing = found.after if found.after is not None else found.before
    assert thing is not None
    before, after = (None if each is None else json.loads(show.encode(each)) for each in found)
    if output_format == "jsonl":
        yield json.dumps({"difference": word, "what": show.kind, "before": before, "after": after}, ensure_ascii=False)
        return
    yield f"{mark} {show.row(thing)}"
    if before is not None and after is not None:
        for key, old, new in _changed(before, after):
            yield f"    {key}: {old} → {new}"


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The values that differ, those within attributes, labels and annotations each on its own."""
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from ((f"{key}.{name}", left, right) for name, left, right in _changed(old, new))
        elif old != new and key not in NOT_COMPARED:
            yield key, _shown(old), _shown(new)


def _shown(value: object) -> str:
    return "(none)" if value is None else one_line(str(value))


def _counted(differences: Sequence[Difference[Any]]) -> str:
    counts = Counter(WORDS[found.before is not None, found.after is not None][1] for found in differences)
    return ", ".join(f"{counts[word]} {word}" for _, word, _ in WORDS.values())
