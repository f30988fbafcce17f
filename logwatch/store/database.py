"""The database that `run` owns: opened once; one transaction per commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from logwatch.errors import CommitError, StateError
from logwatch.model import SECOND, Outcome, SampleChange
from logwatch.store import history, schema
from logwatch.store.durability import Flusher, Mirror, Sync, inode, wal_bytes
from logwatch.store.lock import Lock
from logwatch.store.older_points import OlderPoints
from logwatch.store.retention import Retention
from logwatch.store.transaction import (
    Transaction,
    drop_points,
    read_points,
    read_rows,
    read_series,
    write_many,
    write_points,
    write_rows,
    write_series,
)

CACHE_KIB = 1000
"""Of pages that SQLite keeps; what it reads again is in the system's cache. Its own default is 2000."""
LONGEST_WAL = 64 << 20
"""Above it the loop itself makes a checkpoint: that of the thread cannot finish while one commit follows another."""
MIRROR_NS = SECOND
# The point at time 0 has the value before the oldest point that is kept; without one the series did not exist then.
FORGET_POINTS = "DELETE FROM points WHERE sample = ? AND time_ns < ? AND (time_ns > 0 OR value IS NULL)"
_UNREADABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


Inodes = dict[Path, int]
"""0 for a missing file."""


@dataclass(slots=True)
class Saved:
    """What the last commit left."""

    sources: dict[tuple[str, str], str] = field(default_factory=dict)
    stages: dict[tuple[str, str], str] = field(default_factory=dict)
    series: list[SampleChange] = field(default_factory=list)
    points: list[SampleChange] = field(default_factory=list)
    meta: dict[str, str] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    """What an operator should know: a database that was set aside, positions taken from the copy."""


