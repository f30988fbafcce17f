"""One correlation with its open keys: what it waits for, until when, and the event that it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from heapq import heappush
from typing import Any, NamedTuple

from logwatch.matching import templates
from logwatch.model import SECOND, Correlation, Event, Outcome, Role
from logwatch.store.state_table import StateTable

GRACE_NS = 60 * SECOND
"""Keys that are only remembered are kept a little longer: an event's own time may be before its header's."""
MAX_OPEN = 10_000
"""Most open keys per correlation; beyond them a tenth is dropped, the oldest first."""
MAX_MATCHED = 1_000
"""Most numbers of matched events that are kept per correlation for amendments."""

Key = tuple[str, ...]
"""The host, and the values of what `by` names."""
Deadline = tuple[int, str, Key]
"""When to look at a key of a correlation again."""


class Open(NamedTuple):
    """A sequence, an awaited event or a value seen, of one key."""

    time_ns: int
    """Of the first step; for first_seen of the last event."""
    step: int
    """The step that is awaited."""
    attributes: Mapping[str, str]
    """Of the steps so far."""
    event: Event | None
    """The first step, if the event to make is about that one (missing)."""


Row = tuple[Open | None, int | None]
"""What is open for a key, and when an `unless` event of it came last."""


class CorrelationTables:
    """What must survive of all correlations, by id and key."""

    def __init__(self) -> None:
        self.keys: StateTable[tuple[str, Key], Row] = StateTable("key", _encode, _decode)
        self.matched: StateTable[str, dict[int, None]] = StateTable("matched", list, lambda _, row: dict.fromkeys(row))
        """Numbers of the events that took part, by correlation."""


class CorrelationState:
    """One correlation and its keys; the heap of deadlines is that of all."""

    __slots__ = (
        "_conditional",
        "_deadlines",
        "_tables",
        "_templates",
        "barred",
        "correlation",
        "dropped",
        "excluded",
        "key_of",
        "lasts_ns",
        "opens",
        "unless",
    )

    def __init__(self, correlation: Correlation, tables: CorrelationTables, deadlines: list[Deadline]) -> None:
        self.correlation = correlation
        self.lasts_ns = correlation.within_ns + (0 if correlation.kind == "missing" else GRACE_NS)
        """How long after its time an open key is looked at again."""
        self.key_of = _key_of(correlation)
        """The key of an event; None if a part of it is absent."""
        self.unless = frozenset(correlation.unless)
        self.opens: dict[Key, Open] = {}
        self.barred: dict[Key, int] = {}
        """When an `unless` event of the key came last."""
        self.excluded: frozenset[str] = frozenset()
        """Rules whose events are ignored: later correlations, and itself, that lead back to this one."""
        self.dropped = 0
        """Keys dropped because too many were open, since the last `take_dropped`."""
        self._conditional = any(correlation.where)
        self._templates = {key: templates.parse(text) for key, text in correlation.attributes.items()}
        self._tables = tables
        self._deadlines = deadlines

    def exclude(self, rules: frozenset[str]) -> None:
        """Ignore the events of these rules."""
        self.excluded = rules

    def begins(self, event: Event) -> bool:
        """Whether an event is the first step; of first_seen, whether it is any."""
        if self.correlation.kind == "first_seen":
            return any(self.matches(step, event) for step in range(len(self.correlation.steps)))
        return self.matches(0, event)

    def matches(self, step: int, event: Event) -> bool:
        """Whether an event is what a step awaits: of its type, with its attributes."""
        correlation = self.correlation
        if step >= len(correlation.steps) or correlation.steps[step] != event.event:
            return False
        where = correlation.where[step] if step < len(correlation.where) else None
        return not where or where.items() <= event.attributes.items()

    # ── open keys ────────────────────────────────────────────────────────────────────

    def open(self, key: Key, opened: Open) -> None:
        """Open a key."""
        if key not in self.opens and len(self.opens) >= MAX_OPEN:
            self._drop_oldest()
        self.opens[key] = opened
        self._save(key)
        heappush(self._deadlines, (opened.time_ns + self.lasts_ns, self.correlation.id, key))

    def close(self, key: Key) -> None:
        """Close a key."""
        self.opens.pop(key, None)
        self._save(key)

    def _drop_oldest(self) -> None:
        oldest = sorted(self.opens, key=lambda each: (self.opens[each].time_ns, each))[: MAX_OPEN // 10 + 1]
        for key in oldest:
            self.close(key)
        self.dropped += len(oldest)

    def take_dropped(self) -> int:
        """Return how many keys were dropped since the last call."""
        dropped, self.dropped = self.dropped, 0
        return dropped

    # ── what keeps a key from opening ────────────────────────────────────────────────

    def bar(self, key: Key, time_ns: int) -> None:
        """Process an `unless` event of the key: close it, and let nothing open it for a while."""
        if key in self.opens and self.correlation.kind != "first_seen":
            self.close(key)
        self.barred[key] = max(time_ns, self.barred.get(key, time_ns))
        self._save(key)
        heappush(self._deadlines, (time_ns + self.correlation.within_ns + GRACE_NS, self.correlation.id, key))

    def unbar(self, key: Key, clock_ns: int) -> None:
        """Forget that a key is barred, if it has been for long enough."""
        barred_ns = self.barred.get(key)
        if barred_ns is not None and barred_ns + self.correlation.within_ns + GRACE_NS <= clock_ns:
            del self.barred[key]
            self._save(key)

    def shift(self, step_ns: int) -> None:
        """Move all times of keys by a step of the clock; the deadlines are the caller's to move."""
        for key, opened in self.opens.items():
            self.opens[key] = opened._replace(time_ns=opened.time_ns + step_ns)
        for key in self.barred:
            self.barred[key] += step_ns
        for key in self.opens.keys() | self.barred.keys():
            self._save(key)

    # ── amendments ───────────────────────────────────────────────────────────────────

    def match(self, outcome: Outcome) -> None:
        """Remember which events took part, if an amendment could make them do so again."""
        if self._conditional:
            matched = self._tables.matched.setdefault(self.correlation.id, {})
            matched[outcome.seq] = None
            self._tables.matched.touch(self.correlation.id)
            if len(matched) > MAX_MATCHED:
                del matched[min(matched)]

    def newly_matches(self, outcome: Outcome) -> bool:
        """Whether an amended event may take part that did not before."""
        return self._conditional and outcome.seq not in self._tables.matched.get(self.correlation.id, {})

    # ── the event that it makes ──────────────────────────────────────────────────────

    def make(self, event: Event, attributes: Mapping[str, str], time_ns: int, clock_ns: int) -> Event:
        """Return the correlation's event, about the object and with the line of one of its steps."""
        correlation = self.correlation
        own = {}
        for name, template in self._templates.items():
            value = template.render(lambda field: _field(event, attributes, field))
            if value is not None:
                own[name] = value
        return event._replace(
            time_ns=time_ns,
            event=correlation.event,
            attributes={**attributes, **own},
            severity=correlation.severity,
            rule=correlation.id,
            role=Role.PRIMARY,
            stamp_ns=max(clock_ns, time_ns),
            revoked_by=frozenset(),
        )

    # ── state ────────────────────────────────────────────────────────────────────────

    def _save(self, key: Key) -> None:
        opened, barred_ns = self.opens.get(key), self.barred.get(key)
        if opened is None and barred_ns is None:
            self._tables.keys.pop((self.correlation.id, key), None)
        else:
            self._tables.keys[self.correlation.id, key] = (opened, barred_ns)

    def restore_key(self, key: Key, row: Row) -> None:
        """Continue with a key of the last commit; the heap of deadlines is in no order after it."""
        opened, barred_ns = row
        if barred_ns is not None:
            self.barred[key] = barred_ns
            self._deadlines.append((barred_ns + self.correlation.within_ns + GRACE_NS, self.correlation.id, key))
        if opened is not None:
            self.opens[key] = opened
            self._deadlines.append((opened.time_ns + self.lasts_ns, self.correlation.id, key))


