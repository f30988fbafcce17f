"""Cuts what was read into whole lines, independently of where a read ends.

Of a line longer than the limit the first bytes are returned and the rest is skipped; NULs at
the start of a line (a writer without O_APPEND leaves a hole after copytruncate) are
skipped; a last line without its newline waits.
"""

from __future__ import annotations

from typing import NamedTuple


class Cut(NamedTuple):
    """What to do with the bytes from `start` on."""

    data: bytes
    """Whole lines; empty if there are none to return."""
    used: int
    """Bytes processed."""
    over_long: bool = False
    """The last line of `data` is the beginning of a line that is too long; its rest follows."""
    nuls: int = 0
    """Bytes of `used` that were NULs at the start of a line (`data` is empty then)."""


def cut_lines(window: bytes, start: int, limit: int, *, more: bool) -> Cut:
    """Cut whole lines of at most `limit` bytes out of `window[start:]`, which starts a line.

    `more` says that the file continues after the window. `used` is 0 when the end of the line must be waited for.
    """
    if window.startswith(b"\0", start):
        return _nuls(window, start, more=more)
    end = window.rfind(b"\n", start) + 1 or start
    end = _before_nuls(window, start, end)
    position = start
    while position < end:
        newline = window.rfind(b"\n", position, min(position + limit + 1, end))
        if newline < 0:
            break
        position = newline + 1
    if position == end and ((end < len(window) and window[end] == 0) or len(window) - end <= limit):
        return Cut(window[start:end], end - start)
    stop = position + limit
    return Cut(window[start:stop] + b"\n", stop - start, over_long=True)


def _before_nuls(window: bytes, start: int, end: int) -> int:
    """Return where the first line that starts with a NUL begins, else `end`."""
    if window.find(0, start) < 0:
        return end
    found = window.find(b"\n\0", start) + 1
    return found or end


def _nuls(window: bytes, start: int, *, more: bool) -> Cut:
    rest = len(window[start:].lstrip(b"\0"))
    run = len(window) - start - rest
    # NULs at the very end may be a size that a network file system shows before its
    # bytes: they wait for what follows.
    if not rest and not more:
        return Cut(b"", 0)
    return Cut(b"", run, nuls=run)
