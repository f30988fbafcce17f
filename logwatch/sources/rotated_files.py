"""Which rotated copies of a log were there before, and how far they were read.

A sibling that was there at the last commit was read or is backlog than our beginning. So
after a rotation those that were not there hold what was written meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from contextlib import suppress

from logwatch.sources.content import Archive, Disk, Plain
from logwatch.sources.copies import Copies, RotatedFile
from logwatch.sources.fingerprint import HEAD, Fingerprint, digest, holds, take
from logwatch.sources.open_file import Generation

MEMORY = 64
"""So many copies that are no longer listed are remembered."""
FINISHED = 8
"""So many generations that were read to their ends are remembered, to find what is written to them very late."""


class RotatedFiles:
    """The rotated copies of one log."""

    def __init__(self, disk: Disk, path: str, *, patterns: Sequence[str] = (), olddirs: Sequence[str] = ()) -> None:
        self.copies = Copies(disk, path, patterns=patterns, olddirs=olddirs)
        self._disk = disk
        self._taken: dict[tuple[int, int, int, int], Fingerprint] = {}
        self._known: list[Fingerprint] = []
        self._finished: list[Fingerprint] = []
        self._plain: list[RotatedFile] = []
        """The copies that somebody might still write to, as they were last listed."""
        self.changed = False
        """What is known differs from what was last dumped."""

    # ── comparing ────────────────────────────────────────────────────────────────────

    def holder(self, fingerprint: Fingerprint, siblings: Sequence[RotatedFile]) -> RotatedFile | None:
        """The copy that begins with what the fingerprint tells of: by inode first, plain before packed, newest first."""
        newest_first = list(reversed(siblings))
        newest_first.sort(
            key=lambda sibling: (
                (sibling.device, sibling.inode) != (fingerprint.device, fingerprint.inode),
                sibling.packed,
            )
        )
        for sibling in newest_first:
            content = self.copies.open(sibling)
            if content is None:
                continue
            try:
                if self._goes_on(fingerprint, content):
                    return sibling
            finally:
                content.close()
        return None

    def is_packed_form(self, sibling: RotatedFile, generation: Generation) -> bool:
        """The compressed copy holds what an open generation has."""
        content = None if generation.empty else self.copies.open(sibling)
        if content is None:
            return False
        try:
            return generation.fingerprint().matches(content)
        finally:
            content.close()

    @staticmethod
    def _goes_on(known: Fingerprint, content: Plain | Archive) -> bool:
        """The content begins with what is known; a file without a line when last seen can be known by its inode only."""
        return known.matches(content) or (isinstance(content, Plain) and known.is_unread(content))

    def was_listed(self, sibling: RotatedFile) -> bool:
        """The very same bytes lay there before."""
        raw = self._raw(sibling)
        return any(known.same_bytes(raw) or (known.is_of(raw) and not known.head_size) for known in self._known)

    def knows(self, sibling: RotatedFile) -> bool:
        """It, or the plain form of it, was there before."""
        content = self.copies.open(sibling)
        if content is None:
            return False
        try:
            raw = self._raw(sibling)
            everything = [*self._known, *self._finished]
            if any(known.same_bytes(raw) for known in everything):
                return True
            if isinstance(content, Archive):
                return self._knows_packed(content, everything)
            return any(known.same_inode(content) and known.matches(content) for known in everything)
        finally:
            content.close()

    @staticmethod
    def _knows_packed(content: Archive, everything: Sequence[Fingerprint]) -> bool:
        head = content.pread(HEAD, 0)
        return any(known.begins(head) and holds(known, content) for known in everything)

    def _raw(self, sibling: RotatedFile) -> Fingerprint:
        """Fingerprint of the file as it lies there, compressed or not; remembered while it does not change."""
        key = (sibling.device, sibling.inode, sibling.size, sibling.mtime_ns)
        if key not in self._taken:
            self._taken[key] = self._take(sibling)
        return self._taken[key]

    def _take(self, sibling: RotatedFile) -> Fingerprint:
        fd = self.copies.descriptor(sibling)
        if fd is None:
            return Fingerprint(sibling.device, sibling.inode, sibling.size, 0, digest(b""), digest(b""))
        content = Plain(fd, self._disk)
        try:
            return take(content, sibling.size)
        finally:
            content.close()

    # ── what is known ────────────────────────────────────────────────────────────────

    def remember(self, siblings: Sequence[RotatedFile]) -> None:
        """From now on these were there before.

        What was known is kept for a while: a listing misses names that change under it.
        """
        listed = [self._raw(sibling) for sibling in siblings]
        keys = {(sibling.device, sibling.inode, sibling.size, sibling.mtime_ns) for sibling in siblings}
        self._plain = [sibling for sibling in siblings if not sibling.packed]
        self._taken = {key: taken for key, taken in self._taken.items() if key in keys}
        self._merge(listed)

    def finished(self, generation: Fingerprint) -> None:
        """A generation was read to its end; copies of it are known."""
        self._finished = [*self._finished[-FINISHED:], generation]
        self.changed = True

    def appended(self, content: Plain | Archive) -> Fingerprint | None:
        """What was read of a copy that was closed and has more now: a writer that came back very late."""
        read = [known for known in self._finished if self._goes_on(known, content)]
        furthest = max(read, key=lambda known: known.size, default=None)
        return furthest if furthest is not None and content.pread(1, furthest.size) else None

    def resumed(self, content: Plain | Archive) -> Fingerprint | None:
        """What was read of a file that comes back under the log's own name."""
        for known in reversed([*self._known, *self._finished]):
            if known.size and known.same_inode(content) and known.matches(content):
                return known
        return None

    def _merge(self, fingerprints: Sequence[Fingerprint]) -> None:
        before = [known for known in self._known if known not in fingerprints]
        merged = [*before[-MEMORY:], *fingerprints]
        self.changed = self.changed or merged != self._known
        self._known = merged

    def modified(self, held: Collection[tuple[int, int]] = ()) -> bool:
        """Names in the directories have come or gone since the last call, or a copy that was read to its end has appended.

        `held` are the files that are open anyway.
        """
        return self.copies.modified() or any(
            self._has_grown(sibling) for sibling in self._plain if (sibling.device, sibling.inode) not in held
        )

    def _has_grown(self, sibling: RotatedFile) -> bool:
        """A copy that was read to its end is larger than when it was listed."""
        if not any((known.device, known.inode) == (sibling.device, sibling.inode) for known in self._finished):
            return False
        with suppress(OSError):
            found = self._disk.stat(sibling.path)
            return (found.st_dev, found.st_ino) == (sibling.device, sibling.inode) and found.st_size > sibling.size
        return False

    def dump(self) -> str:
        """The form kept in the state."""
        self.changed = False
        row = {"known": [known.dump() for known in self._known], "finished": [known.dump() for known in self._finished]}
        return json.dumps(row, separators=(",", ":"))

    def load(self, text: str | None) -> None:
        """Undo `dump`."""
        row = json.loads(text or '{"known": [], "finished": []}')
        self._known = [Fingerprint.load(known) for known in row["known"]]
        self._finished = [Fingerprint.load(known) for known in row["finished"]]
