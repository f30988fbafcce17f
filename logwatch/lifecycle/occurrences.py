"""Occurrences: one thing that happened with all events that report it; found by object and by event type.

A burst opens thousands of occurrences of one event type within the ten seconds in which events
join. So a report that does not name its object never looks at all of them: each rule has a list
of those that it has not reported yet, and a report that names a container finds those that
name it, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from logwatch.model import SECOND, Event, Role

JOIN_NS = 10 * SECOND
"""Events of one occurrence are at most so far apart."""
OOM_NS = SECOND // 10
"""`docker events` lines about one OOM kill are closer than this (cgroup v1 notifies several times)."""
REMEMBERED_NS = 120 * SECOND
"""An occurrence can be joined for so long by the clock: `docker events --since` catches up on a restart."""
MAX_RECENT = 256
"""Most occurrences per event type and host among which a report without an id looks for its own."""
MAX_UNIDENTIFIED = 16
"""Most accepted occurrences without an object that are kept per event type and host."""
IDENTIFYING = ("exec_id", "execID", "container", "endpoint", "signal", "health")
"""Attributes in which two reports of one occurrence cannot differ."""
IDENTIFYING_IMAGES = (*IDENTIFYING, "image", "cause")
"""As IDENTIFYING, of images: no line about one has an id."""
BUILDER = "builder"
"""As `container`: a step of the classic builder, whose containers have no name either."""
KILL_NS = SECOND
"""No process is killed twice within this."""
KILLS = frozenset({"container.oom", "host.oom"})
LEADING, PRIMARY, INVENTORY = Role.LEADING, Role.PRIMARY, Role.INVENTORY  # a member's look-up is slow
CORROBORATING, SUPPORTING, REQUEST = Role.CORROBORATING, Role.SUPPORTING, Role.REQUEST
SECONDARY = (CORROBORATING, SUPPORTING, REQUEST)
"""Roles of events that are pending until `settle` has passed."""
RANK = {LEADING: 3, PRIMARY: 2, CORROBORATING: 1, INVENTORY: 0, REQUEST: -1, SUPPORTING: -2}
FORGOTTEN = -1
"""As `opened_ns`: no event may join the occurrence any more."""


class Status(Enum):
    """Whether an occurrence was emitted; the values are those of its row in the database, where `seq` is above 0."""

    PENDING = 0
    EMITTED = 1
    REVOKED = -1
    DORMANT = -2
    """Only supporting rules reported it and `settle` has passed; another rule may still join it."""


PENDING, EMITTED = Status.PENDING, Status.EMITTED
REVOKED, DORMANT = Status.REVOKED, Status.DORMANT

Key = tuple[str, str, str]
"""The object that events happen to: host, type (`container`, `image`, …) and id."""


def merge(old: Event, new: Event) -> Event:
    """Merge two reports of one occurrence: that of the higher role, with what only the other one has."""
    lead, other = (new, old) if _leads(new, old) else (old, new)
    absent = [key for key in other.attributes if key not in lead.attributes]
    time_ns = other.time_ns if other.role is INVENTORY and _is_early(lead) else lead.time_ns
    if lead is old and not absent and (old.name or not new.name) and (old.id or not new.id) and time_ns == old.time_ns:
        return old
    attributes = {**lead.attributes, **{key: other.attributes[key] for key in absent}}
    return lead._replace(id=lead.id or other.id, name=lead.name or other.name, attributes=attributes, time_ns=time_ns)


def _is_early(event: Event) -> bool:
    """Whether a line is no more than near the event: that of a shim is a second before the start, on a busy host."""
    return event.role is CORROBORATING or (event.event == "container.start" and event.role is PRIMARY)


def _leads(new: Event, old: Event) -> bool:
    """Whether the newer report is of a higher role; one without an id never leads the inventory's."""
    if (new.id is None) is not (old.id is None) and INVENTORY in (new.role, old.role):
        return new.id is not None
    return RANK[new.role] > RANK[old.role]


