"""The rows of the state that alerts are kept in."""

from __future__ import annotations

import json
from collections.abc import Sequence

from logwatch.alerts.states import Identity
from logwatch.model import Alert


def alert_key(rule: Sequence[str], identity: Identity) -> str:
    """The row of an alert that is pending, fires or has just resolved."""
    return json.dumps(["alert", *rule, sorted(identity)])


def past_key(place: int) -> str:
    """The row of one of the last alerts that resolved."""
    return json.dumps(["past", place])


def past_row(number: int, alert: Alert) -> str:
    """A resolved alert and its number, as JSON."""
    return json.dumps([number, {name: getattr(alert, name) for name in Alert.__slots__}])


def past_from(row: str) -> tuple[int, Alert]:
    """Read what `past_row` wrote."""
    number, values = json.loads(row)
    return number, Alert(**values)
