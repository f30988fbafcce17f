"""Follows what containers print: `--log containers:`, below a DOCKER_ROOT that is watched.

    thread of the inventory: a container's file changed ──▶ `notice` ┐
    thread of `growth_watch`: its log has grown ──────────────────────────▶├─▶ due ─▶ `read`: lines of one container
    each POLL: size and inode of every log are compared ────────────▶┘

Each log is a `FollowedFile`: rotation, truncation and positions are those of every other log. At most `MOST_OPEN`
are open at a time; of the others only the position is kept. What a container prints is for rules with
`program: container`, and never an event of the engine. Nothing is read out of the root, whatever links are there.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from logwatch.docker.containers import FILES, FOLDER, StoredContainer, parse
from logwatch.docker.folder import Folder
from logwatch.docker.inventory import Removed, Sight
from logwatch.docker.last_words import LOCAL_LOGS
from logwatch.model import COMPOSE_LABELS, CONTAINERS, SECOND, Chunk, Gap, SourceStatus
from logwatch.sources import CONTAINER_ROWS
from logwatch.sources.container_lines import LineJoiner, Partial
from logwatch.sources.content import Disk, NoDescriptorError, raise_if_no_descriptor
from logwatch.sources.followed_file import FollowedFile
from logwatch.sources.generations import InodeOwners
from logwatch.sources.growth_watch import GrowthWatch
from logwatch.sources.inotify import WakePipe
from logwatch.sources.local_log import LocalLog
from logwatch.sources.open_file import Options
from logwatch.store import state_table
from logwatch.store.state_table import StateTable

BEGUN = "begun"
POLL_NS, POLL_ALONE_NS = 15 * SECOND, SECOND
"""Between two comparisons of all logs, with and without inotify."""
MOST_OPEN = 128
MOST_FOLLOWED = 20_000
MOST_NEWS = 50_000
"""Changes of containers that wait for the loop."""
ENTRY_BYTES = 256 << 10
"""Of one entry of a log; the engine writes at most 16 KiB of text into one."""
CHUNK_BYTES = 256 << 10
MOST_WITHOUT_LINE = 64
"""Chunks in which no line ends that are read at once."""
JSON = "-json.log"
OPENED = "/proc/self/fd/"
"""Where our own descriptors are: what is open was below the folder."""
_PROJECT, _SERVICE = COMPOSE_LABELS
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


@dataclass(frozen=True, slots=True)
class ContainerFilter:
    """Which containers are followed: those for which all that is given matches. Texts may hold `*` and `?`."""

    name: tuple[str, ...] = ()
    """One of them matches; none: any."""
    image: tuple[str, ...] = ()
    project: tuple[str, ...] = ()
    service: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    """All of them are there."""

    def matches(self, container: StoredContainer) -> bool:
        """Whether the container is to be followed."""
        config = container.config
        labels = (config.labels if config is not None else None) or {}
        image = config.image if config is not None else ""
        return (
            _any(self.name, container.name.removeprefix("/"))
            and _any(self.image, image)
            and _any(self.project, labels.get(_PROJECT))
            and _any(self.service, labels.get(_SERVICE))
            and all(_any((pattern,), labels.get(key)) for key, pattern in self.labels.items())
        )


def _any(patterns: Sequence[str], text: str | None) -> bool:
    return not patterns or (text is not None and any(fnmatchcase(text, pattern) for pattern in patterns))


class RootedDisk(Disk):
    """Opens what is below a folder, and follows no link on the way."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)

    def stat(self, path: str) -> os.stat_result:
        """Stat a file below the folder; a link is a link."""
        folder, _, name = path.rpartition("/")
        descriptor = self._open(folder, os.O_DIRECTORY)
        try:
            return os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        finally:
            os.close(descriptor)

    def open(self, path: str) -> int:
        """Open a file below the folder for reading, or once more one that is open."""
        if path.startswith(OPENED):
            return super().open(path)
        try:
            return self._open(path, 0)
        except OSError as error:
            raise_if_no_descriptor(error)
            raise

    def _open(self, path: str, flags: int) -> int:
        below = os.path.relpath(path, self._root).split("/")
        if ".." in below:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
        descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for place, name in enumerate(below):
            above = descriptor
            try:
                descriptor = os.open(
                    name, _FLAGS | (flags if place == len(below) - 1 else os.O_DIRECTORY), dir_fd=above
                )
            finally:
                os.close(above)
        return descriptor


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
    seen: tuple[int, int] = (0, 0)
    """Inode and size when it was read to its end."""


