"""When a commit is safe from a loss of power: fsync beside the loop, and a copy of the positions.

A commit in WAL mode is safe from `kill -9` as soon as it is written; only fsync makes it safe
from a loss of power, and on a busy disk takes longer than a transaction may. With `interval` a thread
does it each second; the same thread moves the WAL into the database before it grows long.
`positions.json` is a copy of the positions beside the database, so that losing that costs history, not position.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from logwatch.errors import StateError
from logwatch.store.transaction import Rows

INTERVAL = 1.0
CHECKPOINT_BYTES = 8 << 20


class Sync(StrEnum):
    """`state.sync`: when commits are forced to the disk."""

    ALWAYS = "always"
    INTERVAL = "interval"
    OFF = "off"

    @property
    def pragma(self) -> str:
        """The value of `PRAGMA synchronous`.

        NORMAL, not OFF, for `interval`: SQLite then orders its writes such that the
        database is whole after a loss of power, whatever it misses.
        """
        return {Sync.ALWAYS: "FULL", Sync.INTERVAL: "NORMAL", Sync.OFF: "OFF"}[self]


class Flusher:
    """The thread that forces commits to the disk; it sleeps while there are none."""

    def __init__(self, path: Path, sync: Sync) -> None:
        self._path = path
        self._wal = path.with_name(f"{path.name}-wal")
        self._sync = sync
        self._dirty = threading.Event()
        self._closing = threading.Event()
        self.error: str | None = None
        self._thread = threading.Thread(target=self._run, name="logwatch-flusher", daemon=True)
        self._thread.start()

    def mark(self) -> None:
        """Tell that there is a commit which the disk may not have yet."""
        self._dirty.set()

    def close(self) -> None:
        """End the thread; the caller's last checkpoint does what it left."""
        self._closing.set()
        self._dirty.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._dirty.wait()
            self._dirty.clear()
            try:
                self._flush()
                self.error = None
            except (OSError, sqlite3.Error) as error:
                self.error = str(error)
            self._closing.wait(INTERVAL)

    def _flush(self) -> None:
        if self._sync is Sync.INTERVAL:
            with suppress(FileNotFoundError):
                descriptor = os.open(self._wal, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        if wal_bytes(self._wal) > CHECKPOINT_BYTES:
            connection = sqlite3.connect(self._path, timeout=1, isolation_level=None)
            try:
                connection.execute(f"PRAGMA synchronous = {self._sync.pragma}")
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                connection.close()


def wal_bytes(path: Path) -> int:
    """Return the size of a write-ahead log, 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def inode(path: Path) -> int:
    """Return the inode of a file, 0 where there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


# ── the copy of the positions ────────────────────────────────────────────────────────

POSITIONS_VERSION = 1
Positions = dict[tuple[str, str], str]


class Mirror:
    """positions.json: written whole under another name and renamed, so that it is never half."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: Positions = {}
        self._dirty = False

    def fill(self, rows: Positions) -> None:
        """Start from these positions."""
        self._rows = dict(rows)

    def update(self, rows: Rows) -> None:
        """Take committed changes in; `write` writes them."""
        for key, value in rows.items():
            if value is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = value
        self._dirty = self._dirty or bool(rows)

    def write(self, *, sync: bool) -> None:
        """Write what changed. Raises OSError."""
        if not self._dirty:
            return
        sources: dict[str, dict[str, str]] = {}
        for (source, key), value in self._rows.items():
            sources.setdefault(source, {})[key] = value
        text = json.dumps({"version": POSITIONS_VERSION, "sources": sources}, indent=1)
        draft = self._path.with_suffix(".tmp")
        with draft.open("w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(self._path)
        self._dirty = False

    def write_again(self) -> None:
        """Write everything at the next `write`: the file may be gone."""
        self._dirty = True

    def read(self) -> Positions:
        """Return the positions last written; none without such a file.

        Raises StateError for a file that is not ours.
        """
        try:
            tree = json.loads(self._path.read_text(encoding="utf-8", errors="surrogateescape"))
            if tree["version"] != POSITIONS_VERSION:
                raise StateError(f"{self._path}: written by a newer logwatch: run that one, or move the file away")
            return {(source, key): value for source, rows in tree["sources"].items() for key, value in rows.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise StateError(f"{self._path}: not a file of positions ({error}): move it away") from error
