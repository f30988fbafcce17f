"""The generations of one path: the file it names, those before it, and what must be found again.

    backlog (oldest first)                        live
    ┌──────────┐ ┌────────────┐ ┌──────────┐   ┌─────────────┐
    │ .2.gz    │ │ .1, unseen_rotations │ │ draining │ ▶ │ the path's  │
    │ from off │ │ from 0     │ │ late tail│   │ file        │
    └──────────┘ └────────────┘ └──────────┘   └─────────────┘

Here is what a generation may become; `lookout.py` decides which it is.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from logwatch.sources.content import Plain
from logwatch.sources.inode_owners import InodeOwners
from logwatch.sources.open_file import ChangedError, Generation, Record
from logwatch.sources.options import Options
from logwatch.sources.read_stats import ReadStats
from logwatch.sources.rotated_backlog import RotatedBacklog
from logwatch.sources.rotated_files import RotatedFiles


class FileGenerations:
    """What is open of one path, and how far it was read."""

    def __init__(
        self, path: str, options: Options, *, stats: ReadStats, rotated_files: RotatedFiles, owners: InodeOwners
    ) -> None:
        self.path = path
        self.live: Generation | None = None
        self.backlog = RotatedBacklog(path, options, stats=stats, rotated_files=rotated_files, owners=owners)
        self.resume: Record | None = None
        """What was read of the file that was last at the path, while it must be found again."""
        self.begun = False
        self.start = options.start
        self.awaiting_listing = False
        """The live file was empty before siblings were last listed: what it held since may be in a copy that was not.

        It is not read until that is known.
        """
        self.error: str | None = None
        self.alias: tuple[int, int] | None = None
        """Another path reads this file, which is also ours."""
        self._stats = stats
        self._rotated_files = rotated_files
        self._owners = owners

    def generations(self) -> list[Generation]:
        """All that are open, the oldest first."""
        return [*self.backlog.generations, *([self.live] if self.live is not None else [])]

    def open_files(self) -> list[Plain]:
        """The plain files that are open, the live one included."""
        return [generation.content for generation in self.generations() if isinstance(generation.content, Plain)]

    def pending(self) -> int:
        """Bytes known and not read; of an archive, in its compressed form."""
        return sum(generation.pending() for generation in self.generations())

    # ── what becomes of the live one ─────────────────────────────────────────────────

    def detach(self) -> None:
        """The file at the path no longer holds what was read, or cannot be read: find out where that went."""
        if self.live is not None:
            self.resume = self.live.record()
            self._owners.release(self.live.identity, self.path)
            self.live.content.close()
            self.live = None

    def rotate_out(self) -> None:
        """The live generation is live no more."""
        if self.live is not None:
            self.live.rotated_at = self.live.seen
            self.backlog.generations.append(self.live)
            self.live = None

    def hold(self) -> tuple[list[Generation], str]:
        """The file that was at the path until now, as a generation to be read to its end; and how it was rotated."""
        held, self.live = self.live, None
        if held is None:
            return [], "rename"
        kind = "rename" if held.links() else "replaced"
        intact = held.is_intact()
        if not intact:
            # Truncated and then moved: what was read is elsewhere, and this is another generation.
            self.resume = held.record()
            held = Generation(held.content, held.name, self._stats.skipped)
            held.move(0)
            held.is_intact()
        held.rotated_at = held.seen
        return [held], kind

    # ── how a file becomes the live one ──────────────────────────────────────────────

    def begin(self, live: Generation) -> None:
        """The very first look at a file."""
        self.begun = True
        if self.start == "end":
            live.move_to_end()
        self.set_live(live)

    def begin_without_file(self) -> None:
        """Whatever comes is newer than our beginning."""
        self.begun = True
        self.start = "beginning"

    def set_live(self, live: Generation) -> None:
        """From now on the path names this file."""
        self.live = live
        live.is_intact()

    def reattach(self, live: Generation) -> bool:
        """A file that was moved away came back: it becomes the live one again, where we left it."""
        known = self.backlog.take(live.identity)
        if known is None:
            return False
        self.rotate_out()
        known.rotated_at = None
        self.live = known
        return True

    def resume_live(self, record: Record, live: Generation) -> None:
        """Read on in a file that begins with what was read; raises ChangedError where it does not any more."""
        live.resume(record.fingerprint, cutting=record.cutting)
        self.resume = None
        self.set_live(live)

    def open_new(self, live: Generation) -> None:
        """A new file is at the path; one that was read before under whatever name starts where it was left."""
        assert isinstance(live.content, Plain)
        known = self._rotated_files.resumed(live.content) or self._owners.finished(live.content)
        if known is not None:
            with suppress(ChangedError):
                live.resume(known, cutting=False)
        self.set_live(live)

    # ── state ────────────────────────────────────────────────────────────────────────

    def dump(self) -> str:
        """The row of this path: every generation with its position, and the stats."""
        live = self.live.record() if self.live is not None else self.resume
        row = {
            "begun": self.begun,
            "start": self.start,
            "live": live.dump() if live is not None else None,
            "older": [record.dump() for record in self.backlog.records()],
            "ledger": self._stats.dump(),
        }
        return json.dumps(row, separators=(",", ":"))

    def load(self, text: str) -> None:
        """Undo `dump`; files are looked for at the first look."""
        row: dict[str, Any] = json.loads(text)
        self.begun = row["begun"]
        self.start = row["start"]
        self.resume = Record.load(row["live"]) if row["live"] is not None else None
        self.backlog.to_reopen = [Record.load(older) for older in row["older"]]
        self._stats.load(row["ledger"])

    def close(self) -> None:
        """Let go of every descriptor."""
        for generation in self.generations():
            generation.content.close()
