"""The containers that the engine keeps on disk: `DOCKER_ROOT/containers/<id>/config.v2.json`.

Read-only, and only what is needed. The engine writes the file anew (temporary file and
rename) at every change of a container's state, so a look at the modification times tells
what to read again. Format: `container.Container` of moby (`container/container.go`), with
`State` as in `container/state.go`; engines before 1.10 call the file `config.json`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from logwatch.model import SECOND, State

PACE_NS = 15 * SECOND
"""Between two looks at the modification times."""
FILES = ("config.v2.json", "config.json")
LARGEST = 4 * 1024 * 1024
LABELS = {"com.docker.compose.project": "compose_project", "com.docker.compose.service": "compose_service"}
TIME = re.compile(
    r"""
    (?P<second> \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d )   # 2026-11-23T20:17:04
    (?: [.] (?P<fraction> \d+ ) )?                     # .721609123
    (?P<zone> Z | [+-]\d\d:\d\d )
    """,
    re.VERBOSE,
)
HEX = frozenset("0123456789abcdef")


class Found(NamedTuple):
    """A container in the inventory."""

    id: str
    name: str | None
    image: str | None
    labels: Mapping[str, str]
    """Attributes for its events: `compose_project`, `compose_service`."""
    state: State | None
    since_ns: int
    """When it came into this state, 0 where unknown."""
    started: bool
    restarts: int
    exit_code: str | None
    health: str | None


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Health(_Model):
    status: str = Field(default="", alias="Status")


class _State(_Model):
    running: bool = Field(default=False, alias="Running")
    paused: bool = Field(default=False, alias="Paused")
    restarting: bool = Field(default=False, alias="Restarting")
    dead: bool = Field(default=False, alias="Dead")
    removing: bool = Field(default=False, alias="RemovalInProgress")
    exit_code: int = Field(default=0, alias="ExitCode")
    started_at: str = Field(default="", alias="StartedAt")
    finished_at: str = Field(default="", alias="FinishedAt")
    health: _Health | None = Field(default=None, alias="Health")


class _Config(_Model):
    image: str = Field(default="", alias="Image")
    labels: dict[str, str] | None = Field(default=None, alias="Labels")


class _Container(_Model):
    id: str = Field(alias="ID")
    name: str = Field(default="", alias="Name")
    state: _State | None = Field(default=None, alias="State")
    config: _Config | None = Field(default=None, alias="Config")
    restarts: int = Field(default=0, alias="RestartCount")


class Inventory:
    """Watches the containers of one DOCKER_ROOT at a slow pace."""

    def __init__(self, docker_root: Path) -> None:
        self._folder = docker_root / "containers"
        self._seen: dict[str, tuple[int, int, int]] = {}
        self._next_ns = 0
        self.unreadable: dict[str, int] = {}
        """Reason to files that could not be read, since the engine last cleared it."""

    def refresh(self, now_ns: int) -> list[Found]:
        """Return the containers that are new or changed since the last look; at most one look per `PACE_NS`."""
        if now_ns < self._next_ns:
            return []
        self._next_ns = now_ns + PACE_NS
        found, seen = [], {}
        for name in self._list():
            path, signature = self._signature(name)
            if path is None:
                continue
            seen[name] = signature
            if self._seen.get(name) != signature:
                container = self._read(path, name)
                if container is not None:
                    found.append(container)
        self._seen = seen
        return found

    def _list(self) -> list[str]:
        try:
            return sorted(
                each.name for each in self._folder.iterdir() if len(each.name) == 64 and HEX.issuperset(each.name)
            )
        except FileNotFoundError:
            self._count("missing")
        except OSError:
            self._count("folder")
        return []

    def _signature(self, name: str) -> tuple[Path | None, tuple[int, int, int]]:
        for file in FILES:
            path = self._folder / name / file
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            except OSError:
                self._count("permission")
                continue
            return path, (status.st_mtime_ns, status.st_size, status.st_ino)
        return None, (0, 0, 0)

    def _read(self, path: Path, name: str) -> Found | None:
        """Read one file; None where it is torn, too large or of another container."""
        try:
            with path.open("rb") as file:
                text = file.read(LARGEST + 1)
            container = _Container.model_validate_json(text)
        except FileNotFoundError:
            return None
        except OSError:
            self._count("permission")
            return None
        except ValidationError:
            self._count("format")
            return None
        return _found(container) if container.id == name else None

    def _count(self, reason: str) -> None:
        self.unreadable[reason] = self.unreadable.get(reason, 0) + 1


def _found(container: _Container) -> Found:
    config, state = container.config or _Config(), container.state
    labels = {ours: (config.labels or {}).get(key, "") for key, ours in LABELS.items()}
    return Found(
        id=container.id,
        name=container.name.removeprefix("/") or None,
        image=config.image or None,
        labels={key: value for key, value in labels.items() if value},
        state=None if state is None else _state(state),
        since_ns=0 if state is None else _nanoseconds(state.started_at if state.running else state.finished_at),
        started=state is not None and _nanoseconds(state.started_at) > 0,
        restarts=container.restarts,
        exit_code=str(state.exit_code) if state and not state.running and _nanoseconds(state.finished_at) else None,
        health=state.health.status if state and state.running and state.health and state.health.status else None,
    )


def _state(state: _State) -> State:
    """As the engine's `State.String` decides."""
    table = (
        (state.running and state.restarting, State.RESTARTING),
        (state.running and state.paused, State.PAUSED),
        (state.running, State.RUNNING),
        (state.removing, State.REMOVING),
        (state.dead, State.DEAD),
        (_nanoseconds(state.started_at) == 0, State.CREATED),
    )
    return next((name for applies, name in table if applies), State.EXITED)


def _nanoseconds(text: str) -> int:
    """Read Go's RFC 3339 time; its zero time (year 1), like anything unreadable, is 0."""
    found = TIME.fullmatch(text)
    if found is None or text.startswith("0001-"):
        return 0
    try:
        moment = datetime.fromisoformat(found["second"] + found["zone"].replace("Z", "+00:00"))
    except ValueError:
        return 0
    return int(moment.timestamp()) * SECOND + int((found["fraction"] or "").ljust(9, "0")[:9])
