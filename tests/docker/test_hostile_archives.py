"""Hostile and torn archives: a clear problem, bounded memory, nothing written."""

import gzip
import io
import json
import tarfile
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imagefiles import Layout, configuration, first_format, layer, link, recorded, saved, tar

from logwatch.docker import contents
from logwatch.docker.archives import read_archive
from logwatch.docker.bytestream import Stream
from logwatch.docker.contents import LARGEST_DOCUMENT, MOST_DOCUMENT_BYTES
from logwatch.docker.images import Images
from logwatch.docker.saved import interpret
from logwatch.docker.tree import grow

ONE, TWO = layer(a=1000), layer(b=200)
BUDGET = 150 << 20


def read(content: bytes) -> Images:
    return from_stream(Stream(io.BytesIO(content).read))


def from_stream(stream: Stream) -> Images:
    images = interpret(read_archive(stream))
    grow(images.images)
    grow(images.images, intermediate=False)
    return images


def read_bounded(pieces: Iterator[bytes], budget: int = BUDGET) -> Images:
    """Read an archive that is made while it is read, within a budget of memory."""
    rest = b""

    def pull(size: int) -> bytes:
        nonlocal rest
        rest = rest or next(pieces, b"")
        piece, rest = rest[:size], rest[size:]
        return piece

    tracemalloc.start()
    try:
        images = from_stream(Stream(pull))
        assert tracemalloc.get_traced_memory()[1] < budget
    finally:
        tracemalloc.stop()
    return images


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


def entry(name: str, content: bytes) -> bytes:
    return header(name, len(content)) + content + b"\0" * (-len(content) % 512)


@pytest.mark.parametrize("name", ["../x.json", "/etc/x.json", "a/../../x.json"])
def test_paths_out_of_the_archive_are_ignored(name: str) -> None:
    images = read(tar(saved((configuration([ONE]), [ONE], ["web:1"])) | {name: b"{}"}))

    assert images.problems == (f"{name} leads out of the archive: ignored",)
    assert images.images[0].size == 1000


@pytest.mark.parametrize("target", ["/etc/shadow", "../../../etc/shadow", "x/layer.tar", "nowhere"])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE], ids=["symbolic", "hard"])
def test_a_link_leads_nowhere_but_into_the_archive(target: str, kind: bytes) -> None:
    files = saved((configuration([ONE]), [ONE], ["web:1"]))
    (layer_name,) = [each for each in files if each.endswith("layer.tar")]
    files |= {layer_name: link(layer_name, target, kind), "x/layer.tar": link("x/layer.tar", layer_name, kind)}
    (image,) = read(tar(files)).images

    assert [each.problem for each in image.layers] == ["it is not in the archive"]


def test_devices_and_pipes_are_not_files() -> None:
    devices = {
        name: link(name, "", kind) for name, kind in (("manifest.json", tarfile.CHRTYPE), ("x/json", tarfile.FIFOTYPE))
    }

    assert read(tar(devices)).images == ()


def test_what_occurs_twice_is_said() -> None:
    files = saved((configuration([ONE]), [ONE], ["web:1"]))
    images = read(tar({"manifest.json": b"[]"})[:1024] + tar(files))

    assert images.problems == ("manifest.json occurs twice: the last one counts",)
    assert images.images[0].tags == ("web:1",)


@pytest.mark.parametrize(
    "document",
    [
        b"{",
        b"[",
        b"[1]",
        b"[{}]",
        b'[{"Config":1}]',
        b'[{"Config":"x","Layers":{"a":1}}]',
        b'[{"Config":"x","RepoTags":"web"}]',
        b"[" * 100_000,
    ],
)
def test_a_manifest_of_the_wrong_form_is_one_problem(document: bytes) -> None:
    images = read(tar({"manifest.json": document}))

    assert images.images == ()
    assert len(images.problems) == 1


@pytest.mark.parametrize("document", [b"{", b"[]", b'{"rootfs":7}', b'{"history":[1]}', b'{"config":{"Env":"A"}}'])
def test_a_configuration_of_the_wrong_form_marks_its_image(document: bytes) -> None:
    (image,) = read(tar(saved((document, [ONE], ["web:1"])))).images

    assert (image.problem or "").startswith("its configuration cannot be read: ")
    assert not image.complete


def test_layers_that_do_not_fit_the_configuration_mark_the_image() -> None:
    (image,) = read(tar(saved((configuration([ONE]), [ONE, TWO], ["web:1"])))).images

    assert image.problem == "it lists 2 layers, its configuration 1"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"no tar at all", "neither a tar archive nor JSON"),
        (ONE[:700], "cut short"),
        (gzip.compress(ONE)[:40], "compressed data is damaged"),
        (gzip.compress(b"\0" * 600 + b"junk"), None),
        (b"", None),
    ],
    ids=["text", "cut", "damaged gzip", "junk after zeros", "empty"],
)
def test_a_layer_that_cannot_be_read_is_a_hole(content: bytes, problem: str | None) -> None:
    (image,) = read(tar(saved((configuration([content]), [content], ["web:1"])))).images

    assert image.complete == (problem is None)
    assert (problem or "") in (image.layers[0].problem or "")


