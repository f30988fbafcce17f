"""Reads the systemd journal: its entries become lines as rsyslog would have written them.

    journalctl ──▶ `Journalctl`: one JSON object per entry ──▶ `read_entry` ──▶ Chunk

The position is the cursor of the last entry returned. Entries that the engine's journald driver wrote name their
container: each name goes with the first chunk that has it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import OrderedDict
from collections.abc import Generator, Mapping, Sequence
from itertools import islice
from typing import Any, Literal

from logwatch.errors import SourceError
from logwatch.model import Chunk, Gap, NamedContainer, SourceStatus
from logwatch.sources import JOURNAL
from logwatch.sources.inotify import WakePipe
from logwatch.sources.journal_entry import Entry, read_entry
from logwatch.sources.journalctl import ENVIRONMENT, Journalctl, as_json, call, command_of, unreadable
from logwatch.store import state_table
from logwatch.store.state_table import StateTable

ROW = "cursor"
"""Before the key of the row with the position."""
MOST_NAMES = 10_000
"""Names that are not reported again."""
BEHIND_WAIT = 0.5
"""Seconds that the log beside it waits for the next entry, until those that were there at the start are read."""


class JournalSource:
    """Entries of the journal as lines; `path` is `journal:` for this host's, `journal:/folder` for files elsewhere.

    Without `follow` it is finished after the newest entry. Raises SourceError if journalctl is missing.
    """

    row = ROW

    def __init__(
        self,
        path: str = JOURNAL,
        *,
        follow: bool = True,
        start: Literal["beginning", "end"] = "beginning",
        max_line_bytes: int = 1 << 16,
        chunk_bytes: int = 1 << 20,
        pipe: WakePipe | None = None,
    ) -> None:
        """`pipe` is that of another source, which is the one that waits."""
        self._path = path
        self._start = start
        self._limit = max_line_bytes
        self._chunk_bytes = chunk_bytes
        self._has_own_pipe = pipe is None
        self.pipe = WakePipe() if pipe is None else pipe
        self._journalctl = Journalctl(path, follow=follow, pipe=self.pipe, buffer_bytes=chunk_bytes)
        self._next: Entry | None = None
        """The entry that is returned next, if it was looked at."""
        self._behind_until_ns: int | None = None
        """Time of the newest entry at the start; 0 once that was read."""
        self._cursor = ""
        self._offset = 0
        self._cursors: StateTable[str, list[Any]] = StateTable(ROW)
        self.tables = (self._cursors,)
        self._old_rows: dict[str, str | None] = {}
        self._names: OrderedDict[tuple[str, str], str] = OrderedDict()
        """Host and id of a container to its name in the newest entry; the least recent ones first."""
        self._skipped: dict[str, int] = {}
        self._last_read_ns: int | None = None

    # ── reading ──────────────────────────────────────────────────────────────────────

    @property
    def finished(self) -> bool:
        """Whether the newest entry was returned; never while following."""
        return self._next is None and self._journalctl.finished

    def next_ns(self, now_ns: int) -> int | None:
        """Return the time of the next entry; None if none waits.

        Waits for it a moment, until the entries that were there at the start are read: they go between the lines of
        the log beside it.
        """
        if self._behind_until_ns is None:
            self._behind_until_ns = self._newest_ns()
        entry = self._peek(now_ns)
        if entry is None and self._behind_until_ns:
            self._journalctl.wait(BEHIND_WAIT)
            entry = self._peek(now_ns)
        if entry is None or entry.time_ns >= self._behind_until_ns:
            self._behind_until_ns = 0
        return entry.time_ns if entry is not None else None

    def _newest_ns(self) -> int:
        """Return the time of the newest entry; 0 if journalctl does not answer, which its start reports."""
        try:
            return self._journalctl.query()[1]
        except SourceError:
            return 0

    def read(self, now_ns: int, before_ns: int | None = None) -> Chunk | None:
        """Return the next entries, only those before a time if one is given; None if there are none at the moment."""
        lines: list[bytes] = []
        names: list[NamedContainer] = []
        size = 0
        while size < self._chunk_bytes and (entry := self._peek(now_ns)) is not None:
            if before_ns is not None and entry.time_ns >= before_ns:
                break
            self._next, self._cursor = None, entry.cursor
            lines.append(self._line(entry))
            size += len(lines[-1])
            if entry.container is not None and self._is_news(entry.container):
                names.append(entry.container)
        if not lines:
            return None
        offset, self._offset = self._offset, self._offset + size
        self._last_read_ns = now_ns
        live = self._next is None and not self._journalctl.waiting_bytes
        return Chunk(b"".join(lines), self._path, offset, now_ns, live=live, named=tuple(names))

    def _peek(self, now_ns: int) -> Entry | None:
        """Return the next entry without taking it."""
        while self._next is None and (text := self._journalctl.take_line(now_ns)) is not None:
            self._next = read_entry(text)
            if self._next is None:
                self._skip("entry")
            else:
                self._journalctl.cursor = self._next.cursor
        self._skip("too_long", self._journalctl.take_too_long())
        return self._next

    def _is_news(self, container: NamedContainer) -> bool:
        key = (container.host, container.id)
        is_known = self._names.get(key) == container.name
        self._names[key] = container.name
        self._names.move_to_end(key)
        if len(self._names) > MOST_NAMES:
            self._names.popitem(last=False)
        return not is_known

    def _line(self, entry: Entry) -> bytes:
        if len(entry.line) <= self._limit + 1:
            return entry.line
        self._skip("too_long")
        return entry.line[: self._limit] + b"\n"

    def _skip(self, reason: str, count: int = 1) -> None:
        if count:
            self._skipped[reason] = self._skipped.get(reason, 0) + count

    # ── state ────────────────────────────────────────────────────────────────────────

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue after the last committed entry; version 0.1 kept the cursor under the path itself."""
        current = {key if key.startswith('cursor "') else f"cursor {json.dumps(key)}": row for key, row in rows.items()}
        self._old_rows = {key: None for key in rows if key not in current}
        state_table.restore(self.tables, current)
        self.restored()

    def begin_after(self, cursor: str) -> None:
        """Begin after the entry at a cursor; with an empty one at the first entry."""
        self._cursor = self._journalctl.cursor = cursor

    def restored(self) -> None:
        """Take the restored cursor; a first start begins where `start` says."""
        if self._path in self._cursors:
            cursor, self._offset = self._cursors[self._path]
            if self._old_rows:
                self._cursors.touch(self._path)
        else:
            cursor = self._journalctl.query()[0] if self._start == "end" else ""
        self.begin_after(cursor)

    def changed_rows(self) -> dict[str, str | None]:
        """Return the cursor of the last entry returned, and how many bytes its lines have come to."""
        if self._cursors.get(self._path) != [self._cursor, self._offset]:
            self._cursors[self._path] = [self._cursor, self._offset]
        old_rows, self._old_rows = self._old_rows, {}
        return {**old_rows, **state_table.changed_rows(self.tables)}

    # ── what the driver asks ─────────────────────────────────────────────────────────

    def status(self) -> Sequence[SourceStatus]:
        """Return how far the journal was read; its size is what journalctl has printed of it."""
        waiting = self._journalctl.waiting_bytes
        error = self._journalctl.error
        return [
            SourceStatus(
                self._path,
                error is None,
                error,
                self._offset + waiting,
                self._offset,
                waiting,
                self._last_read_ns,
                skipped=dict(self._skipped),
            )
        ]

    def gaps(self) -> Sequence[Gap]:
        """Return the losses proven since the last call."""
        return self._journalctl.take_gaps()

    def wait(self, timeout: float) -> None:
        """Sleep until journalctl has written something, at most `timeout` seconds."""
        self.pipe.wait(timeout)

    def wake(self) -> None:
        """End a wait; may be called from another thread or a signal handler."""
        self.pipe.wake()

    def close(self) -> None:
        """End journalctl."""
        self._journalctl.stop()
        if self._has_own_pipe:
            self.pipe.close()


