"""Follows what containers print: `--log containers:`, below a DOCKER_ROOT that is watched.

    thread of the inventory: a container's file changed ─▶ `notice` ─┐
    thread of `GrowthWatch`: its log has grown ──────────────────────┼─▶ due ─▶ `read`: lines of one container
    each POLL: size and inode of every log are compared ─────────────┘
    journal: entries of containers ─▶ `ContainersJournal` ─▶ `read`

What the driver `journald` writes is in the journal, which is read if there is a container with that driver. Each
other log is a `FollowedFile`: rotation, truncation and positions are those of every other log. At most `MOST_OPEN`
are open at a time; of the others only the position is kept. What a container prints is for rules with
`program: container`, and never an event of the engine. Nothing is read out of the root, whatever links are there.
"""

from __future__ import annotations

import socket
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from logwatch.docker.containers import FOLDER, log_driver
from logwatch.docker.folder import Folder
from logwatch.docker.inventory import FileChange, Removed
from logwatch.model import CONTAINERS, SECOND, Chunk, Gap, SourceStatus
from logwatch.sources import CONTAINER_ROWS, JOURNAL
from logwatch.sources.container_filter import ContainerChoice, ContainerFilter
from logwatch.sources.container_lines import LineJoiner, Partial
from logwatch.sources.container_log import NO_FILE, ContainerLog, opened, paths_of
from logwatch.sources.containers_journal import ContainersJournal
from logwatch.sources.content import NoDescriptorError, RootedDisk
from logwatch.sources.followed_file import FollowedFile
from logwatch.sources.inotify import GrowthWatch, WakePipe
from logwatch.sources.local_log import LocalLog
from logwatch.sources.open_file import Options
from logwatch.store import state_table
from logwatch.store.state_table import StateTable

