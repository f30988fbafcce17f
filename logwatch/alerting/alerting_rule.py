"""The alerts of one rule: inactive, pending, firing, resolved.

    true ─▶ pending ──(for)──▶ firing ──(not true for keep_firing_for)──▶ resolved ──(15 min)──▶ forgotten
               └─(not true)─▶ forgotten                true again: a new alert ◀─┘

As Prometheus does it (rules/alerting.go, Eval), times being those of the evaluations.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from logwatch.model import SECOND

# Alertmanager keeps no state across a restart, so it relies on its clients
# to repeat a resolved alert for a while. Prometheus uses the same figure.
RESOLVED_RETENTION_NS = 15 * 60 * SECOND

Identity = frozenset[tuple[str, str]]


class Truth(NamedTuple):
    """One element of an alert's expression, with its labels and annotations filled in."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    value: float


@dataclass(slots=True)
class Active:
    """One alert. Its labels never change."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    value: float
    state: Literal["pending", "firing", "resolved"]
    active_ns: int
    fired_ns: int = 0
    resolved_ns: int = 0
    keep_since_ns: int = 0
    evidence: str = ""
    told: bool = False
    """Somebody was told that it fires, so they are to be told that it ended."""

    def row(self) -> str:
        """As JSON."""
        return json.dumps({name: getattr(self, name) for name in FIELDS}, sort_keys=True)


FIELDS = tuple(Active.__slots__)


def from_row(row: str) -> Active:
    """Read what `Active.row` wrote."""
    return Active(**json.loads(row))


class Step(NamedTuple):
    """What one evaluation changed."""

    changed: set[Identity]
    """Alerts that are new, gone or other than before."""
    began: list[Active]
    """Alerts that became pending or firing."""
    ended: list[Active]
    """Alerts that fired and do so no more."""
    active: int
    """Alerts that are pending or fire."""


def step(
    active: dict[Identity, Active], truths: Mapping[Identity, Truth], now_ns: int, *, hold_ns: int, keep_ns: int
) -> Step:
    """Take the result of one evaluation in."""
    changes = Step(set(), [], [], 0)
    new: set[Identity] = set()
    for identity, truth in truths.items():
        alert = active.get(identity)
        if alert is None or alert.state == "resolved":
            active[identity] = Active(truth.labels, truth.annotations, truth.value, "pending", now_ns)
            changes.began.append(active[identity])
            new.add(identity)
        elif _updated(alert, truth):
            changes.changed.add(identity)
    count = 0
    for identity, alert in tuple(active.items()):
        if identity in truths:
            if alert.keep_since_ns:
                alert.keep_since_ns = 0
                changes.changed.add(identity)
        elif not _goes_on(active, identity, alert, now_ns, keep_ns, changes):
            continue
        count += 1
        if alert.state == "pending" and now_ns - alert.active_ns >= hold_ns:
            alert.state, alert.fired_ns = "firing", now_ns
            changes.changed.add(identity)
            if identity not in new:
                changes.began.append(alert)
    return changes._replace(changed=changes.changed | new, active=count)


def drop(active: dict[Identity, Active], changes: Step, now_ns: int) -> Step:
    """Too many alerts: as Prometheus, keep none, so that nobody is told that one resolved.

    That those which fired do so no more is history all the same.
    """
    gone = set(active) | changes.changed
    ended = [alert for alert in active.values() if alert.state == "firing" and alert.fired_ns < now_ns]
    for alert in ended:
        alert.state, alert.resolved_ns = "resolved", now_ns
    active.clear()
    return Step(gone, [], [*changes.ended, *ended], 0)


def _updated(alert: Active, truth: Truth) -> bool:
    same_value = alert.value == truth.value or (alert.value != alert.value and truth.value != truth.value)
    if same_value and alert.annotations == truth.annotations:
        return False
    alert.value, alert.annotations = truth.value, truth.annotations
    return True


def _goes_on(
    active: dict[Identity, Active], identity: Identity, alert: Active, now_ns: int, keep_ns: int, changes: Step
) -> bool:
    """Whether an alert that is not true fires all the same, for keep_firing_for."""
    if alert.state == "firing":
        if keep_ns and not alert.keep_since_ns:
            alert.keep_since_ns = now_ns
            changes.changed.add(identity)
        if keep_ns and now_ns - alert.keep_since_ns < keep_ns:
            return True
        alert.state, alert.resolved_ns = "resolved", now_ns
        changes.changed.add(identity)
        changes.ended.append(alert)
    elif alert.state == "pending" or now_ns - alert.resolved_ns > RESOLVED_RETENTION_NS:
        del active[identity]
        changes.changed.add(identity)
    return False
