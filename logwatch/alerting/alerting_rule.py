"""An alerting rule and its alerts: inactive, pending, firing, resolved.

    true ─▶ pending ──(for)──▶ firing ──(not true for keep_firing_for)──▶ resolved ──(15 min)──▶ removed
               └─(not true)─▶ removed                  true again: a new alert ◀─┘

As Prometheus does it (rules/alerting.go, Eval), times being those of the evaluations. What is sent
of an alert is decided in `alert_store`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from logwatch.alerting.options import Options
from logwatch.alerting.templates import Scope, Template
from logwatch.model import SECOND, Mark
from logwatch.promql import NEVER_NS, EvaluationError, Labels, LiveQuery, Query

# Alertmanager keeps no state across a restart, so it relies on its clients
# to repeat a resolved alert for a while. Prometheus uses the same figure.
RESOLVED_RETENTION_NS = 15 * 60 * SECOND
ALERT_NAME = "alertname"
ABSENCE = re.compile(r"\babsent(_over_time)?\s*\(")
LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`|#[^\n]*')

Identity = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class AlertRule:
    """An alerting rule as its file has it."""

    name: str
    query: Query
    hold_ns: int
    keep_firing_ns: int
    labels: Mapping[str, Template]
    annotations: Mapping[str, Template]
    mark: Mark

    @property
    def asks_for_absence(self) -> bool:
        """Whether the rule judges what is missing, which cannot be known while the log cannot be read."""
        return ABSENCE.search(LITERAL.sub("", self.query.text)) is not None


class AlertSample(NamedTuple):
    """One element of a rule's result, with its labels and annotations filled in."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    value: float


@dataclass(slots=True)
class ActiveAlert:
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
    sent: bool = False
    """Receivers were sent that it fires, so they are sent that it resolved."""

    def row(self) -> dict[str, Any]:
        """As a row of the state."""
        return {name: getattr(self, name) for name in ActiveAlert.__slots__}

    @staticmethod
    def from_row(row: dict[str, Any]) -> ActiveAlert:
        """Read what `row` wrote; older versions called `sent` by another name."""
        sent = row.pop("told", False)
        return ActiveAlert(**{"sent": sent, **row})


class Step(NamedTuple):
    """What one evaluation changed."""

    changed: set[Identity]
    """Alerts that are new, removed or other than before."""
    began: list[ActiveAlert]
    """Alerts that became pending or firing."""
    ended: list[ActiveAlert]
    """Alerts that no longer fire."""
    active: int
    """How many are pending or fire."""


NO_STEP = Step(set(), [], [], 0)


# ── the states of an alert ─────────────────────────────────────────────────────────────


def step(
    active: dict[Identity, ActiveAlert],
    samples: Mapping[Identity, AlertSample],
    now_ns: int,
    *,
    hold_ns: int,
    keep_ns: int,
) -> Step:
    """Apply the result of one evaluation to the alerts of a rule."""
    changed, began, ended, new = set[Identity](), list[ActiveAlert](), list[ActiveAlert](), set[Identity]()
    for identity, sample in samples.items():
        alert = active.get(identity)
        if alert is None or alert.state == "resolved":
            active[identity] = ActiveAlert(*sample, "pending", now_ns)
            began.append(active[identity])
            new.add(identity)
        elif not _equal(alert.value, sample.value) or alert.annotations != sample.annotations:
            alert.value, alert.annotations = sample.value, sample.annotations
            changed.add(identity)
    for identity, alert in tuple(active.items()):
        before = alert.state, alert.keep_since_ns
        if identity in samples:
            alert.keep_since_ns = 0
            if alert.state == "pending" and now_ns - alert.active_ns >= hold_ns:
                alert.state, alert.fired_ns = "firing", now_ns
                if identity not in new:
                    began.append(alert)
        elif alert.state == "firing":
            alert.keep_since_ns = alert.keep_since_ns or (now_ns if keep_ns else 0)
            if not keep_ns or now_ns - alert.keep_since_ns >= keep_ns:
                alert.state, alert.resolved_ns = "resolved", now_ns
                ended.append(alert)
        elif alert.state == "pending" or now_ns - alert.resolved_ns > RESOLVED_RETENTION_NS:
            del active[identity]
            changed.add(identity)
        if (alert.state, alert.keep_since_ns) != before:
            changed.add(identity)
    count = sum(alert.state != "resolved" for alert in active.values())
    return Step(changed | new, began, ended, count)


