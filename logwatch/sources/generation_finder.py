"""Finds the generations of a log that are in its rotated files.

A generation is what a file holds between two rotations. Names and inodes are hints; the
fingerprint proves. If nothing is proven, because no byte had been read, the listing decides:
rotated files that were not there at the last commit were written since.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from logwatch.sources.content import Archive, CodecMissingError, NoDescriptorError, Plain, is_readable
from logwatch.sources.fingerprint import HEAD, Fingerprint, take
from logwatch.sources.generations import InodeOwners
from logwatch.sources.open_file import Generation, ReadStats, StoredGeneration
from logwatch.sources.rotated_files import KnownFiles, RotatedFile, RotatedFiles

log = logging.getLogger("logwatch")


class Start(NamedTuple):
    """Where to begin in a rotated file, and from where on its lines are late."""

    offset: int
    late_from: int | None


class GenerationFinder:
    """Opens the rotated files of one path that are still to be read."""

    def __init__(
        self, path: str, *, files: RotatedFiles, known: KnownFiles, stats: ReadStats, owners: InodeOwners
    ) -> None:
        self._path = path
        self._files = files
        self._known = known
        self._stats = stats
        self._owners = owners

    def find(self, record: StoredGeneration, listed: Sequence[RotatedFile]) -> Generation | None:
        """Open the rotated file that continues what was read, at its position. Raises NoDescriptorError."""
        file = self._known.holder(record.fingerprint, listed)
        content = self._files.open(file) if file is not None else None
        if file is None or content is None:
            return None
        copied = not record.fingerprint.same_inode(content)
        generation = Generation(content, file.path, self._stats, complete=copied)
        generation.continue_copy(record)
        if isinstance(content, Plain):
            self._owners.assign(generation.identity, self._path)
        return generation

    def reopen(self, record: StoredGeneration, listed: Sequence[RotatedFile], now_ns: int) -> Generation | None:
        """Open an earlier generation again; record a gap if it is gone and bytes of it were still to be read."""
        found = self.find(record, listed)
        if found is None and record.seen > record.fingerprint.size:
            self.record_loss("removed", record, listed, now_ns)
        return found

    def record_loss(self, reason: str, record: StoredGeneration, listed: Sequence[RotatedFile], now_ns: int) -> None:
        """Record that a generation was not found; the reason may be that no codec reads the file that holds it."""
        for file in listed:
            if file.middle is not None and not is_readable(file.path) and not self._known.was_listed(file):
                reason = "codec"
                log.warning("%s: cannot be read: %s", file.path, CodecMissingError())
        self._stats.record_loss(reason, now_ns, record.seen - record.fingerprint.size)

    def file_of(self, generation: Generation, listed: Sequence[RotatedFile]) -> RotatedFile | None:
        """Return the listed file that is a generation, or its packed form. Raises NoDescriptorError."""

        def is_it(file: RotatedFile) -> bool:
            return file.identity == generation.identity or (
                file.packed and self._known.is_packed_form(file, generation)
            )

        return next((file for file in listed if is_it(file)), None)

    def missing_numbers(self, known: Fingerprint, listed: Sequence[RotatedFile]) -> int:
        """Return how many numbers are missing between a generation's rotated file and the newest one."""
        holder = self._known.holder(known, listed)
        number = holder.number() if holder is not None else None
        numbers = {found for file in listed if (found := file.number()) is not None}
        return 0 if number is None else sum(between not in numbers for between in range(min(numbers), number))

    def unseen_rotations(
        self,
        listed: Sequence[RotatedFile],
        held: Sequence[Generation],
        *,
        read: Fingerprint | None = None,
        empties: bool = False,
    ) -> list[Generation]:
        """Open generations that came and went unseen, and those that grew after they were closed; the oldest first.

        A file that begins like `read` and is no longer, although nothing continues `read`, was copied before we
        read on to its truncation. An empty file is a copy in the making, unless the log was moved (`empties`).
        Raises NoDescriptorError.
        """

        def start(file: RotatedFile, content: Plain | Archive) -> Start | None:
            is_begun = read is not None and read.begins(content.pread(HEAD, 0)) and not content.pread(1, read.size)
            if is_begun or any(is_copy(content, file.size, generation) for generation in held):
                return None
            late = self._late_start(content)
            if late is not None or file.middle is None or self._known.knows(file):
                return late
            return Start(0, file.size if isinstance(content, Plain) else None)

        for generation in held:
            generation.is_intact()
        return self._open_new([file for file in listed if file.size or empties], start)

    def late(self, listed: Sequence[RotatedFile], held: Sequence[Generation]) -> list[Generation]:
        """Open generations that grew after they were closed; the oldest first. Raises NoDescriptorError."""
        open_now = {generation.identity for generation in held}

        def start(_: RotatedFile, content: Plain | Archive) -> Start | None:
            return None if (content.device, content.inode) in open_now else self._late_start(content)

        return self._open_new(listed, start)

    def _late_start(self, content: Plain | Archive) -> Start | None:
        known = self._known.read_before(content)
        return Start(known.size, known.size) if known is not None else None

    def _open_new(
        self, listed: Sequence[RotatedFile], start: Callable[[RotatedFile, Plain | Archive], Start | None]
    ) -> list[Generation]:
        """Open those that have changed since they were last listed and have something to read."""
        opened: list[Generation] = []
        try:
            for file in listed:
                if self._owners.is_foreign(file.path, file.identity, self._path) or self._known.was_listed(file):
                    continue
                generation = self._open_from(file, start)
                if generation is not None:
                    opened.append(generation)
        except NoDescriptorError:
            for generation in opened:
                self._owners.release(generation.identity, self._path)
                generation.content.close()
            raise
        return opened

    def _open_from(
        self, file: RotatedFile, start: Callable[[RotatedFile, Plain | Archive], Start | None]
    ) -> Generation | None:
        content = self._files.open(file)
        if content is None:
            return None
        begin = None
        try:
            begin = start(file, content)
        finally:
            if begin is None:
                content.close()
        if begin is None:
            return None
        generation = Generation(content, file.path, self._stats)
        generation.begin_late(begin.offset, begin.late_from)
        self._owners.assign(generation.identity, self._path)
        return generation


