"""The rotated copies of a log: which files they are, in what order, and which were there before.

A sibling that was there at the last commit was read or is older than our beginning. So
after a rotation those that were not there hold what was written meanwhile.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import stat
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from logwatch.sources.content import Archive, Plain, packed_suffix
from logwatch.sources.disk import Disk
from logwatch.sources.fingerprint import HEAD, Fingerprint, digest, holds, take

ROTATED = re.compile(
    r"""
      [._-] \d [\d._:TZ+-]*      # messages.1  messages-20241124  messages-20241124-1732406400  app.2024-11-24
    | [._-] (?: old | prev )     # messages.old
    """,
    re.VERBOSE,
)
NUMBERED = re.compile(r"[.](?P<index>\d{1,4})")
MEMORY = 64
"""So many copies that are no longer listed are remembered."""
READINGS = 8
"""A directory whose names change all the time is read at the most so often."""
FINISHED = 8
"""So many generations that were read to their ends are remembered, to find what is written to them very late."""


class Sibling(NamedTuple):
    """A file whose name says that it is a rotated copy, or that merely begins like the log's."""

    path: str
    device: int
    inode: int
    size: int
    mtime_ns: int
    middle: str | None
    """What rotation put into the name (`.1`, `-20241124`); None where the name does not look rotated."""
    fd: int = -1
    """Open until `Family.release`, because the name may mean another file in a moment; -1 where it is not ours to read."""

    @property
    def packed(self) -> bool:
        """It is compressed."""
        return bool(packed_suffix(self.path))

    def number(self) -> int | None:
        """The number of `messages.1`."""
        found = NUMBERED.fullmatch(self.middle or "")
        return int(found["index"]) if found else None


def rotated_middle(name: str, base: str) -> str | None:
    """What rotation put into `base` to make `name`, or None.

    >>> rotated_middle("messages-20241124.gz", "messages"), rotated_middle("app.1.log", "app.log")
    ('-20241124', '.1')
    """
    bare = name.removesuffix(packed_suffix(name))
    stem, suffix = os.path.splitext(base)
    for start, end in ((base, ""), (stem, suffix)):
        middle = bare[len(start) : len(bare) - len(end)]
        if bare.startswith(start) and bare.endswith(end) and ROTATED.fullmatch(middle):
            return middle
    return "" if bare == base != name else None


def in_order(siblings: Iterable[Sibling]) -> list[Sibling]:
    """The oldest first: by number where all have one, else by time of the last write, then by name."""
    listed = list(siblings)
    indexes = [sibling.number() for sibling in listed]
    if None not in indexes:
        return sorted(listed, key=lambda sibling: -(sibling.number() or 0))
    return sorted(listed, key=lambda sibling: (sibling.mtime_ns, sibling.path))


