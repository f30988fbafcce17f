"""Fields: each is looked for once in a long message, however many rules ask for it."""

from __future__ import annotations

import pytest

from logwatch.matching.fields import Message, compile_parsers
from logwatch.model import FieldParser

TEXT = b'time="2026-11-23T18:12:57Z" level=error msg="no space #012 left" container=8dd3 error="' + b"x" * 2_000 + b'"'


class Searched(bytes):
    """A message that counts how often something is looked for in it."""

    searches = 0

    def find(self, *arguments: object) -> int:
        type(self).searches += 1
        return super().find(*arguments)  # type: ignore[arg-type] # those of bytes.find


@pytest.mark.parametrize(("field", "expected"), [("msg", "no space \n left"), ("container", "8dd3"), ("missing", None)])
def test_a_logfmt_field_is_looked_for_once_in_a_long_message(field: str, expected: str | None) -> None:
    message = Message(Searched(TEXT))
    getters = [compile_parsers([FieldParser("logfmt")])(field) for _rule in range(2)]

    first = getters[0](message)
    searches = Searched.searches
    second = getters[1](message)

    assert (first, second) == (expected, expected)
    assert searches
    assert searches == Searched.searches
