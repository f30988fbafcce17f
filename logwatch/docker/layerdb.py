"""The engine's notes about layers on disk: `image/<driver>/layerdb/` in DOCKER_ROOT.

sha256/<ChainID>/{cache-id,size,parent}   layers of images, also while no image has them
mounts/<container>/{mount-id,parent}      what a container's own layer lies on
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from logwatch.docker.folder import Folder
from logwatch.docker.imagedb import LAYERS, STORE
from logwatch.docker.images import SHA256

MOUNTS = ("layerdb", "mounts")


@dataclass(frozen=True, slots=True)
class Record:
    """A layer that the engine notes."""

    cache: str
    """Its name in the driver's folder."""
    size: int
    parent: str
    """The ChainID below it, or nothing."""


def read(root: Folder, driver: str) -> dict[str, Record]:
    """ChainID to what is noted."""
    found = {}
    for digits in root.names(STORE, driver, *LAYERS):
        place = (STORE, driver, *LAYERS, digits)
        size = root.text(*place, "size")
        number = int(size) if size.isdecimal() and len(size) < 20 else 0
        found[SHA256 + digits] = Record(root.text(*place, "cache-id"), number, root.text(*place, "parent"))
    return found


def below(root: Folder, driver: str, container: str, records: Mapping[str, Record]) -> Iterator[str]:
    """Yield the ChainIDs that a container's own layer lies on, from the topmost down."""
    here = root.text(STORE, driver, *MOUNTS, container, "parent")
    seen = set()
    while here in records and here not in seen:
        seen.add(here)
        yield here
        here = records[here].parent
