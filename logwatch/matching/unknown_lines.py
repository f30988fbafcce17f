"""Engine lines that no rule knows, grouped by their text: what an upgrade of the engine brings.

`run` looks at the lines that were left over by the rules, and keeps how often each form of text came and a few
lines of it, for the page and for `logwatch suggest`. Warnings and errors of which no rule knows more than that belong
to them. Texts of one form differ in the words that hold digits or a path, and in at most 40 % of the others, as in
Drain (He et al., ICWS 2017), which `suggest` uses.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from logwatch.formats import json, logfmt
from logwatch.formats.rfc3164 import Origin
from logwatch.formats.tags import TAG_FAMILIES
from logwatch.model import SECOND, Event
from logwatch.store.history import History
from logwatch.store.state_table import StateTable

STAGE = "unknown"
"""Under which name its tables are committed."""
MOST_LINES = 100
"""Lines of a chunk that are grouped."""
MOST_GROUPS = 500
KEPT_NS = 7 * 86_400 * SECOND
"""How long a group is kept after its last line."""
MOST_SAMPLES = 3
LONGEST_MESSAGE = 4_000
LONGEST_SAMPLE = 1_000
"""Bytes of a line that are kept."""
MOST_WORDS = 40
LIKENESS = 0.6
PARAMETER = "<*>"
NO_LEVEL = "none"
HOUR_NS = 3600 * SECOND
BOOT_NS = 600 * SECOND
"""An engine logs its version late in its start; lines of so long before belong to it."""
MOST_HOSTS = 1_000

_ENGINES = TAG_FAMILIES["engine"] | TAG_FAMILIES["containerd"]
_VARIABLE = re.compile(r"[0-9/]|.{40}")
"""A word that holds one of these is a value."""
_PAYLOADS = (re.compile(rb'time="'), re.compile(rb'"level":"'))
"""What every line of an engine has, in logfmt and in JSON."""


@dataclass(slots=True)
class LineGroup:
    """Lines of one level whose texts have the same form."""

    level: str
    words: list[str]
    """Those that differ from line to line are `<*>`."""
    host: str
    """Of the first line."""
    first_ns: int
    last_ns: int
    count: int = 0
    samples: list[str] = field(default_factory=list)
    """Lines without their secrets."""

    @property
    def text(self) -> str:
        """The words, with `<*>` for those that differ."""
        return " ".join(self.words)


class Engine(NamedTuple):
    """What is known of a host's engine."""

    version: str
    changed_ns: int | None
    """When it first logged this version, after another one."""


