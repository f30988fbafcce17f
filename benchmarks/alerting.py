"""A turn of 500 alert rules over 10,000 series: 490 look at one container or all of one name, ten at everything."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable

from benchmarks.bench import Bench, Verdict
from logwatch import alerting
from logwatch.alerting import Alerts, Options
from logwatch.metrics import Registry
from logwatch.model import SECOND, Family

EVENTS = Family("docker_container_events_total", "counter", "Events.", ("name", "action"), max_series=20_000)
CONTAINERS, ACTIONS, RULES, SWEEPING = 500, 20, 500, 10
INTERVAL_NS = 5 * SECOND


def measure(bench: Bench) -> Iterable[Verdict]:
    """Let one series of each container move in each turn; the others have stood for minutes. The middle turn counts."""
    path = bench.folder / "alerts.yml"
    rules = "".join(f"      - {{alert: A{number}, expr: '{_expression(number)}'}}\n" for number in range(RULES))
    path.write_text(f"groups:\n  - name: g\n    interval: 5s\n    rules:\n{rules}")
    series = Registry([EVENTS])
    stage = Alerts(alerting.load([path]), Options({"job": "logwatch", "instance": "h:1"}), series)
    for container in range(CONTAINERS):
        for action in range(ACTIONS):
            series.add(EVENTS.name, (f"c{container}", f"a{action}"), 1, SECOND)
    took = [_turn(stage, series, number) for number in range(100, 102 + 3 * bench.rounds)][1:]
    yield Verdict(f"a turn of {RULES} alerts over 10,000 series", statistics.median(took) * 1000, 200, " ms")


def _turn(stage: Alerts, series: Registry, number: int) -> float:
    for container in range(CONTAINERS):
        series.add(EVENTS.name, (f"c{container}", "a1"), 1, number * INTERVAL_NS - 1)
    start = time.process_time()
    stage.evaluate(number * INTERVAL_NS)
    return time.process_time() - start


def _expression(number: int) -> str:
    if number < SWEEPING:
        return f"increase({EVENTS.name}[5m]) > {1000 + number}"
    if number % 2:
        return f'increase({EVENTS.name}{{name="c{number}"}}[5m]) > 3'
    return f'sum by (action) ({EVENTS.name}{{name=~"c{number}|x"}}) > time() - 1'