@pytest.mark.parametrize("cut", range(0, 20_000, 1777))
def test_a_cut_archive_is_said_to_be_cut(cut: int) -> None:
    images = read(recorded("docker-20.10.5-k0-all")[:cut])

    assert cut == 0 or any("cut short" in problem for problem in images.problems)


def test_indexes_that_name_each_other_end() -> None:
    layout = Layout()
    inner = layout.index()
    for _ in range(20):
        inner = layout.index(inner, inner)
    layout.name(inner, "deep:1")
    images = read(tar(layout.all()))

    assert "nest too deep" in images.problems[0]


def test_a_document_of_a_gigabyte_is_not_kept() -> None:
    def pieces() -> Iterator[bytes]:
        yield header("manifest.json", 1 << 30)
        yield from [b"[" + b" " * ((1 << 20) - 1), *[b" " * (1 << 20)] * 1023]

    images = read_bounded(pieces(), 8 << 20)

    assert images.images == ()


def test_documents_without_end_are_not_kept() -> None:
    text = b'{"id":"' + b"x" * (LARGEST_DOCUMENT - 20) + b'"}'
    many = 2 * MOST_DOCUMENT_BYTES // len(text)

    read_bounded(entry(f"{place}/json", text) for place in range(many))


def test_entries_without_end_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "MOST_NAMES", 2000)
    images = read_bounded((header(f"{place}/json", 2) + b"{}".ljust(512, b"\0") for place in range(20_000)), 8 << 20)

    assert any("the rest is ignored" in problem for problem in images.problems)


@pytest.mark.parametrize(
    "item",
    ['{"Config":"a","Layers":["a","b"]},', "{},", "[],", "1,", '{"Config":1},'],
    ids=["images", "empty", "lists", "numbers", "wrong"],
)
def test_a_manifest_of_countless_items_fits_into_the_budget(item: str) -> None:
    text = b"[" + (item * ((LARGEST_DOCUMENT - 10) // len(item))).encode().rstrip(b",") + b"]"

    read_bounded(iter([entry("manifest.json", text)]))


def test_a_chain_of_layers_without_end_fits_into_the_budget() -> None:
    def pieces() -> Iterator[bytes]:
        for place in range(12_000):
            text = json.dumps({"id": f"{place:064x}", "parent": f"{place + 1:064x}"}).encode()
            yield entry(f"{place:064x}/json", text)

    images = read_bounded(pieces())

    assert images.problems


def test_a_gzip_bomb_is_a_hole() -> None:
    bomb = header("zeros", 8 << 30) + b"\0" * (1 << 20)
    packed = gzip.compress(bomb)
    (image,) = read(tar(saved((configuration([packed]), [packed], ["web:1"])))).images

    assert "cut short" in (image.layers[0].problem or "")


ARCHIVES = st.sampled_from(
    [
        tar(saved((configuration([ONE, TWO], ["ADD a", "ADD b"]), [ONE, TWO], ["web:1"]))),
        tar(first_format({"a" * 64: (None, ONE), "b" * 64: ("a" * 64, TWO)}, {"web": {"1": "b" * 64}})),
        recorded("docker-26.1.5-containerd-store-k1-all"),
        recorded("docker-28.5.2-k1-all"),
    ]
)


@settings(deadline=None, max_examples=60)
@given(ARCHIVES, st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6), st.floats(0, 1))
def test_changed_and_cut_archives_are_images_or_problems(
    archive: bytes, changes: list[tuple[float, int]], cut: float
) -> None:
    changed = bytearray(archive[: int(len(archive) * (0.5 + cut / 2))])
    for place, value in changes:
        changed[int(place * (len(changed) - 1))] = value
    images = read(bytes(changed))

    for image in images.images:
        assert image.size >= 0


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("sha256:" + "a" * 64),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Config",
                    "Layers",
                    "RepoTags",
                    "Parent",
                    "manifests",
                    "config",
                    "layers",
                    "digest",
                    "rootfs",
                    "diff_ids",
                    "history",
                    "id",
                    "parent",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=80)
@given(
    st.dictionaries(
        st.sampled_from(
            ["manifest.json", "index.json", "repositories", "a/json", "b/json", "blobs/sha256/" + "a" * 64, "x.json"]
        ),
        VALUES,
        min_size=1,
    )
)
def test_documents_of_any_form_are_images_or_problems(documents: dict[str, object]) -> None:
    images = read(tar({name: json.dumps(value).encode() for name, value in documents.items()} | {"a/layer.tar": ONE}))

    assert all(isinstance(problem, str) for problem in images.problems)
