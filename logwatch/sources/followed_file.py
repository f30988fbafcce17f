"""One followed path: hands out its lines in order, generation after generation.

Older generations are read before the live one (`older.py`). What is open is a `Lineage`;
a `Lookout` sees when the path names another file or its content is another.
"""

from __future__ import annotations

from logwatch.model import SECOND, Chunk, Gap, SourceStatus
from logwatch.sources.claims import Claims
from logwatch.sources.content import Disk, Plain, describe, open_plain
from logwatch.sources.fingerprint import HEAD, take
from logwatch.sources.habits import Habits
from logwatch.sources.ledger import Ledger
from logwatch.sources.lineage import Lineage
from logwatch.sources.older import read_on
from logwatch.sources.open_file import ChangedError, Generation, Piece, Record
from logwatch.sources.rotated_files import Family
from logwatch.sources.rotation import Lookout
from logwatch.sources.succession import Decide, Succession

STEP_NS = 10 * SECOND
"""No single step of the clock counts as a longer quiet."""


class Trail:
    """The generations of one path and the position in them."""

    def __init__(
        self, path: str, habits: Habits, *, disk: Disk, claims: Claims, decide: Decide, gaps: list[Gap]
    ) -> None:
        self.path = path
        self._limits = habits.limits
        self._disk = disk
        self.ledger = Ledger(path, gaps)
        self.family = Family(disk, path, patterns=habits.patterns, olddirs=habits.olddirs)
        self._lineage = Lineage(path, habits, ledger=self.ledger, family=self.family, claims=claims)
        succession = Succession(path, self.family, self.ledger, disk=disk, claims=claims, decide=decide)
        self._lookout = Lookout(
            self._lineage, succession, family=self.family, ledger=self.ledger, disk=disk, claims=claims
        )
        self._last_look_ns: int | None = None
        self._last_read_ns: int | None = None

    # ── reading ──────────────────────────────────────────────────────────────────────

    @property
    def live(self) -> Generation | None:
        """The file at the path, while it is open."""
        return self._lineage.live

    @property
    def impatient(self) -> bool:
        """Something was seen that must be looked at again soon."""
        return any(generation.doubted for generation in self._lineage.generations())

    def look(self, now_ns: int) -> bool:
        """See what the path is now; True when there may be more to read than before."""
        return self._lookout.look(now_ns)

    def read(self, now_ns: int) -> Chunk | None:
        """The next chunk of the oldest generation that has one."""
        elapsed = self._elapsed(now_ns)
        if self._lineage.live is None or self._lineage.unsure:
            self.look(now_ns)
        chunk = self._next(now_ns, elapsed)
        if chunk is None and self.look(now_ns):
            chunk = self._next(now_ns, 0)
        return chunk

    def _elapsed(self, now_ns: int) -> int:
        last, self._last_look_ns = self._last_look_ns, now_ns
        return 0 if last is None else min(max(now_ns - last, 0), STEP_NS)

    def _next(self, now_ns: int, elapsed: int) -> Chunk | None:
        live = self._lineage.live
        superseded = live is not None and live.seen > 0
        for piece, mtime_ns in self._lineage.older.pieces(now_ns, elapsed, superseded=superseded):
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
            if self._lineage.unsure:
                live.look()
            else:
                piece = read_on(live, self._limits, self.ledger)
        except ChangedError:
            if live.doubt(now_ns):
                self._lineage.let_go()
            return None
        except OSError as error:
            self._lineage.error = describe(self.path, error)
            self._lineage.let_go()
            return None
        live.trust()
        return piece

    # ── state ────────────────────────────────────────────────────────────────────────

    def dump(self) -> str:
        """The row of this path: every generation with its position, and the ledger."""
        return self._lineage.dump()

    def load(self, text: str, siblings: str | None) -> None:
        """Undo `dump`, and `Family.dump`; files are looked for at the first look."""
        self._lineage.load(text)
        self.family.load(siblings)

    @property
    def has_position(self) -> bool:
        """It was in the middle of a file when its state was written."""
        return self._lineage.resume is not None or bool(self._lineage.older.lost_sight)

    def adopt(self, inode: int, offset: int) -> None:
        """Go on at pygtail's position; believed where the inode is still there and a line ends before it."""
        try:
            content = open_plain(self._disk, self.path)
        except OSError:
            return
        if content.inode == inode and content.pread(1, offset - 1) == b"\n":
            self._lineage.begun = True
            self._lineage.resume = Record(take(content, offset), self.path, offset)
        content.close()

    def has_read(self, content: Plain) -> bool:
        """The file holds all that was read of one of our generations."""
        prints = [generation.fingerprint() for generation in self._lineage.generations()]
        return any(known.size >= HEAD and known.matches(content) for known in prints)

    def status(self) -> SourceStatus:
        """How the path stands."""
        line, live = self._lineage, self._lineage.live
        return SourceStatus(
            path=self.path,
            open=live is not None or (line.alias is not None and line.error is None),
            error=line.error,
            size=live.seen if live is not None else 0,
            position=live.offset if live is not None else 0,
            pending=line.pending(),
            last_read_ns=self._last_read_ns,
            late_lines=self.ledger.late,
            rotations=dict(self.ledger.rotations),
            skipped=dict(self.ledger.skipped),
        )

    def pending(self) -> int:
        """Bytes known and not read; of an archive, in its compressed form."""
        return self._lineage.pending()

    def open_files(self) -> list[Plain]:
        """The plain files that are open, the live one included."""
        return self._lineage.open_files()

    def close(self) -> None:
        """Let go of every descriptor."""
        self._lineage.close()
