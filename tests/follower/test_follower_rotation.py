"""T08–T17, T39: rotation by renaming, while we look and while we do not."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest
from follower_driver import PACKERS, Log, Reader

LIVE_AND_DOWN = pytest.mark.parametrize("down", [False, True], ids=["live", "down"])


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "messages")


def pause(reader: Reader, *, down: bool) -> None:
    """The reader is stopped, or merely looks away."""
    if down:
        reader.stop()


def resume(reader: Reader, *, down: bool) -> None:
    if down:
        reader.start()


def test_t08_renamed_and_created_when_all_was_read(log):
    reader = Reader(log.path)
    log.write(10)
    reader.poll()
    log.rename()
    log.write(10)

    assert reader.poll() == log.written
    assert reader.rotations() == {"rename": 1}


@LIVE_AND_DOWN
@pytest.mark.parametrize("unread", [1, 100, 100_000])
def test_t09_t44_unread_lines_come_before_those_of_the_new_file(log, unread, down):
    reader = Reader(log.path)
    log.write(10)
    reader.poll()
    pause(reader, down=down)
    log.write(unread)
    log.rename()
    log.write(10)
    resume(reader, down=down)

    assert reader.poll() == log.written


@LIVE_AND_DOWN
def test_t10_a_late_write_while_there_is_no_new_file(log, down):
    reader = Reader(log.path)
    log.write(2)
    reader.poll()
    log.rename(reopen=False)
    reader.poll()
    pause(reader, down=down)
    log.write(2)
    resume(reader, down=down)
    reader.poll()
    log.reopen()
    log.write(2)

    assert reader.poll() == log.written
    assert reader.source.status()[0].error is None


@LIVE_AND_DOWN
def test_t11_t43_a_late_write_when_the_new_file_has_data(log, down):
    reader = Reader(log.path)
    log.write(2)
    reader.poll()
    old = log.rename()
    log.write(2)
    reader.poll()
    pause(reader, down=down)
    log.write(2, old)
    resume(reader, down=down)

    assert sorted(reader.poll()) == log.written
    assert len(reader.lines) == 6


def test_t12_a_writer_that_stays_is_followed_as_long_as_it_writes(log):
    reader = Reader(log.path, rotate_wait_ns=60 * 10**9)
    log.write()
    reader.poll()
    old = log.rename()
    log.write()
    for _ in range(20):
        log.write(1, old)
        reader.poll(rounds=5, seconds=10)

    assert sorted(reader.lines) == log.written
    files = reader.open_files()
    reader.settle()
    assert reader.open_files() == files - 1


def test_t12_a_writer_that_comes_back_very_late_is_heard_at_the_next_rotation(log):
    reader = Reader(log.path)
    log.write()
    old = log.rename()
    log.write()
    reader.settle()
    log.write(2, old)
    log.rename()
    log.write()

    assert sorted(reader.poll()) == log.written


def test_t13_a_partial_line_at_rotation_is_completed_by_a_late_write(log):
    reader = Reader(log.path)
    log.begin_line()
    reader.poll()
    old = log.rename()
    os.write(old, (log.open_line[4:] + "\n").encode())
    log.written.append(log.open_line)
    log.write()

    assert reader.settle() == log.written
    assert reader.skipped() == {}


@LIVE_AND_DOWN
def test_t13_a_partial_line_that_is_never_completed_comes_when_its_file_is_closed(log, down):
    reader = Reader(log.path)
    log.begin_line()
    reader.poll()
    pause(reader, down=down)
    log.rename()
    log.write()
    resume(reader, down=down)
    assert reader.poll() == log.written

    assert reader.settle() == [*log.written, log.open_line[:4]]
    assert reader.skipped() == {"partial": 1}
    reader.restart()
    assert reader.settle() == [*log.written, log.open_line[:4]]


@LIVE_AND_DOWN
def test_t14_the_rotated_name_matches_the_pattern(log, down):
    reader = Reader(f"{log.path}*")
    log.write(3)
    reader.poll()
    pause(reader, down=down)
    for _ in range(3):
        log.write(3)
        log.rename()
    log.write(3)
    resume(reader, down=down)

    assert reader.poll() == log.written
    assert [status.path for status in reader.source.status()] == [str(log.path)]


def test_t14_a_copy_under_a_name_that_no_rotation_gives(log):
    reader = Reader(f"{log.path}*")
    log.write(100)
    reader.poll()
    log.copytruncate(log.path.with_name("messages-before-the-upgrade"))
    log.write(3)

    assert reader.poll() == log.written


def test_t14_a_moved_log_under_a_name_that_no_rotation_gives(log):
    reader = Reader(f"{log.path}*")
    log.write(100)
    reader.poll()
    log.write(1)
    log.rename(log.path.with_name("messages-before-the-upgrade"))
    log.write(3)

    assert reader.poll() == log.written
    assert reader.settle() == log.written


@LIVE_AND_DOWN
@pytest.mark.parametrize("rotations", [2, 3, 5])
def test_t15_t17_several_rotations_between_two_looks(log, rotations, down):
    reader = Reader(log.path)
    log.write(3)
    reader.poll()
    pause(reader, down=down)
    for _ in range(rotations):
        log.write(3)
        log.rename()
    log.write(3)
    resume(reader, down=down)

    assert reader.poll() == log.written


@LIVE_AND_DOWN
@pytest.mark.parametrize("suffix", sorted(PACKERS))
@pytest.mark.parametrize("rotations", [1, 3])
def test_t16_rotated_and_compressed(log, suffix, rotations, down):
    reader = Reader(log.path)
    log.write(300)
    reader.poll()
    pause(reader, down=down)
    for _ in range(rotations):
        log.write(300)
        log.rename()
        log.pack(log.sibling(1), suffix)
    log.write(3)
    resume(reader, down=down)

    assert reader.settle() == log.written
    reader.restart()
    assert reader.settle() == log.written


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "removed"])
def test_t16_an_unread_file_that_lost_its_name_comes_behind_the_copies_made_of_it_before(log, packed):
    reader = Reader(log.path)
    log.write(10)
    reader.poll()
    log.rename()
    reader.poll()  # the new file is known, and empty
    for _ in range(2):
        log.write(10)
        log.copytruncate()
    log.write(10)
    old = log.rename()
    os.utime(old)  # written last
    if packed:
        log.pack(log.sibling(1))
    else:
        log.sibling(1).unlink()
    log.write(10)

    assert reader.poll() == log.written


def test_t16_a_damaged_archive_gives_what_it_can_and_a_gap(log):
    reader = Reader(log.path)
    log.write(3)
    reader.poll()
    reader.stop()
    log.write(30_000)
    log.rename()
    packed = log.pack(log.sibling(1))
    packed.write_bytes(packed.read_bytes()[:-5000])
    log.write(3)
    reader.start()
    reader.poll()

    assert [gap.reason for gap in reader.gaps] == ["damaged"]
    assert reader.lines[-3:] == log.written[-3:]
    assert reader.lines[:1000] == log.written[:1000]


DATED = [
    pytest.param(["-20241124", "-20241125", "-20241126"], id="day"),
    pytest.param(["-20241124-1732406400", "-20241124-1732406401", "-20241125-1732492800"], id="second"),
    pytest.param(["-2024112401", "-2024112402", "-2024112403"], id="hour"),
    pytest.param([".2024-11-24", ".2024-11-25", ".2024-11-26"], id="TimedRotatingFileHandler"),
]


@LIVE_AND_DOWN
@pytest.mark.parametrize("names", DATED)
@pytest.mark.parametrize("packed", [0, 1, 3])
@pytest.mark.parametrize("olddir", [None, "old"])
def test_t39_dated_names_an_old_directory_and_a_stale_copy(log, names, packed, olddir, down):
    log.sibling(1).write_text("a stale copy\nof another time\n")
    target = log.path.parent / (olddir or ".")
    target.mkdir(exist_ok=True)
    reader = Reader(log.path, olddirs=[olddir] if olddir else [])
    log.write(2)
    reader.poll()
    pause(reader, down=down)
    moved = []
    for name in names:
        log.write(2)
        moved.append(target / f"messages{name}")
        log.rename(moved[-1])
    for path in moved[:packed]:
        log.pack(path)
    log.write(2)
    resume(reader, down=down)

    assert reader.poll() == log.written


def test_t39_a_pattern_for_names_of_ones_own(log):
    reader = Reader(log.path, rotate_patterns=["archive-of-%s-*"])
    log.write(2)
    reader.poll()
    reader.stop()
    for number in (1, 2):
        log.write(2)
        log.rename(log.path.with_name(f"archive-of-messages-{number}"))
    log.write(2)
    reader.start()

    assert reader.poll() == log.written


def test_t39_numbers_before_the_suffix(tmp_path):
    log = Log(tmp_path / "app.log")
    reader = Reader(log.path)
    log.write(2)
    reader.poll()
    reader.stop()
    names = [tmp_path / "app.2.log", tmp_path / "app.1.log"]
    for name in names:
        log.write(2)
        log.rename(name)
    log.write(2)
    reader.start()

    assert reader.poll() == log.written
    assert all(one <= other for one, other in pairwise(reader.lines))


def test_a_log_that_comes_to_its_path_for_the_first_time_is_no_rotation(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "messages")
    reader.poll()
    log = Log(tmp_path / "messages")
    log.write(3)

    assert reader.poll() == log.written
    assert sum(reader.rotations().values()) == 0
    log.rename()
    log.write(3)
    assert reader.poll() == log.written
    assert reader.rotations()["rename"] == 1
