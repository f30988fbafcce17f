"""From the bytes of a file to a line whose header has been read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

SECOND = 1_000_000_000
"""In nanoseconds."""


class NamedContainer(NamedTuple):
    """Id and name of a container, as a source has them beside its lines."""

    host: str
    id: str
    name: str
    time_ns: int


class Chunk(NamedTuple):
    """Some hundred KiB of whole lines, as they stand in one file.

    `data` always ends with a newline (a source adds the one that a torn last line lacks).
    """

    data: bytes
    path: str
    """The configured path, also when the bytes came from a rotated or compressed copy."""
    offset: int
    """Of data[0], from the start of this (decompressed) generation of the file."""
    mtime_ns: int
    """When the file was last written, as far as known when it was read: bounds a stamp's year."""
    live: bool = False
    """The reader stands at the end of the file: its newest line was written just now."""
    line: int | None = None
    """Number of the first line, from 1; None where lines are not counted (`run`)."""
    is_host_known: bool = True
    """False: the host in its headers is a guess, and that of the log's engine lines counts if there are any."""
    followed_by: tuple[Chunk, ...] = ()
    """Chunks to process after it, in the same commit."""
    named: tuple[NamedContainer, ...] = ()
    """Containers whose names the source has, and did not report before."""


class Hit(NamedTuple):
    """One line in which the scanner found the patterns of some rules.

    `start` and `end` bound the line in the chunk's data, without its newline; `rules` are
    ascending indexes into the rules the scanner was built from.
    """

    start: int
    end: int
    rules: tuple[int, ...]
    before: int = 0
    """Lines before it in the chunk."""


class Doubtful(NamedTuple):
    """A line in the engine's form under the tag of a shell: its host decides whether it is the engine's."""

    start: int
    level: str | None
    says_docker: bool


class Scan(NamedTuple):
    """What one pass over a chunk found."""

    lines: int
    docker_lines: int
    """Lines that contain `docker` or carry an engine's tag."""
    levels: Mapping[str, int]
    """Lines of the engine's own tags by the level that logrus wrote."""
    hits: Sequence[Hit]
    """In the order of the file, each line once."""
    ignored: Mapping[str, int] = {}
    """Lines by the id of the `ignore` rule that knows them, where the scanner only counts those, and of rules that step back from it."""
    known_lines: int = 0
    """Docker lines among the ignored ones; they are not among the hits."""
    ignored_ends: Collection[int] = frozenset()
    """Where the lines end that those rules know: the offsets after their newlines."""
    doubtful: Sequence[Doubtful] = ()
    """In the order of the file; neither their levels nor those that do not say `docker` are counted above."""


class Record(NamedTuple):
    """A line whose header has been read."""

    time_ns: int
    """When it happened: the payload's own time where it can be trusted, else `stamp_ns`."""
    stamp_ns: int
    """When the header says it was written; the evaluation clock moves by this."""
    host: str
    tag: str
    """Syslog tag or APP-NAME, without pid, brackets and colon."""
    pid: str | None
    message: bytes
    """As it stands in the file; escapes such as #012 are undone in the fields taken from it."""
    far_off: bool = False
    """The message carries a time of its own, over an hour from the header's, and no zone explains it: no engine wrote it."""
