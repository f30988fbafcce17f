"""Sleeps until a log may have grown: by inotify where there is one, else for the poll interval.

inotify only makes waking up quick. Everything is looked at once in a poll interval
anyway, because network file systems tell nothing.
"""

from __future__ import annotations

import ctypes
import os
import select
from collections.abc import Iterable
from contextlib import suppress

import inotify_simple

from logwatch.sources.content import Plain

GROWTH = inotify_simple.flags.MODIFY | inotify_simple.flags.ATTRIB
NAMES = (
    inotify_simple.flags.CREATE
    | inotify_simple.flags.MOVED_TO
    | inotify_simple.flags.MOVED_FROM
    | inotify_simple.flags.DELETE
)
Watched = tuple[int, int]


class Wakeup:
    """Watches directories and open files."""

    def __init__(self, *, notify: bool = True) -> None:
        self._pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._pipe[0], select.POLLIN)
        self._watches: dict[Watched, tuple[int, str]] = {}
        self._inotify = self._open() if notify else None

    def _open(self) -> inotify_simple.INotify | None:
        # Else inotify_simple asks a child process (ldconfig) where the C library is. Until that child is another
        # program it holds all our descriptors, the lock of the state directory too: whoever kills us with -9
        # at that moment would find the directory in use.
        inotify_simple._libc = ctypes.CDLL(None, use_errno=True)  # noqa: SLF001 - the only way to tell it
        try:
            opened = inotify_simple.INotify(nonblocking=True)
        except (OSError, TypeError):
            return None
        self._poll.register(opened.fileno(), select.POLLIN)
        return opened

    def watch(self, path: str, files: Iterable[Plain]) -> bool:
        """Watch the open files of a path and the directory it is in; True where that was not done before."""
        if self._inotify is None:
            return False
        directory = os.path.dirname(path) or "."
        with suppress(OSError):
            found = os.stat(directory)
            return any(
                [
                    self._add((found.st_dev, found.st_ino), directory, NAMES, ""),
                    *(self._add((file.device, file.inode), f"/proc/self/fd/{file.fd}", GROWTH, path) for file in files),
                ]
            )
        return False

    def _add(self, identity: Watched, name: str, mask: int, path: str) -> bool:
        if identity in self._watches or self._inotify is None:
            return False
        try:
            self._watches[identity] = (self._inotify.add_watch(name, mask), path)
        except OSError:
            return False
        return True

    def keep_only(self, path: str, files: Iterable[Plain]) -> None:
        """Forget files of a path that are closed."""
        wanted = {(file.device, file.inode) for file in files}
        for identity in [known for known, (_, owner) in self._watches.items() if owner == path and known not in wanted]:
            watch, _ = self._watches.pop(identity)
            if self._inotify is not None:
                with suppress(OSError):
                    self._inotify.rm_watch(watch)

    def wait(self, timeout: float) -> set[str] | None:
        """Sleep; tell the paths that have grown, or None when everything should be looked at."""
        ready = {fd for fd, _ in self._poll.poll(max(timeout, 0) * 1000)}
        if self._pipe[0] in ready:
            with suppress(BlockingIOError):
                os.read(self._pipe[0], 4096)
        if self._inotify is None or self._inotify.fileno() not in ready:
            return None
        return self._grown(self._inotify)

    def _grown(self, inotify: inotify_simple.INotify) -> set[str] | None:
        paths = dict(self._watches.values())
        events = inotify.read(timeout=0)
        gone = {event.wd for event in events if event.mask & inotify_simple.flags.IGNORED}
        self._watches = {known: entry for known, entry in self._watches.items() if entry[0] not in gone}
        told = {paths.get(event.wd, "") for event in events if event.wd not in gone}
        return None if "" in told else told

    def wake(self) -> None:
        """End a wait; may be called from another thread or a signal handler."""
        with suppress(OSError):
            os.write(self._pipe[1], b"!")

    def close(self) -> None:
        """Let go of every descriptor."""
        for fd in self._pipe:
            with suppress(OSError):
                os.close(fd)
        if self._inotify is not None:
            self._inotify.close()
