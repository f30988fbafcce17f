"""Whole generations that came and went between two checks are an unknown loss, not nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from follower_driver import Log, Reader


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    one = Log(tmp_path / "log" / "messages")
    yield one
    one.close()


def rotate(log: Log, keep: int) -> None:
    """As logrotate does that keeps so many files."""
    os.close(log.rename())
    log.sibling(keep + 1).unlink(missing_ok=True)


def reasons(reader: Reader) -> list[tuple[str, int | None, int]]:
    return [(gap.reason, gap.size, gap.lower) for gap in reader.gaps]


@pytest.mark.parametrize("keep", [1, 3])
def test_more_rotations_between_two_checks_than_files_are_kept(log: Log, keep: int) -> None:
    reader = Reader(log.path)
    log.write(10)
    reader.poll()
    for _ in range(keep + 2):
        log.write(5)
        rotate(log, keep)
    log.write(1)
    reader.settle()

    assert reader.lines == [*log.written[:15], *log.written[20:]]
    assert reasons(reader) == [("missed", None, 0)]


def test_a_number_is_missing_among_the_rotated_files(log: Log) -> None:
    reader = Reader(log.path)
    log.write(10)
    reader.poll()
    for _ in range(4):
        rotate(log, 9)
        log.write(5)
    log.sibling(2).unlink()
    log.sibling(3).unlink()
    reader.poll()
    assert reader.gaps == [], "a rotation may be going on"
    reader.settle()

    assert reader.lines == [*log.written[:10], *log.written[20:]]
    assert reasons(reader) == [("missed", None, 0), ("missed", None, 0)]


@pytest.mark.parametrize("rotations", [1, 2, 5])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_as_many_rotations_as_files_are_kept_lose_nothing(log: Log, rotations: int, suffix: str) -> None:
    reader = Reader(log.path)
    log.write(10)
    reader.poll()
    for _ in range(rotations):
        rotate(log, rotations)
        log.write(5)
    if suffix:
        log.pack(log.sibling(rotations), suffix)
    reader.settle()

    assert reader.lines == log.written
    assert reader.gaps == []


def test_a_number_that_is_missing_while_files_are_renamed_is_no_loss(log: Log) -> None:
    reader = Reader(log.path)
    log.write(10)
    reader.poll()
    for _ in range(3):
        rotate(log, 9)
        log.write(5)
    log.sibling(2).rename(log.path.with_name("aside"))
    reader.poll()
    log.path.with_name("aside").rename(log.sibling(2))
    reader.settle()

    assert sorted(reader.lines) == log.written
    assert reader.gaps == []


def test_a_file_deleted_long_before_is_no_loss(log: Log) -> None:
    for _ in range(4):
        log.write(5)
        rotate(log, 9)
    log.sibling(2).unlink()
    log.write(5)
    reader = Reader(log.path)
    reader.poll()
    rotate(log, 9)
    log.write(5)
    reader.settle()

    assert reader.lines == log.written[20:]
    assert reader.gaps == []
