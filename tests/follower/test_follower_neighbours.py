"""T32 and on: other logs, other names and very many copies beside a log."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

import pytest
from follower_driver import Log, Reader


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 200, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_logs_whose_names_look_like_copies_of_each_other_are_each_read_once(tmp_path):
    logs = [Log(tmp_path / name) for name in ("app.log", "app-1.log", "app-2.log")]
    reader = Reader(*(log.path for log in logs))
    for turn in range(4):
        for log in reversed(logs):
            log.text = lambda log=log, turn=turn: f"{log.path.name} {turn} {len(log.written)}"
            log.write()
            log.rename()
            log.write()
        reader.poll()

    assert sorted(reader.settle()) == sorted(line for log in logs for line in log.written)
    assert reader.gaps == []


@pytest.mark.parametrize("names", [("a", "z"), ("z", "a")])
def test_t32_the_name_that_was_reading_a_file_goes_on_after_a_restart(tmp_path, names):
    log = Log(tmp_path / names[0])
    os.link(log.path, tmp_path / names[1])
    reader = Reader(tmp_path / names[0], tmp_path / names[1])
    log.write(3)
    reader.poll()
    reader.rows = dict(sorted(reader.rows.items()))
    reader.restart()
    log.write(3)

    assert reader.poll() == log.written


def test_more_copies_than_descriptors(tmp_path, few_descriptors):
    log = Log(tmp_path / "messages")
    for number in range(1, 600):
        log.sibling(number).write_text(f"old {number}\n")
        os.utime(log.sibling(number), ns=(0, 600 - number))
    reader = Reader(log.path)
    log.write(3)
    reader.poll()
    for number in range(600, 0, -1):
        if log.sibling(number).exists():
            log.sibling(number).rename(log.sibling(number + 2))
    log.write(3)
    log.rename(log.sibling(2))
    log.write(3)
    log.rename(log.sibling(1))
    log.write(3)

    assert reader.poll() == log.written
    assert reader.gaps == []
