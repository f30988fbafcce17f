"""The events that were accepted, oldest first; read by commands while `run` writes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from logwatch.errors import StateError
from logwatch.model import Event, LabelValues, Outcome, Role
from logwatch.store import older_points
from logwatch.store.transaction import encode_attributes, read_series, text, write_many

COLUMNS = "seq, time_ns, event, host, id, name, attributes, severity, rule, path, offset, line, role, stamp_ns"
INSERT = f"INSERT INTO events ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 -- constants
AMEND = (
    "UPDATE events SET time_ns = ?2, event = ?3, host = ?4, id = ?5, name = ?6, attributes = ?7, severity = ?8,"
    " rule = ?9, path = ?10, offset = ?11, line = ?12, role = ?13, stamp_ns = ?14 WHERE seq = ?1"
)
NAMED = "(name = ? OR (name IS NULL AND id IN (SELECT id FROM events WHERE name = ?)))"
"""Also events of a time when only the id was known."""
TEXT = "instr(lower(coalesce(name, '') || ' ' || event || ' ' || coalesce(id, '') || ' ' || attributes), lower(?)) > 0"
ATTRIBUTE = "json_extract(attributes, ?) = ?"
SEVERITIES = "severity IN (SELECT value FROM json_each(?))"
Row = tuple[int, int, str, str, str | None, str | None, str, str, str, str, int, int | None, str, int]


@dataclass(frozen=True, slots=True)
class Query:
    """Which events to return; what is None does not restrict."""

    since_ns: int | None = None
    until_ns: int | None = None
    event: str | None = None
    """`type.action`, `type`, or a pattern with `*`."""
    name: str | None = None
    id: str | None = None
    """An id or the beginning of one."""
    text: str | None = None
    """In the name, the event, the id or the attributes; capital letters of ASCII are small ones."""
    severities: Sequence[str] = ()
    """One of these; none: any."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Each has this value."""
    without: Sequence[str] = ()
    """Patterns of events that are left out."""
    after_seq: int | None = None
    limit: int | None = None
    newest_first: bool = False


def to_row(outcome: Outcome) -> Row:
    """Return an event as a row of the table."""
    seq, event, _ = outcome
    time_ns, kind, host, object_id, name, attributes, severity, rule, path, offset, line, role, stamp_ns, _ = event
    known = encode_attributes(attributes) if attributes else "{}"
    return seq, time_ns, kind, host, object_id, name, known, severity, rule, path, offset, line, role, stamp_ns


def from_row(row: Row) -> Outcome:
    """Return the event that a row holds."""
    seq, time_ns, event, host, object_id, name, attributes, severity, rule, path, offset, line, role, stamp_ns = row
    known = json.loads(attributes)
    return Outcome(
        seq,
        Event(
            *(time_ns, text(event), text(host), text(object_id), text(name), known, severity, text(rule)),
            *(text(path), offset, line, Role(role), stamp_ns),
        ),
    )


def select(connection: sqlite3.Connection, query: Query) -> Iterator[Outcome]:
    """Yield the events that match, in the order in which they were accepted (or the reverse)."""
    where, values = _where(query)
    order = "DESC" if query.newest_first else "ASC"
    limit = -1 if query.limit is None else query.limit
    # S608: every text is one of the constants above; values are bound.
    statement = f"SELECT {COLUMNS} FROM events WHERE {where} ORDER BY seq {order} LIMIT {limit:d}"  # noqa: S608
    for row in connection.execute(statement, values):
        yield from_row(row)


def count(connection: sqlite3.Connection, query: Query, step_ns: int) -> dict[tuple[int, str], int]:
    """Count the events that match by step (its number since the epoch) and severity; the limit does not count."""
    where, values = _where(query)
    # S608: as above.
    statement = f"SELECT time_ns / ?, severity, count(*) FROM events WHERE {where} GROUP BY 1, 2"  # noqa: S608
    return {(step, severity): number for step, severity, number in connection.execute(statement, [step_ns, *values])}


