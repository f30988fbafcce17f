"""Whatever understands the webhook of an Alertmanager, told without one.

One message tells of one alert name, and only of those of its alerts that are new, have
resolved, or have fired on for the repeat interval.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from logwatch.model import Alert
from logwatch.notifiers.http import Client
from logwatch.notifiers.payloads import webhook
from logwatch.notifiers.receiver import RefusedError

UNHEARD = "none"
"""The severity of alerts that are for machines, such as a watchdog that always fires."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Of which alerts a receiver is told, and how often."""

    repeat_ns: int
    severities: Collection[str] = ()
    """Empty: all but UNHEARD."""
    resolved: bool = True

    def wants(self, alert: Alert) -> bool:
        """Whether it is to be told of this alert."""
        if alert.state == "pending" or (alert.state == "resolved" and not self.resolved):
            return False
        severity = alert.labels.get("severity")
        return severity in self.severities if self.severities else severity != UNHEARD


class Webhook:
    """Gets a message for each change and, of what fires on, one per repeat interval."""

    forgets = False

    def __init__(self, client: Client, selection: Selection, external_url: str, name: str | None = None) -> None:
        self._client = client
        self._selection = selection
        self._external_url = external_url
        self.name = name or client.origin
        self.repeat_ns = selection.repeat_ns

    def wants(self, alert: Alert) -> bool:
        """As its configuration selects."""
        return self._selection.wants(alert)

    def group(self, alert: Alert) -> str:
        """By the name of the alert."""
        return alert.labels.get("alertname", "")

    def send(self, alerts: Sequence[Alert], now_ns: int) -> None:  # noqa: ARG002 - a method of every receiver
        """Post one message."""
        self._client.post(webhook(alerts, self.name, self._external_url))

    def probe(self) -> str:
        """See whether something answers; what it says to HEAD tells little about what it says to POST."""
        status = self._client.head()
        if status in (401, 403):
            message = f"{self.name}: status {status}: check basic_auth or bearer_token_file"
            raise RefusedError(message, suspect=False)
        return f"answers (status {status} to HEAD)"
