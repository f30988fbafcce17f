"""Functions, aggregations and operators by example; Prometheus itself is asked in test_differential.py."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import pytest

from logwatch import promql

SECOND = 1_000_000_000
NOW = 1_700_000_100  # on the grid
NAN, INF = math.nan, math.inf
Expected = dict[str, float]


class View:
    """Few series with simple values; `gauge` steps every 15 s: 1, 4, 2 in the last half minute."""

    rows: Mapping[str, list[tuple[dict[str, str], dict[int, float]]]] = {
        "gauge": [({"x": "a"}, {-3600: 0.0, -30: 1.0, -15: 4.0, 0: 2.0})],
        "pair": [({"x": "a"}, {-3600: 3.0}), ({"x": "b"}, {-3600: -2.5})],
        "three": [({"x": "a", "y": "1"}, {-9: 1.0}), ({"x": "a", "y": "2"}, {-9: 2.0}), ({"x": "b"}, {-9: 6.0})],
        "odd": [({"x": "zero"}, {-9: 0.0}), ({"x": "inf"}, {-9: INF})],
        "day": [({}, {-9: 951_825_599.0})],
        "ended": [({}, {-3600: 1.0, -600: NAN})],
        "brief": [({}, {-20: 1.0, -16: NAN})],
        "dates": [({}, {-9: 1e12})],
        "bucket": [({"le": bound}, {-9: count}) for bound, count in (("1", 2.0), ("2", 6.0), ("+Inf", 8.0))],
    }

    def names(self) -> Iterable[str]:
        return self.rows

    def select(self, name: str) -> Iterable[tuple[Mapping[str, str], Sequence[int], Sequence[float]]]:
        for labels, changes in self.rows.get(name, ()):
            yield labels, [(NOW + time) * SECOND for time in changes], list(changes.values())


def evaluate(text: str) -> Expected | float:
    found = promql.compile(text).evaluate(View(), NOW * SECOND, extra_labels={})
    if isinstance(found, float):
        return found
    return {" ".join(f"{name}={labels[name]}" for name in sorted(labels)): value for labels, value in found}


EXAMPLES: list[tuple[str, Expected | float]] = [
    # of ranges
    ("avg_over_time(gauge[30s])", {"x=a": 7 / 3}),
    ("min_over_time(gauge[30s])", {"x=a": 1}),
    ("max_over_time(gauge[30s])", {"x=a": 4}),
    ("sum_over_time(gauge[30s])", {"x=a": 7}),
    ("count_over_time(gauge[30s])", {"x=a": 3}),
    ("last_over_time(gauge[30s])", {"__name__=gauge x=a": 2}),
    ("present_over_time(gauge[30s])", {"x=a": 1}),
    ("stdvar_over_time(gauge[30s])", {"x=a": 14 / 9}),
    ("stddev_over_time(gauge[30s])", {"x=a": math.sqrt(14 / 9)}),
    ("quantile_over_time(0.5, gauge[30s])", {"x=a": 2}),
    ("changes(gauge[30s])", {"x=a": 2}),
    ("resets(gauge[30s])", {"x=a": 1}),
    ("delta(gauge[30s])", {"x=a": 1}),
    ("delta(gauge[44s])", {"x=a": 44 / 30}),
    ("delta(gauge[14s])", {}),
    ("idelta(gauge[30s])", {"x=a": -2}),
    ("irate(gauge[30s])", {"x=a": 2 / 15}),
    ("irate(gauge[14s])", {}),
    ("deriv(gauge[30s])", {"x=a": 1 / 30}),
    ("deriv(pair[1m])", {"x=a": 0, "x=b": 0}),
    ("deriv(gauge[14s])", {}),
    ("predict_linear(gauge[30s], 30)", {"x=a": 7 / 3 + 1.5}),
    ("predict_linear(gauge[14s], 30)", {}),
    ("absent_over_time(gauge[30s])", {}),
    ('absent_over_time(none{x="a"}[30s])', {"x=a": 1}),
    ("absent_over_time(none[30s:15s])", {"": 1}),
    ("count_over_time(gauge[1s] offset 1s)", {}),
    ("rate(gauge[30s:15s])", {"x=a": (1 + 4) / 30}),
    ("increase(pair[30s:15s])", {"x=a": 0, "x=b": 0}),
    ("max_over_time((gauge > 2)[1m:15s])", {"x=a": 4}),
    ("count_over_time(gauge[1m:15s] offset 30s)", {"x=a": 5}),
    ("count_over_time(ended[5m])", {}),
    ("count_over_time(brief[5m])", {}),
    ("increase(brief[5m])", {"": 1}),
    # of elements
    ("abs(pair)", {"x=a": 3, "x=b": 2.5}),
    ("ceil(pair)", {"x=a": 3, "x=b": -2}),
    ("floor(pair)", {"x=a": 3, "x=b": -3}),
    ("floor(odd)", {"x=zero": 0, "x=inf": INF}),
    ("ceil(odd)", {"x=zero": 0, "x=inf": INF}),
    ("round(pair)", {"x=a": 3, "x=b": -2}),
    ("round(pair, 2)", {"x=a": 4, "x=b": -2}),
    ("sgn(pair)", {"x=a": 1, "x=b": -1}),
    ("sgn(odd)", {"x=zero": 0, "x=inf": 1}),
    ("sqrt(pair)", {"x=a": math.sqrt(3), "x=b": NAN}),
    ("exp(odd * 1000)", {"x=zero": 1, "x=inf": INF}),
    ("exp(pair * 1000)", {"x=a": INF, "x=b": 0}),
    ("sinh(pair * 1000)", {"x=a": INF, "x=b": -INF}),
    ("ln(odd)", {"x=zero": -INF, "x=inf": INF}),
    ("ln(pair)", {"x=a": math.log(3), "x=b": NAN}),
    ("atanh(pair)", {"x=a": NAN, "x=b": NAN}),
    ("atanh(sgn(pair))", {"x=a": INF, "x=b": -INF}),
    ("atanh(odd{x='zero'})", {"x=zero": 0}),
    ("clamp(pair, -1, 1)", {"x=a": 1, "x=b": -1}),
    ("clamp(pair, 1, -1)", {}),
    ("clamp_min(pair, 0)", {"x=a": 3, "x=b": 0}),
    ("clamp_max(pair, 0)", {"x=a": 0, "x=b": -2.5}),
    ("clamp_max(pair, NaN)", {"x=a": NAN, "x=b": NAN}),
    ("sort(pair)", {"__name__=pair x=a": 3, "__name__=pair x=b": -2.5}),
    ("timestamp(pair offset 20s)", {"x=a": NOW - 30, "x=b": NOW - 30}),
    ("timestamp(gauge offset 2h)", {}),
    ("max_over_time((gauge[30s]))", {"x=a": 4}),
    ("timestamp(-pair)", {"x=a": NOW, "x=b": NOW}),
    ('absent(none{x="a", y=~"b"})', {"x=a": 1}),
    ('absent(none{x="a", x="b", y="c", y!="d"})', {"": 1}),
    ("absent(sum(none))", {"": 1}),
    ("absent(pair)", {}),
    ("time()", NOW),
    ("pi()", math.pi),
    ("vector(3)", {"": 3}),
    ("scalar(gauge)", 2),
    ("scalar(pair)", NAN),
    # of labels
    ('label_replace(pair, "z", "<$1>", "x", "(.)")', {"__name__=pair x=a z=<a>": 3, "__name__=pair x=b z=<b>": -2.5}),
    ('label_replace(gauge, "z", "$$1 ${1} $2 $w", "x", "(?P<w>a)")', {"__name__=gauge x=a z=$1 a  a": 2}),
    ('label_replace(gauge, "z", "new", "x", "b")', {"__name__=gauge x=a": 2}),
    ('label_replace(gauge, "x", "", "x", "a")', {"__name__=gauge": 2}),
    ('sum by (z) (label_replace(three, "z", "$1", "x", "(.)"))', {"z=a": 3, "z=b": 6}),
    ('label_join(gauge, "z", "+", "x", "none", "x")', {"__name__=gauge x=a z=a++a": 2}),
    # of time: Tuesday, 29 February 2000, 11:59:59 UTC
    ("minute(day)", {"": 59}),
    ("hour(day)", {"": 11}),
    ("day_of_week(day)", {"": 2}),
    ("day_of_month(day)", {"": 29}),
    ("day_of_year(day)", {"": 60}),
    ("days_in_month(day)", {"": 29}),
    ("month(day)", {"": 2}),
    ("year(day)", {"": 2000}),
    ("year(dates)", {"": 33658}),
    ("year()", {"": 2023}),
    ("year(odd)", {"x=zero": 1970, "x=inf": NAN}),
    # of histograms
    ("histogram_quantile(0.5, bucket)", {"": 1.5}),
    ("histogram_quantile(0.125, bucket)", {"": 0.5}),
    ("histogram_quantile(0.9, bucket)", {"": 2}),
    ("histogram_quantile(NaN, bucket)", {"": NAN}),
    ("histogram_quantile(-1, bucket)", {"": -INF}),
    ("histogram_quantile(2, bucket)", {"": INF}),
    ("histogram_quantile(0.5, bucket * 0)", {"": NAN}),
    ('histogram_quantile(0.5, bucket{le!="+Inf"})', {"": NAN}),
    ('histogram_quantile(0.5, label_replace(bucket, "le", "0", "le", "1"))', {"": 2 * 2 / 4}),
    ('histogram_quantile(0.1, label_replace(bucket, "le", "0", "le", "1"))', {"": 0}),
    ("histogram_quantile(0.5, pair)", {}),
    # aggregations
    ("sum(three)", {"": 9}),
    ("sum by (x) (three)", {"x=a": 3, "x=b": 6}),
    ("sum by (y, x) (three)", {"x=a y=1": 1, "x=a y=2": 2, "x=b": 6}),
    ("sum without (y) (three)", {"x=a": 3, "x=b": 6}),
    ("sum(none)", {}),
    ("avg(three)", {"": 3}),
    ("avg(odd)", {"": INF}),
    ("avg(odd - odd)", {"": NAN}),
    ("min(three)", {"": 1}),
    ("max(three)", {"": 6}),
    ("max(0 / odd)", {"": 0}),
    ("min(0 / odd)", {"": 0}),
    ("min(0 * none)", {}),
    ("min(NaN * three)", {"": NAN}),
    ("max(NaN * three)", {"": NAN}),
    ("count by (x) (three)", {"x=a": 2, "x=b": 1}),
    ("group(three)", {"": 1}),
    ("stdvar(three)", {"": 14 / 3}),
    ("stddev(three)", {"": math.sqrt(14 / 3)}),
    ("quantile(0.25, three)", {"": 1.5}),
    ("quantile(NaN, three)", {"": NAN}),
    ("quantile(-1, three)", {"": -INF}),
    ("quantile(2, three)", {"": INF}),
    ("topk(1, three)", {"__name__=three x=b": 6}),
    ("bottomk by (x) (1, three)", {"__name__=three x=a y=1": 1, "__name__=three x=b": 6}),
    ("topk(0.9, three)", {}),
    ("topk(1, 0 / odd)", {"x=inf": 0}),
    ('count_values("v", three * 0.5)', {"v=0.5": 1, "v=1": 1, "v=3": 1}),
    ('count_values without (x, y) ("v", odd)', {"v=0": 1, "v=+Inf": 1}),
    ('count_values by (x) ("v", -odd)', {"v=-0 x=zero": 1, "v=-Inf x=inf": 1}),
    ('count_values("v", three * 1e20 * NaN)', {"v=NaN": 3}),
    ('count_values("v", gauge * 1e20)', {"v=200000000000000000000": 1}),
    # operators
    ("-pair", {"x=a": -3, "x=b": 2.5}),
    ("-3 + 1", -2),
    ("-time()", -NOW),
    ("2 ^ 3 ^ 2 % 10", 2),
    ("5 > bool 3", 1),
    ("1 / 0", INF),
    ("-1 / 0", -INF),
    ("0 / 0", NAN),
    ("1 % 0", NAN),
    ("0 ^ -1", INF),
    ("0 ^ -2", INF),
    ("10 ^ 400", INF),
    ("(-10) ^ 401", -INF),
    ("(-10) ^ 0.5", NAN),
    ("(-1) ^ Inf", 1),
    ("pair > 0", {"__name__=pair x=a": 3}),
    ("0 > pair", {"__name__=pair x=b": -2.5}),
    ("pair > bool 0", {"x=a": 1, "x=b": 0}),
    ("0 > bool pair", {"x=a": 0, "x=b": 1}),
    ("10 - pair", {"x=a": 7, "x=b": 12.5}),
    ("pair - 10", {"x=a": -7, "x=b": -12.5}),
    # matching
    ("gauge + pair", {"x=a": 5}),
    ("pair > gauge", {"__name__=pair x=a": 3}),
    ("pair > bool gauge", {"x=a": 1}),
    ("gauge + none", {}),
    ("three * on (x) group_left pair", {"x=a y=1": 3, "x=a y=2": 6, "x=b": -15}),
    ("pair - on (x) group_right three", {"x=a y=1": 2, "x=a y=2": 1, "x=b": -8.5}),
    ("three{y='2'} + on (x) pair", {"x=a": 5}),
    ("three{y='2'} + ignoring (y) pair", {"x=a": 5}),
    ("pair * on (x) group_left (y) three{y!='1'}", {"x=a y=2": 6, "x=b": -15}),
    ("three < on (x) group_left pair", {"__name__=three x=a y=1": 1, "__name__=three x=a y=2": 2}),
    ("pair and gauge", {"__name__=pair x=a": 3}),
    ("pair and none", {}),
    ("none and pair", {}),
    ("pair unless gauge", {"__name__=pair x=b": -2.5}),
    ("three and on (x) gauge", {"__name__=three x=a y=1": 1, "__name__=three x=a y=2": 2}),
    ("gauge or pair", {"__name__=gauge x=a": 2, "__name__=pair x=b": -2.5}),
    ("pair and on (x, y) three", {"__name__=pair x=b": -2.5}),
]


@pytest.mark.parametrize(("text", "expected"), EXAMPLES, ids=[text for text, _ in EXAMPLES])
def test_an_expression_gives(text: str, expected: Expected | float) -> None:
    assert evaluate(text) == pytest.approx(expected, nan_ok=True, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("sort(three)", [1, 2, 6]),
        ("sort_desc(three)", [6, 2, 1]),
        ("topk(2, three)", [6, 2]),
        ("bottomk(2, three)", [1, 2]),
        ("sort(0 / odd)", [0, NAN]),
        ("sort_desc(0 / odd)", [0, NAN]),
    ],
)
def test_an_order_is_kept_and_nan_comes_last(text: str, order: list[float]) -> None:
    found = evaluate(text)

    assert isinstance(found, dict)
    assert list(found.values()) == pytest.approx(order, nan_ok=True)


def test_sums_and_means_survive_infinities_and_overflow() -> None:
    assert evaluate("sum_over_time((gauge - 2) [30s:15s])") == {"x=a": 1}
    assert evaluate("sum_over_time((1e308 + gauge) [30s:15s])") == {"x=a": INF}
    assert evaluate("avg_over_time((1e308 + gauge * 1e290) [30s:15s])") == pytest.approx({"x=a": 1e308})
    assert evaluate("sum_over_time((1 / (gauge - 2)) [30s:15s])") == {"x=a": INF}
    assert evaluate("avg_over_time((1 / (gauge - 2)) [30s:15s])") == {"x=a": INF}
    assert evaluate("avg_over_time((1 / (gauge - 1)) [30s:15s])") == {"x=a": INF}
    assert evaluate("sum_over_time(((gauge - 2) / 0) [15s:15s])") == pytest.approx({"x=a": NAN}, nan_ok=True)
    assert evaluate("deriv((vector(1) / 0) [30s:15s])") == pytest.approx({"": NAN}, nan_ok=True)
