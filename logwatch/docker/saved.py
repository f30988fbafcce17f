"""Which images an archive holds, whatever wrote it.

Looked at in this order: `manifest.json` of `docker save` since 1.10 (also of skopeo, podman and
buildx as `docker-archive`), the `index.json` of an OCI layout, which engines since 25 write beside
it, the manifest of skopeo's `dir:`, and the folders of the first format.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Annotated

from pydantic import Field, RootModel

from logwatch.docker import firstformat
from logwatch.docker.assembly import assemble, config_id
from logwatch.docker.contents import Contents
from logwatch.docker.descriptions import MOST_LAYERS, Outside, parse
from logwatch.docker.images import Image, Images, familiar
from logwatch.docker.oci import INDEX, Layout, Manifest

MANIFEST = "manifest.json"
MOST_IMAGES = 5000
MOST_LAYER_USES = 200_000
"""Layers of all images together, each counted as often as it is used."""


class _Saved(Outside):
    config: str = Field(alias="Config")
    tags: list[str] | None = Field(default=None, alias="RepoTags")
    layers: list[str] | None = Field(default=None, alias="Layers", max_length=MOST_LAYERS)
    parent: str | None = Field(default=None, alias="Parent")


class _AllSaved(RootModel[Annotated[list[_Saved], Field(max_length=MOST_IMAGES)]]):
    """`manifest.json`: an entry for each image."""


def interpret(contents: Contents) -> Images:
    """Find the images in what was read."""
    text = contents.document(MANIFEST)
    layout = Layout(contents)
    problems, images, kinds = list(contents.problems), [], []
    if text is not None and not text.lstrip().startswith(b"{"):
        found = parse(_AllSaved, text)
        if isinstance(found, str):
            problems.append(f"{MANIFEST}: {found}")
        else:
            images += list(_saved(contents, found.root, problems))
            kinds.append("docker save archive")
    elif text is not None:
        images += _copied(contents, layout)
        kinds.append("folder of skopeo (dir:)")
    if contents.document(INDEX) is not None:
        images += layout.images()
        kinds.append("OCI layout")
    elif not images and firstformat.is_present(contents):
        first, more = firstformat.read(contents)
        images, problems = first, problems + more
        kinds.append("docker save archive of the first format")
    return Images(
        " and ".join(kinds) or "no image archive", merge(images), (*problems, *layout.problems), tuple(layout.notes)
    )


def _saved(contents: Contents, entries: Iterable[_Saved], problems: list[str]) -> Iterator[Image]:
    uses = 0
    for entry in entries:
        uses += len(entry.layers or ()) + 1
        if uses > MOST_LAYER_USES:
            problems.append(f"{MANIFEST}: more than {MOST_LAYER_USES} layers: the rest is ignored")
            return
        image = assemble(contents, entry.config, entry.layers or (), config_id(entry.config))
        tags = tuple(familiar(tag) for tag in entry.tags or ())
        yield replace(image, tags=tags, parent=entry.parent or image.description.parent)


def _copied(contents: Contents, layout: Layout) -> list[Image]:
    """The one image of `skopeo copy … dir:`, whose blobs are named by their digests' digits."""
    flat = Layout(contents, lambda digest: digest.partition(":")[2])
    manifest: Manifest | None = flat.manifest(MANIFEST)
    image = flat.image(manifest) if manifest else None
    layout.problems += flat.problems
    layout.notes += flat.notes
    return [image] if image else []


def merge(images: Iterable[Image]) -> tuple[Image, ...]:
    """Make one of what is said of an image in several places: under several names, in manifest and index."""
    merged: dict[str, Image] = {}
    for image in images:
        known = merged.setdefault(image.id, image)
        merged[image.id] = replace(
            known,
            tags=tuple(sorted({*known.tags, *image.tags})),
            digest=known.digest or image.digest,
            stored=max(known.stored, image.stored),
        )
    return tuple(merged.values())
