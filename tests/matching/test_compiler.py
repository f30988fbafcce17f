"""Many expressions are compiled by a process of its own; without it they are compiled here."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import hyperscan
import pytest

from logwatch.errors import RuleError
from logwatch.matching import database
from logwatch.matching.compiler import MANY, Expression, compile_apart, compile_here
from logwatch.matching.scanner import Scanner
from logwatch.model import Hit, Mark, Pattern, Role, Rule, Severity

EXPRESSIONS = [Expression(b"word%d \\xff[^\\n]*\\n" % number, number) for number in range(MANY)]
DATA = b"word7 \xff\nnothing\nword99 \xff word7 \xff\n"


def found(compiled: hyperscan.Database) -> list[tuple[int, int]]:
    matches: list[tuple[int, int]] = []
    compiled.scan(DATA, match_event_handler=lambda number, _start, end, *_: matches.append((number, end)))
    return sorted(set(matches))


def many_patterns(last: Pattern) -> Sequence[Rule]:
    marks = [Mark("a.yml", line + 1, 1) for line in range(MANY)]
    patterns = [*(Pattern(f"word{mark.line} ", False, mark) for mark in marks), last]
    return [
        Rule(
            id="own/many", event="container.die", description="", programs=frozenset({"engine"}), role=Role.PRIMARY,
            engine="", patterns=tuple(patterns), fields=(), object_id=None, attributes={}, severity=Severity.INFO,
            unless_other=False, revoked_by=frozenset(), metrics=(), examples=(), mark=Mark("a.yml", 1, 1),
        )
    ]  # fmt: skip


NEEDLE = Pattern("needle", False, Mark("a.yml", MANY + 1, 3))


def test_a_process_of_its_own_compiles_the_same() -> None:
    content = compile_apart(EXPRESSIONS)

    assert content is not None
    loaded = hyperscan.loadb(content, hyperscan.HS_MODE_BLOCK)
    loaded.scratch = hyperscan.Scratch(loaded)
    assert found(loaded) == found(compile_here(EXPRESSIONS)) == [(7, 8), (7, 33), (99, 33)]


def test_few_expressions_are_not_worth_a_process() -> None:
    assert compile_apart(EXPRESSIONS[1:]) is None


def test_a_refused_expression_is_left_to_the_caller() -> None:
    assert compile_apart([*EXPRESSIONS, Expression(b"(", MANY)]) is None


@pytest.mark.parametrize("executable", ["", "/nowhere/python", "/bin/false"])
def test_without_a_process_patterns_are_compiled_here(
    executable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", executable)

    scanner = Scanner(many_patterns(NEEDLE), tmp_path)

    assert compile_apart(EXPRESSIONS) is None
    assert scanner.scan(b"a needle\n").hits == [Hit(0, 8, (0,), 0)]
    assert len(list(tmp_path.glob("*.hyperscan"))) == 1


def test_a_process_that_does_not_answer_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = tmp_path / "python"
    hangs.write_text("#!/bin/sh\nexec sleep 600\n")
    hangs.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(hangs))
    monkeypatch.setattr("logwatch.matching.compiler.PATIENCE", 0.2)

    assert compile_apart(EXPRESSIONS) is None


def test_what_lies_in_the_current_folder_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hyperscan.py").write_text("raise SystemExit(1)")
    (tmp_path / "json.py").write_text("raise SystemExit(1)")
    monkeypatch.chdir(tmp_path)

    assert compile_apart(EXPRESSIONS) is not None


def test_the_process_keeps_what_is_compiled_for_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = many_patterns(NEEDLE)
    first = Scanner(rules, tmp_path)
    monkeypatch.setattr(database, "compile_apart", lambda _: pytest.fail("compiled again"))

    second = Scanner(rules, tmp_path)

    assert first.scan(DATA) == second.scan(DATA)
    assert first.scan(b"a needle\n").hits == [Hit(0, 8, (0,), 0)]


def test_a_mistake_among_many_patterns_is_reported_with_its_place(tmp_path: Path) -> None:
    refused = Pattern("(?U)a+b", True, Mark("a.yml", 7, 3))

    with pytest.raises(RuleError, match=r"a\.yml:7:3"):
        Scanner(many_patterns(refused), tmp_path)
