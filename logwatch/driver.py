"""The one loop: read, process, commit, publish. `run`, `replay` and rule tests drive a pipeline by it.

    ┌─▶ read a chunk ─▶ pipeline ─▶ commit ─▶ publish ─┐
    └──────────── wait for more, or for the time ◀─────┘

While it catches up, one commit covers a few chunks: most of what a commit writes is the same rows with newer values.

One thread runs it and owns all state; others only raise flags, which are read between two steps. A stop
is also seen in the middle of a chunk: what was not committed is dropped then, and the next start reads it
again. A commit that fails is merged with the next one; nothing more is read until one succeeds, so memory
stays bounded and the log keeps what we cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from logwatch.errors import CommitError
from logwatch.model import Chunk, Outcome, Source
from logwatch.pipeline import Pipeline
from logwatch.store import Transaction
from logwatch.store.transaction import Rows

RETRY = 1.0
"""Seconds between two tries to commit."""
IDLE = 0.5
"""Seconds between two looks at the clock while nothing is written."""
MOST_CHUNKS, MOST_EVENTS = 4, 2_000
"""Covered by one commit while there is more to read, so that memory stays small and a stop drops little."""
UNCOMMITTED = 10_000
"""Events after which changes are discarded where nothing is committed: discarding them costs, keeping them too."""


class Interrupted(Exception):  # noqa: N818 - no error: a stop was asked for
    """A stop was asked for in the middle of a chunk."""


class Committer(Protocol):
    """What keeps transactions: the store."""

    def commit(self, transaction: Transaction, now_ns: int) -> None:
        """Write it whole or not at all; raises CommitError."""

    def queried_from_ns(self, now_ns: int) -> int | None:
        """Return since when change points are kept for queries; None: only what rules look back at is kept."""


class Publisher(Protocol):
    """What shows and sends what happened: the page and receivers, a terminal, a test."""

    def heartbeat(self, now_ns: int) -> None:
        """The loop runs; called at each step, and between the parts of a long one."""

    def idle(self, pipeline: Pipeline, now_ns: int) -> None:
        """Nothing is left to read: move the pipeline's clock if it follows the wall clock."""

    def prepare(self, pipeline: Pipeline, outcomes: Sequence[Outcome], *, live: bool, final: bool) -> None:
        """Look at what is about to be committed: `live` if the log was read to its end, `final` if nothing will follow."""

    def rows(self) -> Transaction:
        """Return what must be committed with it."""

    def publish(self, transaction: Transaction | None, now_ns: int) -> None:
        """Show what was committed; None: nothing had changed."""

    def commit_failed(self, error: CommitError) -> None:
        """Show that the disk refused a commit."""


