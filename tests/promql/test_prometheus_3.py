"""What `alerting.promql: 3` changes; the expected values are by hand, after Prometheus 3's own documentation."""

import json

import pytest
from commandline import call
from test_promql_functions import NOW, SECOND, View

from logwatch import promql
from logwatch.promql import LiveQuery, Scrape, SeriesIndex

EXAMPLES = [
    # A sample on the older end of a range is not in it: of 1, 4, 2 at -30 s, -15 s and 0.
    ("count_over_time(gauge[30s])", {"x=a": 2}),
    ("min_over_time(gauge[30s])", {"x=a": 2}),
    ("avg_over_time(gauge[30s])", {"x=a": 3}),
    ("sum_over_time(gauge[31s])", {"x=a": 7}),
    ("changes(gauge[30s])", {"x=a": 1}),
    ("last_over_time(gauge[15s] offset 15s)", {"__name__=gauge x=a": 4}),
    ("count_over_time(gauge[1m:15s])", {"x=a": 4}),
    ("count_over_time(gauge[30s] offset -15s)", {"x=a": 2}),
    ("increase(gauge[30s])", {"x=a": 5}),
    # newer functions
    ("first_over_time(gauge[30s])", {"__name__=gauge x=a": 4}),
    ("first_over_time(gauge[1m:15s])", {"__name__=gauge x=a": 0}),
    ("mad_over_time(gauge[46s])", {"x=a": 1}),
    ("limitk(1, pair)", {"__name__=pair x=a": 3}),
    ("limitk by (x) (1, three)", {"__name__=three x=a y=1": 1, "__name__=three x=b": 6}),
    ("limitk(0, pair)", {}),
    ("limitk(5, pair)", {"__name__=pair x=a": 3, "__name__=pair x=b": -2.5}),
]


def index() -> SeriesIndex:
    made = SeriesIndex(Scrape({}))
    made.read(View())
    return made


@pytest.mark.parametrize(("text", "expected"), EXAMPLES)
def test_by_example(text, expected):
    found = promql.compile(text, version=3).evaluate_on(index(), NOW * SECOND)
    shown = {" ".join(f"{name}={labels[name]}" for name in sorted(labels)): value for labels, value in found}

    assert shown == expected


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    "text",
    [
        "last_over_time(ended[30s])",
        "last_over_time(gauge[15s])",
        "max_over_time(gauge[30s])",
        "count_over_time(gauge[45s])",
        "first_over_time(gauge[1m])",
        "absent_over_time(brief[20s])",
        "gauge @ 1700000085",
        "gauge offset -15s",
        "max_over_time(gauge[30s] @ 1700000085)",
    ],
)
def test_a_live_query_changes_when_a_sample_leaves_the_window(text, version):
    if version == 2 and text.startswith("first"):
        pytest.skip("only in 3")
    query, series = promql.compile(text, version=version), index()
    live = LiveQuery(query, series.scrape)
    series.watch(live)
    for second in range(NOW - 700, NOW + 120):
        live.update(second * SECOND)
        shown = sorted((sorted(labels.items()), value) for labels, value in live.result())

        assert shown == sorted(
            (sorted(labels.items()), value) for labels, value in query.evaluate_on(series, second * SECOND)
        ), second


def test_the_setting_reaches_rules_tests_and_queries(tmp_path):
    rule = {"record": "r", "expr": "first_over_time(x[1m])"}
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "g", "rules": [rule]}]}))
    asked = {"expr": "count_over_time(x[1m])", "eval_time": "5m", "exp_samples": [{"labels": "{}", "value": 4}]}
    case = {"interval": "15s", "input_series": [{"series": "x", "values": "1x40"}], "promql_expr_test": [asked]}
    (tmp_path / "tests.yml").write_text(json.dumps({"rule_files": ["rules.yml"], "tests": [case]}))
    (tmp_path / "logwatch.yml").write_text("alerting: {promql: 3}")
    younger = ("--config.file", str(tmp_path / "logwatch.yml"))
    results = [
        call(*command, *flags).status
        for command in (("check", "--rules", str(tmp_path / "rules.yml")), ("test", str(tmp_path / "tests.yml")))
        for flags in ((), younger)
    ]

    assert results == [1, 0, 2, 0]
