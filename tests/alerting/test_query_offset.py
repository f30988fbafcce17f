"""`query_offset` of a group, by hand: what Prometheus' rules/group.go, alerting.go and recording.go do with it."""

from __future__ import annotations

from pathlib import Path

from stages import changed_rows, restore

from logwatch import alerting
from logwatch.alerting import Alerts, Options
from logwatch.metrics import Registry
from logwatch.model import SECOND, Family

STATE = Family("docker_container_state", "gauge", "State.", ("name",))
GROUPS = """\
groups:
- name: late
  interval: 10s
  query_offset: 1m
  rules:
  - {record: seen, expr: docker_container_state}
  - {alert: Late, expr: docker_container_state > 1, for: 20s, annotations: {value: '{{ $value }}'}}
- name: prompt
  interval: 10s
  rules:
  - {alert: Prompt, expr: docker_container_state > 1}
  - {alert: Recorded, expr: 'seen offset 1m'}
  - {alert: Pended, expr: 'ALERTS{alertname="Late"} offset 1m'}
"""


def stage(path: Path, series: Registry, text: str = GROUPS) -> Alerts:
    path.write_text(text)
    return Alerts(alerting.load([path]), Options({}), series)


def states(part: Alerts) -> dict[str, tuple[str, int]]:
    """State and begin, in seconds, of each alert."""
    return {alert.labels["alertname"]: (alert.state, alert.active_ns // SECOND) for alert in part.report().alerts}


def after(tmp_path: Path, *changes: tuple[int, float], until: int, text: str = GROUPS) -> Alerts:
    series = Registry([STATE])
    part, changing = stage(tmp_path / "a.yml", series, text), dict(changes)
    for second in range(1000, until + 1):
        if second in changing:
            series.set(STATE.name, ("web",), changing[second], second * SECOND)
        if second % 10 == 0:
            part.evaluate(second * SECOND)
    return part


def test_an_expression_is_evaluated_so_much_earlier_and_the_alert_has_the_time_of_its_group(tmp_path):
    assert states(after(tmp_path, (1005, 2), until=1060)) == {"Prompt": ("firing", 1010)}
    assert states(after(tmp_path, (1005, 2), until=1080))["Late"] == ("pending", 1070)
    assert states(after(tmp_path, (1005, 2), until=1090))["Late"] == ("firing", 1070)


def test_the_value_is_that_of_the_earlier_time(tmp_path):
    part = after(tmp_path, (1005, 2), (1055, 7), until=1110)
    values = {alert.labels["alertname"]: alert.value for alert in part.report().alerts}

    assert values["Late"] == 2
    assert values["Prompt"] == 7


def test_what_a_rule_records_begins_at_the_time_that_it_looks_at(tmp_path):
    found = states(after(tmp_path, (1005, 2), until=1200))

    assert found["Recorded"] == ("firing", 1070)


def test_the_series_alerts_have_the_times_that_the_rule_looks_at(tmp_path):
    found = states(after(tmp_path, (1005, 2), until=1080))

    assert found["Pended"] == ("firing", 1070)


def test_the_series_alerts_of_a_group_that_is_gone_end(tmp_path):
    series = Registry([STATE])
    before = stage(tmp_path / "a.yml", series)
    series.set(STATE.name, ("web",), 2, 1005 * SECOND)
    for second in range(1010, 1100, 10):
        before.evaluate(second * SECOND)
    reading = GROUPS.replace("Late, expr", "Other, expr").replace('ALERTS{alertname="Late"} offset 1m', "ALERTS")
    later = stage(tmp_path / "a.yml", series, reading)
    restore(later, changed_rows(before))
    later.evaluate(1100 * SECOND)
    read = {alert.labels["alertname"] for alert in later.report().alerts if "alertstate" in alert.labels}

    assert "Late" in states(before)
    assert read == {"Pended"}


def test_an_alert_ends_so_much_later(tmp_path):
    assert states(after(tmp_path, (1005, 2), (1105, 0), until=1160))["Late"] == ("firing", 1070)
    assert states(after(tmp_path, (1005, 2), (1105, 0), until=1170)).keys() == {"Recorded"}
