"""The functions of alert templates, by the formulas of Prometheus (template/template.go) and Go."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import re2

from logwatch.notation import float_text, quoted
from logwatch.promql.vector_functions import expand

Value = str | float | int | bool | Mapping[str, str]
MANY = 99
LONGEST = 65_536
"""Characters that a function, and a whole template, may give: annotations are for people."""
VERB = re.compile(r"%(?P<flags>[-+# 0]*)(?P<width>\d*)(?P<precision>\.\d*)?(?P<verb>.)", re.DOTALL)
ESCAPE = re.compile(r"\\(?P<text>.)", re.DOTALL)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


TOO_LONG = f"the text is longer than {LONGEST} characters"


class ValueMistakeError(ValueError):
    """A function cannot use the value it was given."""


class Function(NamedTuple):
    """A function and how many arguments it takes."""

    call: Callable[..., Value]
    least: int
    most: int

    @property
    def wants(self) -> str:
        """How many arguments, in words."""
        if self.most == MANY:
            return f"{self.least} or more values"
        return "one value" if self.most == 1 else f"{self.most} values"

    def apply(self, arguments: Sequence[Value]) -> Value:
        """Call it; raises ValueMistakeError."""
        return bounded(self.call(*arguments))


def bounded(value: Value) -> Value:
    """The value; raises ValueMistakeError for a text that is too long."""
    if isinstance(value, str) and len(value) > LONGEST:
        raise ValueMistakeError(TOO_LONG)
    return value


# ── values ───────────────────────────────────────────────────────────────────────────


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
    if isinstance(value, bool | Mapping):
        raise ValueMistakeError(f"{written(value)} is not a number")
    try:
        return float(value)
    except (ValueError, OverflowError) as error:
        raise ValueMistakeError(f"{value!r} is not a number") from error


def written(value: Value) -> str:
    """A value as Go prints it with %v."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value, "g")
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{key}:{value[key]}' for key in sorted(value))}]"
    return str(value)


def four_digits(value: float) -> str:
    """Go's %.4g."""
    return f"{value:.4g}" if math.isfinite(value) else float_text(value)


# ── for people ───────────────────────────────────────────────────────────────────────


def humanize(given: Value) -> str:
    """With a metric prefix: 1234567 is 1.235M."""
    value, prefix = number(given), ""
    if value == 0 or not math.isfinite(value):
        return four_digits(value)
    if abs(value) >= 1:
        for each in "kMGTPEZY":
            if abs(value) < 1000:
                break
            prefix, value = each, value / 1000
    else:
        value, prefix = _small(value)
    return four_digits(value) + prefix


def _small(value: float) -> tuple[float, str]:
    prefix = ""
    for each in "munpfazy":
        if abs(value) >= 1:
            break
        prefix, value = each, value * 1000
    return value, prefix


def humanize1024(given: Value) -> str:
    """With a binary prefix: 1048576 is 1Mi."""
    value, prefix = number(given), ""
    if abs(value) <= 1 or not math.isfinite(value):
        return four_digits(value)
    for each in ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"):
        if abs(value) < 1024:
            break
        prefix, value = each, value / 1024
    return four_digits(value) + prefix


def humanize_duration(given: Value) -> str:
    """Seconds in words: 3661 is 1h 1m 1s."""
    value = number(given)
    if not math.isfinite(value):
        return four_digits(value)
    if value and abs(value) < 1:
        small, prefix = _small(value)
        return f"{four_digits(small)}{prefix}s"
    sign, whole = ("-" if value < 0 else ""), int(abs(value))
    seconds, minutes, hours, days = whole % 60, whole // 60 % 60, whole // 3600 % 24, whole // 86400
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    return f"{sign}{minutes}m {seconds}s" if minutes else f"{sign}{four_digits(abs(value))}s"


def humanize_timestamp(given: Value) -> str:
    """Seconds since 1970 as Go prints a time."""
    value = number(given)
    if not math.isfinite(value):
        return four_digits(value)
    try:
        moment = EPOCH + timedelta(seconds=value)
    except OverflowError as error:
        raise ValueMistakeError(f"{float_text(value, 'g')} is not a time") from error
    fraction = f".{moment.microsecond // 1000:03d}".rstrip("0.")  # Prometheus' times are in milliseconds
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"


def title(given: Value) -> str:
    """Each word with a capital."""
    return re.sub(r"(?<!\w)\w", lambda match: match.group().upper(), _text(given))


def re_replace_all(pattern: Value, replacement: Value, text: Value) -> str:
    """Replace what the pattern matches; $1 and ${name} are its groups."""
    options = re2.Options()
    options.log_errors = False
    try:
        regex = re2.compile(_text(pattern), options)
    except re2.error as error:
        raise ValueMistakeError(f"{pattern!r} is not a regex in RE2 syntax") from error
    size = 0

    def expanded(match: re.Match[str]) -> str:
        nonlocal size
        filled = expand(_text(replacement), match, regex)
        size += len(filled)
        if size > LONGEST:
            raise ValueMistakeError(TOO_LONG)
        return filled

    return str(regex.sub(expanded, _text(text)))


def _text(given: Value) -> str:
    if not isinstance(given, str):
        raise ValueMistakeError(f"{written(given)} is not a text: put it through printf first")
    return given


# ── printf and comparisons ───────────────────────────────────────────────────────────


