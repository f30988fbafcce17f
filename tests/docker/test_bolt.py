"""bbolt databases: real ones, damaged ones, and ones that change while they are read."""

import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from imagefiles import unpack

from logwatch.docker import bolt
from logwatch.docker.bolt import BoltError, Bucket, read

PAGE = 4096


def meta(number: int, transaction: int, root: int) -> bytes:
    body = struct.pack("<IIIIQQQQQ", bolt.MAGIC, bolt.VERSION, PAGE, 0, root, 0, 0, 9, transaction)
    page = struct.pack("<QHHI", number, bolt.META, 0, 0) + body + struct.pack("<Q", bolt._fnv64a(body))
    return page.ljust(PAGE, b"\0")


def leaf(number: int, elements: list[tuple[int, bytes, bytes]], overflow: int = 0) -> bytes:
    heads, bodies = b"", b""
    start = 16 * len(elements)
    for place, (flags, key, value) in enumerate(elements):
        heads += struct.pack("<IIII", flags, start - 16 * place + len(bodies), len(key), len(value))
        bodies += key + value
    page = struct.pack("<QHHI", number, bolt.LEAF, len(elements), overflow) + heads + bodies
    return page.ljust(PAGE * (1 + overflow), b"\0")


def branch(number: int, pages: list[tuple[bytes, int]]) -> bytes:
    heads, bodies = b"", b""
    start = 16 * len(pages)
    for place, (key, page) in enumerate(pages):
        heads += struct.pack("<IIQ", start - 16 * place + len(bodies), len(key), page)
        bodies += key
    return (struct.pack("<QHHI", number, bolt.BRANCH, len(pages), 0) + heads + bodies).ljust(PAGE, b"\0")


def write(path: Path, *pages: bytes, root: int = 2) -> Path:
    path.write_bytes(meta(0, 7, root) + meta(1, 6, 99) + b"".join(pages))
    return path


def keys(bucket: Bucket) -> dict[str, object]:
    return {key.decode("latin-1"): value if isinstance(value, bytes) else keys(value) for key, value in bucket.items()}


def test_keys_values_and_buckets_are_read(tmp_path: Path) -> None:
    inline = struct.pack("<QQ", 0, 0) + leaf(0, [(0, b"x", b"1")])[:64]
    own = struct.pack("<QQ", 4, 0)
    path = write(
        tmp_path / "db",
        branch(2, [(b"a", 3), (b"m", 5)]),
        leaf(3, [(0, b"a", b"value"), (bolt.BUCKET, b"inline", inline)]),
        leaf(4, [(0, b"deep", b"2")]),
        leaf(5, [(bolt.BUCKET, b"own", own), (0, b"wide", b"w" * PAGE)], overflow=1),
    )

    assert read(path, keys) == {"a": b"value", "inline": {"x": b"1"}, "own": {"deep": b"2"}, "wide": b"w" * PAGE}


def test_the_newest_valid_meta_page_counts(tmp_path: Path) -> None:
    pages = leaf(2, [(0, b"old", b"")]) + leaf(3, [(0, b"new", b"")])
    (tmp_path / "db").write_bytes(meta(0, 7, 2) + meta(1, 8, 3) + pages)
    (tmp_path / "torn").write_bytes(meta(0, 7, 2) + meta(1, 8, 3)[:40].ljust(PAGE, b"x") + pages)
    (tmp_path / "first").write_bytes(b"\0" * PAGE + meta(1, 8, 3) + pages)

    assert [list(read(tmp_path / name, keys)) for name in ("db", "torn", "first")] == [["new"], ["old"], ["new"]]


def test_a_commit_meanwhile_makes_it_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "db", leaf(2, [(0, b"old", b"")]), leaf(3, [(0, b"new", b"")]))
    commits = iter([3])

    def use(bucket: Bucket) -> list[str]:
        found = list(keys(bucket))
        for root in commits:
            with path.open("r+b") as file:
                file.seek(PAGE)
                file.write(meta(1, 8, root))
        return found

    assert read(path, use) == ["new"]


