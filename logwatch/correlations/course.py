"""One correlation under way: its keys, until when each is waited for, and what took part."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from heapq import heappush
from typing import NamedTuple

from logwatch.correlations.conditions import Key, beginning_of, key_of
from logwatch.matching import templates
from logwatch.model import SECOND, Correlation, Event, Outcome

GRACE_NS = 60 * SECOND
"""What is only remembered is kept a little longer: an event's own time may be before its header's."""
MOST_OPEN = 10_000
"""Keys under way per correlation; beyond them the oldest is dropped."""
MOST_MATCHED = 1_000
"""Numbers of matched events per correlation that are remembered for amendments."""

Deadline = tuple[int, str, Key]
"""When to look at a key of a correlation again."""


class Open(NamedTuple):
    """A sequence, an awaited event or a value seen, of one key."""

    time_ns: int
    """Of the first step; for first_seen of the last sighting."""
    step: int
    """The step that is waited for."""
    attributes: Mapping[str, str]
    """Of the steps so far."""
    event: Event | None
    """The first step, where the made event is about that one (missing)."""


class Course:
    """One correlation and its keys under way; the heap of deadlines is that of all."""

    __slots__ = (
        "_deadlines",
        "_dirty",
        "_stored",
        "barred",
        "begins",
        "correlation",
        "dropped",
        "key",
        "lasts_ns",
        "matched",
        "opens",
        "rivals",
        "templates",
        "unless",
    )

    def __init__(self, correlation: Correlation, deadlines: list[Deadline]) -> None:
        self.correlation = correlation
        self.lasts_ns = correlation.within_ns + (0 if correlation.kind == "missing" else GRACE_NS)
        """How long after its time an open key is looked at again."""
        self.key = key_of(correlation)
        """The key of an event; None where it lacks a part."""
        self.begins = beginning_of(correlation)
        """Whether an event may begin something."""
        self.unless = frozenset(correlation.unless)
        self.opens: dict[Key, Open] = {}
        self.barred: dict[Key, int] = {}
        """When an `unless` event of the key came last."""
        self.matched: dict[int, None] = {}
        self.rivals: frozenset[str] = frozenset()
        """Later correlations, and itself, that lead back to this one: it takes nothing from them."""
        self.dropped = 0
        """Keys dropped because too many were under way, since last set to 0."""
        self.templates = {key: templates.parse(text) for key, text in correlation.attributes.items()}
        self._deadlines = deadlines
        self._dirty: set[Key | None] = set()
        self._stored: set[str] = set()

    # ── keys under way ───────────────────────────────────────────────────────────────

    def open(self, key: Key, under_way: Open) -> None:
        """Let a key be under way from now on."""
        if key not in self.opens and len(self.opens) >= MOST_OPEN:
            self._drop_oldest()
        self.opens[key] = under_way
        self._dirty.add(key)
        heappush(self._deadlines, (under_way.time_ns + self.lasts_ns, self.correlation.id, key))

    def close(self, key: Key) -> None:
        """Let a key be under way no more."""
        self.opens.pop(key, None)
        self._dirty.add(key)

    def _drop_oldest(self) -> None:
        """Drop a tenth at a time, so that a flood of keys does not sort them for each."""
        oldest = sorted(self.opens, key=lambda each: (self.opens[each].time_ns, each))[: MOST_OPEN // 10 + 1]
        for key in oldest:
            self.close(key)
        self.dropped += len(oldest)

    # ── what keeps a key from beginning ──────────────────────────────────────────────

    def bar(self, key: Key, time_ns: int) -> None:
        """An `unless` event of the key: what is under way is over, and for a while nothing begins."""
        if key in self.opens and self.correlation.kind != "first_seen":
            self.close(key)
        self.barred[key] = max(time_ns, self.barred.get(key, time_ns))
        self._dirty.add(key)
        heappush(self._deadlines, (time_ns + self.correlation.within_ns + GRACE_NS, self.correlation.id, key))

    def unbar(self, key: Key, clock_ns: int) -> None:
        """Forget that a key is barred, if it has been for long enough."""
        barred_ns = self.barred.get(key)
        if barred_ns is not None and barred_ns + self.correlation.within_ns + GRACE_NS <= clock_ns:
            del self.barred[key]
            self._dirty.add(key)

    # ── amendments ───────────────────────────────────────────────────────────────────

    def match(self, outcome: Outcome) -> None:
        """Remember which events took part, where an amendment could make them do so again."""
        if any(self.correlation.where):
            self.matched[outcome.seq] = None
            self._dirty.add(None)
            if len(self.matched) > MOST_MATCHED:
                del self.matched[min(self.matched)]

    def newly_matches(self, outcome: Outcome) -> bool:
        """Whether an amended event may take part that did not before."""
        return any(self.correlation.where) and outcome.seq not in self.matched

    # ── state ────────────────────────────────────────────────────────────────────────

    def changed_rows(self) -> dict[str, str | None]:
        """As `model.Stateful`: a row for each key, and one for what took part."""
        rows: dict[str, str | None] = {}
        for key in self._dirty:
            row_key = json.dumps([self.correlation.id, key])
            row = json.dumps(list(self.matched)) if key is None else self._row(key)
            if row is not None or row_key in self._stored:
                rows[row_key] = row
                (self._stored.discard if row is None else self._stored.add)(row_key)
        self._dirty.clear()
        return rows

    def _row(self, key: Key) -> str | None:
        under_way, barred_ns = self.opens.get(key), self.barred.get(key)
        if under_way is None:
            return None if barred_ns is None else json.dumps([None, barred_ns])
        event = under_way.event
        fields = None if event is None else [*event[:11]]
        return json.dumps([[*under_way[:2], dict(under_way.attributes), fields], barred_ns])

    def restore(self, row_key: str, key: Iterable[str] | None, row: Sequence[object]) -> None:
        """Take one row in; the heap is in no order after it."""
        self._stored.add(row_key)
        if key is None:
            self.matched = {seq: None for seq in row if isinstance(seq, int)}
        else:
            self._restore_key(tuple(key), row)

    def _restore_key(self, key: Key, row: Sequence[object]) -> None:
        under_way, barred_ns = row
        name = self.correlation.id
        if isinstance(barred_ns, int):
            self.barred[key] = barred_ns
            self._deadlines.append((barred_ns + self.correlation.within_ns + GRACE_NS, name, key))
        if isinstance(under_way, list):
            time_ns, step, attributes, fields = under_way
            self.opens[key] = Open(time_ns, step, attributes, None if fields is None else Event(*fields))
            self._deadlines.append((time_ns + self.lasts_ns, name, key))
