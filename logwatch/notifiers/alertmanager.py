"""Alertmanager by its API v2; of a cluster every instance is a receiver of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence

from logwatch.errors import NotifyError
from logwatch.model import SECOND, Alert
from logwatch.notifiers.http import Client
from logwatch.notifiers.payloads import RESEND_NS, posted


class Alertmanager:
    """Takes every alert and every repetition; what people see of it is its own business."""

    # Of the minute that its documentation asks for, the owner's own rhythm takes some seconds.
    repeat_ns = RESEND_NS - 15 * SECOND
    forgets = True

    def __init__(self, client: Client, path_prefix: str = "") -> None:
        prefix = path_prefix.strip("/")
        self._prefix = f"/{prefix}" if prefix else ""
        self._client = client
        self.name = client.origin + self._prefix

    def wants(self, alert: Alert) -> bool:
        """All that fire or have resolved."""
        return alert.state != "pending"

    def group(self, alert: Alert) -> str:  # noqa: ARG002 - a method of every receiver
        """All in one: Alertmanager groups them by its own routes."""
        return ""

    def send(self, alerts: Sequence[Alert], now_ns: int) -> None:
        """Post them; a repetition changes nothing there but how long it believes them."""
        self._client.post([posted(alert, now_ns) for alert in alerts], f"{self._prefix}/api/v2/alerts")

    def probe(self) -> str:
        """Ask for its status."""
        page = self._client.get(f"{self._prefix}/api/v2/status")
        try:
            status = json.loads(page)
            version, cluster = status["versionInfo"]["version"], status["cluster"]["status"]
        except (ValueError, KeyError, TypeError) as error:
            message = f"{self.name}: answers, but not as an Alertmanager does: check its URL and path_prefix"
            raise NotifyError(message, retry=False) from error
        return f"Alertmanager {version}, cluster {cluster}"
