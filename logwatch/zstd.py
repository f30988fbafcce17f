"""The one library that may be missing for a compressed file: zstandard, of the extra `zstd`."""

from __future__ import annotations

from importlib.util import find_spec
from io import RawIOBase
from typing import IO, cast

INSTALLED = find_spec("zstandard") is not None
MISSING = "compressed with zstd, which needs the package zstandard: pip install 'docker-logwatch[zstd]'"


class DamagedError(OSError):
    """There are torn or foreign bytes."""


class _Reader(RawIOBase):
    """Raises DamagedError for the library's own error, so that nobody else has to load the library."""

    def __init__(self, stream: IO[bytes], error: type[Exception]) -> None:
        self._stream = stream
        self._error = error

    def read(self, size: int = -1) -> bytes:
        """Read up to so many bytes."""
        try:
            return self._stream.read(size)
        except self._error as error:
            raise DamagedError(str(error)) from error


def unpacked(stream: IO[bytes], max_window: int = 0) -> IO[bytes]:
    """Return what the stream holds, of all its frames; 0: the library's own bound of the window, in bytes.

    Reading it raises DamagedError.
    """
    import zstandard  # few read such a file, and it takes a megabyte

    decompressor = zstandard.ZstdDecompressor(max_window_size=max_window)
    reader = decompressor.stream_reader(stream, read_across_frames=True)
    return cast(IO[bytes], _Reader(reader, zstandard.ZstdError))
