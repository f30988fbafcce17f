"""The files beside a log that may be rotated copies of it: found, put in order, and held open while they are compared."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from logwatch.sources.content import Archive, Disk, Plain, packed_suffix

ROTATED = re.compile(
    r"""
      [._-] \d [\d._:TZ+-]*      # messages.1  messages-20241124  messages-20241124-1732406400  app.2024-11-24
    | [._-] (?: old | prev )     # messages.old
    """,
    re.VERBOSE,
)
NUMBERED = re.compile(r"[.](?P<index>\d{1,4})")
HELD = 128
"""So many of the newest copies are held open at the most while they are compared."""
READINGS = 8
"""A directory whose names change all the time is read at the most so often."""


class RotatedFile(NamedTuple):
    """A file whose name says that it is a rotated copy, or that merely begins like the log's."""

    path: str
    device: int
    inode: int
    size: int
    mtime_ns: int
    middle: str | None
    """What rotation put into the name (`.1`, `-20241124`); None where the name does not look rotated."""
    fd: int = -1
    """Open until `RotatedFiles.release`, because the name may mean another file in a moment; -1 where it is not held."""

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


def in_order(siblings: Iterable[RotatedFile]) -> list[RotatedFile]:
    """The oldest first: by number where all have one, else by time of the last write, then by name."""
    listed = list(siblings)
    indexes = [sibling.number() for sibling in listed]
    if None not in indexes:
        return sorted(listed, key=lambda sibling: -(sibling.number() or 0))
    return sorted(listed, key=lambda sibling: (sibling.mtime_ns, sibling.path))


class Copies:
    """What lies beside one log."""

    def __init__(self, disk: Disk, path: str, *, patterns: Sequence[str] = (), olddirs: Sequence[str] = ()) -> None:
        self._disk = disk
        self._path = path
        self._patterns = patterns
        self._olddirs = olddirs
        self._fds: list[int] = []
        self._stamps: list[int] = []

    def listing(self) -> list[RotatedFile] | None:
        """Every file beside the log (and in the old directories) that may be a copy of it, in order.

        A directory that is read while names change in it may show a file twice or not at all, so
        two readings must agree. While they do not, the answer is None: nothing may be concluded from
        it, and the next call of `modified` says yes. A compressed copy whose plain form is still there
        is not complete yet, and left out.
        """
        for _ in range(READINGS):
            self.release()
            listed = self._hold(self._list())
            if [(one.path, one.inode) for one in self._list()] == [(one.path, one.inode) for one in listed]:
                return in_order(listed)
        self.invalidate()
        return None

    def _list(self) -> list[RotatedFile]:
        found: dict[tuple[int, int], RotatedFile] = {}
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

    def _sibling(self, directory: str, name: str, base: str) -> RotatedFile | None:
        path = os.path.join(directory, name)
        try:
            found = self._disk.stat(path)
        except OSError:
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        middle = rotated_middle(name, base)
        if middle is None and any(fnmatch.fnmatchcase(name, pattern % base) for pattern in self._patterns):
            middle = name
        return RotatedFile(path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, middle)

    def _hold(self, listed: list[RotatedFile]) -> list[RotatedFile]:
        """Open the newest ones; what a name means by then is what counts."""
        newest = sorted(listed, key=lambda sibling: sibling.mtime_ns)[-HELD:]
        held = {sibling.path: self._held(sibling) for sibling in newest}
        return [held.get(sibling.path, sibling) for sibling in listed]

    def _held(self, sibling: RotatedFile) -> RotatedFile:
        try:
            fd = self._disk.open(sibling.path)
        except OSError:
            return sibling
        self._fds.append(fd)
        found = os.fstat(fd)
        return sibling._replace(
            device=found.st_dev, inode=found.st_ino, size=found.st_size, mtime_ns=found.st_mtime_ns, fd=fd
        )

    # ── opening ────────────────────────────────────────────────────────

    def open(self, sibling: RotatedFile) -> Plain | Archive | None:
        """Open a listed copy, whatever it is called by now; None where it is not ours to read."""
        fd = self.descriptor(sibling)
        suffix = packed_suffix(sibling.path)
        if fd is None:
            return None
        return Archive(fd, suffix) if suffix else Plain(fd, self._disk)

    def descriptor(self, sibling: RotatedFile) -> int | None:
        """As `open`, whatever is in it."""
        if sibling.fd >= 0:
            return os.open(f"/proc/self/fd/{sibling.fd}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            fd = self._disk.open(sibling.path)
        except OSError:
            return None
        found = os.fstat(fd)
        if (found.st_dev, found.st_ino) == (sibling.device, sibling.inode):
            return fd
        os.close(fd)
        return None

    def release(self) -> None:
        """Close what the listings opened."""
        for fd in self._fds:
            os.close(fd)
        self._fds = []

    # ── changes ──────────────────────────────────────────────────────────────────────

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

    def invalidate(self) -> None:
        """What was listed last is not to be relied upon: list again."""
        self._stamps = []
