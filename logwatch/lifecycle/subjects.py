"""The objects that events happened to lately: what `tellers` remembers of each, within bounds."""

from __future__ import annotations

from collections.abc import Callable

from logwatch.lifecycle.occurrences import FORGOTTEN, Key, Subject, Telling, joinable

TELLINGS = 16
"""Most tellings that are remembered per object and action."""
SUBJECTS = 50_000
"""Most objects that are remembered; those not heard of for longest go first."""


class Subjects:
    """Objects with their tellings."""

    def __init__(self, forget: Callable[[Telling], None]) -> None:
        self._subjects: dict[Key, Subject] = {}
        self._forget = forget

    def get(self, key: Key) -> Subject:
        """Return the object."""
        subject = self._subjects.get(key)
        if subject is None:
            if len(self._subjects) >= SUBJECTS:
                self._shrink()
            subject = self._subjects[key] = Subject(key)
        return subject

    def remember(self, telling: Telling, subject: Subject, clock_ns: int) -> None:
        """Keep what was told of the object; forget what nobody can join, and of too many the oldest."""
        tellings = subject.tellings.get(telling.event.event)
        if tellings is None:
            subject.tellings[telling.event.event] = [telling]
            return
        tellings.append(telling)
        if tellings[0].seq and not joinable(tellings[0], clock_ns):
            self._forget(tellings.pop(0))
        if len(tellings) > TELLINGS:
            oldest = next((each for each in tellings if each.seq), tellings[0])
            tellings.remove(oldest)
            self._forget(oldest)

    def move(self, key: Key, to: Key) -> Subject | None:
        """The object's full id is known now."""
        subject = self._subjects.pop(key, None)
        if subject is not None:
            subject.key = to
            self._subjects[to] = subject
        return subject

    def sweep(self, clock_ns: int) -> None:
        """Forget the objects of which nothing can be joined any more."""
        for subject in list(self._subjects.values()):
            if not subject.held and not any(joinable(each, clock_ns) for each in subject.told()):
                self._delete(subject)

    def _shrink(self) -> None:
        idle = [subject for subject in self._subjects.values() if not subject.held]
        for subject in sorted(idle, key=_age)[: SUBJECTS // 2]:
            self._delete(subject)

    def _delete(self, subject: Subject) -> None:
        del self._subjects[subject.key]
        for telling in subject.told():
            self._forget(telling)

    def restore(self, telling: Telling, key: Key) -> Subject:
        """Take up a telling of the last commit, in the order of telling; returns its object."""
        subject = self._subjects.setdefault(key, Subject(key))
        if telling.clock_ns != FORGOTTEN:
            subject.tellings.setdefault(telling.event.event, []).append(telling)
            telling.kind.remember(telling, FORGOTTEN)
        if telling.seq == 0:
            subject.held.append(telling)
        return subject


def _age(subject: Subject) -> tuple[int, Key]:
    return max((each.clock_ns for each in subject.told()), default=FORGOTTEN), subject.key
