"""What pygtail is asked: where it left off, where to write that, and what it takes for a rotated log.

Its offset file is read at a first start and written at a clean stop, so that pygtail can continue
after logwatch and logwatch after pygtail. Positions in between are in the state database.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from pygtail.core import Offset, Pygtail

WHOLE = re.compile(
    rb"""
    (?P<inode> [0-9]+ ) \n
    (?P<offset> [1-9][0-9]* ) \n
    """,
    re.VERBOSE,
)


class Position(NamedTuple):
    """Where reading stopped: in the log itself, or in the file that it was rotated to."""

    path: str
    inode: int
    offset: int


class _Log(Pygtail):  # type: ignore[misc] # pygtail carries no types
    """A log as pygtail sees it.

    It is never iterated, because it reads text line by line and saves its position before the line is processed.
    """

    def _filehandle(self) -> None:
        """Open nothing: its destructor would open the log to close it."""

    def update_offset_file(self) -> None:
        """Leave the offset file as it is when a log was rotated to an unknown place."""


def offset_file(folder: Path, path: str) -> Path:
    """Return where the offset file of a log is: not beside the log, which is read-only."""
    return folder / f"{quote(path, safe='')[-200:]}.offset"


def read_position(folder: Path, path: str, patterns: Sequence[str] = ()) -> Position | None:
    """Let pygtail read its offset file, and decide whether the log was rotated since.

    None if it does not exist, or pygtail starts over because it does not find the rotated log.
    """
    file = offset_file(folder, path)
    with suppress(OSError):
        if WHOLE.fullmatch(file.read_bytes()):  # pygtail raises ValueError on any other
            log = _Log(path, offset_file=str(file), log_patterns=list(patterns))
            if log.offset:
                return Position(log.rotated_logfile or path, log.offset_file_inode, log.offset)
    return None


def write_position(folder: Path, path: str, inode: int, offset: int) -> None:
    """Let pygtail write its offset file, all of it or nothing."""
    file = offset_file(folder, path)
    log = _Log(path, offset_file=os.devnull)
    log.offset_file = f"{file}.new"
    log.write_offset_to_file(Offset(0, inode, offset))
    os.replace(log.offset_file, file)


def rotated_candidate(path: str, patterns: Sequence[str] = ()) -> str | None:
    """Return the file that pygtail takes for the rotated log, by its name; None if there is none."""
    log = _Log(path, offset_file=os.devnull, log_patterns=list(patterns))
    candidate: str | None = log._check_rotated_filename_candidates()  # noqa: SLF001 - pinned by a test
    return candidate
