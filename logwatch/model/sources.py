"""Where chunks come from: the contract of a source, and its status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from logwatch.model.lines import Chunk

CONTAINERS = "containers:"
"""The path of what containers print."""


class Source(Protocol):
    """Where chunks come from. One source may follow many files."""

    @property
    def finished(self) -> bool:
        """Nothing will ever come again: a replay at its end, a closed pipe. Never true of a followed file."""

    def read(self, now_ns: int) -> Chunk | None:
        """Return the next chunk, or None when there is nothing to read at the moment."""

    def changed_rows(self) -> dict[str, str | None]:
        """Return the rows that changed since the last call: the position just after the last chunk that `read` returned."""

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue after the last committed chunk. Called before the first read."""

    def status(self) -> Sequence[SourceStatus]:
        """Return the status of each followed path."""

    def gaps(self) -> Sequence[Gap]:
        """Return the losses proven since the last call."""

    def wait(self, timeout: float) -> None:
        """Sleep until something may have been written, at most `timeout` seconds."""

    def wake(self) -> None:
        """End a `wait` from another thread or a signal handler."""

    def close(self) -> None:
        """Close every descriptor (a clean stop also writes pygtail's offset file)."""


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """The status of one followed path, for metrics and the page."""

    path: str
    open: bool
    """False while the file is missing or unreadable; `error` then says why."""
    error: str | None
    size: int
    """Bytes of the live file."""
    position: int
    """Bytes of it that were read."""
    pending: int
    """Bytes still to be read, older generations included."""
    last_read_ns: int | None
    late_lines: int = 0
    """Lines that came to a file after it was rotated, since the state began."""
    rotations: Mapping[str, int] = field(default_factory=dict)
    """Kind (`rename`, `copytruncate`, `replaced`) to how often since the state began."""
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Reason (`too_long`, `nul`, `partial`, …) to lines or bytes passed over, since the state began."""
    unreadable: bool = False
    """There is a file, and `error` keeps it from being read."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes that were written to a log and can no longer be read."""

    path: str
    reason: str
    time_ns: int
    size: int | None
    """Bytes lost; None where only the fact is known."""
    lower: int = 0
    """At least so many bytes."""
