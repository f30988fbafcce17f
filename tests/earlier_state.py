"""The state directory that logwatch 0.1 left (`data/state-0.1`), with the log that it had read so far."""

from __future__ import annotations

import lzma
import shutil
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from parity import unpack

FIXTURE = Path(__file__).parent / "data" / "state-0.1"
LEFT = datetime(2026, 11, 23, 20, 21, 19, tzinfo=UTC)
"""What the clock said when the state was left."""
ROTATED, READ, HALF = 458, 868, 60
"""Lines in `messages.1`, lines read in all, and bytes of the next one that were there."""


class EarlierState:
    """Unpacked into a folder: state, log, rules and configuration; texts such as URLs are replaced everywhere."""

    def __init__(self, folder: Path, replaced: Mapping[str, str]) -> None:
        self.state = folder / "state"
        self.log = folder / "messages"
        self.config = folder / "logwatch.yml"
        self._lines = unpack("info-rfc5424-docker-events", "messages").splitlines(keepends=True)
        replaced = {"/var/log/messages": str(self.log), **replaced}
        self.state.mkdir()
        for name in ("rules.yml", "alerts.yml"):
            shutil.copy(FIXTURE / name, folder)
        self.config.write_text(_replace((FIXTURE / "logwatch.yml").read_text(), replaced))
        (self.state / "positions.json").write_text(_replace((FIXTURE / "positions.json").read_text(), replaced))
        self._unpack_database(replaced)
        (folder / "messages.1").write_bytes(b"".join(self._lines[:ROTATED]))
        self.log.write_bytes(b"".join(self._lines[ROTATED:READ]) + self._lines[READ][:HALF])

    def _unpack_database(self, replaced: Mapping[str, str]) -> None:
        path = self.state / "logwatch.db"
        path.write_bytes(lzma.decompress((FIXTURE / "logwatch.db.xz").read_bytes()))
        with sqlite3.connect(path) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            for table in tables:
                for _, column, kind, *_ in database.execute(f"PRAGMA table_info({table})").fetchall():
                    for old, new in replaced.items() if kind == "TEXT" else ():
                        database.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (old, new))
        database.close()

    @property
    def arguments(self) -> tuple[str, ...]:
        """What names the rules, and then the configuration, on the command line."""
        folder = self.log.parent
        rules = ("--rules", str(folder / "rules.yml"), "--rules", str(folder / "alerts.yml"))
        return (*rules, "--config.file", str(self.config))

    @property
    def lines(self) -> int:
        """Lines of the whole log."""
        return len(self._lines)

    @property
    def whole_log(self) -> bytes:
        """All lines, as if the log had never been rotated."""
        return b"".join(self._lines)

    def write_rest(self) -> None:
        """Append what the recording holds after what was read."""
        with self.log.open("ab") as stream:
            stream.write(self._lines[READ][HALF:] + b"".join(self._lines[READ + 1 :]))


def _replace(text: str, replaced: Mapping[str, str]) -> str:
    for old, new in replaced.items():
        text = text.replace(old, new)
    return text
