"""Field types of the schema: text that must also make sense, with what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Annotated, Any

import re2
from pydantic import AfterValidator, BeforeValidator, GetJsonSchemaHandler, StrictBool, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

from logwatch.rulefiles import units
from logwatch.rulefiles.placeholders import PLACEHOLDER, fields_of
from logwatch.rulefiles.vocabulary import event_mistake

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
TAG = re.compile(r"[^\s:\[\]]+")
ATTRIBUTE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")

# RE2 refuses these on purpose: they cannot be matched in linear time.
UNSUPPORTED = {
    "(?=": "look-ahead",
    "(?!": "negative look-ahead",
    "(?<": "look-behind",
    "(?>": "an atomic group",
}


def refuse(text: str) -> PydanticCustomError:
    """An error whose message is `text`, as it stands."""
    return PydanticCustomError("logwatch", "{text}", {"text": text})


def re2_options() -> re2.Options:
    """Latin-1 over bytes, as the extractor matches: RE2's UTF-8 mode refuses bytes such as 0xff."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    return options


def compile_re2(pattern: str) -> Any:
    """Compile as the extractor does; ValueError says what RE2 refuses and what to write."""
    try:
        return re2.compile(pattern.encode(), re2_options())
    except re2.error as error:
        raise ValueError(_re2_mistake(error)) from None


def groups_of(pattern: str) -> list[str]:
    """Names of the groups of a pattern that compiles."""
    return [name.decode() for name in compile_re2(pattern).groupindex]


def _re2_mistake(error: re2.error) -> str:
    says = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else str(error.args[0])
    for syntax, name in UNSUPPORTED.items():
        if syntax in says:
            return f"RE2 has no {name} '{syntax}…': match the text itself, or exclude lines with a second rule"
    if re.search(r"escape sequence: \\[1-9]", says):
        return f"RE2 has no back-references ({says}): write the text out"
    return f"not a regex in RE2 syntax: {says}"


def _regex(pattern: str) -> str:
    try:
        compiled = compile_re2(pattern)
    except ValueError as error:
        raise refuse(str(error)) from None
    if compiled.search(b"") is not None:
        raise refuse("the pattern matches empty text, so every line: require at least one character")
    if "\n" in pattern:
        raise refuse("a pattern stays inside its line: remove the line break (write it in single quotes on one line)")
    return pattern


def _capturing(pattern: str) -> str:
    try:
        names = groups_of(pattern)
    except ValueError as error:
        raise refuse(str(error)) from None
    if not names:
        raise refuse("the pattern names no group, so it gives no field: write (?P<field>…)")
    return pattern


def _literal(text: str) -> str:
    if not text.strip():
        raise refuse("empty text is in every line: write what the message contains")
    if "\n" in text:
        raise refuse(
            "text to match stays inside its line: remove the line break (write it in single quotes on one line)"
        )
    return text


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
    what = event_mistake(PLACEHOLDER.sub("x", text))
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
    if LABEL.fullmatch(text) is None:
        raise refuse(
            f"'{text}' is no label name: use letters, digits and _, such as '{re.sub('[^a-zA-Z0-9_]', '_', text)}'"
        )
    if text.startswith("__") or text in {"le", "quantile"}:
        raise refuse(f"label '{text}' is Prometheus' own: choose another name")
    if text in {"job", "instance"}:
        raise refuse(f"label '{text}' is set by every scrape: choose another name")
    return text


def parsed_by(read: Callable[[str], Any], kind: type) -> BeforeValidator:
    """Read a field from text with a function that explains itself by ValueError."""

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
    """Tells editors that one item may stand for a list of one."""

    @staticmethod
    def __get_pydantic_json_schema__(schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Allow the item beside the list."""
        listed = handler(schema)
        return {"anyOf": [listed["items"], listed]}


def listed(value: object) -> object:
    """One item stands for a list of one."""
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
    str, AfterValidator(_event), WithJsonSchema({"type": "string", "pattern": r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$"})
]
EventTemplate = Annotated[str, AfterValidator(_event_template)]
Duration = Annotated[
    timedelta,
    parsed_by(units.duration, timedelta),
    WithJsonSchema({"type": "string", "pattern": r"^([0-9]+(y|w|d|h|ms|m|s))+$|^0$", "examples": ["30s", "5m", "7d"]}),
]
Size = Annotated[
    int,
    parsed_by(units.size, int),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+([KMGT]i?B|B)$", "examples": ["64MB"]}),
]
