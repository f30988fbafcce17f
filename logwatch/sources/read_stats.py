"""What became of every byte that a log was seen to hold: written = read + pending + lost.

What is pending is known from the open generations (`FollowedFile.pending`), the rest is kept here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from logwatch.model import Gap


class ReadStats:
    """The books of one followed path, since its state began; `gaps` takes what is found to be lost."""

    def __init__(self, path: str, gaps: list[Gap]) -> None:
        self._path = path
        self._gaps = gaps
        self.read = 0
        """Bytes handed out or passed over."""
        self.lost = 0
        """Bytes that were seen there and can no longer be read."""
        self.late = 0
        """Lines that came to a file after its successor was seen."""
        self.rotations: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()

    def record_loss(self, reason: str, now_ns: int, known: int, *, exact: bool = False) -> None:
        """Record a gap of at least `known` bytes."""
        self.lost += known
        self._gaps.append(Gap(self._path, reason, now_ns, known if exact else None, known))

    def dump(self) -> dict[str, Any]:
        """The form kept in the state."""
        return {
            "read": self.read,
            "lost": self.lost,
            "late": self.late,
            "rotations": dict(self.rotations),
            "skipped": dict(self.skipped),
        }

    def load(self, row: Mapping[str, Any]) -> None:
        """Undo `dump`."""
        self.read, self.lost, self.late = row["read"], row["lost"], row.get("late", 0)
        self.rotations.update(row["rotations"])
        self.skipped.update(row["skipped"])
