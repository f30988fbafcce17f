"""What one commit writes, and how its rows get in and out of SQLite, whatever their text contains.

A path on disk or a name in a log need not be UTF-8; Python puts lone surrogates in place of such
bytes, and SQLite refuses these, as it refuses numbers outside 64 bits. They are rare, so a batch is
first written as it is; if that fails, those texts are written as blobs and those numbers as the
nearest that fits: a row that can never be written would fail every commit after it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from json.encoder import encode_basestring_ascii as quote
from typing import overload

from logwatch.model import Attributes, LabelValues, Outcome, SampleChange
from logwatch.notation import LARGEST

Rows = dict[tuple[str, str], str | None]
"""(Part, key) to JSON; None deletes the row."""


@dataclass(slots=True)
class Transaction:
    """All changes since the last commit. One whose commit failed is merged with the next."""

    sources: Rows = field(default_factory=dict)
    """(Source, key) to JSON: the positions."""
    stages: Rows = field(default_factory=dict)
    """(Stage, key) to JSON."""
    series: list[SampleChange] = field(default_factory=list)
    points: list[SampleChange] = field(default_factory=list)
    """Change points of the series that rules look back at."""
    thinned: list[SampleChange] = field(default_factory=list)
    """Those of earlier transactions that go because their series has too many."""
    horizons: Mapping[str, int] = field(default_factory=dict)
    """Sample name to the time (ns) before which its change points may go."""
    outcomes: list[Outcome] = field(default_factory=list)
    meta: dict[str, str] = field(default_factory=dict)
    clock_ns: int = 0
    """The log's clock; 0: not known. An event of a later time counts as of this one when old events are deleted."""

    def __bool__(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self.sources or self.stages or self.series or self.points or self.outcomes or self.meta)

    def merge(self, later: Transaction) -> None:
        """Add a later transaction; committing the result equals committing both in order."""
        self.sources.update(later.sources)
        self.stages.update(later.stages)
        if self.series and later.series:  # of a series that moved in both, the last word is enough
            latest: dict[tuple[str, LabelValues], SampleChange] = {}
            for change in (*self.series, *later.series):
                latest[change.family, change.labels] = change
            self.series = list(latest.values())
        else:
            self.series = self.series or later.series
        if later.thinned:
            gone = {_place(point) for point in later.thinned}
            self.points = [point for point in self.points if _place(point) not in gone]
        self.thinned.extend(later.thinned)
        self.points.extend(later.points)
        self.horizons = {**self.horizons, **later.horizons}
        self.outcomes.extend(later.outcomes)
        self.meta.update(later.meta)
        self.clock_ns = max(self.clock_ns, later.clock_ns)


def _place(point: SampleChange) -> tuple[str, LabelValues, int]:
    return point.family, point.labels, point.time_ns


# ── rows ─────────────────────────────────────────────────────────────────────────────

Value = str | bytes | int | float | None
AT_ONCE = 1000
"""Rows that are made and written together: a commit that ends a thousand containers has fifty thousand."""


# Four times as fast as json.dumps, which makes an encoder for every call.
def encode_attributes(attributes: Attributes) -> str:
    """Return a JSON object of texts."""
    return "{" + ",".join([f"{quote(key)}:{quote(value)}" for key, value in attributes.items()]) + "}"


def encode_labels(labels: LabelValues) -> str:
    """Return a JSON list of texts."""
    return "[" + ",".join(map(quote, labels)) + "]"


def write_many(connection: sqlite3.Connection, statement: str, rows: Iterable[Sequence[Value]]) -> None:
    """Execute a statement for every row. Call inside a transaction."""
    ahead = iter(rows)
    while some := list(islice(ahead, AT_ONCE)):
        connection.execute("SAVEPOINT batch")
        try:
            connection.executemany(statement, some)
        except (UnicodeEncodeError, OverflowError):
            connection.execute("ROLLBACK TO batch")
            connection.executemany(statement, [[_storable(value) for value in row] for row in some])
        connection.execute("RELEASE batch")


@overload
def text(value: str | bytes) -> str: ...
@overload
def text(value: str | bytes | None) -> str | None: ...
def text(value: str | bytes | None) -> str | None:
    """Return the text that was stored."""
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value


def write_rows(connection: sqlite3.Connection, table: str, part: str, rows: Rows) -> None:
    """Write the rows of sources or stages; `part` names the first column."""
    gone = [key for key, value in rows.items() if value is None]
    kept = [(*key, value) for key, value in rows.items() if value is not None]
    # S608: table and part are constants of the caller; values are bound.
    write_many(connection, f"DELETE FROM {table} WHERE {part} = ? AND key = ?", gone)  # noqa: S608
    write_many(connection, f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)", kept)  # noqa: S608


def read_rows(connection: sqlite3.Connection, table: str) -> dict[tuple[str, str], str]:
    """Return all rows of sources or stages."""
    found = connection.execute(f"SELECT * FROM {table}")  # noqa: S608 -- a constant of the caller
    return {(text(part), text(key)): text(value) for part, key, value in found}


def write_series(connection: sqlite3.Connection, changes: Iterable[SampleChange]) -> None:
    """Write the values of series; of several changes of one series the last counts."""
    latest: dict[tuple[str, LabelValues], SampleChange] = {(change[0], change[1]): change for change in changes}
    gone = ((name, encode_labels(labels)) for name, labels, value, _ in latest.values() if value is None)
    kept = (
        (name, encode_labels(labels), value, time) for name, labels, value, time in latest.values() if value is not None
    )
    write_many(connection, "DELETE FROM series WHERE sample = ? AND labels = ?", gone)
    write_many(connection, "INSERT OR REPLACE INTO series VALUES (?, ?, ?, ?)", kept)


def write_points(connection: sqlite3.Connection, points: Iterable[SampleChange]) -> None:
    """Write change points; a later one of the same series and time replaces the earlier."""
    rows = ((name, time_ns, encode_labels(labels), value) for name, labels, value, time_ns in points)
    write_many(connection, "INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?)", rows)


def drop_points(connection: sqlite3.Connection, points: Iterable[SampleChange]) -> None:
    """Delete change points."""
    rows = ((name, time_ns, encode_labels(labels)) for name, labels, _, time_ns in points)
    write_many(connection, "DELETE FROM points WHERE sample = ? AND time_ns = ? AND labels = ?", rows)


def read_series(connection: sqlite3.Connection, sample: str | None = None) -> Iterator[SampleChange]:
    """Yield the value of every series, or of those of one sample name."""
    found = connection.execute(
        "SELECT sample, labels, value, time_ns FROM series WHERE ?1 IS NULL OR sample = ?1", (sample,)
    )
    for name, labels, value, time_ns in found:
        yield SampleChange(name, tuple(json.loads(labels)), float("nan") if value is None else value, time_ns)


def read_points(connection: sqlite3.Connection) -> Iterator[SampleChange]:
    """Yield change points, of each series in the order of time; None ends the series."""
    found = connection.execute("SELECT sample, labels, value, time_ns FROM points ORDER BY time_ns")
    for name, labels, value, time_ns in found:
        yield SampleChange(name, tuple(json.loads(labels)), value, time_ns)


def _storable(value: Value) -> Value:
    if isinstance(value, int):
        return max(-LARGEST, min(value, LARGEST))
    if not isinstance(value, str):
        return value
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")
    return value
