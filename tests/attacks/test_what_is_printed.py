"""What commands print of hostile lines, from outside: terminals see no control, and promtool reads the metrics."""

import json
import re
import subprocess
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from commandline import printed, spawn

from benchmarks import mutations

NAMES = ["a\x1b[2Jb", "a\x9b2Jb", "a\x85b", "a\u202eb", "a\u2066b", "a\u200bb", "a\rb", "a\x07b", "a\x7fb", "<b>[red]"]
HARMLESS = {0x0A}
"""Controls that may be printed: the end of a line."""


def line(name: str, number: int) -> str:
    actor = {"ID": f"{number:064x}", "Attributes": {"image": name, "name": name, "exitCode": "1"}}
    event = {"Type": "container", "Action": "die", "Actor": actor, "timeNano": (1_795_457_580 + number) * 10**9}
    return f"2026-11-23T18:13:{number:02d}+00:00 vm docker-events[7]: {json.dumps(event, ensure_ascii=False, separators=(',', ':'))}\n"


def screen(*arguments: str) -> str:
    """What a terminal gets of a command."""
    done = spawn(*arguments)
    assert done.status == 0, done.err
    return done.out + done.err


def controls(text: str) -> set[str]:
    """C0 and C1 controls, and what turns or hides text."""
    turning = {*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF}
    return {
        f"U+{ord(character):04X}"
        for character in text
        if (ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 or ord(character) in turning)
        and ord(character) not in HARMLESS
    }


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "messages"
    path.write_text("".join(line(name, number) for number, name in enumerate(NAMES)), newline="")
    return path


def test_the_table_of_a_replay_moves_no_cursor(log: Path) -> None:
    text = screen("replay", str(log))

    assert "container.die" in text
    assert controls(text) == set()


def test_the_table_of_kept_events_moves_no_cursor(log: Path, tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    printed("replay", str(log), "--state-dir", state)
    text = screen("events", "--state-dir", state)

    assert "container.die" in text
    assert controls(text) == set()


# ── what always held ─────────────────────────────────────────────────────────────────


def test_tail_and_explain_move_no_cursor(log: Path) -> None:
    tail = screen("tail", str(log), "--no-follow", "--color", "never")
    explained = "".join(screen("explain", line(name, 1).rstrip("\n")) for name in NAMES[:2])

    assert "a" in tail
    assert controls(tail + explained) == set()


HUGE = re.compile(rb"[0-9]{19,}")
"""Numbers outside 64 bits."""


@pytest.mark.parametrize("numbers", ["of any length", "of 64 bits"])
def test_promtool_reads_the_metrics_of_hostile_lines(numbers: str, need: Callable[..., None], tmp_path: Path) -> None:
    need("promtool")
    lines = islice(mutations.stream(1, mutations.lines()), 20_000)
    log = tmp_path / "messages"
    log.write_bytes(b"\n".join(line for line in lines if numbers == "of any length" or not HUGE.search(line)))
    metrics = printed("replay", str(log), "--metrics")
    done = subprocess.run(["promtool", "check", "metrics"], input=metrics, capture_output=True, text=True, check=False)

    assert "error while linting" not in done.stderr
    assert done.returncode in {0, 3}, done.stderr  # 3: names that promtool would choose otherwise
