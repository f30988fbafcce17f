"""T26, T28–T32, T54, T59: files that come, go, change their names and lie."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from follower_driver import FlappingDisk, Log, Reader

from logwatch.errors import SourceError
from logwatch.sources.content import Disk
from logwatch.sources.file import FileSource


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "logs" / "messages")


def test_t26_two_files_that_begin_alike(tmp_path):
    logs = [Log(tmp_path / name) for name in ("a.log", "b.log")]
    for log in logs:
        os.write(log.fd, b"the same line\n" * 100)
    reader = Reader(tmp_path / "*.log")
    reader.poll()
    for log in logs:
        os.write(log.fd, f"of {log.path.name}\n".encode())
    reader.poll()
    reader.restart()
    for log in logs:
        os.write(log.fd, b"the end\n")

    assert len(reader.poll()) == 204
    assert sorted(reader.lines[200:202]) == ["of a.log", "of b.log"]


def test_t28_a_new_file_that_is_not_ours_to_read_for_a_while(log):
    disk = FlappingDisk()
    reader = Reader(log.path, disk=disk)
    log.write(3)
    reader.poll()
    log.write(3)
    log.rename()
    log.write(3)
    disk.refused[str(log.path)] = 1
    assert reader.poll() == log.written[:6]
    assert "Permission denied (mode -rw-r--r--, owner" in (reader.source.status()[0].error or "")
    disk.refused.clear()

    assert reader.poll() == log.written
    assert reader.source.status()[0].error is None


def test_t28_a_log_that_is_not_ours_to_read_at_the_start_is_an_error(log):
    disk = FlappingDisk()
    disk.refused[str(log.path)] = 1

    with pytest.raises(SourceError, match=r"Permission denied \(mode -rw-r--r--, owner .* group"):
        FileSource([str(log.path)], disk=disk)


def test_a_directory_is_an_error_at_the_start(tmp_path):
    with pytest.raises(SourceError, match="it is a directory"):
        FileSource([str(tmp_path)])


def test_a_fifo_is_no_log_file(tmp_path):
    os.mkfifo(tmp_path / "fifo")

    with pytest.raises(SourceError, match="not a regular file"):
        FileSource([str(tmp_path / "fifo")])


def test_a_compressed_log_is_for_replay(tmp_path):
    (tmp_path / "messages.gz").write_bytes(b"")

    with pytest.raises(SourceError, match="logwatch replay"):
        FileSource([str(tmp_path / "messages.gz")])


@pytest.mark.parametrize("start", ["beginning", "end"])
def test_t29_a_file_that_is_missing_at_the_start(log, start):
    log.path.unlink()
    reader = Reader(log.path, start=start)
    assert reader.poll() == []
    assert "No such file" in (reader.source.status()[0].error or "")
    log.reopen()
    log.write(3)

    assert reader.poll() == log.written


def test_t29_missing_for_a_while_in_a_rotation(log):
    reader = Reader(log.path)
    log.write(3)
    reader.poll()
    log.rename(reopen=False)
    reader.poll(rounds=5, seconds=1)
    log.reopen()
    log.write(3)

    assert reader.poll() == log.written


def test_t29_renamed_and_missing_when_we_start_again(log):
    reader = Reader(log.path)
    log.write(3)
    reader.poll()
    reader.stop()
    log.write(3)
    log.rename(reopen=False)
    reader.start()
    assert reader.poll() == log.written
    log.reopen()
    log.write(3)

    assert reader.poll() == log.written


def test_t30_a_symbolic_link_to_another_file(tmp_path):
    one, other = Log(tmp_path / "one"), Log(tmp_path / "other")
    link = tmp_path / "current"
    link.symlink_to(one.path)
    reader = Reader(link)
    one.write(3)
    reader.poll()
    one.write(3)
    swap(link, other.path)
    other.write(3)
    assert reader.poll() == one.written + other.written
    one.write(1)
    swap(link, one.path)
    one.write(1)

    assert sorted(reader.poll()) == sorted(one.written + other.written)
    reader.settle()
    other.write(1)
    swap(link, other.path)
    assert sorted(reader.poll()) == sorted(one.written + other.written)


def swap(link: Path, target: Path) -> None:
    fresh = link.with_name("fresh-link")
    fresh.symlink_to(target)
    fresh.rename(link)


def test_t31_the_directory_is_renamed_and_made_again(log):
    reader = Reader(log.path)
    log.write(3)
    reader.poll()
    log.write(1)
    log.path.parent.rename(log.path.parent.with_name("old-logs"))
    reader.poll()
    log.write(1)
    log.path.parent.mkdir()
    log.reopen()
    log.write(3)

    assert reader.poll() == log.written


def test_t32_one_file_by_two_paths_is_read_once(tmp_path):
    log = Log(tmp_path / "a.log")
    os.link(log.path, tmp_path / "b.log")
    reader = Reader(tmp_path / "*.log", tmp_path / "a*", tmp_path / "b.log")
    log.write(3)
    assert reader.poll() == log.written
    reader.restart()
    log.write(3)
    assert reader.poll() == log.written
    (tmp_path / "a.log").unlink()
    log.write(3)
    other = Log(tmp_path / "a.log")
    other.write(1)

    assert sorted(reader.settle()) == sorted(log.written + other.written)
    (tmp_path / "b.log").unlink()
    last = Log(tmp_path / "b.log")
    last.write(2)
    assert sorted(reader.poll()) == sorted(log.written + other.written + last.written)


def test_t54_a_thousand_files_and_one_more(tmp_path):
    for number in range(1000):
        (tmp_path / f"{number:04}.log").write_text(f"{number} a\n{number} b\n")
    reader = Reader(tmp_path / "*.log", chunk_bytes=7)
    first = [reader.step(0.0001) for _ in range(1000)]
    reader.commit()
    assert all(first)
    assert len({line.split()[0] for line in reader.lines}) == 1000, "each file has its turn"
    reader.poll(rounds=1, seconds=0.0001)
    assert len(reader.lines) == 2000
    (tmp_path / "late.log").write_text("late a\n")

    assert len(reader.poll(rounds=1, seconds=0.5)) == 2001
    reader.restart()
    assert len(reader.poll(rounds=1, seconds=0.5)) == 2001
    reader.stop()


@pytest.mark.parametrize("lie", ["shrunk", "inodeless", "error"])
def test_t59_a_lie_told_once_is_not_believed(log, lie):
    disk = FlappingDisk()
    reader = Reader(log.path, disk=disk)
    log.write(30)
    reader.poll()
    setattr(disk, lie, errno.ESTALE if lie == "error" else True)
    reader.step(0.1)
    setattr(disk, lie, None)
    assert reader.poll() == log.written
    log.write(3)

    assert reader.poll() == log.written
    assert reader.gaps == []
    assert reader.rotations() == {}


def test_t59_an_unreadable_directory_is_no_proof_of_anything(log):
    disk = FlappingDisk()
    reader = Reader(log.path, disk=disk)
    log.write(3)
    reader.poll()
    disk.error = errno.EACCES
    reader.restart()
    reader.poll()
    disk.error = None
    log.write(3)

    assert reader.poll() == log.written


def test_from_the_end_of_a_log_that_was_not_ours_to_read_at_first(tmp_path):
    disk = FlappingDisk()
    log = Log(tmp_path / "a.log")
    log.write(3)
    disk.refused[str(log.path)] = 1
    reader = Reader(tmp_path / "*.log", disk=disk, start="end")
    reader.poll()
    reader.kill()
    disk.refused.clear()
    reader.poll()
    log.write(3)

    assert reader.poll() == log.written[3:]


@pytest.mark.parametrize("look", range(1, 8))
def test_a_log_that_outgrows_its_old_size_while_we_decide_is_still_a_truncated_one(tmp_path, look):
    log = Log(tmp_path / "messages")
    disk = BusyDisk(log)
    reader = Reader(log.path, disk=disk)
    log.write(20)
    reader.poll()
    log.write(5)
    log.copytruncate()
    log.write(3)
    disk.grow_at = look

    reader.settle()

    assert log.written == reader.lines
    assert reader.gaps == []


class BusyDisk(Disk):
    """The log grows a lot just after we looked at it for the given time."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.grow_at = 0

    def stat(self, path: str) -> os.stat_result:
        found = super().stat(path)
        if path == str(self._log.path):
            self.grow_at -= 1
            if self.grow_at == 0:
                self._log.write(100)
        return found