def compatible(one: Event, other: Event) -> bool:
    """Whether two events can report one occurrence: they differ in nothing that identifies it."""
    mine, yours = one.attributes, other.attributes
    if one.id != other.id and one.event.startswith("container."):
        # A line without an id may still name the container in an attribute.
        ids = {one.id or mine.get("container"), other.id or yours.get("container")} - {None}
        if len(ids) > 1:
            return False
    if not mine or not yours:
        return True
    if one.event == "container.create" and len({_creator(mine), _creator(yours)} - {None}) > 1:
        return False
    keys = IDENTIFYING_IMAGES if one.event.startswith("image.") else IDENTIFYING
    return all(key not in mine or key not in yours or mine[key] == yours[key] for key in keys)


def _creator(attributes: Mapping[str, Any]) -> str | None:
    """Return what made a container, by the attributes of its creation: a service, a step of a build or a request."""
    if attributes.get("container") == BUILDER:
        return BUILDER
    return next((each for each in ("service", "method") if each in attributes), None)


class Occurrence:
    """One thing that happened, and the rules that reported it."""

    __slots__ = ("deadline_ns", "epoch", "event", "event_type", "key", "opened_ns", "order", "revoked_by", "rules", "seq", "status")  # fmt: skip

    def __init__(
        self, event: Event, event_type: EventTypeIndex, key: Key | None, order: int, opened_ns: int, epoch: int | None
    ) -> None:
        self.event = event
        self.event_type = event_type
        self.key = key
        self.order = order
        self.opened_ns = opened_ns
        """The clock at its first event."""
        self.epoch = epoch
        self.rules = [event.rule]
        self.revoked_by = event.revoked_by
        self.status = PENDING
        self.seq = 0
        """Its number, once it was emitted."""
        self.deadline_ns = 0

    def add_rules(self, rules: Iterable[str]) -> None:
        """Add rules that report it, too."""
        for rule in rules:
            if rule not in self.rules:
                self.rules.append(rule)
                self.event_type.mark_reported(self, rule)

    def merge(self, event: Event) -> bool:
        """Merge another report; returns whether that adds anything."""
        merged = merge(self.event, event)
        if merged is self.event:
            return False
        self.event = merged
        self.event_type.refile(self)
        return True

    def enter(self, epoch: int | None) -> None:
        """Set the epoch of the service that it reports."""
        self.epoch = epoch

    def joinable(self, clock_ns: int) -> bool:
        """Whether it was opened lately enough; those of a service last for its epoch."""
        return self.opened_ns >= clock_ns - REMEMBERED_NS or self.epoch is not None


@dataclass(slots=True)
class ObjectRecord:
    """The latest occurrences of one object by event type, and those that are pending."""

    key: Key
    opened_ns: int
    """The clock when its newest occurrence was opened."""
    occurrences: dict[str, list[Occurrence]] = field(default_factory=dict)
    pending: list[Occurrence] = field(default_factory=list)

    def all(self) -> list[Occurrence]:
        """Return all of them."""
        return [occurrence for group in self.occurrences.values() for occurrence in group]


Group = dict[int, Occurrence]
"""Occurrences by their order, the oldest first."""


