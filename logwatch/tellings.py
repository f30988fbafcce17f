"""One thing that happened and who has told it: the values of `tellers`, and how accounts are joined."""

from __future__ import annotations

from collections import deque
from typing import Any

from logwatch.model import SECOND, Event, Role

JOIN_NS = 10 * SECOND
"""Lines about one event are at most so far apart."""
OOM_NS = SECOND // 10
"""`docker events` lines about one OOM kill are closer than this (cgroup v1 notifies several times)."""
REMEMBERED_NS = 120 * SECOND
"""A telling can be joined for so long by the clock: `docker events --since` catches up on a restart."""
HEARD_NS = 7 * 86_400 * SECOND
"""For so long a host counts as one whose better tellers are heard."""
HEARD_STEP_NS = 3600 * SECOND
TELLINGS = 16
"""Most tellings that are remembered per object and action."""
SUBJECTS = 50_000
"""Most objects that are remembered; those not heard of for longest go first."""
RECENT = 256
"""Most tellings per kind and host among which a line without an id looks for its own."""
NAMELESS = 16
"""Most events without an id that are remembered per kind and host."""
IDENTIFYING = ("exec_id", "execID", "container", "endpoint", "signal", "health")
"""Attributes in which two lines about one event cannot differ."""
TROUBLES = ("_failed", "_error")
"""Actions that do not show that the object has ever run."""
REVOKED = -1
FORGOTTEN = -1
"""When a telling was opened that nobody may join any more."""
LEADING, PRIMARY, CORROBORATING = Role.LEADING, Role.PRIMARY, Role.CORROBORATING  # a member's look-up is slow
RANK = {LEADING: 2, PRIMARY: 1, CORROBORATING: 0}


Key = tuple[str, str, str]
"""The object that events happen to: host, type (`container`, `image`, …) and id."""


class Telling:
    """One thing that happened, and who has told it."""

    __slots__ = ("clock_ns", "deadline_ns", "epoch", "event", "order", "revoked_by", "seq", "subject", "tellers")

    def __init__(self, event: Event, subject: Subject | None, order: int, clock_ns: int, epoch: int | None) -> None:
        self.event = event
        self.subject = subject
        self.order = order
        self.clock_ns = clock_ns
        """When it was opened."""
        self.epoch = epoch
        self.tellers = [event.rule]
        self.revoked_by = event.revoked_by
        self.seq = 0
        """Its number once it passed; 0 while it is held; -1 when it was revoked."""
        self.deadline_ns = 0

    def dump(self) -> list[object]:
        """Everything but the subject, as JSON knows it."""
        event = [*self.event[:13], sorted(self.event.revoked_by)]
        place = [self.order, self.clock_ns, self.epoch, self.seq, self.deadline_ns]
        return [event, place, self.tellers, sorted(self.revoked_by)]


class Subject:
    """An object, what was told of it lately, and what of that is held."""

    __slots__ = ("clock_ns", "dirty", "held", "key", "tellings")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.tellings: dict[str, list[Telling]] = {}
        self.held: list[Telling] = []
        self.clock_ns = 0
        self.dirty = False


class Kind:
    """What was told lately on one host of one type.action, whatever the object."""

    __slots__ = ("heard_ns", "recent")

    def __init__(self) -> None:
        self.recent: deque[Telling] = deque()
        self.heard_ns: int | None = None
        """When a leading or primary line last told of one, to the hour."""


Told = tuple[Telling, bool, bool]
"""A telling that passes now; or (amends) has passed and says more; or (adopted) had passed without an object."""
NOTHING: list[Told] = []


def joinable(telling: Telling, clock_ns: int) -> bool:
    """Whether it was opened lately enough; what is told of a service lasts for its epoch."""
    return telling.clock_ns >= clock_ns - REMEMBERED_NS or telling.epoch is not None


