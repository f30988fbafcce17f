"""Receivers of Alertmanager's webhook format, sent to without an Alertmanager.

One message holds the alerts of one name, and of those only the new, the resolved, and those that
have fired on for the repeat interval.
https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from logwatch.model import Alert
from logwatch.notation import quoted, rfc3339
from logwatch.notifiers.http import Client
from logwatch.notifiers.receiver import Options, RejectedError, json_texts

NO_END = "0001-01-01T00:00:00Z"
"""Go's zero time: Alertmanager writes it for an end that is not known."""


class Webhook:
    """Gets a message for each change and, of what fires on, one per repeat interval."""

    stateless = False

    def __init__(self, client: Client, options: Options, external_url: str, name: str | None = None) -> None:
        self._client = client
        self._options = options
        self._external_url = external_url
        self.name = name or client.origin
        self.repeat_ns = options.repeat_ns

    def wants(self, alert: Alert) -> bool:
        """As its configuration selects."""
        return self._options.wants(alert)

    def group(self, alert: Alert) -> str:
        """By the name of the alert."""
        return alert.labels.get("alertname", "")

    def send(self, alerts: Sequence[Alert], now_ns: int) -> None:  # noqa: ARG002 - a method of every receiver
        """Post one message."""
        self._client.post(message(alerts, self.name, self._external_url))

    def probe(self) -> str:
        """Check that something answers and accepts the credentials; other statuses of HEAD say nothing about POST."""
        status = self._client.head()
        if status in (401, 403):
            message = f"{self.name}: status {status}: check basic_auth or bearer_token_file"
            raise RejectedError(message, suspect=False)
        return "reachable"

    def close(self) -> None:
        """Abort the request in progress."""
        self._client.close()


def message(alerts: Sequence[Alert], receiver: str, external_url: str) -> dict[str, object]:
    """The message (version 4) of an Alertmanager's webhook for alerts of one name."""
    labels = [json_texts(alert.labels) for alert in alerts]
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
        "commonAnnotations": _common([json_texts(alert.annotations) for alert in alerts]),
        "externalURL": external_url,
        "alerts": [_alert(alert) for alert in alerts],
    }


def _alert(alert: Alert) -> dict[str, object]:
    return {
        "status": "firing" if alert.ends_ns is None else "resolved",
        "labels": json_texts(alert.labels),
        "annotations": json_texts(alert.annotations),
        "startsAt": rfc3339(alert.starts_ns),
        "endsAt": NO_END if alert.ends_ns is None else rfc3339(alert.ends_ns),
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }


def _common(several: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The pairs that all have."""
    first, *others = several
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}
