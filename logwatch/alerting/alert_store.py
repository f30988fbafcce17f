"""Alerts as receivers, the API and the next start see them: what was sent, what resolved, what lost its rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from logwatch.alerting.alerting_rule import RESOLVED_RETENTION_NS, ActiveAlert, AlertingRule, Identity
from logwatch.alerting.muting import Muting
from logwatch.alerting.options import Options
from logwatch.model import Alert, Renamed
from logwatch.store import History
from logwatch.store.state_table import StateTable

RESOLVED_LENGTH = 500
"""The alerts that resolved last are kept in so many numbered rows, of which the oldest is written over."""

RUNBOOK_URL = "runbook_url"
RUNBOOK = re.compile(r"docs/runbooks/(?P<name>\w{1,100})\.md", re.ASCII)
"""How shipped rules name their runbooks: a Prometheus that loads the same files has no page of ours."""

Numbered = tuple[int, Alert]
Removed = tuple[bool, Alert]
"""Whether it does not go on under other labels, and the alert as it was sent last."""


class AlertStore:
    """Keeps alerts for receivers, for the API and for the next start."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._on_resolved: Callable[[Alert], None] = lambda _: None
        self._active: StateTable[tuple[Any, ...], ActiveAlert] = StateTable("alert", ActiveAlert.row, _decode_active)
        self._resolved: StateTable[tuple[int], Numbered] = StateTable("past", _encode, _decode)
        self._removed: StateTable[tuple[str, int], Removed] = StateTable("orphan", _encode, _decode)
        self._external: StateTable[tuple[()], Mapping[str, str]] = StateTable("external", dict)
        """The external labels that receivers know alerts with."""
        self._count = 0
        self.tables: Sequence[StateTable[Any, Any]] = (self._active, self._resolved, self._removed, self._external)

    def call_on_resolved(self, callback: Callable[[Alert], None]) -> None:
        """Call `callback` with every alert that resolves."""
        self._on_resolved = callback

    # ── from the evaluation ──────────────────────────────────────────────────────────

    def save(self, rule: AlertingRule, identities: Iterable[Identity]) -> None:
        """Write these alerts of a rule as they are now, or that they are removed."""
        for identity in identities:
            key = _key(rule.key, identity)
            alert = rule.active.get(identity)
            if alert is None:
                self._active.pop(key, None)
            else:
                self._active[key] = alert

    def resolve(self, rule_id: str, alert: ActiveAlert, now_ns: int) -> None:
        """Keep an alert that no longer fires."""
        self._resolve(self._alert(rule_id, alert, now_ns))

    def _resolve(self, alert: Alert) -> None:
        self._count += 1
        self._resolved[(self._count % RESOLVED_LENGTH,)] = (self._count, alert)
        self._on_resolved(alert)

    def resolved(self) -> tuple[Alert, ...]:
        """The alerts that resolved last, oldest first."""
        return tuple(alert for _, alert in sorted(self._resolved.values(), key=lambda numbered: numbered[0]))

    def kept(self) -> list[Alert]:
        """The alerts that fire, and those that resolved last, in the order in which they began."""
        firing = [
            self._alert(f"{key[0]}/{key[1]}", alert, alert.fired_ns)
            for key, alert in self._active.items()
            if alert.state == "firing"
        ]
        return sorted((*self.resolved(), *firing), key=lambda alert: alert.starts_ns)

    # ── for receivers ────────────────────────────────────────────────────────────────

    def outgoing(self, rules: Iterable[tuple[AlertingRule, int]], now_ns: int, muting: Muting) -> list[Alert]:
        """What fires, and for 15 minutes what was sent and no longer does; rules come with their intervals.

        What is muted and was not sent yet is left out, so that nothing stays firing at a receiver when it resolves.
        """
        found = []
        for rule, interval_ns in rules:
            for identity, alert in rule.active.items():
                if alert.state == "pending" or (alert.state == "resolved" and not alert.sent):
                    continue
                if not alert.sent:
                    if muting.mutes and muting.is_muted({**self._options.external_labels, **alert.labels}):
                        continue
                    alert.sent = True
                    self.save(rule, (identity,))
                found.append(replace(self._alert(rule.id, alert, now_ns), interval_ns=interval_ns))
        if self._removed:
            self._end_removed(now_ns, {alert.fingerprint for alert in found if alert.state == "firing"})
        return [*found, *(alert for _, alert in self._removed.values() if alert.ends_ns is not None)]

    def firing(self, rules: Iterable[AlertingRule], now_ns: int) -> list[Alert]:
        """What fires, whether or not it is sent."""
        return [
            self._alert(rule.id, alert, now_ns)
            for rule in rules
            for alert in rule.active.values()
            if alert.state == "firing"
        ]

    def _end_removed(self, now_ns: int, firing: set[str]) -> None:
        """Resolve the sent alerts that no rule makes any more, and drop them after a while.

        A rule was removed, replaced by one with other labels, or `external_labels` changed: receivers
        would never be sent that the alert resolved. What some rule makes fire again, by its fingerprint, goes on.
        """
        for key, (gone, alert) in list(self._removed.items()):
            if alert.fingerprint in firing or now_ns - (alert.ends_ns or now_ns) > RESOLVED_RETENTION_NS:
                del self._removed[key]
            elif alert.ends_ns is None:
                ended = replace(alert, state="resolved", ends_ns=now_ns, updated_ns=now_ns)
                self._removed[key] = (gone, ended)
                if gone:
                    self._resolve(ended)

    def _alert(self, rule_id: str, alert: ActiveAlert, now_ns: int) -> Alert:
        return Alert(
            labels={**self._options.external_labels, **alert.labels},
            annotations=_linked(annotated(alert), self._options.external_url),
            starts_ns=alert.fired_ns or alert.active_ns,
            ends_ns=alert.resolved_ns or None,
            state=alert.state,
            value=alert.value,
            rule=rule_id,
            generator_url=self._options.external_url,
            updated_ns=now_ns,
        )

    # ── after a restart ──────────────────────────────────────────────────────────────

    def restored(self, rules: Sequence[AlertingRule]) -> None:
        """Give the alerts of the last commit to their rules; those of rules that are gone end, if they were sent."""
        self._count = max((number for number, _ in self._resolved.values()), default=0)
        before = self._external.get((), {})
        if before != self._options.external_labels:
            self._external[()] = self._options.external_labels
        exactly = {rule.key: rule for rule in rules}
        elsewhere: dict[tuple[str, ...], AlertingRule] = {}
        for rule in rules:  # a group may have another name now
            elsewhere.setdefault(rule.key[1:3], rule)
        for key, alert in sorted(self._active.items(), key=lambda item: item[0][:-1] not in exactly):
            rule_key: tuple[str, ...] = key[:-1]
            self._resume(key, alert, exactly.get(rule_key) or elsewhere.get(rule_key[1:3]), before)

    def _resume(
        self, key: tuple[Any, ...], alert: ActiveAlert, rule: AlertingRule | None, external: Mapping[str, str]
    ) -> None:
        """Let an alert go on at its rule of now; receivers know it with these external labels."""
        relabelled = external != self._options.external_labels
        if alert.sent and (rule is None or relabelled):
            sent = self._alert(f"{key[0]}/{key[1]}", alert, alert.fired_ns)
            sent = replace(sent, labels={**external, **alert.labels})
            self._removed[sent.fingerprint, sent.starts_ns] = (rule is None, sent)
            alert.sent = False
        identity = frozenset(alert.labels.items())
        if rule is None or identity in rule.active:
            del self._active[key]
            return
        rule.active[identity] = alert
        rule.step_all()
        if relabelled or rule.key != key[:-1]:
            del self._active[key]
            self.save(rule, (identity,))


