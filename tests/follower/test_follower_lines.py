"""T01–T07, T34–T38: what a line is, however it arrives."""

from __future__ import annotations

import os
import random
import tracemalloc
from pathlib import Path

import pytest
from follower_driver import Log, Reader

from logwatch.model import SECOND
from logwatch.sources.file import FileSource


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "messages"


def chunks(path: Path, **options: object) -> list[tuple[int, bytes]]:
    source = FileSource([str(path)], notify=False, **options)  # type: ignore[arg-type]  # tests pass what they vary
    source.restore({})
    found = []
    for turn in range(10):
        while (chunk := source.read(turn * SECOND)) is not None:
            found.append((chunk.offset, chunk.data))
    source.close()
    return found


def test_t01_an_existing_file_is_read_from_the_beginning(path):
    log = Log(path)
    log.write(1000)

    assert Reader(path).poll() == log.written


def test_t02_from_the_end_only_what_comes_later_and_not_the_rest_of_a_begun_line(path):
    log = Log(path)
    log.write(10)
    log.begin_line()
    reader = Reader(path, start="end")
    log.end_line()
    log.write(5)

    assert reader.poll() == log.written[-5:]
    assert reader.skipped() == {"partial": 1}


def test_t02_from_the_end_holds_after_a_restart(path):
    log = Log(path)
    log.write(10)
    reader = Reader(path, start="end")
    log.write(2)
    reader.kill()
    log.write(3)

    assert reader.poll() == log.written[-5:]


@pytest.mark.parametrize("seed", range(5))
def test_t03_bursts_in_random_pieces(path, seed):
    random_ = random.Random(seed)
    log = Log(path)
    reader = Reader(path, chunk_bytes=10_000)
    for _ in range(5):
        text = "".join(f"{seed} {number}\n" for number in range(random_.randint(1, 10_000)))
        log.written += text.splitlines()
        while text:
            size = random_.choice([1, 7, 4096, 100_000])
            os.write(log.fd, text[:size].encode())
            text = text[size:]
            if random_.random() < 0.01:
                reader.step()
    reader.commit()

    assert reader.poll() == log.written


def test_t04_an_empty_file_that_fills_later(path):
    log = Log(path)
    reader = Reader(path)
    reader.poll()
    log.write(3)

    assert reader.poll() == log.written


def test_t05_blank_lines_are_lines(path):
    path.write_bytes(b"\n\n\na\n\n")

    assert chunks(path) == [(0, b"\n\n\na\n\n")]


def test_t06_a_partial_line_waits_for_its_end(path):
    log = Log(path)
    reader = Reader(path)
    log.begin_line()
    assert reader.poll() == []
    log.end_line()

    assert reader.poll() == log.written


@pytest.mark.parametrize("size", range(1, 40))
def test_t07_the_same_lines_at_every_chunk_size(path, size):
    content = "ab\n\nčeská\r\n\x00\x00nul\nlong line of text\nž\n".encode()
    path.write_bytes(content)
    found = chunks(path, chunk_bytes=size, max_line_bytes=12)

    assert b"".join(data for _, data in found) == "ab\n\nčeská\r\nnul\nlong line of\nž\n".encode()
    for offset, data in found:
        assert content[offset : offset + len(data) - 1] == data[:-1]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"a\r\nb\r\n", id="T34-crlf"),
        pytest.param(b"a\rb\nc\r\r\n", id="T34-lone-cr"),
        pytest.param(b"\xff\xfe\xc3\n\xe9t\xe9\n\xc3\n\xa9\n", id="T35-invalid-utf-8"),
        pytest.param(b"a\x00b\nc\x00\n", id="T36-nul-inside"),
        pytest.param(b"\xef\xbb\xbfa\n\x1b[31mred\x1b[0m\n", id="T36-bom-and-colour"),
    ],
)
def test_t34_to_t36_bytes_are_handed_on_as_they_are(path, content):
    path.write_bytes(content)

    assert chunks(path) == [(0, content)]


def test_t37_a_line_of_100_mb_is_cut_counted_and_costs_no_memory(path):
    with path.open("wb") as stream:
        stream.write(b"before\n")
        for _ in range(100):
            stream.write(b"x" * (1 << 20))
        stream.write(b"\nafter\n")
    reader = Reader(path, chunk_bytes=1 << 20, max_line_bytes=1 << 16)
    tracemalloc.start()
    lines = reader.poll()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [line[:10] for line in lines] == ["before", "x" * 10, "after"]
    assert len(lines[1]) == 1 << 16
    assert reader.skipped() == {"too_long": 1}
    assert peak < 8 << 20


def test_t37_the_rest_of_a_long_line_is_still_passed_over_after_a_kill(path):
    log = Log(path)
    os.write(log.fd, b"y" * 5000)
    reader = Reader(path, max_line_bytes=1000)
    reader.poll()
    reader.kill()
    os.write(log.fd, b"y" * 5000 + b"\nafter\n")

    assert reader.poll() == ["y" * 1000, "after"]
    assert reader.skipped() == {"too_long": 1}


def test_t38_offsets_beyond_4_gib_in_a_sparse_file(path):
    far = 5 << 30
    log = Log(path)
    log.write(3)
    reader = Reader(path)
    reader.poll()
    os.truncate(path, far)
    log.write(3)

    assert reader.poll() == log.written
    assert reader.source.status()[0].position == path.stat().st_size
    assert reader.skipped()["nul"] > 4 << 30
    reader.kill()
    log.write(1)
    assert reader.poll() == log.written


def test_t38_nuls_without_a_hole_wait_for_what_follows(path):
    log = Log(path)
    os.write(log.fd, b"a\n\0\0\0")
    reader = Reader(path)
    assert reader.poll() == ["a"]
    assert reader.skipped() == {}
    os.write(log.fd, b"b\n")

    assert reader.poll() == ["a", "b"]
    assert reader.skipped() == {"nul": 3}