class Driver:
    """Drives a pipeline with what a source reads, until the source is finished or a stop is asked for.

    `source_name` names the source's rows in the store; without a committer nothing is kept. `now` is the
    wall clock or, for a replay, a fixed time: it bounds the year of stamps that have none.
    """

    def __init__(
        self,
        source: Source,
        source_name: str,
        pipeline: Pipeline,
        publisher: Publisher,
        committer: Committer | None,
        now: Callable[[], int],
        is_stopping: Callable[[], bool],
        before_live: Sequence[Callable[[Pipeline, int], bool]] = (),
    ) -> None:
        """`before_live` are called in each step in which the source is read to its end, before the chunk is processed.

        What they changed is committed on its own if one of them returns True.
        """
        self._source = source
        self._source_name = source_name
        self._publisher = publisher
        self._committer = committer
        self._now = now
        self._failed = Transaction()
        """What the disk refused, to be committed first."""
        self._positions: Rows = {}
        """Of the source, changed since the last commit; not those of a chunk that is not processed yet."""
        self._uncommitted = 0
        self._is_stopping = is_stopping
        self._before_live = before_live
        self.is_interrupted = False
        """It was stopped in the middle of a chunk: the source is ahead of what is committed."""
        self.replace_pipeline(pipeline)

    def replace_pipeline(self, pipeline: Pipeline) -> None:
        """Go on with another pipeline, which is restored from the last commit."""
        self.pipeline = pipeline
        pipeline.on_checkpoint(self._checkpoint)

    # ── the loop ─────────────────────────────────────────────────────────────────────

    def run(self, *, between: Callable[[int], None] | None = None) -> None:
        """Step to the end of the source, or until stopped; `between` is called between two steps."""
        self._note_positions()
        self.commit(live=False)
        while not self._is_stopping():
            if between is not None and not self._failed:
                between(self._now())
            try:
                if self.step():
                    continue
            except Interrupted:
                self.is_interrupted = True
                return
            if self._source.finished and not self._failed:
                self.pipeline.finish(self._now())
                self.commit(live=True, final=True)
                return
            self._source.wait(RETRY if self._failed else IDLE)

    def step(self) -> bool:
        """Process a chunk, or a few while catching up, and commit; False when there is nothing to do before something happens."""
        self._publisher.heartbeat(self._now())
        if self._failed and not self._write(self._failed):
            return False
        chunk = self._process_next()
        if self._committer is not None:
            for _ in range(1, MOST_CHUNKS):
                is_small = self.pipeline.waiting_outcomes < MOST_EVENTS
                if chunk is None or chunk.live or not is_small or self._is_stopping():
                    break
                self._publisher.heartbeat(self._now())
                chunk = self._process_next()
        committed = self.commit(live=chunk is None or chunk.live)
        return chunk is not None and committed

    def _process_next(self) -> Chunk | None:
        """Read a chunk and process it; without one, move the clock."""
        chunk = self._source.read(self._now())
        now_ns = self._now()  # not before the lines were written, also if the clock was set meanwhile
        if chunk is None or chunk.live:
            for call in self._before_live:
                if call(self.pipeline, now_ns):
                    self.commit(live=False)  # without what was read just now: its position is committed later
        for gap in self._source.gaps():
            self.pipeline.process_gap(gap)
        if chunk is not None:
            for each in (chunk, *chunk.followed_by):
                self.pipeline.process(each, now_ns)
        else:
            self._publisher.idle(self.pipeline, now_ns)
        self._note_positions()
        return chunk

    def _note_positions(self) -> None:
        """Note where the source is now that all it read is processed."""
        if self._committer is not None:
            rows = self._source.changed_rows()
            self._positions.update({(self._source_name, key): row for key, row in rows.items()})

    def _checkpoint(self) -> None:
        if self._is_stopping():
            raise Interrupted
        self._publisher.heartbeat(self._now())

    # ── the commit ───────────────────────────────────────────────────────────────────

    def commit(self, *, live: bool, final: bool = False) -> bool:
        """Write and publish what happened since the last commit; False if the disk refused."""
        outcomes = self.pipeline.take_outcomes()
        self._publisher.prepare(self.pipeline, outcomes, live=live, final=final)
        if self._committer is None:
            self._discard(len(outcomes))
            return True
        transaction = self.pipeline.take_transaction(outcomes, self._committer.queried_from_ns(self._now()))
        transaction.sources, self._positions = self._positions, {}
        return self._write(transaction)

    def commit_rows(self) -> bool:
        """Commit what the publisher has left, and nothing of a chunk that was interrupted."""
        return self._write(Transaction())

    def _write(self, transaction: Transaction) -> bool:
        assert self._committer is not None
        if transaction is not self._failed:
            self._failed.merge(transaction)
        transaction, now_ns = self._failed, self._now()
        transaction.merge(self._publisher.rows())
        if transaction:
            try:
                self._committer.commit(transaction, now_ns)
            except CommitError as error:
                self._publisher.commit_failed(error)
                if not error.retry:
                    raise
                return False
        self._failed = Transaction()
        self._publisher.publish(transaction or None, now_ns)
        return True

    def _discard(self, events: int) -> None:
        self._publisher.publish(None, self._now())
        self._uncommitted += events
        if self._uncommitted >= UNCOMMITTED:
            self._uncommitted = 0
            self.pipeline.discard_changes()
