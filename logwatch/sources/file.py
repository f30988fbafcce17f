"""Follows log files: every line once, through rotation, truncation, compression and restarts."""

from __future__ import annotations

import fnmatch
import glob
import json
import os
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from logwatch.errors import SourceError
from logwatch.model import SECOND, Chunk, Gap, SourceStatus
from logwatch.sources.content import Disk, NoDescriptorError, describe, open_plain, packed_suffix
from logwatch.sources.followed_file import FollowedFile
from logwatch.sources.generations import InodeOwners
from logwatch.sources.inotify import WakePipe, Wakeup
from logwatch.sources.offset_file import read_position, write_position
from logwatch.sources.open_file import CONFIRM_NS, Options
from logwatch.sources.rotated_files import ROTATED
from logwatch.store import state_table
from logwatch.store.state_table import StateTable

BEGUN = "begun"
"""Row that says that this is not the first start."""
OLD_SUFFIX = "#siblings"
"""Version 0.1 kept a position under the path itself, known files under the path with this suffix, and `#begun`."""


class FileSource:
    """Follows paths and patterns; returns one chunk of one file at a time, in turns.

    Raises SourceError if a path given by name is a directory, or cannot be read.
    """

    def __init__(
        self,
        paths: Sequence[str],
        *,
        start: Literal["beginning", "end"] = "beginning",
        max_line_bytes: int = 1 << 16,
        chunk_bytes: int = 1 << 20,
        rotate_wait_ns: int = 60 * SECOND,
        rotate_patterns: Sequence[str] = (),
        olddirs: Sequence[str] = (),
        offset_dir: Path | None = None,
        poll_interval: float = 1.0,
        notify: bool = True,
        disk: Disk | None = None,
    ) -> None:
        self._paths = tuple(os.path.abspath(path) for path in paths)
        self._disk = disk or Disk()
        self._options = Options(
            start, chunk_bytes, max_line_bytes, rotate_wait_ns, tuple(rotate_patterns), tuple(olddirs)
        )
        self._offset_dir = offset_dir
        self._poll_interval = poll_interval
        self._owners = InodeOwners()
        self._gaps: list[Gap] = []
        self._followed: dict[str, FollowedFile] = {}
        self._copies: dict[str, tuple[int, int]] = {}
        """Files that match a pattern and are copies of a log, with their device and inode."""
        self._due: deque[FollowedFile] = deque()
        self._touched: dict[str, FollowedFile] = {}
        """Read since the last wait."""
        self._dirty: dict[str, FollowedFile] = {}
        """Read since the last commit."""
        self._notified = False
        """Whether the last wait named the files that have grown."""
        self._checked_ns: int | None = None
        self._blocked: str | None = None
        """Why patterns cannot be expanded at the moment."""
        self._positions: StateTable[str, dict[str, Any]] = StateTable("position")
        self._known_files: StateTable[str, dict[str, Any]] = StateTable("rotated")
        self._flags: StateTable[str, bool] = StateTable("flag")
        self.tables = (self._positions, self._known_files, self._flags)
        self._old_rows: dict[str, str | None] = {}
        for path in self._paths:
            if not is_pattern(path):
                self._check_readable(path)
        self._wakeup = Wakeup(notify=notify)

    def _check_readable(self, path: str) -> None:
        """Raise SourceError unless a path given by name is a plain file, or does not exist yet."""
        try:
            content = open_plain(self._disk, path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise SourceError(f"{describe(path, error)}: {cure(error)}") from error
        content.close()
        if packed_suffix(path):
            raise SourceError(f"{path}: compressed, so nobody writes to it any more: use `logwatch replay {path}`")

    # ── reading ──────────────────────────────────────────────────────────────────────

    @property
    def finished(self) -> bool:
        """Never true: there is always more to come."""
        return False

    def read(self, now_ns: int) -> Chunk | None:
        """Return the next chunk of any file, or None if there is nothing to read at the moment."""
        if (not self._due and not self._notified) or self._is_time(now_ns):
            self._check_all(now_ns)
        while self._due:
            followed = self._due.popleft()
            self._touched[followed.path] = self._dirty[followed.path] = followed
            chunk = followed.read(now_ns)
            self._gaps += followed.stats.take_gaps()
            if chunk is not None:
                self._due.append(followed)
                return chunk
        self._notified = False
        return None

    def _is_time(self, now_ns: int) -> bool:
        """Whether a poll interval has passed, or the clock was set."""
        return self._checked_ns is None or abs(now_ns - self._checked_ns) >= self._poll_interval * SECOND

    def _check_all(self, now_ns: int) -> None:
        self._checked_ns = now_ns
        self._find_logs()
        waiting = {followed.path for followed in self._due}
        self._due.extend(followed for path, followed in self._followed.items() if path not in waiting)

    def _find_logs(self) -> None:
        """Follow what the patterns match now; a log that comes later is read from its start."""
        try:
            os.close(self._disk.open(os.devnull))  # at the limit of open files glob finds nothing, without an error
            for path in self._paths:
                for log in expand(path) if is_pattern(path) else [path]:
                    if log not in self._followed and (not self._begun or not self._is_copy(log)):
                        self._follow(log)
        except NoDescriptorError as error:
            self._blocked = f"new logs are not found: {error}"
        else:
            self._blocked = None

    @property
    def _begun(self) -> bool:
        return BEGUN in self._flags

    def _is_copy(self, path: str) -> bool:
        """Whether a new file is a copy, under a new name, of a log that is followed."""
        try:
            content = open_plain(self._disk, path)
        except OSError:
            return False
        try:
            identity = (content.device, content.inode)
            if self._copies.get(path) != identity:
                self._copies.pop(path, None)
                if any(followed.has_read(content) for followed in self._followed.values()):
                    self._copies[path] = identity
            return path in self._copies
        finally:
            content.close()

    def _follow(self, path: str) -> FollowedFile:
        options = replace(self._options, start="beginning") if self._begun else self._options
        followed = FollowedFile(path, options, disk=self._disk, owners=self._owners)
        self._followed[path] = followed
        self._owners.follow(path)
        return followed

    # ── state ────────────────────────────────────────────────────────────────────────

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue after the last committed chunk; a first start begins with what is at the paths now."""
        current = {_current_key(key): row for key, row in rows.items()}
        self._old_rows = {key: None for key in rows if key not in current}
        state_table.restore(self.tables, current)
        if self._old_rows:
            for table in (self._positions, self._known_files):
                for path in table:
                    table.touch(path)
        self.restored()

    def restored(self) -> None:
        """Open the files of the restored positions, and those that the paths and patterns name."""
        for path, position in self._positions.items():
            self._follow(path).load(position, self._known_files.get(path))
        self._find_logs()
        for path, followed in self._followed.items():
            if path not in self._positions:
                self._continue_from_offset_file(followed)
        self._flags[BEGUN] = True
        # Of two names of one file, the one that has a position is checked first, and reads it.
        for followed in sorted(self._followed.values(), key=lambda followed: not followed.has_position):
            followed.check(0)
            self._gaps += followed.stats.take_gaps()
        self._dirty.update(self._followed)
        self._due.extend(self._followed.values())

    def _continue_from_offset_file(self, followed: FollowedFile) -> None:
        """Continue where pygtail, or a clean stop of ours, left off, if nothing was committed."""
        if self._offset_dir is not None:
            position = read_position(self._offset_dir, followed.path, self._options.rotate_patterns)
            if position is not None:
                followed.continue_at(position)

    def changed_rows(self) -> dict[str, str | None]:
        """Return the rows that changed since the last call: positions just after the last chunk, and known files."""
        for path, followed in self._dirty.items():
            self._positions.replace(path, followed.position())
            self._known_files.replace(path, followed.known_files())
        self._dirty = {}
        old_rows, self._old_rows = self._old_rows, {}
        return {**old_rows, **state_table.changed_rows(self.tables)}

    # ── what the driver asks ─────────────────────────────────────────────────────────

    def status(self) -> Sequence[SourceStatus]:
        """Return the state of each followed path."""
        patterns = [path for path in self._paths if is_pattern(path)] if self._blocked else []
        return [
            *(followed.status() for followed in self._followed.values()),
            *(
                SourceStatus(
                    path,
                    open=False,
                    error=self._blocked,
                    size=0,
                    position=0,
                    pending=0,
                    last_read_ns=None,
                    unreadable=True,
                )
                for path in patterns
            ),
        ]

    def gaps(self) -> Sequence[Gap]:
        """Return the losses proven since the last call."""
        gaps, self._gaps = self._gaps, []
        return gaps

    @property
    def pipe(self) -> WakePipe:
        """What ends a wait."""
        return self._wakeup.pipe

    def wait(self, timeout: float) -> None:
        """Sleep until a file may have grown, at most `timeout` seconds or a poll interval."""
        limit = self._poll_interval
        for path, followed in self._touched.items():
            files = followed.open_files()
            self._wakeup.keep_only(path, files)
            if self._wakeup.watch(path, files):
                limit = 0  # what was written between the last read and this new watch wakes nobody
            elif followed.recheck_soon:
                limit = min(limit, CONFIRM_NS / SECOND)
        self._touched = {}
        grown = self._wakeup.wait(min(timeout, limit))
        self._notified = grown is not None
        self._due.extend(self._followed[path] for path in grown or ())

    def wake(self) -> None:
        """End a wait; may be called from another thread or a signal handler."""
        self._wakeup.wake()

    def close(self) -> None:
        """Close every descriptor, and write pygtail's offset files."""
        for followed in self._followed.values():
            live = followed.live
            if self._offset_dir is not None and live is not None:
                with suppress(OSError):
                    write_position(self._offset_dir, followed.path, live.content.inode, live.offset)
            followed.close()
        self._wakeup.close()


def _current_key(key: str) -> str:
    """Return today's key of a row that version 0.1 may have written.

    >>> _current_key("/var/log/messages#siblings"), _current_key("#begun"), _current_key('position "/var/log/messages"')
    ('rotated "/var/log/messages"', 'flag "begun"', 'position "/var/log/messages"')
    """
    if key == f"#{BEGUN}":
        return f"flag {json.dumps(BEGUN)}"
    if key.startswith("/"):
        table = "rotated" if key.endswith(OLD_SUFFIX) else "position"
        return f"{table} {json.dumps(key.removesuffix(OLD_SUFFIX))}"
    return key


# ── paths ────────────────────────────────────────────────────────────────────────────


def cure(error: OSError) -> str:
    """Return what an operator does about a log that cannot be opened."""
    if isinstance(error, PermissionError):
        return "add our user to the file's group (on Debian: adm), or run as root"
    return "name a plain file, or a pattern that matches plain files"


def is_pattern(path: str) -> bool:
    """Whether the path holds `*`, `?` or `[`."""
    return glob.has_magic(path)


def expand(pattern: str) -> list[str]:
    """Return the logs that a pattern matches, sorted; not their rotated files.

    A name that looks rotated means the log it was rotated from if the pattern matches
    that too: `messages*` finds `messages` and not `messages.1`, also while `messages` is missing.
    """
    found = set()
    for path in glob.glob(pattern, recursive=True):
        if not os.path.isdir(path):
            found.add(_log_of(path, pattern))
    return sorted(path for path in found if not packed_suffix(path))


def _log_of(path: str, pattern: str) -> str:
    """Return the log that a rotated file came from, or the path itself."""
    directory, name = os.path.split(path)
    bare = name.removesuffix(packed_suffix(name))
    for rotated in ROTATED.finditer(bare):
        base = os.path.join(directory, bare[: rotated.start()] + bare[rotated.end() :])
        if rotated.start() and fnmatch.fnmatch(base, pattern):
            return base
    return path
