"""What every kind of receiver can do, what it may be sent, and how it rejects a notification."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from logwatch.errors import NotifyError
from logwatch.model import Alert

BATCH = 64
"""Most alerts in one request; Prometheus' figure."""
FOR_MACHINES = "none"
"""The severity of alerts that no person reads, such as a watchdog that always fires."""


class Receiver(Protocol):
    """A destination. `send` and `probe` are called by its own thread only."""

    @property
    def name(self) -> str:
        """Its name in logs and metrics; never holds a credential."""

    @property
    def repeat_ns(self) -> int:
        """Interval after which an alert that still fires is sent again."""

    @property
    def stateless(self) -> bool:
        """The receiver loses its state at a restart, so resolved alerts are re-sent for a while (Alertmanager)."""

    def wants(self, alert: Alert) -> bool:
        """Whether to send this alert to the receiver."""

    def group(self, alert: Alert) -> str:
        """Key of the request: alerts with the same key go in one."""

    def send(self, alerts: Sequence[Alert], now_ns: int) -> None:
        """Deliver all of them, or raise NotifyError."""

    def probe(self) -> str:
        """Return its status in a few words, or raise NotifyError; must not notify any person."""

    def close(self) -> None:
        """Abort the request in progress, if any; callable from any thread."""


class RejectedError(NotifyError):
    """It answered, and will answer the same again; `suspect` says that one of the alerts may be the reason."""

    def __init__(self, message: str, *, suspect: bool) -> None:
        self.suspect = suspect
        super().__init__(message, retry=False)


@dataclass(frozen=True, slots=True)
class Options:
    """Which alerts a receiver gets, and how often."""

    repeat_ns: int
    severities: Collection[str] = ()
    """Empty: all but FOR_MACHINES."""
    resolved: bool = True

    def wants(self, alert: Alert) -> bool:
        """Whether to send this alert."""
        if alert.state == "pending" or (alert.state == "resolved" and not self.resolved):
            return False
        severity = alert.labels.get("severity")
        return severity in self.severities if self.severities else severity != FOR_MACHINES


def json_texts(pairs: Mapping[str, str]) -> dict[str, str]:
    """Labels or annotations as JSON can hold them: bytes of a log that are not UTF-8 become question marks."""
    return {name: value.encode("utf-8", "replace").decode() for name, value in pairs.items()}
