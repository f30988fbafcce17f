"""Fields of a message, taken one by one as templates ask for them.

A rule names one parser or several; the first that knows a field gives it. Nothing is parsed
before a field is asked for: a logfmt key is found by looking for it, a JSON tree is built
once per line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from logwatch.errors import RuleError
from logwatch.formats import docker_events, json, logfmt
from logwatch.model import FieldParser
from logwatch.patterns import Regex, compile_regex, mistake

Lookup = Callable[[str], str | None]
Opener = Callable[[bytes, Lookup], Lookup]
"""Makes a lookup in one message; the second argument looks in what earlier parsers took."""


def compile_parsers(parsers: Sequence[FieldParser]) -> Callable[[bytes], Lookup]:
    """Return what makes the lookup of a message. Raises RuleError for a regex that RE2 refuses."""
    openers = [_OPENERS[parser.kind](parser) for parser in parsers]
    if len(openers) == 1:
        return partial(_open_one, openers[0])
    return partial(_open_all, openers)


def nothing(_field: str) -> str | None:
    """Know no field."""
    return None


def _open_one(opener: Opener, message: bytes) -> Lookup:
    return opener(message, nothing)


def _open_all(openers: Sequence[Opener], message: bytes) -> Lookup:
    lookup: Lookup = nothing
    for opener in openers:
        lookup = partial(_first_of, lookup, opener(message, lookup))
    return lookup


def _first_of(earlier: Lookup, later: Lookup, field: str) -> str | None:
    value = earlier(field)
    return later(field) if value is None else value


# ── one opener per kind ──────────────────────────────────────────────────────────────


def _logfmt(_parser: FieldParser) -> Opener:
    return lambda message, _earlier: lambda field: logfmt.value(message, field.encode())


def _tree(parse: Callable[[bytes], json.Tree | None]) -> Opener:
    def opener(message: bytes, _earlier: Lookup) -> Lookup:
        trees: list[json.Tree] = []

        def lookup(field: str) -> str | None:
            if not trees:
                trees.append(parse(message) or {})
            return json.lookup(trees[0], field)

        return lookup

    return opener


def _regex(parser: FieldParser) -> Opener:
    regex = _compiled(parser)
    groups = {name.decode(): name for name in regex.groupindex}
    of = parser.of

    def opener(message: bytes, earlier: Lookup) -> Lookup:
        found: list[Mapping[bytes, bytes | None]] = []

        def lookup(field: str) -> str | None:
            name = groups.get(field)
            if name is None:
                return None
            if not found:
                text = message if of is None else (earlier(of) or "").encode()
                match = regex.search(text)
                found.append(
                    {} if match is None else {group: match.group(regex.groupindex[group]) for group in groups.values()}
                )
            value = found[0].get(name)
            return None if value is None else value.decode(errors="replace")

        return lookup

    return opener


def _compiled(parser: FieldParser) -> Regex:
    try:
        return compile_regex(parser.regex or "")
    except ValueError as error:
        if parser.mark is None:
            raise
        what = f"the regex is not RE2 syntax: {error}: see https://github.com/google/re2/wiki/Syntax"
        raise RuleError([mistake(parser.mark, what)]) from error


_OPENERS: Mapping[str, Callable[[FieldParser], Opener]] = {
    "logfmt": _logfmt,
    "json": lambda _parser: _tree(json.parse),
    "docker_events": lambda _parser: _tree(docker_events.parse),
    "regex": _regex,
}
