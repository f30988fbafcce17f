"""What `run` writes to its own log about the logs that it follows, and about mutes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from logwatch.alerting import MuteWindow, Muting
from logwatch.alerting.muting import NOT_MUTED
from logwatch.alerting.muting import at as muting_at
from logwatch.model import SourceStatus
from logwatch.store.mutes import MuteFolder

log = logging.getLogger("logwatch")


class SourceReports:
    """Logs of each path what keeps it from being read, and once it is followed from where and how far behind.

    What happens to it later the source itself reports.
    """

    def __init__(self) -> None:
        self._reported: dict[str, str | None] = {}
        """Path to why it cannot be read, None where it can."""
        self._behind: set[str] = set()
        """Paths that were not read to their end yet."""

    def process(self, sources: Iterable[SourceStatus]) -> None:
        """Log what is another than at the last call."""
        for status in sources:
            if not status.open and status.error is None:
                continue  # not looked at yet
            why = None if status.open else status.error
            before = self._reported.get(status.path, "")
            if before is not None and before != why:
                self._reported[status.path] = why
                self._report(status)
            if status.open and not status.pending and status.path in self._behind:
                self._behind.discard(status.path)
                log.info("%s: read to its end", status.path)

    def _report(self, status: SourceStatus) -> None:
        if not status.open:
            cure = "waiting for it: check --log, mount it read-only into the container, or make it readable"
            cause = str(status.error).removeprefix(f"{status.path}: ")
            log.warning("%s: cannot be read: %s: %s", status.path, cause, cure)
            return
        where = f"at byte {status.position} of {status.size}, {status.pending} still to read"
        log.info("following %s: %s", status.path, where)
        if status.pending:
            self._behind.add(status.path)


class Mutes:
    """The mutes of files and windows that are in force; logs when one begins and ends."""

    def __init__(self, folder: MuteFolder, windows: Sequence[MuteWindow]) -> None:
        self._folder = folder
        self._windows = windows
        self._muting = NOT_MUTED
        self._reported: set[Path] = set()

    def reconfigure(self, windows: Sequence[MuteWindow]) -> None:
        """Go on with other windows."""
        self._windows = windows

    def at(self, now_ns: int) -> Muting:
        """Return those in force."""
        muting = muting_at(now_ns, self._folder.mutes(now_ns), self._windows)
        if muting != self._muting:
            before, self._muting = self._muting, muting
            for mute in muting.mutes:
                if mute not in before.mutes:
                    log.info("muted: %s (%s)", mute.described(), mute.id)
            for mute in before.mutes:
                if mute not in muting.mutes:
                    log.info("no longer muted: %s (%s)", mute.described(), mute.id)
        for path in self._folder.unreadable:
            if path not in self._reported:
                self._reported.add(path)
                log.warning("%s: not understood: write it with logwatch mute", path)
        return self._muting