class EventTypeIndex:
    """The latest occurrences of one type.action on one host."""

    __slots__ = ("_by_container", "_unreported", "accepted", "pending", "recent")

    def __init__(self) -> None:
        self.recent: Group = {}
        """Of objects."""
        self.accepted: Group = {}
        """Without an object, emitted."""
        self.pending: dict[str, Group] = {}
        """Without an object, pending; by the rule that opened them."""
        self._unreported: dict[str, Group] = {}
        self._by_container: dict[str, Group] = {}

    def add_recent(self, occurrence: Occurrence, clock_ns: int) -> None:
        """Add one of an object; drop those that are too many or too old."""
        recent = self.recent
        self._add(recent, occurrence)
        while recent:
            oldest = next(iter(recent.values()))
            if len(recent) <= MAX_RECENT and oldest.opened_ns >= clock_ns - REMEMBERED_NS:
                break
            self.remove(oldest)

    def add_accepted(self, occurrence: Occurrence) -> Occurrence | None:
        """Add one that was emitted without an object; returns the one that is dropped for it."""
        self._add(self.accepted, occurrence)
        if len(self.accepted) <= MAX_UNIDENTIFIED:
            return None
        oldest = next(iter(self.accepted.values()))
        self.remove(oldest)
        return oldest

    def add_pending(self, occurrence: Occurrence) -> None:
        """Add one that is pending and has no object."""
        self._add(self.pending.setdefault(occurrence.rules[0], {}), occurrence)

    def is_pending(self, occurrence: Occurrence) -> bool:
        """Whether it has no object and is still pending."""
        return occurrence.order in self.pending.get(occurrence.rules[0], ())

    def all_pending(self) -> Iterator[Occurrence]:
        """Yield those that are pending and have no object."""
        for group in self.pending.values():
            yield from group.values()

    def _add(self, group: Group, occurrence: Occurrence) -> None:
        group[occurrence.order] = occurrence
        for rule, unreported in self._unreported.items():
            if rule not in occurrence.rules:
                unreported[occurrence.order] = occurrence
        self._file(occurrence)

    def remove(self, occurrence: Occurrence) -> None:
        """Remove one from every list; nothing happens if it is in none any more."""
        order = occurrence.order
        if self.recent.pop(order, None) is None and self.accepted.pop(order, None) is None:  # noqa: SIM102 - the rare case
            if not _remove(self.pending, occurrence.rules[0], order):
                return
        for unreported in self._unreported.values():
            unreported.pop(order, None)
        container = occurrence.event.attributes.get("container")
        if container is not None:
            _remove(self._by_container, container, order)

    def mark_reported(self, occurrence: Occurrence, rule: str) -> None:
        """The rule has reported it."""
        unreported = self._unreported.get(rule)
        if unreported is not None:
            unreported.pop(occurrence.order, None)

    def refile(self, occurrence: Occurrence) -> None:
        """Its attributes changed."""
        if occurrence.order in self.recent or occurrence.order in self.accepted or self.is_pending(occurrence):
            self._file(occurrence)

    def _file(self, occurrence: Occurrence) -> None:
        container = occurrence.event.attributes.get("container")
        if container is not None:
            self._by_container.setdefault(container, {})[occurrence.order] = occurrence

    def not_reported_by(self, rule: str) -> Iterable[Occurrence]:
        """Return what this rule has not reported yet, the oldest first."""
        unreported = self._unreported.get(rule)
        if unreported is None:
            known = [*self.recent.values(), *self.accepted.values(), *self.all_pending()]
            known.sort(key=lambda each: each.order)
            unreported = self._unreported[rule] = {each.order: each for each in known if rule not in each.rules}
        return unreported.values()

    def naming(self, container: str) -> Iterable[Occurrence]:
        """Return those that name this container, the oldest first."""
        return self._by_container.get(container, {}).values()

    def expire(self, oldest_ns: int) -> list[Occurrence]:
        """Drop what was opened before a time; returns those without an object, if the newest of them is as old."""
        for occurrence in [each for each in self.recent.values() if each.opened_ns < oldest_ns]:
            self.remove(occurrence)
        accepted = list(self.accepted.values())
        return accepted if accepted and accepted[-1].opened_ns < oldest_ns else []

    @property
    def is_empty(self) -> bool:
        """Whether nothing is kept of it."""
        return not (self.recent or self.accepted or self.pending)


def _remove(groups: dict[str, Group], key: str, order: int) -> bool:
    """Remove an occurrence from one of several groups; whether it was there."""
    group = groups.get(key)
    if group is None or group.pop(order, None) is None:
        return False
    if not group:
        del groups[key]
    return True
