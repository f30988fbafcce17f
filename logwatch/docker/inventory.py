"""Reads the containers that the engine keeps on disk: names, states, exits, health, removals.

The engine writes a container's file (`DOCKER_ROOT/containers/<id>/config.v2.json`) again at every
change of its state: a temporary file that is renamed. `Inventory` reads one file when asked for
an id, or compares the signatures of all files; `watching` adds inotify, so that a state that
lasts milliseconds is seen as well. Nothing is written, and no link is followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from logwatch.docker.containers import FILES, FOLDER, Config, ContainerState, Health, StoredContainer, is_id, parse
from logwatch.docker.folder import Folder
from logwatch.docker.gotime import nanoseconds
from logwatch.docker.last_words import last_words
from logwatch.model import COMPOSE_LABELS, LONGEST_NAME, LONGEST_VALUE, State, label_name

NAME = re.compile(r"/?[a-zA-Z0-9][a-zA-Z0-9_.-]*")
"""What the engine accepts as a name (`daemon/names` of moby)."""
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")
Signature = tuple[int, int, int]
"""Time of change, size and inode of a container's file."""
NOT_THERE: Signature = (0, 0, 0)


class Found(NamedTuple):
    """A container as its file describes it at one moment."""

    id: str
    name: str | None
    image: str | None
    labels: Mapping[str, str]
    """Attributes for its events: `compose_project`, `compose_service`, and chosen ones."""
    state: State | None
    since_ns: int
    """When it came into this state, 0 where unknown."""
    restarts: int
    exit_code: str | None
    """None while it runs, and before its first start."""
    health: str | None
    """None while it does not run, and without a check."""
    seen_ns: int = 0
    """When the file was written."""
    created_ns: int = 0
    started_ns: int = 0
    """The last start, 0 before the first one."""
    finished_ns: int = 0
    """The last exit, 0 before the first one."""
    oom_killed: bool = False
    stopped_by_hand: bool = False
    """Its last stop was asked for."""
    failing_streak: int = 0
    """Failed probes in a row."""
    probe_ns: int = 0
    """The end of the last probe."""
    probe_output: str = ""
    """What the last probe printed, if it failed."""
    probe_command: str = ""
    """The health check's, in the words of the engine's events."""
    last_words: str = ""
    """The last lines that it printed before its end, if it ended just now."""

    @property
    def started(self) -> bool:
        """Whether it was ever started."""
        return self.started_ns > 0


class Removed(NamedTuple):
    """A container whose folder is gone."""

    id: str
    time_ns: int


FileChange = Found | Removed


