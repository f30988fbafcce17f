"""What is refused: where, why, and what to write instead."""

from __future__ import annotations

import expressions
import fleet
import promql_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logwatch import promql
from logwatch.promql.planner import Planner, Surroundings

MISTAKES = [
    ("up +", "1:5: the expression ends too early: something must follow"),
    ("up 5", "1:4: '5' is not expected here"),
    ("up offset +5m 3", "1:15: '3' is not expected here"),
    ("up @ end() 3", "1:12: '3' is not expected here"),
    ("sum(up, )", "1:7: trailing commas not allowed in function call args: remove the comma"),
    ("up == bool\n  * 2", "2:3: '*' is not expected here"),
    ("sum(up) by", "1:9: 'by' is not expected here"),
    ("sum by (a", "1:8: '(' is never closed: add ')'"),
    ("sum by (a) ()", "1:1: no arguments for aggregate expression 'sum' provided"),
    ("a + ()", "1:1: this is not PromQL"),
    ("(up\n", "1:1: '(' is never closed: add ')'"),
    ("up)", "1:3: ')' closes nothing: remove it, or open it before"),
    ("(up]", "1:4: ']' closes nothing: remove it, or open it before"),
    ('up{a="b}', '1:6: the string has no end: add "'),
    ("up ; down", "1:4: unexpected character ';'"),
    ("up @ 1e17", "1:4: a time after the year 9999: write @ 1700000000, @ start() or @ end()"),
    ("rate(up[5m] @ 253402300800)", "1:13: a time after the year 9999: write @ 1700000000, @ start() or @ end()"),
    ("1.5.2", "1:1: not a number or duration: write 0.5, 1e3, 5m or 1h30m"),
    ("", "1:1: no expression found in input: write an expression, such as up == 0"),
    ("frobnicate(up)", "1:1: unknown function 'frobnicate': docs/promql.md lists the functions"),
    ("sum(\n  inrease(up[5m])\n)", "2:3: unknown function 'inrease': did you mean increase()?"),
    ("RATE(up[5m])", "1:1: unknown function 'RATE': did you mean rate()?"),
    ("limitk(2, up)", "1:1: 'limitk' needs Prometheus 3: set alerting.promql: 3"),
    ("limitk by (a) (2, up)", "1:1: 'limitk' needs Prometheus 3: set alerting.promql: 3"),
    ("first_over_time(up[5m])", "1:1: 'first_over_time' needs Prometheus 3: set alerting.promql: 3"),
    ("info(up)", "1:1: function 'info' is not covered: join with * on (…) group_left (…)"),
    ("histogram_avg(up)", "1:1: function 'histogram_avg' is not covered: write rate(x_sum[5m]) / rate(x_count[5m])"),
    ("a + fill(0) b", "1:5: unknown function 'fill'"),
    ("a atan2 b", "1:3: atan2 is not covered: compare the two sides themselves"),
    (
        "rate(up)",
        "1:1: expected type matrix in call to function 'rate', got vector: write a range behind the selector, as in rate(x[5m])",
    ),
    ("ln(-1)", "1:1: expected an instant vector, got a number: -1: look up the arguments of the function"),
    ("sum(up[5m])", "1:1: expected type vector in aggregation expression, got matrix: remove the range"),
    ("up[5m]", "1:1: a rule needs an instant vector or a number, this is a range of samples: compare a metric"),
    ("(up[5m:1m])", "1:1: a rule needs an instant vector or a number, this is a range of samples: compare a metric"),
    ('"up"', "1:1: a rule needs an instant vector or a number, this is a string: compare a metric"),
    ("time() > 1", "1:8: comparisons between scalars must use BOOL modifier: write bool behind the comparison"),
    ("up @ -5", "1:4: a time before 1970: write @ 1700000000, @ start() or @ end()"),
    ("up offset +5", "1:12: offset needs a duration: write offset 5s"),
    ("up offset Inf", "1:11: offset needs a duration: write offset 5m"),
    ("and offset Inf", "1:12: offset needs a duration: write offset 5m"),
    ("and offset +NaN", "1:13: offset needs a duration: write offset 5m"),
    ("up offset", "1:4: offset needs a duration: write offset 5m"),
    ("rate(up[Inf])", "1:9: 'Inf' is not expected here: write [5m] or [1h:5m]"),
    ("1 + 5m", "1:5: a duration is not a number: write seconds, as in 300 for 5m"),
    ("up offset 5", "1:11: offset needs a duration: write offset 5s"),
    ("rate(up[300])", "1:9: a duration needs a unit: write [300s] or [5m]"),
    ("up > 5m", "1:6: a duration is not a number: write seconds, as in 300 for 5m"),
    ("rate(up[2y])", "1:9: 2y is too long: at most 366d"),
    ("up[1.5m]", "1:4: not a number or duration: write 0.5, 1e3, 5m or 1h30m"),
    ("rate(up[5m:0s])", "1:1: duration must be greater than 0"),
    ('up{"a"="b"}', '1:4: quoted names need Prometheus 3: write name{label="value"}'),
    ('{"up"}', '1:2: quoted names need Prometheus 3: write name{label="value"}'),
    ('up{a="1" or a="2"}', "1:10: 'or' between matchers is not PromQL: use a regex"),
    ('up{a:b="1"}', "1:4: label name 'a:b' has a colon: use an underscore"),
    ('up{a=~"("}', "1:7: illegal regex for (: write a regex in RE2 syntax"),
    (r'up{a=~"\\p{Foo}"}', "1:7: illegal regex"),
    ('up{a=~"(?x)a"}', "1:7: illegal regex: invalid perl operator: (?x: write a regex in RE2 syntax"),
    ('up{a=~"x**"}', "1:7: illegal regex"),
    ('label_replace(up, "a", "$1", "b", "(")', "1:35: illegal regex: missing ): (: write a regex in RE2 syntax"),
    ('label_replace(up, "a-b", "$1", "b", "")', "1:19: 'a-b' is not a label name: letters, digits and underscores"),
    ('label_join(up, "a", "", "b c")', "1:25: 'b c' is not a label name: letters, digits and underscores"),
    ('count_values("a b", up)', "1:14: 'a b' is not a label name: letters, digits and underscores"),
    ('{a=~".*"}', "1:1: vector selector must contain at least one non-empty matcher: name a metric"),
    ("a and on (b) group_left c", "1:3: no grouping allowed for 'and' operation: remove group_left or group_right"),
    (
        "up and 1",
        "1:4: set operator 'and' not allowed in binary scalar expression: and, or, unless stand between vectors",
    ),
    (
        "max_over_time(max_over_time(up[1d])[1d:1s])",
        "1:31: one evaluation would look at 497664000 samples of each series: shorten",
    ),
    ("a" * 20_000, "1:16385: longer than 16384 characters: split it into recording rules"),
    ("-" * 500 + "a", "1:201: more than 200 operators and brackets: split it into recording rules"),
    (" or ".join("a" * 300), "1:1003: more than 200 operators and brackets: split it into recording rules"),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES, ids=[text[:40] for text, _ in MISTAKES])
