"""How much history is kept: by age, by number, and by the size of the file.

Above that size go the change points that only queries read, then those of series that are gone (of removed
containers, above all), and only then the oldest events.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from logwatch.model import SECOND
from logwatch.store import older_points
from logwatch.store.transaction import Transaction

DAY_NS = 86_400 * SECOND
# Deleted per commit at the most, so that no commit takes long.
BATCH = 10_000
# Change points of series that are gone; the indexes of both tables begin with the metric.
ENDED_POINTS = """
DELETE FROM points WHERE (sample, time_ns, labels) IN (
  SELECT sample, time_ns, labels FROM points AS point
  WHERE NOT EXISTS (SELECT 1 FROM series WHERE series.sample = point.sample AND series.labels = point.labels)
  LIMIT ?)
"""
# Counting pages takes longer than a small commit.
COMMITS_PER_CHECK = 256
PAGES_PER_COMMIT = 250
POINTS_PER_PAGE = 25
ENDED_AT_ONCE = 50_000


@dataclass(slots=True)
class Retention:
    """The limits of the history; what is beyond goes in the commit that brings more, the oldest first."""

    age_ns: int = 7 * DAY_NS
    """Measured from the newest accepted event."""
    events: int = 500_000
    max_bytes: int = 512 << 20
    """Of the database; a WAL of some MiB comes on top."""
    _first: int = 0
    _last: int = 0
    _newest_ns: int = 0
    _checked_ns: int = 0
    _commits: int = 0
    _surplus_pages: int = 0
    """To give back after the commit; 0 while the file is not too large."""

    def begin(self, connection: sqlite3.Connection) -> None:
        """Find out what there is."""
        first, last = connection.execute("SELECT min(seq), max(seq) FROM events").fetchone()
        self._first, self._last = first or 0, last or 0
        recent = "SELECT max(time_ns) FROM (SELECT time_ns FROM events ORDER BY seq DESC LIMIT 1000)"
        self._newest_ns = connection.execute(recent).fetchone()[0] or 0
        self._checked_ns = self._commits = 0

    def apply(self, connection: sqlite3.Connection, transaction: Transaction) -> None:
        """Delete what the transaction's events push out."""
        if not transaction.outcomes:
            return
        self._note(transaction)
        bound = self._last - self.events
        if self._newest_ns - self._checked_ns > min(3600 * SECOND, self.age_ns // 100):
            bound = max(bound, self._too_old(connection))
        self._commits += 1 + (len(transaction.outcomes) + len(transaction.points)) // 100
        if self._commits >= COMMITS_PER_CHECK:
            self._commits = 0
            bound = max(bound, self._too_big(connection, len(transaction.points)))
        if bound >= self._first:
            bound = min(bound, self._first + max(BATCH, 2 * len(transaction.outcomes)) - 1)
            connection.execute("DELETE FROM events WHERE seq <= ?", (bound,))
            self._first = bound + 1

    def tidy(self, connection: sqlite3.Connection) -> None:
        """Give free pages of too large a file back. Call outside a transaction."""
        if self._surplus_pages:
            pages, self._surplus_pages = self._surplus_pages, 0
            # execute() would stop after the first page: this pragma returns a row for each.
            connection.executescript(f"PRAGMA incremental_vacuum({pages:d})")

    def _note(self, transaction: Transaction) -> None:
        seqs = [outcome.seq for outcome in transaction.outcomes if not outcome.amends]
        self._last = max([self._last, *seqs])
        self._first = self._first or min(seqs, default=0)
        newest_ns = max(outcome.event.time_ns for outcome in transaction.outcomes)
        if transaction.clock_ns:
            newest_ns = min(newest_ns, transaction.clock_ns)
        self._newest_ns = max(self._newest_ns, newest_ns)

    def _has_more_ended(self, connection: sqlite3.Connection) -> bool:
        """Delete change points of series that are gone; whether there may be more than are deleted at once.

        Rules look back at some of them still, and do from memory; a restart forgets them.
        """
        return connection.execute(ENDED_POINTS, (ENDED_AT_ONCE,)).rowcount >= ENDED_AT_ONCE

    def _too_old(self, connection: sqlite3.Connection) -> int:
        """Return the seq up to which events are too old; late ones behind newer ones wait for these."""
        oldest = "SELECT seq, time_ns FROM events WHERE time_ns >= ? ORDER BY seq LIMIT 1"
        found = connection.execute(oldest, (self._newest_ns - self.age_ns,)).fetchone()
        bound: int = found[0] - 1 if found else self._last
        if bound < self._first + BATCH:
            self._checked_ns = self._newest_ns
        return bound

    def _too_big(self, connection: sqlite3.Connection, points: int = 0) -> int:
        """Return the seq up to which events must go for the file to keep its size; `points` came with this commit."""
        size, used = _sizes(connection)
        if size > self.max_bytes:
            self._commits = COMMITS_PER_CHECK  # look again at the next commit
            self._surplus_pages = PAGES_PER_COMMIT + points // POINTS_PER_PAGE
        if used > self.max_bytes and older_points.clear(connection):
            used = _sizes(connection)[1]
        if used > self.max_bytes:
            if self._has_more_ended(connection):
                return 0
            used = _sizes(connection)[1]
        if used <= self.max_bytes:
            return 0
        return self._first + (self._last - self._first + 1) * (used - self.max_bytes) // used


def _sizes(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return the bytes of the file, and those of its pages that are in use."""
    pages, free, size = (
        connection.execute(f"PRAGMA {pragma}").fetchone()[0] for pragma in ("page_count", "freelist_count", "page_size")
    )
    return pages * size, (pages - free) * size
