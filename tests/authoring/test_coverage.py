"""rules coverage tells which share of the docker lines the rules know."""

from pathlib import Path

import pytest
from commandline import call
from parity import RECORDINGS

LOG = str(RECORDINGS / "info-traditional" / "messages.xz")
KNOWN = 'Nov 23 18:12:57 vm dockerd[42]: time="2026-11-23T18:12:57.7Z" level=info msg="known thing"\n'
UNKNOWN = KNOWN.replace("known thing", "new thing")
RULES = """
events:
  - event: daemon.thing
    name: thing
    match: 'msg="known thing"'
  - event: daemon.warning
    name: any
    match: 'msg="known'
    unless_other: true
"""


@pytest.fixture
def rules(tmp_path: Path) -> str:
    path = tmp_path / "things.yml"
    path.write_text(RULES)
    return str(path)


def coverage(tmp_path: Path, rules: str, text: str):
    log = tmp_path / "messages"
    log.write_text(text)
    rows = call("rules", "coverage", "--no-shipped-rules", "--rules", rules, "--format", "jsonl", str(log)).rows
    return {(row["by"], row.get("name")): row for row in rows}


def test_known_and_unknown_lines_add_up(tmp_path: Path, rules: str) -> None:
    found = coverage(tmp_path, rules, KNOWN * 3 + UNKNOWN)

    assert found["total", None] == {"by": "total", "lines": 4, "known": 3, "unknown": 1}
    assert found["family", "engine"] == {"by": "family", "name": "engine", "lines": 4, "known": 3, "unknown": 1}
    assert found["file", "things"] == {"by": "file", "name": "things", "known": 3}


@pytest.mark.parametrize(
    ("tag", "text", "family"),
    [
        ("d642c9fb1c22", "docker is fine", "container output"),
        ("docker/web", "hello", "container output"),
        ("containerd", "about docker", "containerd"),
        ("kernel", "docker0: port 1 entered blocking state", "kernel"),
        ("balenad", 'time="2026-11-23T18:12:57.7Z" level=info msg="x"', "engine"),
    ],
)
def test_lines_count_for_who_writes_them(tmp_path: Path, rules: str, tag: str, text: str, family: str) -> None:
    found = coverage(tmp_path, rules, f"Nov 23 18:12:57 vm {tag}: {text}\n")

    assert found["family", family]["unknown"] == 1


def test_other_lines_do_not_count(tmp_path: Path, rules: str) -> None:
    found = coverage(tmp_path, rules, "Nov 23 18:12:57 vm sshd[1]: hello\n" + "garbage\n")

    assert found["total", None]["lines"] == 0


def test_docker_lines_without_header_are_unknown(tmp_path: Path, rules: str) -> None:
    assert coverage(tmp_path, rules, "docker garbage\n")["family", "no header"]["unknown"] == 1


def test_counts_the_lines_that_the_metrics_count() -> None:
    total = call("rules", "coverage", "--format", "jsonl", LOG).rows[-1]
    metrics = call("replay", "--metrics", LOG).out.splitlines()
    counted = next(line for line in metrics if line.startswith("logwatch_docker_lines_total"))

    assert total["lines"] == float(counted.split()[-1])


def test_shipped_rules_know_nearly_all_of_a_recorded_log() -> None:
    table = call("rules", "coverage", LOG).out.splitlines()
    total = call("rules", "coverage", "--format", "jsonl", LOG).rows[-1]

    assert total["known"] > 0.98 * total["lines"]
    assert table[0].split() == ["written", "by", "lines", "known", "unknown", "share"]
    assert f"{total['lines']} docker lines, {total['known']} known" in table[-1]


def test_a_file_that_is_not_there_is_an_error(rules: str) -> None:
    done = call("rules", "coverage", "--rules", rules, "/nowhere/messages")

    assert done.status == 2
    assert "/nowhere/messages" in done.err
