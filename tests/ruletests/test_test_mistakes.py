"""Every mistake of a test file has its place, cause and cure."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rehearsing import mistakes

ALERTS = """
groups:
- name: containers
  rules:
  - {alert: Dies, expr: up == 0}
  - {alert: Gone, expr: absent(up)}
"""
HEAD = "rule_files: [alerts.yml]\n"
DIES = "  alert_rule_test: [{eval_time: 1m, alertname: Dies}]\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("rule_file: []\ntests: []", "1:1: unknown key 'rule_file' (did you mean 'rule_files'?)", id="a key of the file"),
        pytest.param(HEAD, "1:1: this file contains no test", id="no test"),
        pytest.param(HEAD + "tests: 5", "2:8: tests: expected a list, not '5'", id="tests is no list"),
        pytest.param("rule_files: [alert.yml]\ntests: [{}]", "1:14: no file matches 'alert.yml', relative to this file (did you mean 'alerts.yml'?)", id="a rule file that is not there"),
        pytest.param("rule_files: [test.yml]\ntests: [{}]", "1:14:", id="a rule file that holds tests"),
        pytest.param(HEAD + "evaluation_interval: 0s\ntests: [{}]", "2:22: the interval must not be 0", id="an interval of 0"),
        pytest.param(HEAD + "evaluation_interval: 5\ntests: [{}]", "2:22: '5' is not a duration", id="no duration"),
        pytest.param(HEAD + "fuzzy_compare: 3\ntests: [{}]", "2:16: ", id="no flag"),
        pytest.param(HEAD + "tests:\n- promql_expr_test: [{expr: up, exp_samples: [{labels: up, histogram: '{{sum:3}}'}]}]", "3:71: native histograms are not supported: expect the series", id="a native histogram"),
        pytest.param(HEAD + "tests:\n- input_series: [{series: up, values: '{{schema:1}}'}]\n" + DIES, "3:39: native histograms are not supported: give the series", id="samples of a native histogram"),
        pytest.param(HEAD + "tests:\n- start_timestamp: 1700000007\n" + DIES, "3:20: the start is not a multiple of evaluation_interval", id="a timestamp between evaluations"),
        pytest.param(HEAD + "tests:\n- start_timestamp: 1700000040.5\n" + DIES, "3:20: the start is not a multiple of evaluation_interval", id="half a second"),
        pytest.param(HEAD + "tests:\n- start_timestamp: now\n" + DIES, "3:20: 'now' is not a time", id="no timestamp"),
        pytest.param(HEAD + "tests:\n- start_timestamp: 0\n  start_time: 1970-01-01T00:00:00Z\n" + DIES, "3:3: start_time and start_timestamp are the same", id="two starts"),
        pytest.param(HEAD + "group_eval_order: [a, a]\ntests: [{}]", "2:19: a group is here twice", id="a group twice"),
        pytest.param(HEAD + "tests:\n- naem: x\n" + DIES, "3:3: unknown key 'naem' (did you mean 'name'?)", id="a key of a test"),
        pytest.param(HEAD + "tests:\n- alert_rule_test: [{alertname: Dise, exp_alerts: [{}]}]", "3:33: no alert of the rule files is called 'Dise' (did you mean 'Dies'?)", id="an alert's name"),
        pytest.param(HEAD + "tests:\n- alert_rule_test: [{alertname: Dise}]", "3:33: warning: no alert of the rule files is called 'Dise' (did you mean 'Dies'?)", id="an alert's name of which none is expected"),
        pytest.param(HEAD + "tests:\n- notification_test: [{alertname: Dise, exp_notifications: [{status: firing}]}]", "3:35: no alert of the rule files is called 'Dise'", id="an alert's name in notifications"),
        pytest.param(HEAD + "tests:\n- alert_rule_test: [{eval_time: 1m}]", "3:21: key 'alertname' is missing", id="an alert without a name"),
        pytest.param(HEAD + "tests:\n- promql_expr_test: [{expr: 'sum(up) by'}]", "3:", id="an expression"),
        pytest.param(HEAD + "tests:\n- promql_expr_test: [{expr: up, exp_samples: [{labels: 'up{job=x}', value: 1}]}]", "3:56: 'up{job=x}' cannot be read from 'job=x' on", id="labels"),
        pytest.param(HEAD + "tests:\n- promql_expr_test: [{expr: up, exp_samples: [{labels: up, value: one}]}]", "3:67: expected a number, not 'one'", id="a value"),
        pytest.param(HEAD + "tests:\n- input_series: [{series: up, values: '1 +'}]\n" + DIES, "3:39: '+' is not a sample", id="values of a series"),
        pytest.param(HEAD + "tests:\n- interval: 1s\n  input_series: [{series: up, values: 0x9999999}]\n  alert_rule_test: [{eval_time: 12d, alertname: Dies}]", "4:39: more than 1000000 samples until the last eval_time: use a longer interval", id="more samples than are made"),
        pytest.param(HEAD + "tests:\n- input_series: [{series: '{a=\"b\"}', values: 1}]\n" + DIES, "3:27: '{a=\"b\"}' has no name", id="a series without a name"),
        pytest.param(HEAD + "tests:\n- input_series: [{series: up, values: 1}, {series: 'up{}', values: 1}]\n" + DIES, "3:52: warning: this series is here twice: the last one counts", id="a series twice"),
        pytest.param(HEAD + "tests:\n- start_time: today\n" + DIES, "3:15: 'today' is not a time", id="no time"),
        pytest.param(HEAD + "tests:\n- start_time: 2026-11-23T18:12:00\n" + DIES, "3:15: '2026-11-23T18:12:00' names no zone", id="a time without a zone"),
        pytest.param(HEAD + "tests:\n- start_time: 2026-11-23T18:12:07Z\n" + DIES, "3:15: the start is not a multiple of evaluation_interval", id="a start between evaluations"),
        pytest.param(HEAD + "tests:\n- input_lines: [{at: 0s, line: x}]\n" + DIES, "3:32: no header can be read from 'x'", id="no header"),
        pytest.param(HEAD + "tests:\n- input_lines: [{at: 0s}]\n" + DIES, "3:17: lines come from line:, lines: or file:", id="no line"),
        pytest.param(HEAD + "tests:\n- input_lines: [{line: 'a[1]: b', times: 2}]\n" + DIES, "3:17: lines that come several times need at: and every:", id="times without distance"),
        pytest.param(HEAD + "tests:\n- input_lines: [{file: no.log}]\n" + DIES, "3:24: file 'no.log' not found", id="a file that is not there"),
        pytest.param(HEAD + "tests:\n- input_lines: [{at: 1h, line: 'a[1]: b'}]\n" + DIES, "3:22: warning: these lines have no effect", id="lines after the end"),
        pytest.param(HEAD + "tests:\n- restart_at: 1h\n" + DIES, "3:15: the test ends before", id="a restart after the end"),
        pytest.param(HEAD + "tests:\n- timezone: Europa/Berlin\n" + DIES, "3:13: no time zone is called 'Europa/Berlin'", id="a time zone"),
        pytest.param(HEAD + "tests:\n- event_test: [{event: container.dia}]", "3:24: warning: no rule of logwatch makes 'container.dia' (did you mean 'container.die'?)", id="an event"),
        pytest.param(HEAD + "tests:\n- event_test: [{exp_events: [{event: die}]}]", "3:38: 'die' is not type.action", id="an expected event"),
        pytest.param(HEAD + "tests:\n- event_test: [{exp_events: [], exp_count: 1}]", "3:16: exp_events gives the number already", id="two ways to count"),
        pytest.param(HEAD + "tests:\n- notification_test: [{alertname: Dies, exp_notifications: [{status: fired}]}]", "3:70: 'fired' is not a value of this key", id="a status"),
        pytest.param(HEAD + "tests:\n- name: x", "3:3: warning: 'x' expects nothing", id="a test without expectations"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_place_and_cure(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "alerts.yml").write_text(ALERTS)
    (tmp_path / "test.yml").write_text(text)

    found = mistakes(tmp_path / "test.yml")

    assert [line for line in found if line.startswith(says)], "\n".join(found)


def test_all_mistakes_come_at_once_also_those_of_the_rule_files(tmp_path: Path) -> None:
    (tmp_path / "alerts.yml").write_text("groups: [{name: g, rules: [{alert: A, expr: 'sum('}]}]")
    (tmp_path / "test.yml").write_text(HEAD + "tests:\n- {naem: x}\n- restart_at: 1h")

    found = mistakes(tmp_path / "test.yml")

    assert len(found) == 4
    assert any("alerts.yml:1:" in line for line in found)


WHOLE = {
    "rule_files": ["alerts.yml"],
    "evaluation_interval": "15s",
    "group_eval_order": ["containers"],
    "tests": [
        {
            "name": "whole",
            "interval": "1m",
            "start_time": "2026-01-01T00:00:00Z",
            "timezone": "UTC",
            "external_labels": {"region": "eu"},
            "restart_at": ["1m"],
            "input_series": [{"series": "up", "values": "1x3"}],
            "input_lines": [{"at": "1s", "line": "dockerd[1]: x", "times": 2, "every": "1s"}],
            "alert_rule_test": [{"alertname": "Dies", "exp_alerts": [{"exp_labels": {"a": "b"}}]}],
            "promql_expr_test": [{"expr": "up", "exp_samples": [{"labels": "up", "value": 1}]}],
            "event_test": [{"exp_events": [{"event": "container.die", "attributes": {"a": None}, "at": "1s"}]}],
            "metric_test": [{"metric": "up", "exp_samples": [{"labels": "up", "value": None}]}],
            "notification_test": [{"alertname": "Dies", "exp_notifications": [{"status": "firing"}]}],
        }
    ],
}
ODD = [None, True, 5, -1.5, "x", "", [], {}, [None], {"a": None}, "{", "up{", "1x99999999999999999999", "*", 400 * "9"]


def places(value: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """The path of every value within a document."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in pairs:
        yield (*path, key)
        yield from places(below, (*path, key))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(list(places(WHOLE))), odd=st.sampled_from(ODD))
def test_no_odd_value_breaks_the_reader(place: tuple[object, ...], odd: object, tmp_path: Path) -> None:
    document = copy.deepcopy(WHOLE)
    target: Any = document
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = odd
    (tmp_path / "alerts.yml").write_text(ALERTS)
    (tmp_path / "test.yml").write_text(yaml.safe_dump(document))

    for line in mistakes(tmp_path / "test.yml"):
        assert re.match(r"(\d+:\d+: |/)", line)
