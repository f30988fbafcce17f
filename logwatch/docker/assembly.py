"""Puts an image together from its configuration and the files of its layers."""

from __future__ import annotations

from collections.abc import Sequence

from logwatch.docker.contents import Files
from logwatch.docker.descriptions import describe
from logwatch.docker.images import SHA256, Description, Image, Layer, chain_ids


def blob_name(digest: str) -> str:
    """Where an OCI layout keeps a blob.

    >>> blob_name("sha256:ab")
    'blobs/sha256/ab'
    """
    return f"blobs/{digest.replace(':', '/', 1)}"


def config_id(name: str) -> str:
    """The digest that a configuration's file is named by: `<hex>.json` or `blobs/sha256/<hex>`."""
    return SHA256 + name.rpartition("/")[2].removesuffix(".json")


def assemble(files: Files, config: str, layer_names: Sequence[str], image_id: str) -> Image:
    """Build an image; what is missing or makes no sense stands in its `problem`."""
    text = files.document(config)
    description = files.absence(config) if text is None else describe(text)
    if isinstance(description, str):
        what = f"its configuration cannot be read: {description}"
        description = Description()
    elif len(description.diff_ids) != len(layer_names):
        what = f"it lists {len(layer_names)} layers, its configuration {len(description.diff_ids)}"
    else:
        what = ""
    ids = chain_ids(description.diff_ids)
    layers = tuple(
        _layer(files, name, ids[place] if place < len(ids) else name) for place, name in enumerate(layer_names)
    )
    return Image(id=image_id, layers=layers, description=description, problem=what or None)


def _layer(files: Files, name: str, layer_id: str) -> Layer:
    found = files.layer(name)
    if found is None:
        return Layer(layer_id, None, problem="it is not in the archive")
    return Layer(layer_id, found.size, found.stored, found.disk, found.problem)
