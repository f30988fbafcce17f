"""What two sets of rules make of the same log: which events and alerts are added, removed or changed.

Equal ones are dropped. Of the rest, those pair that the same line reports, then those of
one kind and object within seconds (another line reports them now). One without a partner was added or removed.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from logwatch.model import SECOND, Alert, Event, Source
from logwatch.pipeline import Pipeline
from logwatch.replay import Replay

Thing = TypeVar("Thing", Event, Alert)
NEAR_NS = 10 * SECOND
"""As far apart as the lines about one event may be."""


@dataclass(slots=True)
class Account:
    """The events and alerts of one set of rules."""

    events: list[Event] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)


class Difference(NamedTuple, Generic[Thing]):
    """One difference; None on the side where it is missing."""

    before: Thing | None
    after: Thing | None


def account(source: Source, pipeline: Pipeline, now_ns: int, stopped: Callable[[], bool]) -> Account:
    """Run a log through the pipeline to its end."""
    made = Account()
    pipeline.alerts.on_resolved(made.alerts.append)
    Replay(
        source=source,
        pipeline=pipeline,
        store=None,
        now_ns=now_ns,
        on_event=made.events.append,
        flush=lambda: None,
        on_chunk=lambda: None,
        stopped=stopped,
    ).run()
    made.alerts += pipeline.alerts.firing(pipeline.clock_ns)
    return made


def events(before: Iterable[Event], after: Iterable[Event]) -> list[Difference[Event]]:
    """How the events differ, in the order of their times."""
    old, new = _unequal(before, after, _event_text)
    found = _paired(old, new, lambda event: (event.path, event.offset, event.event, event.id))
    found += _paired(old, new, lambda event: (event.path, event.offset))
    found += _paired(old, new, lambda event: (event.event, event.id, event.host), NEAR_NS)
    return _sorted([*found, *_alone(old, new)], lambda event: event.time_ns)


def alerts(before: Iterable[Alert], after: Iterable[Alert]) -> list[Difference[Alert]]:
    """How the alerts differ, in the order of their beginnings; one with the same labels at another time has moved."""
    old, new = _unequal(before, after, _alert_text)
    found = _paired(old, new, lambda alert: frozenset(alert.labels.items()))
    return _sorted([*found, *_alone(old, new)], lambda alert: alert.starts_ns)


def _event_text(event: Event) -> Hashable:
    return event._replace(attributes=frozenset(event.attributes.items()), line=None)  # type: ignore[arg-type]  # only to compare


def _alert_text(alert: Alert) -> Hashable:
    sets = (frozenset(alert.labels.items()), frozenset(alert.annotations.items()))
    return (*sets, alert.starts_ns, alert.ends_ns, alert.state)


def _unequal(
    before: Iterable[Thing], after: Iterable[Thing], text: Callable[[Thing], Hashable]
) -> tuple[list[Thing], list[Thing]]:
    """Those that have no equal on the other side."""
    old, new = list(before), list(after)
    counts = Counter(map(text, old)) & Counter(map(text, new))
    return _without(old, Counter(counts), text), _without(new, counts, text)


def _without(things: Iterable[Thing], counts: Counter[Hashable], text: Callable[[Thing], Hashable]) -> list[Thing]:
    kept = []
    for thing in things:
        key = text(thing)
        if counts[key]:
            counts[key] -= 1
        else:
            kept.append(thing)
    return kept


def _paired(
    old: list[Thing], new: list[Thing], key: Callable[[Thing], Hashable], within_ns: int | None = None
) -> list[Difference[Thing]]:
    """Take out those that have the same key on both sides, in order."""
    waiting: dict[Hashable, deque[Thing]] = defaultdict(deque)
    for thing in new:
        waiting[key(thing)].append(thing)
    pairs: list[Difference[Thing]] = []
    for thing in old:
        partners = waiting[key(thing)]
        while partners and within_ns is not None and _time(partners[0]) < _time(thing) - within_ns:
            partners.popleft()
        if partners and (within_ns is None or _time(partners[0]) <= _time(thing) + within_ns):
            pairs.append(Difference(thing, partners.popleft()))
    paired = {id(thing) for pair in pairs for thing in pair}
    for things in (old, new):
        things[:] = [thing for thing in things if id(thing) not in paired]
    return pairs


def _time(thing: Event | Alert) -> int:
    return thing.time_ns if isinstance(thing, Event) else thing.starts_ns


def _alone(old: Sequence[Thing], new: Sequence[Thing]) -> list[Difference[Thing]]:
    gone: list[Difference[Thing]] = [Difference(thing, None) for thing in old]
    come: list[Difference[Thing]] = [Difference(None, thing) for thing in new]
    return gone + come


def _sorted(found: list[Difference[Thing]], time: Callable[[Thing], int]) -> list[Difference[Thing]]:
    def first(difference: Difference[Thing]) -> int:
        thing = difference.before or difference.after
        assert thing is not None
        return time(thing)

    return sorted(found, key=first)
