"""The generations before the live one: read to their ends, and kept open while writers still hold them.

One that has been read to its end stays open (it is draining) until nobody has written to it
for `rotate_wait_ns` and the next has data: writers keep their descriptors for a while. One
whose descriptor fails (a server that forgot it) is found again by its content, whatever
it is called or packed as by then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from logwatch.sources.claims import Claims
from logwatch.sources.content import Archive
from logwatch.sources.copies import Sibling
from logwatch.sources.habits import Habits
from logwatch.sources.ledger import Ledger
from logwatch.sources.open_file import ChangedError, Generation, Limits, Piece, Record
from logwatch.sources.rotated_files import Family
from logwatch.sources.succession import Succession

DRAINING = 8
"""So many generations at most stay open after their end was read."""
PATIENCE = 10
"""A successor without data is waited for so many times longer."""


def read_on(generation: Generation, limits: Limits, ledger: Ledger, *, rest: bool = False) -> Piece | None:
    """Read the next piece, or the rest of a file that has ended, and enter it in the ledger."""
    offset = generation.offset
    try:
        return generation.rest(limits) if rest else generation.read(limits)
    finally:
        ledger.read += generation.offset - offset


class Older:
    """What is still to be read, or may still be written, of one path's earlier files; the oldest first."""

    def __init__(self, path: str, habits: Habits, *, ledger: Ledger, family: Family, claims: Claims) -> None:
        self.generations: list[Generation] = []
        self.lost_sight: list[Record] = []
        """What was read of those that are not open and must be found again."""
        self._path = path
        self._habits = habits
        self._ledger = ledger
        self._family = family
        self._claims = claims

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
            piece = read_on(generation, self._habits.limits, self._ledger)
            generation.trust()
            generation.quiet_ns = 0 if piece is not None or generation.seen != seen else generation.quiet_ns + elapsed
            if piece is not None or not self._is_over(generation, superseded=superseded):
                return piece
            return self._finish(generation, now_ns)
        except ChangedError:
            if generation.doubt(now_ns):
                self._ledger.lose("rewritten", now_ns, generation.seen - generation.offset)
                self._close(generation)
        except OSError:
            self.lose_sight(generation)
        return None

    def _count_late(self, generation: Generation, piece: Piece) -> None:
        if generation.rotated_at is not None:
            begin = max(generation.rotated_at - piece.offset, 0)
            self._ledger.late += piece.data.count(b"\n", begin, max(generation.offset - piece.offset, begin))

    def _is_over(self, generation: Generation, *, superseded: bool) -> bool:
        """It was read to its end, and nobody will write to it any more."""
        if generation.frozen or self.generations.index(generation) < len(self.generations) - DRAINING:
            return True
        wait = self._habits.rotate_wait_ns
        return generation.quiet_ns >= (wait if superseded else PATIENCE * wait)

    def _finish(self, generation: Generation, now_ns: int) -> Piece | None:
        """Hand out the last line, though its end never came."""
        piece = read_on(generation, self._habits.limits, self._ledger, rest=True)
        if isinstance(generation.content, Archive) and generation.content.damage is not None:
            self._ledger.lose("damaged", now_ns, 0)
        self._close(generation)
        return piece

    def _close(self, generation: Generation) -> None:
        self.generations.remove(generation)
        self._family.finished(generation.fingerprint())
        self._claims.finish(generation.fingerprint(), self._path)
        generation.content.close()

    # ── lost and found ───────────────────────────────────────────────────────────────

    def lose_sight(self, generation: Generation) -> None:
        """Its descriptor is of no use: what it held is to be found again."""
        self.generations.remove(generation)
        self.lost_sight.append(generation.record())
        self._claims.release(generation.identity, self._path)
        generation.content.close()

    def drop_stale(self) -> None:
        """Lose sight of those that cannot be read by their descriptors any more."""
        for generation in list(self.generations):
            if generation.is_stale():
                self.lose_sight(generation)

    def find(self, succession: Succession, siblings: Sequence[Sibling], now_ns: int) -> bool:
        """Open again what is to be found again; True if anything was."""
        sought, self.lost_sight = self.lost_sight, []
        found = [succession.relocate(record, siblings, now_ns) for record in sought]
        self.generations += [generation for generation in found if generation is not None]
        return any(found)

    # ── order ────────────────────────────────────────────────────────────────────────

    def queue(self, generations: Sequence[Generation], siblings: Sequence[Sibling]) -> None:
        """Put generations behind those that are read already: first the one that holds the position, then by age."""
        order = {(sibling.device, sibling.inode): place for place, sibling in enumerate(siblings)}

        def age(generation: Generation) -> float:
            if generation.offset:
                return -1
            place = order.get(generation.identity)
            return self._age(generation, siblings) if place is None else place

        self.generations += sorted(generations, key=age)

    def _age(self, generation: Generation, siblings: Sequence[Sibling]) -> float:
        """The place of a file that has lost its name among the copies: that of its packed form, else by its last write."""
        for place, sibling in enumerate(siblings):
            if sibling.packed and self._family.is_packed_form(sibling, generation):
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
        return [*self.lost_sight, *(generation.record() for generation in self.generations)]
