"""Requests with samples that wait to be pushed, in a database of their own: push.db in the state directory.

Apart from the database of the loop, because no commit may wait for it: the thread that takes samples
writes it, and the threads that send delete from it. What waits survives `kill -9`; after a power failure
the last seconds may be missing.

    requests  number, receiver, time_ns, samples, body   in the order in which they are sent
    series    sample, labels                             of the last round: what is missing in the next has ended
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from logwatch.errors import StateError
from logwatch.store.transaction import write_many

FILE = "push.db"
TABLES = """
CREATE TABLE IF NOT EXISTS requests (number INTEGER PRIMARY KEY AUTOINCREMENT, receiver TEXT NOT NULL,
                                     time_ns INTEGER NOT NULL, samples INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS by_receiver ON requests (receiver, number, time_ns, samples);
CREATE TABLE IF NOT EXISTS series (sample TEXT, labels TEXT, PRIMARY KEY (sample, labels)) WITHOUT ROWID;
"""
_UNREADABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class PushedSeries(NamedTuple):
    """A series as it is pushed, without the labels that all have."""

    sample: str
    labels: tuple[tuple[str, str], ...]
    """Names and values."""


@dataclass(frozen=True, slots=True)
class Request:
    """What one request sends."""

    receiver: str
    time_ns: int
    samples: int
    body: bytes
    number: int = 0
    """Its place in the queue; 0 before it has one."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How much waits for a receiver; above it the oldest requests are dropped."""

    age_ns: int
    max_bytes: int


@dataclass(slots=True)
class Waiting:
    """What waits for a receiver."""

    samples: int = 0
    bytes: int = 0


class PushQueue:
    """The queue; callable from any thread. Raises StateError if the file cannot be used, later sqlite3.Error."""

    def __init__(self, directory: Path, receivers: Collection[str]) -> None:
        """What waits for others than these `receivers` is deleted. A file that is damaged is set aside."""
        self._path = directory / FILE
        self._lock = threading.Lock()
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._connection = self._open()
        except (OSError, sqlite3.Error) as error:
            raise StateError(
                f"{self._path}: {error}: samples to push wait there: logwatch must be able to write it"
            ) from error
        self._waiting = {receiver: Waiting() for receiver in receivers}
        with self._transaction():
            for receiver, samples, size in self._connection.execute(
                "SELECT receiver, sum(samples), sum(length(body)) FROM requests GROUP BY receiver"
            ).fetchall():
                if receiver in self._waiting:
                    self._waiting[receiver] = Waiting(samples, size)
                else:
                    self._connection.execute("DELETE FROM requests WHERE receiver = ?", (receiver,))

    # ── in ───────────────────────────────────────────────────────────────────────────

    def series(self) -> set[PushedSeries]:
        """Return the series of the last round."""
        with self._lock:
            found = self._connection.execute("SELECT sample, labels FROM series").fetchall()
        return {
            PushedSeries(sample, tuple((name, value) for name, value in json.loads(labels))) for sample, labels in found
        }

    def put(
        self, requests: Sequence[Request], began: Iterable[PushedSeries] = (), ended: Iterable[PushedSeries] = ()
    ) -> None:
        """Add a round: its requests, and which series it has that the previous had not, and the reverse."""
        with self._transaction():
            write_many(
                self._connection,
                "INSERT INTO requests (receiver, time_ns, samples, body) VALUES (?, ?, ?, ?)",
                [(each.receiver, each.time_ns, each.samples, each.body) for each in requests],
            )
            write_many(self._connection, "INSERT OR IGNORE INTO series VALUES (?, ?)", [_row(each) for each in began])
            write_many(
                self._connection, "DELETE FROM series WHERE sample = ? AND labels = ?", [_row(each) for each in ended]
            )
        for each in requests:
            self._add(each.receiver, each.samples, len(each.body))

    def drop_surplus(self, receiver: str, limit: Limit, now_ns: int) -> Counter[str]:
        """Drop what is too old, and the oldest while there is too much; return the samples dropped by reason."""
        dropped: Counter[str] = Counter()
        while (request := self.first(receiver)) is not None:
            if now_ns - request.time_ns > limit.age_ns:
                reason = "too_old"
            elif self._waiting[receiver].bytes > limit.max_bytes:
                reason = "queue_full"
            else:
                break
            if self.remove(request):
                dropped[reason] += request.samples
        return dropped

    # ── out ──────────────────────────────────────────────────────────────────────────

    def first(self, receiver: str) -> Request | None:
        """Return what a receiver is to get next."""
        with self._lock:
            row = self._connection.execute(
                "SELECT time_ns, samples, body, number FROM requests WHERE receiver = ? ORDER BY number LIMIT 1",
                (receiver,),
            ).fetchone()
        return Request(receiver, *row) if row else None

    def remove(self, request: Request) -> bool:
        """Delete a request that was sent or dropped; False if it was deleted before."""
        with self._transaction():
            gone = self._connection.execute("DELETE FROM requests WHERE number = ?", (request.number,)).rowcount > 0
        if gone:
            self._add(request.receiver, -request.samples, -len(request.body))
        return gone

    def waiting(self, receiver: str) -> Waiting:
        """Return how much waits for a receiver."""
        return self._waiting[receiver]

    def close(self) -> None:
        """Close the file; what waits stays."""
        with self._lock, suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    # ── the file ─────────────────────────────────────────────────────────────────────

    def _add(self, receiver: str, samples: int, size: int) -> None:
        with self._lock:
            waiting = self._waiting[receiver]
            waiting.samples += samples
            waiting.bytes += size

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _UNREADABLE:
                raise
        for suffix in ("", "-wal", "-shm"):  # evidence of a broken disk, so it is not deleted
            with suppress(FileNotFoundError):
                Path(f"{self._path}{suffix}").replace(f"{self._path}.damaged{suffix}")
        return self._connect()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=1, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(TABLES)
        except BaseException:
            connection.close()
            raise
        return connection


def _row(series: PushedSeries) -> tuple[str, str]:
    return series.sample, json.dumps(series.labels)