def continues(record: StoredGeneration, fresh: Plain) -> bool:
    """Whether the file at the path is the one that was read: by inode and content, or by its content alone."""
    known = record.fingerprint
    if known.same_inode(fresh):
        return known.head_size == 0 or known.matches(fresh)
    return known.size >= HEAD and known.matches(fresh)


def is_replaced_by(held: Generation, fresh: Plain) -> bool:
    """Whether the file at the path is a new copy of the one we hold, rather than its successor.

    A copy starts with all that the old file has. If the old file has kept a name, it was moved away by a
    rotation, unless a long common beginning says otherwise.
    """
    if held.empty or not isinstance(held.content, Plain):
        return False
    size = held.content.stat().st_size
    if held.links() and min(size, held.offset) < HEAD:
        return False
    return held.fingerprint().matches(fresh) and take(held.content, size).matches(fresh)


def is_copy(content: Plain | Archive, size: int, generation: Generation) -> bool:
    """Whether the file is the generation itself, or a copy of it, complete or not."""
    if (content.device, content.inode) == generation.identity:
        return True
    if isinstance(content, Plain) and isinstance(generation.content, Plain) and _begins(content, size, generation):
        return True
    return not generation.empty and generation.fingerprint().matches(content)


def _begins(content: Plain, size: int, generation: Generation) -> bool:
    """Whether the generation begins with so much of the file; also if that is only half a line so far."""
    begun = take(content, size)
    if begun.head_size or not size:
        return begun.matches(generation.content)
    return content.pread(size, 0) == generation.content.pread(size, 0)
