"""Logs of the driver `local`, followed through what the engine does to them."""

import gzip
import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from localdriver import entry

from logwatch.docker.inventory import Inventory
from logwatch.docker.local_entries import LARGEST, TornError, cut, parse
from logwatch.sources.containers import ContainersSource
from logwatch.sources.content import Disk
from logwatch.sources.local_log import LocalLog

WEB = "3f" * 32


class Container:
    """A log that is written and rotated, and who follows it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "container.log"
        self.path.touch()
        self.disk = Disk()
        self.log = LocalLog(str(self.path), self.disk, "beginning")

    def write(self, *entries: bytes) -> None:
        with self.path.open("ab") as stream:
            stream.write(b"".join(entries))

    def rotate(self, *, compress: bool, most: int = 9) -> None:
        for number in range(most - 1, 0, -1):
            for suffix in ("", ".gz"):
                old = self.path.with_name(f"container.log.{number}{suffix}")
                if old.exists():
                    old.rename(self.path.with_name(f"container.log.{number + 1}{suffix}"))
        first = self.path.with_name("container.log.1")
        self.path.rename(first)
        self.path.touch()
        if compress:
            first.with_name("container.log.1.gz").write_bytes(gzip.compress(first.read_bytes()))
            first.unlink()

    def restart(self) -> None:
        """Continue from the position, as after a kill."""
        position = json.loads(json.dumps(self.log.position()))
        self.log.close()
        self.log = LocalLog(str(self.path), self.disk, "beginning")
        self.log.load(position, {})

    def read(self) -> list[str]:
        texts: list[str] = []
        while (chunk := self.log.read(0)) is not None:
            texts += [json.loads(line)["log"] for line in chunk.data.splitlines()]
        return texts


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(tmp_path)


def test_entries_become_those_of_the_json_driver(container: Container) -> None:
    container.write(entry(b"one\xff", source="stderr"), entry(b"two", partial=True), entry(b"three", last=True))
    chunk = container.log.read(0)

    assert chunk is not None
    assert [json.loads(line) for line in chunk.data.splitlines()] == [
        {"log": "one\\xff\n", "stream": "stderr", "time": "2026-11-23T20:16:40.721609123Z"},
        {"log": "two", "stream": "stdout", "time": "2026-11-23T20:16:40.721609123Z"},
        {"log": "three\n", "stream": "stdout", "time": "2026-11-23T20:16:40.721609123Z"},
    ]


def test_an_entry_that_is_being_written_is_waited_for(container: Container) -> None:
    whole = entry(b"x" * 1000)
    container.write(entry(b"first"), whole[:500])
    first = container.read()
    container.write(whole[500:])

    assert (first, container.read()) == (["first\n"], ["x" * 1000 + "\n"])


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("restarts", [True, False])
def test_every_entry_is_read_once_whatever_the_engine_does(
    container: Container, *, compress: bool, restarts: bool
) -> None:
    choice = random.Random(5)
    read: list[str] = []
    number = 0
    for _ in range(100):
        action = choice.choice(["write", "write", "rotate", "read", "restart"])
        if action == "write":
            for _ in range(choice.randrange(1, 5)):
                container.write(entry(str(number).encode()))
                number += 1
        elif action == "rotate":
            container.rotate(compress=compress)
        elif action == "read":
            read += container.read()
        elif restarts:
            container.restart()
    read += container.read()

    assert read == [f"{each}\n" for each in range(number)]
    assert container.log.take_problems() == {}


def test_what_was_rotated_away_is_counted(container: Container) -> None:
    container.write(entry(b"1"))
    container.read()
    container.restart()
    container.path.unlink()
    container.path.write_bytes(entry(b"2"))

    assert container.read() == ["2\n"]
    assert container.log.take_problems() == {"lost": 1}


def test_a_file_that_was_truncated_is_read_from_its_beginning(container: Container) -> None:
    container.write(entry(b"1"), entry(b"2"))
    container.read()
    container.path.write_bytes(entry(b"3"))

    assert container.read() == ["3\n"]
    assert container.log.take_problems() == {"truncated": 1}


@pytest.mark.parametrize("rest", [b"\xff" * 100, b"\0\0\0\x02ab\0\0\0\x03" + b"c" * 50])
def test_what_is_no_entry_ends_a_file_and_not_what_follows(container: Container, rest: bytes) -> None:
    container.write(entry(b"1"), rest)
    first = container.read()
    container.write(entry(b"2"))
    container.rotate(compress=False)
    container.write(entry(b"3"))

    assert (first, container.read()) == (["1\n"], ["2\n", "3\n"])
    assert container.log.take_problems()["entry"] >= 1


@pytest.mark.parametrize("size", [8, 13, 4096, (256 << 10) + 5])
@pytest.mark.parametrize("line", [b"2", b"x" * 1000], ids=["short", "long"])
def test_a_hole_holds_no_entries_and_hides_none(container: Container, size: int, line: bytes) -> None:
    container.write(entry(b"1"), b"\0" * size, entry(line), entry(b"3"))

    assert container.read() == ["1\n", f"{line.decode()}\n", "3\n"]


def test_a_hole_at_the_end_holds_no_entries(container: Container) -> None:
    container.write(entry(b"1"), b"\0" * 4096)
    first = container.read()
    container.write(entry(b"2"), entry(b"3"))

    assert (first, container.read()) == (["1\n"], ["2\n", "3\n"])


def test_a_damaged_archive_is_counted_and_passed_over(container: Container) -> None:
    container.write(entry(b"1"))
    container.rotate(compress=True)
    container.path.with_name("container.log.1.gz").write_bytes(b"\x1f\x8b nothing")
    container.write(entry(b"2"))

    assert container.read() == ["2\n"]


def test_what_was_there_before_the_first_start_may_be_left_out(tmp_path: Path) -> None:
    container = Container(tmp_path)
    container.write(entry(b"old"))
    container.log = LocalLog(str(container.path), container.disk, "end")
    first = container.read()
    container.write(entry(b"new"))

    assert (first, container.read()) == ([], ["new\n"])


@pytest.mark.parametrize("file", ["local-logs/container.log", "container-cached.log"])
def test_containers_of_this_driver_are_followed_like_others(tmp_path: Path, file: str) -> None:
    folder = tmp_path / "containers" / WEB
    log = folder / file
    log.parent.mkdir(parents=True)
    (folder / "config.v2.json").write_text(json.dumps({"ID": WEB, "Name": "/web"}))
    rows: dict[str, str] = {}
    read: list[str] = []
    for number in range(3):
        with log.open("ab") as stream:
            stream.write(entry(b"x" * (16 << 10), partial=True) + entry(str(number).encode(), last=True))
        source = ContainersSource(tmp_path)
        source.restore(rows)
        source.notice(Inventory(tmp_path).poll(0))
        while (chunk := source.read(0)) is not None:
            read += [line.partition(": ")[2] for line in chunk.data.decode().splitlines()]
        rows |= {key: row for key, row in source.changed_rows().items() if row is not None}
        source.close()

    assert read == ["x" * (16 << 10) + end for end in "012"]


@given(st.binary(max_size=300))
def test_reading_an_entry_never_raises(data: bytes) -> None:
    parse(data)


@given(st.lists(st.binary(max_size=50), max_size=9), st.integers(0, 400))
def test_entries_are_cut_wherever_a_read_ends(lines: list[bytes], end: int) -> None:
    data = b"".join(entry(line) for line in lines)
    first, used = cut(data[:end])
    rest, _ = cut(data[used:])

    assert [parse(each).line for each in [*first, *rest]] == lines


def test_a_size_that_no_entry_has_is_refused() -> None:
    with pytest.raises(TornError):
        cut((LARGEST + 1).to_bytes(4, "big") + b"x" * 10)


@pytest.mark.parametrize("time_ns", [1 << 62, 1 << 63, (1 << 64) - 1, (1 << 70) - 1])
def test_an_entry_of_a_time_that_no_calendar_has_is_read(time_ns: int, tmp_path: Path) -> None:
    container = Container(tmp_path)
    container.write(entry(b"a", time_ns=time_ns), entry(b"b"))

    assert container.read() == ["a\n", "b\n"]
