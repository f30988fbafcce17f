"""Takes logs through the engine from their first line to their last, then stops.

An event is told when nothing can be added to it any more: for as long as lines about one event
are joined, another may still bring an exit code or a better time. With a store the whole may
be interrupted and continued; how far events were told is committed with the rest.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from logwatch.formats.line_parser import LineReader
from logwatch.lifecycle.occurrences import REMEMBERED_NS
from logwatch.model import Chunk, Event, Outcome, Source
from logwatch.pipeline import Pipeline
from logwatch.sources.archive import ReplaySource
from logwatch.store import Query, Store

SOURCE = "replay"
TOLD = "replay.told"
PIPE_WAIT = 1.0
log = logging.getLogger("logwatch")
UNSAVED = 10_000
"""Events without a store, after which their traces in the stages are let go of."""


class Pending:
    """Accepted events in their order, until each is as full as it will be."""

    def __init__(self) -> None:
        self._order: deque[int] = deque()
        self._events: dict[int, Event] = {}

    def take_in(self, outcomes: list[Outcome]) -> None:
        """Queue new events, and complete those that still wait."""
        for outcome in outcomes:
            if not outcome.amends:
                self._order.append(outcome.seq)
            elif outcome.seq not in self._events:
                continue
            self._events[outcome.seq] = outcome.event

    def ripe(self, clock_ns: int | None) -> Iterator[tuple[int, Event]]:
        """Yield what changes no more at this time; everything if the time is None."""
        while self._order:
            event = self._events[self._order[0]]
            if clock_ns is not None and max(event.time_ns, event.stamp_ns) + REMEMBERED_NS >= clock_ns:
                return
            seq = self._order.popleft()
            yield seq, self._events.pop(seq)


@dataclass(slots=True)
class Replay:
    """One pass over a source that has an end."""

    source: Source
    pipeline: Pipeline
    store: Store | None
    now_ns: int
    """Bounds the year of stamps that have none."""
    tell: Callable[[Event], None]
    flush: Callable[[], None]
    """Called before a commit: what was told must be out by then."""
    progress: Callable[[], None]
    """Called after each chunk."""
    stopped: Callable[[], bool]
    _pending: Pending = field(default_factory=Pending)
    _told: int = 0
    _unsaved: int = 0

    def run(self) -> None:
        """Read to the end, or until `stopped`; with a store, from where the last replay stopped."""
        if self.store is not None:
            self._resume(self.store)
            self._commit(final=False)
        try:
            self._run()
        finally:
            if report := self.pipeline.faults.take_report():
                log.error(report)

    def _run(self) -> None:
        while not self.stopped():
            chunk = self.source.read(self.now_ns)
            if chunk is not None:
                self._apply(chunk)
            elif self.source.finished:
                self.pipeline.finish()
                self._commit(final=True)
                return
            else:
                self.source.wait(PIPE_WAIT)

    def _apply(self, chunk: Chunk) -> None:
        self.pipeline.apply(chunk, self.now_ns)
        for gap in self.source.gaps():
            self.pipeline.note_gap(gap)
        self._commit(final=False)
        self.progress()

    def _resume(self, store: Store) -> None:
        saved = store.load()
        self.pipeline.series.restore(saved.series, saved.points)
        self.pipeline.restore(saved.stages)
        self.source.restore({key: row for (source, key), row in saved.sources.items() if source == SOURCE})
        self._told = int(saved.meta.get(TOLD, "0"))
        self._pending.take_in(list(store.events(Query(after_seq=self._told))))

    def _commit(self, *, final: bool) -> None:
        """Tell what is ripe, then commit what the last chunk brought."""
        outcomes = self.pipeline.take_outcomes()
        if self.pipeline.settings.raw:
            for outcome in outcomes:
                self.tell(outcome.event)
            return
        self._pending.take_in(outcomes)
        for seq, event in self._pending.ripe(None if final else self.pipeline.clock_ns):
            self.tell(event)
            self._told = seq
        if self.store is None:
            self._drop_changes(len(outcomes))
            return
        self.flush()
        transaction = self.pipeline.take_turn(outcomes)
        transaction.sources = {(SOURCE, key): row for key, row in self.source.changed_rows().items()}
        transaction.meta[TOLD] = str(self._told)
        self.store.commit(transaction, self.now_ns)
        self.source.committed()

    def _drop_changes(self, outcomes: int) -> None:
        """Let the stages forget what they noted for a commit, from time to time: handing it over costs, holding it too."""
        self._unsaved += outcomes
        if self._unsaved >= UNSAVED:
            self._unsaved = 0
            self.pipeline.drop_changes()


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
