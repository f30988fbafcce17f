"""Alerts as Alertmanager takes them, and as its webhooks give them.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from logwatch.model import SECOND, Alert
from logwatch.notation import quoted, rfc3339

RESEND_NS = 60 * SECOND
"""Alerts that fire are repeated at least so often."""
MISSED = 4
"""So many intervals an Alertmanager believes an alert without hearing of it; Prometheus' figure."""
NEVER = "0001-01-01T00:00:00Z"
"""Go's zero time: Alertmanager writes it for an end that is not known."""

Json = dict[str, object]


def posted(alert: Alert, now_ns: int) -> Json:
    """An alert for POST /api/v2/alerts, also a resolved one with all it has.

    Alertmanager keeps the annotations and the link of the latest post, and lets an alert end by
    itself when nobody repeats it.
    """
    if alert.ends_ns is None:
        ends_ns = now_ns + MISSED * max(alert.interval_ns, RESEND_NS)
    else:
        ends_ns = alert.ends_ns
    content: Json = {
        "labels": _texts(alert.labels),
        "annotations": _texts(alert.annotations),
        "startsAt": rfc3339(alert.starts_ns),
        "endsAt": rfc3339(max(ends_ns, alert.starts_ns)),  # an end before the start is refused
    }
    if alert.generator_url:
        content["generatorURL"] = alert.generator_url
    return content


def webhook(alerts: Sequence[Alert], receiver: str, external_url: str) -> Json:
    """The message (version 4) of an Alertmanager's webhook for alerts of one name."""
    labels = [_texts(alert.labels) for alert in alerts]
    group = {"alertname": labels[0]["alertname"]} if "alertname" in labels[0] else {}
    pairs = ", ".join(f"{name}={quoted(value)}" for name, value in group.items())
    return {
        "version": "4",
        "groupKey": f"{{}}:{{{pairs}}}",
        "truncatedAlerts": 0,
        "status": "firing" if any(alert.ends_ns is None for alert in alerts) else "resolved",
        "receiver": receiver,
        "groupLabels": group,
        "commonLabels": _common(labels),
        "commonAnnotations": _common([_texts(alert.annotations) for alert in alerts]),
        "externalURL": external_url,
        "alerts": [_told(alert) for alert in alerts],
    }


def _told(alert: Alert) -> Json:
    return {
        "status": "firing" if alert.ends_ns is None else "resolved",
        "labels": _texts(alert.labels),
        "annotations": _texts(alert.annotations),
        "startsAt": rfc3339(alert.starts_ns),
        "endsAt": NEVER if alert.ends_ns is None else rfc3339(alert.ends_ns),
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }


def _common(several: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The pairs that all have."""
    first, *others = several
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def _texts(pairs: Mapping[str, str]) -> dict[str, str]:
    """As JSON can say it: bytes of a log that are no UTF-8 become question marks."""
    return {name: value.encode("utf-8", "replace").decode() for name, value in pairs.items()}
