"""Watches the containers that the engine keeps on disk: names, states, labels.

Read-only, and only what is needed. The engine replaces a container's file (temporary file and
rename) at every change of its state, so a look at the modification times says what to read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from logwatch.docker.containers import FILES, FOLDER, Config, ContainerState, StoredContainer, is_id, parse
from logwatch.docker.folder import LARGEST
from logwatch.docker.gotime import nanoseconds
from logwatch.model import SECOND, State

PACE_NS = 15 * SECOND
"""Between two looks at the modification times."""
LABELS = {"com.docker.compose.project": "compose_project", "com.docker.compose.service": "compose_service"}


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


class Inventory:
    """Watches the containers of one DOCKER_ROOT at a slow pace."""

    def __init__(self, docker_root: Path) -> None:
        self._folder = docker_root / FOLDER
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
            return sorted(each.name for each in self._folder.iterdir() if is_id(each.name))
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
            container = parse(text, name)
        except FileNotFoundError:
            return None
        except OSError:
            self._count("permission")
            return None
        except ValidationError:
            self._count("format")
            return None
        return _found(container) if container else None

    def _count(self, reason: str) -> None:
        self.unreadable[reason] = self.unreadable.get(reason, 0) + 1


def _found(container: StoredContainer) -> Found:
    config, state = container.config or Config(), container.state
    labels = {ours: (config.labels or {}).get(key, "") for key, ours in LABELS.items()}
    return Found(
        id=container.id,
        name=container.name.removeprefix("/") or None,
        image=config.image or None,
        labels={key: value for key, value in labels.items() if value},
        state=None if state is None else _state(state),
        since_ns=0 if state is None else nanoseconds(state.started_at if state.running else state.finished_at),
        started=state is not None and nanoseconds(state.started_at) > 0,
        restarts=container.restarts,
        exit_code=str(state.exit_code) if state and not state.running and nanoseconds(state.finished_at) else None,
        health=state.health.status if state and state.running and state.health and state.health.status else None,
    )


def _state(state: ContainerState) -> State:
    """As the engine's `State.String` decides."""
    table = (
        (state.running and state.restarting, State.RESTARTING),
        (state.running and state.paused, State.PAUSED),
        (state.running, State.RUNNING),
        (state.removing, State.REMOVING),
        (state.dead, State.DEAD),
        (nanoseconds(state.started_at) == 0, State.CREATED),
    )
    return next((name for applies, name in table if applies), State.EXITED)
