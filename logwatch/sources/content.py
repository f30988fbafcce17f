"""The bytes of one generation of a log: a plain file, or what a compressed file holds.

Both answer `pread(size, offset)`. A plain file does so by its descriptor, so it may be
renamed or removed meanwhile. An archive is unpacked from its start as far as needed;
going forward is cheap, going back starts again.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import os
import stat
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol, cast

from logwatch import zstd
from logwatch.errors import SourceError

PIECE = 1 << 18
"""Bytes unpacked at a time."""
OPENED = "/proc/self/fd/"
"""Where our own descriptors are: what is open was below the folder."""
_BELOW = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
"""Flags of each part of a path below a folder."""
DAMAGE: tuple[type[Exception], ...] = (EOFError, OSError, zlib.error, lzma.LZMAError, ValueError)
"""What the unpackers raise on a torn or foreign file."""


class CodecMissingError(OSError):
    """The library that reads a compressed file is not installed."""

    def __str__(self) -> str:
        return zstd.MISSING


class NoDescriptorError(SourceError):
    """The limit of open files is reached, so whether a file is there, and what is in it, is not known.

    It is not an OSError: those say that a file is missing, or cannot be read.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(
            f"{error.strerror}: raise the limit of open files (ulimit -n, LimitNOFILE=), or follow fewer logs"
        )


class Disk:
    """How sources reach the file system; a test puts a failing one in its place."""

    def stat(self, path: str) -> os.stat_result:
        """Stat the file at `path`, symbolic links followed."""
        return os.stat(path)

    def fstat(self, fd: int) -> os.stat_result:
        """Stat a file that is open."""
        return os.fstat(fd)

    def open(self, path: str) -> int:
        """Open for reading; never blocks, not even on a FIFO. Raises OSError and NoDescriptorError."""
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError as error:
            raise_if_no_descriptor(error)
            raise

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """Read from a file that is open; fewer bytes only at its end."""
        return os.pread(fd, size, offset)

    def names(self, directory: str, prefix: str) -> list[str]:
        """Return the names in a directory that begin so; none if it cannot be listed. Raises NoDescriptorError."""
        try:
            return [name for name in os.listdir(directory or ".") if name.startswith(prefix)]
        except OSError as error:
            raise_if_no_descriptor(error)
            return []


