"""What an image is: layers, tags, parent, configuration, history; wherever it was read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

SHA256 = "sha256:"


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of an image."""

    id: str
    """Its ChainID, which also says what is below it; in the first format the layer's own id."""
    size: int | None
    """Bytes it adds to an image as the engine that keeps it counts them; None: unknown."""
    stored: int | None = None
    """Bytes of its file in an archive or a content store, mostly compressed."""
    disk: int | None = None
    """Estimate of what it takes unpacked on a file system with blocks of 4 KiB."""
    problem: str | None = None
    """Why its size is unknown."""


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of an image's history."""

    created_ns: int
    created_by: str
    comment: str
    layer: Layer | None
    """The layer that it made; None: it changed only the configuration."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a container of the image runs."""

    hostname: str = ""
    domain: str = ""
    user: str = ""
    environment: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    working_dir: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    network_disabled: bool = False
    stop_signal: str = ""


@dataclass(frozen=True, slots=True)
class Description:
    """What an image's configuration document says."""

    parent: str | None = None
    created_ns: int = 0
    author: str = ""
    comment: str = ""
    architecture: str = ""
    os: str = ""
    docker_version: str = ""
    container: str = ""
    """The container it was made from, by engines that note it."""
    settings: Settings = Settings()
    made_by: tuple[str, ...] = ()
    """The command that made the topmost layer."""
    diff_ids: tuple[str, ...] = ()
    history: tuple[tuple[int, str, str, bool], ...] = ()
    """Created (ns), created by, comment, and whether it made no layer."""
    size: int | None = None
    """Of the topmost layer, in the first format."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image for one platform."""

    id: str
    """As the engine that keeps it names it; of archives the digest of the configuration."""
    layers: tuple[Layer, ...]
    """From the lowest to the topmost."""
    tags: tuple[str, ...] = ()
    digest: str | None = None
    """Of the manifest or index that names it, where there is one."""
    parent: str | None = None
    """Id of the image it was made from, where that was recorded."""
    description: Description = Description()
    stored: int = 0
    """Bytes of its manifest, configuration and layers, mostly compressed, where they are kept as blobs."""
    content: int = 0
    """What of `stored` the engine counts as the image's size: all with containerd's image store."""
    used_by: tuple[str, ...] = ()
    """Names of containers."""
    problem: str | None = None

    @property
    def size(self) -> int:
        """What is known of its size: layers and content."""
        return self.content + sum(layer.size or 0 for layer in self.layers)

    @property
    def complete(self) -> bool:
        """Whether all of its parts could be read."""
        return self.problem is None and all(layer.size is not None for layer in self.layers)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Its history from the oldest step on, with the layer that each step made."""
        layers = iter(self.layers)
        steps = [
            Step(created_ns, created_by, comment, None if empty else next(layers, None))
            for created_ns, created_by, comment, empty in self.description.history
        ]
        return (*steps, *(Step(0, "", "", layer) for layer in layers))


@dataclass(frozen=True, slots=True)
class Images:
    """All images of one source."""

    source: str
    """What it was read from, in words: `docker save archive`, `overlay2 image store`."""
    images: Sequence[Image]
    problems: Sequence[str] = ()
    """What could not be read or makes no sense; the images without it are here all the same."""
    notes: Sequence[str] = ()
    """Remarks that are not faults."""


def chain_ids(diff_ids: Sequence[str]) -> tuple[str, ...]:
    """The ChainID of each layer, by the OCI image specification (`config.md`, Layer ChainID)."""
    chain: list[str] = []
    for diff_id in diff_ids:
        text = f"{chain[-1]} {diff_id}" if chain else diff_id
        chain.append(SHA256 + sha256(text.encode("utf-8", "surrogateescape")).hexdigest() if chain else diff_id)
    return tuple(chain)


def short(name: str) -> str:
    """An id as people read it: without `sha256:`, 12 digits."""
    return name.removeprefix(SHA256)[:12]


def familiar(reference: str) -> str:
    """A reference as `docker images` prints it: without the default registry and its `library/`.

    >>> familiar("docker.io/library/busybox:1")
    'busybox:1'
    """
    return reference.removeprefix("docker.io/").removeprefix("library/")
