"""What the engine's disk holds: by kind, by driver, by owner, and what could be freed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What something on the disk is."""

    IMAGE_LAYERS = "image_layers"
    IMAGE_CONTENT = "image_content"
    """Compressed layers and manifests in containerd's content store."""
    WRITABLE_LAYERS = "writable_layers"
    """What containers wrote."""
    VOLUMES = "volumes"
    BUILD_CACHE = "build_cache"
    CONTAINER_LOGS = "container_logs"
    DANGLING_LAYERS = "dangling_layers"
    """Layers on disk that neither an image, a container nor the build cache refers to."""


LOOK_FIRST = "the engine does not know it: look at it before you remove it while the engine is stopped"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that takes space."""

    kind: Kind
    driver: str
    id: str
    owner: str
    """Names of images, a container or a volume."""
    size: int
    """As the engine counts."""
    reclaim: str | None = None
    """The command that frees it; None while it is in use."""
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Pool:
    """One half of devicemapper's thin pool, kept in a sparse file."""

    kind: str
    """`pool_data` or `pool_metadata`."""
    allocated: int
    limit: int
    """The file's apparent size."""


@dataclass(frozen=True, slots=True)
class FileSystem:
    """A file system that the engine's data lies on."""

    mountpoint: str
    size: int
    available: int
    """To others than root."""


@dataclass(frozen=True, slots=True)
class Writable:
    """What a container wrote, and how much it may write."""

    name: str
    size: int
    limit: int | None
    log_size: int


@dataclass(frozen=True, slots=True)
class Report:
    """All of it, at one time."""

    drivers: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()
    containers: tuple[Writable, ...] = ()
    pools: tuple[Pool, ...] = ()
    file_systems: tuple[FileSystem, ...] = ()
    base_size: int | None = None
    """What devicemapper allows each container."""
    images: int = 0
    layers: int = 0
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def totals(self) -> Mapping[tuple[str, Kind], int]:
        """Bytes by driver and kind; 0 for kinds that a driver has nothing of."""
        return self._add_up(reclaimable=False)

    def reclaimable(self) -> Mapping[tuple[str, Kind], int]:
        """What of it nothing uses."""
        return self._add_up(reclaimable=True)

    def largest(self, kind: Kind, number: int) -> list[Item]:
        """The largest of a kind."""
        return sorted((item for item in self.items if item.kind is kind), key=lambda item: (-item.size, item.id))[
            :number
        ]

    def _add_up(self, *, reclaimable: bool) -> Mapping[tuple[str, Kind], int]:
        found: Counter[tuple[str, Kind]] = Counter({(driver, kind): 0 for driver in self.drivers for kind in Kind})
        for item in self.items:
            if not reclaimable or item.reclaim:
                found[item.driver, item.kind] += item.size
        return found
