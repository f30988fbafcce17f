"""The values of templates, and what Go makes of them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from logwatch.notation import float_text

Value = str | float | int | bool | datetime | None | Mapping[str, "Value"] | Sequence["Value"]
"""A sequence is the result of a query; each sample has `Labels` and `Value`."""
ESCAPE = re.compile(r"\\(?P<text>.)", re.DOTALL)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ValueMistakeError(ValueError):
    """A function cannot use the value it was given."""


def unquoted(text: str) -> str:
    """The content of a Go string literal."""
    if text.startswith("`"):
        return text[1:-1]
    known = {"n": "\n", "t": "\t", "r": "\r"}
    return ESCAPE.sub(lambda match: known.get(match["text"], match["text"]), text[1:-1])


def truth(value: Value) -> bool:
    """What `if` makes of a value: zero, false and empty do not hold."""
    return value != value or bool(value) if isinstance(value, float) else bool(value)


def number(value: Value) -> float:
    """A number, also written as text; raises ValueMistakeError."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise ValueMistakeError(f"{value_text(value)} is not a number")
    try:
        return float(value)
    except (ValueError, OverflowError) as error:
        raise ValueMistakeError(f"{value!r} is not a number") from error


def value_text(value: Value) -> str:
    """A value as Go prints it with %v."""
    if isinstance(value, str):  # as most are
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value, "g")
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{key}:{value_text(value[key])}' for key in sorted(value))}]"
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, Sequence):
        return f"[{' '.join(map(value_text, value))}]"
    return "<nil>" if value is None else str(value)


def four_digits(value: float) -> str:
    """Go's %.4g."""
    return f"{value:.4g}" if math.isfinite(value) else float_text(value)


def text_of(given: Value) -> str:
    """A text; raises ValueMistakeError."""
    if not isinstance(given, str):
        raise ValueMistakeError(f"{value_text(given)} is not a text: put it through printf first")
    return given


def kind_of(value: Value) -> str:
    """What Go calls its kind."""
    names = {bool: "bool", int: "int", float: "float64", str: "string", datetime: "time.Time", type(None): "<nil>"}
    return names.get(type(value), "template.Labels" if isinstance(value, Mapping) else "template.queryResult")


def field_of(value: Value, name: str) -> Value:
    """What `.name` of a value is: of labels that of the name, empty if there is none."""
    if not isinstance(value, Mapping):
        raise ValueMistakeError(f"{kind_of(value)} has no part {name}")
    return value.get(name, "")


def to_time(given: Value) -> datetime:
    """Seconds since 1970 as a time."""
    value = number(given)
    try:
        return EPOCH + timedelta(seconds=value)
    except (OverflowError, ValueError) as error:
        raise ValueMistakeError(f"{float_text(value, 'g')} is not a time") from error


def time_text(moment: datetime) -> str:
    """A time as Go prints it."""
    fraction = f".{moment.microsecond // 1000:03d}".rstrip("0.")  # Prometheus' times are in milliseconds
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"
