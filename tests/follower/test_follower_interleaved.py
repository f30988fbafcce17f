"""A writer that goes on between any two system calls of ours, and kills at any of them; the seed decides, not the clock."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from follower_driver import PACKERS, Log, Reader

from logwatch.sources.disk import Disk

SEEDS = int(os.environ.get("LOGWATCH_TORTURE_SEEDS", "25"))
STEPS = 120


class KilledError(BaseException):
    """The process is gone."""


class BusyDisk(Disk):
    """A disk on which others work while we look."""

    def __init__(self, random_: random.Random, others: Iterator[None]) -> None:
        self._random = random_
        self._others = others
        self.busy = False
        self.deadly = False

    def _meanwhile(self) -> None:
        if not self.busy:
            return
        while self._random.random() < 0.3:
            next(self._others, None)
        if self.deadly and self._random.random() < 0.002:
            raise KilledError

    def stat(self, path: str) -> os.stat_result:
        self._meanwhile()
        return super().stat(path)

    def fstat(self, fd: int) -> os.stat_result:
        self._meanwhile()
        return super().fstat(fd)

    def open(self, path: str) -> int:
        self._meanwhile()
        return super().open(path)

    def names(self, directory: str, prefix: str) -> list[str]:
        self._meanwhile()
        return super().names(directory, prefix)


def life(log: Log, random_: random.Random) -> Iterator[None]:
    """What happens to a log, one system call at a time."""
    for _ in range(STEPS):
        log.write(random_.randint(1, 60))
        yield
        choice = random_.random()
        if choice < 0.3:
            yield from shift(log)
            log.path.rename(log.sibling(1))
            yield
            os.close(log.fd)
            log.reopen()
        elif choice < 0.45:
            yield from shift(log)
            content = log.path.read_bytes()
            with log.sibling(1).open("wb", buffering=0) as copy:
                yield
                copy.write(content[: len(content) // 2])
                yield
                copy.write(content[len(content) // 2 :])
            yield
            os.truncate(log.path, 0)
        elif choice < 0.65 and log.sibling(1).exists():
            yield from pack(log.sibling(1), random_.choice(list(PACKERS)))
        yield


def shift(log: Log) -> Iterator[None]:
    for number in range(80, 0, -1):
        for suffix in ("", *PACKERS):
            if log.sibling(number, suffix).exists():
                log.sibling(number, suffix).rename(log.sibling(number + 1, suffix))
                yield


def pack(plain: Path, suffix: str) -> Iterator[None]:
    packed = Path(f"{plain}{suffix}")
    content, times = PACKERS[suffix](plain.read_bytes()), plain.stat()
    with packed.open("wb", buffering=0) as out:
        yield
        out.write(content[: len(content) // 2])
        yield
        out.write(content[len(content) // 2 :])
    yield
    os.utime(packed, ns=(times.st_atime_ns, times.st_mtime_ns))
    yield
    plain.unlink()
    yield


@pytest.mark.parametrize("seed", range(SEEDS))
def test_t41_t57_a_writer_between_any_two_system_calls(tmp_path: Path, seed: int) -> None:
    random_ = random.Random(seed)
    log = Log(tmp_path / "log" / "messages")
    others = life(log, random_)
    disk = BusyDisk(random_, others)
    reader = Reader(log.path, disk=disk, chunk_bytes=500, max_line_bytes=200)
    disk.busy = disk.deadly = True
    for _ in range(2000):
        try:
            reader.step(0.05)
            reader.commit()
        except KilledError:
            disk.busy = False
            for _ in range(random_.randint(0, 40)):
                next(others, None)
            reader.source.close()
            reader.start()
            disk.busy = True
        if next(others, disk) is disk:
            break
    disk.busy = False
    for _ in others:
        pass

    assert reader.poll(rounds=6) == log.written
    assert reader.gaps == []