class UnknownLines:
    """Groups of unknown lines, and the versions of the engines."""

    def __init__(self, mask: Callable[[str], str]) -> None:
        """`mask` takes the secrets out of the lines that are kept."""
        self._mask = mask
        self._groups: StateTable[int, LineGroup] = StateTable("group", _encode, _decode)
        self._engines: StateTable[str, Engine] = StateTable("engine", list, lambda _host, row: Engine(*row))
        self._alike: dict[tuple[str, int, str], list[int]] = {}
        """Level, number of words and first word to groups."""
        self._begun = self._expired_ns = 0
        self.tables = (self._groups, self._engines)

    def process(
        self, data: bytes, known: Collection[int], origin_of: Callable[[bytes], Origin | None], clock_ns: int
    ) -> bool:
        """Group the engine's lines of a chunk that do not end where rules `known` them; whether groups came or went.

        `origin_of` returns who wrote a line, None if that is not an engine or cannot be read.
        """
        before = self._begun, len(self._groups)
        for start, message, end in find(data, known):
            origin = origin_of(data[start:end])
            if origin is not None and origin.tag in _ENGINES:
                self._add(data[start:end], data[message:end], origin.host, clock_ns)
        if clock_ns >= self._expired_ns + HOUR_NS:
            self._expired_ns = clock_ns
            for key in [key for key, group in self._groups.items() if group.last_ns < clock_ns - KEPT_NS]:
                self._forget(key)
        return before != (self._begun, len(self._groups))

    def _add(self, line: bytes, message: bytes, host: str, clock_ns: int) -> None:
        level, text = text_of(message[:LONGEST_MESSAGE])
        words = _words(self._mask(text))
        key = self._find(level or NO_LEVEL, words)
        if key is None:
            key = self._begin(LineGroup(level or NO_LEVEL, words, host, clock_ns, clock_ns))
        group = self._groups[key]
        group.count += 1
        group.last_ns = max(group.last_ns, clock_ns)
        self._groups.touch(key)
        if len(group.samples) < MOST_SAMPLES:
            group.samples.append(self._mask(line[:LONGEST_SAMPLE].decode(errors="replace")))

    def process_start(self, event: Event) -> bool:
        """Note the version that an engine logs at its start; whether it is another one than before."""
        version, known = event.attributes.get("version"), self._engines.get(event.host)
        if version is None or (known is not None and known.version == version):
            return False
        if known is None and len(self._engines) >= MOST_HOSTS:
            return False
        self._engines[event.host] = Engine(version, None if known is None else event.time_ns)
        return known is not None

    def counts(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Return the number of groups by level, and of those that began after the engine's version changed."""
        since_ns = {host: engine.changed_ns for host, engine in self._engines.items()}
        every, later = Counter[str](), Counter[str]()
        for group in self._groups.values():
            every[group.level] += 1
            changed_ns = since_ns.get(group.host)
            later[group.level] += changed_ns is not None and group.first_ns >= changed_ns - BOOT_NS
        return every, later

    @property
    def changed_ns(self) -> int | None:
        """When the version of an engine last changed."""
        return max((each.changed_ns for each in self._engines.values() if each.changed_ns), default=None)

    def groups(self) -> list[LineGroup]:
        """Return all groups, the one with most lines first."""
        return sorted(self._groups.values(), key=lambda group: (-group.count, group.text))

    def restored(self) -> None:
        """Rebuild the index, after the tables were restored."""
        self._alike = {}
        self._begun = max(self._groups, default=0)
        for key, group in self._groups.items():
            self._alike.setdefault(_index(group), []).append(key)

    def _find(self, level: str, words: list[str]) -> int | None:
        """Find the group of a text; what differs from its words becomes a parameter."""
        for key in self._alike.get((level, len(words), words[0]), ()):
            group = self._groups[key]
            common = [a if a == b else PARAMETER for a, b in zip(group.words, words, strict=True)]
            if common == group.words or len(words) - common.count(PARAMETER) >= LIKENESS * len(words):
                group.words = common
                return key
        return None

    def _begin(self, group: LineGroup) -> int:
        if len(self._groups) >= MOST_GROUPS:
            self._forget(min(self._groups, key=lambda key: self._groups[key].last_ns))
        self._begun += 1
        self._groups[self._begun] = group
        self._alike.setdefault(_index(group), []).append(self._begun)
        return self._begun

    def _forget(self, key: int) -> None:
        self._alike[_index(self._groups.pop(key))].remove(key)


def find(data: bytes, known: Collection[int], limit: int = MOST_LINES) -> Iterator[tuple[int, int, int]]:
    """Yield start, message's start and end of the first lines in an engine's form; those of which the newline ends at `known` offsets are left out."""
    for payload in _PAYLOADS:
        line_end = -1
        for match in payload.finditer(data):
            if match.start() < line_end:
                continue
            line_end = data.find(b"\n", match.end())
            if line_end + 1 in known:
                continue
            start = data.rfind(b"\n", 0, match.start()) + 1
            yield start, match.start() if payload is _PAYLOADS[0] else data.find(b"{", start, line_end), line_end
            limit -= 1
            if not limit:
                return


def text_of(message: bytes) -> tuple[str | None, str]:
    """Return the level of a message and its text: `msg` if it has one, else all of it."""
    tree = json.parse(message)
    if tree is not None:
        text = json.lookup(tree, "msg")
        return json.lookup(tree, "level"), message.decode(errors="replace") if text is None else text
    fields = logfmt.parse(message)
    if "msg" in fields and "level" in fields:
        return fields["level"], fields["msg"]
    return None, message.decode(errors="replace")


def committed(history: History) -> list[LineGroup]:
    """Return the groups as of the last commit, the one with most lines first."""
    unknown = UnknownLines(str)
    for table in unknown.tables:
        table.restore(history.rows(STAGE, table.prefix))
    return unknown.groups()


def _words(text: str) -> list[str]:
    words = text.split()[:MOST_WORDS]
    return [PARAMETER if _VARIABLE.search(word) else word for word in words] or [""]


def _index(group: LineGroup) -> tuple[str, int, str]:
    return group.level, len(group.words), group.words[0]


def _encode(group: LineGroup) -> list[Any]:
    return [group.level, group.words, group.host, group.first_ns, group.last_ns, group.count, group.samples]


def _decode(_key: int, row: list[Any]) -> LineGroup:
    return LineGroup(*row)
