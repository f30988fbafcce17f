"""Evaluations of rules that fail: counted, told, and without harm to what was known before."""

from pathlib import Path

import pytest
from stages import changed_rows, restore

from logwatch import alerting
from logwatch.alerting import Alerts, Options
from logwatch.metrics import Registry
from logwatch.model import SECOND, Alert, Family

DIES = Family("docker_container_events_total", "counter", "Events.", ("name", "action"))
FAILURES = "logwatch_rule_evaluation_failures_total"
ALL = 'docker_container_events_total{action="die"} > 0'


def stage(tmp_path: Path, *rules: str, limit: int = 0) -> tuple[Alerts, Registry]:
    path, series = tmp_path / "rules.yml", Registry([DIES])
    lines = "".join(f"  - {{{rule}}}\n" for rule in rules)
    path.write_text(f"groups:\n- name: g\n  interval: 5s\n  limit: {limit}\n  rules:\n{lines}")
    part = Alerts(alerting.load([path]), Options({}), series)
    return part, series


def die(series: Registry, name: str, second: int) -> None:
    series.add(DIES.name, (name, "die"), 1, second * SECOND)


def failures(series: Registry, rule: str = "g/A") -> float | None:
    return series.value(FAILURES, (rule,))


@pytest.mark.parametrize(
    ("rule", "limit", "error"),
    [
        (f"alert: A, expr: '{DIES.name} + on () {DIES.name}'", 0, "found duplicate series for the match group"),
        (f"alert: A, expr: '{DIES.name} > on () group_left {DIES.name}'", 0, "found duplicate series"),
        (f"alert: A, expr: '{ALL}', labels: {{name: ''}}", 0, "two series of the result have the same labels"),
        (f"alert: A, expr: '{ALL}'", 1, "2 alerts, more than the limit of 1"),
        (f"record: A, expr: '{DIES.name} + on () {DIES.name}'", 0, "found duplicate series for the match group"),
        (f"record: A, expr: '{ALL}', labels: {{name: ''}}", 0, "two series of the result have the same labels"),
        (f"record: A, expr: '{ALL}'", 1, "the result has 2 series, more than the limit of 1"),
    ],
    ids=[
        "alert: matching",
        "alert: many to many",
        "alert: labels",
        "alert: limit",
        "record: matching",
        "record: labels",
        "record: limit",
    ],
)
def test_each_evaluation_that_fails_is_counted_and_told(tmp_path, rule, limit, error):
    part, series = stage(tmp_path, rule, limit=limit)
    die(series, "web", 1)
    part.evaluate(5 * SECOND)
    before, good = failures(series), part.report().groups[0].rules[0]
    die(series, "db", 6)
    for second in (10, 15, 400, 1000):  # also when its result has not changed for long
        part.evaluate(second * SECOND)
    bad = part.report().groups[0].rules[0]

    assert (before, good.health, good.error) == (0, "ok", "")
    assert (failures(series), bad.health) == (4, "err")
    assert error in bad.error


def test_a_rule_that_goes_well_again_is_no_longer_told_to_fail(tmp_path):
    part, series = stage(tmp_path, f"alert: A, expr: '{ALL}'", limit=1)
    versions = []
    die(series, "web", 1)
    die(series, "db", 1)
    for second in (5, 10, 15, 20):
        if second == 15:
            series.remove(DIES.name, ("db", "die"), 14 * SECOND)
        part.evaluate(second * SECOND)
        versions.append(part.version)
    (rule,) = part.report().groups[0].rules

    assert (rule.health, rule.error, failures(series)) == ("ok", "", 2)
    assert [alert.labels["name"] for alert in rule.alerts] == ["web"]
    assert versions[0] > 0
    assert versions[2] > versions[1]


def test_what_becomes_part_of_a_text_is_no_failure_as_in_prometheus(tmp_path):
    text = "{{ $labels.name | humanize }}"
    part, series = stage(tmp_path, f"alert: A, expr: '{ALL}', annotations: {{summary: '{text}'}}")
    die(series, "web", 1)
    part.evaluate(5 * SECOND)
    (rule,) = part.report().groups[0].rules

    assert rule.alerts[0].annotations["summary"].startswith("<error expanding template")
    assert (rule.health, failures(series)) == ("ok", 0)


def test_an_alert_may_watch_for_rules_that_fail(tmp_path):
    watching = f"alert: B, expr: 'increase({FAILURES}[1m]) > 0'"
    part, series = stage(tmp_path, f"alert: A, expr: '{DIES.name} + on () {DIES.name}'", watching)
    die(series, "web", 1)
    part.evaluate(5 * SECOND)
    die(series, "db", 6)
    for second in (10, 15):
        part.evaluate(second * SECOND)
    fires = [alert.labels["rule"] for alert in part.report().alerts if alert.labels["alertname"] == "B"]

    assert fires == ["g/A"]


# ── more alerts than the limit ───────────────────────────────────────────────────────


def test_beyond_the_limit_nobody_is_told_that_an_alert_resolved(tmp_path):
    part, series = stage(tmp_path, f"alert: A, expr: '{ALL}'", limit=1)
    history: list[Alert] = []
    part.on_resolved(history.append)
    die(series, "web", 1)
    told = []
    for second in (5, 10, 15, 20, 25):
        if second == 10:
            die(series, "db", 9)
        if second == 20:
            series.remove(DIES.name, ("db", "die"), 19 * SECOND)
        part.evaluate(second * SECOND)
        out = part.outgoing(second * SECOND)
        told.append([(alert.labels["name"], alert.state, alert.starts_ns // SECOND) for alert in out])

    assert told == [[("web", "firing", 5)], [], [], [("web", "firing", 20)], [("web", "firing", 20)]]
    assert [(past.labels["name"], past.starts_ns // SECOND, past.ends_ns // SECOND) for past in history] == [
        ("web", 5, 10)
    ]
    assert list(part.report().past) == history


def test_beyond_the_limit_an_alert_that_resolved_before_is_told_no_more(tmp_path):
    part, series = stage(tmp_path, f"alert: A, expr: '{ALL}'", limit=1)
    die(series, "web", 1)
    part.evaluate(5 * SECOND)
    part.outgoing(5 * SECOND)
    series.remove(DIES.name, ("web", "die"), 6 * SECOND)
    part.evaluate(10 * SECOND)
    resolved = [alert.state for alert in part.outgoing(10 * SECOND)]
    for name in ("db", "mq"):
        die(series, name, 11)
    part.evaluate(15 * SECOND)

    assert resolved == ["resolved"]
    assert part.outgoing(15 * SECOND) == []
    assert part.report().alerts == ()


def test_alerts_beyond_the_limit_are_not_there_after_a_restart(tmp_path):
    part, series = stage(tmp_path, f"alert: A, expr: '{ALL}'", limit=1)
    die(series, "web", 1)
    part.evaluate(5 * SECOND)
    part.outgoing(5 * SECOND)
    rows = dict(changed_rows(part))
    die(series, "db", 6)
    part.evaluate(10 * SECOND)
    rows.update(changed_rows(part))
    after, _ = stage(tmp_path, f"alert: A, expr: '{ALL}'", limit=1)
    restore(after, {key: row for key, row in rows.items() if row is not None})

    assert after.outgoing(11 * SECOND) == []
    assert [past.labels["name"] for past in after.report().past] == ["web"]
