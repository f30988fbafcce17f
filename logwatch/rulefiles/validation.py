"""Turns pydantic's errors into mistakes with a place, a cause and a cure."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from logwatch.errors import Mistake, mistake
from logwatch.rulefiles.vocabulary import closest, did_you_mean
from logwatch.rulefiles.yaml import Node

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[int | str, ...]

# Words of other tools, and our keys for them.
ALIASES = {
    "desc": "description",
    "programs": "program",
    "tag": "program",
    "tags": "program",
    "regex": "match: {regex: '…'}",
    "pattern": "match",
    "patterns": "match",
    "condition": "match",
    "labels": "attributes",
    "level": "severity",
    "priority": "severity",
    "tests": "examples",
    "timeframe": "within",
    "group_by": "by",
    "type": "event",
    "lines": "examples",
}

# What to write for a missing key.
CURES = {
    "match": "write match: 'text that the message contains'",
    "name": "write name: a-short-name, unique in its file",
    "event": "write event: type.action",
    "line": "write line: '…', as it is in a log",
    "help": "write help: one sentence about what is counted",
    "within": "write within: 30s",
    "regex": "write regex: '…'",
    "url": "write url: http://…",
}


def validate(model: type[Model], node: Node) -> tuple[Model | None, list[Mistake]]:
    """Read a model from a node; None with every mistake in it."""
    try:
        return model.model_validate(node.plain()), []
    except ValidationError as error:
        details = error.errors(include_url=False)
        meant = {
            (*detail["loc"][:-1], _meant(detail, model)) for detail in details if detail["type"] == "extra_forbidden"
        }
        wrong = [detail for detail in details if detail["type"] != "missing" or detail["loc"] not in meant]
        return None, sorted({_mistake(detail, model, node) for detail in wrong})


def _meant(detail: ErrorDetails, model: type[BaseModel]) -> str | None:
    """The key that an unknown one is a typing error of: it is not reported as missing as well."""
    return closest(str(detail["loc"][-1]), keys_at(model, detail["loc"][:-1]))


def _mistake(detail: ErrorDetails, model: type[BaseModel], node: Node) -> Mistake:
    location = detail["loc"]
    if detail["type"] == "extra_forbidden":
        key = str(location[-1])
        return mistake(node.at(location[:-1]).key_mark(key), _unknown_key(key, keys_at(model, location[:-1])))
    if location and location[-1] == "[key]":
        return mistake(node.at(location[:-2]).key_mark(str(location[-2])), _explain(detail))
    return mistake(node.at(location).mark, _explain(detail))


def _unknown_key(key: str, known: Sequence[str]) -> str:
    alias = ALIASES.get(key, "")
    if alias.partition(":")[0] in known:
        return f"unknown key '{key}' (did you mean '{alias}'?)"
    nearest = did_you_mean(key, known)
    return f"unknown key '{key}'{nearest}" if nearest else f"unknown key '{key}': the keys here are {', '.join(known)}"


def _explain(detail: ErrorDetails) -> str:
    explain = EXPLANATIONS.get(detail["type"])
    return explain(detail) if explain is not None else detail["msg"]


def _missing(detail: ErrorDetails) -> str:
    key = str(detail["loc"][-1])
    cure = CURES.get(key)
    return f"key '{key}' is missing" + (f": {cure}" if cure else "")


def _choice(detail: ErrorDetails) -> str:
    words = re.findall(r"'([^']*)'", str(detail.get("ctx", {}).get("expected", "")))
    value = shown(detail["input"])
    nearest = closest(detail["input"], words) if isinstance(detail["input"], str) else None
    if nearest is not None:
        return f"{value} is not a value of this key (did you mean '{nearest}'?)"
    return f"{value} is not a value of this key: write {', '.join(words[:-1])} or {words[-1]}"


def _text(detail: ErrorDetails) -> str:
    value = detail["input"]
    cure = f": put it in quotes, '{shown(value)}'" if isinstance(value, bool) else ""
    return f"expected text, not {shown(value)}{cure}"


def _number(detail: ErrorDetails) -> str:
    return f"expected a number, not {shown(detail['input'])}: write for instance 500"


def _bound(word: str, key: str) -> Callable[[ErrorDetails], str]:
    return lambda detail: (
        f"{shown(detail['input'])} is too {word}: write {detail['ctx'][key]} or {'more' if word == 'small' else 'less'}"
    )


def _too_short(_detail: ErrorDetails) -> str:
    return "the value is empty: give at least one item, or remove the key"


EXPLANATIONS: dict[str, Callable[[ErrorDetails], str]] = {
    "missing": _missing,
    "enum": _choice,
    "literal_error": _choice,
    "bool_type": lambda detail: f"expected true or false, not {shown(detail['input'])}",
    "string_type": _text,
    "list_type": lambda detail: (
        f"expected a list, not {shown(detail['input'])}: write [a, b], or one '- item' in each line"
    ),
    "tuple_type": lambda detail: (
        f"expected a list, not {shown(detail['input'])}: write [a, b], or one '- item' in each line"
    ),
    "dict_type": lambda detail: f"expected keys with values, not {shown(detail['input'])}: write 'key: value' below it",
    "model_type": lambda detail: (
        f"expected keys with values, not {shown(detail['input'])}: write 'key: value' below it"
    ),
    "int_type": _number,
    "int_parsing": _number,
    "int_from_float": _number,
    "float_type": _number,
    "float_parsing": _number,
    "greater_than_equal": _bound("small", "ge"),
    "less_than_equal": _bound("large", "le"),
    "too_short": _too_short,
    "string_too_short": _too_short,
}


def shown(value: object) -> str:
    """A value as the author wrote it, shortened."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, dict):
        return "keys with values"
    text = str(value)
    return f"'{text}'" if len(text) <= 60 else f"'{text[:57]}…'"


def keys_at(model: type[BaseModel], location: Location) -> list[str]:
    """The keys a mapping at this place of a model may have."""
    annotation: Any = model
    for step in location:
        annotation = _inside(annotation, step)
    found = _models(annotation)
    return [field.alias or name for name, field in found[0].model_fields.items() if name != "schema_"] if found else []


def _inside(annotation: Any, step: int | str) -> Any:
    """The annotation of an item or a field."""
    for candidate in _parts(annotation):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel) and step in candidate.model_fields:
            field = candidate.model_fields[str(step)]
            return field.annotation
        origin, arguments = typing.get_origin(candidate), typing.get_args(candidate)
        if origin in {list, tuple} and isinstance(step, int):
            return arguments[0]
        if origin is dict:
            return arguments[1]
    return annotation


def _models(annotation: Any) -> list[type[BaseModel]]:
    return [part for part in _parts(annotation) if isinstance(part, type) and issubclass(part, BaseModel)]


def _parts(annotation: Any) -> list[Any]:
    """The alternatives of an annotation, without what pydantic adds to them."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _parts(typing.get_args(annotation)[0])
    if origin in {typing.Union, types.UnionType}:
        return [part for argument in typing.get_args(annotation) for part in _parts(argument)]
    if origin is Literal:
        return []
    return [annotation]
