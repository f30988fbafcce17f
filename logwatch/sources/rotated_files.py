"""The rotated files of a log: found, put in order, opened; which were there before, and how far they were read.

A file that was there at the last commit was read or is older than our start. So after a
rotation the files that were not there hold what was written in the meantime.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from logwatch.sources.content import Archive, Disk, Plain, is_readable, packed_suffix
from logwatch.sources.fingerprint import HEAD, Fingerprint, digest, holds, take
from logwatch.sources.offset_file import rotated_candidate
from logwatch.sources.open_file import Generation, Options

ROTATED = re.compile(
    r"""
      [._-] \d [\d._:TZ+-]*      # messages.1  messages-20241124  messages-20241124-1732406400  app.2024-11-24
      (?: [.]backup )?             # messages-2024112417.backup: what a program created again while logrotate was at work
    | [._-] (?: old | prev )     # messages.old
    """,
    re.VERBOSE,
)
NUMBERED = re.compile(r"[.](?P<index>\d{1,4})")
MAX_HELD = 128
"""This many of the newest files are held open while they are compared."""
READINGS = 8
"""A directory whose names keep changing is read at most this often."""
MAX_KNOWN = 64
"""This many files that are no longer listed are remembered."""
MAX_FINISHED = 8
"""This many generations that were read to their end are remembered, to find what is written to them very late."""


class RotatedFile(NamedTuple):
    """A file whose name says that it is a rotated file, or that merely begins like the log's."""

    path: str
    device: int
    inode: int
    size: int
    mtime_ns: int
    middle: str | None
    """What rotation put into the name (`.1`, `-20241124`); None if the name does not look rotated."""
    fd: int = -1
    """Open until `RotatedFiles.release`, because the name may soon be another file's; -1 if it is not held."""

    @property
    def packed(self) -> bool:
        """Whether it is compressed."""
        return bool(packed_suffix(self.path))

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode."""
        return self.device, self.inode

    def number(self) -> int | None:
        """Return the number of `messages.1`."""
        found = NUMBERED.fullmatch(self.middle or "")
        return int(found["index"]) if found else None


def rotated_middle(name: str, base: str) -> str | None:
    """Return what rotation put into `base` to make `name`, or None.

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


def in_order(files: Iterable[RotatedFile]) -> list[RotatedFile]:
    """Return the oldest first: by number if all have one, else by time of the last write, then by name."""
    listed = list(files)
    numbers = [file.number() for file in listed]
    if None not in numbers:
        return sorted(listed, key=lambda file: -(file.number() or 0))
    return sorted(listed, key=lambda file: (file.mtime_ns, file.path))


