"""Where each storage driver keeps its layers below DOCKER_ROOT.

Names of layers there: `cache-id` in `image/<driver>/layerdb/sha256/<ChainID>/`, `mount-id` in
`layerdb/mounts/<container>/`; before 1.10 the ids of layers and containers themselves. A
container has a second one, `<mount-id>-init`, for what the engine puts into it. BuildKit names its own by
25 letters and digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from logwatch.docker.folder import Folder

LAYER = re.compile(r"[0-9a-f]{64}(?:-init)?|[0-9a-z]{25}")
BUILDKIT = re.compile(r"[0-9a-z]{25}")
INIT = "-init"


@dataclass(frozen=True, slots=True)
class Driver:
    """A storage driver."""

    folder: tuple[str, ...]
    """Of its layers, below DOCKER_ROOT."""
    inner: str | None = None
    """The folder of a layer that holds its files; None: the layer's folder itself."""
    measured: bool = True
    """Whether a layer's files show what it takes."""
    note: str | None = None

    def path(self, layer: str) -> tuple[str, ...]:
        """Where a layer's files are."""
        return (*self.folder, layer) if self.inner is None else (*self.folder, layer, self.inner)

    def layers(self, root: Folder) -> list[str]:
        """The layers that are there."""
        return [name for name in root.names(*self.folder) if LAYER.fullmatch(name)]


DRIVERS: Mapping[str, Driver] = {
    "overlay2": Driver(("overlay2",), "diff"),
    "fuse-overlayfs": Driver(("fuse-overlayfs",), "diff"),
    "overlay": Driver(("overlay",), "upper"),
    "aufs": Driver(("aufs", "diff")),
    "vfs": Driver(("vfs", "dir"), note="vfs copies every layer whole: images share no bytes on this disk"),
    "btrfs": Driver(
        ("btrfs", "subvolumes"),
        note="btrfs shares blocks between layers: `btrfs filesystem du` shows what is exclusive",
    ),
    "zfs": Driver(
        ("zfs", "graph"), measured=False, note="zfs keeps layers as datasets: `zfs list -t all` shows their sizes"
    ),
    "devicemapper": Driver(
        ("devicemapper", "metadata"),
        measured=False,
        note="devicemapper keeps layers in a thin pool: only the pool as a whole shows here",
    ),
}
"""Drivers of engines since 0.7; `windowsfilter` and others have no DOCKER_ROOT on Linux."""


def present(root: Folder, known: Iterable[str]) -> list[str]:
    """The drivers that have anything here: an image store, or layers."""
    names = set(root.names())
    folders = [name for name, driver in DRIVERS.items() if driver.folder[0] in names]
    return list(dict.fromkeys((*known, *folders)))
