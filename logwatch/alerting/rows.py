"""The rows of the state that alerts are kept in."""

from __future__ import annotations

import json
from collections.abc import Sequence

from logwatch.alerting.alerting_rule import Identity
from logwatch.model import Alert

EXTERNAL = json.dumps(["external"])
"""The row of the external labels that receivers know alerts with."""


def alert_key(rule: Sequence[str], identity: Identity) -> str:
    """The row of an alert that is pending, fires or has just resolved."""
    return json.dumps(["alert", *rule, sorted(identity)])


def orphan_key(alert: Alert) -> str:
    """The row of an alert whose rule is no more."""
    return json.dumps(["orphan", alert.fingerprint, alert.starts_ns])


def orphan_row(alert: Alert, *, gone: bool) -> str:
    """Such an alert, as JSON; `gone`: it does not go on under other labels."""
    return json.dumps([gone, _tree(alert)])


def orphan_from(row: str) -> tuple[bool, Alert]:
    """Read what `orphan_row` wrote."""
    gone, values = json.loads(row)
    return gone, Alert(**values)


def past_key(place: int) -> str:
    """The row of one of the last alerts that resolved."""
    return json.dumps(["past", place])


def past_row(number: int, alert: Alert) -> str:
    """A resolved alert and its number, as JSON."""
    return json.dumps([number, _tree(alert)])


def past_from(row: str) -> tuple[int, Alert]:
    """Read what `past_row` wrote."""
    number, values = json.loads(row)
    return number, Alert(**values)


def _tree(alert: Alert) -> dict[str, object]:
    return {name: getattr(alert, name) for name in Alert.__slots__}
