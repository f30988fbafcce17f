from pathlib import Path

import pytest

from logwatch import alerting
from logwatch.alerting import Alerts, Options
from logwatch.metrics import Registry
from logwatch.model import SECOND, SampleChange

DROPPED = "logwatch_notifications_dropped_total"
GROUP = "groups: [{{name: g, interval: 15s, rules: [{{alert: A, expr: '{}'{}}}]}}]\n"


def stage(tmp_path: Path, expression: str, more: str = "") -> Alerts:
    path = tmp_path / "rules.yml"
    path.write_text(GROUP.format(expression, more))
    return Alerts(alerting.load([path]), Options({}), Registry())


def dropped(part: Alerts, second: int, *values: int) -> list[float]:
    samples = [SampleChange(DROPPED, (f"r{place}",), value, 0) for place, value in enumerate(values)]
    part.measure(second * SECOND, samples)
    return [alert.value for alert in part.report().alerts]


def test_what_was_counted_before_anybody_looked_is_no_increase(tmp_path):
    part = stage(tmp_path, f"increase({DROPPED}[15m]) > 0")
    values = [dropped(part, second, count) for second, count in ((1000, 7), (1020, 7), (1040, 9))]

    assert values == [[], [], [2.0]]


def test_a_counter_that_comes_later_was_born_since(tmp_path):
    part = stage(tmp_path, f"increase({DROPPED}[15m]) > 0")
    dropped(part, 1000, 7)

    assert dropped(part, 1020, 7, 3) == [3.0]


def test_a_reload_forgets_nothing_that_was_measured(tmp_path):
    before = stage(tmp_path, f"increase({DROPPED}[15m]) > 0")
    dropped(before, 1000, 0)
    dropped(before, 1020, 4)
    after = stage(tmp_path, f"increase({DROPPED}[14m]) > 0")
    after.resume_from(before)

    assert dropped(after, 1040, 5) == [5.0]


@pytest.mark.parametrize("more", ["", ", for: 15s"])
def test_a_clock_set_back_by_an_hour_ends_no_alert(tmp_path, more):
    part = stage(tmp_path, f"{DROPPED} > 5", more)
    seconds = (10_000, 10_020, 10_040, 10_000 - 3600, 10_020 - 3600, 10_040 - 3600)
    values = [dropped(part, second, count) for count, second in enumerate(seconds, 6)]

    assert values == [[6.0], [7.0], [8.0], [9.0], [10.0], [11.0]]


def test_a_clock_set_back_makes_no_increase_and_hides_none_to_come(tmp_path):
    part = stage(tmp_path, f"increase({DROPPED}[15m]) > 0")
    values = [dropped(part, second, count) for second, count in ((10_000, 3), (6400, 3), (6420, 4))]

    assert values == [[], [], [1.0]]


def test_a_clock_that_steps_back_a_little_is_waited_for(tmp_path):
    part = stage(tmp_path, f"{DROPPED} > 5")
    values = [dropped(part, second, count) for second, count in ((1000, 6), (985, 0), (1019, 0), (1020, 0))]

    assert values == [[6.0], [6.0], [], []]


def test_alerts_read_the_histogram_of_how_long_receivers_take(tmp_path):
    name = "logwatch_notifications_latency_seconds"
    part = stage(tmp_path, f"histogram_quantile(0.5, {name}_bucket) > 0 and on (receiver) {name}_count > 3")
    buckets = [SampleChange(f"{name}_bucket", ("r", bound), 4.0, 0) for bound in ("1.0", "5.0", "+Inf")]
    part.measure(1000 * SECOND, [*buckets, SampleChange(f"{name}_count", ("r",), 4.0, 0)])

    assert [(alert.labels["receiver"], alert.value) for alert in part.report().alerts] == [("r", 0.5)]
