"""What is asked of re2's private members gives what its public search gives."""

import random
import resource
from pathlib import Path

import pytest

from logwatch.matching.patterns import any_found, compile_regex, spans_of
from logwatch.model import Mark, Pattern

MARK = Mark("x.yml", 1, 1)
TEXTS = (b"", b"container=8dd3 id=42", b"id=", b"ID=42 id=7", b"\xff id=\xff1", b"id=1\n")
REGEXES = (r"id=(?P<id>[0-9]+)", r"(?i)ID=(?P<id>\d)", r"^container=", r"(a)|id=(?P<id>.)", r"id=\d$")


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("regex", REGEXES)
def test_spans_are_those_of_the_public_search(regex: str, text: bytes) -> None:
    match = compile_regex(regex).search(text)
    spans = spans_of(compile_regex(regex))(text)

    expected = [(-1, -1)] if match is None else [match.span(), *(match.span(n + 1) for n in range(len(match.groups())))]
    assert expected == list(spans)[: len(expected)]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("regex", REGEXES)
def test_found_is_whether_the_public_search_finds(regex: str, text: bytes) -> None:
    assert any_found([Pattern(regex, True, MARK)])(text) is (compile_regex(regex).search(text) is not None)


@pytest.mark.parametrize(
    ("patterns", "text", "found"),
    [
        ([("a.b", False)], b"xa.bx", True),
        ([("a.b", False)], b"axb", False),
        ([("a.b", False), ("c+d", True)], b"ccd", True),
        ([("a.b", False), ("c+d", True), ("e", True)], b"e", True),
        ([("a.b", False), ("c+d", True), ("e", True)], b"f", False),
        ([], b"anything", False),
    ],
    ids=str,
)
def test_any_pattern_is_enough(patterns: list[tuple[str, bool]], text: bytes, found: bool) -> None:
    assert any_found([Pattern(text, regex, MARK) for text, regex in patterns])(text) is found


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def test_what_a_regex_remembers_of_lines_is_bounded() -> None:
    chance = random.Random(1)
    texts = ["".join(chance.choices("abcx", k=2_000)).encode() for _ in range(300)]
    before = resident_mb()
    found = any_found([Pattern(f"a.{{0,30}}b.{{0,30}}c{number}", True, MARK) for number in range(12)])

    assert not any(map(found, texts))
    assert resident_mb() - before < 20


def test_a_regex_that_needs_more_memory_than_most_is_compiled() -> None:
    assert compile_regex("(?:[a-c][d-f][g-i][j-l][m-o][p-r][s-u]){900}").search(b"adgjmps" * 900) is not None