def _where(query: Query) -> tuple[str, list[int | str]]:
    """The condition of a statement, and its values."""
    event = query.event if query.event is None or "." in query.event or "*" in query.event else f"{query.event}.*"
    conditions: list[tuple[str, int | str | None]] = [
        ("time_ns >= ?", query.since_ns),
        ("time_ns < ?", query.until_ns),
        ("event GLOB ?", event),
        (NAMED, query.name),
        ("substr(id, 1, length(?)) = ?", query.id),
        (TEXT, query.text),
        (SEVERITIES, json.dumps(list(query.severities)) if query.severities else None),
        ("seq > ?", query.after_seq),
    ]
    chosen = [(text, value) for text, value in conditions if value is not None]
    values: list[int | str] = [value for text, value in chosen for _ in range(text.count("?"))]
    for key, value in query.attributes.items():
        values += [f'$."{key}"', value]
    values += query.without
    texts = (
        [text for text, _ in chosen] + [ATTRIBUTE] * len(query.attributes) + ["event NOT GLOB ?"] * len(query.without)
    )
    return " AND ".join(texts) or "1", values


def write(connection: sqlite3.Connection, outcomes: Iterable[Outcome]) -> int:
    """Insert accepted events and amend earlier ones; return how many are new."""
    fresh: dict[int, Row] = {}
    amended: list[Row] = []
    for outcome in outcomes:
        if outcome.amends and outcome.seq not in fresh:
            amended.append(to_row(outcome))
        else:
            fresh[outcome.seq] = to_row(outcome)
    write_many(connection, INSERT, list(fresh.values()))
    write_many(connection, AMEND, amended)
    return len(fresh)


class History:
    """The history as other commands see it: the last commit, without a lock."""

    def __init__(self, directory: Path) -> None:
        path = directory / "logwatch.db"
        if not path.exists():
            raise StateError(f"{path}: file not found: logwatch run --state-dir {directory} writes it")
        self._connection = _connect(path)

    def events(self, query: Query) -> Iterator[Outcome]:
        """Yield the events that match."""
        return select(self._connection, query)

    def count(self, query: Query, step_ns: int) -> dict[tuple[int, str], int]:
        """Count the events that match by step (its number since the epoch) and severity."""
        return count(self._connection, query, step_ns)

    def newest_seq(self) -> int:
        """Return the number of the event that was accepted last; 0 without any."""
        (newest,) = self._connection.execute("SELECT ifnull(max(seq), 0) FROM events").fetchone()
        return int(newest)

    def names(self) -> dict[str, str]:
        """Return the newest name of every object that an event gives with its id."""
        return dict(
            self._connection.execute(
                "SELECT id, name FROM events WHERE id IS NOT NULL AND name IS NOT NULL ORDER BY seq"
            )
        )

    def kinds(self, before_ns: int) -> set[str]:
        """Return the kinds of events (`type.action`) that it has from before a time."""
        found = self._connection.execute("SELECT DISTINCT event FROM events WHERE time_ns < ?", (before_ns,))
        return {text(event) for (event,) in found}

    def rows(self, stage: str, prefix: str) -> dict[str, str]:
        """Return the rows of one table of a stage as of the last commit."""
        found = self._connection.execute(
            "SELECT key, value FROM stages WHERE stage = ?1 AND key BETWEEN ?2 || ' ' AND ?2 || '!'", (stage, prefix)
        )
        return dict(found)

    def series(self, sample: str) -> dict[LabelValues, float]:
        """Return the series of one sample name as of the last commit."""
        return {each.labels: each.value for each in read_series(self._connection, sample) if each.value is not None}

    def freeze(self) -> None:
        """Read from one commit from now on, whatever is committed meanwhile."""
        self._connection.execute("BEGIN")

    def points(self, sample: str) -> Iterator[tuple[LabelValues, older_points.Points]]:
        """Yield label values and change points of every series of a sample name; raises TooManyPointsError."""
        return older_points.select(self._connection, sample)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    """Open for reading; where not even the shared memory of WAL can be made, as a file that nobody writes."""
    last: sqlite3.Error | None = None
    for mode in ("mode=ro", "mode=ro&immutable=1"):
        try:
            return _attempt(f"{path.absolute().as_uri()}?{mode}")
        except sqlite3.OperationalError as error:
            last = error
        except sqlite3.DatabaseError as error:
            raise StateError(f"{path}: {error}: logwatch run sets it aside and starts a new one") from error
    raise StateError(f"{path}: {last}: is it readable for this user?")


def _attempt(uri: str) -> sqlite3.Connection:
    # Requests are answered by several threads, one after the other.
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
    try:
        connection.execute("SELECT count(*) FROM meta").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection
