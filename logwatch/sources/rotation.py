"""Sees what a path names now, and puts what is there behind all that was written before it."""

from __future__ import annotations

from collections.abc import Sequence

from logwatch.sources.content import Archive, Disk, Plain, describe, open_plain
from logwatch.sources.copies import RotatedFile
from logwatch.sources.generation_finder import GenerationFinder
from logwatch.sources.generations import FileGenerations
from logwatch.sources.inode_owners import InodeOwners
from logwatch.sources.open_file import ChangedError, Generation, Record
from logwatch.sources.read_stats import ReadStats
from logwatch.sources.rotated_files import RotatedFiles


class RotationDetector:
    """Follows one path through rotation and truncation; `finder.py` finds the generations."""

    def __init__(
        self,
        generations: FileGenerations,
        finder: GenerationFinder,
        *,
        rotated_files: RotatedFiles,
        stats: ReadStats,
        disk: Disk,
        owners: InodeOwners,
    ) -> None:
        self._path = generations.path
        self._generations = generations
        self._finder = finder
        self._rotated_files = rotated_files
        self._stats = stats
        self._disk = disk
        self._owners = owners

    def look(self, now_ns: int) -> bool:
        """See what the path is now; True when there may be more to read than before."""
        try:
            return self._look(now_ns)
        finally:
            self._rotated_files.copies.release()

    def _look(self, now_ns: int) -> bool:
        line = self._generations
        try:
            found = self._disk.stat(self._path)
        except OSError as error:
            line.error = describe(self._path, error)
            # Any other error says nothing about the file, and a directory that fails hides what is in it.
            return isinstance(error, FileNotFoundError) and self._look_for_copies(now_ns)
        identity = (found.st_dev, found.st_ino)
        if found.st_ino == 0 or (identity == line.alias and self._owners.held(identity)):
            return False
        if line.live is None or identity != line.live.identity:
            return self._relink(now_ns)
        line.error = None
        if line.live.offset == 0 and line.live.empty and not line.live.is_intact():
            line.detach()
            return self._relink(now_ns)
        if self._has_changed() or line.backlog.to_reopen or (line.awaiting_listing and not line.live.empty):
            return self._look_beside(line.live, now_ns)
        return False

    def _has_changed(self) -> bool:
        """Something came, went or grew beside the log, apart from what is open anyway."""
        return self._rotated_files.modified({generation.identity for generation in self._generations.generations()})

    # ── no file at the path ──────────────────────────────────────────────────────────

    def _look_for_copies(self, now_ns: int) -> bool:
        """Read on where the path's file was moved to, and what came and went meanwhile."""
        line = self._generations
        if not line.begun:
            there = self._rotated_files.copies.listing()
            if there is None:
                return False
            line.begin_without_file()
            self._rotated_files.remember(there)
        settled = line.live is None or (line.live.is_intact() and not line.live.empty)
        now_sure = line.awaiting_listing and settled
        if not self._has_changed() and not line.backlog.to_reopen and not now_sure:
            return False
        self._drop_stale()
        siblings = self._rotated_files.copies.listing()
        if siblings is None:
            return False
        before = len(line.backlog.generations)
        line.backlog.find(self._finder, siblings, now_ns)
        chain: list[Generation] = []
        if line.live is not None and not line.live.is_intact():
            chain += line.hold()[0]
        if line.resume is not None:
            found = self._finder.find(line.resume, self._not_held(siblings, chain))
            if found is not None:
                line.resume = None
                chain.append(found)
                self._stats.rotations["rename"] += 1
        unseen_rotations = self._finder.unseen_rotations(siblings, [*line.generations(), *chain], empties=True)
        if unseen_rotations:
            self._give_up(now_ns)
            chain += line.hold()[0]
            self._stats.rotations["rename"] += _begun(unseen_rotations)
        line.backlog.queue([*chain, *unseen_rotations], siblings)
        if line.resume is None:
            self._rotated_files.remember(siblings)
        line.awaiting_listing = line.awaiting_listing and not settled
        return len(line.backlog.generations) > before or now_sure

    def _drop_stale(self) -> None:
        """Let go of what cannot be read by its descriptor, before it is compared with what is found."""
        self._generations.backlog.close_stale()
        if self._generations.live is not None and self._generations.live.is_stale():
            self._generations.detach()

    def _not_held(self, siblings: Sequence[RotatedFile], held: Sequence[Generation]) -> list[RotatedFile]:
        """Those that are not open already."""
        taken = {generation.identity for generation in (*self._generations.backlog.generations, *held)}
        return [sibling for sibling in siblings if (sibling.device, sibling.inode) not in taken]

    def _give_up(self, now_ns: int) -> None:
        """What was read is nowhere, but there are later copies: its rest is lost."""
        record, self._generations.resume = self._generations.resume, None
        if record is not None and record.fingerprint.head_size:
            self._stats.record_loss("removed", now_ns, record.seen - record.fingerprint.size)

    # ── the same file at the path ────────────────────────────────────────────────────

    def _look_beside(self, live: Generation, now_ns: int) -> bool:
        """Something changed beside the log: read what is new there, and remember the rest.

        New is what the log held while it was thought empty, and what was written to a copy after it was closed.
        """
        line = self._generations
        line.backlog.close_stale()
        settled = not live.empty  # before the copies are listed: what it was given since may be in one that was not
        siblings = self._rotated_files.copies.listing()
        if siblings is None or not self._is_at_path(live.content) or not live.is_intact():
            self._rotated_files.copies.invalidate()
            return False
        found = line.backlog.find(self._finder, siblings, now_ns)
        added = self._add_unseen_rotations(siblings) if line.awaiting_listing else self._add_late(siblings)
        self._rotated_files.remember(siblings)
        now_sure = line.awaiting_listing and settled
        line.awaiting_listing = not settled
        return found or added > 0 or now_sure

    def _is_at_path(self, content: Plain | Archive) -> bool:
        """The path still names this file: siblings listed before hold nothing newer."""
        try:
            found = self._disk.stat(self._path)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == (content.device, content.inode)

    def _add_unseen_rotations(self, siblings: Sequence[RotatedFile]) -> int:
        """The file had no line when last seen: a copy that was not there holds what it had meanwhile."""
        unseen_rotations = self._finder.unseen_rotations(siblings, self._generations.generations())
        self._generations.backlog.generations += unseen_rotations
        self._stats.rotations["copytruncate"] += _begun(unseen_rotations)
        return len(unseen_rotations)

    def _add_late(self, siblings: Sequence[RotatedFile]) -> int:
        late = self._finder.late(siblings, self._generations.generations())
        self._generations.backlog.generations += late
        return len(late)

    # ── another file at the path ─────────────────────────────────────────────────────

    def _relink(self, now_ns: int) -> bool:
        """Put the file that is at the path now behind all that was written before it."""
        line = self._generations
        try:
            fresh = open_plain(self._disk, self._path)
        except OSError as error:
            line.error = describe(self._path, error)
            return False
        live = Generation(fresh, self._path, self._stats.skipped)
        live.is_intact()
        settled = not live.empty  # before the copies are listed: what it is given from now on may be in one that is not
        self._drop_stale()
        self._rotated_files.copies.modified()
        siblings = self._rotated_files.copies.listing()
        if siblings is None or not self._is_at_path(fresh) or not live.is_intact():
            self._look_again(fresh)
            return False
        line.error = None
        if line.reattach(live) or not self._is_free(fresh):
            fresh.close()
            return True
        line.backlog.find(self._finder, siblings, now_ns)
        try:
            self._place(live, fresh, siblings, now_ns)
        except ChangedError:
            self._owners.release(live.identity, self._path)
            self._look_again(fresh)
            return False
        line.awaiting_listing = not settled
        self._rotated_files.remember(siblings)
        return True

    def _look_again(self, fresh: Plain) -> None:
        """It changed under us: nothing is concluded, and what is beside it is listed anew."""
        fresh.close()
        self._rotated_files.copies.invalidate()

    def _place(self, live: Generation, fresh: Plain, siblings: Sequence[RotatedFile], now_ns: int) -> None:
        """Let the file go on what was read, or come after it; raises ChangedError where it is another by now."""
        if not self._generations.begun:
            self._generations.begin(live)
        elif not self._goes_on(live, fresh, siblings, now_ns):
            if not live.is_intact():  # truncated after its copies were listed: what was read may be in one that was not
                raise ChangedError
            self._succeed(live, fresh, siblings, now_ns)

    def _is_free(self, fresh: Plain) -> bool:
        """No other path reads this file; else this one waits until its path names another."""
        line = self._generations
        identity = (fresh.device, fresh.inode)
        if self._owners.take(identity, self._path):
            line.alias = None
            return True
        line.alias = identity
        line.begun = True
        line.rotate_out()
        return False

    def _goes_on(self, live: Generation, fresh: Plain, siblings: Sequence[RotatedFile], now_ns: int) -> bool:
        """It is the file we were reading, or a copy put in its place: go on at the same offset."""
        line, replaced = self._generations, 0
        if line.live is not None:
            if not self._finder.replaces(line.live, fresh):
                return False
            line.detach()
            replaced = 1
        elif line.resume is None or not self._finder.continues(line.resume, fresh):
            return False
        record = line.resume
        assert record is not None
        line.resume_live(record, live)
        self._stats.rotations["replaced"] += replaced
        if record.fingerprint.head_size:
            self._add_late(siblings)
        elif self._add_unseen_rotations(siblings):
            return True
        if live.seen < record.seen:
            self._stats.record_loss("truncated", now_ns, record.seen - live.seen, exact=True)
        return True

    def _succeed(self, live: Generation, fresh: Plain, siblings: Sequence[RotatedFile], now_ns: int) -> None:
        """A new file is at the path: first what was there before it and what was unseen_rotations."""
        line = self._generations
        held, kind = line.hold()
        first = not held and line.resume is None  # the log has come to its path for the first time
        found = None
        read = None
        if line.resume is not None:
            read = line.resume.fingerprint if line.resume.fingerprint.size else None
            found = self._finder.predecessor(line.resume, self._not_held(siblings, held))
            if found is None and line.resume.fingerprint.matches(fresh):
                line.backlog.generations += held
                line.resume_live(line.resume, live)
                return
            kind = self._follow(line.resume, found, fresh, now_ns)
        chain = [*held, *([found] if found is not None else [])]
        open_now = [*line.backlog.generations, *chain, live]
        unseen_rotations = self._finder.unseen_rotations(siblings, open_now, read=read if found is None else None)
        line.backlog.queue([*chain, *unseen_rotations], siblings)
        line.open_new(live)
        self._stats.rotations[kind] += (not first) + _begun(unseen_rotations)

    def _follow(self, record: Record, found: Generation | None, fresh: Plain, now_ns: int) -> str:
        """Go on with the copy that holds the position, or record a gap; tell how the file was rotated."""
        self._generations.resume = None
        stayed = record.fingerprint.same_inode(fresh)
        if found is None:
            if record.fingerprint.head_size:
                self._stats.record_loss(
                    "truncated" if stayed else "removed", now_ns, record.seen - record.fingerprint.size
                )
            return "truncate" if stayed else "replaced"
        if record.seen > found.seen and isinstance(found.content, Plain):
            self._stats.record_loss("truncated", now_ns, record.seen - found.seen, exact=True)
        return "copytruncate" if stayed else "rename"


def _begun(generations: Sequence[Generation]) -> int:
    """How many are read from their start; the others were read before and have appended."""
    return sum(not generation.offset for generation in generations)
