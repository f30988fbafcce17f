"""Small logs, replayed from their bytes to their events as the command does it, on a host of which nothing else is known."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from logwatch.metrics import Registry
from logwatch.metrics.exposition import Published
from logwatch.model import Event
from logwatch.pipeline import Pipeline, Settings
from logwatch.replay import Replay
from logwatch.rulefiles import load
from logwatch.sources.archive import ReplaySource

NOW_NS = 1_900_000_000 * 10**9


@dataclass
class Replayed:
    """What came of a log."""

    events: list[Event]
    metrics: str

    @property
    def kinds(self) -> list[str]:
        """Type and action of each event."""
        return [event.event for event in self.events]


class Replayer:
    """Replays logs with the shipped rules, which it loads once."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._rules = folder, load([])

    def __call__(self, log: bytes | Iterable[str], written: datetime | None = None) -> Replayed:
        """Replay lines, or bytes as they are; `written` is when the file was, of which a year may come."""
        file = self._folder / "messages"
        file.write_bytes(log if isinstance(log, bytes) else "".join(f"{line}\n" for line in log).encode())
        if written is not None:
            os.utime(file, (written.timestamp(),) * 2)
        events: list[Event] = []
        series, source = Registry(), ReplaySource([str(file)])
        rules, correlations = self._rules.rules, self._rules.correlations
        Replay(
            source=source,
            pipeline=Pipeline(rules, correlations, Settings(zone=UTC), series, self._folder),
            store=None,
            now_ns=NOW_NS,
            on_event=events.append,
            flush=lambda: None,
            on_chunk=lambda: None,
            stopped=lambda: False,
        ).run()
        source.close()
        published = Published(series.families())
        published.apply(series.everything())
        return Replayed(events, published.text())
