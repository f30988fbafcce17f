"""Reads the images of whatever a path or standard input holds: archive, layout, DOCKER_ROOT, containerd's root."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from logwatch.docker import containerd, graph, imagedb
from logwatch.docker.archives import read_archive, read_folder
from logwatch.docker.bytestream import Advance, from_descriptor
from logwatch.docker.containers import REMAPPED, stored
from logwatch.docker.drivers import DRIVERS
from logwatch.docker.folder import GRANT, Folder
from logwatch.docker.graph import read_links
from logwatch.docker.images import Image, Images
from logwatch.docker.saved import interpret, merge
from logwatch.errors import ImageError

STDIN = "-"
LAYOUTS = ("oci-layout", "index.json", "manifest.json", "repositories")
ROOTS = {
    "image",
    "graph",
    "containers",
    "volumes",
    "buildkit",
    "network",
    *(driver.folder[0] for driver in DRIVERS.values()),
}


def read_images(source: str, containerd_root: Path | None, advance: Advance) -> Images:
    """Read all images; `advance` is called with the bytes of an archive that were read.

    Raises ImageError where the source cannot be opened or holds nothing of the kind.
    """
    path = Path(source)
    if source == STDIN:
        found = interpret(read_archive(from_descriptor(0, advance)))
    elif path.is_dir():
        found = _from_folder(path, containerd_root)
    else:
        found = _from_file(source, advance)
    if not found.images and found.source == "no image archive":
        cause = found.problems[0] if found.problems else "neither manifest.json, index.json nor layers are in it"
        raise ImageError(
            f"{source}: not an image archive: {cause}: name what docker save, skopeo or podman wrote, "
            "an OCI layout, or Docker's data directory"
        )
    return found


def _from_file(source: str, advance: Advance) -> Images:
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        cure = f": {GRANT}" if isinstance(error, PermissionError) else ""
        raise ImageError(f"{source}: cannot be opened: {error.strerror}{cure}") from None
    try:
        return interpret(read_archive(from_descriptor(descriptor, advance)))
    finally:
        os.close(descriptor)


def _from_folder(path: Path, containerd_root: Path | None) -> Images:
    folder = Folder(path)
    names = set(folder.names())
    if folder.problems:
        raise ImageError(folder.problems[0])
    if names & set(LAYOUTS) and not _is_root(names):
        return interpret(read_folder(str(path)))
    if containerd.is_present(folder):
        return _engine([], folder)
    roots = engine_roots(path)
    if not roots:
        raise ImageError(
            f"{path}: neither an image layout (index.json, manifest.json) nor Docker's data directory (image/, graph/, "
            "containers/): name one of them; `docker info` prints the data directory as Docker Root Dir"
        )
    store = containerd_root or containerd.managed(roots[0])
    return _engine(roots, Folder(store) if store else None)


def engine_roots(path: Path) -> list[Folder]:
    """The data directories below a path: itself, and those of engines with userns-remap (`<uid>.<gid>/`)."""
    names = Folder(path).names()
    inner = [path / name for name in names if REMAPPED.fullmatch(name)]
    return [Folder(each) for each in (path, *inner) if _is_root(set(Folder(each).names()))]


def _is_root(names: set[str]) -> bool:
    """Whether these are names in a data directory: /etc, for one, has `containers` as well."""
    return len(names & ROOTS) > 1 or ("graph" in names and any(each.startswith("repositories-") for each in names))


def _engine(roots: list[Folder], store: Folder | None) -> Images:
    """The images of engines: their own stores, and containerd's where its root is given."""
    found: list[Image] = []
    kinds, notes = list[str](), list[str]()
    users: dict[str, tuple[str, ...]] = {}
    for root in roots:
        for image_id, names in _users(root).items():
            users[image_id] = (*users.get(image_id, ()), *names)
    for root in roots:
        for driver in imagedb.drivers(root):
            found += imagedb.read(root, driver, users)
            kinds.append(f"{driver} image store")
        for driver in graph.drivers(root):
            found += graph.read(root, driver, users, notes)
            kinds.append(f"{driver} graph")
    problems = [problem for root in roots for problem in root.problems]
    if store is not None:
        found += containerd.images(store, users, notes)
        kinds.append("containerd image store")
        problems += store.problems
    elif not kinds:
        notes.append(containerd.NOT_NAMED)
    return Images(" and ".join(kinds) or "no image store", merge(found), tuple(problems), tuple(notes))


def _users(root: Folder) -> Mapping[str, tuple[str, ...]]:
    """Names of containers by the image that each was made from; linkgraph.db knows names that files lack."""
    names = read_links(root).names
    users: dict[str, tuple[str, ...]] = {}
    for container in stored(root):
        name = container.name.removeprefix("/") or names.get(container.id) or container.called
        users[container.image_id] = (*users.get(container.image_id, ()), name)
    return {image_id: tuple(sorted(found)) for image_id, found in users.items()}


def find(images: Images, wanted: str) -> int:
    """The place of the one image of this name, id, digest or beginning of either; raises ImageError."""
    name = wanted if ":" in wanted.rpartition("/")[2] else f"{wanted}:latest"
    digits = wanted.removeprefix("sha256:")
    exact = [place for place, image in enumerate(images.images) if {wanted, name} & set(image.tags)]
    if not exact:
        exact = [
            place
            for place, image in enumerate(images.images)
            if any(each and each.removeprefix("sha256:").startswith(digits) for each in (image.id, image.digest))
        ]
    if not exact or not digits:
        raise ImageError(f"no image {wanted!r} here: `logwatch images tree` lists names and ids")
    if len(exact) > 1:
        ids = ", ".join(images.images[place].id for place in exact[:5])
        raise ImageError(f"{wanted!r} is ambiguous: {ids}: give more digits")
    return exact[0]
