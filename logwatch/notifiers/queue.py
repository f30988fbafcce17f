"""What is still to be sent, and what was sent: the owner's side, kept in the commit.

    waiting  [receiver, fingerprint, startsAt, state]  ─▶ [place in the order, alert]
    sent     [receiver, fingerprint, startsAt, state]  ─▶ [when, whether it was refused]

A notification is one alert in one state for one receiver. A new one is committed before it is sent.
A repetition for an Alertmanager is not committed: it is sent again within a minute anyway, also
after a restart; so alerts that keep firing write nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

from logwatch.model import SECOND, Alert
from logwatch.notifiers.receiver import Receiver
from logwatch.store import state_table
from logwatch.store.state_table import StateTable

CAPACITY = 10_000
REFUSED_NS = 300 * SECOND
"""Pause after which an alert that was refused is sent again; its next state is sent at once."""
FORGET_NS = 24 * 3600 * SECOND
"""How long a sent notification is remembered after its alert was last enqueued."""
SWEEP_NS = 60 * SECOND

Value = TypeVar("Value")
Verdict = Literal["delivered", "refused", "rejected"]
"""`refused`: this alert is bad; `rejected`: the receiver accepts no request at all, as with a wrong password."""


class Key(NamedTuple):
    """Which notification."""

    receiver: str
    fingerprint: str
    starts_ns: int
    state: str


class Acknowledgement(NamedTuple):
    """How the delivery of a notification ended."""

    key: Key
    verdict: Verdict
    time_ns: int


Notifications = list[tuple[Key, Alert]]


class Enqueued(NamedTuple):
    """What one call put into the queue."""

    new: Notifications
    updated: Notifications
    """Already waiting or being sent, in their latest form."""


@dataclass(slots=True)
class _Waiting:
    number: int
    alert: Alert


@dataclass(slots=True)
class _Sent:
    time_ns: int
    refused: bool
    seen_ns: int


class Queue:
    """Decides which notifications a receiver gets, and remembers them; bounded, the oldest are dropped first."""

    def __init__(self, receivers: Iterable[Receiver], capacity: int = CAPACITY) -> None:
        self._receivers = {receiver.name: receiver for receiver in receivers}
        self._capacity = capacity
        self._waiting: StateTable[Key, _Waiting] = StateTable(
            "waiting",
            lambda waiting: [waiting.number, waiting.alert.row()],
            lambda _, row: _Waiting(row[0], Alert(**row[1])),
        )
        self._sent: StateTable[Key, _Sent] = StateTable(
            "sent", lambda sent: [sent.time_ns, sent.refused], lambda _, row: _Sent(row[0], row[1], 0)
        )
        # Repetitions, and what stateless receivers got: sent again after a restart anyway, so not committed.
        self._repeating: dict[Key, _Waiting] = {}
        self._sent_stateless: dict[Key, _Sent] = {}
        self._migrated: dict[str, str | None] = {}
        self._number = 0
        self._swept_ns = 0
        self.dropped: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._repeating)

    def replace_receivers(self, receivers: Iterable[Receiver]) -> None:
        """Send to these from now on; what waits for any other is discarded."""
        self._receivers = {receiver.name: receiver for receiver in receivers}
        for table in (self._waiting, self._repeating, self._sent, self._sent_stateless):
            for key in [key for key in table if key.receiver not in self._receivers]:
                del table[key]

    # ── in ───────────────────────────────────────────────────────────────────────────

    def enqueue(self, alerts: Sequence[Alert], now_ns: int) -> Enqueued:
        """Add what receivers are to get of the current alerts."""
        if abs(now_ns - self._swept_ns) >= SWEEP_NS:
            self._sweep(now_ns)
        enqueued = Enqueued([], [])
        for alert in alerts:
            identity = alert.fingerprint
            for receiver in self._receivers.values():
                key = Key(receiver.name, identity, alert.starts_ns, alert.state)
                if not receiver.wants(alert):
                    continue
                if waiting := self._waiting.get(key) or self._repeating.get(key):
                    waiting.alert = alert
                    enqueued.updated.append((key, alert))
                elif self._add(receiver, key, alert, now_ns):
                    enqueued.new.append((key, alert))
        return enqueued

    def _add(self, receiver: Receiver, key: Key, alert: Alert, now_ns: int) -> bool:
        """Add a notification unless it was sent already; False if it was, or need not be."""
        sent = self._sent_to(receiver).get(key)
        if sent is None:
            if alert.state == "resolved" and not receiver.stateless and not self._knows(key._replace(state="firing")):
                return False  # resolved, but its firing was never sent
            self._put(self._waiting, key, alert)
            return True
        sent.seen_ns = now_ns
        if alert.state == "resolved" and not receiver.stateless:
            return False
        # A clock that was set back by more than the interval does not silence what is repeated.
        if abs(now_ns - sent.time_ns) < max(receiver.repeat_ns, REFUSED_NS if sent.refused else 0):
            return False
        self._put(self._repeating if receiver.stateless else self._waiting, key, alert)
        return True

    def _sent_to(self, receiver: Receiver) -> dict[Key, _Sent]:
        return self._sent_stateless if receiver.stateless else self._sent

    def _knows(self, key: Key) -> bool:
        return key in self._sent or key in self._waiting

    def _put(self, table: dict[Key, _Waiting], key: Key, alert: Alert) -> None:
        self._number += 1
        table[key] = _Waiting(self._number, alert)

    def drop_overflow(self) -> list[Key]:
        """Drop the oldest above the capacity, and return their keys."""
        dropped = []
        while len(self) > self._capacity:
            heads = [next(iter(table.items())) for table in (self._waiting, self._repeating) if table]
            key, _ = min(heads, key=lambda head: head[1].number)
            self._remove(key)
            self.dropped[key.receiver] += 1
            dropped.append(key)
        return dropped

    # ── out ──────────────────────────────────────────────────────────────────────────

    def acknowledge(self, acknowledgement: Acknowledgement) -> None:
        """Record how the delivery of a notification ended."""
        key, verdict, time_ns = acknowledgement
        receiver = self._receivers.get(key.receiver)
        if receiver is None:
            return  # a reload removed it while it answered
        self._remove(key)
        if verdict != "rejected":
            self._sent_to(receiver)[key] = _Sent(time_ns, verdict == "refused", time_ns)

    def _remove(self, key: Key) -> None:
        self._waiting.pop(key, None)
        self._repeating.pop(key, None)

    def _sweep(self, now_ns: int) -> None:
        """Forget what was sent of alerts that have long been gone."""
        self._swept_ns = now_ns
        for table in (self._sent, self._sent_stateless):
            surplus = len(table) - self._capacity
            for place, (key, sent) in enumerate(list(table.items())):
                sent.seen_ns = sent.seen_ns or now_ns
                if place < surplus or now_ns - sent.seen_ns > FORGET_NS:
                    del table[key]

    # ── the commit ───────────────────────────────────────────────────────────────────

    @property
    def tables(self) -> Sequence[StateTable[Any, Any]]:
        """What is committed."""
        return (self._waiting, self._sent)

    def changed_rows(self) -> dict[str, str | None]:
        """Return the rows that changed since the last call; None deletes a row."""
        rows, self._migrated = self._migrated, {}
        return {**rows, **state_table.changed_rows(self.tables)}

    def restore(self, rows: Mapping[str, str]) -> Notifications:
        """Continue from the rows of the last commit; return what waits. Rows of other receivers are deleted."""
        rows, self._migrated = _migrated(rows)
        state_table.restore(self.tables, rows)
        order = sorted(self._waiting.items(), key=lambda item: item[1].number)
        sent = sorted(self._sent.items(), key=lambda item: item[1].time_ns)
        _fill(self._waiting, order)
        _fill(self._sent, sent)
        if not self._migrated:
            self._waiting.discard_changes()
            self._sent.discard_changes()
        self._number = order[-1][1].number if order else 0
        self.replace_receivers(self._receivers.values())
        return [(key, waiting.alert) for key, waiting in self._waiting.items()]


def _fill(table: dict[Key, Value], items: Iterable[tuple[Key, Value]]) -> None:
    """Replace the content of a table, the keys of rows by their names."""
    table.clear()
    table.update({Key(*key): value for key, value in items})


def _migrated(rows: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str | None]]:
    """Translate rows that versions before 0.2 wrote (`queue URL FINGERPRINT NS STATE`, `told …`), and delete those."""
    names = {"queue": "waiting", "told": "sent"}
    found: dict[str, str] = {}
    changed: dict[str, str | None] = {}
    for row, value in rows.items():
        kind, _, identifier = row.partition(" ")
        if kind not in names:
            found[row] = value
            continue
        name, fingerprint, starts, state = identifier.rsplit(" ", 3)
        found[f"{names[kind]} {json.dumps([name, fingerprint, int(starts), state])}"] = value
        changed[row] = None
    return found, changed