BEGUN = "begun"
POLL_NS, POLL_ALONE_NS = 60 * SECOND, SECOND
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
        journal: str = JOURNAL,
    ) -> None:
        """`pipe` is that of another source, which is the one that waits; `journal` as of JournalSource."""
        self._root = docker_root
        self._choice = ContainerChoice(docker_root, filters)
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
        self._gone: deque[str] = deque(maxlen=MOST_NEWS)
        """Containers without a file of lines that may be removed by now; another thread appends."""
        self._has_polled = False
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
        self._journal = ContainersJournal(journal, self.pipe, start)
        self._is_journals_turn = False
        own = (self._positions, self._known_files, self._partial, self._progress)
        self.tables = (*own, *self._journal.tables)

    # ── which containers ─────────────────────────────────────────────────────────────

    def notice(self, changes: Iterable[FileChange]) -> None:
        """Note that containers came or changed; may be called from another thread."""
        for change in changes:
            if isinstance(change, Removed):
                self._gone.append(change.id)
            else:
                self._news.append((change.id, change.name))
        self._has_polled = True
        self.pipe.wake()

    def _take_news(self) -> None:
        has_polled = self._has_polled
        while self._news:
            container_id, name = self._news.popleft()
            log = self._logs.get(container_id) or self._find(container_id, name)
            if log is not None:
                self._make_due(log)
        if has_polled and BEGUN not in self._progress:
            self._progress[BEGUN] = 1
        for path in self._growth.take():
            if path in self._by_path:
                self._make_due(self._by_path[path])

    def _find(self, container_id: str, name: str | None) -> ContainerLog | None:
        """Follow a container if it is chosen; one that is renamed is asked again."""
        if not self._choice.has(container_id, name):
            return None
        if len(self._logs) >= MOST_FOLLOWED:
            self._skipped["too_many"] += 1
            return None
        driver = log_driver(Folder(self._root), container_id)
        if driver == "journald":
            self._journal.follow(container_id)
            return None
        log = self._add(container_id)
        if driver is not None or self._status(log) != NO_FILE:
            return log
        del self._logs[container_id]  # its files come, and the engine writes that of its state again
        return None

    def _prints_into_journal(self, container_id: str, name: str) -> bool:
        """Whether a container is to be followed of which only an entry in the journal is known."""
        if self._choice.stored(container_id) is None:
            return self._choice.has_gone(container_id, name)
        self._find(container_id, name)
        return self._journal.follows(container_id)

    def _add(self, container_id: str) -> ContainerLog:
        log = self._logs[container_id] = ContainerLog(container_id, paths_of(self._root, container_id)[0])
        log.begins_at_end = self._options.start == "end" and BEGUN not in self._progress
        return log

    def _make_due(self, log: ContainerLog) -> None:
        if not log.is_due:
            log.is_due, log.at_rest = True, None
            self._due.append(log)

    def _poll(self) -> None:
        """Find the logs that differ from when they were read to their end, and those of containers that are gone."""
        for log in list(self._logs.values()):
            if log.seen != self._status(log) or (log.followed is not None and len(log.followed.open_files()) > 1):
                self._make_due(log)

    def _status(self, log: ContainerLog) -> tuple[int, int]:
        """Return inode and size of a log; of one that was not there until now, wherever it is."""
        for path in [log.path] if log.id in self._positions else paths_of(self._root, log.id):
            try:
                status = self._disk.stat(path)
            except OSError:
                continue
            log.path = path
            return status.st_ino, status.st_size
        return NO_FILE

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
        self._is_journals_turn = not self._is_journals_turn
        if self._is_journals_turn and (chunk := self._read_journal(now_ns)) is not None:
            return chunk
        return self._read_files(now_ns) or self._read_journal(now_ns)

    def _read_journal(self, now_ns: int) -> Chunk | None:
        """Return the next lines of all containers that print into the journal."""
        lines = self._lines_of_gone()
        for entry in self._journal.entries(now_ns, self._prints_into_journal, self._skipped):
            partial = self._partial.setdefault(entry.id, {})
            joiner = LineJoiner(entry.id, self._host, self._limit, partial)
            line = joiner.join(entry.text, entry.stream, entry.time, self._skipped)
            if line is not None:
                lines.append(line)
            self._partial.touch(entry.id)
            self._dirty.add(entry.id)
        return self._chunk(b"".join(lines), now_ns, now_ns, live=self._journal.is_at_end)

    def _lines_of_gone(self) -> list[bytes]:
        """Return the lines without an end of containers that printed into the journal and are removed."""
        lines: list[bytes] = []
        for _ in range(len(self._gone)):
            container_id = self._gone.popleft()
            if container_id in self._partial and container_id not in self._logs and not self._exists(container_id):
                lines += self._end(container_id)
        return lines

    def _end(self, container_id: str) -> list[bytes]:
        """Forget a container's lines whose end has not come, and return them."""
        partial = self._partial.pop(container_id, {})
        return LineJoiner(container_id, self._host, self._limit, partial).rest(self._skipped)

    def _chunk(self, data: bytes, mtime_ns: int, now_ns: int, *, live: bool) -> Chunk | None:
        if not data:
            return None
        offset = self._progress.get("", 0)
        self._progress[""] = offset + len(data)
        self._last_read_ns = now_ns
        return Chunk(data, CONTAINERS, offset, mtime_ns, live=live, is_host_known=False)

    def _read_files(self, now_ns: int) -> Chunk | None:
        """Return the next lines of one container's file."""
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
            return self._chunk(b"".join(self._rest(log, followed)), now_ns, now_ns, live=True)
        self._dirty.add(log.id)
        self._make_due(log)
        joiner = LineJoiner(log.id, self._host, self._limit, self._partial.setdefault(log.id, {}))
        data = b"".join(joiner.lines(chunk.data, self._skipped))
        self._partial.touch(log.id)
        return self._chunk(data, chunk.mtime_ns, now_ns, live=chunk.live)

    def _rest(self, log: ContainerLog, followed: FollowedFile | LocalLog) -> list[bytes]:
        """Wait until a log that was read to its end grows; forget it if its container is gone, and return its last lines."""
        if self._growth.watch(log.path):
            self._by_path[log.path] = log
        path, seen = log.path, self._status(log)
        if path != log.path:
            self._shut(log)
        elif seen != NO_FILE:
            self._dirty.add(log.id)
        if seen != log.seen or followed.recheck_soon:  # it grew before it was watched
            log.seen = seen
            self._make_due(log)
        elif seen == NO_FILE and not self._exists(log.id):
            return self._forget(log)
        else:
            log.at_rest = followed.status()
        return []

    def _exists(self, container_id: str) -> bool:
        folder = Folder(self._root)
        return folder.is_folder(FOLDER, container_id) or bool(folder.problems) or not folder.is_folder(FOLDER)

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
        self._status(log)
        start: Literal["beginning", "end"] = "end" if log.begins_at_end and position is None else "beginning"
        followed = opened(log.path, replace(self._options, start=start), self._disk)
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

    def _forget(self, log: ContainerLog) -> list[bytes]:
        self._shut(log)
        del self._logs[log.id]
        self._by_path.pop(log.path, None)
        self._dirty.discard(log.id)
        for table in (self._positions, self._known_files):
            table.pop(log.id, None)
        return self._end(log.id)

    # ── state ────────────────────────────────────────────────────────────────────────

    def _save(self, log: ContainerLog) -> None:
        if log.followed is not None:
            self._positions.replace(log.id, {**log.followed.position(), "path": log.path})
            self._known_files.replace(log.id, log.followed.known_files())

    def changed_rows(self) -> dict[str, str | None]:
        """Return the rows that changed: positions just after the last chunk, and lines whose end has not come."""
        for container_id in self._dirty:
            if container_id in self._logs:
                self._save(self._logs[container_id])
            if not self._partial.get(container_id, True):
                self._partial.pop(container_id)
        self._dirty.clear()
        self._journal.save()
        return state_table.changed_rows(self.tables)

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue after the last committed chunk."""
        state_table.restore(self.tables, rows)
        self._journal.restored()
        for container_id, position in self._positions.items():
            log = self._add(container_id)
            log.path = position["path"]
            self._make_due(log)
        self._gone.extend(self._partial.keys() - self._logs.keys())

    # ── what the driver asks ─────────────────────────────────────────────────────────

    def status(self) -> Sequence[SourceStatus]:
        """Return the state of all logs together."""
        states = [log.at_rest or log.followed.status() for log in self._open.values() if log.followed is not None]
        return [
            SourceStatus(
                CONTAINERS,
                open=self._journal.error is None,
                error=self._journal.error,
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
        self._journal.stop()
        for log in list(self._open.values()):
            self._shut(log)
        if self._has_own_pipe:
            self.pipe.close()
