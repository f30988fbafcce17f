"""rules profile prints what each rule costs."""

from pathlib import Path

import pytest
from commandline import call

from logwatch.authoring.profiling import Profiler
from logwatch.model import Chunk
from logwatch.rulefiles import load

HEADER = 'Nov 23 18:12:{:02d} vm dockerd[42]: time="2026-11-23T18:12:{:02d}.728700494Z" level=info msg="{}"\n'
RULES = """
events:
  - event: daemon.thing
    name: thing
    match: {regex: 'msg="thing [a-z]+"'}
    attributes: {what: '{msg}'}
  - event: daemon.first
    name: first
    match: {regex: '^thing'}
  - ignore: true
    name: noise
    match: 'msg="noise'
"""
MESSAGES = ("thing one", "noise", "thing two", "noise", "other")


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "things.yml"
    path.write_text(RULES)
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "messages"
    path.write_text("".join(HEADER.format(second, second, text) for second, text in enumerate(MESSAGES)))
    return path


def test_each_rule_has_its_hits_and_its_time(rules: Path, log: Path) -> None:
    times = iter(range(0, 10_000, 10))
    profiler = Profiler(load([rules], shipped=False).rules, None, None, lambda: next(times))
    found = profiler.profile([Chunk(log.read_bytes(), str(log), 0, 1_795_457_577 * 10**9)], 1_795_457_577 * 10**9)
    rows = {cost.rule: (cost.hits, cost.confirmed, cost.events, cost.spent_ns) for cost in found.rules}

    # Confirming takes one step of this clock, and so does making an event.
    assert rows == {
        "things/thing": (2, 2, 2, 40),
        "things/first": (2, 0, 0, 20),
        "things/noise": (2, 2, 0, 0),
    }
    assert (found.lines, found.scan_ns, found.rules_ns) == (5, 10, 60)


def test_the_dearest_rule_is_first(rules: Path, log: Path) -> None:
    rows = call("rules", "profile", str(log), "--rules", str(rules), "--no-shipped-rules", "--format", "jsonl").rows
    costs = [row["microseconds"] for row in rows]

    assert {row["rule"]: row["hits"] for row in rows} == {
        "things/thing": 2,
        "things/first": 2,
        "things/noise": 2,
    }
    assert costs == sorted(costs, reverse=True)


def test_the_table_ends_with_what_cannot_be_divided(rules: Path, log: Path) -> None:
    lines = call("rules", "profile", str(log), "--rules", str(rules), "--no-shipped-rules").out.splitlines()

    assert lines[0].split()[:4] == ["rule", "hits", "confirmed", "events"]
    assert lines[-1].startswith("5 lines, patterns found in 2: search for all patterns ")
