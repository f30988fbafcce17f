"""Reads the systemd journal through `journalctl`, the one reader that knows every version of its files.

    journalctl --follow --output=json ──▶ one JSON object per entry ──▶ `read_entry` ──▶ Chunk

The position is the cursor of the last entry returned. A journal deletes its oldest entries by itself: if the
entry at the cursor is missing when logwatch starts again, the entries between it and the oldest one left are lost, and
a gap is recorded. A journalctl that ends is started again after the last entry.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Literal

from logwatch.errors import SourceError
from logwatch.model import SECOND, Chunk, Gap, SourceStatus
from logwatch.sources import JOURNAL
from logwatch.sources.inotify import WakePipe
from logwatch.sources.journal_entry import FIELDS, Entry, read_entry
from logwatch.store import state_table
from logwatch.store.state_table import StateTable

PIECE = 1 << 18
MAX_STDERR = 4096
"""Bytes that are kept of the errors that journalctl prints."""
RESTART_NS = SECOND
"""Time between two starts of journalctl."""
QUERY_TIMEOUT = 30.0
"""Seconds that a query to journalctl may take; the first one of gigabytes of journal is slow."""
MACHINE_ID = "/etc/machine-id"
ENVIRONMENT = {"LC_ALL": "C", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"}


class JournalSource:
    """Entries of the journal as lines; `path` is `journal:` for this host's, `journal:/folder` for files elsewhere.

    Without `follow` it is finished after the newest entry. Raises SourceError if journalctl is missing.
    """

    def __init__(
        self,
        path: str = JOURNAL,
        *,
        follow: bool = True,
        start: Literal["beginning", "end"] = "beginning",
        max_line_bytes: int = 1 << 16,
        chunk_bytes: int = 1 << 20,
    ) -> None:
        self._path = path
        self._command = _command(path)
        self._follow = follow
        self._at_end = False
        """journalctl has printed everything, and was not asked to follow."""
        self._finished = False
        self._start = start
        self._limit = max_line_bytes
        self._chunk_bytes = chunk_bytes
        self._cursor = ""
        self._offset = 0
        self._cursors: StateTable[str, list[Any]] = StateTable("cursor")
        self.tables = (self._cursors,)
        self._old_rows: dict[str, str | None] = {}
        self._buffer = b""
        self._skipped: dict[str, int] = {}
        self._gaps: list[Gap] = []
        self._error: str | None = None
        self._stderr = b""
        self._last_read_ns: int | None = None
        self._started_ns: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = WakePipe()

    # ── reading ──────────────────────────────────────────────────────────────────────

    @property
    def finished(self) -> bool:
        """Whether the newest entry was returned; never while following."""
        return self._finished

    def read(self, now_ns: int) -> Chunk | None:
        """Return the next entries, or None if there is nothing to read at the moment."""
        if self._process is None and b"\n" not in self._buffer and not self._at_end:
            self._start_journalctl(now_ns)
        self._fill()
        self._finished = self._at_end and b"\n" not in self._buffer
        end = self._buffer.rfind(b"\n", 0, self._chunk_bytes) + 1 or self._buffer.find(b"\n") + 1
        if not end:
            return None
        lines, self._buffer = self._buffer[:end], self._buffer[end:]
        data = b"".join([self._line(entry) for entry in map(self._entry, lines.splitlines()) if entry is not None])
        if not data:
            return None
        offset, self._offset = self._offset, self._offset + len(data)
        self._last_read_ns = now_ns
        return Chunk(data, self._path, offset, now_ns, live=not self._buffer)

    def _entry(self, text: bytes) -> Entry | None:
        entry = read_entry(text)
        if entry is None:
            self._skip("entry")
        else:
            self._cursor = entry.cursor
        return entry

    def _line(self, entry: Entry) -> bytes:
        if len(entry.line) <= self._limit + 1:
            return entry.line
        self._skip("too_long")
        return entry.line[: self._limit] + b"\n"

    def _skip(self, reason: str) -> None:
        self._skipped[reason] = self._skipped.get(reason, 0) + 1

    def _fill(self) -> None:
        """Read what journalctl has written, without waiting for more; an entry of any size up to its end."""
        self._read_stderr()
        while self._process is not None and (len(self._buffer) < self._chunk_bytes or b"\n" not in self._buffer):
            assert self._process.stdout is not None
            try:
                piece = os.read(self._process.stdout.fileno(), PIECE)
            except BlockingIOError:
                return
            if not piece:
                self._note_end()
            self._buffer += piece

    def _read_stderr(self) -> None:
        """Read the errors of journalctl, so that it never waits for a reader; the last ones are kept."""
        if self._process is None or self._process.stderr is None:
            return
        while piece := self._process.stderr.read(PIECE):
            self._stderr = (self._stderr + piece)[-MAX_STDERR:]

    # ── journalctl ───────────────────────────────────────────────────────────────────

    def _start_journalctl(self, now_ns: int) -> None:
        """Start journalctl after the last entry, at most once a second."""
        if self._started_ns is not None and abs(now_ns - self._started_ns) < RESTART_NS:
            return
        self._started_ns = now_ns
        self._buffer = b""  # an entry that was incomplete when journalctl ended is printed again
        # --follow alone shows nothing from before the last boot; --merge does, and needs a match to leave out other hosts'.
        follow = ["--follow", "--no-tail", "--merge", *_of_this_host(self._path)] if self._follow else []
        command = [*self._command, *follow, *_json(), *self._start_arguments(now_ns)]
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | ENVIRONMENT,
        )
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
        self._process, self._error, self._stderr = process, None, b""

    def _start_arguments(self, now_ns: int) -> Sequence[str]:
        """Return where journalctl must begin; if our last entry is gone, at the oldest one after it."""
        if not self._cursor:
            return ()
        if self._query(f"--cursor={self._cursor}") == self._cursor:
            return (f"--after-cursor={self._cursor}",)
        self._gaps.append(Gap(self._path, "vacuumed", now_ns, None))
        return (f"--cursor={self._cursor}",)  # --after-cursor would skip that one

    def _note_end(self) -> None:
        """Record why journalctl ended; while following, `read` starts it again."""
        assert self._process is not None
        self._read_stderr()
        status = self._process.wait()
        said = self._stderr.decode(errors="replace").strip()
        self._stop()
        if self._follow:
            self._error = said.splitlines()[-1] if said else f"journalctl ended with status {status}"
        elif status:
            raise _unreadable(self._path, said)
        else:
            self._at_end = True

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()
        self._process = None

    def _query(self, *question: str) -> str | None:
        """Return the cursor of the entry that a query finds; None if there is none."""
        answer = _call([*self._command, "--quiet", "--lines=1", *_json(), *question], self._path)
        for line in answer.stdout.splitlines():
            with suppress(ValueError, KeyError):
                return str(json.loads(line)["__CURSOR"])
        return None

    # ── state ────────────────────────────────────────────────────────────────────────

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue after the last committed entry; version 0.1 kept the cursor under the path itself."""
        current = {key if key.startswith('cursor "') else f"cursor {json.dumps(key)}": row for key, row in rows.items()}
        self._old_rows = {key: None for key in rows if key not in current}
        state_table.restore(self.tables, current)
        self.restored()

    def begin_after(self, cursor: str) -> None:
        """Begin after the entry at a cursor; with an empty one at the first entry."""
        self._cursor = cursor

    def restored(self) -> None:
        """Take the restored cursor; a first start begins where `start` says."""
        if self._path in self._cursors:
            self._cursor, self._offset = self._cursors[self._path]
            if self._old_rows:
                self._cursors.touch(self._path)
        else:
            self._cursor = (self._query() or "") if self._start == "end" else ""

    def changed_rows(self) -> dict[str, str | None]:
        """Return the cursor of the last entry returned, and how many bytes its lines have come to."""
        if self._cursors.get(self._path) != [self._cursor, self._offset]:
            self._cursors[self._path] = [self._cursor, self._offset]
        old_rows, self._old_rows = self._old_rows, {}
        return {**old_rows, **state_table.changed_rows(self.tables)}

    # ── what the driver asks ─────────────────────────────────────────────────────────

    def status(self) -> Sequence[SourceStatus]:
        """Return how far the journal was read; its size is what journalctl has printed of it."""
        waiting = len(self._buffer)
        return [
            SourceStatus(
                self._path,
                self._error is None,
                self._error,
                self._offset + waiting,
                self._offset,
                waiting,
                self._last_read_ns,
                skipped=dict(self._skipped),
            )
        ]

    def gaps(self) -> Sequence[Gap]:
        """Return the losses proven since the last call."""
        gaps = tuple(self._gaps)
        self._gaps.clear()
        return gaps

    def wait(self, timeout: float) -> None:
        """Sleep until journalctl has written something, at most `timeout` seconds."""
        output = self._process.stdout if self._process is not None else None
        self._pipe.wait(timeout, *([output.fileno()] if output is not None else []))

    def wake(self) -> None:
        """End a wait; may be called from another thread or a signal handler."""
        self._pipe.wake()

    def close(self) -> None:
        """End journalctl."""
        self._stop()
        self._pipe.close()


