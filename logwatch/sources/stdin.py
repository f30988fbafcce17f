"""Reads a log from standard input or a FIFO."""

from __future__ import annotations

import os
import select
import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress

from logwatch.errors import SourceError
from logwatch.model import Chunk, Gap, SourceStatus
from logwatch.sources.content import describe
from logwatch.sources.inotify import WakePipe
from logwatch.sources.line_splitter import cut_lines

PIECE = 1 << 18
IDLE = 0.2
"""Seconds between checks of a FIFO that no writer has open: poll() would return at once."""


class StdinSource:
    """Lines of a pipe. A FIFO stays when its writers have closed it; standard input ends with them.

    `follow` is how `run` reads: chunks are live and lines are not counted.
    """

    def __init__(
        self,
        path: str = "-",
        *,
        fd: int = 0,
        follow: bool = False,
        max_line_bytes: int = 1 << 16,
        chunk_bytes: int = 1 << 20,
    ) -> None:
        self._path = path
        self._fd = fd if path == "-" else _open(path)
        self._is_fifo = path != "-"
        self._follow = follow
        self._limit = max_line_bytes
        self._chunk_bytes = max(chunk_bytes, max_line_bytes + 1)
        self._buffer = b""
        self._offset = 0
        self._line = 1
        self._skips_line = False
        self._ended = False
        self._no_writer = False
        self._skipped: Counter[str] = Counter()
        self._last_read_ns: int | None = None
        self.pipe = WakePipe()

    @property
    def finished(self) -> bool:
        """Whether the writer has closed the pipe and everything was returned."""
        return self._ended and not self._buffer

    def read(self, now_ns: int) -> Chunk | None:
        """Return the next chunk, or None if there is nothing to read at the moment."""
        self._fill()
        while self._buffer:
            data, offset = self._cut()
            if data:
                return self._chunk(data, offset, now_ns)
            if offset == self._offset:
                return None
        return None

    def _fill(self) -> None:
        """Read what the pipe holds, without waiting for more."""
        while len(self._buffer) < self._chunk_bytes and not self._ended and self._is_readable():
            try:
                piece = os.read(self._fd, PIECE)
            except BlockingIOError:
                return
            self._no_writer = not piece and self._is_fifo
            self._ended = not piece and not self._is_fifo
            if not piece:
                return
            self._buffer += piece

    def _is_readable(self) -> bool:
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return bool(poll.poll(0))

    def _cut(self) -> tuple[bytes, int]:
        """Return whole lines and their offset; no lines if more must come or something was skipped."""
        offset = self._offset
        if self._skips_line:
            self._skip_rest_of_line()
            return b"", offset
        cut = cut_lines(self._buffer, 0, self._limit, more=False)
        if not cut.used and self._ended:
            return self._rest(), offset
        self._use(cut.used)
        self._skipped["nul"] += cut.nuls
        self._skips_line = cut.over_long
        self._skipped["too_long"] += cut.over_long
        return cut.data, offset

    def _use(self, count: int) -> None:
        self._offset += count
        self._buffer = self._buffer[count:]

    def _skip_rest_of_line(self) -> None:
        newline = self._buffer.find(b"\n")
        self._skips_line = newline < 0
        self._use(newline + 1 or len(self._buffer))

    def _rest(self) -> bytes:
        """Return the last line, although it has no newline."""
        rest = self._buffer
        self._use(len(rest))
        if not rest.strip(b"\0"):
            self._skipped["nul"] += len(rest)
            return b""
        self._skipped["partial"] += 1
        return rest + b"\n"

    def _chunk(self, data: bytes, offset: int, now_ns: int) -> Chunk:
        self._last_read_ns = now_ns
        line = self._line
        self._line += data.count(b"\n")
        return Chunk(data, self._path, offset, now_ns, live=self._follow, line=None if self._follow else line)

    # ── state and what the driver asks ───────────────────────────────────────────────

    def changed_rows(self) -> dict[str, str | None]:
        """Return nothing: a pipe cannot be read twice, so no position is kept."""
        return {}

    def restore(self, rows: Mapping[str, str]) -> None:
        """Do nothing: there is nothing to continue from."""

    def status(self) -> Sequence[SourceStatus]:
        """Return how much was read."""
        size = self._offset + len(self._buffer)
        skipped = {reason: count for reason, count in self._skipped.items() if count}
        return [
            SourceStatus(
                self._path,
                not self._ended,
                None,
                size,
                self._offset,
                len(self._buffer),
                self._last_read_ns,
                skipped=skipped,
            )
        ]

    def gaps(self) -> Sequence[Gap]:
        """Return nothing: a pipe loses nothing."""
        return []

    def wait(self, timeout: float) -> None:
        """Sleep until something was written, at most `timeout` seconds."""
        if self._no_writer:
            self.pipe.wait(min(timeout, IDLE))
        elif not self._ended:
            self.pipe.wait(timeout, self._fd)

    def wake(self) -> None:
        """End a wait; may be called from another thread or a signal handler."""
        self.pipe.wake()

    def close(self) -> None:
        """Close the descriptors that are ours."""
        self.pipe.close()
        if self._is_fifo:
            with suppress(OSError):
                os.close(self._fd)


def _open(path: str) -> int:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SourceError(describe(path, error)) from error
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):
        os.close(fd)
        raise SourceError(f"{path}: not a FIFO")
    return fd
