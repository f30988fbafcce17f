"""At the limit of open files nothing is concluded from what cannot be opened, and everything is read afterwards."""

from __future__ import annotations

import errno
import http.client
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from follower_driver import Log, Reader
from ports import wait_for
from sidecar import Sidecar

from logwatch.errors import SourceError
from logwatch.sources.content import Disk, NoDescriptorError


class LimitedDisk(Disk):
    """Has no descriptor left from some call on, for some calls."""

    def __init__(self) -> None:
        self.calls = range(0)
        self.count = 0
        self.refused = 0

    def _take(self, path: str) -> None:
        self.count += 1
        if self.count in self.calls:
            self.refused += 1
            raise NoDescriptorError(OSError(errno.EMFILE, os.strerror(errno.EMFILE), path))

    def open(self, path: str) -> int:
        self._take(path)
        return super().open(path)

    def names(self, directory: str, prefix: str) -> list[str]:
        self._take(directory)
        return super().names(directory, prefix)


def rename(log: Log) -> None:
    log.rename()


def copytruncate(log: Log) -> None:
    log.copytruncate()


def twice_and_packed(log: Log) -> None:
    log.rename()
    log.write(60)
    log.rename()
    log.pack(log.sibling(2))


def moved_away(log: Log) -> None:
    log.rename()
    log.write(60)
    log.rename(reopen=False)


def replaced_by_a_copy(log: Log) -> None:
    content = log.path.read_bytes()
    log.path.unlink()
    log.path.write_bytes(content)
    os.close(log.fd)
    log.reopen()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    one = Log(tmp_path / "log" / "messages")
    yield one
    os.close(one.fd)


@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("span", [1, 6])
@pytest.mark.parametrize("rotate", [rename, copytruncate, twice_and_packed, moved_away, replaced_by_a_copy])
def test_every_line_is_read_whichever_call_finds_no_descriptor(
    log: Log, tmp_path: Path, rotate: Callable[[Log], None], span: int, restart: bool
) -> None:
    """The same rotation is played again and again, each time with another call that fails, until none is left."""
    for first in range(1, 200):
        disk = LimitedDisk()
        one = Log(tmp_path / f"log-{first}" / "messages")
        reader = Reader(one.path, disk=disk)
        one.write(60)
        reader.poll()
        if restart:
            one.write(3)
            reader.stop()
        rotate(one)
        if one.path.exists():
            one.write(2)
        disk.count, disk.calls = 0, range(first, first + span)
        if restart:
            with suppress(SourceError):  # the first call of a start; it ends, and the next one goes on
                reader.start()
            if first == 1:
                continue
        reader.poll()
        if not one.path.exists():
            one.reopen()
            one.write(2)
        reader.settle()

        assert reader.lines == one.written
        assert reader.gaps == []
        assert [status.open for status in reader.source.status()] == [True]
        reader.stop()
        os.close(one.fd)
        if not disk.refused:
            return
    pytest.fail("the last call was never reached")


def test_a_start_without_a_descriptor_says_what_to_do(log: Log) -> None:
    disk = LimitedDisk()
    disk.calls = range(1, 2)

    with pytest.raises(
        SourceError, match=r"Too many open files: raise the limit of open files .*, or follow fewer logs$"
    ):
        Reader(log.path, disk=disk)


def test_no_descriptor_is_leaked(log: Log) -> None:
    disk = LimitedDisk()
    reader = Reader(log.path, disk=disk)
    log.write(60)
    reader.settle()
    before = reader.open_files()
    for first in range(1, 40):
        disk.count, disk.calls = 0, range(first, first + 3)
        os.close(log.rename())
        log.write(60)
        reader.settle()

    assert reader.lines == log.written
    assert reader.open_files() == before


def test_a_pattern_finds_nothing_new_and_says_so(log: Log, tmp_path: Path) -> None:
    disk = LimitedDisk()
    reader = Reader(str(log.path.parent / "*"), disk=disk)
    log.write(3)
    reader.poll()
    disk.count, disk.calls = 0, range(1, 1000)
    other = Log(log.path.with_name("other"))
    other.write(3)
    reader.poll(rounds=2, seconds=2)
    blocked = [status.error for status in reader.source.status() if not status.open]
    disk.calls = range(0)
    reader.poll(rounds=2, seconds=2)

    assert any("Too many open files: raise the limit" in (error or "") for error in blocked)
    assert len(reader.lines) == 6
    assert all(status.open for status in reader.source.status())
    os.close(other.fd)


def test_run_says_so_and_recovers_by_itself(tmp_path: Path, sidecar: Callable[..., Sidecar]) -> None:
    log = Log(tmp_path / "messages")
    log.write(60)
    one = sidecar("--log", str(log.path), "--no-shipped-rules")
    wait_for(lambda: one.get("/-/ready")[0] == 200, "reading the log")
    probe = http.client.HTTPConnection("127.0.0.1", one.port, timeout=10)

    def get(path: str) -> tuple[int, str]:
        probe.request("GET", path)
        answer = probe.getresponse()
        return answer.status, answer.read().decode()

    assert get("/-/ready")[0] == 200  # over a connection that stays: at the limit none can be accepted
    assert get("/metrics")[0] == 200  # and what a first scrape loads is loaded
    used = len(os.listdir(f"/proc/{one.process.pid}/fd"))
    limits = resource.prlimit(one.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(one.process.pid, resource.RLIMIT_NOFILE, (used, limits[1]))
    log.rename()
    log.write(5)
    wait_for(lambda: get("/-/ready")[0] == 503, "the probe that fails")

    assert "Too many open files: raise the limit of open files" in get("/-/ready")[1]
    assert f'logwatch_source_open{{path="{log.path}"}} 0.0' in get("/metrics")[1]
    assert one.stderr.read_text().count("Too many open files") == 1
    resource.prlimit(one.process.pid, resource.RLIMIT_NOFILE, limits)
    wait_for(lambda: get("/-/ready")[0] == 200, "recovering")
    wait_for(lambda: one.value("logwatch_lines_read_total", path=str(log.path)) == 65, "reading the rest")
    assert "files can be opened again" in one.stderr.read_text()
    probe.close()
    os.close(log.fd)
