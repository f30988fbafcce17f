"""How the rules stood at a commit, for the API and the page. Immutable: any thread may read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from logwatch.model import Alert


@dataclass(frozen=True, slots=True)
class ActiveAlert:
    """A pending or firing alert, as Prometheus' API tells of it."""

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
    alerts: tuple[ActiveAlert, ...]
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
    def alerts(self) -> tuple[ActiveAlert, ...]:
        """All pending and firing alerts."""
        return tuple(alert for group in self.groups for rule in group.rules for alert in rule.alerts)
