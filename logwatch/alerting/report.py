"""The state of all rules at a commit, for the API and the page. Immutable: any thread may read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from logwatch.alerting.alert_store import annotated
from logwatch.alerting.alerting_rule import ActiveAlert, AlertingRule
from logwatch.alerting.group import GroupState
from logwatch.alerting.recording_rule import RecordingState
from logwatch.model import Alert


@dataclass(frozen=True, slots=True)
class ActiveReport:
    """A pending or firing alert, as Prometheus' API has it."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    state: Literal["pending", "firing"]
    active_ns: int
    keep_firing_since_ns: int | None
    value: float


@dataclass(frozen=True, slots=True)
class RuleReport:
    """A rule and how its last evaluation went."""

    name: str
    kind: Literal["alerting", "recording"]
    expression: str
    hold_ns: int
    keep_firing_ns: int
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    alerts: tuple[ActiveReport, ...]
    health: Literal["ok", "err", "unknown"]
    error: str
    evaluated_ns: int

    @property
    def state(self) -> str:
        """`firing` if one of its alerts fires, else `pending` if there is one, else `inactive`."""
        states = {alert.state for alert in self.alerts}
        return "firing" if "firing" in states else "pending" if states else "inactive"


@dataclass(frozen=True, slots=True)
class GroupReport:
    """A group and its rules."""

    name: str
    file: str
    interval_ns: int
    limit: int
    rules: tuple[RuleReport, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All groups."""

    groups: tuple[GroupReport, ...] = ()
    past: tuple[Alert, ...] = ()
    """The last alerts that resolved, oldest first."""

    @property
    def alerts(self) -> tuple[ActiveReport, ...]:
        """All pending and firing alerts."""
        return tuple(alert for group in self.groups for rule in group.rules for alert in rule.alerts)


def group_report(state: GroupState, evaluated_ns: int) -> GroupReport:
    """The state of a group, with its rules and their alerts; `evaluated_ns` is its last evaluation."""
    group = state.group
    rules = tuple(_rule_report(rule, evaluated_ns) for rule in state.rules)
    return GroupReport(group.name, group.file, group.interval_ns, group.limit, rules)


def _rule_report(state: AlertingRule | RecordingState, evaluated_ns: int) -> RuleReport:
    kind: Literal["alerting", "recording"] = "recording"
    hold_ns = keep_ns = 0
    annotations: Mapping[str, str] = {}
    alerts: tuple[ActiveReport, ...] = ()
    if isinstance(state, AlertingRule):
        kind, hold_ns, keep_ns = "alerting", state.rule.hold_ns, state.rule.keep_firing_ns
        annotations = {name: template.text for name, template in state.rule.annotations.items()}
        alerts = tuple(_active_report(alert) for alert in state.active.values() if alert.state != "resolved")
    return RuleReport(
        name=state.rule.name,
        kind=kind,
        expression=state.rule.query.text,
        hold_ns=hold_ns,
        keep_firing_ns=keep_ns,
        labels={name: str(getattr(text, "text", text)) for name, text in state.rule.labels.items()},
        annotations=annotations,
        alerts=alerts,
        health="err" if state.error else "ok" if state.evaluated else "unknown",
        error=state.error,
        evaluated_ns=evaluated_ns if state.evaluated else 0,
    )


def _active_report(alert: ActiveAlert) -> ActiveReport:
    return ActiveReport(
        labels=alert.labels,
        annotations=annotated(alert),
        state="firing" if alert.state == "firing" else "pending",
        active_ns=alert.active_ns,
        keep_firing_since_ns=alert.keep_since_ns or None,
        value=alert.value,
    )