def is_open(telling: Telling, event: Event, clock_ns: int) -> bool:
    """Whether the line can tell of it: its rule has not done so yet, and does not contradict."""
    return event.rule not in telling.tellers and joinable(telling, clock_ns) and agree(telling.event, event)


def match(tellings: list[Telling], event: Event, clock_ns: int, epoch: int | None, *, certain: bool) -> Telling | None:
    """Find the telling, nearest in time, that the line joins."""
    best, distance = None, JOIN_NS + 1
    time_ns = event.time_ns
    for telling in tellings:
        gap = abs(telling.event.time_ns - time_ns)
        if gap >= distance and epoch is None:
            continue
        if gap < OOM_NS and repeats(telling.event, event, gap):
            return telling
        if epoch is not None and telling.epoch == epoch and event.role is CORROBORATING:
            return telling  # however often it is said: the service is in that state already
        if telling.epoch == epoch and is_open(telling, event, clock_ns) and absorbs(telling, event, certain=certain):
            best, distance = telling, min(gap, JOIN_NS)
    return best


def merge(old: Event, new: Event) -> Event:
    """Join two accounts of one event: the higher role's, with what only the other one says."""
    lead, other = (new, old) if RANK[new.role] > RANK[old.role] else (old, new)
    absent = [key for key in other.attributes if key not in lead.attributes]
    if lead is old and not absent and (old.name or not new.name) and (old.id or not new.id):
        return old
    attributes = {**lead.attributes, **{key: other.attributes[key] for key in absent}}
    return lead._replace(id=lead.id or other.id, name=lead.name or other.name, attributes=attributes)


def agree(one: Event, other: Event) -> bool:
    """Whether two lines can be about one event: nothing that identifies it differs."""
    mine, yours = one.attributes, other.attributes
    if not mine or not yours:
        return True
    return all(key not in mine or key not in yours or mine[key] == yours[key] for key in IDENTIFYING)


def is_start(event: Event) -> bool:
    """Whether the event begins something that may turn out to have failed."""
    return event.event.endswith(".start")


def is_death(event: Event) -> bool:
    """Whether the event is what a start that failed leaves behind, also after it is known to have failed."""
    return event.event.endswith(".die")


def absorbs(telling: Telling, event: Event, *, certain: bool) -> bool:
    """Whether a telling takes the line in: one that was revoked only what tells of the same mistake."""
    if telling.seq != REVOKED or event.role is CORROBORATING:
        return True
    return event.role is PRIMARY and bool(event.revoked_by) and not certain and is_death(event)


def repeats(told: Event, event: Event, gap_ns: int) -> bool:
    """Whether `docker events` says again what it has said."""
    if told.role is not LEADING or told.rule != event.rule or not agree(told, event):
        return False
    if event.event == "container.oom":
        return gap_ns < OOM_NS
    return gap_ns == 0 and event.time_ns % SECOND != 0 and told.attributes == event.attributes


def confirms(held: list[Telling], event: Event, *, certain: bool) -> bool:
    """Whether a new line of the object proves what is held of it.

    A death after a start proves nothing where both may be revoked by one event: it is what a
    failed start looks like. A trouble proves nothing either: what could not start can often not
    be cleaned up. Anything else, also a second start, shows that the first was one.
    """
    if event.event.endswith(TROUBLES):
        return False
    if certain or not event.revoked_by or event.role is LEADING or is_start(event):
        return True
    return any(telling.event.event == event.event or not telling.revoked_by & event.revoked_by for telling in held)


def load(dumped: list[Any], subject: Subject | None) -> Telling:
    """Make a telling of what `Telling.dump` returned."""
    fields, (order, clock_ns, epoch, seq, deadline_ns), tellers, revoked_by = dumped
    event = Event(*fields)
    event = event._replace(role=Role(event.role), revoked_by=frozenset(event.revoked_by))
    telling = Telling(event, subject, order, clock_ns, epoch)
    telling.seq, telling.deadline_ns, telling.tellers = seq, deadline_ns, tellers
    telling.revoked_by = frozenset(revoked_by)
    return telling
