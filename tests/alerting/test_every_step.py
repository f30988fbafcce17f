"""Skipping the times at which nothing can change gives the alerts of an evaluation of everything at every time."""

from __future__ import annotations

import lzma
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logwatch import alerting
from logwatch.alerting import Alerts, Group, Options
from logwatch.alerting.loader import load
from logwatch.build import Builder
from logwatch.config.settings import Alerting, Config
from logwatch.metrics import Registry
from logwatch.model import SECOND, Alert, Chunk, Family
from logwatch.pipeline import Pipeline
from logwatch.rulefiles.files import rules_folder

RECORDINGS = Path(__file__).parents[1] / "data/recordings"
NOW = 1_795_500_000 * SECOND
STEP = 5 * SECOND
TARGETS = {"job": "logwatch", "instance": "h:1"}


class EveryStep(Alerts):
    """The slow twin: every part of every rule at every step."""

    def evaluate(self, time_ns: int) -> bool:
        for group in self._groups:
            group.wake()
            for rule in group.rules:
                rule.live.invalidate()
                rule.due_ns = 0
        return super().evaluate(time_ns)


def ended_of(part: Alerts) -> list[Alert]:
    ended: list[Alert] = []
    part.on_resolved(ended.append)
    return ended


def told(alerts: Sequence[Alert]) -> list[tuple[object, ...]]:
    return sorted(
        (
            alert.rule,
            sorted(alert.labels.items()),
            sorted(alert.annotations.items()),
            alert.starts_ns,
            alert.ends_ns or 0,
            repr(alert.value),
        )
        for alert in alerts
    )


# ── recordings, and all shipped rules ────────────────────────────────────────────────


def pipeline(tmp_path: Path) -> Pipeline:
    builder = Builder(Config(alerting=Alerting(target_labels=TARGETS)), Registry(), tmp_path)
    return builder.pipeline(builder.rules())


@pytest.mark.parametrize("recording", ["info-traditional", "info-rfc5424-docker-events"])
def test_a_recording_gives_the_same_alerts(tmp_path: Path, recording: str) -> None:
    log = lzma.decompress((RECORDINGS / recording / "messages.xz").read_bytes())
    fast, slow = pipeline(tmp_path), pipeline(tmp_path)
    slow.alerts.__class__ = EveryStep
    ended = [ended_of(part.alerts) for part in (fast, slow)]
    for part in (fast, slow):
        part.process(Chunk(log, "m", 0, NOW), NOW)
    start_ns = fast.clock_ns // STEP * STEP
    fast.advance(start_ns + 1800 * SECOND)
    for time_ns in range(start_ns + STEP, start_ns + 1800 * SECOND + STEP, STEP):
        slow.advance(time_ns)
        slow.alerts.evaluate(time_ns)

    assert len(ended[0]) > 5
    assert told(ended[0]) == told(ended[1])
    assert told(fast.alerts.firing(0)) == told(slow.alerts.firing(0))


# ── any history of series ────────────────────────────────────────────────────────────

