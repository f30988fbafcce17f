"""Detects rotations of one path, and puts the live file after all that was written before it.

That a file was truncated is detected where it is read (`open_file`); here is decided what became of its content.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from logwatch.model import SECOND
from logwatch.sources.content import Archive, Disk, NoDescriptorError, Plain, describe, is_readable, open_plain
from logwatch.sources.fingerprint import Fingerprint
from logwatch.sources.generation_finder import GenerationFinder, continues, is_replaced_by
from logwatch.sources.generations import FileGenerations, InodeOwners
from logwatch.sources.open_file import ChangedError, Generation, ReadStats, StoredGeneration
from logwatch.sources.rotated_files import KnownFiles, RotatedFile, RotatedFiles

log = logging.getLogger("logwatch")
RECHECK_NS = 10 * SECOND
"""While a log is rotated its files are renamed one by one; a number that is still missing after this time is missing."""


class RotationDetector:
    """Follows one path through rotation and truncation."""

    def __init__(
        self,
        generations: FileGenerations,
        *,
        files: RotatedFiles,
        known: KnownFiles,
        stats: ReadStats,
        disk: Disk,
        owners: InodeOwners,
    ) -> None:
        self._path = generations.path
        self._generations = generations
        self._finder = GenerationFinder(generations.path, files=files, known=known, stats=stats, owners=owners)
        self._files = files
        self._known = known
        self._stats = stats
        self._disk = disk
        self._owners = owners
        self.error: str | None = None
        """Why the path cannot be read, or not all of it."""
        self.unreadable = False
        """Whether there is a file at the path that `error` keeps from being read."""
        self.blocked = False
        """Whether the limit of open files was reached at the last check, so that something may be unread."""
        self.awaiting_listing = False
        """Whether the live file was empty before the rotated files were last listed.

        Until they are listed again it is not read: its first lines may be in one of them by now.
        """
        self.alias: tuple[int, int] | None = None
        """The file at the path while another path reads it."""
        self._suspected: tuple[Fingerprint, int] | None = None
        """A generation after which numbers were missing, and when that was seen."""

    def check(self, now_ns: int) -> bool:
        """Check what the path names now; True if there may be more to read than before."""
        try:
            may_read = self._check(now_ns)
        except NoDescriptorError as error:
            # Nothing was concluded from files that could not be opened; the next check lists them again.
            self.error, self.unreadable = f"{self._path}: {error}", True
            self._files.invalidate()
            self._set_blocked(blocked=True)
            return False
        finally:
            self._files.release()
        self._set_blocked(blocked=False)
        return may_read

    def _set_blocked(self, *, blocked: bool) -> None:
        if blocked and not self.blocked:
            log.warning("%s", self.error)
        if self.blocked and not blocked:
            log.info("%s: files can be opened again", self._path)
        self.blocked = blocked

    def _check(self, now_ns: int) -> bool:
        generations = self._generations
        try:
            found = self._disk.stat(self._path)
        except OSError as error:
            self.note_error(error)
            # Any other error says nothing about the file, and a directory that fails hides what is in it.
            return isinstance(error, FileNotFoundError) and self._check_without_file(now_ns)
        identity = (found.st_dev, found.st_ino)
        if found.st_ino == 0 or (identity == self.alias and self._owners.is_read(identity)):
            return False
        live = generations.live
        if live is None or identity != live.identity:
            return self._relink(now_ns)
        self.error, self.unreadable = None, False
        if live.offset == 0 and live.empty and not live.is_intact():
            generations.detach()
            return self._relink(now_ns)
        listing_helps = self.awaiting_listing and not live.empty
        if self._has_changed() or generations.backlog.to_reopen or listing_helps or self._is_recheck_due(now_ns):
            return self._check_beside(live, now_ns)
        return False

    def note_error(self, error: OSError) -> None:
        """Note why the file at the path could not be read."""
        self.error, self.unreadable = describe(self._path, error), not isinstance(error, FileNotFoundError)

    def _has_changed(self) -> bool:
        """Whether something was added, removed or written beside the log, apart from what is open anyway."""
        return self._known.modified({generation.identity for generation in self._generations.all()})

    def _reopen(self, listed: Sequence[RotatedFile], now_ns: int) -> bool:
        return self._generations.backlog.reopen(lambda record: self._finder.reopen(record, listed, now_ns))

    # ── generations that nobody can read any more ────────────────────────────────────

    def _note_missing(
        self, head: Generation, unseen: Sequence[Generation], listed: Sequence[RotatedFile], now_ns: int
    ) -> None:
        """Record that generations after `head` may have been deleted before they were seen.

        If its file was deleted, others that were written after it may have been deleted too. If a number
        is missing between its file and the newest one, that is recorded when it is still missing later.
        """
        try:
            file = self._finder.file_of(head, listed)
            if file is not None and self._finder.missing_numbers(head.fingerprint(), listed):
                self._suspected = (head.fingerprint(), now_ns)
        except NoDescriptorError:
            self._suspected = (head.fingerprint(), now_ns)
            return
        if (
            file is None
            and not head.links()
            and _count_whole(unseen)
            and all(is_readable(other.path) for other in listed)
        ):
            self._stats.record_loss("missed", now_ns, 0)

    def _is_recheck_due(self, now_ns: int) -> bool:
        return self._suspected is not None and abs(now_ns - self._suspected[1]) >= RECHECK_NS

    def _confirm_missing(self, listed: Sequence[RotatedFile], now_ns: int) -> None:
        if self._suspected is None or not self._is_recheck_due(now_ns):
            return
        missing = self._finder.missing_numbers(self._suspected[0], listed)
        self._suspected = None
        for _ in range(missing):
            self._stats.record_loss("missed", now_ns, 0)

    # ── no file at the path ──────────────────────────────────────────────────────────

    def _check_without_file(self, now_ns: int) -> bool:
        """Continue where the path's file was moved to, and read the generations that came and went meanwhile."""
        generations = self._generations
        if not generations.begun:
            listed = self._files.listing()
            if listed is None:
                return False
            generations.begin_without_file()
            self._known.remember(listed)
        live = generations.live
        settled = live is None or (live.is_intact() and not live.empty)
        now_listed = self.awaiting_listing and settled
        if not self._has_changed() and not generations.backlog.to_reopen and not now_listed:
            return False
        self._close_stale()
        listed = self._files.listing()
        if listed is None:
            return False
        before = len(generations.backlog.generations)
        self._reopen(listed, now_ns)
        self._read_moved(listed, now_ns)
        if generations.resume is None:
            self._known.remember(listed)
        self.awaiting_listing = self.awaiting_listing and not settled
        return len(generations.backlog.generations) > before or now_listed

    def _read_moved(self, listed: Sequence[RotatedFile], now_ns: int) -> None:
        """Add the file that was moved away, and unseen generations, to the backlog."""
        generations = self._generations
        chain: list[Generation] = []
        try:
            if generations.live is not None and not generations.live.is_intact():
                chain += generations.take_live()[0]
            if generations.resume is not None:
                found = self._finder.find(generations.resume, self._not_held(listed, chain))
                if found is not None:
                    generations.give_up()
                    chain.append(found)
                    self._stats.rotations["rename"] += 1
            unseen = self._finder.unseen_rotations(listed, [*generations.all(), *chain], empties=True)
        except NoDescriptorError:
            generations.backlog.append(chain)
            raise
        if unseen:
            self._give_up(listed, now_ns)
            chain += generations.take_live()[0]
            self._stats.rotations["rename"] += _count_whole(unseen)
        if chain:
            self._note_missing(chain[0], unseen, listed, now_ns)
        generations.backlog.add([*chain, *unseen], listed)

    def _close_stale(self) -> None:
        """Close what cannot be read by its descriptor, before it is compared with what is found."""
        self._generations.backlog.close_stale()
        if self._generations.live is not None and self._generations.live.is_stale():
            self._generations.detach()

    def _not_held(self, listed: Sequence[RotatedFile], held: Sequence[Generation]) -> list[RotatedFile]:
        """Return those that are not open already."""
        taken = {generation.identity for generation in (*self._generations.backlog.generations, *held)}
        return [file for file in listed if file.identity not in taken]

    def _give_up(self, listed: Sequence[RotatedFile], now_ns: int) -> None:
        """Record the rest of what was read as lost: it was not found, but later generations were."""
        record = self._generations.give_up()
        if record is not None and record.fingerprint.head_size:
            self._finder.record_loss("removed", record, listed, now_ns)

    # ── the same file at the path ────────────────────────────────────────────────────

    def _check_beside(self, live: Generation, now_ns: int) -> bool:
        """Read what is new beside the log, after something changed there.

        New is what the log held while it was thought empty, and what was written to a rotated file after it was closed.
        """
        generations = self._generations
        generations.backlog.close_stale()
        settled = not live.empty  # before listing: what it was given since may be in a file that was not listed
        listed = self._files.listing()
        if listed is None or not self._is_at_path(live.content) or not live.is_intact():
            self._files.invalidate()
            return False
        found = self._reopen(listed, now_ns)
        if self.awaiting_listing:
            added = self._add_unseen(listed)
        else:  # a file that was missing may be there now
            added = self._add_unseen(listed, "rename") if self._suspected is not None else self._add_late(listed)
        self._confirm_missing(listed, now_ns)
        self._known.remember(listed)
        now_listed = self.awaiting_listing and settled
        self.awaiting_listing = not settled
        return found or added > 0 or now_listed

    def _is_at_path(self, content: Plain | Archive) -> bool:
        """Whether the path still names this file: files listed before hold nothing newer."""
        try:
            found = self._disk.stat(self._path)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == (content.device, content.inode)

    def _add_unseen(self, listed: Sequence[RotatedFile], kind: str = "copytruncate") -> int:
        """Add what the log held meanwhile, if it had no line when it was last checked."""
        unseen = self._finder.unseen_rotations(listed, self._generations.all())
        self._generations.backlog.append(unseen)
        self._stats.rotations[kind] += _count_whole(unseen)
        return len(unseen)

    def _add_late(self, listed: Sequence[RotatedFile]) -> int:
        late = self._finder.late(listed, self._generations.all())
        self._generations.backlog.append(late)
        return len(late)

    # ── another file at the path ─────────────────────────────────────────────────────

    def _relink(self, now_ns: int) -> bool:
        """Put the file that is at the path now after all that was written before it."""
        generations = self._generations
        try:
            fresh = open_plain(self._disk, self._path)
        except OSError as error:
            self.note_error(error)
            return False
        live = Generation(fresh, self._path, self._stats)
        try:
            return self._relink_to(live, fresh, now_ns)
        except ChangedError:
            # It changed while it was compared: nothing is concluded, and the next check lists again.
            self._files.invalidate()
            return False
        finally:
            if generations.live is None or generations.live.content is not fresh:
                fresh.close()

    def _relink_to(self, live: Generation, fresh: Plain, now_ns: int) -> bool:
        """Follow the file that is at the path now. Raises ChangedError and NoDescriptorError."""
        generations = self._generations
        live.is_intact()
        settled = not live.empty  # before listing: what it is given from now on may be in a file that is not listed
        self._close_stale()
        self._files.modified()
        listed = self._files.listing()
        if listed is None or not self._is_at_path(fresh) or not live.is_intact():
            raise ChangedError
        self.error, self.unreadable = None, False
        if generations.reattach(live) or not self._is_free(fresh):
            return True
        try:
            self._place(live, fresh, listed, now_ns)
        except (ChangedError, NoDescriptorError):
            self._owners.release(live.identity, self._path)
            raise
        self.awaiting_listing = not settled
        self._known.remember(listed)
        return True

    def _place(self, live: Generation, fresh: Plain, listed: Sequence[RotatedFile], now_ns: int) -> None:
        """Let the file continue what was read, or come after it; raises ChangedError if it is another by now."""
        self._reopen(listed, now_ns)
        if not self._generations.begun:
            self._generations.begin(live)
        elif not self._continue(live, fresh, listed, now_ns):
            if not live.is_intact():  # truncated after listing: what was read may be in a file that was not listed
                raise ChangedError
            self._succeed(live, fresh, listed, now_ns)

    def _is_free(self, fresh: Plain) -> bool:
        """Whether no other path reads this file; otherwise this path waits until it names another file."""
        identity = (fresh.device, fresh.inode)
        is_free = self._owners.assign(identity, self._path)
        self.alias = None if is_free else identity
        if not is_free:
            self._generations.begin_elsewhere()
        return is_free

    def _continue(self, live: Generation, fresh: Plain, listed: Sequence[RotatedFile], now_ns: int) -> bool:
        """Continue at the same offset if it is the file that was read, or a copy put in its place."""
        generations, replaced = self._generations, 0
        if generations.live is not None:
            if not is_replaced_by(generations.live, fresh):
                return False
            generations.detach()
            replaced = 1
        elif generations.resume is None or not continues(generations.resume, fresh):
            return False
        record = generations.resume
        assert record is not None
        generations.resume_live(record, live)
        self._stats.rotations["replaced"] += replaced
        try:
            added = self._add_late(listed) if record.fingerprint.head_size else self._add_unseen(listed)
        except NoDescriptorError:
            generations.detach_again(record)
            raise
        if added and not record.fingerprint.head_size:
            return True
        if live.seen < record.seen:
            self._stats.record_loss("truncated", now_ns, record.seen - live.seen, exact=True)
        return True

    def _succeed(self, live: Generation, fresh: Plain, listed: Sequence[RotatedFile], now_ns: int) -> None:
        """Read what was there before the new file at the path, and unseen generations, and then the new file."""
        generations = self._generations
        held, kind = generations.take_live()
        is_first = not held and generations.resume is None  # the log has come to its path for the first time
        read = None
        try:
            if generations.resume is not None:
                record = generations.resume
                found = self._finder.find(record, self._not_held(listed, held))
                if found is None and record.fingerprint.matches(fresh):
                    generations.backlog.append(held)
                    generations.resume_live(record, live)
                    return
                kind = self._kind_of_rotation(record, found, fresh, listed, now_ns)
                generations.give_up()
                read = record.fingerprint if found is None and record.fingerprint.size else None
                held += [found] if found is not None else []
            unseen = self._finder.unseen_rotations(listed, [*generations.all(), *held, live], read=read)
            if held:
                self._note_missing(held[0], unseen, listed, now_ns)
        except NoDescriptorError:
            generations.backlog.append(held)
            raise
        generations.backlog.add([*held, *unseen], listed)
        generations.open_new(live)
        self._stats.rotations[kind] += (not is_first) + _count_whole(unseen)

    def _kind_of_rotation(
        self,
        record: StoredGeneration,
        found: Generation | None,
        fresh: Plain,
        listed: Sequence[RotatedFile],
        now_ns: int,
    ) -> str:
        """Return how the file was rotated; record a gap if its rest was not found, or not all of it."""
        stayed = record.fingerprint.same_inode(fresh)
        if found is None:
            if record.fingerprint.head_size:
                self._finder.record_loss("truncated" if stayed else "removed", record, listed, now_ns)
            return "truncate" if stayed else "replaced"
        if record.seen > found.seen and isinstance(found.content, Plain):
            self._stats.record_loss("truncated", now_ns, record.seen - found.seen, exact=True)
        return "copytruncate" if stayed else "rename"


def _count_whole(generations: Sequence[Generation]) -> int:
    """Return how many are read from their start; the others were read before and have grown."""
    return sum(not generation.offset for generation in generations)
