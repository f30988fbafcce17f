"""What can go wrong, and whose part it is to correct it.

LogwatchError            one line on stderr, exit status 2; everything else is a bug
├── ConfigError          the configuration or the command line
├── SourceError          a log that cannot be read
├── StateError           the state directory: locked, newer, not writable
│   └── CommitError      a commit that the disk refused
├── ImageError           an image archive, a data directory, or an image in it
├── RuleError            rule files, every mistake of every file at once
└── NotifyError          a receiver that refused or did not answer
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path

from logwatch.model import Mark


class LogwatchError(Exception):
    """The base of every error that an operator can correct."""


class ConfigError(LogwatchError):
    """The configuration file, a flag or the environment is wrong."""


UNEXPECTED = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What a value that no stage expects can raise. Errors of the disk, of memory and of operators are none of these."""


class SourceError(LogwatchError):
    """A log cannot be read; the message names the path, its mode and owner, and the cure."""


class ImageError(LogwatchError):
    """An image archive or a data directory cannot be read, or an image is not in it."""


class StateError(LogwatchError):
    """The state directory cannot be used."""


class CommitError(StateError):
    """A commit failed; `retry`: whether a retry may help (space on a full disk is freed)."""

    def __init__(self, message: str, *, retry: bool) -> None:
        self.retry = retry
        super().__init__(message)


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake in a file: `path:line:column: what: cure` (line and column count from 1).

    Line 0 means the file (or folder, flag, variable) as a whole.
    """

    path: str
    line: int
    column: int
    what: str
    warning: bool = False
    """It works, and is probably not what was meant."""

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        return f"{place}: {'warning: ' if self.warning else ''}{self.what}"


def mistake(mark: Mark, what: str, *, warning: bool = False) -> Mistake:
    """A mistake at a place in a file."""
    return Mistake(mark.path, mark.line, mark.column, what, warning)


class RuleError(LogwatchError):
    """Rule files with mistakes; `mistakes` holds all of them in file order."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = sorted(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))


class NotifyError(LogwatchError):
    """A notification was not delivered; `retry`: whether a retry may help."""

    def __init__(self, message: str, *, retry: bool) -> None:
        self.retry = retry
        super().__init__(message)


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
