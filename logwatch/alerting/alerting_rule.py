"""An alerting rule and its alerts: inactive, pending, firing, resolved.

    true ─▶ pending ──(for)──▶ firing ──(not true for keep_firing_for)──▶ resolved ──(15 min)──▶ removed
               └─(not true)─▶ removed                  true again: a new alert ◀─┘

As Prometheus does it (rules/alerting.go, Eval), times being those of the evaluations. What is sent
of an alert is decided in `alert_store`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
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
Ask = Callable[[str, int], Sequence[tuple[Mapping[str, str], float]]]
"""The result of an expression at a time, for `query` in templates; raises PromqlError."""


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
    marks: Mapping[str, Mark] = field(default_factory=dict)
    """Where its values begin: `expr`, `label x`, `annotation y`."""

    @property
    def asks_more(self) -> bool:
        """Whether labels or annotations depend on series beyond the result."""
        return any(template.queries for template in (*self.labels.values(), *self.annotations.values()))

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


NO_STEP = Step(set(), [], [])
Samples = dict[Identity, AlertSample]


# ── the states of an alert ─────────────────────────────────────────────────────────────


def step(
    active: dict[Identity, ActiveAlert],
    samples: Samples,
    touched: Iterable[Identity],
    now_ns: int,
    *,
    hold_ns: int,
    keep_ns: int,
) -> Step:
    """Step those alerts of a rule that are `touched`, by what is new in its result or by the time; others stay as they are."""
    changed, began, ended = set[Identity](), list[ActiveAlert](), list[ActiveAlert]()
    for identity in touched:
        sample, alert = samples.get(identity), active.get(identity)
        if sample is not None and (alert is None or alert.state == "resolved"):
            alert = active[identity] = ActiveAlert(*sample, "pending", now_ns)
            began.append(alert)
            changed.add(identity)
        if alert is None:
            continue
        before = alert.state, alert.keep_since_ns
        if sample is not None:
            if not _equal(alert.value, sample.value) or alert.annotations != sample.annotations:
                alert.value, alert.annotations = sample.value, sample.annotations
                changed.add(identity)
            alert.keep_since_ns = 0
            if alert.state == "pending" and now_ns - alert.active_ns >= hold_ns:
                alert.state, alert.fired_ns = "firing", now_ns
                if not began or began[-1] is not alert:
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
    return Step(changed, began, ended)


def next_step_ns(alert: ActiveAlert, *, hold_ns: int, keep_ns: int) -> int:
    """When an alert can change next although the result stays as it is."""
    if alert.state == "pending":
        return alert.active_ns + hold_ns
    if alert.state == "resolved":
        return alert.resolved_ns + RESOLVED_RETENTION_NS + 1
    return alert.keep_since_ns + keep_ns if alert.keep_since_ns else NEVER_NS


def drop(active: dict[Identity, ActiveAlert], changes: Step, now_ns: int) -> Step:
    """Too many alerts: as Prometheus, keep none, so that no receiver is sent that one resolved.

    That those which fired no longer do is history all the same.
    """
    gone = set(active) | changes.changed
    ended = [alert for alert in active.values() if alert.state == "firing" and alert.fired_ns < now_ns]
    for alert in ended:
        alert.state, alert.resolved_ns = "resolved", now_ns
    active.clear()
    return Step(gone, [], [*changes.ended, *ended])


def _equal(one: float, other: float) -> bool:
    return one == other or (one != one and other != other)


# ── the rule ─────────────────────────────────────────────────────────────────────────


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
    ask: Ask
    active: dict[Identity, ActiveAlert] = field(default_factory=dict)
    """Whoever else changes it calls `step_all`."""
    error: str = ""
    evaluated: bool = False
    due_ns: int = 0
    """When its alerts can change next although no series changes."""
    asks_for_absence: bool = False
    _unrendered: dict[str, None] = field(default_factory=dict)
    """The parts of the result that changed since labels and annotations were filled in."""
    _parts: dict[str, tuple[int, Samples]] = field(default_factory=dict)
    """By part of the result: its elements, and what was made of them."""
    _samples: Samples = field(default_factory=dict)
    """Those of all parts."""
    _elements: int = 0
    """Of all parts; more than the samples if two elements became one."""
    _deadlines: list[tuple[int, Identity]] = field(default_factory=list)
    """A heap of when alerts can change next; those that changed before it have a later entry as well."""
    _steps_all: bool = True
    _asks_more: bool = field(init=False)

    def __post_init__(self) -> None:
        """Find out once what every evaluation asks."""
        self._asks_more = self.rule.asks_more

    def evaluate(self, now_ns: int) -> Step:
        """Evaluate the expression and step the alerts; where that fails, `error` is why and they stay as they are."""
        self.error, self.evaluated, self.due_ns = "", True, 0
        hold_ns, keep_ns = self.rule.hold_ns, self.rule.keep_firing_ns
        steps_all, self._steps_all = self._steps_all, True  # should this evaluation fail, the next one makes up for it
        try:
            self._unrendered.update(dict.fromkeys(self.live.update(now_ns)))
        except EvaluationError as error:
            self.error = str(error)
            return NO_STEP
        if self._asks_more:
            self._unrendered.update(dict.fromkeys(self._parts))
        touched = self._render(now_ns)
        if self._elements > len(self._samples):
            self.error = "two series of the result have the same labels after those of the alert"
            return NO_STEP
        touched.update(dict.fromkeys((*self._samples, *self.active) if steps_all else self._due_alerts(now_ns)))
        changes = step(self.active, self._samples, touched, now_ns, hold_ns=hold_ns, keep_ns=keep_ns)
        if self.limit:
            count = sum(alert.state != "resolved" for alert in self.active.values())
            if count > self.limit:
                self.error = f"{count} alerts, more than the limit of {self.limit}: none is kept"
                return drop(self.active, changes, now_ns)
        self._await(touched if steps_all else changes.changed)
        self._steps_all = False
        self.due_ns = self._deadlines[0][0] if self._deadlines else NEVER_NS
        if self._asks_more and self._samples:
            self.due_ns = now_ns + 1
        return changes

    def step_all(self) -> None:
        """Step all alerts at the next evaluation, and let there be one: they were changed from outside."""
        self._steps_all, self.due_ns = True, 0

    def _due_alerts(self, now_ns: int) -> Iterator[Identity]:
        """The alerts whose time has come."""
        while self._deadlines and self._deadlines[0][0] <= now_ns:
            yield heappop(self._deadlines)[1]

    def _await(self, identities: Iterable[Identity]) -> None:
        """Note when these alerts can change next."""
        for identity in identities:
            alert = self.active.get(identity)
            if alert is not None:
                due_ns = next_step_ns(alert, hold_ns=self.rule.hold_ns, keep_ns=self.rule.keep_firing_ns)
                if due_ns < NEVER_NS:
                    heappush(self._deadlines, (due_ns, identity))

    def _render(self, now_ns: int) -> dict[Identity, None]:
        """Fill in labels and annotations of what is new in the result; returns the alerts that were and are in it."""
        touched: dict[Identity, None] = {}
        was_ambiguous = self._elements > len(self._samples)
        while self._unrendered:
            part = next(iter(self._unrendered))
            result = self.live.results.get(part, ())
            new = self._rendered(result, now_ns)
            elements, old = self._parts.pop(part, (0, {}))
            for identity, sample in old.items():
                if self._samples.get(identity) is sample:
                    del self._samples[identity]
            self._samples.update(new)
            self._elements += len(result) - elements
            if new:
                self._parts[part] = len(result), new
            touched.update(dict.fromkeys((*old, *new)))
            del self._unrendered[part]
        if was_ambiguous:
            self._samples = {
                identity: each for _, samples in self._parts.values() for identity, each in samples.items()
            }
        return touched

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
        self.step_all()
        return list(self.active)

    def _rendered(self, result: Iterable[tuple[Labels, float]], now_ns: int) -> Samples:
        samples: Samples = {}
        options = self.options

        def query(expression: str) -> Sequence[tuple[Mapping[str, str], float]]:
            return self.ask(expression, now_ns)

        for found, value in result:
            scope = Scope(found, value, options.external_labels, options.external_url, query)
            labels: dict[str, str] = {**found.nameless()}
            labels.update({name: template.render(scope) for name, template in self.rule.labels.items()})
            labels[ALERT_NAME] = self.rule.name
            labels = {name: text for name, text in labels.items() if text}
            annotations = {name: template.render(scope) for name, template in self.rule.annotations.items()}
            samples[frozenset(labels.items())] = AlertSample(labels, annotations, value)
        return samples