class JournalBacklog:
    """The entries that a journal has, the newest first. Raises SourceError if it cannot be read."""

    def __init__(self, path: str, *, block_entries: int = 1000) -> None:
        self.path = path
        self.cursor = ""
        """That of the newest entry, once `blocks` has begun; empty if there is none."""
        self._block_entries = block_entries
        self._command = _command(path)
        tried = _call([*self._command, "--quiet", "--lines=1", *_json()], path)
        if tried.returncode:
            raise _unreadable(path, tried.stderr.decode(errors="replace"))

    def blocks(self, now_ns: int) -> Generator[Chunk]:
        """Yield blocks of lines, the last block first."""
        command = [*self._command, "--quiet", "--reverse", *_json()]
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
        answer = _call([*_command(JOURNAL), "--quiet", "--lines=1", "--output=cat"], JOURNAL)
    except SourceError as error:
        return str(error)
    if answer.returncode or not answer.stdout:
        said = answer.stderr.decode(errors="replace").strip()
        return said.splitlines()[-1].lower().rstrip(".") if said else "it has no entries that we may read"
    return None


def _command(path: str) -> list[str]:
    found = shutil.which("journalctl")
    if found is None:
        raise SourceError(f"{path}: journalctl is not installed: install systemd, or name a log file with --log")
    folder = path.removeprefix(JOURNAL)
    return [found, "--no-pager", *([f"--directory={folder}"] if folder else [])]


def _unreadable(path: str, said: str) -> SourceError:
    """What journalctl said last, as an error."""
    reason = said.strip().splitlines()[-1].rstrip(".") if said.strip() else "journalctl failed"
    return SourceError(
        f"{path}: {reason}: name a folder with journal files, or read it as a member of the group systemd-journal"
    )


def _call(command: list[str], path: str) -> subprocess.CompletedProcess[bytes]:
    """Run a query of journalctl. Raises SourceError if it does not answer."""
    environment = os.environ | ENVIRONMENT
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=QUERY_TIMEOUT, env=environment)  # noqa: S603 - our own arguments
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceError(
            f"{path}: journalctl does not answer ({error}): try {' '.join(command[:3])} by hand"
        ) from error


def _of_this_host(path: str) -> list[str]:
    """Return the match for entries of this host; a folder is what somebody chose, so all of it counts."""
    if path != JOURNAL:
        return []
    try:
        with open(MACHINE_ID) as file:
            return [f"_MACHINE_ID={file.read().strip()}"]
    except OSError:
        return []


def _json() -> list[str]:
    return ["--output=json", "--all", f"--output-fields={','.join(FIELDS)}"]
