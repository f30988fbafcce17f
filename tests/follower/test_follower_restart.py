"""T40, T44–T50, T55, T56, T60, T61: stops, states, clocks and time."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path

import pytest
from follower_driver import Log, Reader
from pygtail import Pygtail

from logwatch.model import SECOND
from logwatch.sources.file import FileSource


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log" / "messages")


def test_t40_a_clean_stop_and_a_start(log):
    reader = Reader(log.path)
    for _ in range(5):
        log.write(10)
        reader.poll()
        reader.restart()

    assert reader.poll() == log.written


def test_t40_a_clean_stop_leaves_pygtails_offset_file(log, tmp_path):
    reader = Reader(log.path, offset_dir=tmp_path)
    log.write(10)
    reader.poll()
    reader.stop()
    (offset_file,) = tmp_path.glob("*.offset")
    pygtail = Pygtail(str(log.path), offset_file=str(offset_file))

    assert (pygtail.offset_file_inode, pygtail.offset) == (log.path.stat().st_ino, log.path.stat().st_size)
    assert pygtail.rotated_logfile is None
    assert list(log.path.parent.iterdir()) == [log.path], "nothing is written beside the log"


def test_t46_without_a_state_the_offset_file_tells_where_to_go_on(log, tmp_path):
    reader = Reader(log.path, offset_dir=tmp_path)
    log.write(10)
    reader.poll()
    reader.stop()
    reader.rows = {}
    log.write(5)
    reader.start()

    assert reader.poll() == log.written


@pytest.mark.parametrize(
    "content", ["", "12", "a\nb\n", "1\n2\n3\n", "99999999\n10\n", "INODE\n3\n", "INODE\n-5\n", "INODE\n0\n"]
)
def test_t46_a_torn_or_foreign_offset_file_is_not_believed(log, tmp_path, content):
    log.write(10)
    reader = Reader(log.path, offset_dir=tmp_path)
    reader.stop()
    (offset_file,) = tmp_path.glob("*.offset")
    offset_file.write_text(content.replace("INODE", str(log.path.stat().st_ino)))
    reader.rows = {}
    reader.start()

    assert reader.poll() == log.written


def test_t46_a_state_directory_that_cannot_be_written(log, tmp_path):
    reader = Reader(log.path, offset_dir=tmp_path / "missing")
    log.write(10)
    reader.poll()
    log.copytruncate()
    log.write(10)
    reader.poll()
    reader.restart()

    assert reader.poll() == log.written


def test_t45_t48_what_is_counted_with_the_position_is_never_counted_twice(log):
    """Counts by rule, committed with the rows; a kill between two commits forgets both."""
    quiet, busy = Reader(log.path, chunk_bytes=100), Reader(log.path, chunk_bytes=100)
    for turn in range(30):
        log.write(7)
        if turn % 4 == 1:
            log.rename()
        quiet.poll()
        busy.step()
        busy.step()
        busy.kill() if turn % 3 else busy.commit()

    assert busy.poll() == quiet.poll() == log.written


def test_t47_rows_are_handed_over_once_and_only_where_something_changed(log):
    reader = Reader(log.path)
    log.write(3)
    reader.step()
    assert set(reader.commit()) == {f'position "{log.path}"'}
    for _ in range(100):
        reader.step()
        assert reader.commit() == {}
    log.write(1)
    reader.step()
    assert set(reader.commit()) == {f'position "{log.path}"'}


@pytest.mark.parametrize("hours", [1, -1])
def test_t49_the_clock_is_set(log, hours):
    reader = Reader(log.path)
    log.write(3)
    reader.poll()
    old = log.rename()
    log.write(3)
    reader.poll()
    reader.now += hours * 3600 * SECOND
    reader.poll(rounds=1)
    log.write(3, old)
    log.copytruncate()
    log.write(3)
    reader.now += hours * 3600 * SECOND

    assert sorted(reader.poll()) == log.written
    assert reader.gaps == []


def test_t55_a_writer_that_is_silent_for_25_hours(log):
    reader = Reader(log.path)
    log.write(3)
    reader.poll()
    reader.poll(rounds=25, seconds=3600)
    log.write(3)

    assert reader.poll() == log.written


def test_t56_a_consumer_that_is_slower_than_the_writer(log):
    reader = Reader(log.path, chunk_bytes=1000)
    for turn in range(100):
        log.write(100)
        if turn % 10 == 0:
            log.rename()
        reader.step()
        reader.commit()

    assert reader.poll() == log.written


def test_t60_a_thousand_rotations(log):
    reader = Reader(log.path)
    files = reader.open_files()
    peak = 0
    for turn in range(1000):
        log.write(2)
        os.close(log.rename())
        if turn % 3 == 0:
            log.pack(log.sibling(1))
        for suffix in ("", ".gz"):
            log.sibling(10, suffix).unlink(missing_ok=True)
        reader.poll(rounds=2)
        if turn == 100:
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            rows = len(json.dumps(reader.rows))
        peak = max(peak, reader.open_files())

    assert reader.poll() == log.written
    assert peak - files <= 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 4096
    assert len(json.dumps(reader.rows)) < rows * 1.5


@pytest.mark.parametrize("committed", [False, True], ids=["before-a-byte", "after-a-chunk"])
@pytest.mark.parametrize("rotations", [1, 2, 3])
@pytest.mark.parametrize("how", ["rename", "copytruncate"])
def test_t61_rotated_compressed_and_killed_within_milliseconds_of_the_first_byte(log, committed, rotations, how):
    for number in range(5, 0, -1):
        log.sibling(number).write_text("".join(f"old {number} {line}\n" for line in range(100)))
        if number > 1:
            log.pack(log.sibling(number))
    reader = Reader(log.path, chunk_bytes=30)
    log.write(10)
    if committed:
        reader.step()
        reader.commit()
    reader.step()
    for _ in range(rotations):
        log.rename() if how == "rename" else log.copytruncate()
        log.pack(log.sibling(1))
        if log.sibling(2).exists():
            log.pack(log.sibling(2))
        log.write(10)
    reader.kill()

    assert reader.poll() == log.written
    assert reader.gaps == []


def test_the_oldest_siblings_are_not_read_at_the_first_start(log):
    log.sibling(1).write_text("old\n")
    reader = Reader(log.path)
    log.write(3)

    assert reader.poll() == log.written


def test_wait_returns_when_a_line_is_written_and_when_it_is_woken(log):
    source = FileSource([str(log.path)], poll_interval=5)
    source.restore({})
    now = 0
    assert source.read(now) is None
    source.wait(5)  # a new watch: looks at once
    assert source.read(now) is None
    log.write(1)
    source.wait(5)
    chunk = source.read(now)
    assert chunk is not None
    assert chunk.live
    assert source.read(now) is None
    source.wake()
    source.wait(5)
    os.close(log.rename())
    source.wait(5)
    source.wait(0)
    log.write(1)
    assert source.read(now) is not None
    source.close()
