"""What is still to be sent, and what was: the owner's side, kept in rows of the commit.

    queue <receiver> <fingerprint> <startsAt> <state>  ─▶ the alert and its place in the order
    told  <receiver> <fingerprint> <startsAt> <state>  ─▶ when the receiver took it

A notification is one alert in one state for one receiver. The first of its kind is written down
before it is sent. A mere repetition for Alertmanager is not: the next one comes within a minute,
also after a restart; so alerts that go on write nothing.
"""

from __future__ import annotations

import json
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal, NamedTuple

from logwatch.model import SECOND, Alert
from logwatch.notifiers.receiver import Receiver

CAPACITY = 10_000
REFUSED_NS = 300 * SECOND
"""How long an alert that was refused is left alone; its next state is tried at once."""
FORGET_NS = 24 * 3600 * SECOND
"""Who was told of what is forgotten so long after the alert was last heard of."""
SWEEP_NS = 60 * SECOND

Verdict = Literal["delivered", "refused", "rejected"]
"""`refused`: this alert is bad; `rejected`: the receiver takes nothing at all, as with a wrong password."""


class Key(NamedTuple):
    """Which notification."""

    receiver: str
    fingerprint: str
    starts_ns: int
    state: str

    def row(self, kind: str) -> str:
        """The key of its row."""
        return f"{kind} {self.receiver} {self.fingerprint} {self.starts_ns} {self.state}"


class Acknowledgement(NamedTuple):
    """What came of a notification."""

    key: Key
    verdict: Verdict
    time_ns: int


Notices = list[tuple[Key, Alert]]


class Offered(NamedTuple):
    """What is to be sent of an offer."""

    fresh: Notices
    again: Notices
    """What waits or is on its way already, in its latest form."""


@dataclass(slots=True)
class _Queued:
    alert: Alert
    durable: bool


@dataclass(slots=True)
class _Told:
    time_ns: int
    refused: bool
    heard_ns: int


class Queue:
    """Decides what a receiver is told, and remembers it; bounded, the oldest go first."""

    def __init__(self, receivers: Iterable[Receiver], capacity: int = CAPACITY) -> None:
        self._receivers = {receiver.name: receiver for receiver in receivers}
        self._capacity = capacity
        self._queued: OrderedDict[Key, _Queued] = OrderedDict()
        self._told: OrderedDict[Key, _Told] = OrderedDict()
        self._rows: dict[str, str | None] = {}
        self._number = 0
        self._swept_ns = 0
        self.dropped: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._queued)

    def change(self, receivers: Iterable[Receiver]) -> None:
        """Tell these from now on; what waits for one that is no more is let go."""
        self._receivers = {receiver.name: receiver for receiver in receivers}
        for key in [key for key in self._queued if key.receiver not in self._receivers]:
            self._take_out(key)
        for key in [key for key in self._told if key.receiver not in self._receivers]:
            del self._told[key]
            self._rows[key.row("told")] = None

    # ── in ───────────────────────────────────────────────────────────────────────────

    def offer(self, alerts: Sequence[Alert], now_ns: int) -> Offered:
        """Take in how alerts stand; return what is to be sent of it."""
        if abs(now_ns - self._swept_ns) >= SWEEP_NS:
            self._sweep(now_ns)
        offered = Offered([], [])
        for alert in alerts:
            identity = alert.fingerprint
            for receiver in self._receivers.values():
                key = Key(receiver.name, identity, alert.starts_ns, alert.state)
                if not receiver.wants(alert):
                    continue
                if key in self._queued:
                    self._queued[key].alert = alert
                    offered.again.append((key, alert))
                elif self._admit(receiver, key, alert, now_ns):
                    offered.fresh.append((key, alert))
        return offered

    def _admit(self, receiver: Receiver, key: Key, alert: Alert, now_ns: int) -> bool:
        told = self._told.get(key)
        if told is None:
            if alert.state == "resolved" and not receiver.forgets and not self._knows(key._replace(state="firing")):
                return False  # good news of what it never heard of
            self._put(key, alert, durable=True)
            return True
        told.heard_ns = now_ns
        if alert.state == "resolved" and not receiver.forgets:
            return False
        if now_ns - told.time_ns < max(receiver.repeat_ns, REFUSED_NS if told.refused else 0):
            return False
        self._put(key, alert, durable=not receiver.forgets)
        return True

    def _knows(self, key: Key) -> bool:
        return key in self._told or key in self._queued

    def _put(self, key: Key, alert: Alert, *, durable: bool) -> None:
        self._queued[key] = _Queued(alert, durable)
        if durable:
            self._number += 1
            self._rows[key.row("queue")] = json.dumps([self._number, _tree(alert)])

    def overflow(self) -> list[Key]:
        """Drop the oldest above the capacity, and say which."""
        gone = []
        while len(self._queued) > self._capacity:
            key, _ = next(iter(self._queued.items()))
            self._take_out(key)
            self.dropped[key.receiver] += 1
            gone.append(key)
        return gone

    # ── out ──────────────────────────────────────────────────────────────────────────

    def acknowledge(self, acknowledgement: Acknowledgement) -> None:
        """Take in what came of a notification."""
        key, verdict, time_ns = acknowledgement
        if key.receiver not in self._receivers:
            return  # a reload took it away while it answered
        self._take_out(key)
        if verdict == "rejected":
            return
        self._told[key] = _Told(time_ns, verdict == "refused", time_ns)
        if not self._receivers[key.receiver].forgets:
            self._rows[key.row("told")] = json.dumps([time_ns, verdict == "refused"])

    def _take_out(self, key: Key) -> None:
        queued = self._queued.pop(key, None)
        if queued and queued.durable:
            self._rows[key.row("queue")] = None

    def _sweep(self, now_ns: int) -> None:
        """Forget whom we told of what nobody has spoken of for long."""
        self._swept_ns = now_ns
        surplus = len(self._told) - self._capacity
        for place, (key, told) in enumerate(list(self._told.items())):
            told.heard_ns = told.heard_ns or now_ns
            if place < surplus or now_ns - told.heard_ns > FORGET_NS:
                del self._told[key]
                if not self._receivers[key.receiver].forgets:
                    self._rows[key.row("told")] = None

    # ── rows ─────────────────────────────────────────────────────────────────────────

    def changed_rows(self) -> dict[str, str | None]:
        """As `Stateful`."""
        rows, self._rows = self._rows, {}
        return rows

    def restore(self, rows: Mapping[str, str]) -> Notices:
        """As `Stateful`; return what waited. Rows of receivers that are no longer there go."""
        waiting: list[tuple[int, Key, Alert]] = []
        for row, text in rows.items():
            kind, _, identifier = row.partition(" ")
            name, identity, starts, state = identifier.rsplit(" ", 3)
            if name not in self._receivers:
                self._rows[row] = None
                continue
            key = Key(name, identity, int(starts), state)
            first, second = json.loads(text)
            if kind == "queue":
                waiting.append((first, key, Alert(**second)))
            else:
                self._told[key] = _Told(first, second, 0)
        waiting.sort(key=lambda each: each[0])
        self._queued.update((key, _Queued(alert, durable=True)) for _, key, alert in waiting)
        self._number = waiting[-1][0] if waiting else 0
        return [(key, alert) for _, key, alert in waiting]


def _tree(alert: Alert) -> dict[str, object]:
    tree = {each.name: getattr(alert, each.name) for each in fields(alert)}
    return {**tree, "labels": dict(alert.labels), "annotations": dict(alert.annotations)}
