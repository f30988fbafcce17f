"""Alerts that people were told of and that no rule makes any more.

A rule was taken away, overridden by one with other labels, or `external_labels` changed: nobody
would ever tell that the alert ended, and who heard of it would wait. So it ends when logwatch
sees that, and is told as resolved for as long as others are.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from logwatch.alerting.alerting_rule import RESOLVED_RETENTION_NS
from logwatch.alerting.rows import orphan_from, orphan_key, orphan_row
from logwatch.model import Alert


class Orphans:
    """Ends them, and forgets them after a while."""

    def __init__(self) -> None:
        self._alerts: dict[str, tuple[Alert, bool]] = {}
        self._rows: dict[str, str | None] = {}

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._alerts)

    @property
    def unsaved(self) -> bool:
        """Whether there is something to commit."""
        return bool(self._rows)

    def take_in(self, alert: Alert, *, gone: bool) -> None:
        """One that was told and fires, or was told to have resolved; `gone`: it does not go on under other labels."""
        self._keep(orphan_key(alert), alert, gone=gone)

    def end(self, now_ns: int, firing: Collection[str]) -> list[Alert]:
        """End those that have not; return those of them that are gone.

        What some rule made fire again, by its fingerprint, is none of ours.
        """
        ended = []
        for key, (alert, gone) in list(self._alerts.items()):
            if alert.fingerprint in firing or now_ns - (alert.ends_ns or now_ns) > RESOLVED_RETENTION_NS:
                del self._alerts[key]
                self._rows[key] = None
            elif alert.ends_ns is None:
                over = replace(alert, state="resolved", ends_ns=now_ns, updated_ns=now_ns)
                self._keep(key, over, gone=gone)
                ended += [over] if gone else []
        return ended

    def alerts(self) -> list[Alert]:
        """Those that receivers are to hear of."""
        return [alert for alert, _ in self._alerts.values() if alert.ends_ns is not None]

    def _keep(self, key: str, alert: Alert, *, gone: bool) -> None:
        self._alerts[key] = alert, gone
        self._rows[key] = orphan_row(alert, gone=gone)

    # ── state ────────────────────────────────────────────────────────────────────────

    def changed_rows(self) -> dict[str, str | None]:
        """As `model.Stateful`."""
        rows, self._rows = self._rows, {}
        return rows

    def restore(self, key: str, row: str) -> None:
        """Take one row in."""
        gone, alert = orphan_from(row)
        self._alerts[key] = alert, gone
