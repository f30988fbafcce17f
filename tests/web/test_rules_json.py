"""Rules as the API tells them: in the form of Prometheus' own."""

from pathlib import Path

from logwatch import alerting
from logwatch.alerting import Alerts, Options
from logwatch.metrics import Registry
from logwatch.model import SECOND, Family
from logwatch.web.alerts import rules_json

DIES = Family("docker_container_events_total", "counter", "Events.", ("name", "action"))
RULES = f"""
groups:
- name: g
  interval: 5s
  rules:
  - {{alert: Died, expr: '{DIES.name} > 0', for: 1m, labels: {{severity: warning}}}}
  - {{alert: Broken, expr: '{DIES.name} + on () {DIES.name}'}}
  - {{record: 'died:count', expr: 'count({DIES.name})'}}
"""


def rules(tmp_path: Path, *seconds: int) -> dict[str, dict[str, object]]:
    path, series = tmp_path / "rules.yml", Registry([DIES])
    path.write_text(RULES)
    part = Alerts(alerting.load([path]), Options({}), series)
    for name in ("web", "db"):
        series.add(DIES.name, (name, "die"), 1, SECOND)
    for second in seconds:
        part.evaluate(second * SECOND)
    answer = rules_json(part.report(), lambda time_ns: f"{time_ns // SECOND} s")
    return {rule["name"]: rule for rule in answer["groups"][0]["rules"]}


def test_a_rule_that_fails_says_why(tmp_path: Path) -> None:
    broken = rules(tmp_path, 5, 10)["Broken"]

    assert (broken["health"], broken["lastEvaluation"], broken["state"]) == ("err", "10 s", "inactive")
    assert str(broken["lastError"]).startswith("found duplicate series for the match group")


def test_a_rule_that_goes_well_tells_of_no_error(tmp_path: Path) -> None:
    found = rules(tmp_path, 5)
    died, recorded = found["Died"], found["died:count"]

    assert (died["health"], died["state"], died["duration"], died["type"]) == ("ok", "pending", 60, "alerting")
    assert (recorded["health"], recorded["type"]) == ("ok", "recording")
    assert not {"lastError"} & (died.keys() | recorded.keys())


def test_before_its_first_evaluation_nothing_is_known_of_a_rule(tmp_path: Path) -> None:
    assert {rule["health"] for rule in rules(tmp_path).values()} == {"unknown"}
