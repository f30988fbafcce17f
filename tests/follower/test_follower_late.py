"""T11, T12: lines that a writer adds to a file after it was rotated, however late."""

from __future__ import annotations

from pathlib import Path

import pytest
from follower_driver import Log, Reader

LIVE_AND_DOWN = pytest.mark.parametrize("down", [False, True], ids=["live", "down"])
WITH_AND_WITHOUT_LINES = pytest.mark.parametrize("lines", [0, 1, 100], ids=["empty", "short", "long"])


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "messages")


def late_lines(reader: Reader) -> int:
    (status,) = reader.source.status()
    return status.late_lines


@LIVE_AND_DOWN
@WITH_AND_WITHOUT_LINES
@pytest.mark.parametrize("neighbour", [False, True], ids=["alone", "beside-a-new-file"])
def test_t12_a_line_written_after_the_file_was_closed_is_read_at_the_next_look(log, lines, neighbour, down):
    reader = Reader(log.path)
    if lines:
        log.write(lines)
    reader.poll()
    old = log.rename()
    log.write()
    reader.settle()
    if down:
        reader.stop()
    log.write(2, old)
    if neighbour:
        log.path.with_name("messages-other").touch()
    if down:
        reader.start()

    assert sorted(reader.poll()) == log.written
    log.write(3, old)
    assert sorted(reader.poll()) == log.written
    log.rename()
    log.write()
    assert sorted(reader.settle()) == log.written
    assert late_lines(reader) == 5
    assert reader.gaps == []


@LIVE_AND_DOWN
def test_t12_a_closed_file_that_grew_and_was_compressed_is_read_on_in_its_archive(log, down):
    reader = Reader(log.path)
    log.write(100)
    reader.poll()
    old = log.rename()
    log.write()
    reader.settle()
    if down:
        reader.stop()
    log.write(2, old)
    log.pack(log.sibling(1))
    if down:
        reader.start()

    assert sorted(reader.settle()) == log.written
    assert late_lines(reader) == 2


def test_t12_a_file_that_was_closed_twice_is_not_read_from_where_it_was_closed_first(log):
    reader = Reader(log.path)
    log.write(100)
    reader.poll()
    old = log.rename()
    log.write()
    reader.settle()
    log.write(2, old)
    reader.settle()
    log.rename()
    log.pack(log.sibling(2))
    log.write()

    assert sorted(reader.settle()) == log.written


@LIVE_AND_DOWN
def test_t11_late_lines_are_counted_and_unread_ones_are_not(log, down):
    reader = Reader(log.path)
    log.write(2)
    reader.poll()
    log.write(7)  # unread, but not late
    old = log.rename()
    log.write()
    reader.poll()
    assert late_lines(reader) == 0
    log.write(3, old)
    if down:
        reader.restart()

    reader.poll()
    assert late_lines(reader) == 3
    reader.restart()
    assert late_lines(reader) == 3


def test_t13_half_a_line_that_was_there_at_the_rotation_is_not_late(log):
    reader = Reader(log.path)
    log.begin_line()
    reader.poll()
    log.rename()
    log.write()
    reader.settle()

    assert reader.skipped() == {"partial": 1}
    assert late_lines(reader) == 0


def test_a_log_that_was_moved_away_and_back_has_no_late_lines(log):
    reader = Reader(log.path)
    log.write(2)
    reader.poll()
    old = log.rename()
    log.write()
    reader.poll()
    log.path.rename(log.sibling(9))
    log.sibling(1).rename(log.path)
    reader.poll()
    log.write(2, old)

    assert sorted(reader.poll()) == log.written
    assert late_lines(reader) == 0
