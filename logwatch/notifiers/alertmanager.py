"""Alertmanager by its API v2; of a cluster every instance is a receiver of its own.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from logwatch.errors import NotifyError
from logwatch.model import SECOND, Alert
from logwatch.notation import quoted, rfc3339
from logwatch.notifiers.http import Client
from logwatch.notifiers.receiver import json_texts

RESEND_NS = 60 * SECOND
"""Longest interval at which alerts that fire are sent again."""
MISSED = 4
"""Resend intervals for which an Alertmanager keeps an alert that is not sent again; Prometheus' figure."""

CHECK_NS = 300 * SECOND
"""Interval at which an Alertmanager is asked whether somebody else posts the same alerts."""
log = logging.getLogger("logwatch.notifiers")


class Alertmanager:
    """Gets every alert and every repetition; grouping and silencing are its own."""

    # Its documentation asks for an alert each minute; what is due is looked for every few seconds only.
    repeat_ns = RESEND_NS - 15 * SECOND
    stateless = True

    def __init__(self, client: Client, path_prefix: str = "") -> None:
        prefix = path_prefix.strip("/")
        self._prefix = f"/{prefix}" if prefix else ""
        self._client = client
        self.name = client.origin + self._prefix
        self._checked_ns = 0

    def wants(self, alert: Alert) -> bool:
        """All that fire or have resolved."""
        return alert.state != "pending"

    def group(self, alert: Alert) -> str:  # noqa: ARG002 - a method of every receiver
        """All in one request: Alertmanager groups them by its own routes."""
        return ""

    def send(self, alerts: Sequence[Alert], now_ns: int) -> None:
        """Post them; a repetition only extends the time for which it keeps them."""
        self._find_others(alerts, now_ns)
        self._client.post([posted(alert, now_ns) for alert in alerts], f"{self._prefix}/api/v2/alerts")

    def _find_others(self, alerts: Sequence[Alert], now_ns: int) -> None:
        """Warn if somebody else posted one of these alerts last: two that post make it flap."""
        known = next((alert for alert in alerts if alert.state == "firing" and alert.generator_url), None)
        self._checked_ns = self._checked_ns or now_ns
        if known is None or now_ns - self._checked_ns < CHECK_NS:
            return
        self._checked_ns = now_ns
        labels = json_texts(known.labels)
        asked = urlencode([("filter", f"{name}={quoted(text)}") for name, text in labels.items()])
        try:
            found = json.loads(self._client.get(f"{self._prefix}/api/v2/alerts?{asked}"))
        except (NotifyError, ValueError):  # posting will report what is wrong with it
            return
        other = _other_poster(found, labels, known.generator_url)
        if other:
            log.warning(
                "%s: %s is also posted by %s: alerts that two post flap: set alerting.post to prometheus, "
                "or drop logwatch's alerts there (docs/alerts.md, One of the two posts)",
                self.name,
                known.labels.get("alertname", ""),
                other,
            )

    def probe(self) -> str:
        """Ask for its status."""
        page = self._client.get(f"{self._prefix}/api/v2/status")
        try:
            status = json.loads(page)
            version, cluster = status["versionInfo"]["version"], status["cluster"]["status"]
        except (ValueError, KeyError, TypeError) as error:
            message = f"{self.name}: the answer is not an Alertmanager's: check its URL and path_prefix"
            raise NotifyError(message, retry=False) from error
        return f"Alertmanager {version}, cluster {cluster}"

    def close(self) -> None:
        """Abort the request in progress."""
        self._client.close()


def _other_poster(found: object, labels: Mapping[str, str], own_url: str) -> str:
    """The link of an alert with these labels, if it is not ours; empty without one."""
    for each in found if isinstance(found, list) else ():
        if (
            isinstance(each, dict)
            and each.get("labels") == labels
            and each.get("generatorURL") not in {own_url, "", None}
        ):
            return str(each["generatorURL"])
    return ""


def posted(alert: Alert, now_ns: int) -> dict[str, object]:
    """An alert for POST /api/v2/alerts, also a resolved one with all it has.

    Alertmanager keeps the annotations and the link of the latest post, and resolves an alert
    that is not posted again before its end.
    """
    if alert.ends_ns is None:
        ends_ns = now_ns + MISSED * max(alert.interval_ns, RESEND_NS)
    else:
        ends_ns = alert.ends_ns
    content: dict[str, object] = {
        "labels": json_texts(alert.labels),
        "annotations": json_texts(alert.annotations),
        "startsAt": rfc3339(alert.starts_ns),
        "endsAt": rfc3339(max(ends_ns, alert.starts_ns)),  # an end before the start is rejected
    }
    if alert.generator_url:
        content["generatorURL"] = alert.generator_url
    return content
