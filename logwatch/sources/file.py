"""Follows log files: every line once, through rotation, truncation, compression and restarts.

pygtail decides, as ever, whether a log was rotated, and keeps its offset file; how the
rotated copy is found and how bytes are read is ours (`followed.py`).
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal, NoReturn
from urllib.parse import quote

from pygtail import Pygtail

from logwatch.errors import SourceError
from logwatch.model import SECOND, Chunk, Gap, SourceStatus
from logwatch.sources.content import Disk, describe, open_plain, packed_suffix
from logwatch.sources.copies import ROTATED
from logwatch.sources.fingerprint import Fingerprint
from logwatch.sources.followed_file import FollowedFile
from logwatch.sources.inode_owners import InodeOwners
from logwatch.sources.inotify import Wakeup
from logwatch.sources.open_file import CONFIRM_NS, Limits
from logwatch.sources.options import Options

BEGUN = "#begun"
"""Row that says that this is not the first start."""
OFFSET_FILE = re.compile(
    rb"""
    (?P<inode> [0-9]+ ) \n
    (?P<offset> [1-9][0-9]* ) \n
    """,
    re.VERBOSE,
)
ROTATED_FILES = "#siblings"
"""Suffix of the row that holds what is known of a path's rotated copies."""


class RotationDecision(Pygtail):  # type: ignore[misc]  # pygtail carries no types
    """pygtail's constructor decides from inode and size whether the log was rotated, and asks us for the copy.

    Its iterator is never used: it reads text line by line and saves before the line is dealt with.
    """

    def __init__(self, path: str, offset_file: str, find: Callable[[], str | None]) -> None:
        self._find = find
        super().__init__(path, offset_file=offset_file, copytruncate=False, full_lines=True, save_on_end=False)

    def _filehandle(self) -> None:
        """Nothing is opened here, so there is nothing for its destructor to close."""

    def _check_rotated_filename_candidates(self) -> str | None:
        return self._find()

    def _determine_rotated_logfile(self) -> str | None:
        """The copy was found by its content, so its inode needs no second look."""
        found = self._check_rotated_filename_candidates()
        return str(found) if found is not None else None

    def next(self) -> NoReturn:
        """Refuse to be iterated."""
        raise NotImplementedError("logwatch reads in bulk: use FileSource.read")


def write_offset_file(offset_file: str, inode: int, offset: int) -> None:
    """Write pygtail's offset file (two lines: inode, offset), whole or not at all."""
    fresh = f"{offset_file}.new"
    with open(fresh, "w", encoding="ascii") as stream:
        stream.write(f"{inode}\n{offset}\n")
    os.replace(fresh, offset_file)


def offset_file(folder: Path, path: str) -> Path:
    """Where pygtail's offset file of a log is: never beside the log, which is read-only."""
    return folder / f"{quote(path, safe='')[-200:]}.offset"


