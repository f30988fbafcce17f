"""Reports which of many files have grown, by inotify in a thread that wakes the loop.

A watch reports once: who has read a file to its end watches it again. So a file that is written a thousand
times while it is read costs one event. Without inotify nothing is reported, and files must be compared.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import inotify_simple

from logwatch.inotify import open_inotify

_flags = inotify_simple.flags
_ONCE = _flags.MODIFY | _flags.MOVE_SELF | _flags.DELETE_SELF | _flags.ONESHOT | _flags.DONT_FOLLOW
PAUSE = 0.5
"""Seconds between two looks whether to stop."""


class GrowthWatch:
    """Watches files; `take` returns those that have changed since."""

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
                self._paths[self._inotify.add_watch(path, _ONCE)] = path
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
