"""The one library that may be missing for a compressed file: zstandard, of the extra `zstd`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import IO

INSTALLED = find_spec("zstandard") is not None
MISSING = "compressed with zstd, which needs the package zstandard: pip install 'docker-logwatch[zstd]'"
DAMAGE: tuple[type[Exception], ...] = ()
"""What it raises on torn or foreign bytes."""

if INSTALLED:
    import zstandard

    DAMAGE = (zstandard.ZstdError,)


def unpacked(stream: IO[bytes], max_window: int = 0) -> IO[bytes]:
    """Return what the stream holds, of all its frames; 0: the library's own bound of the window, in bytes."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=max_window)
    return decompressor.stream_reader(stream, read_across_frames=True)
