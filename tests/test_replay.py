"""Replay is live: the same bytes give the same events, in one go or in many."""

import json
import random
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from parity import RECORDINGS, unpack

from logwatch.cli.output import as_json
from logwatch.driver import UNCOMMITTED
from logwatch.metrics import Registry
from logwatch.metrics.exposition import Published
from logwatch.model import SECOND
from logwatch.pipeline import Pipeline, Settings
from logwatch.replay import Replay
from logwatch.rulefiles import load
from logwatch.sources.archive import ReplaySource
from logwatch.store import Query, Store, Sync

COMMAND = [sys.executable, "-m", "logwatch"]


def own_figures(metrics: str) -> list[str]:
    """The samples that must be the same: all but those that measure the process."""
    measuring = re.compile(r"process_|logwatch_event_delay|logwatch_commit|python_|logwatch_build|logwatch_config")
    return [line for line in metrics.splitlines() if not line.startswith("#") and not measuring.match(line)]


def test_two_replays_print_the_same(logwatch: Callable[..., str]) -> None:
    log = str(RECORDINGS / "debug-iso" / "messages.xz")

    assert logwatch("replay", "--format", "jsonl", log) == logwatch("replay", "--format", "jsonl", log)
    assert logwatch("replay", "--metrics", log) == logwatch("replay", "--metrics", log)


def test_a_hundred_interruptions_change_nothing(tmp_path: Path) -> None:
    log = tmp_path / "messages"
    log.write_bytes(unpack("info-rfc5424-docker-events", "messages"))
    chance = random.Random(1)
    once, _ = replayed(log, tmp_path / "once", lambda: 1 << 30)
    often, interruptions = replayed(log, tmp_path / "often", lambda: chance.randint(0, 8))

    assert interruptions >= 100
    assert often.events == once.events
    assert often.history == once.history
    assert own_figures(often.metrics) == own_figures(once.metrics)


@dataclass
class Result:
    """What a replay told, kept and counted."""

    events: list[str] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    metrics: str = ""


def replayed(log: Path, state: Path, patience: Callable[[], int]) -> tuple[Result, int]:
    """Replay in small chunks; every process but the last is stopped after `patience()` of them."""
    result, interruptions, rules = Result(), 0, load([])
    while True:
        left = patience()
        series = Registry()
        pipeline = Pipeline(rules.rules, rules.correlations, Settings(), series, state)
        source = ReplaySource([str(log)], chunk_bytes=2048, max_line_bytes=2000)
        store = Store(state, datetime.now(UTC), sync=Sync.OFF)
        chunks = iter(range(left))
        Replay(
            source=source,
            pipeline=pipeline,
            store=store,
            now_ns=1_800_000_000 * SECOND,
            on_event=lambda event: result.events.append(as_json(event)),
            flush=lambda: None,
            on_chunk=lambda: None,
            stopped=lambda: next(chunks, None) is None,  # noqa: B023 - used before the loop goes on
        ).run()
        finished = source.finished
        result.history = [as_json(outcome.event) for outcome in store.events(Query())]
        published = Published(series.families())
        published.apply(series.everything())
        result.metrics = published.text()
        source.close()
        store.close()
        if finished:
            return result, interruptions
        interruptions += 1


