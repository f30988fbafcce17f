"""What stands in a log already: its blocks of whole lines, the last one first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from logwatch.model import SECOND, Chunk
from logwatch.sources.content import open_plain
from logwatch.sources.disk import Disk
from logwatch.sources.file import offset_file, write_offset_file

BLOCK = 1 << 18


class Backlog:
    """One log as it was when it was opened; a line without an end is not part of it.

    Raises OSError where the path cannot be opened.
    """

    def __init__(self, path: str, *, block_bytes: int = BLOCK) -> None:
        self.path = os.path.abspath(path)
        self._content = open_plain(Disk(), self.path)
        found = self._content.stat()
        self._mtime_ns = int(found.st_mtime * SECOND)
        self._block_bytes = block_bytes
        self.end = self._start_of_line(found.st_size)
        """Just behind the last whole line."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._content.close()

    def blocks(self) -> Iterator[Chunk]:
        """The last block first; each begins with a line's beginning and ends with a line's end."""
        end = self.end
        while end > 0:
            start = self._start_of_line(max(0, end - self._block_bytes)) if end > self._block_bytes else 0
            yield Chunk(self._content.pread(end - start, start), self.path, start, self._mtime_ns)
            end = start

    def leave_offset(self, folder: Path) -> None:
        """Leave word for a `FileSource` with this `offset_dir` to go on behind the last line."""
        if self.end:
            write_offset_file(str(offset_file(folder, self.path)), self._content.inode, self.end)

    def _start_of_line(self, offset: int) -> int:
        """The beginning of the line that holds the byte before `offset`, which may be `offset` itself."""
        while offset > 0:
            start = max(0, offset - self._block_bytes)
            found = self._content.pread(offset - start, start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            offset = start
        return 0
