"""The image store of engines since 1.10: `image/<driver>/` in DOCKER_ROOT.

repositories.json                       names and digests to image ids
imagedb/content/sha256/<id>             configurations
imagedb/metadata/sha256/<id>/parent     of the classic builder
layerdb/sha256/<ChainID>/size           bytes of a layer's files
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from logwatch.docker.descriptions import describe
from logwatch.docker.firstformat import tags_by_id
from logwatch.docker.folder import Folder
from logwatch.docker.images import SHA256, Description, Image, Layer, chain_ids

STORE = "image"
IMAGES = ("imagedb", "content", "sha256")
LAYERS = ("layerdb", "sha256")


def drivers(root: Folder) -> list[str]:
    """The storage drivers that have an image store here; a host that changed drivers has several."""
    return [driver for driver in root.names(STORE) if root.names(STORE, driver, "imagedb")]


def read(root: Folder, driver: str, users: Mapping[str, tuple[str, ...]]) -> list[Image]:
    """Read the images of one driver; `users` are the names of containers by image id."""
    tags = repository_tags(root, STORE, driver, "repositories.json")
    sizes: dict[str, int | None] = {}
    images = []
    for digits in root.names(STORE, driver, *IMAGES):
        image_id = SHA256 + digits
        text = root.read(STORE, driver, *IMAGES, digits)
        if text is None:
            continue
        description = describe(text)
        if isinstance(description, str):
            images.append(Image(image_id, (), problem=f"its configuration cannot be read: {description}"))
            continue
        names = tags.get(image_id, ())
        image = Image(image_id, _layers(root, driver, description, sizes), description=description)
        parent = root.text(STORE, driver, "imagedb", "metadata", "sha256", digits, "parent")
        digest = next((name.partition("@")[2] for name in names if "@" in name), None)
        tagged = tuple(name for name in names if "@" not in name)
        images.append(
            replace(image, tags=tagged, digest=digest, parent=parent or None, used_by=users.get(image_id, ()))
        )
    missing = tags.keys() - {image.id for image in images}
    for image_id in sorted(missing):
        root.note(f"{', '.join(tags[image_id])}: image {image_id} is not there")
    return images


def repository_tags(root: Folder, *path: str) -> Mapping[str, tuple[str, ...]]:
    """The names of images by id; none where the file cannot be read, which is noted."""
    text = root.read(*path)
    if text is None:
        return {}
    tags = tags_by_id(text)
    if isinstance(tags, str):
        root.note(f"{root.path.joinpath(*path)}: {tags}")
        return {}
    return tags


def _layers(root: Folder, driver: str, description: Description, sizes: dict[str, int | None]) -> tuple[Layer, ...]:
    layers = []
    for chain_id in chain_ids(description.diff_ids):
        if chain_id not in sizes:
            text = root.text(STORE, driver, *LAYERS, chain_id.removeprefix(SHA256), "size")
            sizes[chain_id] = int(text) if text.isdecimal() and len(text) < 20 else None
        size = sizes[chain_id]
        layers.append(Layer(chain_id, size, problem=None if size is not None else "it is not in layerdb"))
    return tuple(layers)
