"""Wakes a source when a log may have grown: by inotify if there is one, else after the poll interval.

inotify only makes waking up quick. Everything is checked once per poll interval
anyway, because network file systems report nothing.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterable
from contextlib import suppress

import inotify_simple

from logwatch.inotify import open_inotify
from logwatch.sources.content import Plain

GROWTH = inotify_simple.flags.MODIFY | inotify_simple.flags.ATTRIB
NAMES = (
    inotify_simple.flags.CREATE
    | inotify_simple.flags.MOVED_TO
    | inotify_simple.flags.MOVED_FROM
    | inotify_simple.flags.DELETE
)
Watched = tuple[int, int]


class WakePipe:
    """A wait for descriptors that another thread or a signal handler may end."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.also: set[int] = set()
        """Descriptors of other sources: a wait ends when one of them is readable."""

    def wait(self, timeout: float, *descriptors: int) -> set[int]:
        """Sleep until a descriptor is readable or `wake` was called; return which of these are readable."""
        poll = select.poll()
        for descriptor in (self._reader, *descriptors, *self.also):
            poll.register(descriptor, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(max(timeout, 0) * 1000)}
        if self._reader in ready:
            with suppress(BlockingIOError):
                os.read(self._reader, 4096)
        return ready.intersection(descriptors)

    def wake(self) -> None:
        """End a wait; may be called from another thread or a signal handler."""
        with suppress(OSError):
            os.write(self._writer, b"!")

    def close(self) -> None:
        """Close both ends."""
        for descriptor in (self._reader, self._writer):
            with suppress(OSError):
                os.close(descriptor)


class Wakeup:
    """Watches directories and open files."""

    def __init__(self, *, notify: bool = True) -> None:
        self.pipe = WakePipe()
        self._watches: dict[Watched, tuple[int, str]] = {}
        self._inotify = open_inotify() if notify else None

    def watch(self, path: str, files: Iterable[Plain]) -> bool:
        """Watch the open files of a path and the directory it is in; True if one of them is watched for the first time."""
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
        """Remove the watches of files of a path that are closed."""
        wanted = {(file.device, file.inode) for file in files}
        for identity in [known for known, (_, owner) in self._watches.items() if owner == path and known not in wanted]:
            watch, _ = self._watches.pop(identity)
            if self._inotify is not None:
                with suppress(OSError):
                    self._inotify.rm_watch(watch)

    def wait(self, timeout: float) -> set[str] | None:
        """Sleep; return the paths that have grown, or None if everything should be checked."""
        if self._inotify is None:
            self.pipe.wait(timeout)
            return None
        return self._grown(self._inotify) if self.pipe.wait(timeout, self._inotify.fileno()) else None

    def _grown(self, inotify: inotify_simple.INotify) -> set[str] | None:
        paths = dict(self._watches.values())
        events = inotify.read(timeout=0)
        gone = {event.wd for event in events if event.mask & inotify_simple.flags.IGNORED}
        self._watches = {known: entry for known, entry in self._watches.items() if entry[0] not in gone}
        grown = {paths.get(event.wd, "") for event in events if event.wd not in gone}
        return None if "" in grown else grown

    def wake(self) -> None:
        """End a wait; may be called from another thread or a signal handler."""
        self.pipe.wake()

    def close(self) -> None:
        """Close every descriptor."""
        self.pipe.close()
        if self._inotify is not None:
            self._inotify.close()