class Store:
    """The state directory of the process that follows a log.

    Raises StateError if another process holds it, a newer logwatch wrote it, or it cannot be
    written.
    """

    def __init__(
        self,
        directory: Path,
        now: datetime,
        *,
        sync: Sync = Sync.INTERVAL,
        retention: Retention | None = None,
        older_points: OlderPoints | None = None,
    ) -> None:
        self._path = directory / "logwatch.db"
        self._wal = directory / "logwatch.db-wal"
        self._damaged = directory / "logwatch.db.damaged"
        self._sync = sync
        self._notices: list[str] = []
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)  # events hold log text
        except OSError as error:
            raise StateError(f"{directory}: {error.strerror}: logwatch keeps its state there (--state-dir)") from error
        self._lock = Lock(directory)
        try:
            self._connection = self._open(now)
            self._retention = retention or Retention()
            self._older_points = older_points or OlderPoints()
            self._retention.begin(self._connection)
        except BaseException:
            self._lock.release()
            raise
        self._mirror = Mirror(directory / "positions.json")
        self._mirrored_ns = 0
        self._flusher = Flusher(self._path, sync)
        self._inodes = self._files()

    # ── the loop's side ──────────────────────────────────────────────────────────────

    def load(self) -> Saved:
        """Return what the last commit left. Positions that the database lost come from their copy."""
        connection = self._connection
        saved = Saved(
            sources=read_rows(connection, "sources"),
            stages=read_rows(connection, "stages"),
            series=list(read_series(connection)),
            points=list(read_points(connection)),
            meta=dict(connection.execute("SELECT key, value FROM meta")),
            notices=self._notices,
        )
        if not saved.sources:
            saved.sources = self._mirror.read()
            if saved.sources:
                saved.notices.append("positions.json: used for all positions: the database had none")
        self._mirror.fill(saved.sources)
        return saved

    def load_stages(self) -> dict[tuple[str, str], str]:
        """Return the rows of the stages as the last commit left them, and nothing else."""
        return read_rows(self._connection, "stages")

    def queried_from_ns(self, now_ns: int) -> int | None:
        """Return since when change points are kept for queries; None: only what rules look back at is kept."""
        return self._older_points.kept_from_ns(now_ns)

    def commit(self, transaction: Transaction, now_ns: int) -> None:
        """Write a transaction whole or not at all.

        Raises CommitError when the disk is full or refuses; merge the transaction with the next one
        and try again. The time only spaces the copies of the positions.
        """
        if not transaction:
            return
        try:
            self._write(transaction, now_ns)
        except sqlite3.Error as error:
            raise self._failed(error) from error
        self._flusher.mark()
        if transaction.sources:
            self._mirror.update(transaction.sources)
            if self._sync is Sync.ALWAYS or not 0 <= now_ns - self._mirrored_ns < MIRROR_NS:
                self._mirrored_ns = now_ns
                self._write_mirror()

    def renew(self, now: datetime) -> str | None:
        """Write the state again where its files were deleted or replaced; returns what was found, None for nothing.

        SQLite goes on with a file that has no name any more: the next start would not find what was committed since.
        Raises CommitError if the state cannot be written again.
        """
        files = self._files()
        gone = [path.name for path, known in self._inodes.items() if known and files[path] != known]
        if not gone:
            self._inodes = files  # the WAL comes with the first commit
            return None
        found = f"{self._path.parent}: {', '.join(gone)}: deleted or replaced while logwatch runs"
        try:
            self._rewrite(now, files)
        except (OSError, sqlite3.Error, StateError) as error:
            raise CommitError(
                f"{found}: the state cannot be written again: {error}: give logwatch its state directory back",
                retry=True,
            ) from error
        return f"{found}: the state was written again from memory"

    def _rewrite(self, now: datetime, files: Inodes) -> None:
        draft = self._path.with_suffix(".new")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        if not self._lock.is_in_place():
            self._lock.release()
            self._lock = Lock(self._path.parent)
        with closing(sqlite3.connect(draft)) as copy:
            self._connection.backup(copy)
        if files[self._path] and files[self._path] != self._inodes[self._path]:
            self._set_aside("it was put in place of the database in use", now)
        # Closing removes the WAL of that name, so it comes before the new database has one.
        self._connection.close()
        draft.replace(self._path)
        self._connection = self._connect()
        self._retention.begin(self._connection)
        self._mirror.write_again()
        self._write_mirror()
        self._inodes = self._files()

    def _files(self) -> Inodes:
        """What the files of the database are, by their names."""
        return {path: inode(path) for path in (self._path, self._wal, self._lock.path)}

    def events(self, query: history.Query) -> Iterator[Outcome]:
        """Yield the accepted events that match. For the thread that commits; others open a `History`."""
        return history.select(self._connection, query)

    def close(self) -> None:
        """Write the copy of the positions, move the WAL into the database, let go of the lock."""
        self._flusher.close()
        self._write_mirror()
        with suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
        self._lock.release()

    # ── writing ──────────────────────────────────────────────────────────────────────

    def _write(self, transaction: Transaction, now_ns: int) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            write_rows(connection, "sources", "source", transaction.sources)
            write_rows(connection, "stages", "stage", transaction.stages)
            write_series(connection, transaction.series)
            drop_points(connection, transaction.thinned)
            write_points(connection, (point for point in transaction.points if point.time_ns))
            self._older_points.process(connection, transaction.horizons, now_ns)
            write_points(connection, (point for point in transaction.points if not point.time_ns))
            for sample, before_ns in transaction.horizons.items():
                connection.execute(FORGET_POINTS, (sample, before_ns))
            write_many(connection, "INSERT OR REPLACE INTO meta VALUES (?, ?)", list(transaction.meta.items()))
            history.write(connection, transaction.outcomes)
            self._retention.apply(connection, transaction)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            self._retention.begin(connection)
            raise
        with suppress(sqlite3.Error):  # committed; this can wait for the next commit
            self._retention.tidy(connection)
            if wal_bytes(self._wal) > LONGEST_WAL:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _failed(self, error: sqlite3.Error) -> CommitError:
        if _unreadable(error):
            with suppress(OSError):
                self._damaged.touch()
            return CommitError(
                f"{self._path}: commit failed: {error}: restart logwatch: it sets the database aside and continues from positions.json",
                retry=False,
            )
        return CommitError(
            f"{self._path}: commit failed: {error}: reading is paused, no data is lost, metrics are stale:"
            " free disk space or fix permissions",
            retry=True,
        )

    def _write_mirror(self) -> None:
        # A full disk fails the next commit too, and is reported there.
        with suppress(OSError):
            self._mirror.write(sync=self._sync is not Sync.OFF)

    # ── opening ──────────────────────────────────────────────────────────────────────

    def _open(self, now: datetime) -> sqlite3.Connection:
        if self._damaged.exists():
            self._set_aside("it was found damaged", now)
            self._damaged.unlink()
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if not _unreadable(error):
                raise StateError(f"{self._path}: {error}: logwatch must be able to write there") from error
            self._set_aside(str(error), now)
        return self._connect()

    def _connect(self) -> sqlite3.Connection:
        """Open the database and read once through what every start needs."""
        connection = sqlite3.connect(self._path, timeout=1, isolation_level=None, cached_statements=256)
        try:
            schema.prepare(connection, str(self._path))
            connection.execute(f"PRAGMA synchronous = {self._sync.pragma}")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB:d}")
            for table in ("meta", "sources", "stages", "series", "points"):
                for _ in connection.execute(f"SELECT * FROM {table}"):  # noqa: S608 -- constants
                    pass
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_aside(self, why: str, now: datetime) -> None:
        """Move an unreadable database out of the way; it is evidence, so it is never deleted."""
        stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        target = self._path.with_name(f"{self._path.name}.set-aside-{stamp}")
        try:
            for suffix in ("", "-wal", "-shm"):
                part = self._path.with_name(self._path.name + suffix)
                if part.exists():
                    part.replace(target.with_name(target.name + suffix))
        except OSError as error:
            raise StateError(f"{self._path}: {why}, and it cannot be moved away: {error.strerror}") from error
        self._notices.append(f"{self._path}: {why}: it was set aside as {target.name}, and a new one was started")


def _unreadable(error: sqlite3.Error) -> bool:
    if isinstance(error, schema.ForeignDatabase):
        return True
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNREADABLE
