"""Reports that do not name their object: which occurrence they may be of, and what revokes them."""

from __future__ import annotations

from collections.abc import Iterable

from logwatch.lifecycle.joining import is_refused, is_same_kill, mergeable, nearest, precedes
from logwatch.lifecycle.occurrence_store import OccurrenceStore
from logwatch.lifecycle.occurrences import JOIN_NS, KILLS, LEADING, REMEMBERED_NS, SECONDARY, Occurrence, compatible
from logwatch.model import Event


class UnidentifiedReports:
    """Finds the occurrence that a report without an object is of, and keeps what may prove it wrong."""

    def __init__(self, store: OccurrenceStore) -> None:
        self._store = store
        self.revocable: dict[tuple[str, str], dict[int, Occurrence]] = {}
        """What is pending without an object, by host and what revokes it."""

    def same_kill(self, event: Event) -> Occurrence | None:
        """Find the kill outside any container that the kernel's line, written twice, has reported already."""
        if event.event not in KILLS:
            return None
        accepted = self._store.event_type((event.host, event.event)).accepted.values()
        return next((each for each in accepted if is_same_kill(each.event, event)), None)

    def other_report(self, event: Event) -> Occurrence | None:
        """Find what `docker events` reports of the same container in another network, volume, …, or the daemon's report.

        The daemon calls a network by its name, or does not say which it is.
        """
        container = event.attributes.get("container")
        if container is None or event.role in SECONDARY or event.event.startswith("container."):
            return None
        leading = event.role is LEADING
        return nearest(
            (
                each
                for each in self._store.event_type((event.host, event.event)).naming(container)
                if (each.event.role is LEADING) is not leading
                and event.rule not in each.rules
                and self.is_near(each, event)
            ),
            event,
        )

    def accepted_in_place_of(self, accepted: Iterable[Occurrence], event: Event) -> Occurrence | None:
        """Find the occurrence that an event without an id had opened in place of this one."""
        for occurrence in accepted:
            new = event.rule not in occurrence.rules and not precedes(occurrence.event, event)
            if new and occurrence.event.role in SECONDARY and self.is_near(occurrence, event):
                return occurrence
        return None

    def is_near(self, occurrence: Occurrence, event: Event) -> bool:
        """Whether it is near, in time and by the clock, and does not contradict."""
        if abs(occurrence.event.time_ns - event.time_ns) > JOIN_NS:
            return False
        return occurrence.opened_ns >= self._store.clock_ns - REMEMBERED_NS and compatible(occurrence.event, event)

    def merge_pending(self, occurrence: Occurrence) -> None:
        """Merge events without an id that came shortly before: of each rule the oldest."""
        index = occurrence.event_type
        while index.pending and (found := min(mergeable(occurrence), key=lambda each: each.order, default=None)):
            occurrence.add_rules(found.rules)
            occurrence.merge(found.event)
            self.release(found)
            self._store.forget(found)

    def note_revokers(self, occurrence: Occurrence) -> None:
        """Note what proves a pending occurrence without an object wrong."""
        for revoker in occurrence.revoked_by:
            self.revocable.setdefault((occurrence.event.host, revoker), {})[occurrence.order] = occurrence

    def revoke_proven_wrong(self, event: Event) -> None:
        """Revoke the newest pending occurrence without an object that this event proves wrong."""
        revocable = self.revocable.get((event.host, event.event))
        if revocable:
            occurrence = max(revocable.values(), key=lambda each: each.order)
            self.release(occurrence)
            self._store.revoke(occurrence)
            self._store.forget(occurrence)

    def release(self, occurrence: Occurrence) -> None:
        """It is not pending any more."""
        occurrence.event_type.remove(occurrence)
        for revoker in occurrence.revoked_by:
            place = (occurrence.event.host, revoker)
            self.revocable[place].pop(occurrence.order)
            if not self.revocable[place]:
                del self.revocable[place]

    def refuse(self, host: str, event_type: str, name: str | None = None, *, image: str | None = None) -> None:
        """Revoke the newest pending occurrence of a type, a name and an image: the request for it was refused."""
        pending = self._store.event_type((host, event_type)).all_pending()
        found = [each for each in pending if each.event.name == name and each.event.attributes.get("image") == image]
        if found:
            newest = max(found, key=lambda each: each.order)
            self.release(newest)
            self._store.revoke(newest)
            self._store.forget(newest)

    def refuse_nearest(self, event: Event) -> None:
        """Revoke the pending occurrence that is nearest to an event, which makes no occurrence itself."""
        index = self._store.event_type((event.host, event.event))
        pending = [each for each in index.all_pending() if self.is_near(each, event)]
        occurrence = nearest(pending, event)
        if occurrence is not None:
            self.release(occurrence)
            self._store.revoke(occurrence)
            self._store.forget(occurrence)

    def is_reported(self, event: Event) -> bool:
        """Whether there is an occurrence that an event without an id may report."""
        index = self._store.event_type((event.host, event.event))
        return any(self.is_near(each, event) and not is_refused(each) for each in index.not_reported_by(event.rule))
