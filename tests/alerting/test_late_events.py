"""Lines that come late, and what alerts make of them."""

from datetime import UTC, datetime

import pytest

from logwatch import alerting
from logwatch.alerting import Alerts, Options
from logwatch.build import Builder, nanoseconds
from logwatch.config import load
from logwatch.driver import Driver
from logwatch.live import LivePublisher
from logwatch.metrics import Registry
from logwatch.model import SECOND, Chunk, Family, SourceStatus
from logwatch.notifiers import Dispatcher
from logwatch.status import Requests, StatusSnapshot
from logwatch.store import Store, Sync

DIES = Family("docker_container_events_total", "counter", "Events.", ("name", "action"))
MINUTE = 60 * SECOND


def rule(expr: str, interval: str = "5s") -> str:
    return f"groups:\n  - name: g\n    interval: {interval}\n    rules:\n      - alert: A\n        expr: {expr}\n"


@pytest.mark.parametrize(
    "expr",
    [
        "docker_container_events_total > 1",
        "increase(docker_container_events_total[30m]) > 1",
        "increase(docker_container_events_total[30m] offset 5m) > 1",
    ],
)
def test_a_late_event_counts_at_its_own_time_and_the_next_evaluation_sees_it(tmp_path, expr):
    path, series = tmp_path / "rules.yml", Registry([DIES])
    path.write_text(rule(expr))
    part = Alerts(alerting.load([path]), Options(), series)
    series.add(DIES.name, ("web", "die"), 1, 59 * MINUTE)
    for minute in (60, 80, 84):
        part.evaluate(minute * MINUTE)
    series.add(DIES.name, ("web", "die"), 1, 60 * MINUTE)  # 24 minutes late
    before = list(part.report().alerts)
    part.evaluate(84 * MINUTE + 5 * SECOND)
    ((_, times, values),) = series.select(DIES.name)

    assert (before, [each.labels["name"] for each in part.report().alerts]) == ([], ["web"])
    assert (list(times)[-2:], list(values)[-2:]) == ([59 * MINUTE, 60 * MINUTE], [1, 2])


def test_a_late_event_wakes_a_rule_that_rests(tmp_path):
    path, series = tmp_path / "rules.yml", Registry([DIES])
    path.write_text(rule("docker_container_events_total > 1"))
    part = Alerts(alerting.load([path]), Options(), series)
    series.add(DIES.name, ("web", "die"), 1, MINUTE)
    for minute in range(2, 100):
        part.evaluate(minute * MINUTE)
    series.add(DIES.name, ("web", "die"), 1, 2 * MINUTE)  # long out of every window
    part.evaluate(100 * MINUTE)

    assert [each.labels["name"] for each in part.report().alerts] == ["web"]


# ── alerting.lateness ────────────────────────────────────────────────────────────────

BEGIN_NS = int(datetime(2026, 11, 23, 18, 0, 0, tzinfo=UTC).timestamp()) * SECOND
LINE = (
    b"2026-11-23T18:00:04.000000+00:00 vm dockerd[42]: "
    b'time="2026-11-23T18:00:04.000000000Z" level=error msg="Could not log in"\n'
)


class Late:
    """A source whose only line comes at its time; waiting lets the clock go on."""

    finished = False

    def __init__(self, line_ns: int, end_ns: int) -> None:
        self.now_ns, self._line_ns, self._end_ns = BEGIN_NS, line_ns, end_ns
        self.is_over = False

    def read(self, now_ns):
        if now_ns < self._line_ns:
            return None
        self._line_ns = self._end_ns + SECOND
        return Chunk(LINE, "messages", 0, now_ns, live=True)

    def wait(self, timeout):
        self.now_ns += SECOND // 10
        self.is_over = self.now_ns > self._end_ns

    def status(self):
        return [SourceStatus("messages", True, None, 0, 0, 0, None)]

    def changed_rows(self):
        return {}

    def gaps(self):
        return ()

    def nothing(self, *_, **__):
        pass

    restore = committed = wake = close = nothing


@pytest.mark.parametrize(("lateness", "fires"), [("2s", [5]), ("0s", [])])
def test_a_line_is_in_its_evaluation_if_it_comes_within_the_lateness(tmp_path, lateness, fires):
    rules, config = tmp_path / "alerts.yml", tmp_path / "logwatch.yml"
    rules.write_text(rule('increase(docker_events_total{type="daemon",action="error"}[5s]) > 0'))
    config.write_text(f"alerting: {{lateness: {lateness}}}\nrules: {{paths: [{rules}]}}\nsources: {{timezone: UTC}}\n")
    configuration = load(config, {}, {}).config
    series = Registry()
    builder = Builder(configuration, series, tmp_path)
    rule_set = builder.rules()
    pipeline = builder.pipeline(rule_set)
    ended = []
    pipeline.alerts.on_resolved(ended.append)
    world = Late(BEGIN_NS + 5_500_000_000, BEGIN_NS + 25 * SECOND)
    store = Store(tmp_path / "state", datetime.now(UTC), sync=Sync.OFF)
    page = StatusSnapshot(tmp_path, rule_set, series.families(), Requests(world.wake), (), lambda: world.now_ns)
    publisher = LivePublisher(
        world, Dispatcher((), lambda: world.now_ns), page, nanoseconds(configuration.alerting.lateness)
    )
    Driver(world, "late", pipeline, publisher, store, lambda: world.now_ns, lambda: world.is_over).run()
    store.close()

    assert series.value("docker_events_total", ("daemon", "error")) == 1
    assert [(each.starts_ns - BEGIN_NS) // SECOND for each in ended if each.labels["alertname"] == "A"] == fires
