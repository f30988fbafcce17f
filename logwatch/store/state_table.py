"""State that survives a restart: a dict that notes which of its keys changed.

A stage keeps what must survive in `StateTable`s and reads and writes them like any dict; it
never serialises anything itself. A commit asks each table for its `changed_rows`, once per
commit, so an object that changed a thousand times in between is encoded once. At a start
`restore` fills the tables again; what a stage derives from them (indexes, heaps) it rebuilds
itself.

A row is (`<prefix> <key as JSON>`, value as JSON), in the table `stages` of the database; the
row of the key "", for a table of one value, is called `<prefix>`. Rows whose key is written in
another way (older versions put blanks into them) are read too, and replaced at the next commit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping
from itertools import islice
from json.encoder import encode_basestring_ascii
from typing import Any, Generic, TypeVar, overload

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
Default = TypeVar("Default")
Rows = dict[str, str | None]
"""Row key to JSON; None deletes the row."""
MOST_HOSTS = 10_000
"""That a `HostTable` keeps."""

_MISSING = object()
_encode_any = json.JSONEncoder(separators=(",", ":")).encode  # json.dumps makes a new encoder per call


def _encode_json(value: Any) -> str:
    """Return a value as JSON; what most keys are, numbers and short lists of texts, by hand in a fifth of the time."""
    kind = type(value)
    if kind is int:
        return int.__repr__(value)
    if kind is tuple and set(map(type, value)) == {str}:
        return "[" + ",".join(map(encode_basestring_ascii, value)) + "]"
    return _encode_any(value)


def _as_is(value: Any) -> Any:
    return value


def _as_stored(_key: Any, value: Any) -> Any:
    return value


class StateTable(dict[Key, Value], Generic[Key, Value]):
    """A dict that is committed; keys are texts, or tuples of texts and numbers.

    `prefix` names the table among those of one stage. `encode` turns a value into what JSON
    can hold, `decode` turns a key and that back into the value.
    After a value was changed in place, call `touch`.
    """

    __slots__ = ("_changed", "_decode", "_encode", "_outdated", "prefix")

    def __init__(
        self,
        prefix: str,
        encode: Callable[[Value], Any] = _as_is,
        decode: Callable[[Key, Any], Value] = _as_stored,
    ) -> None:
        super().__init__()
        self.prefix = prefix
        self._encode = encode
        self._decode = decode
        self._changed: set[Key] = set()
        self._outdated: Rows = {}

    # ── the dict, noting changes ─────────────────────────────────────────────────────

    def touch(self, key: Key) -> None:
        """Mark the value of a key as changed in place."""
        assert key in self, f"{self.prefix}: no value to commit under {key!r}"
        self._changed.add(key)

    def replace(self, key: Key, value: Value) -> None:
        """Set a value if it differs, so that nothing is committed while nothing changes."""
        if self.get(key) != value:
            self[key] = value

    def __setitem__(self, key: Key, value: Value) -> None:
        super().__setitem__(key, value)
        self._changed.add(key)

    def __delitem__(self, key: Key) -> None:
        super().__delitem__(key)
        self._changed.add(key)

    @overload
    def pop(self, key: Key, /) -> Value: ...
    @overload
    def pop(self, key: Key, default: Value, /) -> Value: ...
    @overload
    def pop(self, key: Key, default: Default, /) -> Value | Default: ...
    def pop(self, key: Key, default: Any = _MISSING, /) -> Any:
        """Remove a key and return its value."""
        if key in self:
            self._changed.add(key)
            return super().pop(key)
        if default is _MISSING:
            raise KeyError(key)
        return default

    def popitem(self) -> tuple[Key, Value]:
        """Remove the key that was added last and return it with its value."""
        key, value = super().popitem()
        self._changed.add(key)
        return key, value

    def setdefault(self, key: Key, default: Value, /) -> Value:
        """Return the value of a key, after setting it if it is missing."""
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, values: Mapping[Key, Value]) -> None:  # type: ignore[override] # mappings only
        """Set several keys."""
        super().update(values)
        self._changed.update(values)

    def clear(self) -> None:
        """Remove all keys."""
        self._changed.update(self)
        super().clear()

    def __ior__(self, values: Any) -> Any:  # type: ignore[misc] # dict has overloads of | that no table needs
        self.update(dict(values))
        return self

    # ── rows ─────────────────────────────────────────────────────────────────────────

    @property
    def has_changes(self) -> bool:
        """Whether `changed_rows` would return any row."""
        return bool(self._changed or self._outdated)

    def changed_rows(self) -> Rows:
        """Return the rows of all keys that changed since the last call."""
        rows, self._outdated = self._outdated, {}
        for key in self._changed:
            rows[self._row_key(key)] = _encode_json(self._encode(self[key])) if key in self else None
        self._changed.clear()
        return rows

    def discard_changes(self) -> None:
        """Forget which keys changed: no store commits them."""
        self._changed.clear()
        self._outdated = {}

    def restore(self, rows: Mapping[str, str]) -> None:
        """Fill the table from the committed rows of its stage; rows of other tables are skipped."""
        super().clear()
        self.discard_changes()
        for row_key, row in rows.items():
            prefix, _, text = row_key.partition(" ")
            if prefix == self.prefix:
                key: Any = _hashable(json.loads(text)) if text else ""
                super().__setitem__(key, self._decode(key, json.loads(row)))
                if row_key != self._row_key(key):
                    self._outdated[row_key] = None
                    self._changed.add(key)

    def _row_key(self, key: Any) -> str:
        return self.prefix if key == "" else f"{self.prefix} {_encode_json(key)}"


class HostTable(StateTable[Key, Value]):
    """A table by host, whose names come out of the log: above so many rows, a new one drops a tenth, the oldest."""

    __slots__ = ("_rows",)

    def __init__(
        self,
        prefix: str,
        encode: Callable[[Value], Any] = _as_is,
        decode: Callable[[Key, Any], Value] = _as_stored,
        *,
        rows: int = 1,
    ) -> None:
        """`rows` are those that MOST_HOSTS have, each."""
        super().__init__(prefix, encode, decode)
        self._rows = rows

    def __setitem__(self, key: Key, value: Value) -> None:
        if key not in self and len(self) >= (most := MOST_HOSTS * self._rows):
            for oldest in list(islice(self, most // 10)):
                del self[oldest]
        super().__setitem__(key, value)


class StateValue(StateTable[str, Value], Generic[Value]):
    """A table of a single value, which exists before anything was committed, too."""

    __slots__ = ("_initial",)

    def __init__(
        self,
        prefix: str,
        initial: Callable[[], Value],
        encode: Callable[[Value], Any] = _as_is,
        decode: Callable[[str, Any], Value] = _as_stored,
    ) -> None:
        super().__init__(prefix, encode, decode)
        self._initial = initial
        self.restore({})

    @property
    def value(self) -> Value:
        """The value; after it was changed in place, call `touch_value`."""
        return self[""]

    @value.setter
    def value(self, value: Value) -> None:
        self[""] = value

    def touch_value(self) -> None:
        """Mark the value as changed in place."""
        self.touch("")

    def restore(self, rows: Mapping[str, str]) -> None:
        """Take the committed value, or the initial one if there is none."""
        super().restore(rows)
        if not self:
            dict.__setitem__(self, "", self._initial())


def changed_rows(tables: Iterable[StateTable[Any, Any]]) -> Rows:
    """Return the changed rows of several tables of one stage."""
    rows: Rows = {}
    for table in tables:
        rows.update(table.changed_rows())
    return rows


def restore(tables: Iterable[StateTable[Any, Any]], rows: Mapping[str, str]) -> None:
    """Fill several tables of one stage from its committed rows."""
    by_prefix: dict[str, dict[str, str]] = {}
    for key, row in rows.items():
        by_prefix.setdefault(key.partition(" ")[0], {})[key] = row
    for table in tables:
        table.restore(by_prefix.get(table.prefix, {}))


def _hashable(key: Any) -> Any:
    """Lists of JSON as the tuples they were."""
    return tuple(map(_hashable, key)) if isinstance(key, list) else key
