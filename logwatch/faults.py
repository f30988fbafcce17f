"""What raised on its way through the stages and was set aside, until somebody reports it.

A value that a stage does not expect is a bug of ours; that the process ends, and ends again on the same bytes after every
start, would be a worse one. So what raised is left out, counted by kind and reported with its place.
"""

from __future__ import annotations

import traceback
from pathlib import Path

LINE_ERRORS = "logwatch_line_errors_total"
LONGEST = 200
"""Characters of an error that are shown: it may quote the line."""


class Faults:
    """Counts what was set aside since the last report, and remembers the last of it."""

    def __init__(self) -> None:
        self._count = 0
        self._last = ""

    def add(self, kind: str, error: Exception, path: str, offset: int) -> None:
        """Note that something of a line of this place raised."""
        self._count += 1
        frame = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__}: {error}"[:LONGEST]
        self._last = f"{path} at byte {offset}: {kind}: {what!a} in {Path(frame.filename).name}:{frame.lineno}"

    def take_report(self) -> str | None:
        """What was set aside since the last call; None for nothing."""
        if not self._count:
            return None
        report = (
            f"{self._count} set aside because reading them failed, the last in {self._last}:"
            f" each counts in {LINE_ERRORS}: report that line, logwatch goes on without it"
        )
        self._count = 0
        return report
