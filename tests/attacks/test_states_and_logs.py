"""Broken state and odd logs, from outside: each is refused with a reason, or lived through without loss."""

import os
import resource
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from commandline import spawn
from ports import wait_for
from sidecar import Sidecar


def died(number: int) -> str:
    written = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    message = 'msg="ignoring event" module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"'
    return f'{written}+00:00 vm dockerd[42]: time="{written}000Z" level=info {message} container={number:064x}\n'


def deaths(one: Sidecar) -> float:
    return one.value("docker_events_total", type="container", action="die") or 0


@pytest.fixture
def log(tmp_path: Path) -> Path:
    folder = tmp_path / "log"
    folder.mkdir()
    path = folder / "messages"
    path.write_text(died(1))
    return path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def append(log: Path, number: int) -> None:
    with log.open("a") as out:
        out.write(died(number))


def refused(log: Path, state: Path) -> str:
    """What `run` says that does not start."""
    done = spawn("run", "--log", str(log), "--state-dir", str(state), "--web.listen-address", "127.0.0.1:0")
    assert done.status == 2, done.err
    assert "Traceback" not in done.err
    return done.err


# ── state ────────────────────────────────────────────────────────────────────────────


def garble(database: Path) -> None:
    with database.open("r+b") as out:
        out.write(os.urandom(4096))


def truncate(database: Path) -> None:
    os.truncate(database, 1000)


@pytest.mark.parametrize("harm", [garble, truncate], ids=lambda harm: harm.__name__)
def test_a_broken_database_is_set_aside_and_nothing_is_read_twice(
    harm: Callable[[Path], None], log: Path, state: Path, sidecar: Callable[..., Sidecar]
) -> None:
    first = sidecar("--log", str(log))
    wait_for(lambda: deaths(first) == 1, "the first line")
    assert first.end() == 0
    harm(state / "logwatch.db")
    append(log, 2)
    second = sidecar("--log", str(log))
    wait_for(lambda: deaths(second) == 1, "the second line alone")

    assert second.value("logwatch_lines_read_total", path=str(log)) == 1
    assert "set aside" in second.stderr.read_text()


def test_a_database_of_a_newer_version_is_left_alone(log: Path, state: Path, sidecar: Callable[..., Sidecar]) -> None:
    assert sidecar("--log", str(log)).end() == 0
    with closing(sqlite3.connect(state / "logwatch.db")) as database:
        database.execute("PRAGMA user_version = 999")

    assert "newer logwatch" in refused(log, state)


