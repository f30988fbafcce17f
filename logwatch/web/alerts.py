"""Alerts and rules as Prometheus' own API gives them, so that what reads Prometheus' reads ours.

https://prometheus.io/docs/prometheus/2.42/querying/api/#rules
"""

from __future__ import annotations

from collections.abc import Callable

from logwatch.alerting import Report
from logwatch.alerting.report import ActiveReport, GroupReport, RuleReport
from logwatch.model import SECOND, Alert
from logwatch.notation import float_text

Stamp = Callable[[int], str]
KINDS = {"alert": "alerting", "record": "recording"}


def alerts_json(report: Report, stamp: Stamp) -> dict[str, object]:
    """Every pending and firing alert."""
    return {"alerts": [_active(alert, stamp) for alert in report.alerts]}


def rules_json(report: Report, stamp: Stamp, kind: str | None = None) -> dict[str, object]:
    """Every group with its rules; `kind` (alert or record) leaves the others out."""
    return {"groups": [_group(group, stamp, kind) for group in report.groups]}


def past_json(alert: Alert, stamp: Stamp) -> dict[str, object]:
    """An alert that has resolved."""
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": stamp(alert.starts_ns),
        "endsAt": stamp(alert.ends_ns or alert.updated_ns),
        "value": float_text(alert.value, "e"),
        "rule": alert.rule,
        "fingerprint": alert.fingerprint,
    }


def _active(alert: ActiveReport, stamp: Stamp) -> dict[str, object]:
    answer: dict[str, object] = {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "state": alert.state,
        "activeAt": stamp(alert.active_ns),
        "value": float_text(alert.value, "e"),
    }
    if alert.keep_firing_since_ns is not None:
        answer["keepFiringSince"] = stamp(alert.keep_firing_since_ns)
    return answer


def _group(group: GroupReport, stamp: Stamp, kind: str | None) -> dict[str, object]:
    rules = [rule for rule in group.rules if kind is None or rule.kind == KINDS[kind]]
    return {
        "name": group.name,
        "file": group.file,
        "rules": [_rule(rule, stamp) for rule in rules],
        "interval": group.interval_ns / SECOND,
        "limit": group.limit,
        "evaluationTime": 0,
        "lastEvaluation": stamp(max((rule.evaluated_ns for rule in group.rules), default=0)),
    }


def _rule(rule: RuleReport, stamp: Stamp) -> dict[str, object]:
    answer: dict[str, object] = {
        "name": rule.name,
        "query": rule.expression,
        "labels": dict(rule.labels),
        "health": rule.health,
        "evaluationTime": 0,
        "lastEvaluation": stamp(rule.evaluated_ns),
        "type": rule.kind,
    }
    if rule.error:
        answer["lastError"] = rule.error
    if rule.kind == "alerting":
        answer |= {
            "state": rule.state,
            "duration": rule.hold_ns / SECOND,
            "keepFiringFor": rule.keep_firing_ns / SECOND,
            "annotations": dict(rule.annotations),
            "alerts": [_active(alert, stamp) for alert in rule.alerts],
        }
    return answer
