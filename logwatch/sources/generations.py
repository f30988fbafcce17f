"""The generations of one path: the file it names now, those before it, and what must be opened again.

    backlog (oldest first)                          live
    ┌──────────┐ ┌────────────┐ ┌────────────┐   ┌─────────────┐
    │ .2.gz    │ │ .1, unseen │ │ draining   │ ▶ │ the path's  │
    │ from off │ │ from 0     │ │ late lines │   │ file        │
    └──────────┘ └────────────┘ └────────────┘   └─────────────┘

A generation of the backlog that has been read to its end stays open (it is draining) until nobody
has written to it for `rotate_wait_ns` and the next one has data: writers keep their descriptors for
a while. One whose descriptor fails (a file server dropped it) is found again by its content, whatever
its name or compression is by then. `rotation.py` decides what becomes of a generation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from logwatch.sources.content import Archive, Plain
from logwatch.sources.fingerprint import Fingerprint
from logwatch.sources.open_file import ChangedError, Generation, Options, Piece, ReadStats, StoredGeneration
from logwatch.sources.rotated_files import KnownFiles, RotatedFile

Identity = tuple[int, int]
MAX_REMEMBERED = 1024
"""This many files that were read to their end are remembered."""
MAX_DRAINING = 8
"""This many generations stay open after their end was read."""
EMPTY_SUCCESSOR = 10
"""While the live file has no data, rotated files stay open so many times longer."""


class InodeOwners:
    """Which followed path reads which inode, so that a file with two names is read once; shared by all paths."""

    def __init__(self) -> None:
        self._owners: dict[Identity, str] = {}
        self._finished: dict[Identity, Fingerprint] = {}
        self._paths: set[str] = set()

    def follow(self, path: str) -> None:
        """Note that a path is a log of its own, whatever its name looks like."""
        self._paths.add(path)

    def is_foreign(self, name: str, identity: Identity, path: str) -> bool:
        """Whether a file is another log than `path`, or is read for one."""
        return name in self._paths or self._owners.get(identity, path) != path

    def assign(self, identity: Identity, path: str) -> bool:
        """Let a path read a file; False if another path does."""
        return self._owners.setdefault(identity, path) == path

    def release(self, identity: Identity, path: str) -> None:
        """Note that the path does not read the file any more."""
        if self._owners.get(identity) == path:
            del self._owners[identity]

    def finish(self, fingerprint: Fingerprint, path: str) -> None:
        """Note that the path has read the file to its end, as far as the fingerprint says."""
        identity = (fingerprint.device, fingerprint.inode)
        self.release(identity, path)
        self._finished[identity] = fingerprint
        for oldest in list(self._finished)[:-MAX_REMEMBERED]:
            del self._finished[oldest]

    def is_read(self, identity: Identity) -> bool:
        """Whether some path reads the file."""
        return identity in self._owners

    def finished(self, content: Plain) -> Fingerprint | None:
        """Return how far a file was read by any path that is done with it."""
        known = self._finished.get((content.device, content.inode))
        return known if known is not None and known.size and known.matches(content) else None


class RotatedBacklog:
    """The earlier generations of one path that are still read, or may still be written; the oldest first."""

    def __init__(
        self, path: str, options: Options, *, stats: ReadStats, known: KnownFiles, owners: InodeOwners
    ) -> None:
        self.generations: list[Generation] = []
        self.to_reopen: list[StoredGeneration] = []
        """What was read of those that are not open and must be found again."""
        self._path = path
        self._options = options
        self._stats = stats
        self._known = known
        self._owners = owners

    def pieces(self, now_ns: int, elapsed: int, *, superseded: bool) -> Iterator[tuple[Piece, int]]:
        """Yield the next piece of each that has one, and its mtime (ns); `superseded` if the live file has data."""
        for generation in list(self.generations):
            piece = self._read(generation, now_ns, elapsed, superseded=superseded)
            if piece is not None:
                self._count_late(generation, piece)
                yield piece, generation.mtime_ns

    def _read(self, generation: Generation, now_ns: int, elapsed: int, *, superseded: bool) -> Piece | None:
        seen = generation.seen
        try:
            piece = generation.read(self._options)
            generation.clear_change()
            generation.add_quiet(elapsed, written=piece is not None or generation.seen != seen)
            if piece is not None or not self._is_complete(generation, superseded=superseded):
                return piece
            return self._finish(generation, now_ns)
        except ChangedError:
            if generation.confirm_change(now_ns):
                self._stats.record_loss("rewritten", now_ns, generation.seen - generation.offset)
                self._close(generation)
        except OSError:
            self.close_to_reopen(generation)
        return None

    def _count_late(self, generation: Generation, piece: Piece) -> None:
        if generation.rotated_at is not None:
            begin = max(generation.rotated_at - piece.offset, 0)
            self._stats.late += piece.data.count(b"\n", begin, max(generation.offset - piece.offset, begin))

    def _is_complete(self, generation: Generation, *, superseded: bool) -> bool:
        """Whether it was read to its end and nobody will write to it any more."""
        if generation.complete or self.generations.index(generation) < len(self.generations) - MAX_DRAINING:
            return True
        wait = self._options.rotate_wait_ns
        return generation.quiet_ns >= (wait if superseded else EMPTY_SUCCESSOR * wait)

    def _finish(self, generation: Generation, now_ns: int) -> Piece | None:
        """Return the last line even if it has no newline, and close the generation."""
        piece = generation.rest(self._options)
        if isinstance(generation.content, Archive) and generation.content.damage is not None:
            self._stats.record_loss("damaged", now_ns, 0)
        self._close(generation)
        return piece

    def _close(self, generation: Generation) -> None:
        self.generations.remove(generation)
        self._known.add_finished(generation.fingerprint())
        self._owners.finish(generation.fingerprint(), self._path)
        generation.content.close()

    # ── reopening ────────────────────────────────────────────────────────────────────

    def close_to_reopen(self, generation: Generation) -> None:
        """Close a generation whose descriptor has failed; it must be found again."""
        self.generations.remove(generation)
        self.to_reopen.append(generation.record())
        self._owners.release(generation.identity, self._path)
        generation.content.close()

    def close_stale(self) -> None:
        """Close those that cannot be read by their descriptors any more."""
        for generation in list(self.generations):
            if generation.is_stale():
                self.close_to_reopen(generation)

    def reopen(self, find: Callable[[StoredGeneration], Generation | None]) -> bool:
        """Open again what must be found again; True if anything was. Raises NoDescriptorError."""
        found = False
        while self.to_reopen:
            generation = find(self.to_reopen[0])
            del self.to_reopen[0]
            if generation is not None:
                self.generations.append(generation)
                found = True
        return found

    def load(self, records: Sequence[StoredGeneration]) -> None:
        """Open these again at the first check."""
        self.to_reopen = list(records)

    # ── order ────────────────────────────────────────────────────────────────────────

    def add(self, generations: Sequence[Generation], listed: Sequence[RotatedFile]) -> None:
        """Append generations: first the one that holds the position, then by age."""
        order = {file.identity: place for place, file in enumerate(listed)}

        def age(generation: Generation) -> float:
            if generation.offset:
                return -1
            place = order.get(generation.identity)
            return self._age(generation, listed) if place is None else place

        self.append(sorted(generations, key=age))

    def append(self, generations: Sequence[Generation]) -> None:
        """Append generations as they are."""
        self.generations += generations

    def _age(self, generation: Generation, listed: Sequence[RotatedFile]) -> float:
        """Return the place of a deleted file among those listed: that of its packed form, else by its last write."""
        for place, file in enumerate(listed):
            if file.packed and self._known.is_packed_form(file, generation):
                return place
        return sum(file.mtime_ns <= generation.mtime_ns for file in listed) - 0.5

    def remove(self, identity: Identity) -> Generation | None:
        """Remove and return the generation that is this file, if there is one."""
        for generation in self.generations:
            if generation.identity == identity:
                self.generations.remove(generation)
                return generation
        return None

    def records(self) -> list[StoredGeneration]:
        """Return what the state keeps of all, open or not."""
        return [*self.to_reopen, *(generation.record() for generation in self.generations)]


class FileGenerations:
    """What is open of one path, and how far it was read."""

    def __init__(
        self, path: str, options: Options, *, stats: ReadStats, known: KnownFiles, owners: InodeOwners
    ) -> None:
        self.path = path
        self.live: Generation | None = None
        self.backlog = RotatedBacklog(path, options, stats=stats, known=known, owners=owners)
        self.resume: StoredGeneration | None = None
        """What was read of the file that was last at the path, while it must be found again."""
        self.begun = False
        self.start = options.start
        self._stats = stats
        self._known = known
        self._owners = owners

    def all(self) -> list[Generation]:
        """Return all that are open, the oldest first."""
        return [*self.backlog.generations, *([self.live] if self.live is not None else [])]

    # ── what becomes of the live one ─────────────────────────────────────────────────

    def detach(self) -> None:
        """Close the live file, which does not hold what was read, or cannot be read: that must be found again."""
        if self.live is not None:
            self.resume = self.live.record()
            self._owners.release(self.live.identity, self.path)
            self.live.content.close()
            self.live = None

    def rotate_out(self) -> None:
        """Move the live generation to the backlog."""
        if self.live is not None:
            self.live.rotate()
            self.backlog.append([self.live])
            self.live = None

    def take_live(self) -> tuple[list[Generation], str]:
        """Take out the file that was at the path until now, to be read to its end; and how it was rotated."""
        held, self.live = self.live, None
        if held is None:
            return [], "rename"
        kind = "rename" if held.links() else "replaced"
        if not held.is_intact():
            # Truncated and then moved: what was read is elsewhere, and this is another generation.
            self.resume = held.record()
            held = Generation(held.content, held.name, self._stats)
            held.move(0)
            held.is_intact()
        held.rotate()
        return [held], kind

    # ── how a file becomes the live one ──────────────────────────────────────────────

    def begin(self, live: Generation) -> None:
        """Start with the file that is at the path at the very first check."""
        self.begun = True
        if self.start == "end":
            live.move_to_end()
        self.set_live(live)

    def begin_without_file(self) -> None:
        """Start without a file: whatever comes is read from its beginning."""
        self.begun = True
        self.start = "beginning"

    def continue_at(self, record: StoredGeneration) -> None:
        """Start at a position that is to be found at the first check."""
        self.begun = True
        self.resume = record

    def begin_elsewhere(self) -> None:
        """Start without a live file, because another path reads the file at this path."""
        self.begun = True
        self.rotate_out()

    def give_up(self) -> StoredGeneration | None:
        """Return what was read of a file that is not found, and do not look for it any more."""
        record, self.resume = self.resume, None
        return record

    def detach_again(self, record: StoredGeneration) -> None:
        """Undo `resume_live`: the file must be found again."""
        self.detach()
        self.resume = record

    def set_live(self, live: Generation) -> None:
        """Note that the path names this file from now on."""
        self.live = live
        live.is_intact()

    def reattach(self, live: Generation) -> bool:
        """Make a file that was moved away and came back the live one again, at its position."""
        known = self.backlog.remove(live.identity)
        if known is None:
            return False
        self.rotate_out()
        known.rotate_back()
        self.live = known
        return True

    def resume_live(self, record: StoredGeneration, live: Generation) -> None:
        """Continue in a file that begins with what was read; raises ChangedError if it does not any more."""
        live.resume(record.fingerprint, skips_line=record.skips_line)
        self.resume = None
        self.set_live(live)

    def open_new(self, live: Generation) -> None:
        """Start a new file at the path; one that was read before under any name continues at its position."""
        assert isinstance(live.content, Plain)
        known = self._known.same_file(live.content) or self._owners.finished(live.content)
        if known is not None:
            with suppress(ChangedError):
                live.resume(known, skips_line=False)
        self.set_live(live)

    # ── state ────────────────────────────────────────────────────────────────────────

    def dump(self) -> dict[str, Any]:
        """Return the form kept in the state: every generation with its position."""
        live = self.live.record() if self.live is not None else self.resume
        return {
            "begun": self.begun,
            "start": self.start,
            "live": live.dump() if live is not None else None,
            "older": [record.dump() for record in self.backlog.records()],
        }

    def load(self, row: Mapping[str, Any]) -> None:
        """Undo `dump`; the files are opened at the first check."""
        self.begun = row["begun"]
        self.start = row["start"]
        self.resume = StoredGeneration.load(row["live"]) if row["live"] is not None else None
        self.backlog.load([StoredGeneration.load(older) for older in row["older"]])

    def close(self) -> None:
        """Close every descriptor."""
        for generation in self.all():
            generation.content.close()
