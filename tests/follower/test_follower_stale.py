"""T59 and on: descriptors that fail, and files that change while they are drained."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from follower_driver import FlappingDisk, Log, Reader

from logwatch.sources.content import Disk


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "messages")


class ForgetfulDisk(FlappingDisk):
    """A file server that forgets a file: its descriptor fails from then on, its names do not."""

    forgotten = -1

    def fstat(self, fd: int) -> os.stat_result:
        found = super().fstat(fd)
        if found.st_ino == self.forgotten:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return found


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("seen", [False, True], ids=["at-the-path", "draining"])
@pytest.mark.parametrize("successor", [0, 3], ids=["empty-successor", "successor"])
def test_t59_a_descriptor_that_the_server_forgot_is_replaced_by_a_copy(log, successor, seen, packed):
    disk = ForgetfulDisk()
    reader = Reader(log.path, disk=disk)
    log.write(3)
    reader.poll()
    inode = log.path.stat().st_ino
    old = log.rename()
    if successor:
        log.write(successor)
    if seen:
        reader.poll()
    log.write(100, old)
    if packed:
        log.pack(log.sibling(1))
    else:  # the same file under another number is what such a server shows
        copy = log.sibling(1).read_bytes()
        log.sibling(1).unlink()
        log.sibling(1).write_bytes(copy)
    disk.forgotten = inode

    assert sorted(reader.settle()) == log.written
    assert reader.gaps == []


def test_t59_a_draining_file_that_shrinks_for_one_look_is_not_given_up(log):
    disk = FlappingDisk()
    reader = Reader(log.path, disk=disk)
    log.write(3)
    reader.poll()
    old = log.rename()
    log.write(3)
    reader.poll()
    log.write(3, old)
    disk.shrunk = True
    reader.step(0.01)
    disk.shrunk = False

    assert sorted(reader.poll()) == log.written
    assert reader.gaps == []


def test_t59_a_draining_file_that_stays_shorter_is_a_gap(log):
    reader = Reader(log.path)
    log.write(3)
    reader.poll()
    log.rename()
    log.write(3)
    reader.poll()
    os.truncate(log.sibling(1), 0)

    assert reader.settle() == log.written
    assert [(gap.reason, gap.lower) for gap in reader.gaps] == [("rewritten", 0)]


def test_a_draining_file_that_is_truncated_while_it_is_finished_ends_nothing(log):
    class Cutting(Disk):
        """Cuts the file just when its end has been looked at."""

        name = ""

        def fstat(self, fd: int) -> os.stat_result:
            found = super().fstat(fd)
            if self.name and os.path.samestat(found, os.stat(self.name)):
                os.truncate(self.name, 0)
            return found

    disk = Cutting()
    reader = Reader(log.path, disk=disk)
    log.write(3)
    reader.poll()
    log.rename()
    log.write(3)
    reader.poll()
    disk.name = str(log.sibling(1))

    assert reader.settle() == log.written
    assert [gap.reason for gap in reader.gaps] == ["rewritten"]


def test_a_log_that_was_truncated_and_then_moved_is_two_generations(log):
    reader = Reader(log.path)
    log.write(100)
    reader.poll()
    log.copytruncate()
    log.write(2)
    log.rename()
    log.write(2)

    assert reader.poll() == log.written
    assert reader.gaps == []