class Inventory:
    """Reads the containers of one DOCKER_ROOT; counts what it could not read."""

    def __init__(self, docker_root: Path, labels: Iterable[str] = ()) -> None:
        """`labels` are keys of labels that are taken in addition to those of compose."""
        self.path = docker_root
        self._labels = {**COMPOSE_LABELS, **{key: label_name(key) for key in labels}}
        self._signatures: dict[str, Signature] = {}
        self._problems: dict[str, int] = {}
        self.present: frozenset[str] | None = None
        """The ids that had a folder at the last poll; None if they could not be listed."""
        self.missing = False
        """There was no folder of containers at the last poll."""

    # ── one container ────────────────────────────────────────────────────────────────

    def find(self, container_id: str) -> Found | None:
        """Read the container of a full id now; None if it is not there or cannot be read."""
        return self._read(container_id)[0] if is_id(container_id) else None

    def _read(self, container_id: str) -> tuple[Found | None, Signature]:
        folder = Folder(self.path)
        try:
            for file in FILES:
                read = folder.read_with_status(FOLDER, container_id, file)
                if read is not None:
                    text, status = read
                    signature = (status.st_mtime_ns, status.st_size, status.st_ino)
                    container = parse(text, container_id)
                    return (found(container, status.st_mtime_ns, self._labels) if container else None), signature
        except ValidationError:
            self._count("format")
            return None, signature
        if folder.problems:
            self._count("too_large" if "larger than" in folder.problems[0] else "permission")
        return None, NOT_THERE

    # ── all of them ──────────────────────────────────────────────────────────────────

    def poll(self, now_ns: int, *, files: bool = True) -> list[FileChange]:
        """Return what changed since the last poll: removed containers, new ones and (`files`) rewritten ones.

        A root that cannot be listed removes nothing.
        """
        names = self._names()
        self.present = None if names is None else frozenset(names)
        if names is None:
            return []
        removed: list[FileChange] = [Removed(name, now_ns) for name in sorted(self._signatures.keys() - set(names))]
        for each in removed:
            del self._signatures[each.id]
        wanted = [name for name in names if files or name not in self._signatures]
        return removed + self.read_changed(wanted)

    def read_changed(self, ids: Iterable[str]) -> list[FileChange]:
        """Read those of these containers whose files are not as they were read before."""
        changes: list[FileChange] = []
        folder = Folder(self.path)
        for container_id in ids:
            status = next(filter(None, (folder.status(FOLDER, container_id, file) for file in FILES)), None)
            signature = (status.st_mtime_ns, status.st_size, status.st_ino) if status else NOT_THERE
            if signature != NOT_THERE and self._signatures.get(container_id) != signature:
                container, self._signatures[container_id] = self._read(container_id)
                if container is not None:
                    changes.append(container)
        if folder.problems:
            self._count("permission")
        return changes

    def removed(self, container_id: str, now_ns: int) -> list[FileChange]:
        """Note that a container's folder is gone."""
        return [Removed(container_id, now_ns)] if self._signatures.pop(container_id, None) else []

    def known(self) -> list[str]:
        """Return the ids of the containers that were there at the last poll."""
        return list(self._signatures)

    def with_last_words(self, change: FileChange) -> FileChange:
        """Add what a container printed last, if it ended."""
        if isinstance(change, Removed) or change.exit_code is None:
            return change
        return change._replace(last_words=last_words(Folder(self.path), change.id))

    def _names(self) -> list[str] | None:
        """Return the ids that have a folder; None if that cannot be known."""
        folder = Folder(self.path)
        there = folder.is_folder(FOLDER)
        names = folder.names(FOLDER) if there else []
        missing = not there and not folder.problems
        if folder.problems or (missing and not self.missing):
            self._count("missing" if missing else "permission")
        self.missing = missing
        if not there or folder.problems:
            return None
        return [name for name in names if is_id(name)]

    # ── what could not be read ───────────────────────────────────────────────────────

    def _count(self, reason: str) -> None:
        self._problems[reason] = self._problems.get(reason, 0) + 1

    def take_problems(self) -> dict[str, int]:
        """Return how often what could not be read, by reason, since the last call."""
        problems, self._problems = self._problems, {}
        return problems


def found(container: StoredContainer, seen_ns: int, wanted: Mapping[str, str] = COMPOSE_LABELS) -> Found:
    """Take from a container's file what events, states and metrics need, bounded and printable."""
    config, state = container.config or Config(), container.state or ContainerState()
    labels = {ours: _text((config.labels or {}).get(key, "")) for key, ours in wanted.items()}
    started_ns, finished_ns = nanoseconds(state.started_at), nanoseconds(state.finished_at)
    ended = not state.running or state.restarting
    health = state.health or Health()
    probe = health.log[-1] if health.log else None
    named = NAME.fullmatch(container.name) is not None and len(container.name) <= LONGEST_NAME
    return Found(
        id=container.id,
        name=container.name.removeprefix("/") if named else None,
        image=_text(config.image)[:LONGEST_NAME] or None,
        labels={key: value for key, value in labels.items() if value},
        state=None if container.state is None else _state(state),
        since_ns=finished_ns if ended else started_ns,
        restarts=container.restarts,
        exit_code=str(state.exit_code) if ended and finished_ns else None,
        health=_text(health.status) or None if state.running and not state.restarting else None,
        seen_ns=seen_ns,
        created_ns=nanoseconds(container.created),
        started_ns=started_ns,
        finished_ns=finished_ns,
        oom_killed=state.oom_killed,
        stopped_by_hand=container.stopped_by_hand,
        failing_streak=health.streak,
        probe_ns=nanoseconds(probe.end) if probe else 0,
        probe_output=probe.output[:LONGEST_VALUE] if probe and probe.exit_code else "",
        probe_command=config.probe_command[:LONGEST_VALUE],
    )


def _text(text: str) -> str:
    return UNPRINTABLE.sub("?", text[:LONGEST_VALUE])


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
