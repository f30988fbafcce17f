"""What containers print into the journal: the log driver `journald` of the engine.

The journal is read from the first container on that has this driver. Such an entry names its container in fields
that the driver sets (`daemon/logger/journald` of moby), and is one line, or a piece of one.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Literal

from logwatch.errors import SourceError
from logwatch.sources import CONTAINER_ROWS
from logwatch.sources.inotify import WakePipe
from logwatch.sources.journal_entry import ENGINES, PRINTED_FIELDS, Printed, read_printed
from logwatch.sources.journalctl import UNANSWERED_NS, Journalctl
from logwatch.store.state_table import StateTable

MOST_ENTRIES = 2_000
"""Entries that are taken at once."""
MOST_FOLLOWED = 20_000
MATCHES = ("_TRANSPORT=journal", *sorted(f"_COMM={name}" for name in ENGINES))
"""What narrows the journal to entries of engines that are not their own log."""


class ContainersJournal:
    """Entries of those containers that are followed."""

    def __init__(self, path: str, pipe: WakePipe, start: Literal["beginning", "end"]) -> None:
        self._path = path
        self._pipe = pipe
        self._start = start
        self._followed: OrderedDict[str, bool] = OrderedDict()
        """Containers of which an entry was read or a file, and whether they are followed; the least recent ones first."""
        self._journalctl: Journalctl | None = None
        self._position: StateTable[str, list[Any]] = StateTable(f"{CONTAINER_ROWS}cursor")
        """Cursor of the last entry, and when the journal was read for the first time."""
        self.tables = (self._position,)
        self._cursor, self._begun_ns = "", 0
        self._tried_ns: int | None = None
        """When it was last tried to begin."""
        self.error: str | None = None
        """Why the journal cannot be read."""
        self.is_at_end = True

    def follow(self, container_id: str) -> None:
        """Follow a container from now on, and begin to read the journal."""
        self._note(container_id, followed=True)

    def follows(self, container_id: str) -> bool:
        """Whether a container is followed."""
        return self._followed.get(container_id, False)

    def _note(self, container_id: str, *, followed: bool) -> None:
        self._followed[container_id] = followed
        self._followed.move_to_end(container_id)
        if len(self._followed) > MOST_FOLLOWED:
            self._followed.popitem(last=False)

    def entries(self, now_ns: int, prints: Callable[[str, str], bool], skipped: Counter[str]) -> Iterator[Printed]:
        """Yield the next entries; `prints` says of an id and a name that are new whether that container is followed."""
        if self._journalctl is None and (not any(self._followed.values()) or not self._open(now_ns)):
            return
        assert self._journalctl is not None
        for _ in range(MOST_ENTRIES):
            text = self._journalctl.take_line(now_ns)
            if text is None:
                break
            cursor, printed = read_printed(text)
            skipped["entry"] += not cursor
            self._cursor = self._journalctl.cursor = cursor or self._cursor
            if printed is not None and self._is_followed(printed, prints):
                yield printed
        self.error = self._journalctl.error
        self.is_at_end = not self._journalctl.waiting_bytes
        skipped["too_long"] += self._journalctl.take_too_long()
        skipped["lost"] += len(self._journalctl.take_gaps())

    def _is_followed(self, printed: Printed, prints: Callable[[str, str], bool]) -> bool:
        if printed.id not in self._followed:
            # Of containers that were removed before the first start the journal has everything: that is history.
            is_history = printed.time_ns < self._begun_ns
            self._note(printed.id, followed=not is_history and prints(printed.id, printed.name))
        return self._followed[printed.id]

    def _open(self, now_ns: int) -> bool:
        """Start to read; False while journalctl is missing or does not answer."""
        if self._tried_ns is not None and abs(now_ns - self._tried_ns) < UNANSWERED_NS:
            return False
        self._tried_ns = now_ns
        try:
            journalctl = Journalctl(self._path, follow=True, pipe=self._pipe, matches=MATCHES, fields=PRINTED_FIELDS)
            if not self._begun_ns:
                self._begun_ns = now_ns
                self._cursor = journalctl.query()[0] if self._start == "end" else ""
        except SourceError as error:
            self.error = str(error)
            return False
        journalctl.cursor = self._cursor
        self._journalctl = journalctl
        return True

    def save(self) -> None:
        """Put the position into its table."""
        if self._begun_ns and self._position.get("") != [self._cursor, self._begun_ns]:
            self._position[""] = [self._cursor, self._begun_ns]

    def restored(self) -> None:
        """Take the restored position."""
        if "" in self._position:
            self._cursor, self._begun_ns = self._position[""]

    def stop(self) -> None:
        """End journalctl."""
        if self._journalctl is not None:
            self._journalctl.stop()
