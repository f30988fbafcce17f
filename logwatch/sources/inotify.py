"""Wakes a source when a log may have grown: by inotify if there is one, else after the poll interval.

inotify only makes waking up quick. Everything is checked once per poll interval
anyway, because network file systems report nothing.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Iterable
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
ONCE = (
    inotify_simple.flags.MODIFY
    | inotify_simple.flags.MOVE_SELF
    | inotify_simple.flags.DELETE_SELF
    | inotify_simple.flags.ONESHOT
    | inotify_simple.flags.DONT_FOLLOW
)
PAUSE = 0.5
"""Seconds between two checks of a thread whether to stop."""
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


class GrowthWatch:
    """Reports in a thread which of many files have changed; `take` returns them.

    A watch reports once: who has read a file to its end watches it again. So a file that is written a thousand
    times while it is read costs one event. Without inotify nothing is reported, and files must be compared.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` is called after a file changed."""
        self._wake = wake
        self._paths: dict[int, str] = {}
        self._grown: set[str] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._inotify = open_inotify()
        self._thread = threading.Thread(target=self._run, name="containers", daemon=True)
        if self._inotify is not None:
            self._thread.start()

    @property
    def works(self) -> bool:
        """Whether there is inotify."""
        return self._inotify is not None

    def watch(self, path: str) -> bool:
        """Report the next change of a file; False if it cannot be watched."""
        if self._inotify is None:
            return False
        try:
            with self._lock:
                self._paths[self._inotify.add_watch(path, ONCE)] = path
        except OSError:
            return False
        return True

    def take(self) -> set[str]:
        """Return the files that changed since they were watched."""
        with self._lock:
            grown, self._grown = self._grown, set()
        return grown

    def close(self) -> None:
        """End the thread."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(2 * PAUSE)
        if self._inotify is not None:
            with suppress(OSError):
                self._inotify.close()

    def _run(self) -> None:
        assert self._inotify is not None
        while not self._stopped.is_set():
            events = self._inotify.read(timeout=round(PAUSE * 1000), read_delay=5)
            with self._lock:
                paths = {self._paths.pop(event.wd, "") for event in events} - {""}
                self._grown |= paths
            if paths:
                self._wake()
