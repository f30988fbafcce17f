"""How the follower reaches the file system; a test puts a flapping one in its place."""

from __future__ import annotations

import os
import stat


class Disk:
    """The calls that a network file system answers oddly; what is open is read by its descriptor."""

    def stat(self, path: str) -> os.stat_result:
        """Stat the file behind `path`, symbolic links followed."""
        return os.stat(path)

    def fstat(self, fd: int) -> os.stat_result:
        """Stat a file that is open."""
        return os.fstat(fd)

    def open(self, path: str) -> int:
        """Open for reading; never blocks, not even on a FIFO."""
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """Read from a file that is open; fewer bytes only at its end."""
        return os.pread(fd, size, offset)

    def names(self, directory: str, prefix: str) -> list[str]:
        """Names in a directory that begin so; none where it cannot be listed."""
        try:
            return [name for name in os.listdir(directory or ".") if name.startswith(prefix)]
        except OSError:
            return []


def describe(path: str, error: OSError) -> str:
    """Say why a log cannot be read, with what an operator needs to mend it."""
    try:
        found = os.stat(path)
    except OSError:
        return f"{path}: {error.strerror or error}"
    mode = stat.filemode(found.st_mode)
    return f"{path}: {error.strerror or error} (mode {mode}, owner {found.st_uid}:{found.st_gid}, we are {os.geteuid()}:{os.getegid()})"
