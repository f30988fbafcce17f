"""A copy of the positions beside the database, so that losing it costs history, not position."""

from __future__ import annotations

import json
import os
from pathlib import Path

from logwatch.errors import StateError
from logwatch.store.transaction import Rows

VERSION = 1
Positions = dict[tuple[str, str], str]


class Mirror:
    """positions.json: written whole under another name and renamed, so that it is never half."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: Positions = {}
        self._dirty = False

    def fill(self, rows: Positions) -> None:
        """Start from these positions."""
        self._rows = dict(rows)

    def update(self, rows: Rows) -> None:
        """Take committed changes in; `write` writes them."""
        for key, value in rows.items():
            if value is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = value
        self._dirty = self._dirty or bool(rows)

    def write(self, *, sync: bool) -> None:
        """Write what changed. Raises OSError."""
        if not self._dirty:
            return
        sources: dict[str, dict[str, str]] = {}
        for (source, key), value in self._rows.items():
            sources.setdefault(source, {})[key] = value
        text = json.dumps({"version": VERSION, "sources": sources}, indent=1)
        draft = self._path.with_suffix(".tmp")
        with draft.open("w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(self._path)
        self._dirty = False

    def read(self) -> Positions:
        """Return the positions last written; none where there is no such file.

        Raises StateError for a file that is not ours.
        """
        try:
            tree = json.loads(self._path.read_text(encoding="utf-8", errors="surrogateescape"))
            if tree["version"] != VERSION:
                raise StateError(f"{self._path}: written by a newer logwatch: run that one, or move the file away")
            return {(source, key): value for source, rows in tree["sources"].items() for key, value in rows.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise StateError(f"{self._path}: not a file of positions ({error}): move it away") from error
