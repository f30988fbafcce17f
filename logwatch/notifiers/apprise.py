"""Slack, mail, Teams, Telegram and what else Apprise knows (an extra)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from logwatch.errors import ConfigError, NotifyError
from logwatch.model import Alert
from logwatch.notifiers.receiver import Options


class Apprise:
    """A service that people read; its URL holds the credentials, so it is read from a file."""

    stateless = False

    def __init__(self, name: str, url_file: Path, options: Options) -> None:
        try:
            import apprise  # an extra, needed only where it is configured
        except ImportError as error:
            raise ConfigError("alerting.apprise: the package apprise is not installed: pip install apprise") from error
        self._apprise: Any = apprise
        self._url_file = url_file
        self._options = options
        self.name = name
        self.repeat_ns = options.repeat_ns

    def wants(self, alert: Alert) -> bool:
        """As its configuration selects."""
        return self._options.wants(alert)

    def group(self, alert: Alert) -> str:
        """By name and state: firing and resolved messages look different."""
        return f"{alert.labels.get('alertname', '')} {alert.state}"

    def send(self, alerts: Sequence[Alert], now_ns: int) -> None:  # noqa: ARG002 - a method of every receiver
        """Send one message."""
        severity = alerts[0].labels.get("severity")
        if alerts[0].state == "resolved":
            kind = self._apprise.NotifyType.SUCCESS
        elif severity == "critical":
            kind = self._apprise.NotifyType.FAILURE
        else:
            kind = self._apprise.NotifyType.WARNING
        if not self._service().notify(title=title(alerts), body=body(alerts), notify_type=kind):
            raise NotifyError(f"{self.name}: Apprise delivery failed", retry=True)

    def probe(self) -> str:
        """Check that Apprise supports the URL in the file."""
        self._service()
        return "configured (nothing was sent)"

    def close(self) -> None:
        """Nothing: Apprise offers no way to abort a delivery."""

    def _service(self) -> Any:
        try:
            url = self._url_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise NotifyError(
                f"{self._url_file}: cannot be read: write the URL of the service there, and check its mode", retry=True
            ) from error
        service = self._apprise.Apprise()
        if not service.add(url):
            raise NotifyError(f"{self._url_file}: not a URL that Apprise supports: see its documentation", retry=True)
        return service


def title(alerts: Sequence[Alert]) -> str:
    """`[FIRING:2] DockerContainerOom`, as in Alertmanager's own templates."""
    state = "FIRING" if alerts[0].state == "firing" else "RESOLVED"
    return f"[{state}:{len(alerts)}] {alerts[0].labels.get('alertname', '')}"


def body(alerts: Sequence[Alert]) -> str:
    """Summary, description, evidence and runbook of each."""
    wanted = ("summary", "description", "evidence", "runbook_url")
    return "\n\n".join(
        "\n".join(alert.annotations[name] for name in wanted if alert.annotations.get(name)) or str(dict(alert.labels))
        for alert in alerts
    )
