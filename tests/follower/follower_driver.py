"""A writer that numbers its lines, and a reader that commits what it read with its position."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import os
import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import zstandard

from logwatch.model import SECOND, Gap
from logwatch.sources.content import Disk
from logwatch.sources.file import FileSource

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda content: zstandard.ZstdCompressor().compress(content),
}
UNPACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
    ".zst": lambda content: zstandard.ZstdDecompressor().decompress(content),
}


class FlappingDisk(Disk):
    """A file system that answers wrongly for a while."""

    def __init__(self) -> None:
        self.refused: dict[str, int] = {}
        self.error: int | None = None
        self.shrunk = False
        self.inodeless = False

    def stat(self, path: str) -> os.stat_result:
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error), path)
        found = super().stat(path)
        if self.inodeless:
            return os.stat_result((found.st_mode, 0, *found[2:]))
        return found

    def fstat(self, fd: int) -> os.stat_result:
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error))
        found = super().fstat(fd)
        if self.shrunk:
            return os.stat_result((*found[:6], 1, *found[7:]))
        return found

    def open(self, path: str) -> int:
        if path in self.refused:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return super().open(path)


class Log:
    """A log with one writer, which is rotated as logrotate would."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written: list[str] = []
        self.open_line = ""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.fd = self.reopen()

    def reopen(self) -> int:
        self.fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        return self.fd

    def text(self) -> str:
        """The next line, which is like no other."""
        number = len(self.written) + 1
        return f"{number:06d} " + "x" * (number % 37)

    def write(self, count: int = 1, fd: int | None = None) -> None:
        """Whole lines in one write."""
        lines = []
        for _ in range(count):
            lines.append(self.text())
            self.written.append(lines[-1])
        os.write(self.fd if fd is None else fd, "".join(f"{line}\n" for line in lines).encode())

    def begin_line(self) -> None:
        """Half of a line."""
        self.open_line = self.text()
        os.write(self.fd, self.open_line[:4].encode())

    def end_line(self) -> None:
        """The other half."""
        self.written.append(self.open_line)
        os.write(self.fd, (self.open_line[4:] + "\n").encode())
        self.open_line = ""

    def sibling(self, number: int, suffix: str = "") -> Path:
        return Path(f"{self.path}.{number}{suffix}")

    def shift(self) -> Iterator[None]:
        """Make room for .1; yields after each rename."""
        copies = []
        for name in os.listdir(self.path.parent):
            number, dot, packer = name.removeprefix(f"{self.path.name}.").partition(".")
            if number.isdigit():
                copies.append((int(number), dot + packer))
        for number, suffix in sorted(copies, reverse=True):
            os.rename(f"{self.path}.{number}{suffix}", f"{self.path}.{number + 1}{suffix}")
            yield

    def rename(self, to: Path | None = None, *, reopen: bool = True) -> int:
        """Rotate by renaming; returns the writer's old descriptor."""
        old = self.fd
        if to is None:
            deque(self.shift(), maxlen=0)
        self.path.rename(to or self.sibling(1))
        if reopen:
            self.reopen()
        return old

    def copytruncate(self, to: Path | None = None) -> None:
        """Rotate by copying and truncating."""
        if to is None:
            deque(self.shift(), maxlen=0)
        shutil.copyfile(self.path, to or self.sibling(1))
        os.truncate(self.path, 0)

    def pack(self, path: Path, suffix: str = ".gz") -> Path:
        """Compress a rotated copy, as gzip does: the plain file goes when the packed one is whole, which keeps its times."""
        packed = Path(f"{path}{suffix}")
        packed.write_bytes(PACKERS[suffix](path.read_bytes()))
        times = path.stat()
        os.utime(packed, ns=(times.st_atime_ns, times.st_mtime_ns))
        path.unlink()
        return packed

    def close(self) -> None:
        os.close(self.fd)


class Reader:
    """Follows paths, and commits lines and position together."""

    def __init__(self, *paths: Path | str, **options: Any) -> None:
        self.paths = [str(path) for path in paths]
        self.options = {"notify": False, **options}
        self.now = 1_700_000_000 * SECOND
        self.rows: dict[str, str] = {}
        self.lines: list[str] = []
        self.gaps: list[Gap] = []
        self._fresh: list[str] = []
        self._fresh_gaps: list[Gap] = []
        self.source = self.start()

    def start(self) -> FileSource:
        """A new process on the state of the last commit."""
        self._fresh, self._fresh_gaps = [], []
        self.source = FileSource(self.paths, **self.options)
        self.source.restore(self.rows)
        self.commit()
        return self.source

    def commit(self) -> dict[str, str | None]:
        """Lines and position, all or nothing."""
        rows = self.source.changed_rows()
        for key, text in rows.items():
            assert text is not None
            self.rows[key] = text
        self.lines += self._fresh
        self.gaps += [*self._fresh_gaps, *self.source.gaps()]
        self._fresh, self._fresh_gaps = [], []
        return rows

    def step(self, seconds: float = 0.1) -> bool:
        """Read one chunk without committing it."""
        self.now += int(seconds * SECOND)
        chunk = self.source.read(self.now)
        self._fresh_gaps += self.source.gaps()
        if chunk is None:
            return False
        assert chunk.data.endswith(b"\n")
        self._fresh += chunk.data.decode("latin-1").split("\n")[:-1]
        return True

    def poll(self, rounds: int = 3, seconds: float = 0.1) -> list[str]:
        """Read until nothing comes, some rounds, committing each chunk."""
        for _ in range(rounds):
            while self.step(seconds):
                self.commit()
        self.commit()
        return self.lines

    def settle(self) -> list[str]:
        """Wait until nothing is draining any more."""
        return self.poll(rounds=70, seconds=10)

    def stop(self) -> None:
        """A clean stop."""
        self.commit()
        self.source.close()

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill(self) -> None:
        """Everything that was not committed is forgotten."""
        for followed in self.source._followed.values():
            followed.close()
        self.source._wakeup.close()
        self.start()

    def skipped(self) -> Counter[str]:
        return sum((Counter(status.skipped) for status in self.source.status()), Counter())

    def rotations(self) -> Counter[str]:
        return sum((Counter(status.rotations) for status in self.source.status()), Counter())

    def open_files(self) -> int:
        return len(os.listdir("/proc/self/fd"))


def still_there(log: Log) -> list[str]:
    """Every line that exists anywhere, rotated copies included."""
    content = b""
    for path in sorted(log.path.parent.iterdir()):
        unpack = UNPACKERS.get(path.suffix, bytes)
        content += unpack(path.read_bytes()) + b"\n"
    return [line for line in content.decode("latin-1").split("\n") if line]
