"""Mutes: files of the state directory that keep alerts from being sent for a while.

    state_dir/mutes/20261130T011500Z-1f2a.json   {"match": {"name": "web"}, "until": "2026-11-30T01:45:00Z", …}

Commands write them, `run` reads them when the folder changes. The state itself only `run` writes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from logwatch.errors import LogwatchError
from logwatch.model import SECOND, Mute
from logwatch.notation import rfc3339

FOLDER = "mutes"
MOST = 1_000
"""Files that are read, and mutes that can be in force."""
LONGEST = 65_536
CHECK_NS = 2 * SECOND
Seen = list[tuple[str, int, int]]


class TooManyMutesError(LogwatchError):
    """So many mutes that another one would not be read."""


def write(state_dir: Path, mute: Mute) -> None:
    """Write a mute, whole or not at all, and remove those that are over; raises OSError and TooManyMutesError."""
    folder = state_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    kept = 0
    for path, other in read(state_dir):
        kept += 1
        if other is not None and other.until_ns is not None and other.until_ns <= mute.since_ns:
            path.unlink(missing_ok=True)
            kept -= 1
    if kept >= MOST:
        raise TooManyMutesError(f"there are {MOST} mutes already: end some, or mute by a pattern such as web*")
    row = {
        "match": dict(mute.match),
        "since": rfc3339(mute.since_ns, 0),
        "until": rfc3339(mute.until_ns, 0) if mute.until_ns is not None else None,
        "reason": mute.reason,
        "by": mute.by,
    }
    part = folder / f".{mute.id}.part"
    part.write_text(json.dumps(row, indent=2) + "\n")
    part.rename(folder / f"{mute.id}.json")


def remove(state_dir: Path, mute_id: str) -> None:
    """End a mute; raises OSError."""
    (state_dir / FOLDER / f"{mute_id}.json").unlink()


def read(state_dir: Path) -> Iterator[tuple[Path, Mute | None]]:
    """Yield each file with its mute; None for one that cannot be understood."""
    for path in sorted((state_dir / FOLDER).glob("*.json"))[:MOST]:
        yield path, _mute(path)


def _mute(path: Path) -> Mute | None:
    try:
        with path.open("rb") as file:
            row = json.loads(file.read(LONGEST))
        match = {str(name): str(value) for name, value in row["match"].items()}
        until_ns = _time_ns(row["until"]) if row.get("until") is not None else None
        since_ns = _time_ns(row["since"]) if row.get("since") is not None else 0
        return Mute(path.stem, match, since_ns, until_ns, str(row.get("reason", "")), str(row.get("by", "")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return None


def _time_ns(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()) * SECOND


@dataclass(slots=True)
class MuteFolder:
    """The mutes of a state directory, read again when the folder changed."""

    state_dir: Path
    unreadable: tuple[Path, ...] = ()
    """Files that cannot be understood."""
    _mutes: tuple[Mute, ...] = ()
    _seen: Seen | None = None
    _checked_ns: int = -CHECK_NS

    def mutes(self, now_ns: int) -> tuple[Mute, ...]:
        """Return all mutes, at most two seconds old."""
        if abs(now_ns - self._checked_ns) >= CHECK_NS:
            self._checked_ns = now_ns
            seen = self._signatures()
            if seen != self._seen:
                self._seen = seen
                found = list(read(self.state_dir))
                self._mutes = tuple(mute for _, mute in found if mute is not None)
                self.unreadable = tuple(path for path, mute in found if mute is None)
        return self._mutes

    def _signatures(self) -> Seen:
        seen: Seen = []
        try:
            with os.scandir(self.state_dir / FOLDER) as entries:
                for entry in entries:
                    stat = entry.stat()
                    seen.append((entry.name, stat.st_size, stat.st_mtime_ns))
        except OSError:
            return []
        return sorted(seen)
