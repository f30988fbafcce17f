from pathlib import Path

import pytest
from stages import changed_rows, restore

from logwatch import alerting
from logwatch.alerting import Alerts, Options
from logwatch.metrics import Registry
from logwatch.model import SECOND, Family

DIES = Family("docker_container_events_total", "counter", "Events.", ("name", "action"))


def stage(path: Path, *rules: str, series: Registry | None = None) -> Alerts:
    text = "groups:\n- name: g\n  interval: 5s\n  rules:\n" + "".join(f"  - {{{rule}}}\n" for rule in rules)
    path.write_text(text)
    return Alerts(alerting.load([path]), Options({}), series or Registry([DIES]))


def interrupted(before: Alerts, after: Alerts) -> Alerts:
    restore(after, changed_rows(before))
    return after


def names(part: Alerts) -> list[str]:
    return [alert.labels["alertname"] for alert in part.report().alerts]


LOW = "record: 'a:dies', expr: 'count(docker_container_events_total < 5)', labels: {level: low}"
HIGH = "record: 'a:dies', expr: 'count(docker_container_events_total > 5)', labels: {level: high}"
READ = "alert: A, expr: 'a:dies'"


@pytest.mark.parametrize("cut", [False, True])
def test_two_rules_make_one_metric_and_each_ends_only_its_own_series(tmp_path, cut):
    series = Registry([DIES])
    part = stage(tmp_path / "a.yml", LOW, HIGH, READ, series=series)
    series.add(DIES.name, ("a", "die"), 1, SECOND)
    series.add(DIES.name, ("b", "die"), 7, SECOND)
    part.evaluate(5 * SECOND)
    both = sorted(alert.labels["level"] for alert in part.report().alerts)
    if cut:
        part = interrupted(part, stage(tmp_path / "a.yml", LOW, HIGH, READ, series=series))
    series.add(DIES.name, ("a", "die"), 9, 6 * SECOND)
    part.evaluate(10 * SECOND)

    assert both == ["high", "low"]
    assert [alert.labels["level"] for alert in part.report().alerts] == ["high"]


def test_what_a_removed_rule_recorded_ends(tmp_path):
    read = "alert: B, expr: 'a:q'"
    before = stage(tmp_path / "a.yml", "record: 'a:q', expr: 'vector(1)'", read)
    before.evaluate(5 * SECOND)
    after = interrupted(before, stage(tmp_path / "a.yml", read))
    after.evaluate(10 * SECOND)

    assert names(before) == ["B"]
    assert names(after) == []


def test_a_removed_alert_is_no_more_in_the_series_alerts(tmp_path):
    read = "alert: B, expr: 'ALERTS{alertname=\"A\"}'"
    before = stage(tmp_path / "a.yml", "alert: A, expr: 'vector(1)'", read)
    before.evaluate(5 * SECOND)
    after = interrupted(before, stage(tmp_path / "a.yml", read))
    after.evaluate(10 * SECOND)

    assert names(before) == ["A", "B"]
    assert names(after) == []


def test_a_later_rule_sees_what_an_earlier_one_of_its_turn_made(tmp_path):
    part = stage(
        tmp_path / "a.yml",
        "alert: Reader, expr: 'count(ALERTS) > 9 or a:q > 9'",
        "alert: First, expr: 'vector(1)'",
        "record: 'a:q', expr: 'vector(1)'",
        "alert: Second, expr: 'count(ALERTS{alertname=\"First\"})'",
        "alert: Third, expr: 'a:q'",
    )
    part.evaluate(5 * SECOND)

    assert names(part) == ["First", "Second", "Third"]


def test_rules_that_only_their_place_tells_apart_keep_their_own_states(tmp_path):
    rules = ("alert: A, expr: 'vector(1)', for: 10s", "alert: A, expr: 'vector(2)', for: 1m")
    before = stage(tmp_path / "a.yml", *rules)
    before.evaluate(5 * SECOND)
    after = interrupted(before, stage(tmp_path / "a.yml", *rules))
    after.evaluate(15 * SECOND)

    assert [(alert.state, alert.active_ns // SECOND) for alert in after.report().alerts] == [
        ("firing", 5),
        ("pending", 5),
    ]


def test_groups_of_one_name_in_two_files_keep_their_own_states(tmp_path):
    paths = [tmp_path / "a.yml", tmp_path / "b.yml"]
    stage(paths[0], "alert: A, expr: 'vector(1)', for: 10s")
    stage(paths[1], "alert: A, expr: 'vector(2)', for: 1m")
    before, after = (Alerts(alerting.load(paths), Options({}), Registry([DIES])) for _ in range(2))
    before.evaluate(5 * SECOND)
    interrupted(before, after).evaluate(15 * SECOND)

    assert [alert.state for alert in after.report().alerts] == ["firing", "pending"]


@pytest.mark.parametrize(
    "record",
    [
        "expr: 'docker_container_events_total + on () docker_container_events_total'",
        "expr: 'docker_container_events_total', labels: {name: ''}",
        "expr: 'docker_container_events_total'",
    ],
    ids=["evaluation", "labels", "limit"],
)
def test_what_a_rule_recorded_before_it_failed_is_seen_for_five_minutes(tmp_path, record):
    series = Registry([DIES])
    text = f"groups: [{{name: g, interval: 5s, limit: 1, rules: [{{record: 'a:q', {record}}}, {{alert: A, expr: 'count(a:q)'}}]}}]"
    (tmp_path / "a.yml").write_text(text)
    part = Alerts(alerting.load([tmp_path / "a.yml"]), Options({}), series)
    series.add(DIES.name, ("a", "die"), 1, SECOND)
    part.evaluate(5 * SECOND)
    series.add(DIES.name, ("b", "die"), 1, 6 * SECOND)
    seen = []
    for second in range(10, 1000, 5):
        part.evaluate(second * SECOND)
        if names(part):
            seen.append(second)

    assert (seen[0], seen[-1]) == (10, 305)
    assert part.report().groups[0].rules[0].health == "err"
