"""Finds the docker lines of logs, each with who writes it and the rules that take it.

A docker line contains `docker` or has an engine's tag. `tail` shows them; authors of rules count and group them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import NamedTuple

from logwatch.formats.line_parser import LineReader
from logwatch.formats.tags import TAG_FAMILIES
from logwatch.matching.extractor import Extractor
from logwatch.matching.scanner import Scanner
from logwatch.model import Chunk, Event, Hit, Record, Rule

CONTAINER = "container output"
NO_HEADER = "no header"
_CONTAINER_TAG = re.compile(
    r"""
    [0-9a-f]{12} (?: [0-9a-f]{52} )?      # d642c9fb1c22: the syslog driver's own tag
    | docker/ .+                          # docker/web: tag=docker/{{.Name}}
    """,
    re.VERBOSE,
)
_FAMILY_OF = {tag: family for family, tags in TAG_FAMILIES.items() for tag in tags}


class DockerLine(NamedTuple):
    """A docker line, and what the rules make of it."""

    text: bytes
    record: Record | None
    family: str
    """`engine`, `containerd`, `container output`, `no header`, or the tag itself."""
    rules: Sequence[str]
    """Those that take it; none: the line is unknown."""
    events: Sequence[Event] = ()
    """What they make of it."""


class Surveyor:
    """Finds the docker lines of logs, by these rules."""

    def __init__(self, rules: Sequence[Rule], zone: tzinfo | None = None, cache_dir: Path | None = None) -> None:
        self._scanner = Scanner(rules, cache_dir)
        self._extractor = Extractor(rules)
        self._zone = zone
        self._readers: dict[str, LineReader] = {}

    def survey(self, chunk: Chunk, now_ns: int) -> Iterator[DockerLine]:
        """Yield the docker lines of a chunk, in their order."""
        reader = self._readers.setdefault(chunk.path, LineReader(self._zone))
        reader.begin(chunk, now_ns)
        hits = {hit.start: hit for hit in self._scanner.scan(chunk.data).hits}
        start = 0
        for text in _lines(chunk.data):
            end = start + len(text)
            line = self._look(reader, text.rstrip(b"\n"), hits.get(start) or Hit(start, end - 1, ()))
            if line is not None:
                yield line
            start = end
        reader.unparsed.clear()

    def _look(self, reader: LineReader, text: bytes, hit: Hit) -> DockerLine | None:
        docker = b"docker" in text
        record = reader.read(text)
        if record is None:
            return DockerLine(text, None, NO_HEADER, ()) if docker else None
        if not docker and record.tag not in TAG_FAMILIES["engine"]:
            return None
        extraction = self._extractor.extract(record, hit, "", hit.start, None)
        if not docker and not extraction.engine:
            return None
        barred = record.tag == "docker" and not extraction.engine
        family = CONTAINER if barred else family_of(record.tag)
        return DockerLine(text, record, family, extraction.rules, extraction.events)


def family_of(tag: str) -> str:
    """Who writes under a tag: a family, `container output`, or the tag itself."""
    if tag in _FAMILY_OF:
        return _FAMILY_OF[tag]
    return CONTAINER if _CONTAINER_TAG.fullmatch(tag) else tag or "no tag"


def _lines(data: bytes) -> Iterator[bytes]:
    """The lines of bytes, which only a newline ends."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start) + 1 or len(data)
        yield data[start:end]
        start = end
