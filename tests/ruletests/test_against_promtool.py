"""Test files of promtool's format mean the same here and there."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import call
from rehearsing import need_promtool, passes, promtool

pytestmark = pytest.mark.e2e

RULES = """
groups:
- name: containers
  interval: 7s
  rules:
  - record: name:dies:5m
    expr: sum by (name) (docker_container_events_total{action="die"} - docker_container_events_total offset 5m)
  - alert: Dies
    expr: name:dies:5m > 2
    for: 1m
    keep_firing_for: 2m
    labels: {severity: critical, where: '{{ $externalLabels.region }}'}
    annotations:
      summary: Container {{ $labels.name }} died {{ $value | humanize }} times.
      link: '{{ $externalURL }}/x'
  - alert: Gone
    expr: absent(up{job="docker"})
  - alert: Silent
    expr: absent_over_time(docker_events_total[3m])
    annotations: {summary: ''}
- name: early
  rules:
  - record: seen
    expr: ALERTS{alertname="Dies"}
"""

DIES = """
rule_files: [rules.yml]
evaluation_interval: 30s
tests:
- name: dies
  interval: 1m
  external_labels: {region: eu}
  external_url: http://here
  input_series:
  - series: docker_container_events_total{name="web", action="die", job="docker"}
    values: '0x5 1 2 3 4x20'
  - {series: 'up{job="docker"}', values: '1x60'}
  - {series: docker_events_total, values: '1x60'}