class JournalBacklog:
    """The entries that a journal has, the newest first. Raises SourceError if it cannot be read."""

    def __init__(self, path: str, *, block_entries: int = 1000) -> None:
        self.path = path
        self.cursor = ""
        """That of the newest entry, once `blocks` has begun; empty if there is none."""
        self._block_entries = block_entries
        self._command = command_of(path)
        tried = call([*self._command, "--quiet", "--lines=1", *as_json()], path)
        if tried.returncode:
            raise unreadable(path, tried.stderr.decode(errors="replace"))

    def blocks(self, now_ns: int) -> Generator[Chunk]:
        """Yield blocks of lines, the last block first."""
        command = [*self._command, "--quiet", "--reverse", *as_json()]
        environment = os.environ | ENVIRONMENT
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as process:  # noqa: S603 - our own arguments
            assert process.stdout is not None
            try:
                entries = (entry for entry in map(read_entry, process.stdout) if entry is not None)
                while block := list(islice(entries, self._block_entries)):
                    self.cursor = self.cursor or block[0].cursor
                    yield Chunk(b"".join(entry.line for entry in reversed(block)), self.path, 0, now_ns)
            finally:
                process.terminate()


def is_journal(path: str) -> bool:
    """Whether a path means the journal."""
    return path.startswith(JOURNAL)


def why_not() -> str | None:
    """Return why the journal of this host cannot be read; None if it can."""
    if shutil.which("journalctl") is None:
        return "journalctl is not installed"
    try:
        answer = call([*command_of(JOURNAL), "--quiet", "--lines=1", "--output=cat"], JOURNAL)
    except SourceError as error:
        return str(error)
    if answer.returncode or not answer.stdout:
        said = answer.stderr.decode(errors="replace").strip()
        return said.splitlines()[-1].lower().rstrip(".") if said else "it has no entries that we may read"
    return None