def test_a_page_that_is_used_again_meanwhile_is_no_damage(tmp_path: Path) -> None:
    path = write(tmp_path / "db", leaf(2, [(0, b"old", b"")]), leaf(3, [(0, b"new", b"")]))
    commits = iter([3])

    def use(bucket: Bucket) -> list[str]:
        for root in commits:
            with path.open("r+b") as file:
                file.seek(PAGE)
                file.write(meta(1, 8, root) + b"\xff" * PAGE)
        return list(keys(bucket))

    assert read(path, use) == ["new"]


def test_endless_commits_are_given_up(tmp_path: Path) -> None:
    path = write(tmp_path / "db", leaf(2, []))
    transactions = iter(range(8, 99))

    def use(_: Bucket) -> None:
        with path.open("r+b") as file:
            file.write(meta(0, next(transactions), 2))

    with pytest.raises(BoltError, match="changes faster"):
        read(path, use)


@pytest.mark.parametrize(
    ("pages", "problem"),
    [
        ([b""], "outside of the file"),
        ([b"\0" * PAGE], "says that it is page 0"),
        ([branch(2, [(b"a", 2)])], "circle"),
        ([branch(2, [(b"a", 1 << 60)])], "outside of the file"),
        ([leaf(2, [(0, b"k", b"v")])[:28] + struct.pack("<I", 1 << 30)], "outside of the file"),
        ([leaf(2, [(bolt.BUCKET, b"k", b"short")])], "a bucket is cut short"),
        ([struct.pack("<QHHI", 2, bolt.LEAF, 65535, 0).ljust(PAGE, b"\0")], "cut short"),
        ([struct.pack("<QHHI", 2, bolt.LEAF, 0, 1 << 30).ljust(PAGE, b"\0")], "too large"),
    ],
    ids=["empty", "zeros", "circle", "far", "torn", "bucket", "count", "overflow"],
)
def test_damage_is_said(tmp_path: Path, pages: list[bytes], problem: str) -> None:
    path = write(tmp_path / "db", *pages)

    with pytest.raises(BoltError, match=problem):
        read(path, keys)


def test_overlapping_elements_do_not_multiply(tmp_path: Path) -> None:
    value = b"v" * (15 * PAGE)
    count = 40_000
    heads = b"".join(struct.pack("<IIII", 0, 16 * count - 16 * place, 4, len(value)) for place in range(count))
    page = struct.pack("<QHHI", 2, bolt.LEAF, count, 200) + heads + b"keys" + value
    path = write(tmp_path / "db", page.ljust(201 * PAGE, b"\0"))

    with pytest.raises(BoltError, match="bytes in its buckets"):
        read(path, lambda bucket: sum(len(value) for _, value in bucket.items() if isinstance(value, bytes)))


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"SQLite format 3\0" * 1000)

    with pytest.raises(BoltError, match="not a bbolt database"):
        read(tmp_path / "db", keys)


@pytest.fixture(scope="module")
def metadata(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = unpack("docker-26.1.5-containerd-root", tmp_path_factory.mktemp("containerd"))
    return root / "ctdroot/io.containerd.snapshotter.v1.overlayfs/metadata.db"


def test_containerds_own_database_is_read(metadata: Path) -> None:
    found = read(metadata, keys)

    assert list(found) == ["v1"]
    snapshots = found["v1"]
    assert isinstance(snapshots, dict)
    assert set(snapshots) == {"parents", "snapshots"}


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 131071), st.integers(0, 255)), min_size=1, max_size=30))
def test_a_damaged_database_is_read_or_refused(metadata: Path, tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    content = bytearray(metadata.read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    path = tmp_path / "db"
    path.write_bytes(content)

    def all_keys(bucket: Bucket) -> int:
        found, work = 0, [bucket]
        while work:
            values = [value for _, value in work.pop().items()]
            found += len(values)
            work += [value for value in values if isinstance(value, Bucket)]
        return found

    with suppress(BoltError):
        read(path, all_keys)
