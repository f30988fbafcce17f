"""Streams: parts, compression, and what must not be decompressed."""

import bz2
import gzip
import io
import lzma
import os
from collections.abc import Callable

import pytest
import zstandard

from logwatch import zstd
from logwatch.docker import bytestream
from logwatch.docker.bytestream import DamagedError, Stream, from_descriptor, plain

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
packers = pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
CONTENT = os.urandom(300_000) + b"\0" * 500_000


def stream(content: bytes) -> Stream:
    return Stream(io.BytesIO(content).read)


@packers
def test_compression_is_found_by_the_first_bytes(pack: Callable[[bytes], bytes]) -> None:
    found = plain(stream(pack(CONTENT)))

    assert found.read(1000) == CONTENT[:1000]
    assert found.skip(500_000) == 500_000
    assert found.read(1 << 20) == CONTENT[501_000:]


@packers
def test_several_members_are_one_stream(pack: Callable[[bytes], bytes]) -> None:
    assert plain(stream(pack(b"one ") + pack(b"two"))).read(99) == b"one two"


# zstd's reader does not say that a frame is cut short; the archive in it is cut then as well.
@pytest.mark.parametrize("pack", list(PACKERS.values())[1:4], ids=list(PACKERS)[1:4])
@pytest.mark.parametrize(
    "damage",
    [lambda text: text[: len(text) // 2], lambda text: text[:200] + b"damage" + text[206:]],
    ids=["cut", "changed"],
)
def test_damage_is_said(pack: Callable[[bytes], bytes], damage: Callable[[bytes], bytes]) -> None:
    found = plain(stream(damage(pack(CONTENT))))

    with pytest.raises(DamagedError, match="compressed data"):
        found.skip(1 << 30)


@pytest.mark.parametrize("pack", list(PACKERS.values())[1:], ids=list(PACKERS)[1:])
def test_a_bomb_is_refused(pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bytestream, "BOMB_SIZE", 1 << 22)
    found = plain(stream(pack(b"\0" * (64 << 20))))

    with pytest.raises(DamagedError, match="expands more than"):
        found.skip(64 << 20)
    assert found.position < 8 << 20


def test_a_window_larger_than_our_memory_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(1, window_log=31)
    packed = zstandard.ZstdCompressor(compression_params=parameters).compressobj()

    with pytest.raises(DamagedError, match="compressed data"):
        plain(stream(packed.compress(CONTENT) + packed.flush())).read(10)


def test_a_section_ends_where_it_ends() -> None:
    whole = stream(b"0123456789")
    part = whole.section(4)

    assert (part.read(2), part.skip(9), part.read(1)) == (b"01", 2, b"")
    assert whole.read(9) == b"456789"


def test_a_file_is_skipped_without_reading(tmp_path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.seek(1 << 40)
        file.write(b"end")
    seen: list[int] = []
    with path.open("rb") as file:
        found = from_descriptor(file.fileno(), seen.append)

        assert found.skip(1 << 40) == 1 << 40
        assert found.read(99) == b"end"
        assert found.skip(5) == 0
    assert sum(seen) == (1 << 40) + 3


def test_a_pipe_is_read_to_its_end() -> None:
    read, write = os.pipe()
    os.write(write, b"some bytes")
    os.close(write)

    assert from_descriptor(read).skip(99) == 10
    os.close(read)


def test_without_the_extra_zstd_is_refused_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zstd, "INSTALLED", False)
    packed = zstandard.ZstdCompressor().compress(b"text")
    with pytest.raises(DamagedError, match="pip install 'docker-logwatch"):
        plain(stream(packed)).read(1)
