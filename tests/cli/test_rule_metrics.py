"""rules metrics tells what is counted, and by which rules."""

from pathlib import Path

import pytest
from commandline import call

RULES = """
events:
  - event: daemon.thing
    name: thing
    match: 'msg="known thing"'
    metrics:
      - {counter: things_total, help: Things., labels: {name: '{event.name}'}}
  - event: daemon.warning
    name: any
    match: 'msg="known'
    metrics:
      - {counter: things_total, help: Things., labels: {name: '{event.name}'}}
"""


@pytest.fixture
def rules(tmp_path: Path) -> str:
    path = tmp_path / "things.yml"
    path.write_text(RULES)
    return str(path)


def test_metrics_of_rules_and_built_in_ones(rules: str) -> None:
    rows = {row["name"]: row for row in call("rules", "metrics", "--rules", rules, "--format", "jsonl").rows}

    assert rows["things_total"] == {
        "name": "things_total",
        "type": "counter",
        "labels": ["name"],
        "help": "Things.",
        "origin": "things/thing, things/any",
    }
    assert rows["docker_events_total"]["labels"] == ["type", "action"]
    assert rows["docker_events_total"]["origin"] == "built-in"
    assert {"logwatch_build_info", "process_open_fds"} <= rows.keys()


def test_metrics_as_a_table(rules: str) -> None:
    lines = call("rules", "metrics", "--rules", rules).out.splitlines()

    assert lines[1].split() == ["things_total", "counter", "name", "things/thing,", "things/any"]
