"""The log of one container: where the engine's drivers keep it, and what reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from logwatch.docker.containers import FOLDER
from logwatch.docker.last_words import LOCAL_LOGS
from logwatch.model import SourceStatus
from logwatch.sources.content import Disk
from logwatch.sources.followed_file import FollowedFile
from logwatch.sources.generations import InodeOwners
from logwatch.sources.local_log import LocalLog
from logwatch.sources.open_file import Options

JSON = "-json.log"
NO_FILE = (0, 0)


@dataclass(slots=True, eq=False)
class ContainerLog:
    """The log of one container."""

    id: str
    path: str
    followed: FollowedFile | LocalLog | None = None
    """While it is open."""
    begins_at_end: bool = False
    """What it held at the first start is not read."""
    is_due: bool = False
    at_rest: SourceStatus | None = None
    """Its status since it was read to its end; to ask for it looks at the file."""
    seen: tuple[int, int] = NO_FILE
    """Inode and size when it was read to its end."""


def paths_of(docker_root: Path, container_id: str) -> list[str]:
    """Return where the drivers keep the log of a container: json-file, local, and the cache of other drivers."""
    folder = f"{docker_root}/{FOLDER}/{container_id}"
    return [f"{folder}/{container_id}{JSON}", *(f"{folder}/{'/'.join(file)}" for file in LOCAL_LOGS)]


def opened(path: str, options: Options, disk: Disk) -> FollowedFile | LocalLog:
    """Return what follows a log from where `options` say."""
    if not path.endswith(JSON):
        return LocalLog(path, disk, options.start)
    owners = InodeOwners()
    owners.follow(path)
    return FollowedFile(path, options, disk=disk, owners=owners)
