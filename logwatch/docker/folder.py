"""Reads small files below a folder that its owner changes meanwhile; no link is followed out of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LARGEST = 4 << 20
MOST_NAMES = 100_000
GRANT = "run as root, or grant CAP_DAC_READ_SEARCH"
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Folder:
    """A folder tree, read-only; what may not be read is noted in `problems`, what has gone is nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []

    def read(self, *parts: str, most: int = LARGEST) -> bytes | None:
        """The content of a regular file; None: it is not there, or larger than `most`."""
        found = self.read_with_status(*parts, most=most)
        return None if found is None else found[0]

    def read_with_status(self, *parts: str, most: int = LARGEST) -> tuple[bytes, os.stat_result] | None:
        """The content of a regular file with its status; None: it is not there, or larger than `most`."""
        with self._opened(parts) as descriptor:
            if descriptor is None or not stat.S_ISREG((status := os.fstat(descriptor)).st_mode):
                return None
            with os.fdopen(os.dup(descriptor), "rb") as file:
                text = file.read(most + 1)
        if len(text) > most:
            self.note(f"{self.path.joinpath(*parts)}: larger than {most} bytes: not read")
            return None
        return text, status

    def tail(self, *parts: str, most: int) -> bytes:
        """The last bytes of a regular file; none if it is not there."""
        with self._opened(parts) as descriptor:
            if descriptor is None or not stat.S_ISREG((status := os.fstat(descriptor)).st_mode):
                return b""
            return os.pread(descriptor, most, max(0, status.st_size - most))

    def is_folder(self, *parts: str) -> bool:
        """Whether a folder is there and may be opened."""
        with self._opened(parts) as descriptor:
            return descriptor is not None and stat.S_ISDIR(os.fstat(descriptor).st_mode)

    def text(self, *parts: str) -> str:
        """A short file's text without surrounding blanks; empty if it is not there."""
        return (self.read(*parts, most=1 << 16) or b"").decode("utf-8", "replace").strip()

    def names(self, *parts: str) -> list[str]:
        """The names in a folder, sorted; none if it is not there."""
        with self._opened(parts) as descriptor:
            if descriptor is None or not stat.S_ISDIR(os.fstat(descriptor).st_mode):
                return []
            names = sorted(os.listdir(descriptor))  # noqa: PTH208 - pathlib lists no descriptor
        if len(names) > MOST_NAMES:
            self.note(f"{self.path.joinpath(*parts)}: more than {MOST_NAMES} entries: the rest is ignored")
        return names[:MOST_NAMES]

    def status(self, *parts: str) -> os.stat_result | None:
        """The status of a regular file; None: it is not there."""
        with self._opened(parts) as descriptor:
            found = None if descriptor is None else os.fstat(descriptor)
        return found if found is not None and stat.S_ISREG(found.st_mode) else None

    def size(self, *parts: str) -> int | None:
        """The size of a regular file; None: it is not there."""
        found = self.status(*parts)
        return None if found is None else found.st_size

    def note(self, problem: str) -> None:
        """Note what could not be read, once."""
        if problem not in self.problems and len(self.problems) < 100:
            self.problems.append(problem)

    @contextmanager
    def _opened(self, parts: tuple[str, ...]) -> Iterator[int | None]:
        """Open component by component, so that no link is followed on the way."""
        descriptor: int | None = None
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            for part in parts:
                above, descriptor = descriptor, os.open(_plain(part), _FLAGS, dir_fd=descriptor)
                os.close(above)
        except (FileNotFoundError, NotADirectoryError):
            descriptor = self._closed(descriptor)
        except PermissionError:
            self.note(f"{self.path.joinpath(*parts)}: permission denied: {GRANT}")
            descriptor = self._closed(descriptor)
        except OSError as error:
            self.note(f"{self.path.joinpath(*parts)}: {error.strerror}")
            descriptor = self._closed(descriptor)
        try:
            yield descriptor
        finally:
            self._closed(descriptor)

    @staticmethod
    def _closed(descriptor: int | None) -> None:
        if descriptor is not None:
            os.close(descriptor)


def _plain(name: str) -> str:
    """A name that stays in its folder; what documents name may be anything."""
    if "/" in name or "\0" in name or name in {"", ".", ".."}:
        raise FileNotFoundError
    return name
