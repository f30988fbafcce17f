"""Reading standard input and FIFOs."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from logwatch.errors import SourceError
from logwatch.sources.stdin import StdinSource


class Pipe:
    """Two ends, each closed once."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()

    def write(self, content: bytes) -> None:
        os.write(self.writer, content)

    def end(self) -> None:
        os.close(self.writer)
        self.writer = -1

    def close(self) -> None:
        os.close(self.reader)
        if self.writer >= 0:
            self.end()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    both = Pipe()
    yield both
    both.close()


def read_all(source: StdinSource) -> bytes:
    """Everything up to the end of the pipe."""
    found = b""
    while not source.finished:
        chunk = source.read(0)
        if chunk is not None:
            found += chunk.data
    return found


def test_t53_standard_input_ends_with_its_writer():
    reader, writer = os.pipe()
    source = StdinSource(fd=reader)
    os.write(writer, b"\0\0a\nb")
    assert source.read(0).data == b"a\n"
    os.write(writer, b"c\nlast")
    assert source.read(0).data == b"bc\n"
    assert source.read(0) is None
    assert not source.finished
    os.close(writer)
    assert source.read(0).data == b"last\n"
    assert source.read(0) is None
    assert source.finished
    source.close()
    os.close(reader)


def test_t53_a_fifo_outlives_its_writers(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    source = StdinSource(str(path), follow=True)
    for turn in range(3):
        writer = os.open(path, os.O_WRONLY)
        os.write(writer, b"turn %d\n" % turn)
        os.close(writer)
        assert source.read(0).data == b"turn %d\n" % turn
        assert source.read(0) is None
        source.wake()
        source.wait(1)
    assert not source.finished
    source.close()


def test_a_line_longer_than_the_limit_is_cut_and_what_follows_it_is_whole(pipe: Pipe) -> None:
    source = StdinSource(fd=pipe.reader, max_line_bytes=10, chunk_bytes=11)
    pipe.write(b"x" * 50 + b"\nshort\n")
    pipe.end()

    assert read_all(source) == b"x" * 10 + b"\nshort\n"
    assert source.status()[0].skipped == {"too_long": 1}
    source.close()


@pytest.mark.parametrize(
    ("end", "read", "skipped"),
    [
        (b"half", b"half\n", {"partial": 1}),
        (b"\0\0\0", b"", {"nul": 3}),
        (b"", b"", {}),
    ],
    ids=["half a line", "only NULs", "nothing"],
)
def test_what_stands_behind_the_last_newline(pipe: Pipe, end: bytes, read: bytes, skipped: dict[str, int]) -> None:
    source = StdinSource(fd=pipe.reader)
    pipe.write(b"whole\n" + end)
    pipe.end()

    assert read_all(source) == b"whole\n" + read
    assert source.status()[0].skipped == skipped
    assert not source.status()[0].open
    source.close()


def test_lines_are_counted_where_a_pipe_is_replayed_and_not_where_it_is_followed(pipe: Pipe) -> None:
    replayed, followed = StdinSource(fd=pipe.reader), StdinSource(fd=pipe.reader, follow=True)
    numbers = []
    for source in (replayed, replayed, followed):
        pipe.write(b"a\nb\n")
        chunk = source.read(0)
        assert chunk is not None
        numbers.append((chunk.line, chunk.live))

    assert numbers == [(1, False), (3, False), (None, True)]
    for source in (replayed, followed):
        source.close()


def test_a_pipe_that_another_reader_emptied_is_waited_for(pipe: Pipe) -> None:
    os.set_blocking(pipe.reader, False)
    source = StdinSource(fd=pipe.reader)

    assert source.read(0) is None
    pipe.write(b"a\n")
    assert source.read(0) is not None
    source.close()


def test_waiting_ends_when_somebody_writes_or_wakes(pipe: Pipe) -> None:
    source = StdinSource(fd=pipe.reader)
    for end in (lambda: pipe.write(b"a\n"), source.wake):
        timer = threading.Timer(0.05, end)
        timer.start()
        source.wait(60)  # the test would not end
        timer.join()
        source.read(0)
    pipe.end()
    source.read(0)
    source.wait(60)  # nothing will come any more
    source.close()


def test_a_fifo_without_a_writer_is_looked_at_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    source = StdinSource(str(path))

    assert source.read(0) is None
    source.wait(0.01)
    assert source.read(0) is None
    assert source.status()[0].open
    source.close()


@pytest.mark.parametrize(
    ("make", "told"),
    [(lambda path: path.touch(), "not a FIFO"), (lambda path: None, "No such file or directory")],
    ids=["a plain file", "nothing"],
)
def test_what_is_not_a_fifo_is_refused(tmp_path: Path, make, told: str) -> None:
    make(tmp_path / "log")

    with pytest.raises(SourceError, match=told):
        StdinSource(str(tmp_path / "log"))


def test_nothing_of_a_pipe_is_kept(pipe: Pipe) -> None:
    source = StdinSource(fd=pipe.reader)
    source.restore({"-": "whatever"})

    assert source.changed_rows() == {}
    assert source.gaps() == []
    source.close()
