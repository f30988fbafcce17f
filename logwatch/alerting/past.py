"""The alerts that resolved last, kept in numbered rows of which the oldest is written over."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from logwatch.alerting.rows import past_from, past_key, past_row
from logwatch.model import Alert

LENGTH = 500


class Past:
    """A bounded history, oldest first."""

    def __init__(self) -> None:
        self._alerts: deque[Alert] = deque(maxlen=LENGTH)
        self._ended = 0

    def __iter__(self) -> Iterator[Alert]:
        return iter(self._alerts)

    def add(self, alert: Alert) -> dict[str, str | None]:
        """Keep one that ended; return its row."""
        self._ended += 1
        self._alerts.append(alert)
        return {past_key(self._ended % LENGTH): past_row(self._ended, alert)}

    def restore(self, rows: Iterable[str]) -> None:
        """Take rows in, in any order."""
        for number, alert in sorted(map(past_from, rows), key=lambda pair: pair[0]):
            self._ended = number
            self._alerts.append(alert)
