"""Change points for queries: those that rules look back at, and older ones for as long as is configured.

Rules need minutes or an hour of the past, and the loop keeps these in memory and in the table `points`.
What it drops from there moves to `older_points` within the database, so that queries over a day cost the
loop no memory. While catching up with lines that are older than what is kept, nothing moves.

In both tables the point at time 0 says what a series was before all that is kept of it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from logwatch.model import SECOND, LabelValues

MOST_POINTS = 500_000
"""Of one metric that a query reads."""

# The first time also what a series was before: later, `older_points` knows better.
MOVE = """
INSERT OR REPLACE INTO older_points SELECT * FROM points WHERE sample = ?1 AND time_ns <= ?2
  AND (time_ns > 0 OR NOT EXISTS (SELECT 1 FROM older_points WHERE sample = ?1))
"""
# What is before that time goes, but for the last of each series, which becomes its point at time 0.
SHORTEN = (
    """INSERT OR REPLACE INTO older_points SELECT sample, 0, labels, value FROM older_points
       WHERE sample = ?1 AND time_ns > 0 AND time_ns < ?2 ORDER BY time_ns""",
    "DELETE FROM older_points WHERE sample = ?1 AND time_ns > 0 AND time_ns < ?2",
    "DELETE FROM older_points WHERE sample = ?1 AND time_ns = 0 AND value IS NULL AND ?2",
)
SELECT = "SELECT time_ns, labels, value FROM {} WHERE sample = ? ORDER BY time_ns LIMIT {:d}"

Points = tuple[list[int], list[float]]
"""Ascending times, and the value from each of them on; NaN ends a series."""


class TooManyPointsError(Exception):
    """A metric has more change points than a query may read."""


@dataclass(slots=True)
class OlderPoints:
    """Moves change points that rules no longer look back at; keeps them for `age_ns` (0: none)."""

    age_ns: int = 86_400 * SECOND

    def kept_from_ns(self, now_ns: int) -> int | None:
        """Since when points are kept; None: they are not."""
        return now_ns - self.age_ns if self.age_ns else None

    def process(self, connection: sqlite3.Connection, horizons: Mapping[str, int], now_ns: int) -> None:
        """Keep what goes: of each sample name the points before a time. Call before points at time 0 are written."""
        kept_from_ns = self.kept_from_ns(now_ns)
        if kept_from_ns is None:
            return
        for sample, before_ns in horizons.items():
            if before_ns > kept_from_ns:
                connection.execute(MOVE, (sample, before_ns))
                for statement in SHORTEN:
                    connection.execute(statement, (sample, kept_from_ns))


def clear(connection: sqlite3.Connection) -> bool:
    """Delete all older points; whether there were any."""
    return connection.execute("DELETE FROM older_points").rowcount > 0


def select(connection: sqlite3.Connection, sample: str) -> Iterator[tuple[LabelValues, Points]]:
    """Yield the label values and change points of every series of a sample name; raises TooManyPointsError."""
    found: dict[str, Points] = {}
    left = MOST_POINTS + 1
    for table in ("older_points", "points"):
        for time_ns, labels, value in connection.execute(SELECT.format(table, left), (sample,)):
            times, values = found.setdefault(labels, ([], []))
            if not times or time_ns > times[-1]:
                times.append(time_ns)
                values.append(float("nan") if value is None else value)
            left -= 1
    if left <= 0:
        raise TooManyPointsError(sample)
    for labels, points in found.items():
        yield tuple(json.loads(labels)), points