class ContainersSource:
    """Lines of the containers of one DOCKER_ROOT that a filter matches; without filters, of all."""

    def __init__(
        self,
        docker_root: Path,
        filters: Sequence[ContainerFilter] = (),
        *,
        start: Literal["beginning", "end"] = "beginning",
        max_line_bytes: int = 1 << 16,
        rotate_wait_ns: int = 60 * SECOND,
        pipe: WakePipe | None = None,
    ) -> None:
        """`pipe` is that of another source, which is the one that waits."""
        self._root = docker_root
        self._filters = tuple(filters)
        self._limit = max_line_bytes
        self._options = Options(start, CHUNK_BYTES, ENTRY_BYTES, rotate_wait_ns)
        self._disk = RootedDisk(docker_root)
        self._host = socket.gethostname()
        self._has_own_pipe = pipe is None
        self.pipe = WakePipe() if pipe is None else pipe
        self._growth = GrowthWatch(self.pipe.wake)
        self._polled_ns: int | None = None
        self._news: deque[tuple[str, str | None]] = deque(maxlen=MOST_NEWS)
        """Ids and names of containers whose file changed; another thread appends."""
        self._has_looked = False
        self._refused: dict[str, str | None] = {}
        """Containers that no filter matches, by the name that they had then."""
        self._logs: dict[str, ContainerLog] = {}
        self._by_path: dict[str, ContainerLog] = {}
        self._due: deque[ContainerLog] = deque()
        self._open: OrderedDict[str, ContainerLog] = OrderedDict()
        """Least recently read first."""
        self._dirty: set[str] = set()
        self._skipped: Counter[str] = Counter()
        self._last_read_ns: int | None = None
        self._positions: StateTable[str, dict[str, Any]] = StateTable(f"{CONTAINER_ROWS}position")
        self._known_files: StateTable[str, dict[str, Any]] = StateTable(f"{CONTAINER_ROWS}rotated")
        self._partial: StateTable[str, dict[str, Partial]] = StateTable(f"{CONTAINER_ROWS}partial")
        self._progress: StateTable[str, int] = StateTable(f"{CONTAINER_ROWS}progress")
        """Whether this is not the first start, and how many bytes were returned."""
        self.tables = (self._positions, self._known_files, self._partial, self._progress)

    # ── which containers ─────────────────────────────────────────────────────────────

    def notice(self, sights: Iterable[Sight]) -> None:
        """Note that containers came or changed; may be called from another thread."""
        self._news.extend((sight.id, sight.name) for sight in sights if not isinstance(sight, Removed))
        self._has_looked = True
        self.pipe.wake()

    def _take_news(self) -> None:
        has_looked = self._has_looked
        while self._news:
            container_id, name = self._news.popleft()
            log = self._logs.get(container_id) or self._find(container_id, name)
            if log is not None:
                self._make_due(log)
        if has_looked and BEGUN not in self._progress:
            self._progress[BEGUN] = 1
        for path in self._growth.take():
            if path in self._by_path:
                self._make_due(self._by_path[path])

    def _find(self, container_id: str, name: str | None) -> ContainerLog | None:
        """Follow a container if a filter matches it; one that is renamed is asked again."""
        if self._filters and (self._refused.get(container_id, "") == name or not self._matches(container_id)):
            if len(self._refused) >= MOST_FOLLOWED:
                self._refused.clear()
            self._refused[container_id] = name
            return None
        if len(self._logs) >= MOST_FOLLOWED:
            self._skipped["too_many"] += 1
            return None
        return self._add(container_id)

    def _matches(self, container_id: str) -> bool:
        folder = Folder(self._root)
        text = next(filter(None, (folder.read(FOLDER, container_id, file) for file in FILES)), None)
        try:
            container = parse(text, container_id) if text else None
        except ValidationError:
            return False
        return container is not None and any(each.matches(container) for each in self._filters)

    def _add(self, container_id: str) -> ContainerLog:
        log = self._logs[container_id] = ContainerLog(container_id, self._paths(container_id)[0])
        log.begins_at_end = self._options.start == "end" and BEGUN not in self._progress
        return log

    def _paths(self, container_id: str) -> list[str]:
        """Return where the drivers keep the log of a container: json-file, local, and the cache of other drivers."""
        folder = f"{self._root}/{FOLDER}/{container_id}"
        return [f"{folder}/{container_id}-json.log", *(f"{folder}/{'/'.join(file)}" for file in LOCAL_LOGS)]

    def _make_due(self, log: ContainerLog) -> None:
        if not log.is_due:
            log.is_due = True
            self._due.append(log)

    def _poll(self) -> None:
        """Find the logs that differ from when they were read to their end, and those of containers that are gone."""
        for log in list(self._logs.values()):
            if log.seen != self._look(log) or (log.followed is not None and len(log.followed.open_files()) > 1):
                self._make_due(log)

    def _look(self, log: ContainerLog) -> tuple[int, int]:
        """Return inode and size of a log; of one that was not there until now, wherever it is."""
        for path in [log.path] if log.id in self._positions else self._paths(log.id):
            try:
                status = self._disk.stat(path)
            except OSError:
                continue
            log.path = path
            return status.st_ino, status.st_size
        return (0, 0)

    # ── reading ──────────────────────────────────────────────────────────────────────

    @property
    def finished(self) -> bool:
        """Never true: there is always more to come."""
        return False

    def read(self, now_ns: int) -> Chunk | None:
        """Return the next lines of one container, or None if there are none at the moment."""
        self._take_news()
        pace_ns = POLL_NS if self._growth.works else POLL_ALONE_NS
        if self._polled_ns is None or abs(now_ns - self._polled_ns) >= pace_ns:
            self._polled_ns = now_ns
            self._poll()
        for _ in range(MOST_WITHOUT_LINE + len(self._due)):
            if not self._due:
                return None
            log = self._due.popleft()
            log.is_due = False
            chunk = self._read(log, now_ns)
            if chunk is not None:
                return chunk
        self.pipe.wake()
        return None

    def _read(self, log: ContainerLog, now_ns: int) -> Chunk | None:
        """Read one chunk of a log; None if no line ends in it, or there is none."""
        try:
            followed = self._opened(log)
            chunk = followed.read(now_ns)
        except NoDescriptorError:
            self._skipped["no_descriptor"] += 1
            return None
        if isinstance(followed, LocalLog):
            self._skipped += followed.take_problems()
        else:
            self._skipped["lost"] += len(followed.stats.take_gaps())
        if chunk is None:
            self._rest(log, followed)
            return None
        self._dirty.add(log.id)
        self._make_due(log)
        joiner = LineJoiner(log.id, self._host, self._limit, self._partial.setdefault(log.id, {}))
        data = b"".join(joiner.lines(chunk.data, self._skipped))
        self._partial.touch(log.id)
        if not data:
            return None
        offset = self._progress.get("", 0)
        self._progress[""] = offset + len(data)
        self._last_read_ns = now_ns
        return Chunk(data, CONTAINERS, offset, chunk.mtime_ns, live=chunk.live, is_host_known=False)

    def _rest(self, log: ContainerLog, followed: FollowedFile | LocalLog) -> None:
        """Wait until a log that was read to its end grows; forget it if its container is gone."""
        if self._growth.watch(log.path):
            self._by_path[log.path] = log
        path, seen = log.path, self._look(log)
        if path != log.path:
            self._shut(log)
        elif seen != (0, 0):
            self._dirty.add(log.id)
        if seen != log.seen or followed.recheck_soon:  # it grew before it was watched
            log.seen = seen
            self._make_due(log)
        elif seen == (0, 0) and not self._exists(log):
            self._forget(log)

    def _exists(self, log: ContainerLog) -> bool:
        folder = Folder(self._root)
        return folder.is_folder(FOLDER, log.id) or bool(folder.problems) or not folder.is_folder(FOLDER)

    def _opened(self, log: ContainerLog) -> FollowedFile | LocalLog:
        if log.followed is None:
            while len(self._open) >= MOST_OPEN:
                self._shut(next(iter(self._open.values())))
            log.followed = self._follow(log)
        self._open[log.id] = log
        self._open.move_to_end(log.id)
        return log.followed

    def _follow(self, log: ContainerLog) -> FollowedFile | LocalLog:
        position = self._positions.get(log.id)
        self._look(log)
        start: Literal["beginning", "end"] = "end" if log.begins_at_end and position is None else "beginning"
        options = replace(self._options, start=start)
        followed: FollowedFile | LocalLog
        if log.path.endswith(JSON):
            owners = InodeOwners()
            owners.follow(log.path)
            followed = FollowedFile(log.path, options, disk=self._disk, owners=owners)
        else:
            followed = LocalLog(log.path, self._disk, start)
        if position is not None:
            followed.load(position, self._known_files.get(log.id))
        return followed

    def _shut(self, log: ContainerLog) -> None:
        """Keep of a log only its position."""
        self._save(log)
        if log.followed is not None:
            log.followed.close()
            log.followed = None
        self._open.pop(log.id, None)

    def _forget(self, log: ContainerLog) -> None:
        self._shut(log)
        del self._logs[log.id]
        self._by_path.pop(log.path, None)
        self._dirty.discard(log.id)
        for table in (self._positions, self._known_files, self._partial):
            table.pop(log.id, None)

    # ── state ────────────────────────────────────────────────────────────────────────

    def _save(self, log: ContainerLog) -> None:
        if log.followed is not None:
            _set(self._positions, log.id, {**log.followed.position(), "path": log.path})
            _set(self._known_files, log.id, log.followed.known_files())

    def changed_rows(self) -> dict[str, str | None]:
        """Return the rows that changed: positions just after the last chunk, and lines whose end has not come."""
        for container_id in self._dirty:
            if container_id in self._logs:
                self._save(self._logs[container_id])
            if not self._partial.get(container_id, True):
                self._partial.pop(container_id)
        self._dirty.clear()
        return state_table.changed_rows(self.tables)

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue after the last committed chunk."""
        state_table.restore(self.tables, rows)
        for container_id, position in self._positions.items():
            log = self._add(container_id)
            log.path = position["path"]
            self._make_due(log)

    # ── what the driver asks ─────────────────────────────────────────────────────────

    def status(self) -> Sequence[SourceStatus]:
        """Return the state of all logs together."""
        states = [log.followed.status() for log in self._open.values() if log.followed is not None]
        return [
            SourceStatus(
                CONTAINERS,
                open=True,
                error=None,
                size=sum(state.size for state in states),
                position=sum(state.position for state in states),
                pending=sum(state.pending for state in states),
                last_read_ns=self._last_read_ns,
                skipped={reason: count for reason, count in self._skipped.items() if count},
            )
        ]

    def gaps(self) -> Sequence[Gap]:
        """Return nothing: what is lost of one container's output says nothing about the engine's log."""
        return ()

    def wait(self, timeout: float) -> None:
        """Sleep until a log has grown, at most `timeout` seconds."""
        self.pipe.wait(timeout)

    def wake(self) -> None:
        """End a wait; may be called from another thread or a signal handler."""
        self.pipe.wake()

    def close(self) -> None:
        """Close every log."""
        self._growth.close()
        for log in list(self._open.values()):
            self._shut(log)
        if self._has_own_pipe:
            self.pipe.close()


def _set(table: StateTable[str, dict[str, Any]], key: str, row: dict[str, Any]) -> None:
    if table.get(key) != row:
        table[key] = row
