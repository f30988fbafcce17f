"""One generation of a log: the bytes between two rotations, and how far they were read.

The position is proven at each read: up to 256 bytes before it (the tail) are read
again together with what follows them, in one call. If they have changed, the file
was truncated or rewritten, whatever its inode and size say. Here is where truncation is detected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from logwatch.model import SECOND, Gap
from logwatch.sources.content import Archive, Plain
from logwatch.sources.fingerprint import HEAD, TAIL, Fingerprint, digest, whole_lines
from logwatch.sources.line_splitter import Cut, cut_lines

PAGE = 4096
"""Holes are made of pages."""
CONFIRM_NS = SECOND // 50
"""A truncation is confirmed if it is seen twice, so far apart: network file systems flap."""


class ChangedError(Exception):
    """What was read is no longer in the file: it was truncated or rewritten."""


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator may choose about how a log is read."""

    start: Literal["beginning", "end"] = "beginning"
    chunk_bytes: int = 1 << 20
    """How much is read at a time."""
    max_line_bytes: int = 1 << 16
    rotate_wait_ns: int = 60 * SECOND
    """A rotated file is closed after nobody has written to it for this long."""
    rotate_patterns: tuple[str, ...] = ()
    """Names of rotated files beyond the usual ones; `%s` is the name of the log."""
    olddirs: tuple[str, ...] = ()


