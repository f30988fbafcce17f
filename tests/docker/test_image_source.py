"""Data directories of engines: real ones of several ages, and what is wrong with some."""

import json
import os
import shutil
from pathlib import Path

import pytest
from anotheruser import holds_for_another_user
from imagefiles import graph_root, linkgraph, node, unpack

from logwatch.docker.disk import survey_disk
from logwatch.docker.image_source import find, read_images
from logwatch.docker.images import Images
from logwatch.docker.tree import grow
from logwatch.docker.usage import finish
from logwatch.errors import ImageError

A, B, C, D = (digit * 64 for digit in "abcd")


def read(path: Path, containerd: Path | None = None) -> Images:
    return read_images(str(path), containerd, abs)


def tree(images: Images, *, intermediate: bool = True) -> dict[str, tuple[str | None, int, int]]:
    """Name (or short id) → (name of the parent, size, shared)."""
    forest = grow(images.images, intermediate=intermediate)
    names = {
        found.id: " ".join(found.image.tags) or found.id[7:13] if found.image else "shared"
        for _, found in forest.nodes()
    }
    parents = {child.id: names[found.id] for _, found in forest.nodes() for child in found.children}
    return {names[found.id]: (parents.get(found.id), found.size, found.shared) for _, found in forest.nodes()}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("docker-20.10.5-root", tmp_path_factory.mktemp("engine")) / "lib"


@pytest.fixture(scope="module")
def containerd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("docker-26.1.5-containerd-root", tmp_path_factory.mktemp("containerd"))


LEAF1 = "reg.example.com:5000/team/leaf1:{0} tiny/leaf1:{0}"


def test_an_engines_own_store_has_the_tree_that_was_built(engine: Path) -> None:
    images = read(engine)

    # Sizes and shared bytes are those of `docker images -a` and `docker system df -v` of that engine.
    assert images.problems == ()
    assert tree(images) == {
        "busybox:local": (None, 1982361, 0),
        "tiny/base:1": (None, 14, 14),
        "a3355e": ("tiny/base:1", 14, 14),
        "tiny/mid:k0": ("a3355e", 16, 16),
        "6e0f68": ("tiny/mid:k0", 18, 18),
        LEAF1.format("k0"): ("6e0f68", 18, 18),
        "tiny/leaf2:k0": ("tiny/mid:k0", 18, 18),
        "e34e0f": ("tiny/mid:k0", 18, 18),
        "tiny/mid:k1": ("tiny/base:1", 16, 16),
        LEAF1.format("k1"): ("tiny/mid:k1", 18, 18),
        "tiny/leaf2:k1": ("tiny/mid:k1", 18, 18),
        "b7e9b0": ("tiny/mid:k1", 18, 18),
        "shared": (None, 2, 2),
        "tiny/scratch:k0": ("shared", 2, 2),
        "tiny/scratch:k1": ("shared", 2, 2),
    }
    used = {image.tags: image.used_by for image in images.images if image.used_by}
    assert used == {("busybox:local",): ("frozen", "gone", "up"), tuple(LEAF1.format("k1").split()): ("new",)}


def test_nameless_parents_are_left_out_unless_asked_for(engine: Path) -> None:
    names = tree(read(engine), intermediate=False)

    assert not {"a3355e", "6e0f68"} & names.keys()
    assert names[LEAF1.format("k0")] == ("tiny/mid:k0", 18, 18)


def test_containerds_store_has_the_tree_that_was_built(containerd: Path) -> None:
    images = read(containerd / "lib", containerd / "ctdroot")

    # 3.07MB, 17.2kB, 26.2kB, 35kB, 34.9kB, 34.9kB and 9.2kB in `docker images`; 24.58kB, 16.38kB and 0B shared.
    assert images.problems == ()
    assert tree(images) == {
        "busybox:local": (None, 3072510, 0),
        "tiny/base:1": (None, 17244, 16384),
        "tiny/mid:k1": ("tiny/base:1", 26214, 24576),
        LEAF1.format("k1"): ("tiny/mid:k1", 35008, 24576),
        "tiny/leaf2:k1": ("tiny/mid:k1", 34879, 24576),
        "57b416": ("tiny/mid:k1", 34897, 24576),
        "tiny/scratch:k1": (None, 9198, 0),
    }
    assert {image.used_by for image in images.images} == {("frozen", "gone", "up"), ("new",), ()}


