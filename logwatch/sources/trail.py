"""One followed path: what is read next, and what follows what when the file changes under us.

    older (oldest first)                        live
    ┌──────────┐ ┌────────────┐ ┌──────────┐   ┌─────────────┐
    │ .2.gz    │ │ .1, missed │ │ draining │ ▶ │ the path's  │
    │ from off │ │ from 0     │ │ late tail│   │ file        │
    └──────────┘ └────────────┘ └──────────┘   └─────────────┘

Older generations are read before the live one. One that has been read to its end stays
open (it is draining) until nobody has written to it for `rotate_wait_ns` and the next has
data: writers keep their descriptors for a while. `succession.py` finds the generations.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from logwatch.model import SECOND, Chunk, Gap, SourceStatus
from logwatch.sources.claims import Claims
from logwatch.sources.content import Archive, Plain, open_plain
from logwatch.sources.disk import Disk, describe
from logwatch.sources.fingerprint import HEAD, take
from logwatch.sources.generation import ChangedError, Generation, Limits, Piece, Record
from logwatch.sources.ledger import Ledger
from logwatch.sources.siblings import Family, Sibling
from logwatch.sources.succession import Decide, Succession

CONFIRM_NS = SECOND // 50
"""A truncation is believed when it is seen twice, so far apart: network file systems flap."""
STEP_NS = 10 * SECOND
"""No single step of the clock counts as a longer quiet."""
DRAINING = 8
"""So many generations at most stay open after their end was read."""
PATIENCE = 10
"""A successor without data is waited for so many times longer."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How a path is followed."""

    start: Literal["beginning", "end"] = "beginning"
    limits: Limits = field(default_factory=Limits)
    rotate_wait_ns: int = 60 * SECOND
    patterns: tuple[str, ...] = ()
    olddirs: tuple[str, ...] = ()


