"""One writer per state directory: a flock that dies with its owner."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from logwatch.errors import StateError


class Lock:
    """The right to write a state directory, until `release` or the end of the process."""

    def __init__(self, directory: Path) -> None:
        self.path = path = directory / "lock"
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StateError(
                f"{path}: {error.strerror}: give logwatch a state directory it may write (--state-dir)"
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise StateError(
                f"{directory} is in use by another logwatch (pid {owner or 'unknown'}):"
                " stop it, or give this one a state directory of its own (--state-dir)"
            ) from error
        except OSError as error:
            os.close(self._descriptor)
            raise StateError(
                f"{path}: {error.strerror}: it cannot be locked there: put the state directory (--state-dir) on a local disk"
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode("ascii"), 0)

    def is_in_place(self) -> bool:
        """Whether the file that is locked still has its name."""
        try:
            return self._descriptor >= 0 and os.path.samestat(os.fstat(self._descriptor), self.path.stat())
        except OSError:
            return False

    def release(self) -> None:
        """Let another process write. The file stays: removing it would let two in."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