@pytest.mark.parametrize(("events", "held"), [(100, True), (UNCOMMITTED + 100, False)])
def test_without_a_store_the_traces_of_old_events_are_let_go_of(tmp_path: Path, events: int, *, held: bool) -> None:
    line = 'Nov 23 18:{:02}:{:02} vm dockerd[42]: time="2026-11-23T18:{:02}:{:02}Z" level={} msg="Handler for GET /v1.41/info returned error: {}"\n'
    moments = [(number // 60 % 60, number % 60) * 2 for number in range(3600)]
    log = tmp_path / "messages"
    with log.open("w") as file:
        file.write(line.format(*moments[0], "warning", "once"))
        file.writelines(line.format(*moments[number * 3600 // events], "error", number) for number in range(events))
    rules, series = load([]), Registry()
    source = ReplaySource([str(log)], chunk_bytes=1 << 16)
    Replay(
        source=source,
        pipeline=Pipeline(rules.rules, rules.correlations, Settings(), series, tmp_path),
        store=None,
        now_ns=1_800_000_000 * SECOND,
        on_event=lambda _event: None,
        flush=lambda: None,
        on_chunk=lambda: None,
        stopped=lambda: False,
    ).run()
    source.close()

    noted = {change.labels for change in series.changes() if change.family == "docker_daemon_log_messages_total"}

    assert (("warning",) in noted) is held
    assert series.value("docker_daemon_log_messages_total", ("warning",)) == 1


def test_kill_9_at_random_moments_loses_and_doubles_nothing(tmp_path: Path, logwatch: Callable[..., str]) -> None:
    log = tmp_path / "messages"
    log.write_bytes(unpack("debug-iso", "messages"))
    state = str(tmp_path / "state")
    chance = random.Random(7)
    killed = 0
    while True:
        process = subprocess.Popen([*COMMAND, "replay", "--state-dir", state, str(log)], stdout=subprocess.DEVNULL)
        try:
            process.wait(chance.uniform(0.4, 0.9) + killed / 10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
            continue
        break

    assert process.returncode == 0
    history = logwatch("events", "--state-dir", state, "--format", "jsonl")
    assert history == logwatch("replay", "--format", "jsonl", str(log))


def test_files_are_taken_in_the_order_of_their_first_stamps(tmp_path: Path, logwatch: Callable[..., str]) -> None:
    lines = unpack("info-traditional", "messages").splitlines(keepends=True)
    (tmp_path / "messages").write_bytes(b"".join(lines[1000:]))
    (tmp_path / "messages.1").write_bytes(b"".join(lines[:1000]))
    (tmp_path / "whole").write_bytes(b"".join(lines))

    parts = logwatch("replay", "--format", "jsonl", str(tmp_path / "messages"), str(tmp_path / "messages.1"))
    whole = logwatch("replay", "--format", "jsonl", str(tmp_path / "whole"))

    def told(events: str) -> list[tuple[object, ...]]:
        return [(e["time"], e["event"], e["id"]) for e in map(json.loads, events.splitlines())]

    assert told(parts) == told(whole)


def test_a_pipe_is_replayed_like_a_file(logwatch: Callable[..., str]) -> None:
    log = unpack("info-traditional", "messages")
    piped = subprocess.run([*COMMAND, "replay", "--format", "jsonl", "-"], input=log, capture_output=True, check=True)
    from_file = logwatch("replay", "--format", "jsonl", str(RECORDINGS / "info-traditional" / "messages.xz"))

    assert len(piped.stdout.splitlines()) == len(from_file.splitlines())


def test_raw_events_keep_no_state(tmp_path: Path) -> None:
    log = tmp_path / "messages"
    log.write_text("")
    done = subprocess.run(
        [*COMMAND, "replay", "--raw", "--state-dir", str(tmp_path / "state"), str(log)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "--raw prints events without state" in done.stderr


def test_a_log_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    done = subprocess.run([*COMMAND, "replay", str(tmp_path / "nothing")], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "nothing" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_more_containers_than_allowed_have_series(logwatch: Callable[..., str], tmp_path: Path) -> None:
    config = tmp_path / "logwatch.yml"
    config.write_text("limits: {max_containers: 2}\n")
    log = str(RECORDINGS / "debug-iso" / "messages.xz")
    few = logwatch("replay", "--metrics", "--config.file", str(config), log)
    many = logwatch("replay", "--metrics", log)

    assert len(containers(few)) <= 2 < len(containers(many))


def containers(metrics: str) -> set[str]:
    """The containers that have series of their own."""
    return set(re.findall(r'^docker_container_info\{name="([^"]*)"', metrics, re.MULTILINE)) - {"_other"}
