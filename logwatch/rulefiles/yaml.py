"""YAML with the line and column of everything, and without YAML 1.1's surprises.

libyaml only gives the events; the tree is built here, so that each node keeps its place,
depth and size are bounded, and a key that is written twice is a mistake. A plain scalar is
null, true, false or text: `no`, `off`, `1.10`, `12:30` and `0123` stay text, and
a field of a schema that is a number reads it from the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from logwatch.errors import Mistake
from logwatch.model import Mark

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_DEPTH = 40
MAX_NODES = 500_000
"""Aliases repeat what they name: nine lines of them can mean a billion values."""

MERGE = "<<"
"""The key that takes over the keys of other mappings: https://yaml.org/type/merge.html"""
NULLS = frozenset({"", "~", "null", "Null", "NULL"})
BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
TEXT_TAGS = frozenset({None, "!", "tag:yaml.org,2002:str"})

# libyaml's message to cause and cure.
CURES = {
    "mapping values are not allowed": "a second ': ' in an unquoted value: put the value in single quotes",
    "found character that cannot start any token": "unquoted text cannot begin with {character}: put it in single quotes",
    "found unexpected end of stream": "this quote is never closed: add the closing quote (inside single quotes write ' as '')",
    "found unknown escape character": "double quotes give \\ a meaning: write patterns in single quotes",
    "did not find expected ',' or ']'": "this list is not closed: a ',' or ']' is missing",
    "did not find expected ',' or '}'": "this mapping is not closed: a ',' or '}}' is missing (quote text that begins with {{)",
    "did not find expected '-' indicator": "a list item or key is indented differently from those before it: align it with them",
    "did not find expected key": "expected a key here: check the indentation, and the quotes of the line before",
    "could not find expected ':'": "a key needs ': ' after it: add the colon and a blank, or put the text in quotes",
    "block sequence entries are not allowed": "a list cannot begin here: begin it on the next line, or write [a, b]",
    "control characters are not allowed": "a control character: remove it, or write it as an escape in double quotes",
}
TAB = "a tab: YAML is indented with blanks only"
BEGINNINGS = ("quoted scalar", "flow sequence", "flow mapping")
"""For these the place where they begin is more useful than the end of the file."""


class Entry(NamedTuple):
    """A key's place and its value."""

    mark: Mark
    node: Node


@dataclass(slots=True)
class Node:
    """One value of a YAML file with its place."""

    mark: Mark
    value: str | bool | list[Node] | dict[str, Entry] | None
    size: int = 1
    quoted: bool = False

    def at(self, location: tuple[int | str, ...]) -> Node:
        """Return the node at a path of keys and indexes, or its nearest ancestor."""
        node = self
        for step in location:
            found = node._child(step)
            if found is not None:
                node = found
        return node

    def _child(self, step: int | str) -> Node | None:
        if isinstance(self.value, dict) and step in self.value:
            return self.value[str(step)].node
        if isinstance(self.value, list) and isinstance(step, int) and step < len(self.value):
            return self.value[step]
        return None

    def key_mark(self, key: str) -> Mark:
        """The place of a key of this mapping; the mapping itself if the key is missing."""
        if isinstance(self.value, dict) and key in self.value:
            return self.value[key].mark
        return self.mark

    def plain(self) -> Any:
        """The value without places, as lists, dicts, text, bools and None."""
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        if isinstance(self.value, dict):
            return {key: entry.node.plain() for key, entry in self.value.items()}
        return self.value


def scalar(text: str) -> str | bool | None:
    """What a plain (unquoted) scalar means."""
    if text in NULLS:
        return None
    return BOOLEANS.get(text, text)


def parse(content: bytes, path: str) -> tuple[Node | None, list[Mistake]]:
    """Parse one file; None without a mistake means that the file is empty."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _place(content[: error.start].decode("utf-8", "replace"))
        what = f"byte 0x{content[error.start]:02x} is not UTF-8: save the file as UTF-8"
        return None, [Mistake(path, line, column, what)]
    composer = _Composer(path)
    try:
        root = composer.document(yaml.parse(text, Loader=LOADER))
    except yaml.reader.ReaderError as error:
        line, column = _place(text.encode()[: error.position].decode("utf-8", "replace"))
        return None, [Mistake(path, line, column, CURES["control characters are not allowed"])]
    except yaml.MarkedYAMLError as error:
        return None, [*composer.mistakes, _syntax(error, text, path)]
    except _TooMuchError as error:
        return None, [error.mistake]
    return root, composer.mistakes


def _place(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _syntax(error: yaml.MarkedYAMLError, text: str, path: str) -> Mistake:
    """Translate libyaml's message into the cause and the cure."""
    problem, context = str(error.problem), str(error.context)
    mark = error.problem_mark or error.context_mark
    if error.context_mark is not None and any(word in context for word in BEGINNINGS):
        mark = error.context_mark
    lines = text.splitlines()
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    character = lines[line][column : column + 1] if line < len(lines) else ""
    if character == "\t":
        return Mistake(path, line + 1, column + 1, TAB)
    for says, cure in CURES.items():
        if says in problem:
            return Mistake(path, line + 1, column + 1, cure.format(character=character or "this"))
    return Mistake(path, line + 1, column + 1, f"not YAML: {problem}")


