"""Drives logs through the pipeline from their first line to their last.

An event is handed out when nothing can be added to it any more: for as long as lines about one event
are joined, another may still bring an exit code or a better time. With a store the whole may
be interrupted and continued; how far events were handed out is committed with the rest.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from logwatch.driver import Driver
from logwatch.errors import CommitError
from logwatch.formats.line_parser import LineReader
from logwatch.lifecycle.occurrences import REMEMBERED_NS
from logwatch.model import Event, Outcome, Source
from logwatch.pipeline import Pipeline
from logwatch.sources.archive import ReplaySource
from logwatch.store import Query, Store, Transaction

SOURCE = "replay"
EMITTED = "replay.told"
log = logging.getLogger("logwatch")


class Pending:
    """Accepted events in their order, until each is as full as it will be."""

    def __init__(self) -> None:
        self._order: deque[int] = deque()
        self._events: dict[int, Event] = {}

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Queue new events, and replace those that still wait by their fuller form."""
        for outcome in outcomes:
            if not outcome.amends:
                self._order.append(outcome.seq)
            elif outcome.seq not in self._events:
                continue
            self._events[outcome.seq] = outcome.event

    def complete(self, clock_ns: int | None) -> Iterator[tuple[int, Event]]:
        """Yield what changes no more after this time; everything if the time is None."""
        while self._order:
            event = self._events[self._order[0]]
            if clock_ns is not None and max(event.time_ns, event.stamp_ns) + REMEMBERED_NS >= clock_ns:
                return
            seq = self._order.popleft()
            yield seq, self._events.pop(seq)


@dataclass(slots=True)
class Replay:
    """One pass over a source that has an end: a driver's publisher that hands out events."""

    source: Source
    pipeline: Pipeline
    store: Store | None
    now_ns: int
    """Bounds the year of stamps that have none."""
    on_event: Callable[[Event], None]
    flush: Callable[[], None]
    """Called before a commit: what was handed out must be written by then."""
    on_chunk: Callable[[], None]
    """Called after each chunk."""
    stopped: Callable[[], bool]
    _pending: Pending = field(default_factory=Pending)
    _emitted: int = 0

    def run(self) -> None:
        """Read to the end, or until `stopped`; with a store, from where the last replay stopped."""
        if self.store is not None:
            self._resume(self.store)
        try:
            Driver(self.source, SOURCE, self.pipeline, self, self.store, lambda: self.now_ns, self.stopped).run()
        finally:
            if report := self.pipeline.faults.take_report():
                log.error(report)

    def _resume(self, store: Store) -> None:
        saved = store.load()
        self.pipeline.series.restore(saved.series, saved.points)
        self.pipeline.restore(saved.stages)
        self.source.restore({key: row for (source, key), row in saved.sources.items() if source == SOURCE})
        self._emitted = int(saved.meta.get(EMITTED, "0"))
        self._pending.add(list(store.events(Query(after_seq=self._emitted))))

    # ── what the driver publishes to ─────────────────────────────────────────────────

    def heartbeat(self, now_ns: int) -> None:
        """Nobody looks after a replay."""

    def idle(self, pipeline: Pipeline, now_ns: int) -> None:
        """The clock of a replay is the log's alone."""

    def prepare(self, pipeline: Pipeline, outcomes: Sequence[Outcome], *, live: bool, final: bool) -> None:  # noqa: ARG002 - as Publisher
        """Hand out the events that change no more."""
        if pipeline.settings.raw:
            for outcome in outcomes:
                self.on_event(outcome.event)
            return
        self._pending.add(outcomes)
        for seq, event in self._pending.complete(None if final else pipeline.clock_ns):
            self.on_event(event)
            self._emitted = seq
        if self.store is not None:
            self.flush()

    def rows(self) -> Transaction:
        """Return how far events were handed out."""
        return Transaction(meta={EMITTED: str(self._emitted)})

    def publish(self, transaction: Transaction | None, now_ns: int) -> None:  # noqa: ARG002 - as Publisher
        """Report the progress."""
        self.on_chunk()

    def commit_failed(self, error: CommitError) -> None:
        """Stop: who replays is there to read why."""
        raise error


def oldest_first(paths: Sequence[str], now_ns: int) -> list[str]:
    """Sort logs by the stamps of their first lines, so that messages.2.gz comes before messages."""
    return sorted(paths, key=lambda path: _first_stamp_ns(path, now_ns)) if len(paths) > 1 else list(paths)


def _first_stamp_ns(path: str, now_ns: int) -> int:
    source = ReplaySource([path], chunk_bytes=1 << 17)
    try:
        chunk = source.read(now_ns)
    finally:
        source.close()
    if chunk is None:
        return 0
    reader = LineReader(None)
    reader.begin(chunk, now_ns)
    records = (reader.read(line) for line in chunk.data.splitlines())
    return next((record.stamp_ns for record in records if record is not None), 0)