class Trail:
    """The generations of one path and the position in them."""

    def __init__(
        self, path: str, habits: Habits, *, disk: Disk, claims: Claims, decide: Decide, gaps: list[Gap]
    ) -> None:
        self.path = path
        self._habits = habits
        self._disk = disk
        self._claims = claims
        self.ledger = Ledger(path, gaps)
        self.family = Family(disk, path, patterns=habits.patterns, olddirs=habits.olddirs)
        self.succession = Succession(path, self.family, self.ledger, disk=disk, claims=claims, decide=decide)
        self.live: Generation | None = None
        self.older: list[Generation] = []
        self.error: str | None = None
        self._begun = False
        self._start = habits.start
        self._suspected_ns: int | None = None
        self._last_look_ns: int | None = None
        self._last_read_ns: int | None = None
        self._row = ""
        self._resume: Record | None = None
        """What was read of the file that was last at the path, while it must be found again."""
        self._resume_older: list[Record] = []
        self._unsure = False
        """The live file was empty when siblings were last listed: what it held since may be in a copy."""
        self._alias: tuple[int, int] | None = None
        """Another path reads this file, which is also ours."""

    # ── reading ──────────────────────────────────────────────────────────────────────

    @property
    def impatient(self) -> bool:
        """Something was seen that must be looked at again soon."""
        return self._suspected_ns is not None

    def read(self, now_ns: int) -> Chunk | None:
        """The next chunk of the oldest generation that has one."""
        elapsed = self._elapsed(now_ns)
        if self.live is None or self._unsure:
            self.look(now_ns)
        chunk = self._next(now_ns, elapsed)
        if chunk is None and self.look(now_ns):
            chunk = self._next(now_ns, 0)
        return chunk

    def _elapsed(self, now_ns: int) -> int:
        last, self._last_look_ns = self._last_look_ns, now_ns
        return 0 if last is None else min(max(now_ns - last, 0), STEP_NS)

    def _next(self, now_ns: int, elapsed: int) -> Chunk | None:
        for piece, generation in self._pieces(now_ns, elapsed):
            self._last_read_ns = now_ns
            live = piece.at_end and generation is self.live
            return Chunk(piece.data, self.path, piece.offset, generation.mtime_ns, live=live)
        return None

    def _pieces(self, now_ns: int, elapsed: int) -> Iterator[tuple[Piece, Generation]]:
        for generation in list(self.older):
            piece = self._read_older(generation, now_ns, elapsed)
            if piece is not None:
                yield piece, generation
        if self.live is not None:
            piece = self._read_live(self.live, now_ns)
            if piece is not None:
                yield piece, self.live

    def _read(self, generation: Generation) -> Piece | None:
        """Read on, and enter it in the ledger."""
        offset = generation.offset
        try:
            return generation.read(self._habits.limits)
        finally:
            self._enter(generation, offset)

    def _enter(self, generation: Generation, offset: int) -> None:
        self.ledger.read += generation.offset - offset

    def _read_live(self, live: Generation, now_ns: int) -> Piece | None:
        try:
            piece = self._read(live)
        except ChangedError:
            self._suspect(now_ns)
            return None
        except OSError as error:
            self.error = describe(self.path, error)
            self._let_go(live)
            return None
        self._suspected_ns = None
        return piece

    def _suspect(self, now_ns: int) -> None:
        """Believe in a truncation when it is seen for the second time."""
        if self._suspected_ns is None or now_ns < self._suspected_ns:
            self._suspected_ns = now_ns
        elif now_ns - self._suspected_ns >= CONFIRM_NS and self.live is not None:
            self._suspected_ns = None
            self._let_go(self.live)

    def _let_go(self, live: Generation) -> None:
        """The file at the path no longer holds what was read: find out where that went."""
        self._resume = live.record()
        self._claims.release(live.identity, self.path)
        live.content.close()
        self.live = None

    # ── draining ─────────────────────────────────────────────────────────────────────

    def _read_older(self, generation: Generation, now_ns: int, elapsed: int) -> Piece | None:
        seen = generation.seen
        try:
            piece = self._read(generation)
        except (ChangedError, OSError):
            self.ledger.lose("rewritten", now_ns, generation.seen - generation.offset)
            self._close(generation)
            return None
        generation.quiet_ns = 0 if piece is not None or generation.seen != seen else generation.quiet_ns + elapsed
        if piece is not None or not self._is_over(generation):
            return piece
        return self._finish(generation, now_ns)

    def _is_over(self, generation: Generation) -> bool:
        """It was read to its end, and nobody will write to it any more."""
        if generation.frozen or self.older.index(generation) < len(self.older) - DRAINING:
            return True
        wait = self._habits.rotate_wait_ns
        superseded = self.live is not None and self.live.seen > 0
        return generation.quiet_ns >= (wait if superseded else PATIENCE * wait)

    def _finish(self, generation: Generation, now_ns: int) -> Piece | None:
        """Hand out the last line, though its end never came."""
        offset = generation.offset
        piece = generation.rest(self._habits.limits)
        self._enter(generation, offset)
        if isinstance(generation.content, Archive) and generation.content.damage is not None:
            self.ledger.lose("damaged", now_ns, 0)
        self._close(generation)
        return piece

    def _close(self, generation: Generation) -> None:
        self.older.remove(generation)
        self.family.finished(generation.fingerprint())
        self._claims.finish(generation.fingerprint(), self.path)
        generation.content.close()

    # ── looking at the path ──────────────────────────────────────────────────────────

    def look(self, now_ns: int) -> bool:
        """See what the path is now; True when there are other generations to read than before."""
        try:
            return self._look(now_ns)
        finally:
            self.family.release()

    def _look(self, now_ns: int) -> bool:
        try:
            found = self._disk.stat(self.path)
        except OSError as error:
            self.error = describe(self.path, error)
            return self._look_for_copies(now_ns, missing=isinstance(error, FileNotFoundError))
        identity = (found.st_dev, found.st_ino)
        if found.st_ino == 0 or (identity == self._alias and self._claims.held(identity)):
            return False
        if self.live is None or identity != self.live.identity:
            return self._relink(now_ns)
        self.error = None
        if self.live.offset == 0 and self.live.empty and not self.live.is_intact():
            self._let_go(self.live)
            return self._relink(now_ns)
        if self.family.modified() or (self._unsure and not self.live.empty):
            return self._look_beside(self.live)
        return False

    def _look_for_copies(self, now_ns: int, *, missing: bool) -> bool:
        """While the path is missing, read on where its file was moved to, and what came and went meanwhile."""
        if missing and not self._begun:
            self._begin_without_file()
        if not self.family.modified():
            return False
        siblings = self.family.listing()
        before = len(self.older)
        self._find_older(siblings, now_ns)
        chain: list[Generation] = []
        if self.live is not None and not self.live.is_intact():
            chain += self._hold()[0]
        if self._resume is not None:
            found = self.succession.find(self._resume, self._not_held(siblings, chain))
            if found is not None:
                self._resume = None
                chain.append(found)
                self.ledger.rotations["rename"] += 1
        missed = self.succession.missed(siblings, [*self._generations(), *chain], empties=True)
        if missed:
            self._give_up(now_ns)
            chain += self._hold()[0]
            self.ledger.rotations["rename"] += len(missed)
        self._queue([*chain, *missed], siblings)
        if self._resume is None:
            self.family.know(siblings)
        return len(self.older) > before

    def _not_held(self, siblings: list[Sibling], held: list[Generation]) -> list[Sibling]:
        """Those that are not open already."""
        taken = {generation.identity for generation in (*self.older, *held)}
        return [sibling for sibling in siblings if (sibling.device, sibling.inode) not in taken]

    def _give_up(self, now_ns: int) -> None:
        """What was read is nowhere, but there are later copies: its rest is lost."""
        record, self._resume = self._resume, None
        if record is not None and record.fingerprint.head_size:
            self.ledger.lose("removed", now_ns, record.seen - record.fingerprint.size)

    def _begin_without_file(self) -> None:
        self._begun = True
        self._start = "beginning"
        self.family.know(self.family.listing())

    def _find_older(self, siblings: list[Sibling], now_ns: int) -> None:
        for record in self._resume_older:
            found = self.succession.relocate(record, siblings, now_ns)
            if found is not None:
                self.older.append(found)
        self._resume_older = []

    def _look_beside(self, live: Generation) -> bool:
        """Names have come or gone beside the log: know them, and read what the log held while it was thought empty."""
        siblings = self.family.listing()
        if not self._is_at_path(live.content) or not live.is_intact():
            self.family.mistrust()
            return False
        missed = self._add_missed(siblings) if self._unsure else 0
        self.family.know(siblings)
        self._unsure = live.empty
        return missed > 0

    def _is_at_path(self, content: Plain | Archive) -> bool:
        """The path still names this file: siblings listed before hold nothing newer."""
        try:
            found = self._disk.stat(self.path)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == (content.device, content.inode)

    # ── another file at the path ─────────────────────────────────────────────────────

    def _relink(self, now_ns: int) -> bool:
        """Put the file that is at the path now behind all that was written before it."""
        try:
            fresh = open_plain(self._disk, self.path)
        except OSError as error:
            self.error = describe(self.path, error)
            return False
        siblings = self.family.listing()
        if not self._is_at_path(fresh):
            fresh.close()
            return False
        self.error = None
        if self._is_ours_already(fresh) or not self._is_free(fresh):
            fresh.close()
            return True
        self._find_older(siblings, now_ns)
        if not self._begun:
            self._begin(fresh)
        elif not self._goes_on(fresh, siblings, now_ns):
            self._succeed(fresh, siblings, now_ns)
        self.family.know(siblings)
        self.family.modified()
        return True

    def _is_ours_already(self, fresh: Plain) -> bool:
        """A file that was moved away came back: it becomes the live one again, where we left it."""
        for generation in self.older:
            if generation.identity == (fresh.device, fresh.inode):
                self.older.remove(generation)
                self._retire()
                self.live = generation
                return True
        return False

    def _is_free(self, fresh: Plain) -> bool:
        """No other path reads this file; else this one waits until its path names another."""
        identity = (fresh.device, fresh.inode)
        if self._claims.take(identity, self.path):
            self._alias = None
            return True
        self._alias = identity
        self._begun = True
        self._retire()
        return False

    def _retire(self) -> None:
        """The live generation is live no more."""
        if self.live is not None:
            self.older.append(self.live)
            self.live = None

    def _begin(self, fresh: Plain) -> None:
        """The very first look at a file."""
        self._begun = True
        self.live = Generation(fresh, self.path, self.ledger.skipped)
        if self._start == "end":
            self.live.move_to_end()
        self._set_live(self.live)

    def _set_live(self, live: Generation) -> None:
        self.live = live
        live.is_intact()
        self._unsure = live.empty

    def _goes_on(self, fresh: Plain, siblings: list[Sibling], now_ns: int) -> bool:
        """It is the file we were reading, or a copy put in its place: go on at the same offset."""
        if self.live is not None:
            if not self.succession.replaces(self.live, fresh):
                return False
            record = self.live.record()
            self._claims.release(self.live.identity, self.path)
            self.live.content.close()
            self.ledger.rotations["replaced"] += 1
        elif self._resume is not None and self.succession.continues(self._resume, fresh):
            record = self._resume
        else:
            return False
        live = self._take_up(record, fresh)
        copied = 0 if record.fingerprint.head_size else self._add_missed(siblings)
        if live.seen < record.seen and not copied:
            self.ledger.lose("truncated", now_ns, record.seen - live.seen, exact=True)
        return True

    def _add_missed(self, siblings: list[Sibling]) -> int:
        """The file had no line when last seen: a copy that was not there holds what it had meanwhile."""
        missed = self.succession.missed(siblings, self._generations())
        self.older += missed
        self.ledger.rotations["copytruncate"] += len(missed)
        return len(missed)

    def _take_up(self, record: Record, fresh: Plain) -> Generation:
        """Read on in a file that begins with what was read."""
        self._resume = None
        live = Generation(fresh, self.path, self.ledger.skipped)
        live.move(record.fingerprint.size, cutting=record.cutting)
        live.seen = max(fresh.stat().st_size, live.offset)
        self._set_live(live)
        return live

    def _succeed(self, fresh: Plain, siblings: list[Sibling], now_ns: int) -> None:
        """A new file is at the path: first what was there before it and what was missed."""
        live = Generation(fresh, self.path, self.ledger.skipped)
        live.move(0)
        held, kind = self._hold()
        found = None
        read = None
        if self._resume is not None:
            read = self._resume.fingerprint if self._resume.fingerprint.size else None
            found = self.succession.predecessor(self._resume, self._not_held(siblings, held))
            if found is None and self._resume.fingerprint.matches(fresh):
                self._take_up(self._resume, fresh)
                self.older += held
                return
            kind = self._follow(self._resume, found, fresh, now_ns)
        chain = [*held, *([found] if found is not None else [])]
        missed = self.succession.missed(siblings, [*self.older, *chain, live], read=read if found is None else None)
        self._queue([*chain, *missed], siblings)
        self._come_back(live)
        self._set_live(live)
        self.ledger.rotations[kind] += 1 + len(missed)

    def _queue(self, generations: list[Generation], siblings: list[Sibling]) -> None:
        """Put generations behind those that are read already: first the one that holds the position, then by age."""
        order = {(sibling.device, sibling.inode): place for place, sibling in enumerate(siblings)}
        self.older += sorted(
            generations, key=lambda generation: -1 if generation.offset else order.get(generation.identity, -1)
        )

    def _hold(self) -> tuple[list[Generation], str]:
        """The file that was at the path until now, as a generation to be read to its end."""
        held, self.live = self.live, None
        if held is None:
            return [], "rename"
        kind = "rename" if held.links() else "replaced"
        if held.is_intact():
            return [held], kind
        # Truncated and then moved: what was read is elsewhere, and this is another generation.
        self._resume = held.record()
        anew = Generation(held.content, held.name, self.ledger.skipped)
        anew.move(0)
        return [anew], kind

    def _follow(self, record: Record, found: Generation | None, fresh: Plain, now_ns: int) -> str:
        """Go on with the copy that holds the position, or record a gap; tell how the file was rotated."""
        self._resume = None
        stayed = record.fingerprint.same_inode(fresh)
        if found is None:
            if record.fingerprint.head_size:
                self.ledger.lose("truncated" if stayed else "removed", now_ns, record.seen - record.fingerprint.size)
            return "truncate" if stayed else "replaced"
        if record.seen > found.seen and isinstance(found.content, Plain):
            self.ledger.lose("truncated", now_ns, record.seen - found.seen, exact=True)
        return "copytruncate" if stayed else "rename"

    def _come_back(self, live: Generation) -> None:
        """A file that was read before under whatever name starts where it was left."""
        assert isinstance(live.content, Plain)
        known = self.family.resumed(live.content) or self._claims.finished(live.content)
        if known is not None:
            live.move(known.size)

    # ── state ────────────────────────────────────────────────────────────────────────

    def dump(self) -> str:
        """The row of this path: every generation with its position, and the ledger."""
        live = self.live.record() if self.live is not None else self._resume
        row = {
            "begun": self._begun,
            "start": self._start,
            "live": live.dump() if live is not None else None,
            "older": [record.dump() for record in (*self._resume_older, *(older.record() for older in self.older))],
            "ledger": self.ledger.dump(),
        }
        return json.dumps(row, separators=(",", ":"))

    def load(self, text: str, siblings: str | None) -> None:
        """Undo `dump`; files are looked for at the first look."""
        row: dict[str, Any] = json.loads(text)
        self._begun = row["begun"]
        self._start = row["start"]
        self._resume = Record.load(row["live"]) if row["live"] is not None else None
        self._resume_older = [Record.load(older) for older in row["older"]]
        self.ledger.load(row["ledger"])
        self.family.load(siblings)

    def adopt(self, inode: int, offset: int) -> None:
        """Go on at pygtail's position; believed where the inode is still there and a line ends before it."""
        try:
            content = open_plain(self._disk, self.path)
        except OSError:
            return
        if content.inode == inode and content.pread(1, offset - 1) == b"\n":
            self._begun = True
            self._resume = Record(take(content, offset), self.path, offset)
        content.close()

    def has_read(self, content: Plain) -> bool:
        """The file holds all that was read of one of our generations."""
        prints = [generation.fingerprint() for generation in self._generations()]
        return any(known.size >= HEAD and known.matches(content) for known in prints)

    def _generations(self) -> list[Generation]:
        return [*self.older, *([self.live] if self.live is not None else [])]

    def status(self) -> SourceStatus:
        """How the path stands."""
        live = self.live
        return SourceStatus(
            path=self.path,
            open=live is not None or (self._alias is not None and self.error is None),
            error=self.error,
            size=live.seen if live is not None else 0,
            position=live.offset if live is not None else 0,
            pending=self.pending(),
            last_read_ns=self._last_read_ns,
            rotations=dict(self.ledger.rotations),
            skipped=dict(self.ledger.skipped),
        )

    def pending(self) -> int:
        """Bytes known and not read; of an archive, in its compressed form."""
        return sum(generation.pending() for generation in self._generations())

    def open_files(self) -> list[Plain]:
        """The plain files that are open, the live one included."""
        return [generation.content for generation in self._generations() if isinstance(generation.content, Plain)]

    def close(self) -> None:
        """Let go of every descriptor."""
        for generation in self._generations():
            generation.content.close()
