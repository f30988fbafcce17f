"""T18–T25, T27, T33: the same inode with other content, and content that is gone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from follower_driver import PACKERS, Log, Reader

LIVE_AND_DOWN = pytest.mark.parametrize("down", [False, True], ids=["live", "down"])


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "messages")


def pause(reader: Reader, *, down: bool) -> None:
    if down:
        reader.stop()


def resume(reader: Reader, *, down: bool) -> None:
    if down:
        reader.start()


@LIVE_AND_DOWN
@pytest.mark.parametrize("unread", [0, 1, 5000], ids="unread={}".format)
@pytest.mark.parametrize("after", [0, 1, 30, 6000], ids="after={}".format)
def test_t18_to_t21_copied_and_truncated(log, unread, after, down):
    reader = Reader(log.path)
    log.write(30)
    reader.poll()
    pause(reader, down=down)
    log.write(unread)
    log.copytruncate()
    log.write(after)
    resume(reader, down=down)

    assert reader.poll() == log.written
    assert reader.gaps == []
    assert reader.rotations() == {"copytruncate": 1}


@LIVE_AND_DOWN
def test_t20_regrown_to_the_very_size_it_had(log, down):
    reader = Reader(log.path)
    os.write(log.fd, b"first 1\nfirst 2\n")
    reader.poll()
    pause(reader, down=down)
    log.copytruncate()
    os.write(log.fd, b"other 1\nother 2\n")
    resume(reader, down=down)

    assert reader.poll() == ["first 1", "first 2", "other 1", "other 2"]


@LIVE_AND_DOWN
@pytest.mark.parametrize("suffix", sorted(PACKERS))
def test_t19_the_unread_tail_is_in_a_compressed_copy(log, suffix, down):
    reader = Reader(log.path)
    log.write(30)
    reader.poll()
    pause(reader, down=down)
    for _ in range(3):
        log.write(100)
        log.copytruncate()
        log.pack(log.sibling(1), suffix)
    log.write(3)
    resume(reader, down=down)

    assert reader.poll() == log.written


def test_t22_nuls_that_a_writer_without_append_leaves(log):
    plain = os.open(log.path, os.O_WRONLY)
    reader = Reader(log.path)
    os.write(plain, b"one\n" * 3000)
    reader.poll()
    log.copytruncate()
    os.write(plain, b"two\n")

    assert reader.poll() == ["one"] * 3000 + ["two"]
    assert reader.skipped() == {"nul": 12000}
    os.close(plain)


@LIVE_AND_DOWN
def test_t23_emptied_without_a_copy_leaves_a_gap_with_bounds(log, down):
    reader = Reader(log.path, chunk_bytes=500)
    log.write(100)
    reader.step()
    reader.commit()
    size = log.path.stat().st_size
    position = reader.source.status()[0].position
    pause(reader, down=down)
    os.truncate(log.path, 0)
    log.write(3)
    resume(reader, down=down)
    reader.poll()

    assert reader.lines[-3:] == log.written[-3:]
    assert [(gap.reason, gap.size, gap.lower) for gap in reader.gaps] == [("truncated", None, size - position)]
    assert reader.rotations() == {"truncate": 1}


def test_t24_nothing_happens_while_nothing_happens(log):
    reader = Reader(log.path)
    log.write(50)
    reader.poll()
    for turn in range(1000):
        if turn % 100 == 0:
            os.utime(log.path)
            log.path.chmod(0o600 + turn // 100)
        assert not reader.step(1)
        assert reader.source.changed_rows() == {}

    assert reader.lines == log.written


@pytest.mark.parametrize("gone", [False, True], ids=["renamed", "removed"])
def test_t25_an_inode_that_is_given_again(log, gone, monkeypatch):
    reader = Reader(log.path)
    log.write(5)
    reader.poll()
    reader.stop()
    # A file system gives a freed inode again when it likes to; a truncated file with other
    # content is the same to one who comes later.
    if not gone:
        shutil.copy(log.path, log.sibling(1))
    os.truncate(log.path, 0)
    log.write(50)
    reader.start()

    assert reader.poll() == log.written
    assert len(reader.gaps) == gone


def test_t27_the_rotated_file_was_removed_while_down(log):
    reader = Reader(log.path)
    log.write(5)
    reader.poll()
    reader.stop()
    log.write(2)
    log.rename()
    log.sibling(1).unlink()
    log.write(5)
    reader.start()
    reader.poll()

    assert reader.lines == log.written[:5] + log.written[-5:]
    assert [(gap.reason, gap.size) for gap in reader.gaps] == [("removed", None)]


def test_t27_a_file_removed_while_we_hold_it_is_read_to_its_end(log):
    reader = Reader(log.path)
    log.write(5)
    reader.poll()
    log.write(5)
    log.path.unlink()
    log.reopen()
    log.write(5)

    assert reader.settle() == log.written
    assert reader.gaps == []
    assert reader.rotations() == {"replaced": 1}


@LIVE_AND_DOWN
@pytest.mark.parametrize("count", [1, 500])
def test_t33_replaced_by_a_file_that_begins_with_the_old_content(log, count, down):
    reader = Reader(log.path)
    log.write(count)
    reader.poll()
    pause(reader, down=down)
    fresh = log.path.with_name("messages.tmp")
    shutil.copy(log.path, fresh)
    fresh.rename(log.path)
    log.reopen()
    log.write(5)
    resume(reader, down=down)

    assert reader.poll() == log.written
    assert reader.gaps == []


def test_a_file_that_shrinks_behind_the_position_loses_its_unread_end(log):
    reader = Reader(log.path, chunk_bytes=200)
    log.write(100)
    reader.step()
    reader.commit()
    os.truncate(log.path, log.path.stat().st_size - 50)
    reader.poll()

    assert [(gap.reason, gap.size) for gap in reader.gaps] == [("truncated", 50)]