def test_a_mistake_is_told_with_place_and_cure(text: str, message: str) -> None:
    with pytest.raises(promql.ExpressionError) as caught:
        promql.compile(text)

    assert str(caught.value).startswith(message)


def test_a_mistake_carries_its_parts() -> None:
    with pytest.raises(promql.ExpressionError) as caught:
        promql.compile("sum(\n  inrease(up[5m])\n)")

    error = caught.value
    assert (error.offset, error.line, error.column) == (7, 2, 3)
    assert (error.what, error.cure) == ("unknown function 'inrease'", "did you mean increase()?")


GOOD = [
    "sum by (bool, on) (limit)",
    "sum(limit)by(rack)",
    "offset + start - end",
    "offset - offset offset 5m",
    "up and offset - 5",
    "rate # a comment\n(up[5m])",
    "up offset +5m",
    'up{bool="1", offset="2"}',
    "a == on () group_right () b",
    "rate(up[5m:1m] @ start() offset 1m)",
    ":a:b",
    "sum(count(min))",
    'count_values(("v"), up)',
    "((((1))))",
]


@pytest.mark.parametrize("text", GOOD)
def test_what_looks_odd_but_is_right_loads(text: str) -> None:
    assert promql.compile(text).text == text


def refusal(text: str) -> str | None:
    try:
        promql.compile(text).evaluate(fleet.View(), (fleet.START_MS + 2_400_000) * 1_000_000, extra_labels=fleet.TARGET)
    except promql.PromqlError as error:
        return str(error)
    return None


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_evaluated_or_refused(text: str) -> None:
    assert refusal(text) != ""


VOCABULARY = """( ) [ ] { } , + - * / % ^ == != > < >= <= =~ !~ = @ :
and or unless by without on ignoring group_left group_right bool offset start() end() 5m 1m: 15s 3 0 -1 1e3 NaN Inf
sum topk quantile count_values rate increase delta max_over_time absent absent_over_time label_replace scalar
vector time round clamp histogram_quantile timestamp hour predict_linear limit temperature rack name extreme
"a" 'rack' "(.*)" {rack='a'} [5m] [10m:1m] (limit) (limit[5m]) #"""
WORDS = [*VOCABULARY.split(), "\n"]


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join))
def test_any_words_are_evaluated_or_refused(text: str) -> None:
    assert refusal(text) != ""


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9), st.data())
def test_any_damage_to_an_expression_is_evaluated_or_refused(seed: int, data: st.DataObject) -> None:
    text = next(expressions.generated(1, seed))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 5)))

    damage = data.draw(st.sampled_from(["", "(", ")", " ", "[5m]", "{", "0", "or"]))

    assert refusal(text[:start] + damage + text[end:]) != ""


@pytest.mark.parametrize(("wanted", "text"), [("scalar", "up"), ("vector", "up[5m]"), ("ranged", "up")])
def test_a_part_of_the_wrong_kind_is_refused_though_the_parser_let_it_pass(wanted: str, text: str) -> None:
    planner = Planner(text, [])

    with pytest.raises(promql.ExpressionError, match=r"^1:1: expected a"):
        getattr(planner, wanted)(promql_parser.parse(text), Surroundings())
