"""What every kind of receiver can do, and how it says no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from logwatch.errors import NotifyError
from logwatch.model import Alert

BATCH = 64
"""Alerts in one request at the most; Prometheus' figure."""


class Receiver(Protocol):
    """A destination. `send` and `probe` are called by its own thread only."""

    @property
    def name(self) -> str:
        """How logs and metrics call it; never holds a credential."""

    @property
    def repeat_ns(self) -> int:
        """After so long an alert that still fires is told again."""

    @property
    def forgets(self) -> bool:
        """It keeps no state over a restart: resolved alerts are repeated as well, for it expects that of us."""

    def wants(self, alert: Alert) -> bool:
        """Whether it is to be told of this alert at all."""

    def group(self, alert: Alert) -> str:
        """Alerts of one group go in one request."""

    def send(self, alerts: Sequence[Alert], now_ns: int) -> None:
        """Deliver all of them, or raise NotifyError."""

    def probe(self) -> str:
        """Return how it stands, or raise NotifyError; nobody is alarmed by this."""


class RefusedError(NotifyError):
    """It answered, and will answer the same again; `suspect` says that one of the alerts may be why."""

    def __init__(self, message: str, *, suspect: bool) -> None:
        self.suspect = suspect
        super().__init__(message, retry=False)