SECOND_DOCUMENT = "a second document: write one file for each, without '---'"


class _TooMuchError(Exception):
    """The file is deeper or larger than any real one."""

    def __init__(self, mark: Mark, what: str) -> None:
        super().__init__(what)
        self.mistake = Mistake(mark.path, mark.line, mark.column, what)


@dataclass(slots=True)
class _Composer:
    """Builds the tree out of libyaml's events."""

    path: str
    mistakes: list[Mistake] = field(default_factory=list)
    anchors: dict[str, Node] = field(default_factory=dict)
    size: int = 0

    def document(self, events: Iterator[yaml.Event]) -> Node | None:
        """Build the one document of the file; a second one is a mistake."""
        root = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._say(self._mark(event), SECOND_DOCUMENT)
                    break
                root = self._node(next(events), events, 0)
        if root is not None and root.value is None and root.size == 1 and not root.quoted:
            return None
        return root

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
        mark = self._mark(event)
        if depth > MAX_DEPTH:
            raise _TooMuchError(mark, f"more than {MAX_DEPTH} levels deep: no rule or configuration is")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, mark)
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, mark)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(events, mark, depth)
        else:
            node = self._mapping(events, mark, depth)
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if anchor is not None:
            self.anchors[anchor] = node
        if tag not in TEXT_TAGS:
            self._say(mark, f"the tag {_short_tag(str(tag))} has no meaning here: remove it")
        return node

    def _scalar(self, event: yaml.ScalarEvent, mark: Mark) -> Node:
        self._grow(1, mark)
        plain = event.implicit[0] and not event.style
        return Node(mark, scalar(event.value) if plain else event.value, quoted=not plain)

    def _alias(self, event: yaml.AliasEvent, mark: Mark) -> Node:
        target = self.anchors.get(str(event.anchor))
        if target is None:
            self._say(mark, f"*{event.anchor} names no anchor before it: put text that begins with * in quotes")
            return Node(mark, None)
        self._grow(target.size, mark)
        return Node(mark, target.value, target.size, target.quoted)

    def _sequence(self, events: Iterator[yaml.Event], mark: Mark, depth: int) -> Node:
        self._grow(1, mark)
        items: list[Node] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._node(event, events, depth + 1))
        return Node(mark, items, 1 + sum(item.size for item in items))

    def _mapping(self, events: Iterator[yaml.Event], mark: Mark, depth: int) -> Node:
        self._grow(1, mark)
        entries: dict[str, Entry] = {}
        merged: list[Node] = []
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if isinstance(event, yaml.ScalarEvent) and event.value == MERGE and not event.style:
                merged += self._merged(self._node(next(events), events, depth + 1))
                continue
            key = self._key(event, events, depth)
            node = self._node(next(events), events, depth + 1)
            if key is None:
                continue
            if key in entries:
                first = entries[key].mark
                self._say(self._mark(event), f"key '{key}' is here twice (first in line {first.line}): keep one")
                continue
            entries[key] = Entry(self._mark(event), node)
        for node in merged:
            assert isinstance(node.value, dict)
            entries = {**node.value, **entries}
        return Node(mark, entries, 1 + sum(entry.node.size for entry in entries.values()))

    def _merged(self, node: Node) -> list[Node]:
        """The mappings that a merge key names; keys of the mapping itself, then of the first of them, win."""
        found = node.value if isinstance(node.value, list) else [node]
        for each in found:
            if not isinstance(each.value, dict):
                self._say(each.mark, "a merge key (<<) takes a mapping or a list of them: write <<: *anchor")
        return [each for each in found if isinstance(each.value, dict)]

    def _key(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> str | None:
        mark = self._mark(event)
        if not isinstance(event, yaml.ScalarEvent):
            self._node(event, events, depth + 1)
            self._say(mark, "a key must be plain text: put values that begin with {, [ or * in quotes")
            return None
        return str(event.value)

    def _mark(self, event: yaml.Event) -> Mark:
        mark = event.start_mark
        return Mark(self.path, mark.line + 1, mark.column + 1) if mark is not None else Mark(self.path, 1, 1)

    def _say(self, mark: Mark, what: str) -> None:
        self.mistakes.append(Mistake(mark.path, mark.line, mark.column, what))

    def _grow(self, size: int, mark: Mark) -> None:
        self.size += size
        if self.size > MAX_NODES:
            raise _TooMuchError(mark, f"more than {MAX_NODES} values, aliases counted in full: split the file")


def _short_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")