def committed(history: History) -> list[Alert]:
    """Return the alerts that fire and those that resolved last, as of the last commit, in the order in which they began."""
    store = AlertStore(Options())
    for table in store.tables:
        table.restore(history.rows("alerts", table.prefix))
    return store.kept()


def alerting_rules(rules: Iterable[object]) -> Iterator[AlertingRule]:
    """Those of some rules that make alerts."""
    return (rule for rule in rules if isinstance(rule, AlertingRule))


def annotated(alert: ActiveAlert) -> Mapping[str, str]:
    """The annotations of an alert, and its evidence."""
    return {**alert.annotations, "evidence": alert.evidence} if alert.evidence else alert.annotations


def _linked(annotations: Mapping[str, str], external_url: str) -> Mapping[str, str]:
    """Let the link to a shipped runbook lead to the page, so that it can be followed from a receiver."""
    shipped = RUNBOOK.fullmatch(annotations.get(RUNBOOK_URL, ""))
    if shipped is None or not external_url:
        return annotations
    return {**annotations, RUNBOOK_URL: f"{external_url.rstrip('/')}/runbooks/{shipped['name']}"}


# ── a container whose name is learned late ───────────────────────────────────────────


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


# ── rows ─────────────────────────────────────────────────────────────────────────────


def _key(rule: Sequence[str], identity: Identity) -> tuple[Any, ...]:
    return (*rule, tuple(sorted(identity)))


def _decode_active(_: tuple[Any, ...], row: Any) -> ActiveAlert:
    return ActiveAlert.from_row(row)


def _encode(pair: Numbered | Removed) -> list[object]:
    first, alert = pair
    return [first, alert.row()]


def _decode(_: object, row: list[Any]) -> tuple[Any, Alert]:
    return row[0], Alert(**row[1])
