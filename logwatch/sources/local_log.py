"""Follows the log of a container with the driver `local`, whose entries are not lines.

The engine renames a full `container.log` to `container.log.1` and compresses it; that is all that happens to
these files (`daemon/logger/loggerutils/logfile.go` of moby). So a position is inode and offset, with a digest of
the bytes before it: it is found again whatever the file is called and however it is compressed by then.

Entries are handed over in the form of the driver `json-file`, one JSON object a line.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

from logwatch.docker.local_entries import LARGEST, WORD, LogEntry, TornError, cut, hole, parse
from logwatch.model import Chunk, SourceStatus
from logwatch.notation import rfc3339
from logwatch.sources.content import DAMAGE, Archive, Disk, NoDescriptorError, Plain, open_content, packed_suffix
from logwatch.sources.fingerprint import TAIL, digest
from logwatch.sources.rotated_files import rotated_middle

WINDOW = 256 << 10
"""Bytes that are read at a time."""
Position = tuple[int, int, str]
"""Inode, offset, and digest of the bytes before it."""


class LocalLog:
    """The entries of one log of the driver `local`, each once."""

    def __init__(self, path: str, disk: Disk, start: Literal["beginning", "end"]) -> None:
        self.path = path
        self.recheck_soon = False
        self._disk = disk
        self._start = start
        self._current: Plain | Archive | None = None
        self._offset = 0
        self._tail = b""
        self._resume: Position | None = None
        """Where to continue, until that is found."""
        self._problems: Counter[str] = Counter()

    # ── reading ──────────────────────────────────────────────────────────────────────

    def read(self, now_ns: int) -> Chunk | None:
        """Return the next entries; None if there are none at the moment."""
        while self._current is not None or self._open_first():
            begin = self._offset
            data = self._entries()
            if data:
                return Chunk(data, self.path, self._offset, now_ns, live=True)
            if self._offset == begin and not self._open_next():
                return None
        return None

    def _entries(self) -> bytes:
        """Read whole entries; a hole is passed over, something else that is not an entry ends the file."""
        assert self._current is not None
        for size in (WINDOW, LARGEST + 2 * WORD):
            window = self._pread(size, self._offset)
            try:
                entries, used = cut(window)
            except TornError:
                self._problems["entry"] += 1
                entries, used = [], hole(window) or self._size() - self._offset
            if used or len(window) < size:
                break
        if not used:
            return b""
        self._tail = (self._tail + window[:used])[-TAIL:]
        self._offset += used
        if used > len(window):
            self._tail = self._pread(TAIL, max(0, self._offset - TAIL))
        return b"".join(_as_json(parse(entry)) for entry in entries)

    def _pread(self, size: int, offset: int) -> bytes:
        assert self._current is not None
        try:
            return self._current.pread(size, offset)
        except DAMAGE:
            self._problems["damaged"] += 1
            return b""

    def _size(self) -> int:
        return self._current.stat().st_size if isinstance(self._current, Plain) else 1 << 62

    # ── generations ──────────────────────────────────────────────────────────────────

    def _open_first(self) -> bool:
        """Open what the position is in; without one, the oldest file, or the end of the newest."""
        contents = self._generations()
        if not contents:
            return False
        place = self._place_in(contents, self._resume) if self._resume is not None else None
        if place is not None and self._resume is not None:
            self._take(contents, place, self._resume[1])
        elif self._resume is None and self._start == "end":
            newest = contents[0]
            self._take(contents, 0, newest.stat().st_size if isinstance(newest, Plain) else 0)
        else:
            if self._resume is not None:
                self._problems["lost"] += 1
            self._take(contents, len(contents) - 1, 0)
        self._resume, self._start = None, "beginning"
        return True

    def _open_next(self) -> bool:
        """Open the file after the one that was read to its end."""
        assert self._current is not None
        if isinstance(self._current, Plain) and self._size() < self._offset:
            self._problems["truncated"] += 1
            self._offset, self._tail = 0, b""
            return True
        contents = self._generations()
        inode = self._current.inode
        place = next((place for place, each in enumerate(contents) if each.inode == inode), None)
        if place is None and contents:
            place = self._place_in(contents, self._at())
            if place is None:
                self._problems["lost"] += 1  # of what came between
                place = len(contents)
        # One that is empty is not begun: its position would be the same as that of any other beginning.
        newer = next((each for each in range((place or 0) - 1, -1, -1) if not _is_empty(contents[each])), None)
        if newer is None:
            for each in contents:
                each.close()
            return False
        self._take(contents, newer, 0)
        return True

    def _generations(self) -> list[Plain | Archive]:
        """Open all files of the log, the newest first; raises NoDescriptorError."""
        directory, _, base = self.path.rpartition("/")
        listed = self._disk.names(directory, base)
        numbers = {base: 0}
        for name in listed:
            middle = rotated_middle(name, base) or ""
            is_complete = not packed_suffix(name) or name.removesuffix(packed_suffix(name)) not in listed
            if middle[1:].isdecimal() and is_complete:
                numbers[name] = int(middle[1:])
        contents: list[Plain | Archive] = []
        for name in sorted(numbers, key=lambda name: numbers[name]):
            try:
                contents.append(open_content(self._disk, f"{directory}/{name}"))
            except OSError:
                continue
            except NoDescriptorError:
                for each in contents:
                    each.close()
                raise
        return contents

    @staticmethod
    def _place_in(contents: list[Plain | Archive], position: Position) -> int | None:
        """Return which of the files a position is in."""
        inode, offset, known = position
        if not offset:  # nothing was read of any
            return len(contents) - 1
        for place, content in enumerate(contents):
            if isinstance(content, Plain) and content.inode != inode:
                continue
            length = min(TAIL, offset)
            try:
                tail = content.pread(length, offset - length)
            except DAMAGE:
                continue
            if len(tail) == length and digest(tail) == known:
                return place
        return None

    def _take(self, contents: list[Plain | Archive], place: int, offset: int) -> None:
        """Continue in one of the files, and close the others."""
        if self._current is not None:
            self._current.close()
        self._current, self._offset = contents[place], offset
        length = min(TAIL, offset)
        self._tail = self._pread(length, offset - length)
        for each in contents:
            if each is not self._current:
                each.close()

    # ── state ────────────────────────────────────────────────────────────────────────

    def _at(self) -> Position:
        assert self._current is not None
        return self._current.inode, self._offset, digest(self._tail)

    def position(self) -> dict[str, Any]:
        """Return the position in the form kept in the state."""
        at = self._resume if self._current is None else self._at()
        return {"local": list(at) if at is not None else None}

    def known_files(self) -> dict[str, Any]:
        """Return nothing: files are found by what is in them."""
        return {}

    def load(self, position: Mapping[str, Any], known_files: Mapping[str, Any] | None) -> None:  # noqa: ARG002 - as FollowedFile
        """Undo `position`."""
        at = position.get("local")
        self._resume = (at[0], at[1], at[2]) if at is not None else None

    def take_problems(self) -> Counter[str]:
        """Return what was skipped or lost since the last call, by reason."""
        problems, self._problems = self._problems, Counter()
        return problems

    def status(self) -> SourceStatus:
        """Return the state of the file that is read."""
        size = self._size() if isinstance(self._current, Plain) else self._offset
        return SourceStatus(self.path, True, None, size, self._offset, max(size - self._offset, 0), None)  # noqa: FBT003 - as declared

    def open_files(self) -> list[Plain]:
        """Return the file that is open."""
        return [self._current] if isinstance(self._current, Plain) else []

    def close(self) -> None:
        """Close the file."""
        if self._current is not None:
            self._resume = self._at()
            self._current.close()
            self._current = None


def _is_empty(content: Plain | Archive) -> bool:
    try:
        return not content.pread(1, 0)
    except DAMAGE:
        return True


def _as_json(entry: LogEntry) -> bytes:
    text = entry.line.decode("utf-8", "backslashreplace") + ("" if entry.partial else "\n")
    fields = {"log": text, "stream": entry.source, "time": rfc3339(entry.time_ns, 9)}
    return json.dumps(fields).encode() + b"\n"