"""
FIRING = """
      exp_alerts:
      - exp_labels: {severity: critical, name: web, where: eu}
        exp_annotations: {summary: Container web died %s times., link: http://here/x}
"""

FILES = {
    "an alert waits for `for`": (DIES + "  alert_rule_test: [{eval_time: 8m30s, alertname: Dies, exp_alerts: []}]", True),
    "an alert fires": (DIES + "  alert_rule_test:\n    - eval_time: 9m59s\n      alertname: Dies" + FIRING % "4", True),
    "a wrong annotation": (DIES + "  alert_rule_test:\n    - eval_time: 9m59s\n      alertname: Dies" + FIRING % "5", False),
    "a missing annotation": (
        DIES + "  alert_rule_test: [{eval_time: 10m, alertname: Dies, exp_alerts: [{exp_labels: {severity: critical, name: web, where: eu}}]}]",
        False,
    ),
    "an alert is kept firing": (DIES + "  alert_rule_test:\n    - eval_time: 13m\n      alertname: Dies" + FIRING % "3", True),
    "an alert ends": (DIES + "  alert_rule_test: [{eval_time: 20m, alertname: Dies}]", True),
    "an alert that does not fire is expected": (DIES + "  alert_rule_test: [{eval_time: 20m, alertname: Dies, exp_alerts: [{}]}]", False),
    "an alert without labels of its own": (
        "rule_files: [rules.yml]\ntests: [{interval: 1m, alert_rule_test: [{eval_time: 0, alertname: Gone, exp_alerts: [{exp_labels: {job: docker}}]}]}]",
        True,
    ),
    "an alert without any series": (
        "rule_files: [rules.yml]\ntests: [{alert_rule_test: [{eval_time: 5m, alertname: Silent, exp_alerts: [{exp_annotations: {summary: ''}}]}]}]",
        True,
    ),
    "a recorded series": (
        DIES + """
  promql_expr_test:
  - {expr: 'name:dies:5m > 0', eval_time: 9m, exp_samples: [{labels: 'name:dies:5m{name="web"}', value: 4}]}
  - {expr: 'count_over_time(name:dies:5m[2m])', eval_time: 9m, exp_samples: [{labels: '{name="web"}', value: 5}]}
""",
        True,
    ),
    "a number": ("rule_files: []\ntests: [{promql_expr_test: [{expr: 'time() + 1', eval_time: 90s, exp_samples: [{value: 91}]}]}]", True),
    "the order of groups": (
        "group_eval_order: [containers, early]\n" + DIES + "  promql_expr_test: [{expr: seen, eval_time: 8m, exp_samples: [{labels: 'seen{alertname=\"Dies\",alertstate=\"pending\",name=\"web\",severity=\"critical\",where=\"eu\"}', value: 1}]}]",
        True,
    ),
    "a subquery's step is the evaluation's": (
        DIES + "  promql_expr_test: [{expr: 'count_over_time(up[2m:])', eval_time: 9m, exp_samples: [{labels: '{job=\"docker\"}', value: 5}]}]",
        True,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "good"), FILES.values(), ids=FILES.keys())
def test_a_file_of_promtools_has_the_same_verdict(text: str, good: bool, tmp_path: Path) -> None:
    need_promtool()
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "test.yml").write_text(text)

    status, output = promtool("test.yml", folder=tmp_path)

    assert (status == 0) == good, output
    assert passes(tmp_path / "test.yml") == good


MISTAKEN = {
    "a series that is given twice": (
        "rule_files: []\ntests: [{interval: 1m, input_series: [{series: 'up{a=\"b\"}', values: '1x9'}, {series: 'up{a=\"b\",c=\"\"}', values: '2x9'}],"
        " promql_expr_test: [{expr: up, eval_time: 2m, exp_samples: [{labels: 'up{a=\"b\"}', value: 2}]}]}]",
        True,
    ),
    "a series without values": (
        "rule_files: [rules.yml]\ntests: [{interval: 1m, input_series: [{series: 'up{job=\"docker\"}'}],"
        " alert_rule_test: [{alertname: Gone, exp_alerts: [{exp_labels: {job: docker}}]}]}]",
        True,
    ),
    "an alert that no rule file has, and none expected": (
        "rule_files: [rules.yml]\ntests: [{alert_rule_test: [{eval_time: 5m, alertname: Nowhere}]}]",
        True,
    ),
    "an alert that no rule file has, and one expected": (
        "rule_files: [rules.yml]\ntests: [{alert_rule_test: [{eval_time: 5m, alertname: Nowhere, exp_alerts: [{}]}]}]",
        False,
    ),
}


@pytest.mark.parametrize(("text", "good"), MISTAKEN.values(), ids=MISTAKEN.keys())
def test_what_promtool_lets_pass_is_a_warning(text: str, good: bool, tmp_path: Path) -> None:
    need_promtool()
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "test.yml").write_text(text)

    status, output = promtool("test.yml", folder=tmp_path)
    ours = call("test", str(tmp_path / "test.yml"))

    assert (status == 0) == good, output
    assert (ours.status == 0) == good, ours.err


SERIES = (
    "0 1 2 3", "0x5", "0+1x5", "10-2x5", "-2x2 1-1x2 Inf 1e1 +3", "_ 1 _ 2", "_x3 1x3 _x3 2 stale 4", "1 stale", "1 _x9 2",
    "010 .5 5.", "1 stale _x2 3 4", "_", "inf -inf", "1x0 _x0 2x0", "1 1 1 _ 1 1 2 2 _x3 2", "",
)  # fmt: skip
EXPRESSIONS = (
    "x", "x offset 2m", "count_over_time(x[3m])", "last_over_time(x[3m])", "sum_over_time(x[90s])", "changes(x[10m])", "resets(x[10m])",
    "timestamp(x)", "absent(x)", "absent_over_time(x[2m])", "max_over_time(x[5m] offset 1m)", "delta(x[4m])", "count_over_time(x[6m:30s])",
    "present_over_time(x[1m])", "deriv(x[5m])", "time() - timestamp(x)", "avg_over_time(x[4m])", "irate(x[5m])",
)  # fmt: skip
TIMES = ("0s", "1m", "3m", "4m30s", "8m", "9m1s", "12m", "20m")


@pytest.mark.parametrize("interval", ["1m", "30s", "2m"])
@pytest.mark.parametrize("series", SERIES)
def test_series_show_the_same_samples(series: str, interval: str, tmp_path: Path) -> None:
    """What logwatch gets is written down as what is expected, and promtool gets it too."""
    need_promtool()
    queries = [(expression, time) for expression in EXPRESSIONS for time in TIMES]
    tests = "\n".join(f"  - {{expr: '{expression}', eval_time: {time}}}" for expression, time in queries)
    head = f"rule_files: []\nevaluation_interval: 1m\ntests:\n- interval: {interval}\n  input_series: [{{series: 'x{{a=\"b\"}}', values: '{series}'}}]\n  promql_expr_test:\n"
    (tmp_path / "asks.yml").write_text(head + tests)
    answers = results(tmp_path / "asks.yml")
    queries = [
        query for query in queries if "nan" not in answers.get(query, "")
    ]  # promtool 2.42: no NaN equals another
    expected = "\n".join(
        f"  - {{expr: '{expression}', eval_time: {time}, exp_samples: [{answers.get((expression, time), '')}]}}"
        for expression, time in queries
    )
    (tmp_path / "tells.yml").write_text(head + expected)

    status, output = promtool("tells.yml", folder=tmp_path)

    assert status == 0, output
    assert passes(tmp_path / "tells.yml")


def results(path: Path) -> dict[tuple[str, str], str]:
    from rehearsing import verdicts

    found = {}
    for verdict in verdicts(path):
        for failure in verdict.failures:
            expression, _, time = failure.what.rpartition(" at ")
            samples = [line.rpartition(" ") for line in failure.got]
            found[expression, time] = ", ".join(
                f"{{labels: '{labels}', value: {value.replace('inf', '.inf')}}}" for labels, _, value in samples
            )
    return found
