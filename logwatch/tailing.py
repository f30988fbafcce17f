"""What `tail -f | grep docker` shows of a log, read: docker lines with their fields, names and events.

Names are what the lines themselves tell, and the engine's own files where they can be read.
Secrets are masked as in everything that is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from logwatch.authoring.line_classifier import DockerLine, LineClassifier
from logwatch.formats import escapes
from logwatch.formats.line_parser import LineReader
from logwatch.formats.tags import EVENTS_TAG
from logwatch.lifecycle import Find, Lifecycle
from logwatch.matching.fields import fields_of
from logwatch.matching.patterns import Regex
from logwatch.matching.redaction import MASK, WORDS, Masker
from logwatch.model import SHORT_ID, Chunk, Event, Outcome, Record, Rule

_ID = re.compile(
    r"""
    (?<! [0-9a-f] ) (?: [0-9a-f]{64} | [0-9a-f]{12} ) (?! [0-9a-f] )   # 8dd3c0ffee12, or all of it
    """,
    re.VERBOSE,
)
_WORD = re.compile(r"[\w.-]+")
_SAID = frozenset({"time", "level", "msg"})
"""Fields that have a place of their own in a line."""


class Telling(NamedTuple):
    """An event as one line tells it."""

    event: Event
    first: bool
    """It happened with this line; False: another line reported it before, or may still prove that it never happened."""


class Line(NamedTuple):
    """One docker line, as a person wants it."""

    text: bytes
    """As it stands in the log, without its newline."""
    time_ns: int | None
    """None: no header can be read."""
    tag: str
    family: str
    """Who wrote it: `engine`, `containerd`, `container output`, `no header`, or the tag itself."""
    level: str
    """What the engine called it; empty where it did not."""
    message: str
    fields: Mapping[str, str]
    """The other fields, ids replaced by names where they are known."""
    events: Sequence[Telling]
    """What the rules make of it."""


LEVELS = ("trace", "debug", "info", "warning", "error", "fatal", "panic")
"""Of the engine, and in that order."""
_SHORT_LEVELS = {"warn": "warning", "err": "error", "critical": "fatal"}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines are wanted; what is None does not restrict."""

    name: str | None = None
    """Of the object of an event, or anywhere in the line; `*` is any text."""
    event: str | None = None
    """`type.action`, `type`, or a pattern with `*`."""
    level: str | None = None
    """The lowest of `LEVELS`; of a line without one the severity of its events counts."""
    grep: Regex | None = None
    """Found in the line as it stands in the log."""

    def __bool__(self) -> bool:
        """Whether it restricts anything."""
        return self != Filter()

    def accepts(self, line: Line) -> bool:
        """Whether the line is wanted."""
        return (
            (self.grep is None or self.grep.search(line.text) is not None)
            and (self.event is None or any(self._is_kind(reported.event.event) for reported in line.events))
            and (self.level is None or self._rank(line) >= LEVELS.index(self.level))
            and (self.name is None or self._is_about(line, self.name))
        )

    def _is_kind(self, event: str) -> bool:
        assert self.event is not None
        return fnmatchcase(event, self.event if "." in self.event or "*" in self.event else f"{self.event}.*")

    @staticmethod
    def _rank(line: Line) -> int:
        levels = [line.level] if line.level else [reported.event.severity for reported in line.events]
        known = [_SHORT_LEVELS.get(level, level) for level in levels]
        return max((LEVELS.index(level) for level in known if level in LEVELS), default=-1)

    @staticmethod
    def _is_about(line: Line, name: str) -> bool:
        words = {word for text in (line.message, *line.fields.values()) for word in _WORD.findall(text)}
        return any(
            fnmatchcase(each, name) for each in (*(reported.event.name or "" for reported in line.events), *words)
        )


class Tail:
    """Reads the docker lines of chunks, one after the other, and remembers names."""

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        zone: tzinfo | None = None,
        cache_dir: Path | None = None,
        secrets: Sequence[str] = (),
        find: Find | None = None,
    ) -> None:
        """`find` looks a container up in the engine's own files."""
        self._classifier = LineClassifier(rules, zone, cache_dir)
        self._masker = Masker([*WORDS, *secrets])
        self._lifecycle = Lifecycle(find=find)

    def read(self, chunk: Chunk, now_ns: int) -> Iterator[Line]:
        """Yield the docker lines of a chunk, in their order."""
        for line in self._classifier.classify(chunk, now_ns):
            yield self._read(line)

    def _read(self, line: DockerLine) -> Line:
        record = line.record
        if record is None:
            return Line(line.text, None, "", line.family, "", _text(line.text), {}, ())
        reported = self._take_in(record, line.events)
        found = fields_of(record) if record.tag != EVENTS_TAG else {}
        message = found.get("msg") or ("" if found or line.events else _text(record.message))
        named = {key: self._shown(key, value, record.host) for key, value in found.items() if key not in _SAID}
        return Line(
            line.text,
            record.time_ns,
            record.tag,
            line.family,
            found.get("level", ""),
            self._shown("msg", message, record.host),
            named,
            reported,
        )

    def _take_in(self, record: Record, events: Sequence[Event]) -> list[Telling]:
        """Let the lifecycle say what the line's events mean, and learn names from them."""
        self._lifecycle.advance(record.stamp_ns)
        reported = []
        for event in events:
            made = self._lifecycle.process(event)
            first = any(type(each) is Outcome and not each.amends and each.event.event == event.event for each in made)
            reported.append(Telling(self._named(event), first))
        return reported

    def _shown(self, key: str, value: str, host: str) -> str:
        """A value with names for ids, and without secrets."""
        if self._masker.is_secret(key):
            return MASK
        return _ID.sub(lambda found: self._name(host, found[0]), self._masker.mask(value))

    def _named(self, event: Event) -> Event:
        if event.name is not None or event.id is None:
            return event
        return event._replace(name=self._lifecycle.name_of(event.host, event.id))

    def _name(self, host: str, given: str) -> str:
        return self._lifecycle.name_of(host, given) or given[:SHORT_ID]


def _text(message: bytes) -> str:
    return escapes.undo(message).decode(errors="replace")


def recent(blocks: Iterable[Chunk], now_ns: int, *, count: int | None, since_ns: int | None) -> list[Chunk]:
    """As many blocks as hold the last `count` docker lines, or all since then; they come the last one first.

    The oldest is returned first, so that names are learned in their order.
    """
    taken: list[Chunk] = []
    found = 0
    for block in blocks:
        taken.append(block)
        found += sum(b"docker" in line for line in block.data.split(b"\n"))
        if since_ns is None and count is not None and found >= count:
            break
        if since_ns is not None and _begins_before(block, since_ns, now_ns):
            break
    return taken[::-1]


def _begins_before(block: Chunk, since_ns: int, now_ns: int) -> bool:
    """The block's first dated line is from before: so is everything above it."""
    reader = LineReader(None)
    reader.begin(block, now_ns)
    records = (reader.read(line) for line in block.data.split(b"\n"))
    return next((record.stamp_ns < since_ns for record in records if record is not None), False)
