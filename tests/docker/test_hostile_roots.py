"""Data directories with files that are gone, torn, replaced or links: a report with problems, never an exception."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from imagefiles import graph_root, linkgraph, unpack

from logwatch.docker.disk import survey_disk
from logwatch.docker.image_source import read_images
from logwatch.docker.tree import grow
from logwatch.docker.usage import finish
from logwatch.errors import ImageError

SECRET = "what lies outside of the data directory"
DAMAGES = ("remove", "empty", "cut", "junk", "link", "folder", "pipe")


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("roots")
    old = folder / "old"
    ids = [digit * 64 for digit in "abc"]
    graph_root(old, {ids[0]: (None, 100), ids[1]: (ids[0], 20), ids[2]: (ids[1], 3)}, {"web": {"1": ids[2]}})
    linkgraph(old, [("0", "d" * 64, "web")])
    (old / "containers").mkdir()
    return {
        "overlay2": unpack("docker-20.10.5-root", folder / "overlay2"),
        "containerd": unpack("docker-26.1.5-containerd-root", folder / "containerd"),
        "graph": old,
    }


def damage(path: Path, how: str, outside: Path) -> None:
    content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    if how == "folder":
        path.mkdir()
    elif how == "link":
        path.symlink_to(outside)
    elif how == "pipe":
        os.mkfifo(path)
    elif how != "remove":
        path.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "junk": os.urandom(64)}[how])


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_reported_and_nothing_else(roots: dict[str, Path], tmp_path: Path, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(roots)))
    root = tmp_path / "root"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(roots[kind], root, symlinks=True)
    outside = tmp_path / "outside"
    outside.write_text(f'{{"Repositories": {{"{SECRET}": {{"{SECRET}:1": "sha256:{"a" * 64}"}}}}}}')
    paths = sorted(path for path in root.rglob("*") if path.name not in {"lib", "ctdroot"})
    for place in data.draw(st.lists(st.integers(0, len(paths) - 1), min_size=1, max_size=8, unique=True)):
        if os.path.lexists(paths[place]):
            damage(paths[place], data.draw(st.sampled_from(DAMAGES)), outside)
    docker = root / "lib" if kind != "graph" else root
    store = root / "ctdroot" if kind == "containerd" else None

    try:
        images = read_images(str(docker), store, abs)
        report = finish(survey_disk(docker, store, 0))
    except ImageError:
        return  # nothing is left that looks like a data directory
    grow(images.images)
    assert SECRET not in repr((images, report))


def test_a_root_that_is_removed_while_it_is_measured_is_no_error(roots: dict[str, Path], tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree(roots["overlay2"] / "lib", root, symlinks=True)
    steps = survey_disk(root, None, 0)
    for _ in range(6):
        next(steps)
    shutil.rmtree(root)

    assert finish(steps).problems == ()
