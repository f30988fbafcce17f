"""Fields of a message, taken one by one as templates ask for them.

A rule names one parser or several; the first that knows a field gives it. What has to be asked
for a field is settled when rules are loaded, and nothing is parsed before a field is asked
for: a logfmt key is found by looking for it, a JSON tree is built once per line and rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from logwatch.errors import RuleError, mistake
from logwatch.formats import docker_events, json, logfmt
from logwatch.formats.tags import EVENTS_TAG
from logwatch.matching.patterns import Regex, compile_regex, spans_of
from logwatch.matching.templates import Template
from logwatch.model import FieldParser, Record

LONG = 1024
"""Bytes of a message in which looking for a key again costs more than to remember its value."""


class Message:
    """A message while rules take its fields, with what was parsed of it already."""

    __slots__ = ("parsed", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.parsed: dict[object, Any] = {}
        """By what parsed it: a tree, the text that a regex was searched in with its groups, or the value of a logfmt key."""


def fields_of(record: Record) -> dict[str, str]:
    """All fields of a message, in whichever form it has them: for who shows them, not for rules."""
    message = record.message
    tree = docker_events.parse(message) if record.tag == EVENTS_TAG else json.parse(message)
    if tree is None:
        return logfmt.parse(message)
    return {key: text for key, value in tree.items() if (text := json.as_text(value)) is not None}


Getter = Callable[[Message], str | None]
Binder = Callable[[str], Getter | None]
"""Makes what gets a field; None where the parser can be known not to have it."""


def compile_template(template: Template, bind: Callable[[str], Getter]) -> Getter:
    """Return what fills a template in from a message; None if a field is absent or empty, but for a bare field."""
    if template.constant is not None:
        constant = template.constant
        return lambda _message: constant
    if template.plain is not None:
        return bind(template.plain)
    parts = [part if isinstance(part, str) else (bind(part.field), part.filters) for part in template.parts]

    def fill(message: Message) -> str | None:
        filled = []
        for part in parts:
            if isinstance(part, str):
                filled.append(part)
                continue
            get, filters = part
            value = get(message)
            for apply in filters:
                value = apply(value) if value else None
            if not value:
                return None
            filled.append(value)
        return "".join(filled)

    return fill


def compile_parsers(parsers: Sequence[FieldParser]) -> Callable[[str], Getter]:
    """Return what makes the getter of a field. Raises RuleError for a regex that RE2 refuses."""
    binders: list[Binder] = []
    for parser in parsers:
        binders.append(_binder(parser, tuple(binders)))
    return partial(_bind, tuple(binders))


def _binder(parser: FieldParser, earlier: Sequence[Binder]) -> Binder:
    if parser.kind == "logfmt":
        return _bind_logfmt
    if parser.kind == "regex":
        of = None if parser.of is None else _bind(earlier, parser.of)
        return partial(_bind_regex, _compiled(parser), of)
    return partial(_bind_tree, json.parse if parser.kind == "json" else docker_events.parse)


def _bind(binders: Sequence[Binder], field: str) -> Getter:
    getters = [getter for getter in (bind(field) for bind in binders) if getter is not None]
    return getters[0] if len(getters) == 1 else partial(_first, getters)


def _first(getters: Sequence[Getter], message: Message) -> str | None:
    for get in getters:
        value = get(message)
        if value is not None:
            return value
    return None


# ── one binder per kind ──────────────────────────────────────────────────────────────


def _bind_logfmt(field: str) -> Getter:
    value_after, needle = logfmt.value_after, b" " + field.encode() + b"="

    def get(message: Message) -> str | None:
        text = message.text
        if len(text) < LONG:
            return value_after(text, needle)
        if needle not in message.parsed:  # rules of one line ask for `msg` and `error` again and again
            message.parsed[needle] = value_after(text, needle)
        value: str | None = message.parsed[needle]
        return value

    return get


def _bind_tree(parse: Callable[[bytes], json.Tree | None], field: str) -> Getter:
    def get(message: Message) -> str | None:
        tree = message.parsed.get(parse)
        if tree is None:
            tree = message.parsed[parse] = parse(message.text) or {}
        return json.lookup(tree, field)

    return get


def _bind_regex(regex: Regex, of: Getter | None, field: str) -> Getter | None:
    index = regex.groupindex.get(field.encode())
    if index is None:
        return None
    spans_in = spans_of(regex)
    parser = regex if of is None else of  # re2 gives equal regexes as one object, `of` is the parser's own

    def get(message: Message) -> str | None:
        found = message.parsed.get(parser)
        if found is None:
            text = message.text if of is None else (of(message) or "").encode()
            found = message.parsed[parser] = text, spans_in(text)
        text, spans = found
        start, end = spans[index]
        return None if start < 0 else text[start:end].decode(errors="replace")

    return get


def _compiled(parser: FieldParser) -> Regex:
    try:
        return compile_regex(parser.regex or "")
    except ValueError as error:
        if parser.mark is None:
            raise
        what = f"the regex is not RE2 syntax: {error}: see https://github.com/google/re2/wiki/Syntax"
        raise RuleError([mistake(parser.mark, what)]) from error
