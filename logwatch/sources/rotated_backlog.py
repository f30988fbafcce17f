"""The generations before the live one: read to their ends, and kept open while writers still hold them.

One that has been read to its end stays open (it is draining) until nobody has written to it
for `rotate_wait_ns` and the next has data: writers keep their descriptors for a while. One
whose descriptor fails (a server that forgot it) is found again by its content, whatever
it is called or packed as by then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from logwatch.sources.content import Archive
from logwatch.sources.copies import RotatedFile
from logwatch.sources.generation_finder import GenerationFinder
from logwatch.sources.inode_owners import InodeOwners
from logwatch.sources.open_file import ChangedError, Generation, Limits, Piece, Record
from logwatch.sources.options import Options
from logwatch.sources.read_stats import ReadStats
from logwatch.sources.rotated_files import RotatedFiles

DRAINING = 8
"""So many generations at most stay open after their end was read."""
PATIENCE = 10
"""A successor without data is waited for so many times longer."""


def read_on(generation: Generation, limits: Limits, stats: ReadStats, *, rest: bool = False) -> Piece | None:
    """Read the next piece, or the rest of a file that has ended, and enter it in the stats."""
    offset = generation.offset
    try:
        return generation.rest(limits) if rest else generation.read(limits)
    finally:
        stats.read += generation.offset - offset


class RotatedBacklog:
    """What is still to be read, or may still be written, of one path's earlier files; the oldest first."""

    def __init__(
        self, path: str, options: Options, *, stats: ReadStats, rotated_files: RotatedFiles, owners: InodeOwners
    ) -> None:
        self.generations: list[Generation] = []
        self.to_reopen: list[Record] = []
        """What was read of those that are not open and must be found again."""
        self._path = path
        self._options = options
        self._stats = stats
        self._rotated_files = rotated_files
        self._owners = owners

    def pieces(self, now_ns: int, elapsed: int, *, superseded: bool) -> Iterator[tuple[Piece, int]]:
        """The next piece of each that has one, and its file's mtime (ns); `superseded` when the live file has data."""
        for generation in list(self.generations):
            piece = self._read(generation, now_ns, elapsed, superseded=superseded)
            if piece is not None:
                self._count_late(generation, piece)
                yield piece, generation.mtime_ns

    def _read(self, generation: Generation, now_ns: int, elapsed: int, *, superseded: bool) -> Piece | None:
        seen = generation.seen
        try:
            piece = read_on(generation, self._options.limits, self._stats)
            generation.clear_change()
            generation.quiet_ns = 0 if piece is not None or generation.seen != seen else generation.quiet_ns + elapsed
            if piece is not None or not self._is_over(generation, superseded=superseded):
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

    def _is_over(self, generation: Generation, *, superseded: bool) -> bool:
        """It was read to its end, and nobody will write to it any more."""
        if generation.frozen or self.generations.index(generation) < len(self.generations) - DRAINING:
            return True
        wait = self._options.rotate_wait_ns
        return generation.quiet_ns >= (wait if superseded else PATIENCE * wait)

    def _finish(self, generation: Generation, now_ns: int) -> Piece | None:
        """Hand out the last line, though its end never came."""
        piece = read_on(generation, self._options.limits, self._stats, rest=True)
        if isinstance(generation.content, Archive) and generation.content.damage is not None:
            self._stats.record_loss("damaged", now_ns, 0)
        self._close(generation)
        return piece

    def _close(self, generation: Generation) -> None:
        self.generations.remove(generation)
        self._rotated_files.finished(generation.fingerprint())
        self._owners.finish(generation.fingerprint(), self._path)
        generation.content.close()

    # ── lost and found ───────────────────────────────────────────────────────────────

    def close_to_reopen(self, generation: Generation) -> None:
        """Its descriptor is of no use: what it held is to be found again."""
        self.generations.remove(generation)
        self.to_reopen.append(generation.record())
        self._owners.release(generation.identity, self._path)
        generation.content.close()

    def close_stale(self) -> None:
        """Lose sight of those that cannot be read by their descriptors any more."""
        for generation in list(self.generations):
            if generation.is_stale():
                self.close_to_reopen(generation)

    def find(self, finder: GenerationFinder, siblings: Sequence[RotatedFile], now_ns: int) -> bool:
        """Open again what is to be found again; True if anything was."""
        sought, self.to_reopen = self.to_reopen, []
        found = [finder.relocate(record, siblings, now_ns) for record in sought]
        self.generations += [generation for generation in found if generation is not None]
        return any(found)

    # ── order ────────────────────────────────────────────────────────────────────────

    def queue(self, generations: Sequence[Generation], siblings: Sequence[RotatedFile]) -> None:
        """Put generations behind those that are read already: first the one that holds the position, then by age."""
        order = {(sibling.device, sibling.inode): place for place, sibling in enumerate(siblings)}

        def age(generation: Generation) -> float:
            if generation.offset:
                return -1
            place = order.get(generation.identity)
            return self._age(generation, siblings) if place is None else place

        self.generations += sorted(generations, key=age)

    def _age(self, generation: Generation, siblings: Sequence[RotatedFile]) -> float:
        """The place of a file that has lost its name among the copies: that of its packed form, else by its last write."""
        for place, sibling in enumerate(siblings):
            if sibling.packed and self._rotated_files.is_packed_form(sibling, generation):
                return place
        return sum(sibling.mtime_ns <= generation.mtime_ns for sibling in siblings) - 0.5

    def take(self, identity: tuple[int, int]) -> Generation | None:
        """Take out the generation that is this file, where there is one."""
        for generation in self.generations:
            if generation.identity == identity:
                self.generations.remove(generation)
                return generation
        return None

    def records(self) -> list[Record]:
        """What the state keeps of all, found or not."""
        return [*self.to_reopen, *(generation.record() for generation in self.generations)]