class RotatedFiles:
    """The files beside one log, and in its old directories, that may be rotated files of it."""

    def __init__(self, disk: Disk, path: str, options: Options) -> None:
        self._disk = disk
        self._path = path
        self._patterns = options.rotate_patterns
        self._olddirs = options.olddirs
        self._fds: list[int] = []
        self._stamps: list[int] = []

    # ── listing ──────────────────────────────────────────────────────────────────────

    def listing(self) -> list[RotatedFile] | None:
        """Return every rotated file, in order; None if names changed all the time.

        A directory that is read while names change in it may show a file twice or not at all, so
        two readings must agree. After None nothing may be concluded, and the next call of `modified`
        returns True. A compressed file whose plain form is still there is not complete yet, and left out.
        Raises NoDescriptorError.
        """
        for _ in range(READINGS):
            self.release()
            listed = self._hold(self._list())
            if [(file.path, file.inode) for file in self._list()] == [(file.path, file.inode) for file in listed]:
                return in_order(listed)
        self.invalidate()
        return None

    def _list(self) -> list[RotatedFile]:
        found: dict[tuple[int, int], RotatedFile] = {}
        for directory, base in self._places():
            prefix = "" if self._patterns else os.path.splitext(base)[0]
            names = self._disk.names(directory, prefix)
            for name in names:
                if name != base and not self._is_incomplete(name, names):
                    file = self._rotated_file(directory, name, base)
                    if file is not None:
                        found.setdefault(file.identity, file)
        return sorted(found.values())

    def _places(self) -> list[tuple[str, str]]:
        real = os.path.realpath(self._path)
        places = [os.path.split(self._path), os.path.split(real)]
        bases = {base for _, base in places}
        olddirs = [os.path.join(os.path.dirname(self._path), olddir) for olddir in self._olddirs]
        return list(dict.fromkeys([*places, *((olddir, base) for olddir in olddirs for base in bases)]))

    @staticmethod
    def _is_incomplete(name: str, names: Sequence[str]) -> bool:
        suffix = packed_suffix(name)
        return bool(suffix) and name.removesuffix(suffix) in names

    def _rotated_file(self, directory: str, name: str, base: str) -> RotatedFile | None:
        middle = rotated_middle(name, base)
        if middle is None and any(fnmatch.fnmatchcase(name, pattern % base) for pattern in self._patterns):
            middle = name
        if middle is None and not name.startswith(base):
            return None
        path = os.path.join(directory, name)
        try:
            found = self._disk.stat(path)
        except OSError:
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        return RotatedFile(path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, middle)

    def _hold(self, listed: list[RotatedFile]) -> list[RotatedFile]:
        """Open the newest; what a name refers to by then is what counts."""
        newest = sorted(listed, key=lambda file: file.mtime_ns)[-MAX_HELD:]
        held = {file.path: self._held(file) for file in newest}
        return [held.get(file.path, file) for file in listed]

    def _held(self, file: RotatedFile) -> RotatedFile:
        try:
            fd = self._disk.open(file.path)
        except OSError:
            return file
        self._fds.append(fd)
        found = os.fstat(fd)
        return file._replace(
            device=found.st_dev, inode=found.st_ino, size=found.st_size, mtime_ns=found.st_mtime_ns, fd=fd
        )

    # ── opening ──────────────────────────────────────────────────────────────────────

    def open(self, file: RotatedFile) -> Plain | Archive | None:
        """Open a listed file, whatever its name is by now; None if it cannot be read. Raises NoDescriptorError."""
        fd = self._descriptor(file) if is_readable(file.path) else None
        if fd is None:
            return None
        suffix = packed_suffix(file.path)
        return Archive(fd, suffix) if suffix else Plain(fd, self._disk)

    def fingerprint(self, file: RotatedFile) -> Fingerprint:
        """Return the fingerprint of a file as it is on disk, compressed or not. Raises NoDescriptorError."""
        fd = self._descriptor(file)
        if fd is None:
            return Fingerprint(file.device, file.inode, file.size, 0, digest(b""), digest(b""))
        content = Plain(fd, self._disk)
        try:
            return take(content, file.size)
        finally:
            content.close()

    def _descriptor(self, file: RotatedFile) -> int | None:
        try:
            fd = self._disk.open(f"/proc/self/fd/{file.fd}" if file.fd >= 0 else file.path)
        except OSError:
            return None
        found = os.fstat(fd)
        if (found.st_dev, found.st_ino) == file.identity:
            return fd
        os.close(fd)
        return None

    def release(self) -> None:
        """Close what the listings opened."""
        for fd in self._fds:
            os.close(fd)
        self._fds = []

    def candidate(self) -> str | None:
        """Return the file that pygtail takes for the rotated log."""
        return rotated_candidate(self._path, self._patterns)

    # ── changes ──────────────────────────────────────────────────────────────────────

    def modified(self) -> bool:
        """Whether names in the directories were added or removed since the last call."""
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
        """Drop the last listing: the next call of `modified` returns True."""
        self._stamps = []


