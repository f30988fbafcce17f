"""The tar reader agrees with the standard library and is not impressed by hostile archives."""

import io
import os
import tarfile
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imagefiles import link, tar

from logwatch.docker.bytestream import DamagedError, Stream
from logwatch.docker.tar import LARGEST_HEADER, Entry, Tar

LONG = "deep/" * 60 + "name"


def stream(content: bytes) -> Stream:
    return Stream(io.BytesIO(content).read)


def entries(content: bytes) -> list[Entry]:
    return list(Tar(stream(content)))


FILES = {
    "a": b"1",
    "empty": b"",
    "blocks": b"x" * 1024,
    LONG: b"long name",
    "sub/ü": "ümlaut".encode(),
    "to-a": link("to-a", "a"),
    "hard": link("hard", "a", tarfile.LNKTYPE),
    "far": link("far", "../" * 50 + "etc/passwd"),
    "folder": link("folder", "", tarfile.DIRTYPE),
    "device": link("device", "", tarfile.CHRTYPE),
}


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["gnu", "pax"])
def test_entries_are_those_of_the_standard_library(form: int) -> None:
    content = tar(FILES, form)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        expected = [(member.name, member.size, member.linkname) for member in archive]

    assert expected == [(entry.name.rstrip("/"), entry.size, entry.link) for entry in entries(content)]


def test_old_tars_have_a_prefix_or_none() -> None:
    name = "p" * 90 + "/" + "n" * 80
    ustar = tar({name: b"x"}, tarfile.USTAR_FORMAT)

    assert [name] == [entry.name for entry in entries(ustar)]


def test_contents_are_read_or_passed_over() -> None:
    reader = Tar(stream(tar({"a": b"first", "b": b"second", "c": b"third"})))
    found = {entry.name: reader.content.read(3 if entry.name == "a" else 99) for entry in reader if entry.name != "b"}

    assert found == {"a": b"fir", "c": b"third"}


def test_a_number_of_eight_gigabytes_and_more_is_read() -> None:
    header = tarfile.TarInfo("big")
    header.size = 1 << 40
    start = header.tobuf(tarfile.GNU_FORMAT)
    reader = Tar(stream(start))

    with pytest.raises(DamagedError, match="cut short"):
        assert [entry.size for entry in reader] == [1 << 40]


def test_a_sparse_file_counts_as_it_unpacks(tmp_path) -> None:
    path, archive = tmp_path / "sparse", tmp_path / "sparse.tar"
    with path.open("wb") as file:
        for place in range(60):
            file.seek(place << 20)
            file.write(b"x")
    for options in (
        ["--format=gnu"],
        ["--format=pax", "--sparse-version=1.0"],
        ["--format=pax", "--sparse-version=0.1"],
    ):
        assert (
            os.spawnlp(os.P_WAIT, "tar", "tar", "-C", str(tmp_path), "-S", *options, "-cf", str(archive), "sparse") == 0
        )
        content = archive.read_bytes()
        found = entries(content)

        assert len(content) < 1 << 20
        assert [(entry.name, entry.size) for entry in found] == [("sparse", (59 << 20) + 1)], options


@pytest.mark.parametrize("length", [1, 511, 513, 700, 1500])
def test_a_cut_archive_is_said_to_be_cut(length: int) -> None:
    with pytest.raises(DamagedError, match="cut short"):
        entries(tar({"a": b"x" * 1000, "b": b"y"})[:length])


def test_what_is_no_archive_is_refused() -> None:
    with pytest.raises(DamagedError, match="not a tar header"):
        entries(b"PK\3\4" * 1000)


def pax(size: int) -> bytes:
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, size
    return header.tobuf(tarfile.USTAR_FORMAT)


def test_a_header_of_a_gigabyte_is_refused_before_it_is_read() -> None:
    with pytest.raises(DamagedError, match=f"at most {LARGEST_HEADER}"):
        entries(pax(1 << 30))


def test_a_chain_of_extended_headers_costs_no_stack_and_no_memory() -> None:
    one = pax(512) + b"0" * 512
    reader = Tar(stream(one * 20_000 + tar({"a": b"x"})))
    tracemalloc.start()
    found = [entry.name for entry in reader]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert found == ["a"]
    assert peak < 4 << 20


@given(st.binary(max_size=3000))
def test_any_bytes_are_entries_or_damage(content: bytes) -> None:
    with suppress(DamagedError):
        entries(content)


@given(st.data())
def test_an_archive_with_changed_bytes_is_entries_or_damage(data: st.DataObject) -> None:
    content = bytearray(tar({"a": b"1" * 600, LONG: b"2"}, tarfile.PAX_FORMAT))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(DamagedError):
        entries(bytes(content))
