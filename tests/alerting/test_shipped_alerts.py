"""The alerts that come with logwatch: what each of them must have."""

from pathlib import Path

import pytest

from logwatch import alerting
from logwatch.alerting.lint import check
from logwatch.build import Builder
from logwatch.config import Config
from logwatch.metrics import Registry
from logwatch.model import SECOND
from logwatch.rulefiles.files import fleet_files, rules_folder

REPOSITORY = Path(__file__).parents[2]
FILES = sorted((rules_folder() / "alerts").glob("*.yml"))
GROUPS = alerting.load(FILES)
SHIPPED = [rule for group in GROUPS for rule in group.rules if isinstance(rule, alerting.AlertRule)]
FLEET = [rule for group in alerting.load(fleet_files()) for rule in group.rules if isinstance(rule, alerting.AlertRule)]
"""For a Prometheus that has the series of many hosts."""


def named(rule: alerting.AlertRule) -> str:
    return rule.name


def test_every_alert_has_a_runbook_and_every_runbook_an_alert():
    pages = {path.stem for path in (REPOSITORY / "docs" / "runbooks").glob("*.md")}

    assert sorted(rule.name for rule in [*SHIPPED, *FLEET]) == sorted(pages)


@pytest.mark.parametrize("rule", [*SHIPPED, *FLEET], ids=named)
def test_says_what_is_wrong_and_where_to_read_on(rule):
    texts = {name: template.text for name, template in rule.annotations.items()}

    assert texts["runbook_url"] == f"docs/runbooks/{rule.name}.md"
    assert texts["summary"].endswith(".")
    assert "{{" not in texts["summary"]
    assert texts["description"].endswith(".")
    assert rule.labels["severity"].text in {"critical", "warning", "info", "none"}
    assert (REPOSITORY / texts["runbook_url"]).read_text().startswith(f"# {rule.name}\n")


@pytest.mark.parametrize("rule", [*SHIPPED, *FLEET], ids=named)
def test_the_manual_lists_it(rule):
    assert f"(runbooks/{rule.name}.md)" in (REPOSITORY / "docs" / "alerts.md").read_text()


def test_check_finds_nothing_in_them():
    assert check([*FILES, *fleet_files()], Builder(Config(), Registry(), None).rules().rules) == []


def test_run_loads_them_unless_told_not_to():
    def names(**rules: object) -> set[str]:
        builder = Builder(Config.model_validate({"rules": rules}), Registry(), None)
        groups = alerting.load(builder.rules().alert_files, disabled=builder.config.rules.disable)
        return {rule.name for group in groups for rule in group.rules}

    everything = {rule.name for rule in SHIPPED}

    assert names() == everything
    assert names(disable=["Watchdog"]) == everything - {"Watchdog"}
    assert names(shipped=False) == set()


@pytest.mark.parametrize(
    "name", ["docker-container-events", "docker-images", "docker-storage", "docker-kernel", "logwatch-log"]
)
def test_events_are_told_within_five_seconds(name):
    (group,) = (group for group in GROUPS if group.name == name)

    assert group.interval_ns == 5 * SECOND
    assert {rule.hold_ns for rule in group.rules} == {0}
