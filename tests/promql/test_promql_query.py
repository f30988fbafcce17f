"""What a query tells about itself, and how it sees series: labels, matchers, look-back, times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pytest

from logwatch import promql

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
NOW = 1_700_000_020 * SECOND
"""Ten seconds after a tick of the 15 s grid."""
NAN = float("nan")
Row = tuple[Mapping[str, str], Sequence[int], Sequence[float]]


class View:
    """Series written as `name: [(labels, value), …]`, all of them born long ago."""

    def __init__(self, **series: Sequence[tuple[Mapping[str, str], float]]) -> None:
        self.rows: dict[str, list[Row]] = {
            name: [(labels, [0], [value]) for labels, value in rows] for name, rows in series.items()
        }
        self.asked: list[str] = []

    def names(self) -> Iterable[str]:
        return self.rows

    def select(self, name: str) -> Iterable[Row]:
        self.asked.append(name)
        return self.rows.get(name, ())


def evaluate(text: str, view: View, **extra_labels: str) -> dict[str, float]:
    found = promql.compile(text).evaluate(view, NOW, extra_labels=extra_labels)
    assert isinstance(found, list)
    return {",".join(f"{name}={labels[name]}" for name in sorted(labels)): value for labels, value in found}


# ── look-back ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("up", 0),
        ("up offset 3m", 3),
        ("rate(up[5m])", 5),
        ("rate(up[5m] offset 3m)", 8),
        ("up + rate(up[5m])", 5),
        ("max_over_time(rate(up[5m])[1h:1m])", 65),
        ("max_over_time(rate(up[5m] offset 1m)[1h:] offset 2m)", 68),
        ("max_over_time((up @ end())[1h:1m])", 0),
        ("max_over_time((up @ start() offset 2m)[1h:1m])", 2),
        ("max_over_time(rate(up[5m])[1h:1m] @ end())", 65),
        ("max_over_time(max_over_time(rate(up[5m])[1h:1m] @ end())[2h:1m])", 65),
        ('{__name__=~"u.*", job="x"} offset 3m', 3),
        ('{__name__="up", job="x"} offset 3m', 3),
        ("down offset 3m", None),
        ('{__name__!~"u.*", job="x"}', None),
        ("1 + time()", None),
    ],
)
def test_a_query_tells_how_far_it_looks_back(text: str, minutes: int | None) -> None:
    expected = None if minutes is None else minutes * MINUTE

    assert promql.compile(text).look_back_ns("up") == expected


def test_a_query_tells_which_names_it_reads() -> None:
    query = promql.compile('a + on () {__name__=~"b.*"} > c offset 1m')

    assert query.reads(["a", "b1", "b2", "c", "d"]) == {"a", "b1", "b2", "c"}


def test_a_query_shows_its_selectors() -> None:
    (reading,) = promql.compile('sum(rate(up{job="x", host!~"a.*"}[5m]))').readings

    assert reading.selector.name == "up"
    assert [(matcher.label, matcher.operator, matcher.value) for matcher in reading.selector.matchers] == [
        ("job", "=", "x"),
        ("host", "!~", "a.*"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"), [("1 + 1", True), ("time()", True), ("scalar(up)", True), ("up", False), ("vector(1)", False)]
)
def test_a_query_gives_a_number_or_a_vector(text: str, expected: bool) -> None:
    result = promql.compile(text).evaluate(View(), NOW, extra_labels={})

    assert isinstance(result, float) is expected


def test_a_number_is_a_number() -> None:
    assert promql.compile("1 + 1").evaluate(View(), NOW, extra_labels={}) == 2


# ── labels as a scrape would attach them ─────────────────────────────────────────────


def test_target_labels_are_attached_and_win() -> None:
    view = View(up=[({"name": "web", "instance": "old", "empty": ""}, 1)])

    assert evaluate("up", view, job="logwatch", instance="host:9", zone="") == {
        "__name__=up,exported_instance=old,instance=host:9,job=logwatch,name=web": 1
    }


def test_an_exported_label_evades_the_next() -> None:
    view = View(up=[({"job": "a", "exported_job": "b"}, 1)])

    assert evaluate("up", view, job="logwatch") == {
        "__name__=up,exported_exported_job=a,exported_job=b,job=logwatch": 1
    }


def test_series_with_labels_of_their_own_get_none() -> None:
    view = View(ALERTS=[({"alertname": "Down"}, 1)], up=[({}, 1)])
    scrape = promql.Scrape({"job": "logwatch"}, own_labels={"ALERTS"})
    index = promql.SeriesIndex(scrape)
    index.read(view)
    found = promql.compile('{__name__=~".+"}').evaluate_on(index, NOW)

    assert found == [
        promql.Sample(promql.Labels({"__name__": "ALERTS", "alertname": "Down"}), 1),
        promql.Sample(promql.Labels({"__name__": "up", "job": "logwatch"}), 1),
    ]


def test_label_sets_are_kept_between_turns() -> None:
    view = View(up=[({"name": "web"}, 1)])
    index, query = promql.SeriesIndex(promql.Scrape({})), promql.compile("up")
    index.read(view)
    first, second = (query.evaluate_on(index, now) for now in (NOW, NOW + 1))

    assert isinstance(first, list)
    assert isinstance(second, list)
    assert first[0].labels is second[0].labels


def test_an_index_reads_each_name_once_and_sees_what_is_removed_and_added() -> None:
    view = View(up=[({"name": "web"}, 1)], down=[({}, 1)])
    times = view.rows["up"][0][1]
    index = promql.SeriesIndex(promql.Scrape({}))
    index.read(view)
    for text in ("up", 'up{name="web"}', "sum(up) + sum(down)", "up"):
        promql.compile(text).evaluate_on(index, NOW)

    assert view.asked == ["up", "down"]

    index.remove("up", times)
    gone = promql.compile('up{name="web"}').evaluate_on(index, NOW)
    index.add("up", {"name": "web"}, [0], [5])
    found = promql.compile('up{name="web"}').evaluate_on(index, NOW)

    assert gone == []
    assert found == [({"name": "web", "__name__": "up"}, 5)]
    assert view.asked == ["up", "down"]


def test_a_series_without_change_points_is_not_there() -> None:
    view = View(up=[({}, 1)])
    view.rows["up"].append(({"name": "new"}, [], []))

    assert evaluate("count(up)", view) == {"": 1}


# ── matchers ─────────────────────────────────────────────────────────────────────────

HOSTS = View(
    up=[
        ({"host": "a", "zone": "1"}, 1),
        ({"host": "b", "zone": "1"}, 2),
        ({"host": "ab", "zone": "2"}, 3),
        ({"zone": "2"}, 4),
    ]
)


@pytest.mark.parametrize(
    ("matchers", "values"),
    [
        ('host="a"', [1]),
        ('host="x"', []),
        ('host=""', [4]),
        ('host!=""', [1, 2, 3]),
        ('host!="a"', [2, 3, 4]),
        ('host=~"a|b"', [1, 2]),
        ('host=~"a|"', [1, 4]),
        ('host=~"a.?"', [1, 3]),
        ('host!~"a.?"', [2, 4]),
        ('host!~"a|b"', [3, 4]),
        ('zone="1",host="b"', [2]),
        ('zone="1",host!="b"', [1]),
        ('zone=~"1",host=~".*"', [1, 2]),
        ('zone!="1",host=~"(?i)AB|"', [3, 4]),
        ('zone="1",host="ab"', []),
        ('host="a",host="b"', []),
    ],
)
def test_matchers_select(matchers: str, values: list[float]) -> None:
    found = promql.compile(f"up{{{matchers}}}").evaluate(HOSTS, NOW, extra_labels={})

    assert isinstance(found, list)
    assert sorted(value for _, value in found) == values


# ── times ────────────────────────────────────────────────────────────────────────────


def test_an_instant_selector_sees_what_the_log_told_last_not_the_last_sample() -> None:
    view = View()
    view.rows["up"] = [({}, [0, NOW - SECOND], [1.0, 2.0])]

    assert evaluate("up", view) == {"__name__=up": 2}
    assert evaluate("last_over_time(up[1m])", view) == {"__name__=up": 1}


def test_what_has_ended_is_gone_at_once() -> None:
    view = View()
    view.rows["up"] = [({}, [0, NOW - SECOND], [1.0, NAN])]

    assert evaluate("up", view) == {}
    assert evaluate("up offset 2s", view) == {"__name__=up": 1}


@pytest.mark.parametrize(("born", "expected"), [(0, 1_700_000_010 - 15), (NOW - 2 * SECOND, 1_700_000_018 - 15)])
def test_a_timestamp_is_that_of_the_last_sample_or_the_birth_since(born: int, expected: float) -> None:
    view = View()
    view.rows["up"] = [({}, [born], [1.0])]
    found = promql.compile("timestamp(up) - 15").evaluate(view, NOW, extra_labels={})

    assert found == [({}, expected)]


def test_the_sample_interval_and_the_default_step_are_settings() -> None:
    view = View(up=[({}, 1)])
    scrape = promql.Scrape({}, sample_interval_ns=5 * SECOND, subquery_step_ns=10 * SECOND)
    index = promql.SeriesIndex(scrape)
    index.read(view)

    assert promql.compile("count_over_time(up[1m])").evaluate_on(index, NOW) == [({}, 13)]
    assert promql.compile("count_over_time(up[1m:])").evaluate_on(index, NOW) == [({}, 7)]


# ── errors of the moment ─────────────────────────────────────────────────────────────

PAIRS = View(
    many=[({"a": "1", "b": "1"}, 1), ({"a": "1", "b": "2"}, 2)],
    one=[({"a": "1"}, 10)],
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one + on (a) many", 'found duplicate series for the match group {a="1"} on the right hand-side'),
        ("many + on (a) group_right one", 'found duplicate series for the match group {a="1"} on the left hand-side'),
        ("many + on (a) one", 'multiple matches for labels {a="1"}: many-to-one matching must be explicit'),
        ("many + ignoring (b) one", 'multiple matches for labels {a="1"}: many-to-one'),
        ("many + on (a) group_left (b) one", 'multiple matches for labels {a="1"}: grouping labels must ensure'),
        ('-{__name__=~"many|one", b=""} + on () {a="1"}', "found duplicate"),
        ('label_replace(many, "b", "", "b", ".*")', "vector cannot contain metrics with the same labelset"),
        ("topk(NaN, many)", "NaN is not a number of elements"),
        ("topk(Inf, many)", "+Inf is not a number of elements"),
    ],
)
def test_an_ambiguous_expression_is_an_error_of_the_moment(text: str, message: str) -> None:
    query = promql.compile(text)

    with pytest.raises(promql.EvaluationError) as caught:
        query.evaluate(PAIRS, NOW, extra_labels={})

    assert str(caught.value).startswith(message)


SAME_LABELS = View(a=[({"x": "1"}, 1)], b=[({"x": "1"}, 1)])


@pytest.mark.parametrize(
    "text",
    [
        "-{x='1'}",
        "abs({x='1'})",
        "{x='1'} + 1",
        "1 - {x='1'}",
        "{x='1'} > bool 1",
        "increase({x='1'}[5m])",
        "delta({x='1'}[5m])",
        "max_over_time({x='1'}[5m])",
        "max_over_time({x='1'}[5m:1m])",
        "timestamp({x='1'})",
        "timestamp({x='1'} > 0)",
        "abs(sort({x='1'}))",
        "abs(topk(5, {x='1'}))",
        "abs(a or on (__name__) b)",
        "abs(last_over_time({x='1'}[5m]))",
        "abs({x='1'} and on (x) a)",
        "abs(sum by (__name__) ({x='1'}) * 2)",
        "-quantile by (__name__) (0.5, {x='1'})",
        "-count_values by (__name__) ('v', {x='1'})",
        "abs({x='1'} >= on (x, __name__) {x='1'})",
    ],
)
def test_two_series_that_differ_only_in_the_name_cannot_both_lose_it(text: str) -> None:
    with pytest.raises(promql.EvaluationError, match="same labelset"):
        promql.compile(text).evaluate(SAME_LABELS, NOW, extra_labels={})