FAMILIES = [
    Family("docker_container_events_total", "counter", "Events.", ("name", "action")),
    Family("docker_container_last_event_timestamp_seconds", "gauge", "Last.", ("name", "action")),
    Family("docker_container_state", "gauge", "State.", ("name", "state")),
]
RULES = """
groups:
- name: quick
  interval: 5s
  limit: 3
  rules:
  - {record: 'name:dies:1m', expr: 'sum by (name) (increase(docker_container_events_total{action="die"}[1m]))'}
  - {alert: Loop, expr: 'name:dies:1m > 1', for: 10s, keep_firing_for: 20s, annotations: {summary: '{{ $value }}'}}
  - {alert: Pending, expr: 'docker_container_state{state="exited"} == 1', for: 40s}
  - {alert: Joined, expr: 'docker_container_events_total + on (name) docker_container_events_total{action="die"}'}
- name: slow
  interval: 15s
  rules:
  - {alert: Seen, expr: 'count(ALERTS{alertstate="firing"}) by (alertname) > 0', keep_firing_for: 1m}
  - {alert: Recent, expr: 'docker_container_last_event_timestamp_seconds > time() - 60', annotations: {summary: '{{ $value }}'}}
  - {alert: Missing, expr: 'absent(docker_container_state == 1)', for: 30s}
  - {alert: Moving, expr: 'time() - docker_container_last_event_timestamp_seconds > 100'}
  - {record: late, expr: 'count(docker_container_state)'}
- name: waits-for-late-samples
  interval: 5s
  query_offset: 33s
  rules:
  - {record: 'delayed', expr: 'docker_container_state'}
  - {alert: Delayed, expr: 'increase(docker_container_events_total[1m]) > 1', for: 10s, annotations: {summary: '{{ $value }}'}}
  - {alert: Ago, expr: 'time() - docker_container_last_event_timestamp_seconds < 20'}
- name: reads-earlier
  interval: 5s
  rules:
  - {alert: Late, expr: 'late > 2'}
  - {alert: Was, expr: 'max_over_time(delayed[1m]) + on (name, state) (delayed offset 20s) > 1'}
"""
CHANGES = st.lists(
    st.tuples(
        st.floats(0, 30).map(lambda gap: round(gap, 2)),
        st.sampled_from(FAMILIES).map(lambda family: family.name),
        st.sampled_from(["web", "db"]),
        st.sampled_from(["die", "start", "exited"]),
        st.sampled_from([0.0, 1.0, 1.0, 2.0, math.nan]),
        st.floats(0, 3).map(lambda late: round(late, 2)),
    ),
    max_size=30,
)


class Side:
    """Series with all groups over them."""

    def __init__(self, kind: type[Alerts], groups: Sequence[Group]) -> None:
        self.series = Registry(FAMILIES)
        self.alerts = kind(groups, Options(TARGETS), self.series)
        self.ended = ended_of(self.alerts)

    def change(self, name: str, labels: tuple[str, str], value: float, time_ns: int) -> None:
        if math.isnan(value):
            self.series.remove(name, labels, time_ns)
        elif name.endswith("_total"):
            self.series.add(name, labels, value, time_ns)
        else:
            self.series.set(name, labels, time_ns / SECOND if name.endswith("_seconds") else value, time_ns)

    def state(self) -> Iterator[tuple[object, ...]]:
        for group in self.alerts.report().groups:
            for rule in group.rules:
                yield rule.name, rule.health, rule.error
                for alert in rule.alerts:
                    yield (
                        rule.name,
                        *sorted(alert.labels.items()),
                        alert.state,
                        alert.active_ns,
                        alert.annotations,
                        alert.value,
                    )


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(CHANGES)
def test_any_history_gives_the_same_alerts_at_every_step(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[float, str, str, str, float, float]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "every-step.yml"
    path.write_text(RULES)
    fast, slow = Side(Alerts, load([path])), Side(EveryStep, load([path]))
    clock_ns, time_ns = 10_000 * SECOND, 10_000 * SECOND
    for gap, name, owner, action, value, late in [*changes, (200.0, FAMILIES[0].name, "web", "die", 1.0, 0.0)]:
        time_ns += int(gap * SECOND)
        due = fast.alerts.due(clock_ns, time_ns, lambda: None)
        due_ns = next(due, None)
        for step_ns in range(-(-clock_ns // STEP) * STEP, time_ns, STEP):
            if step_ns == due_ns:
                fast.alerts.evaluate(step_ns)
                due_ns = next(due, None)
            slow.alerts.evaluate(step_ns)
            assert sorted(map(repr, fast.state())) == sorted(map(repr, slow.state())), step_ns
        assert due_ns is None
        clock_ns = max(time_ns, clock_ns)
        for side in (fast, slow):
            side.change(name, (owner, action), value, time_ns - int(late * SECOND))

    assert told(fast.ended) == told(slow.ended)


def test_the_shipped_rules_are_what_is_compared() -> None:
    names = {
        rule.name for group in alerting.load(sorted((rules_folder() / "alerts").glob("*.yml"))) for rule in group.rules
    }

    assert {"DockerContainerRestartLoop", "DockerApiErrorRatio", "DockerContainerDown"} <= names
