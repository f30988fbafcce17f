"""Tests that give log lines: stamps, events, metrics, notifications, restarts."""

import gzip
from pathlib import Path

import pytest
from rehearsing import passes, verdicts

ID = "8dd3a1b2c3d4" + 52 * "a"
DIED = f'Nov 23 18:12:57 vm dockerd[42]: time="2026-11-23T18:12:57.700000000Z" level=info msg="ignoring event" container={ID} module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"'
TOLD = f'<13>1 2026-11-23T18:12:58.765572+00:00 vm docker-events 25668 - -  {{"Type":"container","Action":"die","Actor":{{"ID":"{ID}","Attributes":{{"exitCode":"137","name":"web"}}}},"scope":"local","time":1795457578,"timeNano":1795457578761391662}}'
PLAIN = f"2026-11-23T18:12:57.401118822Z container die {ID} (exitCode=137, image=postgres:13, name=db)"
ALERTS = """
groups:
- name: containers
  interval: 5s
  rules:
  - alert: Dies
    expr: sum by (name) (increase(docker_container_events_total{action="die"}[1m])) > 0
    keep_firing_for: 30s
    annotations: {summary: '{{ $labels.name }} died.'}
"""


@pytest.fixture
def write(tmp_path: Path):
    (tmp_path / "alerts.yml").write_text(ALERTS)

    def written(test: str) -> Path:
        (tmp_path / "test.yml").write_text(f"rule_files: [alerts.yml]\nevaluation_interval: 15s\ntests:\n{test}")
        return tmp_path / "test.yml"

    return written


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (DIED, "{at: 10s, id: 8dd3a1b2c3d4, host: vm, attributes: {exit_code: null}}"),
        (DIED.split(" vm ")[1], "{at: 10s, host: host}"),
        (TOLD, "{at: 10s, name: web, attributes: {exit_code: '137', cause: signal}, exact: true}"),
        (f"docker-events[7]: {PLAIN}", "{at: 10s, name: db, rule: docker-events/event}"),
    ],
    ids=["an engine's", "from the tag on", "docker events", "docker events as text"],
)
def test_a_line_is_written_when_the_test_says(line: str, expected: str, write) -> None:
    path = write(
        f"- input_lines: [{{at: 10s, line: '{line}'}}]\n"
        "  event_test:\n"
        "  - {eval_time: 9s, exp_events: []}\n"
        f"  - {{eval_time: 12s, event: container.die, exp_events: [{expected}]}}\n"
    )

    (verdict,) = verdicts(path)

    assert verdict.failures == ()


def test_several_lines_keep_their_distances(write) -> None:
    later = DIED.replace(":57", ":59")
    path = write(
        f"- input_lines: [{{at: 10s, times: 2, every: 5s, lines: ['{DIED}', '{later}']}}]\n"
        "  event_test: [{eval_time: 1m, event: container.die, exp_events: [{at: 10s}, {at: 12s}, {at: 15s}, {at: 17s}]}]\n"
    )

    assert passes(path)


def test_lines_of_a_file_keep_their_stamps(write, tmp_path: Path) -> None:
    (tmp_path / "messages.gz").write_bytes(gzip.compress(f"{DIED}\n".encode()))
    path = write(
        "- input_lines: [{file: messages.gz}]\n"
        "  event_test: [{eval_time: 30s, event: container.die, exp_events: [{at: 12s700ms}]}]\n"  # after 18:12:45
    )

    assert passes(path)


@pytest.mark.parametrize(
    "expected",
    [
        "exp_events: []",
        "exp_count: 2",
        "exp_events: [{id: 8dd3}]",
        "exp_events: [{name: other}]",
        "exp_events: [{at: 11s}]",
        "exp_events: [{severity: error}]",
        "exp_events: [{attributes: {exit_code: '1'}}]",
        "exp_events: [{attributes: {name: null}, exact: true}]",
        "exp_events: [{}, {}]",
    ],
)
def test_an_event_that_is_otherwise_fails(expected: str, write) -> None:
    path = write(
        f"- input_lines: [{{at: 10s, line: '{TOLD}'}}]\n"
        f"  event_test: [{{eval_time: 1m, event: 'container.d*', {expected}}}]\n"
    )

    (verdict,) = verdicts(path)

    assert [failure.what for failure in verdict.failures] == ["events container.d* until 1m"]


