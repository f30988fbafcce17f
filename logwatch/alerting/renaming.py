"""Lets alerts follow a container whose name is learned late."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from logwatch.alerting.alert_store import AlertStore
from logwatch.alerting.alerting_rule import ActiveAlert, AlertingRule
from logwatch.model import Renamed


def follow_name(rules: Iterable[AlertingRule], store: AlertStore, renamed: Renamed, now_ns: int) -> bool:
    """Go on with the alerts of an id under the name, since the same time; whether there were any.

    Receivers that know the alert of the id get that as resolved and the other one as firing, together.
    """
    found = False
    for rule in rules:
        for alert in [each for each in rule.active.values() if _is_of(each, renamed)]:
            _rename(rule, store, alert, renamed, now_ns)
            found = True
    return found


def _is_of(alert: ActiveAlert, renamed: Renamed) -> bool:
    labels = alert.labels
    if alert.state == "resolved" or labels.get("name") != renamed.old_label:
        return False
    return labels.get("host", renamed.host) == renamed.host


def _rename(rule: AlertingRule, store: AlertStore, alert: ActiveAlert, renamed: Renamed, now_ns: int) -> None:
    old, new = renamed.old_label, renamed.label
    labels = {**alert.labels, "name": new}
    annotations = {key: text.replace(old, new) for key, text in alert.annotations.items()}
    before, after = frozenset(alert.labels.items()), frozenset(labels.items())
    known = rule.active.get(after)
    if known is None or known.state == "resolved" or (known.state == "pending" and alert.state == "firing"):
        rule.active[after] = replace(alert, labels=labels, annotations=annotations, sent=False)
    if alert.state == "firing":
        alert.state, alert.resolved_ns = "resolved", now_ns
        store.resolve(rule.id, alert, now_ns)
    else:
        del rule.active[before]
    rule.step_all()
    store.save(rule, (before, after))
