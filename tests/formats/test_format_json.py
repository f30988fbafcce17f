"""Messages that are one JSON object."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.formats import json as format_json

TREE = {
    "level": "info",
    "exitCode": 137,
    "ok": True,
    "nothing": None,
    "Actor": {
        "ID": "1f2e",
        "Attributes": {"name": "web", "com.docker.compose.service": "front", "com.docker": {"x": "y"}},
    },
    "a": {"b": {"c": "deep"}},
    "a.b": {"d": "joined"},
}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("level", "info"),
        ("exitCode", "137"),
        ("ok", "true"),
        ("nothing", None),
        ("absent", None),
        ("level.below", None),
        ("Actor.ID", "1f2e"),
        ("Actor.Attributes.name", "web"),
        ("Actor.Attributes.com.docker.compose.service", "front"),
        ("Actor.Attributes.com.docker.x", "y"),
        ("a.b.d", "joined"),
        ("a.b.c", "deep"),
        ("a.b.c.", None),
        ("", None),
        ("a.b", '{"d":"joined"}'),
    ],
)
def test_looks_up_dotted_paths_and_dotted_keys(path: str, text: str | None) -> None:
    assert format_json.lookup(TREE, path) == text


@pytest.mark.parametrize(
    "message",
    [b' {"a":"b"} ', b'@cee: {"a":"b"}', b'@cee:{"a":"b"}', b'{"a":"b"}'],
)
def test_reads_an_object(message: bytes) -> None:
    assert format_json.parse(message) == {"a": "b"}


@pytest.mark.parametrize(
    "message",
    [b"", b"[1]", b"text", b'{"a":', b'{"a":"b"} and more', b'{"a":' + b"[" * 100_000],
    ids=["empty", "array", "text", "cut short", "text behind", "deep"],
)
def test_anything_else_is_none(message: bytes) -> None:
    assert format_json.parse(message) is None


def test_half_a_surrogate_pair_can_be_stored() -> None:
    tree = format_json.parse(rb'{"a\ud800":["\udc00",{"b":"\ud83d\udc33"}]}')

    assert tree == {"a?": ["?", {"b": "\U0001f433"}]}


@pytest.mark.parametrize(
    "number", ["9223372036854775808", "-9223372036854775808", "9" * 5000, "1e999", "NaN", "-Infinity"]
)
def test_a_number_outside_of_64_bits_is_text(number: str) -> None:
    assert format_json.parse(f'{{"a":{number},"b":1}}'.encode()) == {"a": number, "b": 1}


def test_what_is_nested_too_deeply_is_none() -> None:
    def nested(levels: int) -> bytes:
        return b'{"a":' * levels + b"1" + b"}" * levels

    assert format_json.parse(nested(60)) is not None
    assert format_json.parse(nested(70)) is None
    assert format_json.parse(b'{"a":"' + b"[" * 500 + b'"}') == {"a": "[" * 500}


NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1)


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=9) | NUMBERS | st.none(), max_size=4))
def test_what_json_writes_is_read_back(tree: dict[str, object]) -> None:
    assert format_json.parse(json.dumps(tree).encode()) == tree


@given(st.one_of(st.binary(), st.binary().map(b"{".__add__)), st.text())
def test_never_raises(message: bytes, path: str) -> None:
    tree = format_json.parse(message)

    assert tree is None or format_json.lookup(tree, path) is None or path != ""
