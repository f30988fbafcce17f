"""Which alerts fire."""

from __future__ import annotations

from collections.abc import Mapping

from logwatch.ruletests.expectations import ALERT_NAME, EVIDENCE, Check, Failure, compared, flat, shown, without
from logwatch.ruletests.running import Performance
from logwatch.ruletests.schema import AlertTestSpec


def judge(check: Check, performance: Performance) -> Failure | None:
    """Compare all alerts of a name."""
    spec = check.spec
    assert isinstance(spec, AlertTestSpec)
    expected = [
        _alert({**each.exp_labels, ALERT_NAME: spec.alertname}, each.exp_annotations) for each in spec.exp_alerts or ()
    ]
    got = [
        _alert(alert.labels, without(alert.annotations, EVIDENCE))
        for group in performance.pipeline.alerts.report().groups
        for rule in group.rules
        if rule.kind == "alerting" and rule.name == spec.alertname
        for alert in rule.alerts
        if alert.state == "firing"
    ]
    return compared(check, f"alerts {spec.alertname}", flat(sorted(expected)), flat(sorted(got)))


def _alert(labels: Mapping[str, str], annotations: Mapping[str, str]) -> tuple[str, ...]:
    filled = {name: value for name, value in labels.items() if value}
    return (shown(filled), *(f"    {name}: {value}" for name, value in sorted(annotations.items())))