class KnownFiles:
    """Fingerprints of the rotated files that were listed before, and of the generations that were read to their end."""

    def __init__(self, disk: Disk, files: RotatedFiles) -> None:
        self._disk = disk
        self._files = files
        self._taken: dict[tuple[int, int, int, int], Fingerprint] = {}
        self._known: list[Fingerprint] = []
        self._finished: list[Fingerprint] = []
        self._plain: list[RotatedFile] = []
        """The files that somebody might still write to, as they were last listed."""
        self._row: dict[str, Any] | None = None
        """What `dump` returned last, until something changes."""

    # ── comparing ────────────────────────────────────────────────────────────────────

    def holder(self, known: Fingerprint, listed: Sequence[RotatedFile]) -> RotatedFile | None:
        """Return the listed file that begins with what is known of a generation.

        Its own inode is tried first, then the file that pygtail names, then plain before packed and newest first.
        """
        candidate = self._files.candidate()

        def last(file: RotatedFile) -> tuple[bool, bool, bool]:
            return file.identity != (known.device, known.inode), file.path != candidate, file.packed

        newest_first = list(reversed(listed))
        newest_first.sort(key=last)
        return next((file for file in newest_first if self._continues(known, file)), None)

    def _continues(self, known: Fingerprint, file: RotatedFile) -> bool:
        content = self._files.open(file)
        if content is None:
            return False
        try:
            return _begins_with(known, content)
        finally:
            content.close()

    def is_packed_form(self, file: RotatedFile, generation: Generation) -> bool:
        """Whether a compressed file holds what an open generation has."""
        content = None if generation.empty else self._files.open(file)
        if content is None:
            return False
        try:
            return generation.fingerprint().matches(content)
        finally:
            content.close()

    def was_listed(self, file: RotatedFile) -> bool:
        """Whether the very same bytes were there before."""
        raw = self._raw(file)
        return any(known.same_bytes(raw) or (known.is_of(raw) and not known.head_size) for known in self._known)

    def knows(self, file: RotatedFile) -> bool:
        """Whether it, or the plain form of it, was there before."""
        content = self._files.open(file)
        if content is None:
            return False
        try:
            raw = self._raw(file)
            everything = [*self._known, *self._finished]
            if any(known.same_bytes(raw) for known in everything):
                return True
            if isinstance(content, Archive):
                head = content.pread(HEAD, 0)
                return any(known.begins(head) and holds(known, content) for known in everything)
            return any(known.same_inode(content) and known.matches(content) for known in everything)
        finally:
            content.close()

    def _raw(self, file: RotatedFile) -> Fingerprint:
        """Return the fingerprint of a file as it is on disk; remembered while it does not change."""
        key = (file.device, file.inode, file.size, file.mtime_ns)
        if key not in self._taken:
            self._taken[key] = self._files.fingerprint(file)
        return self._taken[key]

    # ── what is known ────────────────────────────────────────────────────────────────

    def remember(self, listed: Sequence[RotatedFile]) -> None:
        """Note that these were there; earlier ones are kept for a while, as a listing can miss names that change."""
        fingerprints = [self._raw(file) for file in listed]
        keys = {(file.device, file.inode, file.size, file.mtime_ns) for file in listed}
        self._plain = [file for file in listed if not file.packed]
        self._taken = {key: taken for key, taken in self._taken.items() if key in keys}
        earlier = [known for known in self._known if known not in fingerprints]
        self._known = [*earlier[-MAX_KNOWN:], *fingerprints]
        self._row = None

    def add_finished(self, generation: Fingerprint) -> None:
        """Note that a generation was read to its end; copies of it are known."""
        self._finished = [*self._finished[-MAX_FINISHED:], generation]
        self._row = None

    def read_before(self, content: Plain | Archive) -> Fingerprint | None:
        """Return what was read of a closed file that has more now: a writer continued it very late."""
        read = [known for known in self._finished if _begins_with(known, content)]
        furthest = max(read, key=lambda known: known.size, default=None)
        return furthest if furthest is not None and content.pread(1, furthest.size) else None

    def same_file(self, content: Plain | Archive) -> Fingerprint | None:
        """Return what was read of a file that has the log's own name again."""
        for known in reversed([*self._known, *self._finished]):
            if known.size and known.same_inode(content) and known.matches(content):
                return known
        return None

    def modified(self, held: Collection[tuple[int, int]] = ()) -> bool:
        """Whether names were added or removed since the last call, or a file read to its end has grown.

        `held` are the files that are open anyway.
        """
        return self._files.modified() or any(self._has_grown(file) for file in self._plain if file.identity not in held)

    def _has_grown(self, file: RotatedFile) -> bool:
        if not any((known.device, known.inode) == file.identity for known in self._finished):
            return False
        with suppress(OSError):
            found = self._disk.stat(file.path)
            return (found.st_dev, found.st_ino) == file.identity and found.st_size > file.size
        return False

    def dump(self) -> dict[str, Any]:
        """Return the form kept in the state."""
        if self._row is None:
            self._row = {
                "known": [known.dump() for known in self._known],
                "finished": [known.dump() for known in self._finished],
            }
        return self._row

    def load(self, row: Mapping[str, Any]) -> None:
        """Undo `dump`."""
        self._known = [Fingerprint.load(known) for known in row["known"]]
        self._finished = [Fingerprint.load(known) for known in row["finished"]]
        self._row = None


def _begins_with(known: Fingerprint, content: Plain | Archive) -> bool:
    """Whether the content begins with what is known; a file without a line is recognised by its inode only."""
    return known.matches(content) or (isinstance(content, Plain) and known.is_unread(content))