@pytest.mark.parametrize(
    ("samples", "good"),
    [
        ("exp_samples: [{labels: 'docker_container_events_total{name=\"web\",action=\"die\"}', value: 1}]", True),
        ("exp_samples: [{labels: 'docker_container_events_total{name=\"web\",action=\"die\"}', value: 2}]", False),
        ("exp_samples: [{labels: 'docker_container_events_total{name=\"db\",action=\"die\"}'}]", True),
        ("exp_samples: [{labels: 'docker_container_events_total{name=\"web\",action=\"die\"}', value: null}]", False),
        ("metric: docker_container_exit_code, exp_samples: [{labels: 'docker_container_exit_code{name=\"web\"}', value: 137}]", True),
        ("metric: docker_container_exit_code", False),
    ],
)  # fmt: skip
def test_metrics_are_those_that_are_served(samples: str, good: bool, write) -> None:
    path = write(f"- input_lines: [{{at: 10s, line: '{TOLD}'}}]\n  metric_test: [{{eval_time: 1m, {samples}}}]\n")

    assert passes(path) == good


STORY = f"- input_lines: [{{at: 10s, line: '{TOLD}'}}]\n"


@pytest.mark.parametrize(
    ("expected", "good"),
    [
        ("[{status: firing}, {status: resolved}]", True),
        ("[{status: firing, at: 15s, exp_evidence: ['\"exitCode\":\"137\"', docker-events]}, {status: resolved, at: 1m45s}]", True),
        ("[{status: firing, exp_labels: {name: web}, exp_annotations: {summary: web died.}}, {status: resolved}]", True),
        ("[{status: firing}]", False),
        ("[{status: firing, at: 30s}, {status: resolved}]", False),
        ("[{status: firing, exp_labels: {name: db}}, {status: resolved}]", False),
        ("[{status: firing, exp_annotations: {}}, {status: resolved}]", False),
        ("[{status: firing, exp_evidence: containerd}, {status: resolved}]", False),
        ("[]", False),
    ],
)  # fmt: skip
def test_notifications_are_those_that_receivers_get(expected: str, good: bool, write) -> None:
    path = write(STORY + f"  notification_test: [{{eval_time: 10m, alertname: Dies, exp_notifications: {expected}}}]\n")

    assert passes(path) == good


def test_notifications_carry_the_external_labels_and_alerts_do_not(write) -> None:
    path = write(
        STORY
        + "  external_labels: {region: eu}\n"
        + "  notification_test: [{eval_time: 1m, alertname: Dies, exp_notifications: [{status: firing, exp_labels: {name: web, region: eu}}]}]\n"
        + "  alert_rule_test: [{eval_time: 1m, alertname: Dies, exp_alerts: [{exp_labels: {name: web}, exp_annotations: {summary: web died.}}]}]\n"
    )

    assert passes(path)


@pytest.mark.parametrize("at", ["10s", "[12s, 1m10s]", "30s"])
def test_a_restart_changes_nothing(at: str, write) -> None:
    path = write(
        STORY
        + f"  restart_at: {at}\n"
        + "  event_test: [{eval_time: 2m, event: container.die, exp_count: 1}]\n"
        + "  notification_test: [{eval_time: 10m, alertname: Dies, exp_notifications: [{status: firing, at: 15s}, {status: resolved}]}]\n"
        + "  promql_expr_test: [{expr: 'sum(docker_container_events_total{action=\"die\"})', eval_time: 90s, exp_samples: [{value: 1}]}]\n"
    )

    assert passes(path)


def test_series_of_a_test_stand_for_those_of_the_lines(write) -> None:
    path = write(
        STORY
        + "  input_series: [{series: 'docker_container_events_total{name=\"db\"}', values: '5x10'}]\n"
        + "  promql_expr_test:\n"
        + "  - {expr: docker_container_events_total, eval_time: 1m, exp_samples: [{labels: 'docker_container_events_total{name=\"db\"}', value: 5}]}\n"
        + '  - {expr: \'docker_container_exit_code\', eval_time: 1m, exp_samples: [{labels: \'docker_container_exit_code{name="web",job="logwatch",instance="localhost:19979"}\', value: 137}]}\n'
    )

    assert passes(path)


def test_the_default_start_is_one_of_the_evaluations(write) -> None:
    """As is every multiple of the interval since 1970."""
    path = write(
        STORY
        + "  alert_rule_test: [{eval_time: 14s, alertname: Dies, exp_alerts: [{exp_labels: {name: web}, exp_annotations: {summary: web died.}}]}]\n"
    )
    path.write_text(path.read_text().replace("15s", "7s"))

    assert passes(path)
