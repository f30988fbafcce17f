"""T41–T43, T45: killed at any moment, the next process goes on as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import time
from functools import partial
from pathlib import Path

import pytest
from follower_child import follow
from follower_driver import Log
from forks import Fork

SEEDS = int(os.environ.get("LOGWATCH_TORTURE_SEEDS", "25"))
LINES_A_TURN = 400


def spawn(log: Log, state: Path, fault: int = -1) -> Fork:
    return Fork(partial(follow, log.path, state, fault), state.with_name("stderr"))


def finish(log: Log, state: Path) -> dict[str, object]:
    """Let a last process read everything and stop cleanly."""
    Path(f"{state}.stop").touch()
    assert spawn(log, state).wait() == (0, "")
    counted: dict[str, object] = json.loads(state.read_text())
    return counted


def check(log: Log, counted: dict[str, object]) -> None:
    total = len(log.written)
    window: dict[str, int] = {}
    for number in range(1, total + 1):
        window[str(number // 1000)] = window.get(str(number // 1000), 0) + 1

    assert counted["total"] == total
    assert counted["window"] == window
    assert counted["order"] == ""


def disturb(log: Log, random_: random.Random) -> None:
    """One of the things that happen to a log."""
    choice = random_.random()
    if choice < 0.3:
        log.rename()
    elif choice < 0.45:
        log.copytruncate()
    elif choice < 0.6 and log.sibling(1).exists():
        log.pack(log.sibling(1), random_.choice([".gz", ".xz", ".zst", ".bz2"]))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_t41_killed_at_random_moments_under_load(tmp_path, seed):
    random_ = random.Random(seed)
    log = Log(tmp_path / "log" / "messages")
    (tmp_path / "state").mkdir()
    state = tmp_path / "state" / "state.json"
    for _ in range(3):
        child = spawn(log, state)
        wait_for(state, 0)
        until = time.monotonic() + random_.uniform(0.12, 0.45)
        while time.monotonic() < until:
            log.write(random_.randint(1, LINES_A_TURN))
            disturb(log, random_)
            time.sleep(random_.uniform(0, 0.03))
        child.kill()

    check(log, finish(log, state))


@pytest.mark.parametrize("fault", range(1, 17))
def test_t42_killed_inside_a_commit(tmp_path, fault):
    log = Log(tmp_path / "log" / "messages")
    (tmp_path / "state").mkdir()
    state = tmp_path / "state" / "state.json"
    log.write(300)
    status, _ = spawn(log, state, fault).wait()
    assert status == -9
    if state.exists():  # before its first commit a process has not begun
        log.rename()
    log.write(300)

    check(log, finish(log, state))


def test_t43_killed_while_the_old_file_is_draining(tmp_path):
    log = Log(tmp_path / "log" / "messages")
    (tmp_path / "state").mkdir()
    state = tmp_path / "state" / "state.json"
    log.write(10)
    child = spawn(log, state)
    wait_for(state, 10)
    old = log.rename()
    log.write(10, old)
    wait_for(state, 20)
    child.kill()
    log.write(10, old)
    log.write(10)

    check(log, finish(log, state))


def wait_for(state: Path, total: int) -> None:
    for _ in range(400):
        if state.exists() and json.loads(state.read_text())["total"] >= total:
            return
        time.sleep(0.05)
    pytest.fail(f"{total} lines were never counted")
