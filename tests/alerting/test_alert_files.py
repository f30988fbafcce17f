from pathlib import Path

import pytest

from logwatch import alerting
from logwatch.alerting.lint import check
from logwatch.alerting.loader import gather
from logwatch.errors import RuleError

GOOD = """\
groups:
  - name: docker
    interval: 5s
    limit: 3
    rules:
      - record: docker:dies:5m
        expr: sum by (name) (increase(docker_container_events_total{action="die"}[5m]))
      - alert: Dies
        expr: docker:dies:5m > 2
        for: 1m
        keep_firing_for: 5m
        labels: {severity: critical, page: true}
        annotations:
          summary: Container {{ $labels.name }} dies.
          description: "{{ $value }} times."
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "alerts.yml"
    path.write_text(text)
    return path


def rule(text: str) -> str:
    body = "\n".join(f"        {line}" for line in text.splitlines())
    return f"groups:\n  - name: g\n    rules:\n      -{body[7:]}\n"


def test_loads_prometheus_rule_files_as_they_are(tmp_path):
    (group,) = alerting.load([written(tmp_path, GOOD)])
    record, alert = group.rules

    assert (group.name, group.interval_ns, group.limit) == ("docker", 5_000_000_000, 3)
    assert record.name == "docker:dies:5m"
    assert isinstance(alert, alerting.AlertRule)
    assert (alert.hold_ns, alert.keep_firing_ns) == (60_000_000_000, 300_000_000_000)
    assert alert.labels["page"].text == "true"


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        (rule("alert: A\nexpr: increse(up[5m])"), (5, 15), "did you mean increase()?"),
        (rule("alert: A\nexpr: |\n  up ==\n    )"), (7, 13), "closes nothing"),
        (rule('alert: A\nexpr: "up{a=\\"b\\"} )"'), (5, 28), "closes nothing"),
        (rule("alert: A\nexpr: up\nexpression: x"), (6, 9), "unknown key 'expression'"),
        (rule("alert: A"), (4, 9), "key 'expr' is missing"),
        (rule("expr: up"), (4, 9), "neither alert nor record"),
        (rule("alert: A\nrecord: b\nexpr: up"), (4, 9), "both alert and record"),
        (rule("record: b\nexpr: up\nfor: 5m"), (6, 9), "belongs to alerts"),
        (rule("record: a-b\nexpr: up"), (4, 17), "not a metric name"),
        (rule("alert: A\nexpr: up\nfor: 5"), (6, 14), "is not a duration"),
        (rule("alert: A\nexpr: up\nlabels: {a-b: c}"), (6, 18), "not a label name"),
        (rule("alert: A\nexpr: up\nannotations:\n  summary: x {{ $v }}"), (7, 25), "unknown variable"),
        ("groups:\n  - name: a\n    query_offset: -1m\n    rules: []\n", (3, 19), "is not a duration"),
        ("groups:\n  - name: a\n  - name: a\n", (3, 11), "is here twice"),
        ("groups:\n  - rules: []\n", (2, 5), "key 'name' is missing"),
        ("groups: 5\n", (1, 9), "expected a list"),
        ("groups:\n  - name: a\n    rules: 5\n", (3, 12), "expected a list"),
        ("groups: []\ngroup: 1\n", (2, 1), "did you mean 'groups'"),
        ("groups:\n  - name: a\n    interval: 0s\n", (3, 15), "an interval of 0"),
    ],
)
def test_explains_a_mistake_where_it_is_made(tmp_path, text, place, what):
    with pytest.raises(RuleError) as caught:
        alerting.load([written(tmp_path, text)])

    (found,) = caught.value.mistakes
    assert what in found.what
    assert place == (found.line, found.column)


def test_tells_every_mistake_of_a_group(tmp_path):
    text = GOOD.replace("increase(", "increse(").replace("$value", "$valu").replace("limit: 3", "limit: -1")

    assert [found.line for found in sorted(gather([written(tmp_path, text)]).mistakes)] == [4, 7, 15]


def test_a_users_alert_stands_for_the_shipped_ones_of_its_name(tmp_path):
    (group,) = alerting.load([written(tmp_path, GOOD)])
    shipped = alerting.Group("docker", "x", 1, 0, group.rules, shipped=True)
    (kept, own) = alerting.loader.in_force([shipped, group])

    assert [rule.name for rule in kept.rules] == ["docker:dies:5m"]
    assert own == group


def test_a_disabled_alert_does_not_run(tmp_path):
    (group,) = alerting.load([written(tmp_path, GOOD)], disabled={"Dies"})

    assert [rule.name for rule in group.rules] == ["docker:dies:5m"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("alert: A\nexpr: docker_container_event_total > 1", "did you mean 'docker_container_events_total'?"),
        ('alert: A\nexpr: docker_events_total{typ="a"} > 1', "did you mean 'type'?"),
        ("alert: A\nexpr: up == 0\nfor: 1s", "for is shorter than the interval of 15s"),
        ("alert: A\nexpr: up == 0\nlabels: {v: '{{ $value }}'}", "each new value is a new alert"),
        ("alert: A\nexpr: up == 0\nlabels: {v: '{{ if gt $value 5.0 }}a{{ end }}'}", "each new value is a new alert"),
        (
            "alert: A\nexpr: up == 0\nlabels: {v: '{{ if $labels.a }}{{ $value | humanize }}{{ end }}'}",
            "each new value",
        ),
        ("alert: A\nexpr: up == 0", "has no label severity"),
        ("alert: A\nexpr: up == 0", "has no annotation summary"),
        ("alert: A\nexpr: up == 0", "has no annotation description"),
    ],
)
def test_warns_of_what_is_probably_not_meant(tmp_path, text, what):
    found = check([written(tmp_path, rule(text))], ())

    assert any(what in each.what and each.warning for each in found)


def test_has_nothing_to_say_about_a_good_file(tmp_path):
    assert check([written(tmp_path, GOOD)], ()) == []


@pytest.mark.parametrize("text", ["groups:\n", "groups:\n  - name: g\n    rules:\n"], ids=["groups", "rules"])
def test_nothing_under_a_key_is_an_empty_list(tmp_path, text):
    assert [group.rules for group in alerting.load([written(tmp_path, text)])] == []


def test_a_selector_without_a_name_is_not_looked_up(tmp_path):
    found = check([written(tmp_path, rule("alert: A\nexpr: 'count({job=\"x\"}) > 1'"))], ())

    assert [each.what for each in found if "makes the metric" in each.what] == []


def test_an_empty_expression_is_none(tmp_path):
    (found,) = gather([written(tmp_path, rule("alert: A\nexpr: ' '"))]).mistakes

    assert "the expression is empty" in found.what


def test_labels_of_a_group_are_those_of_rules_without_them(tmp_path):
    text = """\
