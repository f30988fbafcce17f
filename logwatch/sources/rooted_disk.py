"""Opens files below a folder, whatever links are in it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from logwatch.sources.content import Disk, raise_if_no_descriptor

OPENED = "/proc/self/fd/"
"""Where our own descriptors are: what is open was below the folder."""
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


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
                    name, _FLAGS | (flags if place == len(below) - 1 else os.O_DIRECTORY), dir_fd=above
                )
            finally:
                os.close(above)
        return descriptor
