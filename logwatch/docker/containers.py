"""The containers that the engine keeps on disk: `DOCKER_ROOT/containers/<id>/config.v2.json`.

Format: `container.Container` of moby (`container/container.go`), with `State` as in
`container/state.go`; engines before 1.10 call the file `config.json`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from logwatch.docker.folder import Folder
from logwatch.model import FULL_ID, HEX

FILES = ("config.v2.json", "config.json")
HOST_FILE = "hostconfig.json"
FOLDER = "containers"
REMAPPED = re.compile(r"\d+\.\d+")
"""165536.165536: the root of an engine with userns-remap."""
DEFAULT_SHELL = ("/bin/sh", "-c")


class Model(BaseModel):
    """A document of the engine: unknown keys are left alone."""

    model_config = ConfigDict(extra="ignore")


class Probe(Model):
    """One run of the health check."""

    end: str = Field(default="", alias="End")
    exit_code: int = Field(default=0, alias="ExitCode")
    output: str = Field(default="", alias="Output")


class Health(Model):
    """What the last probes found."""

    status: str = Field(default="", alias="Status")
    streak: int = Field(default=0, alias="FailingStreak")
    log: list[Probe] | None = Field(default=None, alias="Log")


class HealthCheck(Model):
    """How a container's health is checked: its own check, or its image's."""

    test: list[str] | None = Field(default=None, alias="Test")


class ContainerState(Model):
    """How a container is."""

    running: bool = Field(default=False, alias="Running")
    paused: bool = Field(default=False, alias="Paused")
    restarting: bool = Field(default=False, alias="Restarting")
    dead: bool = Field(default=False, alias="Dead")
    removing: bool = Field(default=False, alias="RemovalInProgress")
    oom_killed: bool = Field(default=False, alias="OOMKilled")
    exit_code: int = Field(default=0, alias="ExitCode")
    started_at: str = Field(default="", alias="StartedAt")
    finished_at: str = Field(default="", alias="FinishedAt")
    health: Health | None = Field(default=None, alias="Health")


class Config(Model):
    """What it was created with."""

    image: str = Field(default="", alias="Image")
    labels: dict[str, str] | None = Field(default=None, alias="Labels")
    health_check: HealthCheck | None = Field(default=None, alias="Healthcheck")
    shell: list[str] | None = Field(default=None, alias="Shell")

    @property
    def probe_command(self) -> str:
        """The command of the health check in the words of the engine's events; empty without one."""
        kind, *words = (self.health_check.test if self.health_check is not None else None) or [""]
        if kind == "CMD-SHELL":
            words = [*(self.shell or DEFAULT_SHELL), *words]
        return " ".join(words) if kind in ("CMD", "CMD-SHELL") else ""


class MountPoint(Model):
    """A volume or folder of the host in a container."""

    name: str = Field(default="", alias="Name")


class LogConfig(Model):
    """Where its output goes."""

    driver: str = Field(default="", alias="Type")


class HostConfig(Model):
    """What it was given of the host."""

    log: LogConfig | None = Field(default=None, alias="LogConfig")


class StoredContainer(Model):
    """A container as its file describes it."""

    id: str = Field(alias="ID")
    name: str = Field(default="", alias="Name")
    created: str = Field(default="", alias="Created")
    state: ContainerState | None = Field(default=None, alias="State")
    config: Config | None = Field(default=None, alias="Config")
    restarts: int = Field(default=0, alias="RestartCount")
    stopped_by_hand: bool = Field(default=False, alias="HasBeenManuallyStopped")
    image_id: str = Field(default="", alias="Image")
    driver: str = Field(default="", alias="Driver")
    log_path: str = Field(default="", alias="LogPath")
    mounts: Mapping[str, MountPoint] | None = Field(default=None, alias="MountPoints")

    @property
    def called(self) -> str:
        """Its name, or the beginning of its id."""
        return self.name.removeprefix("/") or self.id[:12]

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.state is not None and self.state.running


def containers_root(docker_root: Path) -> Path:
    """Return the data directory that has the containers.

    With `userns-remap` an engine keeps everything in `<uid>.<gid>/` below its data directory, beside what it kept there
    before it was set: the folder in which containers were created or removed last is in use.
    """
    inner = [docker_root / name for name in Folder(docker_root).names() if REMAPPED.fullmatch(name)]
    with_containers = [each for each in (docker_root, *inner) if Folder(each).is_folder(FOLDER)]
    return max(with_containers, key=lambda each: os.lstat(each / FOLDER).st_mtime_ns, default=docker_root)


def is_id(name: str) -> bool:
    """Whether a folder's name is a container's id."""
    return len(name) == FULL_ID and HEX.issuperset(name)


def parse(text: bytes, container_id: str) -> StoredContainer | None:
    """Read a container's file; None where it is of another container. Raises ValidationError where it is torn."""
    container = StoredContainer.model_validate_json(text)
    return container if container.id == container_id else None


def log_driver(root: Folder, container_id: str) -> str | None:
    """Return the log driver of a container; None if that is not written yet, or torn."""
    text = root.read(FOLDER, container_id, HOST_FILE)
    try:
        host = HostConfig.model_validate_json(text) if text else None
    except ValidationError:
        return None
    return host.log.driver if host is not None and host.log is not None else None


def stored(root: Folder) -> Iterator[StoredContainer]:
    """Yield the containers of a DOCKER_ROOT; files that cannot be read are noted there."""
    for name in filter(is_id, root.names(FOLDER)):
        text = next(filter(None, (root.read(FOLDER, name, file) for file in FILES)), None)
        try:
            container = parse(text, name) if text else None
        except ValidationError:
            root.note(f"{root.path / FOLDER / name}: its configuration cannot be read: torn, or of an unknown form")
            continue
        if container is not None:
            yield container
