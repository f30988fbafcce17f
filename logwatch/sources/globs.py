"""Which files a pattern means: logs, not their rotated copies."""

from __future__ import annotations

import fnmatch
import glob
import os

from logwatch.sources.content import packed_suffix
from logwatch.sources.copies import ROTATED


def is_pattern(path: str) -> bool:
    """The path holds `*`, `?` or `[`."""
    return glob.has_magic(path)


def expand(pattern: str) -> list[str]:
    """The logs that a pattern means, sorted.

    A name that looks rotated stands for the log it was rotated from where the pattern
    means that too: `messages*` finds `messages` and not `messages.1`, also while `messages` is missing.
    """
    found = set()
    for path in glob.glob(pattern, recursive=True):
        if not os.path.isdir(path):
            found.add(_log_of(path, pattern))
    return sorted(path for path in found if not packed_suffix(path))


def _log_of(path: str, pattern: str) -> str:
    """The log that a rotated copy came from, or the path itself."""
    directory, name = os.path.split(path)
    bare = name.removesuffix(packed_suffix(name))
    for rotated in ROTATED.finditer(bare):
        base = os.path.join(directory, bare[: rotated.start()] + bare[rotated.end() :])
        if rotated.start() and fnmatch.fnmatch(base, pattern):
            return base
    return path