class ReadStats:
    """What happened to every byte that was seen in a log: written = read + pending + lost.

    The open generations know what is pending; the rest is counted here, since the state began.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._gaps: list[Gap] = []
        self.read = 0
        """Bytes returned in chunks or skipped."""
        self.lost = 0
        """Bytes that were seen in the log and can no longer be read."""
        self.late = 0
        """Lines that were written to a file after its successor was seen."""
        self.rotations: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        """Reason to lines or bytes skipped."""

    def record_loss(self, reason: str, now_ns: int, known: int, *, exact: bool = False) -> None:
        """Record a gap of at least `known` bytes."""
        self.lost += known
        self._gaps.append(Gap(self._path, reason, now_ns, known if exact else None, known))

    def take_gaps(self) -> list[Gap]:
        """Return the gaps recorded since the last call."""
        gaps, self._gaps = self._gaps, []
        return gaps

    def dump(self) -> dict[str, Any]:
        """Return the form kept in the state."""
        return {
            "read": self.read,
            "lost": self.lost,
            "late": self.late,
            "rotations": dict(self.rotations),
            "skipped": dict(self.skipped),
        }

    def load(self, row: Mapping[str, Any]) -> None:
        """Undo `dump`."""
        self.read, self.lost, self.late = row["read"], row["lost"], row.get("late", 0)
        self.rotations.update(row["rotations"])
        self.skipped.update(row["skipped"])


class Piece(NamedTuple):
    """Whole lines from `offset` on; `at_end` if the file ends after them (a partial line aside)."""

    data: bytes
    offset: int
    at_end: bool


@dataclass(frozen=True, slots=True)
class StoredGeneration:
    """A generation as the state keeps it."""

    fingerprint: Fingerprint
    """Its `size` is the position."""
    name: str
    seen: int = 0
    skips_line: bool = False
    complete: bool = False
    rotated_at: int | None = None
    """As of a generation."""

    def dump(self) -> dict[str, Any]:
        """Return the form kept in the state."""
        return {
            "id": self.fingerprint.dump(),
            "name": self.name,
            "seen": self.seen,
            "cutting": self.skips_line,
            "frozen": self.complete,
            "rotated_at": self.rotated_at,
        }

    @staticmethod
    def load(row: Mapping[str, Any]) -> StoredGeneration:
        """Undo `dump`."""
        return StoredGeneration(
            Fingerprint.load(row["id"]), row["name"], row["seen"], row["cutting"], row["frozen"], row.get("rotated_at")
        )


class Generation:
    """An open generation and the position in it."""

    def __init__(self, content: Plain | Archive, name: str, stats: ReadStats, *, complete: bool = False) -> None:
        self.content = content
        self.name = name
        """The path it was opened by."""
        self.complete = complete or isinstance(content, Archive)
        """Nobody can write to it any more: a compressed or copied generation."""
        self.offset = 0
        self.skips_line = False
        """The position is inside a line that is skipped up to its newline."""
        self.seen = 0
        """The largest size known, in (uncompressed) bytes."""
        self.mtime_ns = content.mtime_ns if isinstance(content, Archive) else 0
        self.quiet_ns = 0
        """For how long nothing was written to it."""
        self.rotated_at: int | None = None
        """Size when another file was first seen at its path; lines after it are late."""
        self._change_seen_ns: int | None = None
        self._stats = stats
        self._head = b""
        self._tail = b""

    # ── position and identity ────────────────────────────────────────────────────────

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode."""
        return self.content.device, self.content.inode

    @property
    def empty(self) -> bool:
        """Whether no line of it has been seen."""
        return not whole_lines(self._head)

    def fingerprint(self) -> Fingerprint:
        """Return what the state keeps of the bytes read so far (the head may reach further)."""
        device, inode = self.identity
        head = whole_lines(self._head)
        return Fingerprint(device, inode, self.offset, len(head), digest(head), digest(self._tail))

    def pending(self) -> int:
        """Return the bytes known and not read; of an archive, in its compressed form."""
        return self.content.left() if isinstance(self.content, Archive) else max(self.seen - self.offset, 0)

    def record(self) -> StoredGeneration:
        """Return what the state keeps."""
        return StoredGeneration(
            self.fingerprint(), self.name, self.seen, self.skips_line, self.complete, self.rotated_at
        )

    def move(self, offset: int, *, skips_line: bool = False) -> None:
        """Go to an offset that is known to be right."""
        self.offset = offset
        self.skips_line = skips_line
        self._head = self.content.pread(HEAD, 0)
        length = min(TAIL, offset)
        self._tail = self.content.pread(length, offset - length)
        self.seen = max(self.seen, offset)

    def continue_copy(self, record: StoredGeneration) -> None:
        """Go to the position of a generation whose bytes this file is known to begin with."""
        self.move(record.fingerprint.size, skips_line=record.skips_line)
        self.rotated_at = record.rotated_at
        if isinstance(self.content, Plain):
            self.seen = max(self.seen, self.content.stat().st_size)
            if self.rotated_at is None:
                self.rotated_at = self.seen

    def begin_late(self, offset: int, late_from: int | None) -> None:
        """Begin at an offset in a rotated file; lines from `late_from` on are late."""
        self.move(offset)
        self.rotated_at = late_from

    def rotate(self) -> None:
        """Note that another file is at its path: what is written to it from now on is late."""
        self.rotated_at = self.seen

    def rotate_back(self) -> None:
        """Note that it is at its path again."""
        self.rotated_at = None

    def add_quiet(self, elapsed_ns: int, *, written: bool) -> None:
        """Count for how long nothing was written to it."""
        self.quiet_ns = 0 if written else self.quiet_ns + elapsed_ns

    def resume(self, known: Fingerprint, *, skips_line: bool) -> None:
        """Go to the end of what is known of it; raises ChangedError if it holds something else by now."""
        length = min(TAIL, known.size)
        tail = self.content.pread(length, known.size - length)
        if digest(tail) != known.tail or digest(self._head[: known.head_size]) != known.head:
            raise ChangedError
        self.offset, self.skips_line, self._tail = known.size, skips_line, tail
        self.seen = max(self.seen, known.size)

    def move_to_end(self) -> None:
        """Go to the end of the file; the rest of a line that has begun is skipped."""
        assert isinstance(self.content, Plain)
        self.move(self.content.stat().st_size)
        if self._tail and not self._tail.endswith(b"\n"):
            self.skips_line = True
            self._stats.skipped["partial"] += 1

    def links(self) -> int:
        """Return how many names the file still has."""
        return self.content.stat().st_nlink if isinstance(self.content, Plain) else 1

    # ── reading ──────────────────────────────────────────────────────────────────────

    def is_intact(self) -> bool:
        """Whether what was read is still there; also updates size, time and head."""
        try:
            self.refresh()
        except (ChangedError, OSError):
            return False
        return True

    def is_stale(self) -> bool:
        """Whether its descriptor has failed: a file server has dropped the file."""
        try:
            if isinstance(self.content, Plain):
                self.content.stat()
        except OSError:
            return True
        return False

    @property
    def change_pending(self) -> bool:
        """Whether a change was seen once and is not confirmed yet."""
        return self._change_seen_ns is not None

    def confirm_change(self, now_ns: int) -> bool:
        """Note that a change was seen; True if it was seen before, so that it is confirmed."""
        if self._change_seen_ns is None or now_ns < self._change_seen_ns:
            self._change_seen_ns = now_ns
        return now_ns - self._change_seen_ns >= CONFIRM_NS

    def clear_change(self) -> None:
        """Note that what was read is there: no change is pending."""
        self._change_seen_ns = None

    def refresh(self) -> None:
        """Update size, time and head; raises OSError, and ChangedError if what was read is gone."""
        size = self.seen
        if isinstance(self.content, Plain):
            found = self.content.stat()
            self.mtime_ns = found.st_mtime_ns
            size = found.st_size
            if size < self.seen:
                raise ChangedError
        if self.offset < HEAD:
            head = self.content.pread(HEAD, 0)
            if not head.startswith(self._head) or self._is_torn(head, size):
                raise ChangedError
            self._head = head
        if (
            isinstance(self.content, Plain)
            and self.content.pread(len(self._tail), self.offset - len(self._tail)) != self._tail
        ):
            raise ChangedError
        self.seen = size

    def _is_torn(self, head: bytes, size: int) -> bool:
        """The head was read after a truncation, the size before it: they are of two generations."""
        if not isinstance(self.content, Plain):
            return False
        return len(head) < min(size, HEAD) or (len(head) > len(self._head) and self.content.stat().st_size < size)

    def read(self, options: Options) -> Piece | None:
        """Return the next whole lines, or None at the end; raises ChangedError."""
        self.refresh()
        while True:
            window, start, full = self._window(options)
            if start == len(window):
                return None
            if self.skips_line:
                self._pass_over(window, start)
                continue
            cut = cut_lines(window, start, options.max_line_bytes, more=full)
            if not cut.used:
                return None
            offset = self.offset
            self._use(window, start + cut.used)
            if cut.data:
                return self._piece(cut, offset, full=full)
            self._pass_nuls(cut.nuls)

    def rest(self, options: Options) -> Piece | None:
        """Return the last line of a generation that is complete, although the line has no newline."""
        window, start, _ = self._window(options)
        offset, rest = self.offset, window[start:]
        self._use(window, len(window))
        if self.skips_line or not rest:
            return None
        if not rest.strip(b"\0"):
            self._stats.skipped["nul"] += len(rest)
            return None
        self._stats.skipped["partial"] += 1
        return Piece(rest + b"\n", offset, at_end=False)

    def _window(self, options: Options) -> tuple[bytes, int, bool]:
        """Return bytes around the position, where in them it is, and whether more may follow."""
        back = len(self._tail)
        size = options.chunk_bytes
        window = self.content.pread(back + size, self.offset - back)
        if size <= options.max_line_bytes and len(window) == back + size and window.find(b"\n", back) < 0:
            size = options.max_line_bytes + 1
            window = self.content.pread(back + size, self.offset - back)
        expected = self._tail + self._head[self.offset : self.offset + size]
        if not window.startswith(expected):
            raise ChangedError
        return window, back, len(window) == back + size

    def _use(self, window: bytes, end: int) -> None:
        """Go to the end of what was processed."""
        if self.offset < HEAD:  # more may have been written since the head was looked at
            head = self._head[: self.offset] + window[len(self._tail) :]
            self._head = max(self._head, head[:HEAD], key=len)
        used = end - len(self._tail)
        self.offset += used
        self._stats.read += used
        self._tail = window[max(end - TAIL, 0) : end]
        self.seen = max(self.seen, self.offset)

    def _piece(self, cut: Cut, offset: int, *, full: bool) -> Piece:
        if cut.over_long:
            self.skips_line = True
            self._stats.skipped["too_long"] += 1
        return Piece(cut.data, offset, at_end=not full and not cut.over_long)

    def _pass_over(self, window: bytes, start: int) -> None:
        """Skip the rest of a line that is too long, as far as it was read."""
        newline = window.find(b"\n", start)
        self.skips_line = newline < 0
        self._use(window, newline + 1 or len(window))

    def _pass_nuls(self, count: int) -> None:
        """Count NULs skipped; go on after the hole that most of them are."""
        self._stats.skipped["nul"] += count
        if isinstance(self.content, Plain) and count > PAGE:
            behind = self.content.data_after(self.offset)
            self._stats.skipped["nul"] += behind - self.offset
            self._stats.read += behind - self.offset
            self.move(behind)
