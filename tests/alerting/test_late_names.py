"""Alerts follow a container whose name is learned after its first events."""

from pathlib import Path

import pytest

from logwatch.alerting import load
from logwatch.metrics import Registry
from logwatch.model import SECOND, Alert, Chunk
from logwatch.pipeline import Pipeline, Settings
from logwatch.rulefiles.loader import load as load_rules

WEB = "3fa1c0de5b7e4d28860f1c5ab7e92d34c6a8f0e1b2d3948576a0c1e2f3d4b596"
SHORT = WEB[:12]
T0 = 1_695_052_920 * SECOND  # 2023-09-18T16:02:00Z
NOW = 2_000_000_000 * SECOND
ALERTS = """\
groups:
  - name: test
    interval: 5s
    rules:
      - alert: Oom
        expr: increase(docker_container_events_total{action="oom"}[10m]) > 0
        for: %s
        annotations: {summary: "{{ $labels.name }} ran out of memory"}
"""
OOM = f'level=info msg="received oom event" container={WEB}'


def docker_events(second: int, action: str) -> str:
    nano = T0 + second * SECOND
    actor = f'{{"ID":"{WEB}","Attributes":{{"image":"nginx","name":"web"}}}}'
    text = f'{{"Type":"container","Action":"{action}","Actor":{actor},"time":{nano // SECOND},"timeNano":{nano}}}'
    return f"2023-09-18T16:02:{second:02d}.000000+00:00 vm docker-events: {text}"


def kernel(second: int) -> str:
    memory = f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset={WEB},mems_allowed=0"
    group = f"oom_memcg=/docker/{WEB},task_memcg=/docker/{WEB},task=dd,pid=77,uid=0"
    return f"2023-09-18T16:02:{second:02d}.000000+00:00 vm kernel: [ 8044.1] {memory},{group}"


def engine(second: int) -> str:
    own = f'time="2023-09-18T16:02:{second:02d}.000000001Z" level=info'
    return f'2023-09-18T16:02:{second:02d}.000000+00:00 vm dockerd[7]: {own} msg="ignoring event" container={WEB} type="*events.TaskDelete"'


@pytest.fixture
def pipeline(tmp_path: Path, request: pytest.FixtureRequest) -> Pipeline:
    path = tmp_path / "alerts.yml"
    path.write_text(ALERTS % request.param)
    rules = load_rules([path], shipped=True)
    groups = load([path], interval_ns=15 * SECOND)
    return Pipeline(rules.rules, (), Settings(), Registry(), None, groups)


def read(pipeline: Pipeline, *lines: str, until: int) -> list[Alert]:
    """What receivers are sent after these lines, at a second."""
    if lines:
        pipeline.process(Chunk("".join(f"{line}\n" for line in lines).encode(), "messages", 0, 0), NOW)
    pipeline.advance(T0 + until * SECOND)
    return pipeline.alerts.outgoing(T0 + until * SECOND)


@pytest.mark.parametrize("pipeline", ["0s"], indirect=True)
def test_a_firing_alert_goes_on_under_the_name_since_the_same_time(pipeline: Pipeline) -> None:
    (first,) = read(pipeline, engine(1), kernel(2), until=12)
    both = {each.labels["name"]: each for each in read(pipeline, docker_events(14, "start"), until=14)}

    assert (first.labels["name"], first.state) == (SHORT, "firing")
    assert {name: each.state for name, each in both.items()} == {SHORT: "resolved", "web": "firing"}
    assert both["web"].starts_ns == first.starts_ns
    assert both["web"].annotations["summary"] == "web ran out of memory"

    later = {each.labels["name"]: each for each in read(pipeline, until=40)}

    assert {name: each.state for name, each in later.items()} == {SHORT: "resolved", "web": "firing"}
    assert later["web"].starts_ns == first.starts_ns


@pytest.mark.parametrize("pipeline", ["20s"], indirect=True)
def test_a_pending_alert_does_not_begin_again(pipeline: Pipeline) -> None:
    pending = read(pipeline, engine(1), kernel(2), until=12)
    read(pipeline, docker_events(14, "start"), until=14)
    (fired,) = read(pipeline, until=36)

    assert pending == []
    assert (fired.labels["name"], fired.state) == ("web", "firing")
    assert fired.starts_ns <= T0 + 31 * SECOND


@pytest.mark.parametrize("pipeline", ["0s"], indirect=True)
def test_an_alert_that_follows_is_the_same_after_a_restart(pipeline: Pipeline) -> None:
    read(pipeline, engine(1), kernel(2), until=12)
    read(pipeline, docker_events(14, "start"), until=14)
    rows = pipeline.take_transaction(pipeline.take_outcomes()).stages
    alerts = [row for (stage, _), row in rows.items() if stage == "alerts" and row and '"firing"' in row]

    assert any('"web"' in row for row in alerts)
    assert not any(f'"name":"{SHORT}"' in row for row in alerts)
