"""OCI image layouts: `index.json`, nested indexes, manifests, attestations.

Formats: `image-layout.md`, `image-index.md` and `manifest.md` of the OCI image specification; the
schema 2 of Docker's registry has the same keys. Names are annotations: containerd and engines since
25 write the whole name under `io.containerd.image.name`, skopeo and podman under
`org.opencontainers.image.ref.name`, where engines write only the tag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from pydantic import Field

from logwatch.docker.assembly import assemble, blob_name
from logwatch.docker.contents import Files
from logwatch.docker.descriptions import MOST_LAYERS, Outside, parse
from logwatch.docker.images import Image, familiar, short

INDEX = "index.json"
DEEPEST = 8
MOST_MANIFESTS = 5000
_FULL_NAME = "io.containerd.image.name"
_REFERENCE = "org.opencontainers.image.ref.name"
_ATTESTATION = "vnd.docker.reference.type"
_CONFIGURATIONS = ("application/vnd.oci.image.config", "application/vnd.docker.container.image")


class _Platform(Outside):
    os: str = ""
    architecture: str = ""
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


class Descriptor(Outside):
    """A reference to a blob."""

    digest: str = Field(pattern=r"^[a-z0-9+._-]+:[0-9a-f]{32,128}$")
    media_type: str = Field(default="", alias="mediaType")
    size: int = Field(default=0, ge=0)
    annotations: dict[str, str] | None = None
    platform: _Platform | None = None

    def annotation(self, key: str) -> str:
        """The value of an annotation, or nothing."""
        return (self.annotations or {}).get(key, "")


class Manifest(Outside):
    """A manifest or an index: both may lack a media type, so their keys decide."""

    manifests: list[Descriptor] | None = Field(default=None, max_length=MOST_MANIFESTS)
    config: Descriptor | None = None
    layers: list[Descriptor] | None = Field(default=None, max_length=MOST_LAYERS)


class Layout:
    """Reads the images of a layout; `problems` and `notes` collect what is to be said about it."""

    def __init__(self, files: Files, place: Callable[[str], str] = blob_name) -> None:
        self._files = files
        self._place = place
        self.problems: list[str] = []
        self.notes: list[str] = []

    def images(self) -> Iterator[Image]:
        """Yield an image for each name, platform and manifest that the index reaches."""
        index = self.manifest(INDEX)
        for top in (index and index.manifests) or ():
            name = familiar(top.annotation(_FULL_NAME) or top.annotation(_REFERENCE))
            for _, image in self.below(top):
                yield replace(image, tags=(name,) if name else ())

    def below(self, top: Descriptor) -> Iterator[tuple[str, Image]]:
        """Yield digest of the manifest and image for each image that a manifest or index names."""
        for descriptor, manifest in self._manifests(top):
            image = self.image(manifest, descriptor)
            if image is not None:
                yield descriptor.digest, replace(image, digest=top.digest)

    def image(self, manifest: Manifest, descriptor: Descriptor | None = None) -> Image | None:
        """Build the image of a manifest; None where it describes something else (an attestation, a chart)."""
        config = manifest.config
        kind = config.media_type if config else "no configuration"
        if config is None or manifest.layers is None or (kind and not kind.startswith(_CONFIGURATIONS)):
            self.notes.append(f"{short(descriptor.digest) if descriptor else 'manifest'} is not an image: {kind}")
            return None
        names = [self._place(layer.digest) for layer in manifest.layers]
        image = assemble(self._files, self._place(config.digest), names, config.digest)
        stored = config.size + sum(layer.size for layer in manifest.layers)
        return replace(image, stored=stored + (descriptor.size if descriptor else 0))

    def manifest(self, name: str) -> Manifest | None:
        """Read a manifest or index; None where it cannot be read, which is noted."""
        text = self._files.document(name)
        found = self._files.absence(name) if text is None else parse(Manifest, text)
        if isinstance(found, str):
            self.problems.append(f"{name}: {found}")
            return None
        return found

    def _manifests(self, top: Descriptor) -> Iterator[tuple[Descriptor, Manifest]]:
        """Yield the manifests below an entry of the index; a blob that names itself is visited once."""
        work, seen = [(top, 0)], {top.digest}
        while work:
            descriptor, depth = work.pop()
            if _is_attestation(descriptor):
                continue
            name = self._place(descriptor.digest)
            if descriptor is not top and self._files.document(name) is None:
                platform = str(descriptor.platform or "") or "another platform"
                self.notes.append(f"{short(descriptor.digest)} for {platform} is named, but not in the archive")
                continue
            found = self.manifest(name)
            if found is None:
                continue
            if found.manifests is None:
                yield descriptor, found
                continue
            if depth >= DEEPEST or len(seen) > MOST_MANIFESTS:
                self.problems.append(f"{descriptor.digest}: indexes nest too deep or name too many manifests")
                continue
            below = [each for each in reversed(found.manifests) if each.digest not in seen]
            seen.update(each.digest for each in below)
            work += [(each, depth + 1) for each in below]


def _is_attestation(descriptor: Descriptor) -> bool:
    """Whether it says something about an image (provenance, bill of materials) and is none."""
    return bool(descriptor.annotation(_ATTESTATION)) or str(descriptor.platform or "") == "unknown/unknown"