class RootedDisk(Disk):
    """Opens what is below a folder, and follows no link on the way."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)

    def stat(self, path: str) -> os.stat_result:
        """Stat a file below the folder; a link is a link."""
        folder, _, name = path.rpartition("/")
        descriptor = self._open(folder, os.O_DIRECTORY)
        try:
            return os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        finally:
            os.close(descriptor)

    def open(self, path: str) -> int:
        """Open a file below the folder for reading, or once more one that is open."""
        if path.startswith(OPENED):
            return super().open(path)
        try:
            return self._open(path, 0)
        except OSError as error:
            raise_if_no_descriptor(error)
            raise

    def _open(self, path: str, flags: int) -> int:
        below = os.path.relpath(path, self._root).split("/")
        if ".." in below:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
        descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for place, name in enumerate(below):
            above = descriptor
            try:
                descriptor = os.open(
                    name, _BELOW | (flags if place == len(below) - 1 else os.O_DIRECTORY), dir_fd=above
                )
            finally:
                os.close(above)
        return descriptor


def raise_if_no_descriptor(error: OSError) -> None:
    """Raise NoDescriptorError for an error that says that the limit of open files is reached."""
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        raise NoDescriptorError(error) from error


def describe(path: str, error: OSError) -> str:
    """Say why a log cannot be read, with what an operator needs to repair it."""
    if isinstance(error, CodecMissingError):
        return f"{path}: {error}"
    try:
        found = os.stat(path)
    except OSError:
        return f"{path}: {error.strerror or error}"
    mode = stat.filemode(found.st_mode)
    return f"{path}: {error.strerror or error} (mode {mode}, owner {found.st_uid}:{found.st_gid}, we are {os.geteuid()}:{os.getegid()})"


def _gunzip(stream: IO[bytes]) -> IO[bytes]:
    return cast(IO[bytes], gzip.GzipFile(fileobj=stream))


UNPACKERS: dict[str, Callable[[IO[bytes]], IO[bytes]]] = {
    ".gz": _gunzip,
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zst": zstd.unpacked,
}


def is_readable(name: str) -> bool:
    """Whether the library that reads a compressed file of this name is installed."""
    return zstd.INSTALLED or packed_suffix(name) != ".zst"


def packed_suffix(name: str) -> str:
    """Return the suffix that says how a file is compressed, or nothing.

    >>> packed_suffix("messages.1.gz")
    '.gz'
    """
    return next((suffix for suffix in UNPACKERS if name.endswith(suffix)), "")


class Content(Protocol):
    """What a generation is read from."""

    device: int
    inode: int

    def pread(self, size: int, offset: int) -> bytes:
        """Up to `size` bytes from `offset`; fewer only at the end."""

    def close(self) -> None:
        """Close the descriptor."""


class Plain:
    """A plain file, held open."""

    def __init__(self, fd: int, disk: Disk) -> None:
        self.fd = fd
        self._disk = disk
        found = os.fstat(fd)
        self.device = found.st_dev
        self.inode = found.st_ino

    def stat(self) -> os.stat_result:
        """Size, links and times as they are now."""
        return self._disk.fstat(self.fd)

    def pread(self, size: int, offset: int) -> bytes:
        """Up to `size` bytes from `offset`; fewer only at the end."""
        return self._disk.pread(self.fd, size, offset)

    def data_after(self, offset: int) -> int:
        """Return where the next bytes are that were really written, after a hole."""
        try:
            return os.lseek(self.fd, offset, os.SEEK_DATA)
        except OSError:
            return offset

    def close(self) -> None:
        """Close the descriptor."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Archive:
    """What a compressed file holds, unpacked as far as needed."""

    def __init__(self, fd: int, suffix: str) -> None:
        found = os.fstat(fd)
        self.device = found.st_dev
        self.inode = found.st_ino
        self.mtime_ns = found.st_mtime_ns
        self.packed_size = found.st_size
        self.damage: str | None = None
        self._raw = os.fdopen(fd, "rb")
        self._unpack = UNPACKERS[suffix]
        self._rewind()

    def _rewind(self) -> None:
        self._raw.seek(0)
        self._stream = self._unpack(self._raw)
        self._buffer = bytearray()
        self._start = 0
        self._ended = False

    def pread(self, size: int, offset: int) -> bytes:
        """Up to `size` bytes from `offset`; fewer only at the end, or where the file is damaged."""
        if offset < self._start:
            self._rewind()
        while self._start + len(self._buffer) < offset + size and not self._ended:
            self._grow()
            behind = min(offset - self._start, len(self._buffer))
            del self._buffer[:behind]
            self._start += behind
        skip = offset - self._start
        return bytes(self._buffer[skip : skip + size])

    def _grow(self) -> None:
        try:
            piece = self._stream.read(PIECE)
        except DAMAGE as error:
            self.damage = str(error) or type(error).__name__
            piece = b""
        self._ended = not piece
        self._buffer += piece

    def left(self) -> int:
        """Compressed bytes not yet unpacked."""
        return max(self.packed_size - self._raw.tell(), 0)

    def close(self) -> None:
        """Close the descriptor."""
        self._raw.close()


def open_plain(disk: Disk, path: str) -> Plain:
    """Open a log that is being written; raises OSError, also if it is not a regular file."""
    return Plain(_open_regular(disk, path), disk)


def open_content(disk: Disk, path: str) -> Plain | Archive:
    """Open a rotated file, compressed or not; raises OSError, also if it is not a regular file."""
    suffix = packed_suffix(path)
    if not is_readable(path):
        raise CodecMissingError(path)
    fd = _open_regular(disk, path)
    return Archive(fd, suffix) if suffix else Plain(fd, disk)


def _open_regular(disk: Disk, path: str) -> int:
    fd = disk.open(path)
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return fd
    os.close(fd)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(
            errno.EISDIR, "it is a directory: name the file in it, or a pattern such as *.log", path
        )
    raise OSError(errno.EINVAL, "not a regular file", path)