def test_an_engine_with_containerds_store_says_what_else_to_name(containerd: Path) -> None:
    images = read(containerd / "lib")

    assert images.images == ()
    assert "--containerd-root" in images.notes[0]


def test_a_containerd_that_the_engine_starts_itself_is_found(containerd: Path, tmp_path: Path) -> None:
    shutil.copytree(containerd / "lib", tmp_path / "lib", symlinks=True)
    shutil.copytree(containerd / "ctdroot", tmp_path / "lib/containerd/daemon", symlinks=True)
    report = finish(survey_disk(tmp_path / "lib", None, 0))

    assert len(read(tmp_path / "lib").images) == report.images == 7


def test_containerds_root_may_be_named_alone(containerd: Path) -> None:
    assert len(read(containerd / "ctdroot").images) == 7


def test_a_database_that_cannot_be_read_is_a_problem(containerd: Path, tmp_path: Path) -> None:
    root = tmp_path / "ctdroot"
    shutil.copytree(containerd / "ctdroot", root, symlinks=True)
    (root / "io.containerd.metadata.v1.bolt/meta.db").write_bytes(b"x" * 9000)
    images = read(containerd / "lib", root)

    assert images.images == ()
    assert "not a bbolt database" in images.problems[0]


def test_a_root_with_user_namespaces_lies_below(engine: Path, tmp_path: Path) -> None:
    shutil.copytree(engine, tmp_path / "165536.165536", symlinks=True)

    assert len(read(tmp_path).images) == len(read(engine).images)


# ── what is missing, torn or hostile ─────────────────────────────────────────────────


@pytest.fixture
def broken(engine: Path, tmp_path: Path) -> Path:
    shutil.copytree(engine, tmp_path / "lib", symlinks=True)
    return tmp_path / "lib"


def test_a_layer_that_is_gone_is_a_hole(broken: Path) -> None:
    shutil.rmtree(broken / "image/overlay2/layerdb/sha256")
    images = read(broken)

    assert {layer.problem for image in images.images for layer in image.layers} == {"it is not in layerdb"}
    assert not any(image.complete for image in images.images)


def test_a_name_whose_image_is_gone_is_said(broken: Path) -> None:
    for path in (broken / "image/overlay2/imagedb/content/sha256").glob("b255*"):
        path.unlink()
    images = read(broken)

    assert ["tiny/mid:k0: image sha256:b255" in problem for problem in images.problems] == [True]
    assert "tiny/leaf2:k0" in tree(images)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"Repositories": 7}', '{"Repositories": {"a": {"b": 1}}}'])
def test_names_that_cannot_be_read_leave_the_images(broken: Path, text: str) -> None:
    (broken / "image/overlay2/repositories.json").write_text(text)
    images = read(broken)

    assert len(images.images) == 14
    assert "repositories.json" in images.problems[0]


def test_parents_in_a_circle_are_cut(broken: Path) -> None:
    metadata = broken / "image/overlay2/imagedb/metadata/sha256"
    leaf = next(metadata.glob("e34e0f*"))
    middle = next(metadata.glob("b255299*"))
    (middle / "parent").write_text(f"sha256:{leaf.name}")
    forest = grow(read(broken).images)

    assert "its parents form a circle" in forest.problems[0]
    assert len({found.id for _, found in forest.nodes() if found.image}) == 14


def test_no_link_is_followed(broken: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(json.dumps({"Repositories": {"leaked": {"leaked:1": "sha256:" + A}}}))
    repositories = broken / "image/overlay2/repositories.json"
    repositories.unlink()
    repositories.symlink_to(secret)
    images = read(broken)

    assert not any(image.tags for image in images.images)
    shutil.move(broken / "image", tmp_path / "elsewhere")
    (broken / "image").symlink_to(tmp_path / "elsewhere")
    assert read(broken).images == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="as another user everything is unreadable at once")