def test_a_database_that_another_process_locks_is_waited_for(
    log: Path, state: Path, sidecar: Callable[..., Sidecar]
) -> None:
    one = sidecar("--log", str(log))
    wait_for(lambda: deaths(one) == 1, "the first line")
    with closing(sqlite3.connect(state / "logwatch.db", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        append(log, 2)
        wait_for(lambda: one.get("/-/ready")[0] == 503, "the commit that fails")
        database.execute("ROLLBACK")
    wait_for(lambda: deaths(one) == 2 and one.get("/-/ready")[0] == 200, "the second line")


def test_a_disk_that_takes_no_more_is_named_and_nothing_is_lost(
    log: Path, state: Path, sidecar: Callable[..., Sidecar]
) -> None:
    one = sidecar("--log", str(log))
    wait_for(lambda: deaths(one) == 1, "the first line")
    resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    for number in range(2, 303):
        append(log, number)
    wait_for(lambda: one.get("/-/ready")[0] == 503, "the commit that fails")
    resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wait_for(lambda: deaths(one) == 302 and one.get("/-/ready")[0] == 200, "all lines")


def test_a_disk_that_takes_no_more_is_reported_on_stderr(
    log: Path, state: Path, sidecar: Callable[..., Sidecar]
) -> None:
    one = sidecar("--log", str(log))
    wait_for(lambda: deaths(one) == 1, "the first line")
    resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    append(log, 2)
    wait_for(lambda: "commit failed" in one.stderr.read_text(), "the message")


# ── logs ─────────────────────────────────────────────────────────────────────────────


def test_the_folder_of_the_log_may_be_made_again(log: Path, sidecar: Callable[..., Sidecar]) -> None:
    one = sidecar("--log", str(log))
    wait_for(lambda: deaths(one) == 1, "the first line")
    shutil.rmtree(log.parent)
    log.parent.mkdir()
    append(log, 2)
    wait_for(lambda: deaths(one) == 2, "the second line")


def test_a_fifo_is_refused(log: Path, state: Path) -> None:
    log.unlink()
    os.mkfifo(log)

    assert str(log) in refused(log, state)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def loop(path: Path) -> None:
    path.symlink_to(path)


becomes_something_else = pytest.mark.parametrize("make", [fifo, folder, loop], ids=lambda make: make.__name__)


@becomes_something_else
def test_readiness_names_a_log_that_becomes_something_else(
    make: Callable[[Path], None], log: Path, sidecar: Callable[..., Sidecar]
) -> None:
    one = sidecar("--log", str(log))
    wait_for(lambda: deaths(one) == 1, "the first line")
    log.rename(log.with_name("messages.1"))
    make(log)
    wait_for(lambda: f"{log}: open" not in one.get("/-/ready")[1], "that it is not read")


@becomes_something_else
def test_a_log_that_becomes_something_else_is_waited_for(
    make: Callable[[Path], None], log: Path, sidecar: Callable[..., Sidecar]
) -> None:
    one = sidecar("--log", str(log))
    wait_for(lambda: deaths(one) == 1, "the first line")
    log.rename(log.with_name("messages.1"))
    append(log.with_name("messages.1"), 3)
    wait_for(lambda: deaths(one) == 2, "a line that its writer still wrote")
    make(log)
    append(log.with_name("messages.1"), 4)
    wait_for(lambda: deaths(one) == 3, "one that it wrote later")

    assert one.get("/-/healthy")[0] == 200
    shutil.rmtree(log) if log.is_dir() and not log.is_symlink() else log.unlink()
    append(log, 2)
    wait_for(lambda: deaths(one) == 4, "the line of the new log")


def test_a_terabyte_of_nothing_takes_no_memory(log: Path, sidecar: Callable[..., Sidecar]) -> None:
    os.truncate(log, 1 << 40)
    with log.open("r+b") as out:
        out.seek(0, os.SEEK_END)
        out.write(("\n" + died(2)).encode())
    one = sidecar("--log", str(log))
    wait_for(lambda: deaths(one) == 2, "the line after the hole")

    assert one.resident_mb("VmHWM") < 200


def test_it_runs_in_half_a_gigabyte_of_addresses(log: Path, sidecar: Callable[..., Sidecar]) -> None:
    one = sidecar("--log", str(log), limits={resource.RLIMIT_AS: 512 << 20})
    wait_for(lambda: deaths(one) == 1, "the line")


# ── kills and rotations ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
def test_over_ends_and_rotations_every_line_counts_once(
    end: signal.Signals, log: Path, sidecar: Callable[..., Sidecar]
) -> None:
    number = 1
    for turn in range(3):
        one = sidecar("--log", str(log))
        for _ in range(5):
            for _ in range(20):
                number += 1
                append(log, number)
            if turn != 1:
                for older in range(20, 0, -1):
                    if (path := log.with_name(f"messages.{older}")).exists():
                        path.rename(log.with_name(f"messages.{older + 1}"))
                log.rename(log.with_name("messages.1"))
                log.touch()
            if turn == 0:
                wait_for(lambda: deaths(one) > 0, "a first commit")  # noqa: B023 - called now
        one.end(end)
    last = sidecar("--log", str(log))
    wait_for(lambda: deaths(last) >= number, "all lines")

    assert deaths(last) == number
    assert last.value("logwatch_lines_read_total", path=str(log)) == number


def test_a_process_that_stood_still_over_six_rotations_reads_all(log: Path, sidecar: Callable[..., Sidecar]) -> None:
    one = sidecar("--log", str(log))
    wait_for(lambda: deaths(one) == 1, "the first line")
    one.send(signal.SIGSTOP)
    for number in range(2, 8):
        append(log, number)
        for older in range(10, 0, -1):
            if (path := log.with_name(f"messages.{older}")).exists():
                path.rename(log.with_name(f"messages.{older + 1}"))
        log.rename(log.with_name("messages.1"))
        log.touch()
    one.send(signal.SIGCONT)
    wait_for(lambda: deaths(one) == 7, "all lines")
