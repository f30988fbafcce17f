"""What became of alerts: who was told, what ended, what belongs to no rule any more; and the rows of all that."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from logwatch.alerting.alerting_rule import Active, Identity, from_row
from logwatch.alerting.group import Circle, Course, Heirs
from logwatch.alerting.orphans import Orphans
from logwatch.alerting.past import Past
from logwatch.alerting.rows import EXTERNAL, alert_key
from logwatch.alerting.terms import Terms
from logwatch.model import Alert


class Register:
    """Keeps alerts for receivers, for the API and for the next start."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self.on_resolved: Callable[[Alert], None] = lambda _: None
        self.past = Past()
        self._orphans = Orphans()
        self._rows: dict[str, str | None] = {}

    # ── from the evaluation ──────────────────────────────────────────────────────────

    def note(self, course: Course, identities: Iterable[Identity]) -> None:
        """Write down how these alerts of a rule stand now, or that they are no more."""
        for identity in identities:
            kept = course.active.get(identity)
            self._rows[alert_key(course.key, identity)] = kept.row() if kept else None

    def end(self, rule: str, alert: Active, now_ns: int) -> None:
        """An alert that fired does so no more."""
        self._end(self._alert(rule, alert, now_ns))

    def _end(self, alert: Alert) -> None:
        self._rows.update(self.past.add(alert))
        self.on_resolved(alert)

    # ── for receivers ────────────────────────────────────────────────────────────────

    def outgoing(self, circles: Iterable[Circle], now_ns: int) -> list[Alert]:
        """What fires, and for 15 minutes what was told and does no more."""
        found = []
        for circle, course, identity, alert in _alerts(circles):
            if alert.state == "pending" or (alert.state == "resolved" and not alert.told):
                continue
            if not alert.told:
                alert.told = True
                self.note(course, (identity,))
            told = self._alert(circle.rule_id(course), alert, now_ns)
            found.append(replace(told, interval_ns=circle.group.interval_ns))
        if self._orphans:
            for ended in self._orphans.end(now_ns, {each.fingerprint for each in found if each.state == "firing"}):
                self._end(ended)
        return [*found, *self._orphans.alerts()]

    def firing(self, circles: Iterable[Circle], now_ns: int) -> list[Alert]:
        """What fires, whether or not anybody is told."""
        return [
            self._alert(circle.rule_id(course), alert, now_ns)
            for circle, course, _, alert in _alerts(circles)
            if alert.state == "firing"
        ]

    def _alert(self, rule: str, alert: Active, now_ns: int) -> Alert:
        annotations = {**alert.annotations, "evidence": alert.evidence} if alert.evidence else alert.annotations
        return Alert(
            labels={**self._terms.external_labels, **alert.labels},
            annotations=annotations,
            starts_ns=alert.fired_ns or alert.active_ns,
            ends_ns=alert.resolved_ns or None,
            state=alert.state,
            value=alert.value,
            rule=rule,
            generator_url=self._terms.external_url,
            updated_ns=now_ns,
        )

    # ── state ────────────────────────────────────────────────────────────────────────

    @property
    def unsaved(self) -> bool:
        """Whether there is something to commit."""
        return bool(self._rows or self._orphans.unsaved)

    def changed_rows(self) -> dict[str, str | None]:
        """As `model.Stateful`."""
        rows, self._rows = self._rows, {}
        return {**rows, **self._orphans.changed_rows()}

    def restore(self, rows: Mapping[str, str], circles: Iterable[Circle]) -> None:
        """As `model.Stateful`; alerts of rules that are no more end, if anybody was told of them."""
        before: dict[str, str] = json.loads(rows.get(EXTERNAL, "{}"))
        if before != self._terms.external_labels:
            self._rows[EXTERNAL] = json.dumps(dict(self._terms.external_labels))
        heirs = Heirs(course for circle in circles for course in circle.courses)
        ended: list[str] = []
        kept: list[tuple[str, tuple[str, ...], Active]] = []
        for text, row in rows.items():
            part, *key = json.loads(text)
            if part == "past":
                ended.append(row)
            elif part == "orphan":
                self._orphans.restore(text, row)
            elif part == "alert":
                kept.append((text, tuple(key[:-1]), from_row(row)))
        for text, key, alert in sorted(kept, key=lambda each: not heirs.has(each[1])):
            self._resume(text, key, alert, heirs.of(key), before)
        self.past.restore(ended)

    def _resume(
        self, text: str, key: tuple[str, ...], alert: Active, course: Course | None, external: Mapping[str, str]
    ) -> None:
        """Let an alert go on where its rule is now; receivers know it with these external labels."""
        relabelled = external != self._terms.external_labels
        if alert.told and (course is None or relabelled):
            told = self._alert(f"{key[0]}/{key[1]}", alert, alert.fired_ns)
            self._orphans.take_in(replace(told, labels={**external, **alert.labels}), gone=course is None)
            alert.told = False
        identity = frozenset(alert.labels.items())
        if course is None or identity in course.active:
            self._rows[text] = None
            return
        course.active[identity] = alert
        if relabelled or course.key != key:
            self._rows[text] = None
            self.note(course, (identity,))


def _alerts(circles: Iterable[Circle]) -> Iterator[tuple[Circle, Course, Identity, Active]]:
    for circle in circles:
        for course in circle.courses:
            for identity, alert in course.active.items():
                yield circle, course, identity, alert