class Family:
    """The rotated copies of one log."""

    def __init__(self, disk: Disk, path: str, *, patterns: Sequence[str] = (), olddirs: Sequence[str] = ()) -> None:
        self._disk = disk
        self._path = path
        self._patterns = patterns
        self._olddirs = olddirs
        self._taken: dict[tuple[int, int, int, int], Fingerprint] = {}
        self._known: list[Fingerprint] = []
        self._finished: list[Fingerprint] = []
        self._fds: list[int] = []
        self._stamps: list[int] = []
        self.changed = False
        """What is known differs from what was last dumped."""

    def listing(self) -> list[Sibling]:
        """Every file beside the log (and in the old directories) that may be a copy of it, in order.

        A directory that is read while names change in it may show a file twice or not at all, so
        two readings must agree. A compressed copy whose plain form is still there is not
        complete yet, and left out.
        """
        listed = self._list()
        for _ in range(READINGS):
            again = self._list()
            if [(one.path, one.inode) for one in again] == [(one.path, one.inode) for one in listed]:
                break
            listed = again
        return in_order(listed)

    def _list(self) -> list[Sibling]:
        found: dict[tuple[int, int], Sibling] = {}
        for directory, base in self._places():
            prefix = "" if self._patterns else os.path.splitext(base)[0]
            names = self._disk.names(directory, prefix)
            for name in names:
                if name != base and self._may_be_copy(name, base) and not self._unfinished(name, names):
                    sibling = self._sibling(directory, name, base)
                    if sibling is not None:
                        found.setdefault((sibling.device, sibling.inode), sibling)
        return sorted(found.values())

    def _places(self) -> list[tuple[str, str]]:
        real = os.path.realpath(self._path)
        places = [os.path.split(self._path), os.path.split(real)]
        bases = {base for _, base in places}
        olddirs = [os.path.join(os.path.dirname(self._path), olddir) for olddir in self._olddirs]
        return list(dict.fromkeys([*places, *((olddir, base) for olddir in olddirs for base in bases)]))

    def _may_be_copy(self, name: str, base: str) -> bool:
        return (
            name.startswith(base)
            or rotated_middle(name, base) is not None
            or any(fnmatch.fnmatchcase(name, pattern % base) for pattern in self._patterns)
        )

    @staticmethod
    def _unfinished(name: str, names: Sequence[str]) -> bool:
        suffix = packed_suffix(name)
        return bool(suffix) and name.removesuffix(suffix) in names

    def _sibling(self, directory: str, name: str, base: str) -> Sibling | None:
        path = os.path.join(directory, name)
        fd = -1
        try:
            fd = self._disk.open(path)
            self._fds.append(fd)
            found = os.fstat(fd)
        except FileNotFoundError:
            return None
        except OSError:
            try:
                found = self._disk.stat(path)
            except OSError:
                return None
        if not stat.S_ISREG(found.st_mode):
            return None
        middle = rotated_middle(name, base)
        if middle is None and any(fnmatch.fnmatchcase(name, pattern % base) for pattern in self._patterns):
            middle = name
        return Sibling(path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, middle, fd)

    # ── opening and comparing ────────────────────────────────────────────────────────

    def open(self, sibling: Sibling) -> Plain | Archive | None:
        """Open a listed copy, whatever it is called by now; None where it is not ours to read."""
        if sibling.fd < 0:
            return None
        fd = os.open(f"/proc/self/fd/{sibling.fd}", os.O_RDONLY | os.O_CLOEXEC)
        suffix = packed_suffix(sibling.path)
        return Archive(fd, suffix) if suffix else Plain(fd, self._disk)

    def release(self) -> None:
        """Close what the listings opened."""
        for fd in self._fds:
            os.close(fd)
        self._fds = []

    def holder(self, fingerprint: Fingerprint, siblings: Sequence[Sibling]) -> Sibling | None:
        """The copy that begins with what the fingerprint tells of: by inode first, plain before packed, newest first."""
        newest_first = list(reversed(siblings))
        newest_first.sort(
            key=lambda sibling: (
                (sibling.device, sibling.inode) != (fingerprint.device, fingerprint.inode),
                sibling.packed,
            )
        )
        for sibling in newest_first:
            content = self.open(sibling)
            if content is None:
                continue
            try:
                if fingerprint.matches(content) or self._same_unread(fingerprint, content):
                    return sibling
            finally:
                content.close()
        return None

    @staticmethod
    def _same_unread(fingerprint: Fingerprint, content: Plain | Archive) -> bool:
        """A file that was empty when last seen can be known by its inode only."""
        return fingerprint.head_size == 0 and isinstance(content, Plain) and fingerprint.same_inode(content)

    def was_listed(self, sibling: Sibling) -> bool:
        """The very same bytes lay there before."""
        raw = self._raw(sibling)
        return any(known.same_bytes(raw) or (known == raw and not raw.size) for known in self._known)

    def knows(self, sibling: Sibling) -> bool:
        """It, or the plain form of it, was there before."""
        content = self.open(sibling)
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

    def _raw(self, sibling: Sibling) -> Fingerprint:
        """Fingerprint of the file as it lies there, compressed or not; remembered while it does not change."""
        key = (sibling.device, sibling.inode, sibling.size, sibling.mtime_ns)
        if key not in self._taken:
            self._taken[key] = self._take(sibling)
        return self._taken[key]

    def _take(self, sibling: Sibling) -> Fingerprint:
        if sibling.fd < 0:
            return Fingerprint(sibling.device, sibling.inode, sibling.size, 0, digest(b""), digest(b""))
        content = Plain(os.dup(sibling.fd), self._disk)
        try:
            return take(content, sibling.size)
        finally:
            content.close()

    # ── what is known ────────────────────────────────────────────────────────────────

    def know(self, siblings: Sequence[Sibling]) -> None:
        """From now on these were there before.

        What was known is kept for a while: a listing misses names that change under it.
        """
        listed = [self._raw(sibling) for sibling in siblings]
        keys = {(sibling.device, sibling.inode, sibling.size, sibling.mtime_ns) for sibling in siblings}
        self._taken = {key: taken for key, taken in self._taken.items() if key in keys}
        self._remember(listed)

    def finished(self, generation: Fingerprint) -> None:
        """A generation was read to its end; copies of it are known."""
        self._finished = [*self._finished[-FINISHED:], generation]
        self.changed = True

    def grown(self, content: Plain | Archive) -> Fingerprint | None:
        """What was read of a copy that was closed and has more now: a writer that came back very late."""
        for known in reversed(self._finished):
            if known.matches(content) and content.pread(1, known.size):
                return known
        return None

    def resumed(self, content: Plain | Archive) -> Fingerprint | None:
        """What was read of a file that comes back under the log's own name."""
        for known in reversed([*self._known, *self._finished]):
            if known.size and known.same_inode(content) and known.matches(content):
                return known
        return None

    def _remember(self, fingerprints: Sequence[Fingerprint]) -> None:
        before = [known for known in self._known if known not in fingerprints]
        merged = [*before[-MEMORY:], *fingerprints]
        self.changed = self.changed or merged != self._known
        self._known = merged

    def modified(self) -> bool:
        """Names in the directories have come or gone since the last call."""
        stamps = []
        for directory, _ in self._places():
            try:
                stamps.append(self._disk.stat(directory or ".").st_mtime_ns)
            except OSError:
                stamps.append(0)
        modified = stamps != self._stamps
        self._stamps = stamps
        return modified

    def mistrust(self) -> None:
        """What was listed last is not to be relied upon: list again."""
        self._stamps = []

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
