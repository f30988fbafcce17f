"""Every mistake of syntax has its place and its cure; nothing else is ever raised."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.model import Mark
from logwatch.rulefiles.yaml import MAX_DEPTH, parse


def said(text: str | bytes) -> list[str]:
    content = text if isinstance(text, bytes) else text.encode()
    return [str(mistake) for mistake in parse(content, "f.yml")[1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: b: c", "1:5: a second ': ' in an unquoted value: put the value in single quotes", id="colon"),
        pytest.param("a:\n\tb: 1", "2:1: a tab: YAML is indented with blanks only", id="tab"),
        pytest.param("a: @x", "1:4: unquoted text cannot begin with @: put it in single quotes", id="at"),
        pytest.param(
            "a: 'x\nb: y\n",
            "1:4: this quote is never closed: add the closing quote (inside single quotes write ' as '')",
            id="open quote",
        ),
        pytest.param(
            'a: "\\d+"', "1:4: double quotes give \\ a meaning: write patterns in single quotes", id="escape in quotes"
        ),
        pytest.param("a: [b\nc: d", "1:4: this list is not closed: a ',' or ']' is missing", id="open list"),
        pytest.param(
            "a: {b",
            "1:4: this mapping is not closed: a ',' or '}' is missing (quote text that begins with {)",
            id="open mapping",
        ),
        pytest.param(
            "a: - b", "1:4: a list cannot begin here: begin it on the next line, or write [a, b]", id="list in line"
        ),
        pytest.param(
            "- a\nb: c",
            "2:1: a list item or key is indented differently from those before it: align it with them",
            id="indentation",
        ),
        pytest.param(
            "a: x\x01y",
            "1:5: a control character: remove it, or write it as an escape in double quotes",
            id="control character",
        ),
        pytest.param("a: 1\nb: 2\na: 3", "3:1: key 'a' is here twice (first in line 1): keep one", id="duplicate"),
        pytest.param("a: *b", "1:4: *b names no anchor before it: put text that begins with * in quotes", id="alias"),
        pytest.param(
            "a: &a [*a]", "1:8: *a names no anchor before it: put text that begins with * in quotes", id="loop"
        ),
        pytest.param("a: !!binary x", "1:4: the tag !!binary has no meaning here: remove it", id="tag"),
        pytest.param(
            "a:\n  <<: [{b: c}, d]",
            "2:16: a merge key (<<) takes a mapping or a list of them: write <<: *anchor",
            id="merge",
        ),
        pytest.param(
            "{{ x }}: 1", "1:2: a key must be plain text: put values that begin with {, [ or * in quotes", id="braces"
        ),
        pytest.param("a: 1\n---\nb: 2", "2:1: a second document: write one file for each, without '---'", id="two"),
        pytest.param(b"a: \xe9", "1:4: byte 0xe9 is not UTF-8: save the file as UTF-8", id="latin-1"),
        pytest.param(
            "a: " + "[" * 50 + "]" * 50,
            f"1:{MAX_DEPTH + 4}: more than {MAX_DEPTH} levels deep: no rule or configuration is",
            id="deep",
        ),
    ],
)
def test_explains_a_mistake_where_it_was_made(text: str | bytes, expected: str) -> None:
    assert f"f.yml:{expected}" in said(text)


def test_aliases_cannot_fill_the_memory() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    (found,) = said("\n".join(lines))

    assert found.endswith("more than 500000 values, aliases counted in full: split the file")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no", "no"),
        ("off", "off"),
        ("yes", "yes"),
        ("1.10", "1.10"),
        ("12:30", "12:30"),
        ("0137", "0137"),
        ("1e5", "1e5"),
        ("2026-11-23", "2026-11-23"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'true'", "true"),
        ("'null'", "null"),
    ],
)
def test_a_plain_scalar_is_what_it_says(text: str, expected: object) -> None:
    node, mistakes = parse(f"a: {text}".encode(), "f.yml")

    assert node is not None
    assert mistakes == []
    assert node.plain() == {"a": expected}


def test_every_value_knows_its_place() -> None:
    node, _ = parse("ä:\n  - b: [c, {d: e}]\n".encode(), "f.yml")

    assert node is not None
    assert node.at(("ä", 0, "b", 1, "d")).mark == Mark("f.yml", 2, 16)
    assert node.at(("ä", 0)).key_mark("b") == Mark("f.yml", 2, 5)


def test_a_place_that_is_not_there_is_its_nearest_ancestor() -> None:
    node, _ = parse(b"a: {b: c}", "f.yml")

    assert node is not None
    assert node.at(("a", "x", 3)).mark == Mark("f.yml", 1, 4)


def test_an_alias_means_what_its_anchor_means() -> None:
    node, mistakes = parse(b"a: &x {b: c}\nd: *x", "f.yml")

    assert node is not None
    assert mistakes == []
    assert node.plain() == {"a": {"b": "c"}, "d": {"b": "c"}}


@pytest.mark.parametrize("text", ["", "\n\n", "# only a remark\n", "---\n"])
def test_a_file_in_which_nothing_is_written_is_empty(text: str) -> None:
    assert parse(text.encode(), "f.yml") == (None, [])


@given(st.text() | st.text(alphabet="a:-[]{}'\"#&*!|>%@` \n\t~?,\\\x00\ufeff"))
def test_arbitrary_text_raises_nothing(text: str) -> None:
    node, mistakes = parse(text.encode(), "f.yml")

    assert node is None or node.mark.line >= 1
    assert all(mistake.line >= 1 for mistake in mistakes)


@given(st.binary())
def test_arbitrary_bytes_raise_nothing(content: bytes) -> None:
    node, mistakes = parse(content, "f.yml")

    assert node is None or node.mark.line >= 1
    assert all(mistake.line >= 1 for mistake in mistakes)


@pytest.mark.parametrize(
    ("text", "merged"),
    [
        ("x: &x {b: c, d: e}\na:\n  <<: *x\n  d: own", {"b": "c", "d": "own"}),
        ("x: &x {b: c, d: e}\na:\n  d: own\n  <<: *x", {"b": "c", "d": "own"}),
        ("a:\n  <<: [{b: first}, {b: second, d: e}]", {"b": "first", "d": "e"}),
        ("x: &x {b: c}\ny: &y {<<: *x, d: e}\na: {<<: *y}", {"b": "c", "d": "e"}),
        ("a: {'<<': b}", {"<<": "b"}),
    ],
)
def test_merge_keys_take_over_the_keys_of_other_mappings(text, merged):
    node, mistakes = parse(text.encode(), "f.yml")

    assert mistakes == []
    assert node.plain()["a"] == merged