def next_step_ns(active: Iterable[ActiveAlert], *, hold_ns: int, keep_ns: int) -> int:
    """When an alert can change next although the result stays as it is."""
    due_ns = NEVER_NS
    for alert in active:
        if alert.state == "pending":
            due_ns = min(due_ns, alert.active_ns + hold_ns)
        elif alert.state == "resolved":
            due_ns = min(due_ns, alert.resolved_ns + RESOLVED_RETENTION_NS + 1)
        elif alert.keep_since_ns:
            due_ns = min(due_ns, alert.keep_since_ns + keep_ns)
    return due_ns


def drop(active: dict[Identity, ActiveAlert], changes: Step, now_ns: int) -> Step:
    """Too many alerts: as Prometheus, keep none, so that no receiver is sent that one resolved.

    That those which fired no longer do is history all the same.
    """
    gone = set(active) | changes.changed
    ended = [alert for alert in active.values() if alert.state == "firing" and alert.fired_ns < now_ns]
    for alert in ended:
        alert.state, alert.resolved_ns = "resolved", now_ns
    active.clear()
    return Step(gone, [], [*changes.ended, *ended], 0)


def _equal(one: float, other: float) -> bool:
    return one == other or (one != one and other != other)


# ── the rule ─────────────────────────────────────────────────────────────────────────

Samples = dict[Identity, AlertSample]


@dataclass(slots=True)
class AlertingRule:
    """An alerting rule under evaluation."""

    rule: AlertRule
    key: tuple[str, ...]
    """Identifies the rule, also after a restart."""
    id: str
    """`<group>/<alert>`, as operators see it."""
    live: LiveQuery
    options: Options
    limit: int
    """Alerts that it may make; 0: any number."""
    active: dict[Identity, ActiveAlert] = field(default_factory=dict)
    error: str = ""
    evaluated: bool = False
    due_ns: int = 0
    """When its alerts can change next although no series changes."""
    asks_for_absence: bool = False
    _samples: dict[str, tuple[list[tuple[Labels, float]], Samples]] = field(default_factory=dict)
    """By part of the result: from which elements, and what was made of them."""

    def evaluate(self, now_ns: int) -> Step:
        """Evaluate the expression and step the alerts; where that fails, `error` is why and they stay as they are."""
        self.error, self.evaluated, self.due_ns = "", True, 0
        hold_ns, keep_ns = self.rule.hold_ns, self.rule.keep_firing_ns
        try:
            self.live.update(now_ns)
        except EvaluationError as error:
            self.error = str(error)
            return NO_STEP
        samples = self._alert_samples()
        if samples is None:
            self.error = "two series of the result have the same labels after those of the alert"
            return NO_STEP
        changes = step(self.active, samples, now_ns, hold_ns=hold_ns, keep_ns=keep_ns)
        if self.limit and changes.active > self.limit:
            self.error = f"{changes.active} alerts, more than the limit of {self.limit}: none is kept"
            return drop(self.active, changes, now_ns)
        self.due_ns = next_step_ns(self.active.values(), hold_ns=hold_ns, keep_ns=keep_ns)
        return changes

    def shift(self, step_ns: int, clock_ns: int) -> list[Identity]:
        """Let `for` and `keep_firing_for` go on over a step of the clock, which is now `clock_ns`; returns what changed."""
        for alert in self.active.values():
            if alert.state == "pending":
                alert.active_ns += step_ns
            if alert.keep_since_ns:
                alert.keep_since_ns += step_ns
            # Receivers refuse an alert that begins after it ends.
            alert.active_ns, alert.fired_ns = min(alert.active_ns, clock_ns), min(alert.fired_ns, clock_ns)
            alert.resolved_ns = min(alert.resolved_ns, clock_ns)
        self.due_ns = 0
        return list(self.active)

    def _alert_samples(self) -> Samples | None:
        """Fill in labels and annotations of what is new in the result; None if two alerts would be one."""
        results = self.live.results
        for part in self._samples.keys() - results.keys():
            del self._samples[part]
        merged: Samples = {}
        count = 0
        for part, result in results.items():
            known = self._samples.get(part)
            if known is None or known[0] is not result:
                known = self._samples[part] = result, self._rendered(result)
            merged.update(known[1])
            count += len(result)
        return merged if len(merged) == count else None

    def _rendered(self, result: Iterable[tuple[Labels, float]]) -> Samples:
        samples: Samples = {}
        for found, value in result:
            scope = Scope(found, value, self.options.external_labels, self.options.external_url)
            labels: dict[str, str] = {**found.nameless()}
            labels.update({name: template.render(scope) for name, template in self.rule.labels.items()})
            labels[ALERT_NAME] = self.rule.name
            labels = {name: text for name, text in labels.items() if text}
            annotations = {name: template.render(scope) for name, template in self.rule.annotations.items()}
            samples[frozenset(labels.items())] = AlertSample(labels, annotations, value)
        return samples
