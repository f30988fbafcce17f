"""The functions of alert templates, by the formulas of Prometheus (template/template.go) and Go."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import quote_plus, urlsplit

from logwatch.alerting.templates.values import (
    Value,
    ValueMistakeError,
    field_of,
    four_digits,
    kind_of,
    number,
    text_of,
    time_text,
    to_time,
    truth,
    value_text,
)
from logwatch.notation import duration, float_text, quoted
from logwatch.promql.matchers import Match, Regex, RegexError, compile_regex
from logwatch.promql.vector_functions import expand

MANY = 99
LONGEST = 65_536
"""Characters that a function, and a whole template, may give: annotations are for people."""
VERB = re.compile(r"%(?P<flags>[-+# 0]*)(?P<width>\d*)(?P<precision>\.\d*)?(?P<verb>.)", re.DOTALL)
HOST_PORT = re.compile(
    r"""
    (?: (?P<host>[^:\[\]]*)      # db.example.org:9100
      | \[(?P<bare>[^\[\]]*)\]  # [::1]:9100
    )
    :(?P<port>[^:\[\]]*)
    """,
    re.VERBOSE,
)


TOO_LONG = f"the text is longer than {LONGEST} characters"


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
    return time_text(to_time(value))


def title(given: Value) -> str:
    """Each word with a capital."""
    return re.sub(r"(?<!\w)\w", lambda match: match.group().upper(), text_of(given))


def _regex(pattern: Value) -> Regex:
    try:
        return compile_regex(text_of(pattern))
    except RegexError as error:
        raise ValueMistakeError(f"{pattern!r} is not a regex in RE2 syntax") from error


def re_replace_all(pattern: Value, replacement: Value, text: Value) -> str:
    """Replace what the pattern matches; $1 and ${name} are its groups."""
    regex = _regex(pattern)
    size = 0

    def expanded(match: Match) -> str:
        nonlocal size
        try:
            filled = expand(text_of(replacement), match, regex, LONGEST)
        except OverflowError as error:
            raise ValueMistakeError(TOO_LONG) from error
        size += len(filled)
        if size > LONGEST:
            raise ValueMistakeError(TOO_LONG)
        return filled

    return regex.sub(expanded, text_of(text))


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

    filled = VERB.sub(fill, text_of(pattern))
    return filled + (
        f"%!(EXTRA {', '.join(f'{kind_of(value)}={value_text(value)}' for value in rest)})" if rest else ""
    )


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
        return value_text(value)
    if verb == "v":
        return f"%{match['flags'].replace('0', '')}{match['width']}s" % value_text(value)
    return f"%!{verb}({kind_of(value)}={value_text(value)})"


def _float(match: re.Match[str], value: float) -> str:
    padded = f"%{'-' if '-' in match['flags'] else ''}{match['width']}s"
    if not math.isfinite(value):
        return padded % float_text(value)
    if match["verb"] in "gG" and match["precision"] is None:
        return padded % (float_text(value, "g") if match["verb"] == "g" else float_text(value, "g").upper())
    return f"%{match['flags']}{match['width']}{match['precision'] or ''}{match['verb']}" % value


def _comparable(left: Value, right: Value) -> None:
    """Go compares what is of one kind only; raises ValueMistakeError."""
    if type(left) is type(right) and isinstance(left, str | bool | int | float):
        return
    if {type(left), type(right)} == {int, float}:
        whole = left if isinstance(left, int) else right
        raise ValueMistakeError(f"a value is not compared with a whole number: write {whole}.0")
    raise ValueMistakeError(f"{kind_of(left)} and {kind_of(right)} cannot be compared")


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


# ── parts of values ──────────────────────────────────────────────────────────────────


def _index(value: Value, *keys: Value) -> Value:
    for key in keys:
        if isinstance(value, str) or not isinstance(value, Sequence):
            value = field_of(value, text_of(key))
        elif type(key) is int and 0 <= key < len(value):
            value = value[key]
        else:
            raise ValueMistakeError(f"index {value_text(key)} out of range")
    return value


def _length(value: Value) -> int:
    if not isinstance(value, str | Mapping | Sequence):
        raise ValueMistakeError(f"{kind_of(value)} has no length")
    return len(value.encode("utf-8", "replace")) if isinstance(value, str) else len(value)


def _printed(*values: Value) -> str:
    """Go's fmt.Sprint: a blank between two values neither of which is a text."""
    texts: list[str] = []
    for place, value in enumerate(values):
        between = place and not isinstance(value, str) and not isinstance(values[place - 1], str)
        texts.append(f"{' ' if between else ''}{value_text(value)}")
    return "".join(texts)


