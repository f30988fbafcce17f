"""Field types of the schema, with checks that say what to write instead, and the fields of templates."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, GetJsonSchemaHandler, StrictBool, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

from logwatch.matching import templates
from logwatch.matching.patterns import compile_regex, find_fault
from logwatch.model import LABEL_NAME, Mark, Pattern
from logwatch.notation import duration, size
from logwatch.rulefiles.vocabulary import event_mistake

FIELD = re.compile(r"[A-Za-z_@][A-Za-z0-9_@.:/-]*", re.ASCII)

EVENT_FIELDS = frozenset(f"event.{key}" for key in ("name", "id", "host", "type", "action"))
"""What `metrics:` may use in addition to the attributes."""


def fields_of(template: str) -> tuple[str, ...]:
    """Names of the fields a template uses; raises ValueError with the cause."""
    if "{{" in template:
        raise ValueError(f"'{template}' has two braces, as in Go: write one, {{field}}")
    names = templates.parse(template).fields
    for name in names:
        if FIELD.fullmatch(name) is None:
            raise ValueError(f"'{{{name}}}' names no field: write {{field}}, or {{a.b}} for JSON")
    return names


def shape(template: str, filler: str) -> str:
    """The template with `filler` in the place of each placeholder."""
    return "".join(part if isinstance(part, str) else filler for part in templates.parse(template).parts)


NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
TAG = re.compile(r"[^\s:\[\]]+")
ATTRIBUTE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")

# RE2 rejects these: they cannot be matched in linear time.
UNSUPPORTED = {
    "(?=": "look-ahead",
    "(?!": "look-ahead",
    "(?<": "look-behind",
    "(?>": "atomic group",
    **{f"\\{digit}": "back-reference" for digit in range(1, 10)},
}
INSTEAD = {
    "look-ahead": "match the text itself, or take those lines with a second rule",
    "look-behind": "match the text itself, or take those lines with a second rule",
    "atomic group": "write (?:…), which is as fast here",
    "back-reference": "write the text out",
}
NOWHERE = Mark("", 0, 0)


def refuse(text: str) -> PydanticCustomError:
    """An error whose message is exactly `text`."""
    return PydanticCustomError("logwatch", "{text}", {"text": text})


def groups_of(pattern: str) -> list[str]:
    """Names of the groups of a pattern that compiles."""
    return [name.decode() for name in compile_regex(pattern).groupindex]


def _compiles(pattern: str) -> None:
    """Reject what RE2 rejects, with what to write instead."""
    try:
        compile_regex(pattern)
    except ValueError as error:
        says = str(error)
        for syntax, name in UNSUPPORTED.items():
            if syntax in says:
                raise refuse(f"RE2 has no {name} '{syntax}…': {INSTEAD[name]}") from None
        raise refuse(f"not a regex in RE2 syntax: {says}: see https://github.com/google/re2/wiki/Syntax") from None


def _usable(text: str, *, regex: bool) -> str:
    fault = find_fault(Pattern(text, regex=regex, mark=NOWHERE))
    if fault is not None:
        raise refuse(fault)
    return text


def _regex(pattern: str) -> str:
    _compiles(pattern)
    return _usable(pattern, regex=True)


def _capturing(pattern: str) -> str:
    _compiles(pattern)
    if not groups_of(pattern):
        raise refuse("the pattern has no named group, so it gives no field: write (?P<field>…)")
    return pattern


def _literal(text: str) -> str:
    return _usable(text.strip() and text, regex=False)


def _one_line(text: str) -> str:
    if "\n" in text.rstrip("\n"):
        raise refuse("an example is one line: write each line as an example of its own")
    if not text.strip():
        raise refuse("the example is empty: paste a line of a log")
    return text.rstrip("\n")


def _template(text: str) -> str:
    try:
        fields_of(text)
    except ValueError as error:
        raise refuse(str(error)) from None
    return text


def _event(text: str) -> str:
    what = event_mistake(text)
    if what is not None:
        raise refuse(what)
    return text


def _event_template(text: str) -> str:
    _template(text)
    what = event_mistake(shape(text, "x"))
    if what is not None:
        raise refuse(
            what
            if "{" not in text
            else f"'{text}' does not make a type.action: write for instance '{{Type}}.{{Action}}'"
        )
    return text


def _spelled(text: str, *, form: re.Pattern[str], what: str) -> str:
    if form.fullmatch(text) is None:
        raise refuse(f"'{text}' is not {what}")
    return text


def _label(text: str) -> str:
    if LABEL_NAME.fullmatch(text) is None:
        raise refuse(
            f"'{text}' is not a label name: use letters, digits and _, such as '{re.sub('[^a-zA-Z0-9_]', '_', text)}'"
        )
    if text.startswith("__") or text in {"le", "quantile"}:
        raise refuse(f"label '{text}' is Prometheus' own: choose another name")
    if text in {"job", "instance"}:
        raise refuse(f"label '{text}' is set by every scrape: choose another name")
    return text


def parsed_by(read: Callable[[str], Any], kind: type) -> BeforeValidator:
    """Read a field from text with a function that raises ValueError with a cure."""

    def convert(value: object) -> object:
        if isinstance(value, kind) and not isinstance(value, str | bool):
            return value
        if not isinstance(value, str):
            raise refuse("expected text such as 30s" if kind is timedelta else "expected text such as 64MB")
        try:
            return read(value)
        except ValueError as error:
            raise refuse(str(error)) from None

    return BeforeValidator(convert)


class ListSchema:
    """Adds to the JSON Schema that a single item needs no list."""

    @staticmethod
    def __get_pydantic_json_schema__(schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Allow the item or the list."""
        listed = handler(schema)
        return {"anyOf": [listed["items"], listed]}


def listed(value: object) -> object:
    """Wrap a single item into a list."""
    return value if isinstance(value, list | tuple) or value is None else [value]


ONE_OR_MANY = (BeforeValidator(listed), ListSchema)

Flag = StrictBool
Name = Annotated[
    str,
    AfterValidator(partial(_spelled, form=NAME, what="a name: use lower-case letters, digits, - and _")),
    WithJsonSchema({"type": "string", "pattern": f"^{NAME.pattern}$"}),
]
Tag = Annotated[
    str,
    AfterValidator(partial(_spelled, form=TAG, what="a syslog tag: write it without pid, brackets, colon and blanks")),
]
AttributeName = Annotated[
    str, AfterValidator(partial(_spelled, form=ATTRIBUTE, what="an attribute name: use letters, digits, _ and ."))
]
LabelName = Annotated[str, AfterValidator(_label)]
Regex = Annotated[str, AfterValidator(_regex)]
CapturingRegex = Annotated[str, AfterValidator(_capturing)]
Literally = Annotated[str, AfterValidator(_literal)]
Line = Annotated[str, AfterValidator(_one_line)]
Template = Annotated[str, AfterValidator(_template)]
EventName = Annotated[
    str, AfterValidator(_event), WithJsonSchema({"type": "string", "pattern": r"^[a-z][a-z0-9_-]*\.[a-z][a-z0-9_-]*$"})
]
EventTemplate = Annotated[str, AfterValidator(_event_template)]
Duration = Annotated[
    timedelta,
    parsed_by(duration, timedelta),
    WithJsonSchema({"type": "string", "pattern": r"^([0-9]+(y|w|d|h|ms|m|s))+$|^0$", "examples": ["30s", "5m", "7d"]}),
]
Size = Annotated[
    int,
    parsed_by(size, int),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+([KMGT]i?B|B)$", "examples": ["64MB"]}),
]