def test_what_may_not_be_read_is_named_with_the_cure(broken: Path) -> None:
    (broken / "image/overlay2/imagedb").chmod(0o700)

    def names_the_cure() -> bool:
        problems = read(broken).problems
        return any("permission denied" in each and "CAP_DAC_READ_SEARCH" in each for each in problems)

    assert holds_for_another_user(broken, names_the_cure)


@pytest.mark.parametrize("source", ["/nonexistent", "/etc", "/etc/passwd", "/dev/null"])
def test_what_is_neither_archive_nor_root_is_refused_with_the_cure(source: str) -> None:
    with pytest.raises(ImageError, match=source):
        read(Path(source))


# ── before 1.10 ──────────────────────────────────────────────────────────────────────


def test_a_graph_is_read_with_its_names(tmp_path: Path) -> None:
    root = graph_root(tmp_path, {A: (None, 100), B: (A, 20), C: (B, 3)}, {"web": {"1": C}, "os": {"12.04": A}})
    folder = root / "containers" / D
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"ID": D, "Image": C}))
    linkgraph(root, [("0", D, "shop"), (D, A, "alias")])
    images = read(root)

    assert images.source == "aufs graph"
    assert tree(images) == {"os:12.04": (None, 100, 100), B[7:13]: ("os:12.04", 120, 120), "web:1": (B[7:13], 123, 100)}
    assert [image.used_by for image in images.images if image.id == C] == [("shop",)]


def test_a_layer_that_only_linkgraph_knows_is_taken_from_it(tmp_path: Path) -> None:
    root = graph_root(tmp_path, {A: (None, 100), C: (B, 3)}, {"web": {"1": C}})
    linkgraph(root, [("0", D, "shop"), (A, B, "layer")])
    images = read(root)

    assert f"layer {B[:12]} is not in graph/: its parent is taken from linkgraph.db" in images.notes
    assert "1 layers of graph/ are not in linkgraph.db: their parents are taken from graph/" in images.notes
    assert tree(images)["web:1"] == (B[7:13], 103, 0)
    assert not next(image for image in images.images if image.id == C).complete


def test_a_torn_json_is_replaced_by_what_aufs_knows(tmp_path: Path) -> None:
    root = graph_root(tmp_path, {A: (None, 100), B: (A, 20)}, {"web": {"1": B}})
    (root / "graph" / B / "json").write_text("{")
    layers = root / "aufs" / "layers"
    layers.mkdir(parents=True)
    (layers / B).write_text(f"{A}\n")
    images = read(root)

    assert "its parent is taken from aufs/layers" in images.notes[0]
    assert tree(images)["web:1"] == (A[7:13], 120, 0)


def test_a_torn_linkgraph_is_a_problem_and_no_more(tmp_path: Path) -> None:
    root = graph_root(tmp_path, {A: (None, 100)}, {"os": {"1": A}})
    (root / "linkgraph.db").write_bytes(b"SQLite format 3\0" + b"x" * 500)
    images = read(root)

    assert "linkgraph.db" in images.problems[0]
    assert tree(images) == {"os:1": (None, 100, 0)}
    assert sorted(path.name for path in root.iterdir()) == ["graph", "linkgraph.db", "repositories-aufs"]


def test_the_json_of_a_layer_may_come_from_another_engine(tmp_path: Path) -> None:
    root = graph_root(tmp_path, {A: (None, 100)}, {})
    (root / "graph" / A / "json").write_text(json.dumps(node(A, None, Size=5, config=None)))
    (root / "graph" / A / "layersize").unlink()

    assert read(root).images[0].size == 5


# ── finding one ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "wanted", ["tiny/mid:k0", "b2552998558d", "sha256:b2552998558d16f0073684c0c332b4039f5b7d709e1cbcb3acfa9aa1decd4597"]
)
def test_an_image_is_found_by_name_and_id(engine: Path, wanted: str) -> None:
    images = read(engine)

    assert images.images[find(images, wanted)].tags == ("tiny/mid:k0",)


@pytest.mark.parametrize(
    ("wanted", "message"), [("nothing", "no image 'nothing'"), ("b", "ambiguous"), ("", "no image")]
)
def test_what_is_not_one_image_is_said(engine: Path, wanted: str, message: str) -> None:
    images = read(engine)

    with pytest.raises(ImageError, match=message):
        find(images, wanted)