class FileSource:
    """Follows paths and patterns; one chunk of one file at a time, in turns.

    Raises SourceError where a path given by name is a directory, or is not ours to read.
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
        limits = Limits(chunk_bytes, max_line_bytes)
        self._options = Options(start, limits, rotate_wait_ns, tuple(rotate_patterns), tuple(olddirs))
        self._late_options = replace(self._options, start="beginning")
        self._offset_dir = offset_dir
        self._poll_interval = poll_interval
        self._owners = InodeOwners()
        self._gaps: list[Gap] = []
        self._followed: dict[str, FollowedFile] = {}
        self._handed: dict[str, str] = {}
        self._copies: dict[str, tuple[int, int]] = {}
        self._due: deque[FollowedFile] = deque()
        self._touched: dict[str, FollowedFile] = {}
        """Read since the last wait."""
        self._dirty: dict[str, FollowedFile] = {}
        """Read since the rows were last handed over."""
        self._told = False
        self._looked_ns: int | None = None
        self._begun = False
        for path in self._paths:
            if not is_pattern(path):
                self._check(path)
        self._wakeup = Wakeup(notify=notify)

    def _check(self, path: str) -> None:
        """A path given by name must be a plain file, or not exist yet."""
        try:
            content = open_plain(self._disk, path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise SourceError(f"{describe(path, error)}: {cure(error)}") from error
        content.close()
        if packed_suffix(path):
            raise SourceError(
                f"{path}: it is compressed, so nobody writes to it any more: use `logwatch replay {path}`"
            )

    # ── reading ──────────────────────────────────────────────────────────────────────

    @property
    def finished(self) -> bool:
        """There is always more to come."""
        return False

    def read(self, now_ns: int) -> Chunk | None:
        """The next chunk of any file, or None when there is nothing to read at the moment."""
        if (not self._due and not self._told) or self._is_time(now_ns):
            self._look_at_all(now_ns)
        while self._due:
            followed = self._due.popleft()
            self._touched[followed.path] = self._dirty[followed.path] = followed
            chunk = followed.read(now_ns)
            if chunk is not None:
                self._due.append(followed)
                return chunk
        self._told = False
        return None

    def _is_time(self, now_ns: int) -> bool:
        """A poll interval has passed, or the clock was set."""
        return self._looked_ns is None or abs(now_ns - self._looked_ns) >= self._poll_interval * SECOND

    def _look_at_all(self, now_ns: int) -> None:
        self._looked_ns = now_ns
        self._find_logs()
        waiting = {followed.path for followed in self._due}
        self._due.extend(followed for path, followed in self._followed.items() if path not in waiting)

    def _find_logs(self) -> None:
        """Follow what the patterns mean now; a log that comes later is read from its start."""
        for path in self._paths:
            for log in expand(path) if is_pattern(path) else [path]:
                if log not in self._followed and (not self._begun or not self._is_copy(log)):
                    self._follow(log)

    def _is_copy(self, path: str) -> bool:
        """A file that turned up is a log that we read, copied under a new name."""
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
        options = self._late_options if self._begun else self._options
        followed = FollowedFile(
            path, options, disk=self._disk, owners=self._owners, decide=self._decide, gaps=self._gaps
        )
        self._followed[path] = followed
        self._owners.follow(path)
        return followed

    def _decide(self, path: str, known: Fingerprint, find: Callable[[], str | None]) -> str | None:
        """Let pygtail decide whether the log was rotated."""
        with ExitStack() as stack, suppress(OSError):
            offset_file = self._offset_file(path) or os.path.join(
                stack.enter_context(tempfile.TemporaryDirectory()), "offset"
            )
            # pygtail trusts an inode whose file has not shrunk, and a busy file outgrows its old size
            # before pygtail looks. We ask because the content is another; no file has inode 0.
            write_offset_file(offset_file, 0, known.size)
            rotated = RotationDecision(path, offset_file, find).rotated_logfile
            return str(rotated) if rotated is not None else None
        return find()

    def _offset_file(self, path: str) -> str | None:
        return str(offset_file(self._offset_dir, path)) if self._offset_dir is not None else None

    # ── state ────────────────────────────────────────────────────────────────────────

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue behind the last committed chunk; what is at the paths at this moment is where a first start begins."""
        self._handed = dict(rows)
        for key, text in rows.items():
            if key != BEGUN and not key.endswith(ROTATED_FILES):
                self._follow(key).load(text, rows.get(key + ROTATED_FILES))
        self._begun = BEGUN in rows
        self._find_logs()
        for path, followed in self._followed.items():
            if path not in rows:
                self._adopt(path, followed)
        self._begun = True
        # Of two names of one file, the one that was reading it goes on: it knows how far.
        for followed in sorted(self._followed.values(), key=lambda followed: not followed.has_position):
            followed.look(0)
        self._dirty.update(self._followed)
        self._due.extend(self._followed.values())

    def _adopt(self, path: str, followed: FollowedFile) -> None:
        """Without a state of ours, go on where pygtail's offset file says."""
        offset_file = self._offset_file(path)
        if offset_file is not None and _is_whole(offset_file):
            with suppress(OSError):
                found = RotationDecision(path, offset_file, lambda: None)
                followed.adopt(found.offset_file_inode, found.offset)

    def changed_rows(self) -> dict[str, str | None]:
        """Every path's position just behind the last chunk, and the siblings it knows, where they changed."""
        rows: dict[str, str | None] = {}
        self._offer(rows, BEGUN, "1")
        for path, followed in self._dirty.items():
            self._offer(rows, path, followed.dump())
            if followed.rotated_files.changed or path + ROTATED_FILES not in self._handed:
                self._offer(rows, path + ROTATED_FILES, followed.rotated_files.dump())
        self._dirty = {}
        return rows

    def _offer(self, rows: dict[str, str | None], key: str, text: str) -> None:
        if self._handed.get(key) != text:
            rows[key] = self._handed[key] = text

    def committed(self) -> None:
        """Nothing is kept only for the sake of a commit: what a crash needs again is found by its content."""

    # ── what the engine asks ─────────────────────────────────────────────────────────

    def status(self) -> Sequence[SourceStatus]:
        """How each followed path stands."""
        return [followed.status() for followed in self._followed.values()]

    def gaps(self) -> Sequence[Gap]:
        """Losses proven since the last call."""
        gaps = tuple(self._gaps)
        self._gaps.clear()
        return gaps

    def wait(self, timeout: float) -> None:
        """Sleep until a file may have appended, at the most `timeout` seconds or a poll interval."""
        limit = self._poll_interval
        for path, followed in self._touched.items():
            files = followed.open_files()
            self._wakeup.keep_only(path, files)
            if self._wakeup.watch(path, files):
                limit = 0  # what was written between the last read and this new watch wakes nobody
            elif followed.recheck_soon:
                limit = min(limit, CONFIRM_NS / SECOND)
        self._touched = {}
        told = self._wakeup.wait(min(timeout, limit))
        self._told = told is not None
        self._due.extend(self._followed[path] for path in told or ())

    def wake(self) -> None:
        """End a wait; may be called from another thread or a signal handler."""
        self._wakeup.wake()

    def close(self) -> None:
        """Let go of every descriptor, and leave pygtail's offset files behind."""
        for followed in self._followed.values():
            self._leave_offset(followed)
            followed.close()
        self._wakeup.close()

    def _leave_offset(self, followed: FollowedFile) -> None:
        offset_file = self._offset_file(followed.path)
        if offset_file is not None and followed.live is not None:
            with suppress(OSError):
                write_offset_file(offset_file, followed.live.identity[1], followed.live.offset)


