"""A writer that goes on between any two system calls of ours, and kills at any of them; the seed decides, not the clock."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from follower_driver import PACKERS, Log, Reader

from logwatch.sources.content import Disk

SEEDS = int(os.environ.get("LOGWATCH_TORTURE_SEEDS", "25"))
STEPS = 120


class KilledError(BaseException):
    """The process is gone."""


class InterruptedDisk(Disk):
    """A disk on which something may happen before any call."""

    def before(self) -> None:
        """What happens; nothing here."""

    def stat(self, path: str) -> os.stat_result:
        self.before()
        return super().stat(path)

    def fstat(self, fd: int) -> os.stat_result:
        self.before()
        return super().fstat(fd)

    def open(self, path: str) -> int:
        self.before()
        return super().open(path)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        self.before()
        return super().pread(fd, size, offset)

    def names(self, directory: str, prefix: str) -> list[str]:
        self.before()
        return super().names(directory, prefix)


class CountedDisk(InterruptedDisk):
    """Something happens before a certain call."""

    def __init__(self) -> None:
        self.calls_left = -1
        self.then: Callable[[], None] = lambda: None

    def before(self) -> None:
        """Count."""
        self.calls_left -= 1
        if self.calls_left == 0:
            self.then()


class BusyDisk(InterruptedDisk):
    """Others work while we look."""

    def __init__(self, random_: random.Random, others: Iterator[None]) -> None:
        self._random = random_
        self._others = others
        self.busy = False
        self.deadly = False

    def before(self) -> None:
        """Let others go on, and perhaps die."""
        if not self.busy:
            return
        while self._random.random() < 0.3:
            next(self._others, None)
        if self.deadly and self._random.random() < 0.002:
            raise KilledError


def life(log: Log, random_: random.Random) -> Iterator[None]:
    """What happens to a log, one system call at a time."""
    for _ in range(STEPS):
        log.write(random_.randint(1, 60))
        yield
        choice = random_.random()
        if choice < 0.3:
            yield from log.shift()
            log.path.rename(log.sibling(1))
            yield
            os.close(log.fd)
            log.reopen()
        elif choice < 0.45:
            yield from log.shift()
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


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # who is killed closes nothing
@pytest.mark.parametrize("seed", range(SEEDS))
def test_t41_t57_a_writer_between_any_two_system_calls(tmp_path: Path, seed: int) -> None:
    random_ = random.Random(seed)
    log = Log(tmp_path / "log" / "messages")
    others = life(log, random_)
    disk = BusyDisk(random_, others)
    reader = Reader(log.path, disk=disk, chunk_bytes=random_.choice([500, 5000]), max_line_bytes=200)
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


ROTATIONS = {
    "rename": lambda log: log.rename(),
    "copytruncate": lambda log: log.copytruncate(),
    "moved away": lambda log: log.rename(reopen=False),
    "copytruncate twice": lambda log: (log.copytruncate(), log.write(40), log.copytruncate()),
    "copytruncate, rename, pack": lambda log: (
        log.copytruncate(),
        log.write(40),
        log.rename(),
        log.pack(log.sibling(1)),
    ),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # as above
@pytest.mark.parametrize("call", range(1, 61))
@pytest.mark.parametrize("killed", [False, True], ids=["goes on", "killed"])
@pytest.mark.parametrize("before", [0, 50])
@pytest.mark.parametrize("rotation", ROTATIONS)
def test_t41_t57_a_rotation_before_any_system_call(
    tmp_path: Path, rotation: str, before: int, call: int, *, killed: bool
) -> None:
    log = Log(tmp_path / "log" / "messages")
    disk = CountedDisk()
    reader = Reader(log.path, disk=disk, chunk_bytes=2000, max_line_bytes=200)
    reader.poll()
    log.write(before)

    def rotate() -> None:
        log.write(60)
        ROTATIONS[rotation](log)
        log.write(60)
        if killed:
            raise KilledError

    disk.calls_left, disk.then = call, rotate
    with suppress(KilledError):
        for _ in range(3):
            reader.step()
            reader.commit()
    disk.calls_left = -1
    reader.kill()
    log.write(1)

    assert reader.poll(rounds=6) == log.written
    assert reader.gaps == []


@pytest.mark.parametrize("call", range(1, 61))
@pytest.mark.parametrize("before", [0, 50])
@pytest.mark.parametrize(
    "leave", [lambda log: log.rename(reopen=False), lambda log: log.path.unlink()], ids=["moved", "removed"]
)
def test_t41_t57_a_log_that_leaves_its_path_is_read_while_its_writer_goes_on(
    tmp_path: Path, leave: Callable[[Log], object], before: int, call: int
) -> None:
    log = Log(tmp_path / "log" / "messages")
    disk = CountedDisk()
    reader = Reader(log.path, disk=disk, chunk_bytes=2000, max_line_bytes=200)
    reader.poll()
    log.write(before)

    def go() -> None:
        log.write(60)
        leave(log)
        log.write(60)

    disk.calls_left, disk.then = call, go
    reader.poll(rounds=3)
    if disk.calls_left > 0:
        disk.calls_left = -1
        go()
    log.write(1)

    assert reader.poll(rounds=6) == log.written
    assert reader.gaps == []


@pytest.mark.parametrize("call", range(1, 61))
@pytest.mark.parametrize("missed", [0, 50])
@pytest.mark.parametrize("rotation", ROTATIONS)
def test_t41_t57_a_rotation_before_any_system_call_of_a_start(
    tmp_path: Path, rotation: str, missed: int, call: int
) -> None:
    log = Log(tmp_path / "log" / "messages")
    disk = CountedDisk()
    reader = Reader(log.path, disk=disk, chunk_bytes=2000, max_line_bytes=200)
    log.write(100)
    reader.poll()
    reader.stop()
    log.write(missed)

    def rotate() -> None:
        ROTATIONS[rotation](log)
        log.write(60)

    disk.calls_left, disk.then = call, rotate
    reader.start()
    reader.poll()
    disk.calls_left = -1
    log.write(1)

    assert reader.poll(rounds=6) == log.written
    assert reader.gaps == []
