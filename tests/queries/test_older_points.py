"""Queries see the past of a day as if all of it had stayed in memory."""

import random

import pytest
from kept_history import HOUR, OPTIONS, START, Everything, Kept

from logwatch import promql
from logwatch.model import SECOND

EXPRESSIONS = (
    "docker_container_events_total",
    "increase(docker_container_events_total[3h])",
    "sum by (name) (docker_container_state)",
    "max_over_time(docker_container_state[2h])",
    'docker_container_state{state="running"} == 1',
)
MINUTE = 60 * SECOND


@pytest.fixture
def kept(tmp_path):
    kept = Kept(tmp_path)
    yield kept
    kept.close()


def values(result):
    return {labels.identity(): value for labels, value in result}


def test_what_memory_has_dropped_is_in_the_answers(kept):
    twin = Everything()
    chance = random.Random(5)
    now_ns = START
    for turn in range(400):
        now_ns += chance.choice((1, 5, 20)) * MINUTE + chance.randrange(MINUTE)
        for registry in (kept.series, twin.series):
            name = f"c{turn % 3}"
            registry.add("docker_container_events_total", (name, "die"), 1 + turn % 2, now_ns)
            registry.set("docker_container_state", (name, "running"), float(turn % 5 > 1), now_ns)
            if turn % 7 == 6:
                registry.remove("docker_container_state", (name, "running"), now_ns)
        if turn % 3:
            kept.commit(now_ns)
        if turn % 50 == 40:
            kept.commit(now_ns)
            kept.restart()
    kept.commit(now_ns)

    index = promql.SeriesIndex(promql.Scrape(OPTIONS.target_labels))
    index.read(twin.series)
    with kept.queries(now_ns) as queries:
        for text in EXPRESSIONS:
            for ago in range(20):
                at_ns = now_ns - ago * HOUR - 7 * SECOND
                expected = promql.compile(text).evaluate_on(index, at_ns)
                assert values(queries.instant(text, at_ns)) == values(expected), (text, ago)


def test_a_series_from_before_the_day_keeps_its_value(kept):
    kept.series.add("docker_container_events_total", ("web", "die"), 5, START)
    kept.commit(START)
    for hour in range(1, 60):
        kept.series.add("docker_container_events_total", ("db", "die"), 1, START + hour * HOUR)
        kept.commit(START + hour * HOUR)
    now_ns = START + 60 * HOUR
    kept.series.add("docker_container_events_total", ("web", "die"), 1, now_ns)
    kept.commit(now_ns)

    with kept.queries(now_ns) as queries:
        deaths = {
            sample.labels["name"]: sample.value
            for sample in queries.instant("increase(docker_container_events_total[20h])", now_ns)
        }
    assert deaths == {"web": 1, "db": 19}


def test_older_points_go_after_the_retention(kept):
    for minute in range(0, 40 * 60, 10):
        kept.series.add("docker_container_events_total", ("web", "die"), 1, START + minute * MINUTE)
        kept.commit(START + minute * MINUTE)
    now_ns = START + 40 * HOUR

    with kept.queries(now_ns) as queries:
        (_, times, _), *_ = queries.kept.select("docker_container_events_total")
        steps = queries.ranged("docker_container_events_total", START, now_ns, HOUR)
    assert times[0] == 0
    assert now_ns - 25 * HOUR < times[1]
    (points,) = steps.values()
    assert points[0][0] >= now_ns - 24 * HOUR


def test_without_retention_only_what_rules_look_back_at_is_kept(tmp_path):
    kept = Kept(tmp_path, age_ns=0)
    for minute in range(0, 5 * 60, 10):
        kept.series.add("docker_container_events_total", ("web", "die"), 1, START + minute * MINUTE)
        kept.commit(START + minute * MINUTE)
    now_ns = START + 5 * HOUR

    with kept.queries(now_ns) as queries:
        (_, times, _), *_ = queries.kept.select("docker_container_events_total")
    kept.close()
    assert len(times) < 10


def test_old_lines_move_nothing(tmp_path):
    kept = Kept(tmp_path)
    for minute in range(0, 30 * 60, 30):  # a week ago, by the wall clock
        kept.series.add("docker_container_events_total", ("web", "die"), 1, START + minute * MINUTE)
        kept.commit(START + minute * MINUTE, START + 7 * 24 * HOUR)

    with kept.queries(START + 7 * 24 * HOUR) as queries:
        (_, times, _), *_ = queries.kept.select("docker_container_events_total")
    kept.close()
    assert len(times) < 10
