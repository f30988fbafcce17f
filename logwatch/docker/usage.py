"""How much a folder takes, step by step, so that a pass may end in the middle and go on later.

What is measured belongs to containers, which may change it while we look: every folder is opened
relative to the one above and without following links, so nothing outside is ever reached. Other
file systems that are mounted below are left out, files with several links count once.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

DEEPEST = 200
"""Folders below each other; each takes a descriptor."""
MOST_LINKED = 500_000
"""Files with several links that are remembered."""
STEP = 100
"""Entries between two chances to stop."""
BLOCK = 512
_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

Result = TypeVar("Result")
Steps = Generator[None, None, Result]
"""Work in small steps; the result comes at its end."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a folder takes."""

    size: int = 0
    """Bytes of its files and lengths of its links, as graph drivers count."""
    allocated: int = 0
    """Bytes on disk, folders included, as containerd counts."""
    files: int = 0
    complete: bool = True
    """False: a part could not be read."""


def measure(path: Path) -> Steps[Usage]:
    """Measure a folder; one that is not there takes nothing."""
    walk = _Walk()
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        return Usage(complete=isinstance(error, FileNotFoundError))
    stack = [(descriptor, os.scandir(descriptor))]
    walk.begin(descriptor)
    try:
        while stack:
            descriptor, entries = stack[-1]
            entry = next(entries, None)
            if entry is None:
                stack.pop()
                entries.close()
                os.close(descriptor)
                continue
            if walk.add(entry) and (below := walk.enter(entry.name, descriptor, len(stack))) is not None:
                stack.append((below, os.scandir(below)))
            if walk.entries % STEP == 0:
                yield
    finally:
        for descriptor, entries in stack:
            entries.close()
            os.close(descriptor)
    return Usage(walk.size, walk.allocated, walk.files, walk.complete)


class _Walk:
    """What was added up so far."""

    def __init__(self) -> None:
        self.size = self.allocated = self.files = self.entries = 0
        self.complete = True
        self._device = 0
        self._linked: set[int] = set()

    def begin(self, descriptor: int) -> None:
        """Note the file system, and count the folder itself."""
        status = os.fstat(descriptor)
        self._device = status.st_dev
        self.allocated += status.st_blocks * BLOCK

    def add(self, entry: os.DirEntry[str]) -> bool:
        """Count an entry; True if it is a folder to enter."""
        self.entries += 1
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return False
        except OSError:
            self.complete = False
            return False
        if status.st_dev != self._device or (status.st_nlink > 1 and self._known(entry, status.st_ino)):
            return False
        self.allocated += status.st_blocks * BLOCK
        if entry.is_dir(follow_symlinks=False):
            return True
        self.files += 1
        self.size += status.st_size
        return False

    def enter(self, name: str, above: int, depth: int) -> int | None:
        """Open a folder; None where it has gone, may not be read or lies too deep."""
        if depth >= DEEPEST:
            self.complete = False
            return None
        try:
            return os.open(name, _FLAGS, dir_fd=above)
        except FileNotFoundError:
            return None
        except OSError:
            self.complete = False
            return None

    def _known(self, entry: os.DirEntry[str], inode: int) -> bool:
        if entry.is_dir(follow_symlinks=False):
            return False
        if inode in self._linked:
            return True
        if len(self._linked) < MOST_LINKED:
            self._linked.add(inode)
        return False


def finish(steps: Steps[Result]) -> Result:
    """Do all steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: Result = stop.value
            return result