groups:
  - name: g
    labels: {team: infra, severity: "{{ $labels.level }}"}
    rules:
      - {alert: A, expr: up, labels: {severity: info}}
      - {alert: B, expr: up}
      - {record: a:b, expr: up}
"""
    (group,) = alerting.load([written(tmp_path, text)])
    first, second, record = group.rules

    assert {name: template.text for name, template in first.labels.items()} == {"team": "infra", "severity": "info"}
    assert second.labels["severity"].text == "{{ $labels.level }}"
    assert dict(record.labels) == {"team": "infra", "severity": "{{ $labels.level }}"}


def test_a_mistake_in_labels_of_a_group_has_its_place(tmp_path):
    text = "groups:\n  - name: g\n    labels: {team: '{{ $x }}'}\n    rules: [{alert: A, expr: up}]\n"
    found = gather([written(tmp_path, text)]).mistakes

    assert [(each.line, "unknown variable '$x'" in str(each)) for each in found] == [(3, True)]


def test_a_second_document_is_a_warning_because_prometheus_loads_the_first(tmp_path):
    path = tmp_path / "two.yml"
    path.write_text("groups: [{name: g, rules: [{alert: A, expr: up}]}]\n---\ngroups: []\n")
    loaded = gather([path])

    assert [(found.line, found.warning) for found in loaded.mistakes] == [(2, True)]
    assert [group.name for group in loaded.groups] == ["g"]
