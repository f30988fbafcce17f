"""Rows of alerts as older versions committed them (tests/data/state) go on as the alerts they were."""

import json
from datetime import UTC, datetime
from pathlib import Path

from stages import changed_rows, restore

from logwatch import alerting
from logwatch.alerting import Alerts, Options
from logwatch.metrics import Registry
from logwatch.model import SECOND, Family
from logwatch.store import Store, Sync, Transaction, schema

ROWS = Path(__file__).parents[1] / "data/state/alerts-rows-2.json"
DIES = Family("docker_container_events_total", "counter", "Events.", ("name", "action"))
RULES = """
groups:
- name: g
  interval: 5s
  rules:
  - {record: 'a:dies', expr: 'sum by (name) (docker_container_events_total)'}
  - {alert: Died, expr: 'docker_container_events_total{action="die"} > 0', labels: {severity: page}, annotations: {summary: '{{ $labels.name }} died'}}
  - {alert: Waits, expr: 'docker_container_events_total > 0', for: 1h}
  - {alert: Ended, expr: 'increase(docker_container_events_total[10s]) > 0'}
"""
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def migrated(tmp_path: Path, monkeypatch) -> dict[str, str]:
    """The rows after a start of this version on a database of version 2 that holds them."""
    with monkeypatch.context() as before:
        before.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:2])
        before.setattr(schema, "VERSION", 2)
        store = Store(tmp_path, NOW, sync=Sync.OFF)
        store.commit(
            Transaction(stages={("alerts", key): row for key, row in json.loads(ROWS.read_text()).items()}), SECOND
        )
        store.close()
    store = Store(tmp_path, NOW, sync=Sync.OFF)
    saved = store.load()
    store.close()
    return {key: row for (stage, key), row in saved.stages.items() if stage == "alerts"}


def resumed(tmp_path: Path, rows: dict[str, str]) -> Alerts:
    path, series = tmp_path / "rules.yml", Registry([DIES])
    path.write_text(RULES)
    part = Alerts(alerting.load([path]), Options({"job": "logwatch", "instance": "h:1"}, {"site": "x"}), series)
    series.add(DIES.name, ("wéb", "die"), 1, 3 * SECOND)
    restore(part, rows)
    return part


def test_alerts_and_evidence_of_an_older_version_go_on(tmp_path, monkeypatch):
    part = resumed(tmp_path, migrated(tmp_path, monkeypatch))
    part.evaluate(40 * SECOND)
    sent = {alert.labels["alertname"]: alert for alert in part.outgoing(40 * SECOND)}
    active = {alert.labels["alertname"]: alert for alert in part.report().alerts}

    assert {name: (alert.state, alert.starts_ns // SECOND) for name, alert in sent.items()} == {
        "Died": ("firing", 5),
        "Ended": ("resolved", 5),
        "Gone": ("resolved", 15),
    }
    assert "password=***" in sent["Died"].annotations["evidence"]
    assert (active["Waits"].state, active["Waits"].active_ns) == ("pending", 5 * SECOND)
    assert [past.labels["alertname"] for past in part.report().past] == ["Ended", "Gone"]
    assert part.evidence.lines_about(
        {"name": "wéb"},
        [rule.query.readings[0].selector for rule in alerting.load([tmp_path / "rules.yml"])[0].rules[:1]],
    )


def test_the_rows_are_those_of_today_but_for_what_changes(tmp_path, monkeypatch):
    rows = migrated(tmp_path, monkeypatch)
    part = resumed(tmp_path, rows)
    again = resumed(tmp_path, {**rows, **{key: row for key, row in changed_rows(part).items() if row}})

    assert changed_rows(again) == {}
    assert {key.partition(" ")[0] for key in rows} == {"alert", "evidence", "external", "orphan", "past", "series"}