def _arguments(*values: Value) -> Mapping[str, Value]:
    return {f"arg{place}": value for place, value in enumerate(values)}


# ── results of queries ───────────────────────────────────────────────────────────────


def _samples(given: Value) -> Sequence[Value]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise ValueMistakeError(f"{kind_of(given)} is not the result of a query")
    return given


def _first(given: Value) -> Value:
    samples = _samples(given)
    if not samples:
        raise ValueMistakeError("first() called on vector with no elements")
    return samples[0]


def _label(name: Value, sample: Value) -> Value:
    return field_of(field_of(sample, "Labels"), text_of(name))


# ── addresses and links ──────────────────────────────────────────────────────────────


def _host_and_port(text: str) -> tuple[str, str]:
    """Go's net.SplitHostPort; what is not of that form is a host."""
    found = HOST_PORT.fullmatch(text)
    if found is None:
        return text, ""
    return found["host"] if found["bare"] is None else found["bare"], found["port"]


def strip_port(given: Value) -> str:
    """host:port without the port; what is not of that form stays."""
    return _host_and_port(text_of(given))[0]


def strip_domain(given: Value) -> str:
    """The first label of a host's name; a port and IP addresses stay."""
    text = text_of(given)
    host, port = _host_and_port(text)
    try:
        ip_address(host)
    except ValueError:
        name = host.partition(".")[0]
        joined = f"[{name}]" if ":" in name else name
        return f"{joined}:{port}" if port else name
    return text


def _seconds(given: Value) -> float:
    text = text_of(given)
    try:
        return duration(text) / timedelta(seconds=1)
    except ValueError as error:
        raise ValueMistakeError(f"{text!r} is not a duration") from error


def _link(expression: Value, tab: int) -> str:
    """Below the external URL, as Prometheus' own page has it."""
    return f"/graph?g0.expr={quote_plus(text_of(expression))}&g0.tab={tab}"


HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;", "\0": "\ufffd"})
FUNCTIONS: dict[str, Function] = {
    "printf": Function(printf, 1, MANY),
    "humanize": Function(humanize, 1, 1),
    "humanize1024": Function(humanize1024, 1, 1),
    "humanizeDuration": Function(humanize_duration, 1, 1),
    "humanizePercentage": Function(lambda given: f"{four_digits(number(given) * 100)}%", 1, 1),
    "humanizeTimestamp": Function(humanize_timestamp, 1, 1),
    "title": Function(title, 1, 1),
    "toUpper": Function(lambda given: text_of(given).upper(), 1, 1),
    "toLower": Function(lambda given: text_of(given).lower(), 1, 1),
    "reReplaceAll": Function(re_replace_all, 3, 3),
    "match": Function(lambda pattern, text: _regex(pattern).search(text_of(text)) is not None, 2, 2),
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
    "len": Function(_length, 1, 1),
    "index": Function(_index, 1, MANY),
    "print": Function(_printed, 0, MANY),
    "println": Function(lambda *values: " ".join(map(value_text, values)) + "\n", 0, MANY),
    "args": Function(_arguments, 0, MANY),
    "query": Function(text_of, 1, 1),
    "first": Function(_first, 1, 1),
    "label": Function(_label, 2, 2),
    "value": Function(lambda sample: field_of(sample, "Value"), 1, 1),
    "strvalue": Function(lambda sample: _label("__value__", sample), 1, 1),
    "sortByLabel": Function(
        lambda name, given: tuple(sorted(_samples(given), key=lambda each: text_of(_label(name, each)))), 2, 2
    ),
    "safeHtml": Function(lambda text: text_of(text), 1, 1),
    "toTime": Function(to_time, 1, 1),
    "parseDuration": Function(_seconds, 1, 1),
    "stripPort": Function(strip_port, 1, 1),
    "stripDomain": Function(strip_domain, 1, 1),
    "tableLink": Function(lambda expression: _link(expression, 1), 1, 1),
    "graphLink": Function(lambda expression: _link(expression, 0), 1, 1),
    "externalURL": Function(text_of, 0, 0),
    "pathPrefix": Function(lambda url: urlsplit(text_of(url)).path, 0, 0),
    "urlquery": Function(lambda *values: quote_plus(_printed(*values)), 1, MANY),
    "html": Function(lambda *values: _printed(*values).translate(HTML), 1, MANY),
}
"""By name. `match` and the comparisons are Go's own or Prometheus' too; `query` itself is `tree.Ask`."""
COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
OF_URL = frozenset({"externalURL", "pathPrefix"})
"""Their argument is the external URL."""
NOT_HERE = frozenset({"block", "break", "continue", "js", "slice", "tmpl", "call"})
"""Words of Prometheus and Go beyond this."""