def _is_whole(offset_file: str) -> bool:
    """It is as pygtail writes it: a torn one would end its constructor."""
    try:
        content = Path(offset_file).read_bytes()
    except OSError:
        return False
    return OFFSET_FILE.fullmatch(content) is not None


def cure(error: OSError) -> str:
    """What an operator does about a log that cannot be opened."""
    if isinstance(error, PermissionError):
        return "add our user to the file's group (on Debian: adm), or run as root"
    return "name a plain file, or a pattern that means plain files"


def is_pattern(path: str) -> bool:
    """The path holds `*`, `?` or `[`."""
    return glob.has_magic(path)


def expand(pattern: str) -> list[str]:
    """The logs that a pattern means, sorted.

    A name that looks rotated stands for the log it was rotated from where the pattern
    means that too: `messages*` finds `messages` and not `messages.1`, also while `messages` is missing.
    """
    found = set()
    for path in glob.glob(pattern, recursive=True):
        if not os.path.isdir(path):
            found.add(_log_of(path, pattern))
    return sorted(path for path in found if not packed_suffix(path))


def _log_of(path: str, pattern: str) -> str:
    """The log that a rotated copy came from, or the path itself."""
    directory, name = os.path.split(path)
    bare = name.removesuffix(packed_suffix(name))
    for rotated in ROTATED.finditer(bare):
        base = os.path.join(directory, bare[: rotated.start()] + bare[rotated.end() :])
        if rotated.start() and fnmatch.fnmatch(base, pattern):
            return base
    return path
