"""Tests with lines, written for promtool."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rehearsing import house, need_promtool, passes, promtool

from logwatch.ruletests import load
from logwatch.ruletests.input_series import NoSample, Step, values
from logwatch.ruletests.promtool import notated, write

ID = "8dd3a1b2c3d4" + 52 * "a"
DIED = f'Nov 23 18:12:57 vm dockerd[42]: time="2026-11-23T18:12:57.700000000Z" level=info msg="ignoring event" container={ID} module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"'
ALERTS = """
groups:
- name: containers
  rules:
  - alert: Dies
    expr: sum by (name) (docker_container_events_total{action="die"}) > 2
  - alert: DiedJustNow
    expr: time() - docker_container_last_event_timestamp_seconds{action="die"} < 20
    annotations: {summary: '{{ $labels.name }} died.'}
  - alert: SeriesOfItsOwn
    expr: up == 0
"""
TESTS = f"""
rule_files: [alerts.yml]
evaluation_interval: 15s
tests:
- name: dies four times
  input_lines: [{{at: 10s, times: 4, every: 20s, line: '{DIED}'}}]
  input_series: [{{series: 'up{{job="x"}}', values: '1x3 0x9'}}]
  event_test: [{{eval_time: 2m, event: container.die, exp_count: 4}}]
  alert_rule_test:
  - {{eval_time: 45s, alertname: Dies}}
  - {{eval_time: 1m, alertname: Dies, exp_alerts: [{{exp_labels: {{name: 8dd3a1b2c3d4}}}}]}}
  - eval_time: 15s
    alertname: DiedJustNow
    exp_alerts:
    - exp_labels: {{name: 8dd3a1b2c3d4, action: die, job: logwatch, instance: 'localhost:19979'}}
      exp_annotations: {{summary: 8dd3a1b2c3d4 died.}}
  - {{eval_time: 1m45s, alertname: DiedJustNow}}
  - {{eval_time: 2m, alertname: SeriesOfItsOwn, exp_alerts: [{{exp_labels: {{job: x}}}}]}}
  promql_expr_test:
  - {{expr: 'changes(docker_container_events_total{{action="die"}}[2m])', eval_time: 2m, exp_samples: [{{labels: '{{action="die", instance="localhost:19979", job="logwatch", name="8dd3a1b2c3d4"}}', value: 3}}]}}
- name: says nothing that promtool understands
  input_lines: [{{at: 10s, line: '{DIED}'}}]
  event_test: [{{eval_time: 2m, event: container.die, exp_count: 1}}]
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The folder that the tests above are written into."""
    (tmp_path / "alerts.yml").write_text(ALERTS)
    (tmp_path / "test.yml").write_text(TESTS)
    (file,), mistakes = load([tmp_path / "test.yml"])
    assert not mistakes
    (tmp_path / "out").mkdir()
    write(house(), file, file.cases, tmp_path / "out")
    return tmp_path / "out"


@pytest.mark.e2e
def test_promtool_gives_the_same_verdict(written: Path) -> None:
    need_promtool()
    status, output = promtool("test.yml", folder=written)

    assert status == 0, output
    assert passes(written.parent / "test.yml")


def test_what_is_written_is_a_test_file_of_ours_too(written: Path) -> None:
    assert passes(written / "test.yml")


def test_the_series_are_those_that_the_rules_read(written: Path) -> None:
    (case,) = yaml.safe_load((written / "test.yml").read_text())["tests"]

    names = {series["series"].partition("{")[0] for series in case["input_series"]}

    assert names == {"up", "docker_container_events_total", "docker_container_last_event_timestamp_seconds"}


def test_a_counter_is_told_as_a_scrape_finds_it(written: Path) -> None:
    (case,) = yaml.safe_load((written / "test.yml").read_text())["tests"]

    dies = {s["series"]: s["values"] for s in case["input_series"] if 'action="die"' in s["series"]}

    assert list(dies.values()) == ["_ 1 1 2 3 4x3", "_ 10 10 30 50 70x3"]


def test_an_existing_file_is_not_overwritten(written: Path) -> None:
    (file,), _ = load([written.parent / "test.yml"])

    assert write(house(), file, file.cases, written) == written / "test-2.yml"


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ([1.0, 1.0, 1.0, 2.0, 2.0], "1x2 2 2"),
        (
            [NoSample.OMITTED, NoSample.OMITTED, 0.5, NoSample.STALE, NoSample.OMITTED, -1e-7],
            "_x2 0.5 stale _ -0.0000001",
        ),
        ([1e16, float("inf"), float("-inf")], "10000000000000000 Inf -Inf"),
        ([1.0, NoSample.OMITTED, NoSample.OMITTED], "1"),
        ([], ""),
    ],
)
def test_samples_are_written_in_promtools_notation(steps: list[Step], text: str) -> None:
    assert notated(steps) == text


@given(st.lists(st.sampled_from([NoSample.OMITTED, NoSample.STALE]) | st.floats(allow_nan=False), max_size=12))
def test_the_notation_is_read_as_it_was_meant(steps: list[Step]) -> None:
    assert values(notated([*steps, 1.0])) == [*steps, 1.0]