def _key_of(correlation: Correlation) -> Callable[[Event], Key | None]:
    if correlation.by == ("id",):  # as nearly all are
        return lambda event: None if event.id is None else (event.host, event.id)
    return partial(_key, correlation)


def _key(correlation: Correlation, event: Event) -> Key | None:
    key = [event.host]
    for part in correlation.by:
        value = event.attributes.get(part[11:]) if part.startswith("attributes.") else getattr(event, part)
        if value is None:
            return None
        key.append(value)
    return tuple(key)


def _field(event: Event, attributes: Mapping[str, str], field: str) -> str | None:
    """Return what a placeholder of a correlation names: `id`, `name`, `host`, or an attribute of a step."""
    if field in ("id", "name", "host"):
        value = getattr(event, field)
        return None if value is None else str(value)
    return attributes.get(field.removeprefix("attributes.").removeprefix("event."))


def _encode(row: Row) -> list[Any]:
    opened, barred_ns = row
    if opened is None:
        return [None, barred_ns]
    fields = None if opened.event is None else [*opened.event[:11]]
    return [[*opened[:2], dict(opened.attributes), fields], barred_ns]


def _decode(_key: Any, row: list[Any]) -> Row:
    opened, barred_ns = row
    if opened is None:
        return None, barred_ns
    time_ns, step, attributes, fields = opened
    return Open(time_ns, step, attributes, None if fields is None else Event(*fields)), barred_ns
