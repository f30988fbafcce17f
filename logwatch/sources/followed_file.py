"""One followed path: returns its lines in order, generation after generation.

The backlog is read before the live file. What is open are `FileGenerations`; a `RotationDetector`
sees when the path names another file or its content is another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logwatch.model import SECOND, Chunk, SourceStatus
from logwatch.sources.content import Disk, Plain, open_content
from logwatch.sources.fingerprint import HEAD, take
from logwatch.sources.generations import FileGenerations, InodeOwners
from logwatch.sources.offset_file import Position
from logwatch.sources.open_file import ChangedError, Generation, Options, Piece, ReadStats, StoredGeneration
from logwatch.sources.rotated_files import KnownFiles, RotatedFiles
from logwatch.sources.rotation import RotationDetector

MAX_STEP_NS = 10 * SECOND
"""No single step of the clock counts as a longer quiet."""


class FollowedFile:
    """The generations of one path and the position in them."""

    def __init__(self, path: str, options: Options, *, disk: Disk, owners: InodeOwners) -> None:
        self.path = path
        self.stats = ReadStats(path)
        self._options = options
        self._disk = disk
        self._files = RotatedFiles(disk, path, options)
        self._known = KnownFiles(disk, self._files)
        self._generations = FileGenerations(path, options, stats=self.stats, known=self._known, owners=owners)
        self._detector = RotationDetector(
            self._generations, files=self._files, known=self._known, stats=self.stats, disk=disk, owners=owners
        )
        self._last_check_ns: int | None = None
        self._last_read_ns: int | None = None

    # ── reading ──────────────────────────────────────────────────────────────────────

    @property
    def live(self) -> Generation | None:
        """The file at the path, while it is open."""
        return self._generations.live

    @property
    def recheck_soon(self) -> bool:
        """Whether a change was seen that a second look must confirm."""
        return any(generation.change_pending for generation in self._generations.all())

    def check(self, now_ns: int) -> bool:
        """Check what the path names now; True if there may be more to read than before."""
        return self._detector.check(now_ns)

    def read(self, now_ns: int) -> Chunk | None:
        """Return the next chunk of the oldest generation that has one."""
        elapsed = self._elapsed(now_ns)
        if self._generations.live is None or self._detector.awaiting_listing:
            self.check(now_ns)
        chunk = self._next(now_ns, elapsed)
        if chunk is None and self.check(now_ns):
            chunk = self._next(now_ns, 0)
        return chunk

    def _elapsed(self, now_ns: int) -> int:
        last, self._last_check_ns = self._last_check_ns, now_ns
        return 0 if last is None else min(max(now_ns - last, 0), MAX_STEP_NS)

    def _next(self, now_ns: int, elapsed: int) -> Chunk | None:
        live = self._generations.live
        superseded = live is not None and live.seen > 0
        for piece, mtime_ns in self._generations.backlog.pieces(now_ns, elapsed, superseded=superseded):
            self._last_read_ns = now_ns
            return Chunk(piece.data, self.path, piece.offset, mtime_ns)
        last = self._read_live(live, now_ns) if live is not None else None
        if live is None or last is None:
            return None
        self._last_read_ns = now_ns
        return Chunk(last.data, self.path, last.offset, live.mtime_ns, live=last.at_end)

    def _read_live(self, live: Generation, now_ns: int) -> Piece | None:
        piece = None
        try:
            if self._detector.awaiting_listing:
                live.refresh()
            else:
                piece = live.read(self._options)
        except ChangedError:
            if live.confirm_change(now_ns):
                self._generations.detach()
            return None
        except OSError as error:
            self._detector.note_error(error)
            self._generations.detach()
            return None
        live.clear_change()
        return piece

    # ── state ────────────────────────────────────────────────────────────────────────

    def position(self) -> dict[str, Any]:
        """Return the position in every generation, and the statistics, in the form kept in the state."""
        return {**self._generations.dump(), "ledger": self.stats.dump()}

    def known_files(self) -> dict[str, Any]:
        """Return the rotated files that are known, in the form kept in the state."""
        return self._known.dump()

    def load(self, position: Mapping[str, Any], known_files: Mapping[str, Any] | None) -> None:
        """Undo `position` and `known_files`; the files are opened at the first check."""
        self._generations.load(position)
        self.stats.load(position["ledger"])
        if known_files is not None:
            self._known.load(known_files)

    @property
    def has_position(self) -> bool:
        """Whether the state, or pygtail, says where to continue."""
        return self._generations.resume is not None or bool(self._generations.backlog.to_reopen)

    def continue_at(self, position: Position) -> None:
        """Continue where pygtail stopped, if that file is there and a line ends before it.

        If pygtail found the log rotated, the rotated files up to that one are known, and later ones are read.
        """
        try:
            content = open_content(self._disk, position.path)
        except OSError:
            return
        is_end_of_line = content.pread(1, position.offset - 1) == b"\n"
        if is_end_of_line and (content.inode == position.inode or position.path != self.path):
            fingerprint = take(content, position.offset)
            if position.path == self.path or self._remember_until(position.path):
                self._generations.continue_at(StoredGeneration(fingerprint, position.path, position.offset))
        content.close()

    def _remember_until(self, path: str) -> bool:
        try:
            listed = self._files.listing() or []
            places = [place for place, file in enumerate(listed) if file.path == path]
            self._known.remember(listed[: places[0]] if places else [])
        finally:
            self._files.release()
        return bool(places)

    def has_read(self, content: Plain) -> bool:
        """Whether a file holds all that was read of one of our generations."""
        fingerprints = [generation.fingerprint() for generation in self._generations.all()]
        return any(known.size >= HEAD and known.matches(content) for known in fingerprints)

    def status(self) -> SourceStatus:
        """Return the state of the path for metrics and the page."""
        detector, live = self._detector, self._generations.live
        return SourceStatus(
            path=self.path,
            open=not detector.blocked and (live is not None or (detector.alias is not None and detector.error is None)),
            error=detector.error,
            size=live.seen if live is not None else 0,
            position=live.offset if live is not None else 0,
            pending=self.pending(),
            last_read_ns=self._last_read_ns,
            late_lines=self.stats.late,
            rotations=dict(self.stats.rotations),
            skipped=dict(self.stats.skipped),
            unreadable=detector.unreadable,
        )

    def pending(self) -> int:
        """Return the bytes known and not read; of an archive, in its compressed form."""
        return sum(generation.pending() for generation in self._generations.all())

    def open_files(self) -> list[Plain]:
        """Return the plain files that are open, the live one included."""
        return [generation.content for generation in self._generations.all() if isinstance(generation.content, Plain)]

    def close(self) -> None:
        """Close every descriptor."""
        self._generations.close()
