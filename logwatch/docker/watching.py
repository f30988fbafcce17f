"""Watches the containers of a DOCKER_ROOT in a thread, so that short states are seen.

    inotify on containers/ ──▶ a new folder: watch it, read its file    ┐
    inotify on containers/<id>/ ──▶ config.v2.json was renamed: read it ├─▶ queue ─▶ the loop
    each PACE: list the folders; without inotify: compare all files     ┘

`docker pause` and `docker unpause` may be 20 ms apart, and a container of `docker run --rm` lasts
half a second: the loop, which commits in between, would be too late. The thread only reads files and
queues what it saw. Where inotify has no more watches (fs.inotify.max_user_watches), or is
not available, files are compared at a pace that grows with their number.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

import inotify_simple

from logwatch.docker.containers import FILES, FOLDER, is_id
from logwatch.docker.inventory import FileChange, Found, Inventory
from logwatch.inotify import open_inotify

MOST_QUEUED = 50_000
"""Most changes that wait for the loop; the oldest are dropped."""
MOST_TAKEN = 100
"""Changes that the loop gets at once: between a thousand containers it reads the log, and commits."""
PACE = 15.0
"""Seconds between two lists of the folders while inotify reports changes."""
MISSING_PACE = 0.2
"""Seconds between two checks while the root is missing."""
FIRST_PACE = 1.0
"""Seconds between two polls of the files without inotify."""
PER_FILE = 0.015
"""Seconds by which each file lengthens that."""
LAST_PAUSE = 1.0
"""How long a stop waits for the thread."""
_flags = inotify_simple.flags
_CHANGES = _flags.CREATE | _flags.MOVED_TO | _flags.CLOSE_WRITE | _flags.DELETE | _flags.MOVED_FROM
_FOLDERS = _flags.ONLYDIR | _flags.DONT_FOLLOW

log = logging.getLogger("logwatch.inventory")


class Watch:
    """Queues what changes below a DOCKER_ROOT; `take` may be called from any thread."""

    def __init__(
        self,
        docker_root: Path,
        wake: Callable[[], None],
        *,
        labels: Iterable[str] = (),
        notify: bool = True,
        listener: Callable[[list[FileChange]], None] | None = None,
    ) -> None:
        """`wake` is called after something was queued; `labels` as in Inventory.

        `listener` gets in the thread all that was seen, from the first poll on, also if that is nothing.
        """
        self.inventory = Inventory(docker_root, labels)
        self._wake = wake
        self._listener = listener
        self._notify = notify
        self._folder = docker_root / FOLDER
        self._inotify: inotify_simple.INotify | None = None
        self._ids: dict[int, str] = {}
        """Watch to container; the empty text for the folder of all."""
        self._complete = False
        """inotify reports every change: no file has to be compared."""
        self._queue: deque[FileChange] = deque(maxlen=MOST_QUEUED)
        self._oldest: dict[str, Found] = {}
        """Of each container the first that waits in the queue and has a name."""
        self.first_poll_ns: int | None = None
        """When the first poll began; what was created later was not there then."""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inventory", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(LAST_PAUSE)

    def take(self) -> list[FileChange]:
        """Return what was seen since the last call, in order: at most `MOST_TAKEN`, and the rest with the next calls."""
        changes: list[FileChange] = []
        while self._queue and len(changes) < MOST_TAKEN:
            change = self._queue.popleft()
            changes.append(change)
            if self._oldest.get(change.id) is change:
                del self._oldest[change.id]
        if self._queue:
            self._wake()
        return changes

    def find(self, container_id: str) -> Found | None:
        """Read a container's file; of one that is gone return what was seen last, while that waits for the loop.

        Its name is the oldest that waits: the events to be named are older than a rename that the loop has not seen.
        """
        found, oldest = self.inventory.find(container_id), self._oldest.get(container_id)
        if found is None:
            waiting = (each for each in reversed(list(self._queue)) if isinstance(each, Found))
            found = next((each for each in waiting if each.id == container_id), None)
        return found._replace(name=oldest.name) if found is not None and oldest is not None else found

    # ── the thread ───────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        next_poll = 0.0
        while not self._stopped.is_set():
            now = time.monotonic()
            if now >= next_poll:
                self._poll()
                next_poll = time.monotonic() + self._pace()
            if self._inotify is None:
                self._stopped.wait(min(0.5, self._pace()))
            else:
                self._read_events(self._inotify, min(0.5, max(0.0, next_poll - now)))
        if self._inotify is not None:
            self._inotify.close()

    def _pace(self) -> float:
        if self.inventory.missing:
            return MISSING_PACE
        return PACE if self._complete else FIRST_PACE + PER_FILE * len(self._ids or self.inventory.known())

    def _poll(self) -> None:
        """Compare folders and files with the last poll; begin to watch what is new."""
        began_ns = time.time_ns()
        watched = self._complete and self._watch_all()
        changes = self.inventory.poll(began_ns, files=not watched)
        if not watched:
            self._complete = self._watch_all()
            changes += self.inventory.read_changed(self.inventory.known())  # changed before it was watched
        self._put(changes)
        self.first_poll_ns = self.first_poll_ns or began_ns

    def _put(self, changes: list[FileChange]) -> None:
        if self._listener is not None:
            self._listener(changes)
        if changes:
            if self.first_poll_ns is not None:
                changes = [self.inventory.with_last_words(each) for each in changes]
            if len(self._queue) + len(changes) > MOST_QUEUED:
                self._oldest.clear()  # the queue drops its first
            for each in changes:
                if isinstance(each, Found) and each.name:
                    self._oldest.setdefault(each.id, each)
            self._queue.extend(changes)
            self._wake()

    # ── inotify ──────────────────────────────────────────────────────────────────────

    def _watch_all(self) -> bool:
        """Watch the folder of all containers and those of the known ones; False if one cannot be watched."""
        if self._inotify is None:
            self._inotify = open_inotify() if self._notify else None
        if self._inotify is None:
            return False
        if "" not in self._ids.values() and not self._add(self._inotify, ""):
            return False
        watched = set(self._ids.values())
        return all(self._add(self._inotify, each) for each in self.inventory.known() if each not in watched)

    def _add(self, inotify: inotify_simple.INotify, container_id: str) -> bool:
        try:
            self._ids[inotify.add_watch(self._folder / container_id, _CHANGES | _FOLDERS)] = container_id
        except (FileNotFoundError, NotADirectoryError):
            return bool(container_id)  # removed meanwhile: the next event or look reports that
        except OSError as error:
            if container_id == "" or self._complete:
                log.warning("%s cannot be watched: %s: its files are compared instead", self._folder, error.strerror)
            self._complete = False
            return False
        return True

    def _read_events(self, inotify: inotify_simple.INotify, timeout: float) -> None:
        for event in inotify.read(timeout=round(timeout * 1000)):
            container_id = self._ids.get(event.wd)
            if event.mask & _flags.Q_OVERFLOW:
                self._complete = False
            elif event.mask & _flags.IGNORED:
                self._ids.pop(event.wd, None)
                self._complete = self._complete and container_id != ""
            elif container_id == "":
                self._folder_event(inotify, event.mask, event.name)
            elif container_id is not None and event.name in FILES and not event.mask & _flags.DELETE:
                self._put(self.inventory.read_changed([container_id]))

    def _folder_event(self, inotify: inotify_simple.INotify, mask: int, name: str) -> None:
        """A container's folder came or went."""
        if not is_id(name):
            return
        if mask & (_flags.CREATE | _flags.MOVED_TO):
            self._complete = self._add(inotify, name) and self._complete
            self._put(self.inventory.read_changed([name]))
        else:
            self._put(self.inventory.removed(name, time.time_ns()))
