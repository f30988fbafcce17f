"""Reads a log and what is beside it as one source, in the order of time.

While following live each chunk is returned as it comes. While catching up, what is beside the log (events of an
engine's API, entries of the journal) goes between its lines about the same: the engine's own lines have their time in
`time="…"`, so a chunk of the log is cut before the first such line that is later than what comes next beside it.
The parts are one `Chunk` with its `followed_by`, so that they are committed together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from logwatch.formats.rfc3339 import Rfc3339
from logwatch.model import Chunk, Gap, Source, SourceStatus
from logwatch.sources import CONTAINER_ROWS
from logwatch.sources.inotify import WakePipe

if TYPE_CHECKING:
    from logwatch.sources.containers import ContainersSource

ENGINE_TIME = re.compile(rb'time="([0-9][^"\n]{18,40})"')


class Beside(Source, Protocol):
    """A source whose lines go between those of a log."""

    row: str
    """Before the keys of its rows."""
    pipe: WakePipe
    """What ends its wait."""

    def next_ns(self, now_ns: int) -> int | None:
        """Return the time of the next line; None if none waits."""

    def read(self, now_ns: int, before_ns: int | None = None) -> Chunk | None:
        """As of every source; only what is before a time if one is given."""


class MergedSource:
    """A log with others beside it, and what containers print; each may be missing. The first of all is waited for, the others wake it."""

    def __init__(
        self, log: Source | None, beside: Sequence[Beside] = (), printed: ContainersSource | None = None
    ) -> None:
        self._log = log
        self._beside = tuple(beside)
        self.printed = printed
        """What containers print: it is read while nothing else is to be read."""
        self._all: tuple[Source, ...] = tuple(each for each in (log, *beside, printed) if each is not None)
        self._stamps = Rfc3339()

    @property
    def finished(self) -> bool:
        """Whether nothing will come from any of them."""
        return all(source.finished for source in self._all)

    def read(self, now_ns: int) -> Chunk | None:
        """Return the next chunk of the log, with the events between its lines; else the next events."""
        chunk = self._log.read(now_ns) if self._log is not None else None
        if chunk is None:
            beside: Sequence[Source] = (*self._beside, *([self.printed] if self.printed is not None else []))
            return next(filter(None, (source.read(now_ns) for source in beside)), None)
        parts = list(self._parts(chunk, now_ns))
        return parts[0]._replace(followed_by=tuple(parts[1:])) if len(parts) > 1 else chunk

    def _parts(self, chunk: Chunk, now_ns: int) -> Iterator[Chunk]:
        start = 0
        waiting = self._waiting(now_ns)
        for found in ENGINE_TIME.finditer(chunk.data) if waiting else ():
            time_ns = self._stamps.read(found[1])
            if time_ns is None or min(next_ns for next_ns, _ in waiting) >= time_ns:
                continue
            end = chunk.data.rfind(b"\n", 0, found.start()) + 1
            if end > start:
                yield chunk._replace(data=chunk.data[start:end], offset=chunk.offset + start)
                start = end
            for next_ns, source in waiting:
                if next_ns < time_ns and (before := source.read(now_ns, time_ns)) is not None:
                    yield before
            waiting = self._waiting(now_ns)
            if not waiting:
                break
        yield chunk._replace(data=chunk.data[start:], offset=chunk.offset + start)

    def _waiting(self, now_ns: int) -> list[tuple[int, Beside]]:
        """Return the sources that have something to read, each with the time of what is next."""
        times = ((source.next_ns(now_ns), source) for source in self._beside)
        return sorted(((time_ns, source) for time_ns, source in times if time_ns is not None), key=lambda each: each[0])

    # ── what the driver asks ─────────────────────────────────────────────────────────

    def changed_rows(self) -> dict[str, str | None]:
        """Return the changed rows of all."""
        return {key: row for source in self._all for key, row in source.changed_rows().items()}

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue after the last committed chunk of each."""
        if self._log is not None:
            others = (CONTAINER_ROWS, *(f"{source.row} " for source in self._beside))
            self._log.restore({key: row for key, row in rows.items() if not key.startswith(others)})
        if self.printed is not None:
            self.printed.restore({key: row for key, row in rows.items() if key.startswith(CONTAINER_ROWS)})
        for source in self._beside:
            source.restore({key: row for key, row in rows.items() if key.startswith(f"{source.row} ")})

    def status(self) -> Sequence[SourceStatus]:
        """Return the status of all paths."""
        return list(chain.from_iterable(source.status() for source in self._all))

    def gaps(self) -> Sequence[Gap]:
        """Return the losses proven since the last call."""
        return list(chain.from_iterable(source.gaps() for source in self._all))

    def wait(self, timeout: float) -> None:
        """Sleep until something may have come, at most `timeout` seconds."""
        self._all[0].wait(timeout)

    def wake(self) -> None:
        """End a wait; may be called from another thread or a signal handler."""
        self._all[0].wake()

    def close(self) -> None:
        """Close all."""
        for source in self._all:
            source.close()
