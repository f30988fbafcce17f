"""devicemapper's thin pool as its files show it: `devicemapper/` below DOCKER_ROOT.

    devicemapper/data, metadata   sparse files on loop devices: their apparent size is the limit
                                  (100 GiB and 2 GiB unless dm.loopdatasize says otherwise)
    metadata/base                 {"size": 10737418240}: what each container may take (dm.basesize)
    metadata/<id>                 {"device_id": 2, "size": …}

With direct-lvm there are no such files: the pool is a logical volume, whose use only `lvs` shows.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from pydantic import Field

from logwatch.docker.descriptions import Outside, parse
from logwatch.docker.folder import Folder
from logwatch.docker.storage import Pool
from logwatch.docker.usage import BLOCK

NAME = "devicemapper"
FILES = {"data": "pool_data", "metadata": "pool_metadata"}
DIRECT = "direct-lvm: the thin pool is a logical volume: `lvs -o+data_percent,metadata_percent` shows what is used"


class _Device(Outside):
    size: int = Field(default=0, ge=0)


@dataclass(frozen=True, slots=True)
class ThinPool:
    """What can be known of it."""

    pools: tuple[Pool, ...]
    base_size: int | None
    note: str | None


def read(root: Folder) -> ThinPool | None:
    """Read the pool; None where the driver was never used."""
    if not root.names(NAME):
        return None
    pools = []
    for file, kind in FILES.items():
        status = root.status(NAME, NAME, file)
        if status is not None:
            pools.append(Pool(kind, status.st_blocks * BLOCK, status.st_size))
    return ThinPool(tuple(pools), device_size(root, "base"), None if pools else DIRECT)


def device_size(root: Folder, device: str) -> int | None:
    """The size of a device, as its metadata notes it."""
    text = root.read(NAME, "metadata", device, most=1 << 16)
    found = None if text is None else parse(_Device, text)
    return found.size or None if isinstance(found, _Device) else None


def mounted_use(root: Folder, mount: str) -> int | None:
    """What is used of a container's file system, if it is mounted and we see that."""
    path = root.path / NAME / "mnt" / mount
    try:
        if path.stat(follow_symlinks=False).st_dev == path.parent.stat().st_dev:
            return None
        found = os.statvfs(path)
    except OSError:
        return None
    return (found.f_blocks - found.f_bfree) * found.f_frsize
