"""Messages that are one JSON object: the engine's `"log-format": "json"` and `docker events --format '{{json .}}'`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from logwatch.notation import fraction_or_text, whole_or_text

Tree = Mapping[str, object]

CEE_COOKIE = b"@cee:"  # some writers mark JSON in syslog so
DEEPEST = 64
"""Levels of nesting that are read: each costs what works on the tree a call of its own."""


def parse(message: bytes) -> Tree | None:
    """The object, or None where the message is anything else (or was cut short)."""
    text = message.strip().removeprefix(CEE_COOKIE).lstrip()
    if text[:1] != b"{":
        return None
    try:
        tree = json.loads(
            text.decode(errors="replace"), parse_int=whole_or_text, parse_float=fraction_or_text, parse_constant=str
        )
    except (ValueError, RecursionError):
        return None
    if text.count(b"{") + text.count(b"[") > DEEPEST and is_deep(tree):
        return None
    return _encodable(tree) if b"\\ud" in text.lower() else tree  # type: ignore[return-value]  # text began with {


def is_deep(tree: object) -> bool:
    """Whether a tree has more levels than are read."""
    level = [tree]
    for _ in range(DEEPEST):
        level = [below for each in level for below in _below(each)]
        if not level:
            return False
    return True


def _below(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def lookup(tree: Tree, path: str) -> str | None:
    """What stands at a dotted path, as text; None where there is nothing or null.

    Keys may hold dots themselves (`com.docker.compose.service`): the longest key that exists
    wins at each step. Numbers and booleans are given as JSON writes them.
    """
    if path in tree:
        return as_text(tree[path])
    head = path
    while "." in head:
        head = head.rpartition(".")[0]
        below = tree.get(head)
        if isinstance(below, Mapping):
            found = lookup(below, path[len(head) + 1 :])
            if found is not None:
                return found
    return None


def as_text(value: object) -> str | None:
    """A JSON value as the text of a field."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _encodable(value: object) -> object:
    """Replace halves of surrogate pairs, which JSON may spell but UTF-8 cannot."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return value
