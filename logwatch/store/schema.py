"""The tables of the state database, and how older ones become today's."""

from __future__ import annotations

import sqlite3

from logwatch.errors import StateError

# "logw" in ASCII: tells our databases from others (https://www.sqlite.org/pragma.html#pragma_application_id).
APPLICATION_ID = 0x6C6F6777

TABLES = """
CREATE TABLE meta    (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sources (source TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY (source, key)) WITHOUT ROWID;
CREATE TABLE stages  (stage TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY (stage, key)) WITHOUT ROWID;
CREATE TABLE series  (sample TEXT, labels TEXT, value REAL, time_ns INTEGER NOT NULL,
                      PRIMARY KEY (sample, labels)) WITHOUT ROWID;
CREATE TABLE points  (sample TEXT, time_ns INTEGER, labels TEXT, value REAL,
                      PRIMARY KEY (sample, time_ns, labels)) WITHOUT ROWID;
CREATE TABLE events  (seq INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, event TEXT NOT NULL, host TEXT NOT NULL,
                      id TEXT, name TEXT, attributes TEXT NOT NULL, severity TEXT NOT NULL, rule TEXT NOT NULL,
                      path TEXT NOT NULL, offset INTEGER NOT NULL, line INTEGER, role TEXT NOT NULL,
                      stamp_ns INTEGER NOT NULL);
"""

# The lifecycle had a row for each object (time, tellings, held) and for each kind without one (held, accepted),
# with a list of tellings in it; now each telling has a row, by its number: [object or null, telling].
ROW_PER_TELLING = """
INSERT OR REPLACE INTO stages
  SELECT stage, 'telling ' || json_extract(item.value, '$[1][0]'), json_array(json(substr(object.key, 9)), json(item.value))
  FROM (SELECT stage, key, value FROM stages WHERE stage = 'lifecycle' AND key GLOB 'subject *') AS object,
       json_each(object.value, '$[1]') AS item;
INSERT OR REPLACE INTO stages
  SELECT stage, 'telling ' || json_extract(item.value, '$[1][0]'), json_array(NULL, json(item.value))
  FROM (SELECT stage, value FROM stages WHERE stage = 'lifecycle' AND key GLOB 'nameless *') AS kind,
       json_each(kind.value) AS list, json_each(list.value) AS item;
DELETE FROM stages WHERE stage = 'lifecycle' AND (key GLOB 'subject *' OR key GLOB 'nameless *');
"""

# The extractor's rows had bare hosts as keys; now they are rows of a table like all others.
TABLE_OF_HOSTS = """
UPDATE stages SET key = 'host ' || json_quote(key) WHERE stage = 'extractor' AND typeof(key) = 'text';
"""

# The rows of correlations and of containers' series got the names of their tables.
NAMED_TABLES = """
UPDATE OR REPLACE stages SET key = 'key ' || key
  WHERE stage = 'correlator' AND key GLOB '[[]*' AND json_type(key, '$[1]') = 'array';
UPDATE OR REPLACE stages SET key = 'matched ' || json_quote(json_extract(key, '$[0]'))
  WHERE stage = 'correlator' AND key GLOB '[[]*';
UPDATE OR REPLACE stages SET key = 'container ' || key WHERE stage = 'tally' AND key GLOB '[[]*';
"""

# The rows of what reads the lines of a path had the bare path as their key.
TABLE_OF_PATHS = """
UPDATE stages SET key = 'path ' || json_quote(key) WHERE stage IN ('reader', 'previous') AND typeof(key) = 'text';
"""

# Keys of the alerts' rows were lists that began with the name of their table, ["alert", "group", …];
# now they are written as those of all tables: alert ["group",…].
TABLES_OF_ALERTS = """
UPDATE stages SET key = json_extract(key, '$[0]') || ' ' || json_remove(key, '$[0]') WHERE stage = 'alerts' AND json_valid(key);
"""

# Change points that rules no longer look back at, kept for queries.
OLDER_POINTS = """
CREATE TABLE older_points (sample TEXT, time_ns INTEGER, labels TEXT, value REAL,
                           PRIMARY KEY (sample, time_ns, labels)) WITHOUT ROWID;
"""

# Scripts that lead from each version to the next; the first makes version 1 of nothing.
MIGRATIONS: tuple[str, ...] = (
    *(TABLES, ROW_PER_TELLING, TABLE_OF_HOSTS, NAMED_TABLES, TABLE_OF_PATHS, TABLES_OF_ALERTS),
    OLDER_POINTS,
)
VERSION = len(MIGRATIONS)


class ForeignDatabase(sqlite3.DatabaseError):
    """A database that is whole, but not ours."""


def prepare(connection: sqlite3.Connection, path: str) -> None:
    """Bring a database to today's tables.

    Raises StateError for one of a newer logwatch, and sqlite3.DatabaseError for one that
    cannot be read or belongs to something else.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if owner != APPLICATION_ID and (tables or version):
        raise ForeignDatabase("it is not a database of logwatch")
    if version > VERSION:
        raise StateError(
            f"{path}: its format is {version}, this logwatch knows up to {VERSION}:"
            " run the newer logwatch that wrote it, or give another state directory (--state-dir)"
        )
    if not tables:  # page layout can only be chosen for an empty database
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID:d}")
    for number in range(version, VERSION):
        connection.executescript(f"BEGIN IMMEDIATE; {MIGRATIONS[number]} PRAGMA user_version = {number + 1:d}; COMMIT;")