def printf(pattern: Value, *values: Value) -> str:
    """Go's fmt.Sprintf for the verbs d e f g q s t v x and %%."""
    rest = list(values)
    size = 0

    def fill(match: re.Match[str]) -> str:
        nonlocal size
        size += _room(match["width"]) + _room((match["precision"] or "")[1:])
        if size > LONGEST:
            raise ValueMistakeError(TOO_LONG)
        if match["verb"] == "%":
            return "%"
        if not rest:
            return f"%!{match['verb']}(MISSING)"
        return _verb(match, rest.pop(0))

    filled = VERB.sub(fill, _text(pattern))
    return filled + (f"%!(EXTRA {', '.join(f'{_kind(value)}={written(value)}' for value in rest)})" if rest else "")


def _room(digits: str) -> int:
    """The number that a verb asks for as width or precision; one of many digits is merely too large."""
    return int(digits or 0) if len(digits) < len(str(LONGEST)) + 1 else LONGEST + 1


def _verb(match: re.Match[str], value: Value) -> str:
    verb, python = match["verb"], f"%{match['flags']}{match['width']}{match['precision'] or ''}"
    if isinstance(value, float) and verb in "eEfFgG":
        return _float(match, value)
    if isinstance(value, int) and not isinstance(value, bool) and verb in "dxX":
        return (python + verb) % value
    if isinstance(value, str) and verb in "sqxX":
        text = {"s": value, "q": quoted(value)}.get(verb) or value.encode().hex()
        return (python + "s") % text
    if verb == "t" and isinstance(value, bool):
        return written(value)
    if verb == "v":
        return f"%{match['flags'].replace('0', '')}{match['width']}s" % written(value)
    return f"%!{verb}({_kind(value)}={written(value)})"


def _float(match: re.Match[str], value: float) -> str:
    padded = f"%{'-' if '-' in match['flags'] else ''}{match['width']}s"
    if not math.isfinite(value):
        return padded % float_text(value)
    if match["verb"] in "gG" and match["precision"] is None:
        return padded % (float_text(value, "g") if match["verb"] == "g" else float_text(value, "g").upper())
    return f"%{match['flags']}{match['width']}{match['precision'] or ''}{match['verb']}" % value


def _kind(value: Value) -> str:
    names = {bool: "bool", int: "int", float: "float64", str: "string"}
    return names.get(type(value), "template.Labels")


def _comparable(left: Value, right: Value) -> None:
    """Go compares what is of one kind only; raises ValueMistakeError."""
    if type(left) is type(right) and not isinstance(left, Mapping):
        return
    if {type(left), type(right)} == {int, float}:
        whole = left if isinstance(left, int) else right
        raise ValueMistakeError(f"a value is not compared with a whole number: write {whole}.0")
    raise ValueMistakeError(f"{_kind(left)} and {_kind(right)} cannot be compared")


def _equal(left: Value, *others: Value) -> bool:
    for other in others:
        _comparable(left, other)
    return any(left == other for other in others)


def _less(left: Value, right: Value) -> bool:
    _comparable(left, right)
    if isinstance(left, bool):
        raise ValueMistakeError("true and false have no order")
    return left < right  # type: ignore[operator]  # both are of one kind that has an order


def _less_or_equal(left: Value, right: Value) -> bool:
    return _less(left, right) or left == right


def _and(*values: Value) -> Value:
    return next((value for value in values if not truth(value)), values[-1])


def _or(*values: Value) -> Value:
    return next((value for value in values if truth(value)), values[-1])


FUNCTIONS: dict[str, Function] = {
    "printf": Function(printf, 1, MANY),
    "humanize": Function(humanize, 1, 1),
    "humanize1024": Function(humanize1024, 1, 1),
    "humanizeDuration": Function(humanize_duration, 1, 1),
    "humanizePercentage": Function(lambda given: f"{four_digits(number(given) * 100)}%", 1, 1),
    "humanizeTimestamp": Function(humanize_timestamp, 1, 1),
    "title": Function(title, 1, 1),
    "toUpper": Function(lambda given: _text(given).upper(), 1, 1),
    "toLower": Function(lambda given: _text(given).lower(), 1, 1),
    "reReplaceAll": Function(re_replace_all, 3, 3),
    "match": Function(lambda pattern, text: re2.search(_text(pattern), _text(text)) is not None, 2, 2),
    "eq": Function(_equal, 2, MANY),
    "ne": Function(lambda left, right: not _equal(left, right), 2, 2),
    "lt": Function(_less, 2, 2),
    "le": Function(_less_or_equal, 2, 2),
    # As Go has it: more is what is not less or equal, so NaN is more than anything.
    "gt": Function(lambda left, right: not _less_or_equal(left, right), 2, 2),
    "ge": Function(lambda left, right: not _less(left, right), 2, 2),
    "and": Function(_and, 1, MANY),
    "or": Function(_or, 1, MANY),
    "not": Function(lambda given: not truth(given), 1, 1),
}
"""By name. `match` and the comparisons are Go's own or Prometheus' too."""
COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
NOT_HERE = frozenset(
    {
        "query",
        "first",
        "label",
        "value",
        "sortByLabel",
        "strvalue",
        "range",
        "define",
        "template",
        "with",
        "block",
        "args",
        "tmpl",
        "safeHtml",
        "graphLink",
        "tableLink",
        "pathPrefix",
        "externalURL",
        "parseDuration",
        "toTime",
    }
)
"""What Prometheus has beyond this; most of it asks its own storage."""
