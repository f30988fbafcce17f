"""Compare what a test expects with what came of it, a module for each subject."""

from __future__ import annotations

from collections.abc import Callable

from logwatch.ruletests.expectations import Check, Failure
from logwatch.ruletests.judges import alerts, events, notifications, samples
from logwatch.ruletests.running import Performance

JUDGES: dict[str, Callable[[Check, Performance], Failure | None]] = {
    "alert_rule_test": alerts.judge,
    "promql_expr_test": samples.judge_expression,
    "event_test": events.judge,
    "metric_test": samples.judge_metrics,
    "notification_test": notifications.judge,
}
"""By the list that an expectation stands in."""


def judge(check: Check, performance: Performance) -> Failure | None:
    """Look now whether an expectation is met."""
    return JUDGES[check.key](check, performance)
