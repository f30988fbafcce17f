"""Archives of every format, written by engines of different ages and by other tools."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from imagefiles import Layout, configuration, first_format, layer, link, recorded, saved, sha, tar

from logwatch.docker.archives import read_archive, read_folder
from logwatch.docker.bytestream import Stream
from logwatch.docker.images import Image, Images
from logwatch.docker.saved import interpret
from logwatch.docker.tree import Node, grow

BASE, MID, TOP = "b" * 64, "c" * 64, "d" * 64
LEAF1 = "reg.example.com:5000/team/leaf1:{0} tiny/leaf1:{0}"


def read(content: bytes) -> Images:
    return interpret(read_archive(Stream(io.BytesIO(content).read)))


def by_tag(images: Images) -> dict[str, Image]:
    return {" ".join(image.tags): image for image in images.images}


def shape(images: Images) -> dict[str, tuple[str | None, int]]:
    """Name → (name of the parent, size)."""
    forest = grow(images.images)
    parents = {child.id: node for _, node in forest.nodes() for child in node.children}
    return {name(node): (name(parents.get(node.id)), node.size) for _, node in forest.nodes()}


def name(node: Node | None) -> str | None:
    return None if node is None else " ".join(node.image.tags) if node.image else "shared"


@pytest.mark.parametrize(
    ("archive", "tag"),
    [
        ("docker-20.10.5-k0-all", "k0"),
        ("docker-28.5.2-k1-all", "k1"),
        ("docker-26.1.5-containerd-store-k1-all", "k1"),
    ],
)
def test_archives_of_real_engines_have_the_tree_that_was_built(archive: str, tag: str) -> None:
    images = read(recorded(archive))
    mid = f"tiny/mid:{tag}"

    assert images.problems == ()
    assert shape(images) == {
        "tiny/base:1": (None, 14),
        mid: ("tiny/base:1", 16),
        LEAF1.format(tag): (mid, 18),
        f"tiny/leaf2:{tag}": (mid, 18),
        "": (mid, 18),
        f"tiny/scratch:{tag}": (None, 2),
    }


def test_an_archive_of_skopeo_names_its_image_in_the_index() -> None:
    (image,) = read(recorded("docker-26.1.5-k0-skopeo-oci")).images

    assert (image.tags, image.size, len(image.layers)) == (("tiny/leaf1:k0",), 18, 3)


def test_the_engine_with_containerds_store_is_met_by_its_digests() -> None:
    images = by_tag(read(recorded("docker-26.1.5-containerd-store-k1-all")))

    # `docker images` of that engine: 17.2kB is 860 B of blobs and 16384 B unpacked.
    base = images["tiny/base:1"]
    assert (base.digest or "")[:14] == "sha256:f6c616c"
    assert (base.stored, sum(each.disk or 0 for each in base.layers)) == (860, 16384)


# ── the first format ─────────────────────────────────────────────────────────────────


def test_the_first_format_has_an_image_for_each_layer() -> None:
    layers = {BASE: (None, layer(a=10)), MID: (BASE, layer(b=5)), TOP: (MID, layer(c=1))}
    images = read(tar(first_format(layers, {"web": {"1": TOP, "latest": TOP}, "docker.io/library/os": {"1": BASE}})))

    assert images.source == "docker save archive of the first format"
    assert images.problems == ()
    assert shape(images) == {"os:1": (None, 10), "": ("os:1", 15), "web:1 web:latest": ("", 16)}
    (top,) = [image for image in images.images if image.id == TOP]
    settings = top.description.settings
    assert (settings.hostname, settings.command, settings.network_disabled) == ("f" * 12, ("/bin/bash",), True)
    assert top.description.made_by == ("/bin/sh", "-c", "apt-get install x")
    assert (top.description.container, top.description.docker_version) == ("f" * 64, "0.7.6")


@pytest.mark.parametrize(
    ("layers", "problem"),
    [
        ({TOP: (MID, layer(c=1))}, f"its parent {MID[:12]} is missing"),
        ({TOP: (MID, layer(c=1)), MID: (TOP, layer(b=1))}, "its parents form a circle"),
        ({TOP: (TOP, layer(c=1))}, "its parents form a circle"),
    ],
    ids=["missing", "circle", "itself"],
)
def test_holes_in_the_chain_of_parents_are_marked(layers: dict[str, tuple[str | None, bytes]], problem: str) -> None:
    images = read(tar(first_format(layers, {"web": {"1": TOP}})))
    top = by_tag(images)["web:1"]

    assert problem in (top.problem or "")
    assert sum(node.image is not None for _, node in grow(images.images).nodes()) == len(layers)


def test_a_name_without_image_and_a_layer_without_file_are_marked() -> None:
    files = first_format({BASE: (None, layer(a=10))}, {"web": {"1": TOP}})
    del files[f"{BASE}/layer.tar"]
    images = read(tar(files))

    assert images.problems == (f"web:1: image {TOP[:12]} is not there",)
    assert images.images[0].problem == "its layer.tar is not in the archive"


def test_a_size_that_the_document_notes_is_used_where_the_file_is_missing() -> None:
    files = first_format({BASE: (None, b"")}, {"os": {"1": BASE}}, Size=77)
    del files[f"{BASE}/layer.tar"]

    assert by_tag(read(tar(files)))["os:1"].size == 77


# ── manifest.json and OCI ────────────────────────────────────────────────────────────

ONE, TWO, THREE = layer(a=1000), layer(b=200), layer(c=30)


def test_images_without_recorded_parents_are_joined_by_their_layers() -> None:
    base = configuration([ONE], ["ADD a"])
    child = configuration([ONE, TWO], ["ADD a", "ADD b"])
    only_settings = configuration([ONE, TWO], ["ADD a", "ADD b", "ENV X=1"])
    images = read(tar(saved((only_settings, [ONE, TWO], ["x:1"]), (child, [ONE, TWO], []), (base, [ONE], ["os:1"]))))

    assert shape(images) == {"os:1": (None, 1000), "": ("os:1", 1200), "x:1": ("", 1200)}


def test_a_layer_counts_files_and_the_lengths_of_links_as_engines_do() -> None:
    content = tar(
        {
            "a": b"x" * 100,
            "to-a": link("to-a", "elsewhere"),
            "hard": link("hard", "a", tarfile.LNKTYPE),
            "d": link("d", "", tarfile.DIRTYPE),
        }
    )
    (image,) = read(tar(saved((configuration([content]), [content], ["x:1"])))).images

    assert image.size == 100 + len("elsewhere")


def test_layers_without_an_image_that_images_share_are_a_node() -> None:
    first, second = configuration([ONE, TWO], ["ADD a", "ADD b"]), configuration([ONE, THREE], ["ADD a", "ADD c"])
    images = read(tar(saved((first, [ONE, TWO], ["x:1"]), (second, [ONE, THREE], ["y:1"]))))
    nodes = {name(node): node for _, node in grow(images.images).nodes()}

    assert shape(images) == {"shared": (None, 1000), "x:1": ("shared", 1200), "y:1": ("shared", 1030)}
    assert (nodes["x:1"].own, nodes["x:1"].shared) == (200, 1000)


def test_a_layout_with_indexes_platforms_and_attestations() -> None:
    layout = Layout()
    amd = layout.manifest(configuration([ONE]), [ONE], platform={"os": "linux", "architecture": "amd64"})
    arm = layout.manifest(
        configuration([TWO], architecture="arm64"), [TWO], zstandard.ZstdCompressor().compress,
        platform={"os": "linux", "architecture": "arm64"},
    )  # fmt: skip
    attestation = layout.manifest(
        configuration([b"{}"]), [b"{}"], bytes, platform={"os": "unknown", "architecture": "unknown"},
        annotations={"vnd.docker.reference.type": "attestation-manifest"},
    )  # fmt: skip
    absent = {"digest": "sha256:" + "e" * 64, "platform": {"os": "linux", "architecture": "s390x"}}
    layout.name(layout.index(layout.index(amd, attestation), arm, absent), "docker.io/library/web:1")
    images = read(tar(layout.all()))

    assert [(image.tags, image.description.architecture, image.size) for image in images.images] == [
        (("web:1",), "amd64", 1000),
        (("web:1",), "arm64", 200),
    ]
    assert images.problems == ()
    assert images.notes == ("eeeeeeeeeeee for linux/s390x is named, but not in the archive",)


def test_several_names_of_one_manifest_are_one_image() -> None:
    layout = Layout()
    manifest = layout.manifest(configuration([ONE]), [ONE])
    for each in ("any string", "latest", "v1"):
        layout.name(manifest, each)
    (image,) = read(tar(layout.all())).images

    assert image.tags == ("any string", "latest", "v1")


def test_what_is_no_image_is_noted() -> None:
    layout = Layout()
    chart = {"schemaVersion": 2, "config": layout.blob(b"{}", "application/vnd.cncf.helm.config.v1+json"), "layers": []}
    layout.name(layout.blob(json.dumps(chart).encode()), "chart:1")
    images = read(tar(layout.all()))

    assert images.images == ()
    assert "is not an image: application/vnd.cncf.helm.config.v1+json" in images.notes[0]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_folder_is_read_like_an_archive(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    layout = Layout()
    layout.name(layout.manifest(configuration([ONE, TWO]), [ONE, TWO], pack), "web:1")
    for path, content in layout.all().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    (image,) = interpret(read_folder(str(tmp_path))).images

    assert (image.tags, image.size) == (("web:1",), 1200)


def test_a_folder_of_skopeo_is_read(tmp_path: Path) -> None:
    layout = Layout()
    manifest = layout.manifest(configuration([ONE]), [ONE])
    for path, content in layout.files.items():
        (tmp_path / path.rpartition("/")[2]).write_bytes(content)
    digest = manifest["digest"].partition(":")[2]
    (tmp_path / digest).rename(tmp_path / "manifest.json")
    (image,) = interpret(read_folder(str(tmp_path))).images

    assert (image.size, image.id) == (1000, f"sha256:{sha(configuration([ONE]))}")
