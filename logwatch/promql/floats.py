"""Arithmetic as Go does it: no operation on floats ever fails, it gives an infinity or NaN."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

INF = math.inf
NAN = math.nan


def divide(left: float, right: float) -> float:
    """Divide; by zero gives an infinity or NaN."""
    try:
        return left / right
    except ZeroDivisionError:
        if left == 0 or left != left:
            return NAN
        return math.copysign(INF, left) * math.copysign(1.0, right)


def modulo(left: float, right: float) -> float:
    """The remainder with the sign of `left`."""
    try:
        return math.fmod(left, right)
    except ValueError:
        return NAN


def power(base: float, exponent: float) -> float:
    """Raise to a power; what has no real result is NaN."""
    odd = exponent % 2 == 1 if math.isfinite(exponent) else False
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -INF if base < 0 and odd else INF
    except ValueError:
        if base == 0:
            return math.copysign(INF, base) if odd else INF
        return NAN


def total(function: Callable[[float], float]) -> Callable[[float], float]:
    """Make a function of `math` total: a pole or no real result is NaN, overflow keeps the sign."""

    def apply(value: float) -> float:
        try:
            return function(value)
        except ValueError:
            return NAN
        except OverflowError:
            return math.copysign(INF, value) if function is math.sinh else INF

    return apply


def logarithm(function: Callable[[float], float]) -> Callable[[float], float]:
    """Make a logarithm total: that of 0 is -Inf."""

    def apply(value: float) -> float:
        if value > 0:
            return function(value)
        return -INF if value == 0 else NAN

    return apply


def atanh(value: float) -> float:
    """The inverse hyperbolic tangent, with its poles."""
    if abs(value) == 1:
        return math.copysign(INF, value)
    return math.atanh(value) if abs(value) < 1 else NAN


def ceil(value: float) -> float:
    """Round up; infinities and NaN stay."""
    return math.copysign(math.ceil(value), value) if math.isfinite(value) else value


def floor(value: float) -> float:
    """Round down; infinities and NaN stay."""
    return math.copysign(math.floor(value), value) if math.isfinite(value) else value


def sign(value: float) -> float:
    """-1, 0 or 1; NaN stays."""
    if value > 0:
        return 1.0
    return -1.0 if value < 0 else value


def smallest(values: Sequence[float]) -> float:
    """The minimum of at least one value; NaN counts only when there is nothing else."""
    least = min(values)
    # A NaN wins only from the first place: no comparison with it is ever true.
    return least if least == least else min((value for value in values if value == value), default=NAN)


def largest(values: Sequence[float]) -> float:
    """The maximum of at least one value; NaN counts only when there is nothing else."""
    most = max(values)
    return most if most == most else max((value for value in values if value == value), default=NAN)


def total_of(values: Sequence[float]) -> float:
    """The sum, rounded once."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):  # too large on the way, or infinities of both signs
        return sum(values)


def add(increment: float, total: float, rest: float) -> tuple[float, float]:
    """Add to a sum that remembers what rounding takes away (Kahan and Neumaier)."""
    added = total + increment
    if abs(total) >= abs(increment):
        return added, rest + ((total - added) + increment)
    return added, rest + ((increment - added) + total)


def mean_of(values: Sequence[float]) -> float:
    """The mean of at least one value, by Prometheus' formula to the last digit (funcAvgOverTime).

    A digit matters: where equal means differed in it, `changes` and `resets` of them would count.
    """
    if values.count(values[0]) == len(values):
        return values[0]
    mean = rest = 0.0
    for count, value in enumerate(values, 1):
        if math.isinf(mean) and not math.isnan(value) and (math.isfinite(value) or (mean > 0) == (value > 0)):
            continue
        mean, rest = add(value / count - mean / count, mean, rest)
    return mean if math.isinf(mean) else mean + rest


def quantile(q: float, values: Sequence[float]) -> float:
    """The q-quantile of at least one value, linear between the two nearest; NaN sorts first.

    Source: promql/quantile.go.
    """
    if q != q:
        return NAN
    if q < 0:
        return -INF
    if q > 1:
        return INF
    ordered = sorted(values, key=_nan_first)
    rank = q * (len(ordered) - 1)
    lower = math.floor(rank)
    upper = min(len(ordered) - 1, lower + 1)
    weight = rank - lower
    return ordered[lower] * (1 - weight) + ordered[upper] * weight


def _nan_first(value: float) -> tuple[bool, float]:
    return (False, 0.0) if value != value else (True, value)
