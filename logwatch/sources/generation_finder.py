"""Finds what a log's bytes went on as: the copy that holds the position, and those written after it.

A generation is a file's life between two rotations. Names and inodes are hints; the
fingerprint proves. What proves nothing, because no byte had been read, is settled by the
siblings: those that were not there at the last commit were written since.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from logwatch.sources.content import Archive, Disk, Plain
from logwatch.sources.copies import RotatedFile
from logwatch.sources.fingerprint import HEAD, Fingerprint, take
from logwatch.sources.inode_owners import InodeOwners
from logwatch.sources.open_file import Generation, Record
from logwatch.sources.read_stats import ReadStats
from logwatch.sources.rotated_files import RotatedFiles

Decide = Callable[[str, Fingerprint, Callable[[], str | None]], str | None]
"""Path, what was read of it, and a search for the rotated copy, to the rotated copy's path (see `file.py`)."""


class Start(NamedTuple):
    """Where to begin in a copy, and from where on its lines are late."""

    offset: int
    late_from: int | None


class GenerationFinder:
    """The search for generations of one path."""

    def __init__(
        self,
        path: str,
        rotated_files: RotatedFiles,
        stats: ReadStats,
        *,
        disk: Disk,
        owners: InodeOwners,
        decide: Decide,
    ) -> None:
        self._path = path
        self._rotated_files = rotated_files
        self._stats = stats
        self._disk = disk
        self._owners = owners
        self._decide = decide

    def continues(self, record: Record, fresh: Plain) -> bool:
        """The file at the path is the one that was read: by inode and content, or by a proof of content alone."""
        known = record.fingerprint
        if known.same_inode(fresh):
            return known.head_size == 0 or known.matches(fresh)
        return known.size >= HEAD and known.matches(fresh)

    def replaces(self, held: Generation, fresh: Plain) -> bool:
        """The file at the path starts with all that the one we hold has: a new copy of it, not its successor.

        Where the old file has kept a name, it was moved away by a rotation; only a long common beginning says otherwise.
        """
        if held.empty or not isinstance(held.content, Plain):
            return False
        size = held.content.stat().st_size
        if held.links() and min(size, held.offset) < HEAD:
            return False
        return held.fingerprint().matches(fresh) and take(held.content, size).matches(fresh)

    def predecessor(self, record: Record, siblings: Sequence[RotatedFile]) -> Generation | None:
        """The copy that goes on behind what was read, when another file is at the path."""
        path = self._decide(self._path, record.fingerprint, lambda: self._search(record, siblings))
        return next((self._at(record, sibling) for sibling in siblings if sibling.path == path), None)

    def find(self, record: Record, siblings: Sequence[RotatedFile]) -> Generation | None:
        """The copy that goes on behind what was read, whatever is at the path."""
        path = self._search(record, siblings)
        return next((self._at(record, sibling) for sibling in siblings if sibling.path == path), None)

    def relocate(self, record: Record, siblings: Sequence[RotatedFile], now_ns: int) -> Generation | None:
        """Find an backlog generation of the state again, or record a gap where bytes of it were still to be read."""
        found = self.find(record, siblings)
        if found is None and record.seen > record.fingerprint.size:
            self._stats.record_loss("removed", now_ns, record.seen - record.fingerprint.size)
        return found

    def _search(self, record: Record, siblings: Sequence[RotatedFile]) -> str | None:
        holder = self._rotated_files.holder(record.fingerprint, siblings)
        return holder.path if holder is not None else None

    def _at(self, record: Record, sibling: RotatedFile) -> Generation | None:
        """Open a copy behind what was read of it."""
        content = self._rotated_files.copies.open(sibling)
        if content is None:
            return None
        known = record.fingerprint
        copied = not known.same_inode(content)
        generation = Generation(content, sibling.path, self._stats.skipped, frozen=copied)
        generation.move(known.size, cutting=record.cutting)
        generation.rotated_at = record.rotated_at
        if isinstance(content, Plain):
            generation.seen = max(generation.seen, content.stat().st_size)
            if record.rotated_at is None:
                generation.rotated_at = generation.seen
            self._owners.take(generation.identity, self._path)
        return generation

    def unseen_rotations(
        self,
        siblings: Sequence[RotatedFile],
        held: Sequence[Generation],
        *,
        read: Fingerprint | None = None,
        empties: bool = False,
    ) -> list[Generation]:
        """Generations that came and went unseen, and those that grew after they were closed; the oldest first.

        A copy that begins like `read` and is no longer, though nothing goes on behind `read`, was made before we
        read on to its truncation. An empty copy is one in the making, unless the log was moved (`empties`).
        """

        def start(sibling: RotatedFile, content: Plain | Archive) -> Start | None:
            begun = read is not None and read.begins(content.pread(HEAD, 0)) and not content.pread(1, read.size)
            if begun or any(is_copy(content, sibling.size, generation) for generation in held):
                return None
            late = self._late(content)
            if late is not None or sibling.middle is None or self._rotated_files.knows(sibling):
                return late
            return Start(0, sibling.size if isinstance(content, Plain) else None)

        for generation in held:
            generation.is_intact()
        return self._open_new([sibling for sibling in siblings if sibling.size or empties], start)

    def late(self, siblings: Sequence[RotatedFile], held: Sequence[Generation]) -> list[Generation]:
        """Generations that grew after they were closed; the oldest first."""
        open_now = {generation.identity for generation in held}

        def start(_: RotatedFile, content: Plain | Archive) -> Start | None:
            return None if (content.device, content.inode) in open_now else self._late(content)

        return self._open_new(siblings, start)

    def _late(self, content: Plain | Archive) -> Start | None:
        known = self._rotated_files.appended(content)
        return Start(known.size, known.size) if known is not None else None

    def _open_new(
        self, siblings: Sequence[RotatedFile], start: Callable[[RotatedFile, Plain | Archive], Start | None]
    ) -> list[Generation]:
        """Those that were not there before, as they are now, and have something to be read."""
        generations = []
        for sibling in siblings:
            identity = (sibling.device, sibling.inode)
            if self._owners.is_foreign(sibling.path, identity, self._path) or self._rotated_files.was_listed(sibling):
                continue
            content = self._rotated_files.copies.open(sibling)
            if content is None:
                continue
            begin = start(sibling, content)
            if begin is None:
                content.close()
                continue
            generation = Generation(content, sibling.path, self._stats.skipped)
            generation.move(begin.offset)
            generation.rotated_at = begin.late_from
            self._owners.take(generation.identity, self._path)
            generations.append(generation)
        return generations


def is_copy(content: Plain | Archive, size: int, generation: Generation) -> bool:
    """The file is the generation itself, or a copy of it, whole or so far."""
    if (content.device, content.inode) == generation.identity:
        return True
    if isinstance(content, Plain) and isinstance(generation.content, Plain) and _begins(content, size, generation):
        return True
    return not generation.empty and generation.fingerprint().matches(content)


def _begins(content: Plain, size: int, generation: Generation) -> bool:
    """So much of the file is how the generation begins; also of a copy that has but half a line so far."""
    begun = take(content, size)
    if begun.head_size or not size:
        return begun.matches(generation.content)
    return content.pread(size, 0) == generation.content.pread(size, 0)
