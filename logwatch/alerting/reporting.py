"""Tells how groups under way stand, for the API and the page."""

from __future__ import annotations

from logwatch.alerting.alerting_rule import Active
from logwatch.alerting.group import Circle, Course
from logwatch.alerting.groups import AlertRule
from logwatch.alerting.report import ActiveAlert, GroupReport, RuleReport


def group_report(circle: Circle) -> GroupReport:
    """How a group stands, with its rules and their alerts."""
    group = circle.group
    rules = tuple(_rule_report(course, circle.evaluated_ns) for course in circle.courses)
    return GroupReport(group.name, group.file, group.interval_ns, group.limit, rules)


def _rule_report(course: Course, evaluated_ns: int) -> RuleReport:
    rule = course.rule
    alerting = isinstance(rule, AlertRule)
    annotations = rule.annotations if isinstance(rule, AlertRule) else {}
    labels = {name: str(getattr(text, "text", text)) for name, text in rule.labels.items()}
    return RuleReport(
        name=rule.name,
        kind="alerting" if alerting else "recording",
        expression=rule.query.text,
        hold_ns=rule.hold_ns if isinstance(rule, AlertRule) else 0,
        keep_firing_ns=rule.keep_firing_ns if isinstance(rule, AlertRule) else 0,
        labels=labels,
        annotations={name: template.text for name, template in annotations.items()},
        alerts=tuple(_active_report(alert) for alert in course.active.values() if alert.state != "resolved"),
        health="err" if course.error else "ok" if course.evaluated_ns else "unknown",
        error=course.error,
        evaluated_ns=evaluated_ns if course.evaluated_ns else 0,
    )


def _active_report(alert: Active) -> ActiveAlert:
    annotations = {**alert.annotations, "evidence": alert.evidence} if alert.evidence else alert.annotations
    return ActiveAlert(
        labels=alert.labels,
        annotations=annotations,
        state="firing" if alert.state == "firing" else "pending",
        active_ns=alert.active_ns,
        keep_firing_since_ns=alert.keep_since_ns or None,
        value=alert.value,
    )
