"""The growth of counters, found at one look, is what the operators of the expression find one by one."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logwatch import promql
from logwatch.alerting import AlertRule, load
from logwatch.metrics.changepoints import ChangePoints
from logwatch.promql.growth import Growth, GrowthAbove
from logwatch.rulefiles.files import rules_folder

SECOND = 1_000_000_000
GROWTH = """a{{k="x"}} - (
  last_over_time(a{{k="x"}}[{look}] offset {range}) <= a{{k="x"}}
  or a{{k="x"}} * 0 and on (job) last_over_time(up[{look}] offset {range})
  or {lowest}
)"""
LOWEST = 'min_over_time(a{{k="x"}}[{range}])'
RANGES = [("2m", "10m"), ("1m", "1m"), ("10s", "1m"), ("1m", "10s")]
COMPARISONS = ["", "> 0", ">= 2", "> 2", ">= 0", "< 2", "== 1"]


def expression(comparison: str, look: str, range_: str, *, lowest: str = LOWEST) -> str:
    text = GROWTH.replace("{lowest}", lowest).format(look=look, range=range_)
    return f"{text} {comparison}" if comparison else text


def elements(result: list[promql.Sample] | float | list[tuple[promql.Labels, float]]) -> list[tuple[object, str]]:
    assert isinstance(result, list)
    return [(labels.identity(), repr(value)) for labels, value in result]


STEPS = st.tuples(
    st.sampled_from(["a1", "a1", "a1", "a2", "up"]),
    st.floats(0.1, 90).map(lambda seconds: round(seconds, 1)),
    st.sampled_from([1.0, 1.0, 1.0, 2.0, 0.0, -2.0, math.nan]),
    st.sampled_from([0, 0, 0, 7]),
)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, min_size=1, max_size=40), st.sampled_from(RANGES), st.booleans())
def test_is_what_the_operators_give(
    steps: list[tuple[str, float, float, int]], ranges: tuple[str, str], starts_known: bool
) -> None:
    index = promql.SeriesIndex(promql.Scrape({"job": "logwatch"}))
    plain = [promql.compile(expression(each, *ranges, lowest=LOWEST + " + 0")) for each in COMPARISONS]
    live = [promql.LiveQuery(promql.compile(expression(each, *ranges)), index.scrape) for each in COMPARISONS]
    for each in live:
        index.watch(each)
    points: dict[str, ChangePoints] = {}
    if starts_known:
        steps = [("up", 0.1, 1.0, 0), *steps]
    time_ns = evaluated_ns = 100_000 * SECOND

    def compare(until_ns: int) -> None:
        nonlocal evaluated_ns
        while evaluated_ns + 5 * SECOND < until_ns:
            evaluated_ns += 5 * SECOND
            for query, kept in zip(plain, live, strict=True):
                kept.update(evaluated_ns)
                expected = elements(query.evaluate_on(index, evaluated_ns))
                assert sorted(elements(kept.result()), key=str) == sorted(expected, key=str), (query.text, evaluated_ns)

    for name, seconds, amount, ahead in steps:
        time_ns += int(seconds * SECOND)
        compare(time_ns)
        known = points.setdefault(name, ChangePoints())
        before = known.values[-1] if known.times and not math.isnan(known.values[-1]) else 0.0
        known.put(time_ns + ahead * SECOND, max(0.0, before + amount) if amount == amount else amount)
        family, labels = ("up", {}) if name == "up" else ("a", {"k": "x", "n": name})
        if not index.touch(family, known.times, time_ns):
            index.add(family, labels, known.times, known.values)
    compare(time_ns + 900 * SECOND)


@pytest.mark.parametrize(
    "text",
    [
        expression("", "1h", "15m", lowest='max_over_time(a{{k="x"}}[15m])'),
        expression("", "1h", "15m", lowest='min_over_time(a{{k="x"}}[14m])'),
        expression("", "1h", "15m", lowest='min_over_time(a{{k="y"}}[15m])'),
        expression("", "1h", "15m").replace("<=", "<"),
        expression("", "1h", "15m").replace("* 0", "* 1"),
        expression("", "1h", "15m").replace("on (job)", ""),
        expression("", "1h", "15m").replace(" - (", " - on (n) ("),
        expression("", "1h", "15m").replace(" - (", " + ("),
        expression("", "1h", "15m").replace("<=", "<= bool"),
    ],
)
def test_another_expression_is_not_taken_for_it(text: str) -> None:
    assert "Growth" not in repr(promql.compile(text))


def test_it_is_recognised_wherever_shipped_alerts_count() -> None:
    counting = [
        rule.query
        for group in load(sorted((rules_folder() / "alerts").glob("*.yml")))
        for rule in group.rules
        if isinstance(rule, AlertRule) and "min_over_time" in rule.query.text
    ]

    assert len(counting) > 10
    for query in counting:
        assert repr(query).count(f"{Growth.__name__}(") == query.text.count("min_over_time"), query.text
    assert any(f"{GrowthAbove.__name__}(" in repr(query) for query in counting)
