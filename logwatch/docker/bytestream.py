"""Bytes that are read forward once: a file, standard input, a part of either, or what they hold compressed.

Memory is bounded whatever the input claims: at most one piece is buffered, decompression
is asked for pieces, and what expands far beyond its size is refused.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import stat
import zlib
from collections.abc import Callable
from typing import IO, Protocol, cast

from logwatch import zstd

PIECE = 1 << 17
"""Bytes read at a time."""
MAGIC = 6
"""Bytes that show how something is compressed."""
MOST_MEMORY = 1 << 26
"""Of a decompressor's window; `xz -9` and `zstd --ultra -22` take this much, `--long=31` far more."""
BOMB_SIZE = 1 << 30
BOMB_RATIO = 400
"""Above this size and this ratio compressed data is refused; layers reach about 100 where a file is zeros."""
DAMAGE: tuple[type[Exception], ...] = (EOFError, OSError, zlib.error, lzma.LZMAError, ValueError)
"""What decompressors raise on torn or foreign bytes."""


class DamagedError(Exception):
    """The bytes are not what they should be; the message says what is wrong."""


class Stream:
    """Bytes from `pull` (at most so many, none at the end); `jump` passes over bytes faster than reading does."""

    def __init__(self, pull: Callable[[int], bytes], jump: Callable[[int], int] | None = None) -> None:
        self._pull = pull
        self._jump = jump
        self._buffer = b""
        self._start = 0
        self.position = 0
        """Bytes handed out or passed over."""

    def peek(self, size: int) -> bytes:
        """Up to `size` bytes ahead, fewer only at the end."""
        while len(self._buffer) - self._start < size:
            piece = self._pull(PIECE)
            if not piece:
                break
            self._buffer = self._buffer[self._start :] + piece
            self._start = 0
        return self._buffer[self._start : self._start + size]

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes (at most a few MiB), fewer only at the end."""
        found = self.peek(size)
        self._start += len(found)
        self.position += len(found)
        return found

    def skip(self, size: int) -> int:
        """Pass over `size` bytes and return how many there were."""
        done = min(size, len(self._buffer) - self._start)
        self._start += done
        if done < size and self._jump is not None:
            done += self._jump(size - done)
        while done < size:
            piece = self._pull(min(PIECE, size - done))
            if not piece:
                break
            done += len(piece)
        self.position += done
        return done

    def section(self, size: int) -> Stream:
        """The next `size` bytes as a stream of their own; ours goes on where it was left."""
        start = self.position

        def left(wanted: int) -> int:
            return min(wanted, max(start + size - self.position, 0))

        return Stream(lambda wanted: self.read(left(wanted)), lambda wanted: self.skip(left(wanted)))


Advance = Callable[[int], object]
"""Called with the number of bytes that were read or passed over, for a progress bar."""


def from_descriptor(descriptor: int, advance: Advance = abs) -> Stream:
    """Read a descriptor from where it is; in a regular file skipping costs nothing."""

    def pull(size: int) -> bytes:
        piece = os.read(descriptor, size)
        advance(len(piece))
        return piece

    def jump(size: int) -> int:
        here = os.lseek(descriptor, 0, os.SEEK_CUR)
        step = min(size, max(os.fstat(descriptor).st_size - here, 0))
        os.lseek(descriptor, step, os.SEEK_CUR)
        advance(step)
        return step

    return Stream(pull, jump if stat.S_ISREG(os.fstat(descriptor).st_mode) else None)


class _Piecewise(Protocol):
    """`bz2.BZ2Decompressor` and `lzma.LZMADecompressor`."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Reader:
    """What the decompressors of the libraries read from."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def read(self, size: int = PIECE) -> bytes:
        return self._stream.read(min(size, PIECE) if size >= 0 else PIECE)


def _pieces(stream: Stream, make: Callable[[], _Piecewise]) -> Callable[[int], bytes]:
    decompressor, rest = make(), b""

    def pull(size: int) -> bytes:
        nonlocal decompressor, rest
        while True:
            if decompressor.eof:
                rest = decompressor.unused_data or stream.read(PIECE)
                if not rest.strip(b"\0"):
                    return b""
                decompressor = make()
            if decompressor.needs_input and not rest:
                rest = stream.read(PIECE)
                if not rest:
                    raise EOFError("compressed data ends too early")
            piece = decompressor.decompress(rest, size)
            rest = b""
            if piece:
                return piece

    return pull


def _gzip(stream: Stream) -> Callable[[int], bytes]:
    return gzip.GzipFile(fileobj=cast(IO[bytes], _Reader(stream))).read


def _zstd(stream: Stream) -> Callable[[int], bytes]:
    if zstd.INSTALLED:
        return zstd.unpacked(cast(IO[bytes], _Reader(stream)), MOST_MEMORY).read

    def refuse(_size: int) -> bytes:
        raise DamagedError(zstd.MISSING)

    return refuse


def _bzip2(stream: Stream) -> Callable[[int], bytes]:
    return _pieces(stream, bz2.BZ2Decompressor)


def _xz(stream: Stream) -> Callable[[int], bytes]:
    return _pieces(stream, lambda: lzma.LZMADecompressor(memlimit=MOST_MEMORY + (8 << 20)))


FORMATS: dict[bytes, Callable[[Stream], Callable[[int], bytes]]] = {
    b"\x1f\x8b": _gzip,
    b"BZh": _bzip2,
    b"\xfd7zXZ\0": _xz,
    b"\x28\xb5\x2f\xfd": _zstd,
}
"""First bytes to decompressor; what engines, skopeo, podman and people use."""


def plain(stream: Stream) -> Stream:
    """Return what the stream holds, decompressed if its first bytes say that it is compressed.

    Reading from the result raises DamagedError on torn data and on a decompression bomb.
    """
    start = stream.peek(MAGIC)
    unpack = next((unpack for magic, unpack in FORMATS.items() if start.startswith(magic)), None)
    if unpack is None:
        return stream
    before, made = stream.position, 0
    pull = unpack(stream)

    def guarded(size: int) -> bytes:
        nonlocal made
        try:
            piece = pull(size)
        except DAMAGE as error:
            raise DamagedError(f"compressed data is damaged: {error or type(error).__name__}") from None
        made += len(piece)
        if made > BOMB_SIZE and made > BOMB_RATIO * (stream.position - before):
            raise DamagedError(f"compressed data expands more than {BOMB_RATIO} times: refused")
        return piece

    return Stream(guarded)
