"""Whether time alone can change a result."""

import pytest

from logwatch import promql
from logwatch.promql import Motion

FADING = ["a > time() - 300", "a >= time()", "time() - 300 < a", "(a > time() - 5) and b", "b and a > time() - 5"]
FADING += ["a > time() - 900 unless b > 1", "(a > time() - 5) > 3", "max by (x) (a) > time() - 5", "a - b > time()"]
STEADY = [
    "a",
    "increase(a[15m]) >= 4",
    "a == 1 unless b",
    "absent(a)",
    "sum by (x) (rate(a[5m])) / 2",
    "-a",
    "vector(1)",
]
STEADY += ["a > b", "a or b", "topk(3, a)", "1 + 2"]
MOVING = [
    "time() - a > 300",
    "a < time() - 300",
    "a > 300 - time()",
    "max_over_time(a[1h:1m])",
    "a > bool time()",
    "hour()",
]
MOVING += ["b unless a > time() - 5", "b or a > time() - 5", "count(a > time() - 5)", "deriv(a[5m])", "a == time()"]
MOVING += ["-(a > time() - 5)", "a + time()", "timestamp(a)", "vector(time())", "(a > time()) > b", "1 > bool time()"]


@pytest.mark.parametrize(
    ("text", "motion"),
    [
        *((text, Motion.STEADY) for text in STEADY),
        *((text, Motion.FADING) for text in FADING),
        *((text, Motion.MOVING) for text in MOVING),
    ],
)
def test_an_expression_moves(text, motion):
    assert promql.compile(text).motion is motion
