"""What receivers were told."""

from __future__ import annotations

from datetime import timedelta
from itertools import zip_longest

from logwatch.rulefiles.units import duration_text
from logwatch.ruletests.expectations import ALERT_NAME, EVIDENCE, Check, Failure, compared, flat, shown, without
from logwatch.ruletests.running import Notification, Performance
from logwatch.ruletests.schema import NotificationSpec, NotificationTestSpec


def judge(check: Check, performance: Performance) -> Failure | None:
    """Compare all that was told of an alert."""
    spec = check.spec
    assert isinstance(spec, NotificationTestSpec)
    told = [each for each in performance.seen.notifications if each.alert.labels[ALERT_NAME] == spec.alertname]
    wanted = spec.exp_notifications or []
    expected = [_expected_notification(each) for each in wanted]
    pairs = zip_longest(told, wanted)
    got = [_notification(each, one, performance.start_ns) for each, one in pairs if each is not None]
    return compared(check, f"notifications of {spec.alertname}", flat(expected), flat(got))


def _expected_notification(spec: NotificationSpec) -> list[str]:
    at = "" if spec.at is None else f" at {duration_text(spec.at)}"
    labels = "" if spec.exp_labels is None else f" {shown(spec.exp_labels)}"
    texts = spec.exp_annotations or {}
    return [
        f"{spec.status}{at}{labels}",
        *(f"    {name}: {text}" for name, text in sorted(texts.items())),
        *(f"    evidence: {text}" for text in spec.exp_evidence),
    ]


def _notification(told: Notification, spec: NotificationSpec | None, start_ns: int) -> list[str]:
    """What was told, as far as the expectation speaks of it."""
    alert = told.alert
    at = timedelta(microseconds=(told.time_ns - start_ns) // 1000)
    timed = "" if spec is not None and spec.at is None else f" at {duration_text(at)}"
    labelled = "" if spec is not None and spec.exp_labels is None else f" {shown(without(alert.labels, ALERT_NAME))}"
    texts = {} if spec is not None and spec.exp_annotations is None else without(alert.annotations, EVIDENCE)
    evidence = alert.annotations.get(EVIDENCE, "")
    missing = spec is not None and any(text not in evidence for text in spec.exp_evidence)
    proofs = evidence.splitlines() if spec is None or missing else spec.exp_evidence
    return [
        f"{alert.state}{timed}{labelled}",
        *(f"    {name}: {text}" for name, text in sorted(texts.items())),
        *(f"    evidence: {text}" for text in proofs),
    ]
