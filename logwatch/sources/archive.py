"""Reads logs that are there already: once from the first byte to the last, or their last blocks.

Compressed ones too: .gz, .bz2, .xz, .zst. `replay` reads forward, and counts lines; `tail` starts with the last blocks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from logwatch.errors import SourceError
from logwatch.model import SECOND, Chunk, Gap, SourceStatus
from logwatch.sources.content import Archive, Disk, describe, open_content, open_plain
from logwatch.sources.offset_file import write_position
from logwatch.sources.open_file import ChangedError, Generation, Options, Piece, ReadStats, StoredGeneration
from logwatch.store import state_table
from logwatch.store.state_table import StateTable

BLOCK = 1 << 18
"""Bytes of a log read at a time from its end."""


class ReplaySource:
    """Files in the order given; may be interrupted and continued.

    Raises SourceError if a file cannot be opened, or is another one than before the interruption.
    """

    def __init__(self, paths: Sequence[str], *, max_line_bytes: int = 1 << 16, chunk_bytes: int = 1 << 20) -> None:
        self._options = Options(chunk_bytes=chunk_bytes, max_line_bytes=max_line_bytes)
        self._waiting = list(dict.fromkeys(paths))
        self._paths = tuple(self._waiting)
        self._sizes = {path: _size(path) for path in self._waiting}
        self._positions: StateTable[str, dict[str, Any]] = StateTable("replay")
        self.tables = (self._positions,)
        self._old_rows: dict[str, str | None] = {}
        self._errors: dict[str, str] = {}
        self._stats = {path: ReadStats(path) for path in self._waiting}
        self._done: set[str] = set()
        self._open: Generation | None = None
        self._line = 1

    @property
    def finished(self) -> bool:
        """Whether every file was read to its end."""
        return not self._waiting

    def read(self, now_ns: int) -> Chunk | None:
        """Return the next chunk; None at the end of the last file."""
        while self._waiting:
            path = self._waiting[0]
            generation = self._open or self._begin(path)
            offset, line = generation.offset, self._line
            piece = self._next(path, generation)
            self._line += piece.data.count(b"\n") if piece is not None else 0
            if piece is None or not piece.data:
                self._end(path, generation, now_ns)
            if generation.offset > offset or piece is None:
                self._positions[path] = self._position(path, generation)
            if piece is not None:
                return Chunk(piece.data, path, piece.offset, generation.mtime_ns, line=line)
        return None

    def _next(self, path: str, generation: Generation) -> Piece | None:
        try:
            return generation.read(self._options) or generation.rest(self._options)
        except (ChangedError, OSError) as error:
            raise SourceError(f"{path}: changed while it was read ({error or 'truncated'}): replay a copy") from error

    def _begin(self, path: str) -> Generation:
        try:
            content = open_content(Disk(), path)
        except OSError as error:
            raise SourceError(describe(path, error)) from error
        self._line = 1
        generation = Generation(content, path, self._stats[path], complete=True)
        self._open = generation
        return generation

    def _end(self, path: str, generation: Generation, now_ns: int) -> None:
        content = generation.content
        if isinstance(content, Archive) and content.damage is not None:
            self._errors[path] = f"{path}: damaged after byte {generation.offset}: {content.damage}"
            self._stats[path].record_loss("damaged", now_ns, 0)
        self._done.add(path)
        self._waiting.remove(path)
        content.close()
        self._open = None

    # ── state ────────────────────────────────────────────────────────────────────────

    def _position(self, path: str, generation: Generation) -> dict[str, Any]:
        return {**generation.record().dump(), "line": self._line, "done": path in self._done}

    def changed_rows(self) -> dict[str, str | None]:
        """Return the position just after the last chunk, and which files are done."""
        old_rows, self._old_rows = self._old_rows, {}
        return {**old_rows, **state_table.changed_rows(self.tables)}

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue after the last committed chunk; version 0.1 kept a position under the path itself."""
        current = {key if key.startswith('replay "') else f"replay {json.dumps(key)}": row for key, row in rows.items()}
        self._old_rows = {key: None for key in rows if key not in current}
        state_table.restore(self.tables, current)
        for key in current.keys() - rows.keys():
            self._positions.touch(json.loads(key.removeprefix("replay ")))
        self.restored()

    def restored(self) -> None:
        """Open the file that was being read. Raises SourceError if it is another by now."""
        for path in [path for path in self._waiting if path in self._positions]:
            position = self._positions[path]
            self._waiting.remove(path)
            if position["done"]:
                self._done.add(path)
                continue
            record = StoredGeneration.load(position)
            generation = self._begin(path)
            if record.fingerprint.head_size and not record.fingerprint.matches(generation.content):
                raise SourceError(
                    f"{path}: another file than the one whose replay was interrupted: use a new --state-dir"
                )
            generation.move(record.fingerprint.size, skips_line=record.skips_line)
            self._line = position["line"]
            self._waiting.insert(0, path)

    # ── what the driver asks ─────────────────────────────────────────────────────────

    def status(self) -> Sequence[SourceStatus]:
        """Return how far each file was read, in bytes on disk: what a progress bar shows."""
        return [self._status(path) for path in self._paths]

    def _status(self, path: str) -> SourceStatus:
        size = self._sizes[path]
        position = size if path in self._done else 0
        if self._open is not None and self._waiting[0] == path:
            content = self._open.content
            position = size - content.left() if isinstance(content, Archive) else self._open.offset
        return SourceStatus(
            path,
            open=True,
            error=self._errors.get(path),
            size=size,
            position=position,
            pending=size - position,
            last_read_ns=None,
            skipped=dict(self._stats[path].skipped),
        )

    def gaps(self) -> Sequence[Gap]:
        """Return the damaged archives found since the last call."""
        return [gap for stats in self._stats.values() for gap in stats.take_gaps()]

    def wait(self, timeout: float) -> None:
        """Do nothing: the files are there."""

    def wake(self) -> None:
        """Do nothing: nothing waits."""

    def close(self) -> None:
        """Close the open file."""
        if self._open is not None:
            self._open.content.close()
            self._open = None


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError as error:
        raise SourceError(describe(path, error)) from error


class Backlog:
    """One log as it was when it was opened; a line without a newline is not part of it.

    Raises OSError if the path cannot be opened.
    """

    def __init__(self, path: str, *, block_bytes: int = BLOCK) -> None:
        self.path = os.path.abspath(path)
        self._content = open_plain(Disk(), self.path)
        found = self._content.stat()
        self._mtime_ns = int(found.st_mtime * SECOND)
        self._block_bytes = block_bytes
        self.end = self._start_of_line(found.st_size)
        """The offset just after the last whole line."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._content.close()

    def blocks(self) -> Iterator[Chunk]:
        """Yield blocks of whole lines, the last block first."""
        end = self.end
        while end > 0:
            start = self._start_of_line(max(0, end - self._block_bytes)) if end > self._block_bytes else 0
            yield Chunk(self._content.pread(end - start, start), self.path, start, self._mtime_ns)
            end = start

    def leave_offset(self, folder: Path) -> None:
        """Write an offset file, so that a `FileSource` with this `offset_dir` continues after the last line."""
        if self.end:
            write_position(folder, self.path, self._content.inode, self.end)

    def _start_of_line(self, offset: int) -> int:
        """Return the beginning of the line that holds the byte before `offset`, which may be `offset` itself."""
        while offset > 0:
            start = max(0, offset - self._block_bytes)
            found = self._content.pread(offset - start, start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            offset = start
        return 0
