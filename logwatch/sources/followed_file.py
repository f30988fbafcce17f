"""One followed path: hands out its lines in order, generation after generation.

RotatedBacklog generations are read before the live one (`backlog.py`). What is open is a `FileGenerations`;
a `RotationDetector` sees when the path names another file or its content is another.
"""

from __future__ import annotations

from logwatch.model import SECOND, Chunk, Gap, SourceStatus
from logwatch.sources.content import Disk, Plain, describe, open_plain
from logwatch.sources.fingerprint import HEAD, take
from logwatch.sources.generation_finder import Decide, GenerationFinder
from logwatch.sources.generations import FileGenerations
from logwatch.sources.inode_owners import InodeOwners
from logwatch.sources.open_file import ChangedError, Generation, Piece, Record
from logwatch.sources.options import Options
from logwatch.sources.read_stats import ReadStats
from logwatch.sources.rotated_backlog import read_on
from logwatch.sources.rotated_files import RotatedFiles
from logwatch.sources.rotation import RotationDetector

STEP_NS = 10 * SECOND
"""No single step of the clock counts as a longer quiet."""


class FollowedFile:
    """The generations of one path and the position in them."""

    def __init__(
        self, path: str, options: Options, *, disk: Disk, owners: InodeOwners, decide: Decide, gaps: list[Gap]
    ) -> None:
        self.path = path
        self._limits = options.limits
        self._disk = disk
        self.stats = ReadStats(path, gaps)
        self.rotated_files = RotatedFiles(disk, path, patterns=options.patterns, olddirs=options.olddirs)
        self._generations = FileGenerations(
            path, options, stats=self.stats, rotated_files=self.rotated_files, owners=owners
        )
        finder = GenerationFinder(path, self.rotated_files, self.stats, disk=disk, owners=owners, decide=decide)
        self._detector = RotationDetector(
            self._generations, finder, rotated_files=self.rotated_files, stats=self.stats, disk=disk, owners=owners
        )
        self._last_look_ns: int | None = None
        self._last_read_ns: int | None = None

    # ── reading ──────────────────────────────────────────────────────────────────────

    @property
    def live(self) -> Generation | None:
        """The file at the path, while it is open."""
        return self._generations.live

    @property
    def recheck_soon(self) -> bool:
        """Something was seen that must be looked at again soon."""
        return any(generation.change_pending for generation in self._generations.generations())

    def look(self, now_ns: int) -> bool:
        """See what the path is now; True when there may be more to read than before."""
        return self._detector.look(now_ns)

    def read(self, now_ns: int) -> Chunk | None:
        """The next chunk of the oldest generation that has one."""
        elapsed = self._elapsed(now_ns)
        if self._generations.live is None or self._generations.awaiting_listing:
            self.look(now_ns)
        chunk = self._next(now_ns, elapsed)
        if chunk is None and self.look(now_ns):
            chunk = self._next(now_ns, 0)
        return chunk

    def _elapsed(self, now_ns: int) -> int:
        last, self._last_look_ns = self._last_look_ns, now_ns
        return 0 if last is None else min(max(now_ns - last, 0), STEP_NS)

    def _next(self, now_ns: int, elapsed: int) -> Chunk | None:
        live = self._generations.live
        superseded = live is not None and live.seen > 0
        for piece, mtime_ns in self._generations.backlog.pieces(now_ns, elapsed, superseded=superseded):
            self._last_read_ns = now_ns
            return Chunk(piece.data, self.path, piece.offset, mtime_ns)
        if live is None:
            return None
        last = self._read_live(live, now_ns)
        if last is None:
            return None
        self._last_read_ns = now_ns
        return Chunk(last.data, self.path, last.offset, live.mtime_ns, live=last.at_end)

    def _read_live(self, live: Generation, now_ns: int) -> Piece | None:
        piece = None
        try:
            if self._generations.awaiting_listing:
                live.look()
            else:
                piece = read_on(live, self._limits, self.stats)
        except ChangedError:
            if live.confirm_change(now_ns):
                self._generations.detach()
            return None
        except OSError as error:
            self._generations.error = describe(self.path, error)
            self._generations.detach()
            return None
        live.clear_change()
        return piece

    # ── state ────────────────────────────────────────────────────────────────────────

    def dump(self) -> str:
        """The row of this path: every generation with its position, and the stats."""
        return self._generations.dump()

    def load(self, text: str, siblings: str | None) -> None:
        """Undo `dump`, and `RotatedFiles.dump`; files are looked for at the first look."""
        self._generations.load(text)
        self.rotated_files.load(siblings)

    @property
    def has_position(self) -> bool:
        """It was in the middle of a file when its state was written."""
        return self._generations.resume is not None or bool(self._generations.backlog.to_reopen)

    def adopt(self, inode: int, offset: int) -> None:
        """Go on at pygtail's position; believed where the inode is still there and a line ends before it."""
        try:
            content = open_plain(self._disk, self.path)
        except OSError:
            return
        if content.inode == inode and content.pread(1, offset - 1) == b"\n":
            self._generations.begun = True
            self._generations.resume = Record(take(content, offset), self.path, offset)
        content.close()

    def has_read(self, content: Plain) -> bool:
        """The file holds all that was read of one of our generations."""
        prints = [generation.fingerprint() for generation in self._generations.generations()]
        return any(known.size >= HEAD and known.matches(content) for known in prints)

    def status(self) -> SourceStatus:
        """How the path stands."""
        line, live = self._generations, self._generations.live
        return SourceStatus(
            path=self.path,
            open=live is not None or (line.alias is not None and line.error is None),
            error=line.error,
            size=live.seen if live is not None else 0,
            position=live.offset if live is not None else 0,
            pending=line.pending(),
            last_read_ns=self._last_read_ns,
            late_lines=self.stats.late,
            rotations=dict(self.stats.rotations),
            skipped=dict(self.stats.skipped),
        )

    def pending(self) -> int:
        """Bytes known and not read; of an archive, in its compressed form."""
        return self._generations.pending()

    def open_files(self) -> list[Plain]:
        """The plain files that are open, the live one included."""
        return self._generations.open_files()

    def close(self) -> None:
        """Let go of every descriptor."""
        self._generations.close()
