"""`logwatch rules export`: what a Prometheus then evaluates is what is in force here."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from commandline import call

from logwatch import alerting
from logwatch.alerting import AlertRule
from logwatch.rulefiles.files import fleet_files, rules_folder

SHIPPED = sorted((rules_folder() / "alerts").glob("*.yml"))
OWN = """\
groups:
  - name: own
    interval: 10s
    rules:
      - record: mine
        expr: vector(1)
      - alert: DockerContainerOomKilled
        expr: |
          vector(1)
          > 0
        annotations: {summary: Mine.}
      - &again
        alert: Again
        expr: vector(2)
      - <<: *again
        alert: AndAgain
  - name: without an interval
    rules:
      - alert: Third
        expr: vector(3)
"""


def exported(tmp_path: Path, *arguments: str) -> dict[str, dict]:
    result = call("rules", "export", str(tmp_path / "out"), *arguments)
    assert result.status == 0, result.err
    return {path.name: yaml.safe_load(path.read_text()) for path in (tmp_path / "out").iterdir()}


def test_everything_shipped_is_exported_as_it_is(tmp_path: Path) -> None:
    found = exported(tmp_path, "--fleet")

    assert found == {path.name: yaml.safe_load(path.read_text()) for path in [*SHIPPED, *fleet_files()]}
    written = alerting.load(sorted((tmp_path / "out").iterdir()))
    assert {rule.name for group in written for rule in group.rules} == {
        rule.name for group in alerting.load([*SHIPPED, *fleet_files()]) for rule in group.rules
    }


def test_what_is_disabled_or_replaced_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_text(OWN)
    (tmp_path / "logwatch.yml").write_text("rules: {disable: [Watchdog, Again, LogwatchHostSilent]}\n")
    arguments = ("--rules", str(tmp_path / "own.yml"), "--config.file", str(tmp_path / "logwatch.yml"), "--fleet")
    exported(tmp_path, *arguments)
    names = [
        rule.name
        for group in alerting.load(sorted((tmp_path / "out").iterdir()))
        for rule in group.rules
        if isinstance(rule, AlertRule)
    ]

    assert {"Watchdog", "Again", "LogwatchHostSilent"} & set(names) == set()
    assert {"AndAgain", "Third", "DockerContainerRestartLoop"} < set(names)
    assert names.count("DockerContainerOomKilled") == 1
    assert "expr: |\n      vector(1)\n      > 0\n" in (tmp_path / "out" / "own.yml").read_text()


def test_no_group_is_evaluated_more_often_than_asked_for(tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_text(OWN)
    arguments = ("--rules", str(tmp_path / "own.yml"), "--no-shipped-rules", "--interval", "1m", "--fleet")
    found = exported(tmp_path, *arguments)

    assert set(found) == {"own.yml", "docker-fleet.yml"}
    assert [group.get("interval") for group in found["own.yml"]["groups"]] == ["1m", None]
    longer = exported(tmp_path, *arguments[:-3], "--interval", "5s")
    assert [group.get("interval") for group in longer["own.yml"]["groups"]] == ["10s", None]


def test_files_of_one_name_are_all_written(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "own.yml").write_text(OWN.replace("own", name))
    found = exported(tmp_path, "--rules", str(tmp_path / "a"), "--rules", str(tmp_path / "b"), "--no-shipped-rules")

    assert {name: tree["groups"][0]["name"] for name, tree in found.items()} == {"own.yml": "a", "own-2.yml": "b"}


def test_the_operators_resources_hold_the_same_groups(tmp_path: Path) -> None:
    found = exported(tmp_path, "--form", "operator")
    resource = found["docker-host.yml"]

    assert (resource["apiVersion"], resource["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert resource["metadata"]["name"] == "logwatch-docker-host"
    assert resource["spec"] == yaml.safe_load((rules_folder() / "alerts" / "docker-host.yml").read_text())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--interval", "often"), "--interval: 'often' is not a duration"),
        (("--rules", "missing.yml"), "file or folder not found"),
    ],
)
def test_a_mistake_writes_nothing(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    result = call("rules", "export", str(tmp_path / "out"), *arguments)

    assert result.status == 2
    assert said in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.e2e
def test_prometheus_loads_what_is_written(tmp_path: Path, need: Callable[..., None]) -> None:
    need("promtool")
    exported(tmp_path, "--fleet", "--interval", "30s")
    files = sorted(str(path) for path in (tmp_path / "out").iterdir())
    command = ["promtool", "check", "rules", "--lint=all", "--lint-fatal", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
