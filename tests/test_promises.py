"""What logwatch promises, each shown once as its users would see it.

The proofs stand elsewhere: tests/follower and test_torture (1, 2), test_parity and test_lifecycle (3),
test_shipped_lines (4), test_replay (5), tests/promql/test_differential (6), test_scanner and test_series (7),
tests/rulefiles (8), test_run and tests/alerts (9).
"""

import gzip
import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from parity import RECORDINGS, unpack
from ports import wait_for
from sidecar import Sidecar

from logwatch.matching.scanner import Scanner
from logwatch.rulefiles import load

ID = "8d3f21c07b5e4a9d8d3f21c07b5e4a9d8d3f21c07b5e4a9d8d3f21c07b5e4a9d"
RUN = "docker_events_total"


def died(number: int, container: str = ID, tag: str = "dockerd[411]") -> str:
    """The engine says that a container has ended; 20 s lie between two numbers."""
    minute, second = divmod(20 * number, 60)
    clock = f"20:{minute:02}:{second:02}"
    message = f'time="2026-11-18T{clock}.5Z" level=info msg="ignoring event" container={container} module=libcontainerd namespace=moby topic=/tasks/delete'
    return f'Nov 18 {clock} vm {tag}: {message} type="*events.TaskDelete"\n'


def events(logwatch: Callable[..., str], *arguments: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in logwatch("replay", "--format", "jsonl", *arguments).splitlines()]


def deaths(process: Sidecar) -> float | None:
    return process.value(RUN, type="container", action="die")


def test_promise_1_every_line_once(tmp_path: Path, sidecar: Callable[..., Sidecar]) -> None:
    log = tmp_path / "messages"
    log.write_text("".join(map(died, range(5))))
    process = sidecar("--log", str(log))
    wait_for(lambda: deaths(process) == 5, "the first lines")
    process.end(signal.SIGKILL)
    with log.open("a") as stream:
        stream.write(died(5) + died(6))
    with gzip.open(tmp_path / "messages.1.gz", "wb") as packed:
        packed.write(log.read_bytes())
    log.write_text(died(7))
    process = sidecar("--log", str(log))
    wait_for(lambda: deaths(process) == 8, "what was written meanwhile")

    assert process.value("logwatch_lines_read_total", path=str(log)) == 8
    assert process.value("logwatch_source_gap_bytes_total", path=str(log)) in (None, 0)


def test_promise_2_nothing_is_lost_in_silence(tmp_path: Path, sidecar: Callable[..., Sidecar]) -> None:
    log = tmp_path / "messages"
    log.write_text(died(0) + "Nov 18 20:00:01 vm systemd-journald[88]: Suppressed 4130 messages from docker.service\n")
    process = sidecar("--log", str(log))
    wait_for(lambda: deaths(process) == 1, "the first lines")
    process.end()
    with log.open("a") as stream:
        stream.write(died(1))
    log.write_text(died(2))
    process = sidecar("--log", str(log))
    wait_for(lambda: deaths(process) == 2, "the new log")
    gaps = {key: value for key, value in process.samples().items() if key[0] == "logwatch_source_gaps_total"}
    suppressed = {
        key: value for key, value in process.samples().items() if key[0] == "logwatch_upstream_dropped_lines_total"
    }

    assert sum(gaps.values()) == 1
    assert sum(suppressed.values()) == 4130


def test_promise_3_one_thing_that_happened_is_one_event(logwatch: Callable[..., str]) -> None:
    recording = str(RECORDINGS / "info-rfc5424-docker-events" / "messages.xz")
    once = [event["event"] for event in events(logwatch, recording) if event["name"] == "oomer"]
    tellings = [event["event"] for event in events(logwatch, "--raw", recording)]

    assert [once.count(f"container.{action}") for action in ("start", "oom", "die", "oom_killed")] == [1, 1, 1, 1]
    assert tellings.count("container.die") > 3 * once.count("container.die")


def test_promise_4_container_output_is_not_the_daemon(tmp_path: Path, logwatch: Callable[..., str]) -> None:
    log = tmp_path / "messages"
    tags = ("docker/web[77]", "4f1c22e9a0b3[77]", "web[77]", "my-dockerd[77]", "docker[77]")
    log.write_text(died(0) + "".join(died(1, tag=tag) for tag in tags))

    assert [event["event"] for event in events(logwatch, str(log))] == ["container.die"]


def test_promise_5_replay_is_live(
    tmp_path: Path, logwatch: Callable[..., str], sidecar: Callable[..., Sidecar]
) -> None:
    # Written before the start: at each pause in a log of last week the clock goes on to now, and what comes then is late.
    log = tmp_path / "messages"
    log.write_bytes(unpack("info-traditional", "messages"))
    process = sidecar("--log", str(log))
    replayed = counts(logwatch("replay", "--metrics", str(log)))
    wait_for(lambda: counts(process.get("/metrics")[1]) == replayed, "the same counts")

    assert len(replayed) > 100


def test_promise_5_also_of_lines_that_come_late(
    tmp_path: Path, logwatch: Callable[..., str], sidecar: Callable[..., Sidecar]
) -> None:
    # A log of last week that is delivered in pieces to a process that has nothing else to read.
    log, written = tmp_path / "messages", unpack("info-traditional", "messages").splitlines(keepends=True)
    log.touch()
    process = sidecar("--log", str(log))
    for first in range(0, len(written), 200):
        with log.open("ab") as stream:
            stream.write(b"".join(written[first : first + 200]))
        read = min(first + 200, len(written))
        wait_for(lambda: process.value("logwatch_lines_read_total", path=str(log)) == read, "a piece")  # noqa: B023 - called at once
    replayed = counts(logwatch("replay", "--metrics", str(log)))
    wait_for(lambda: counts(process.get("/metrics")[1]) == replayed, "the same counts", seconds=180)

    assert len(replayed) > 100


def counts(metrics: str) -> set[str]:
    """What does not depend on the hour at which one looks: the series of a removed container end in time."""
    return {line for line in metrics.splitlines() if line.startswith(f"{RUN}{{")}


def test_promise_6_one_alert_language(tmp_path: Path, logwatch: Callable[..., str]) -> None:
    rules = tmp_path / "alerts.yml"
    rules.write_text(
        "groups:\n  - name: g\n    interval: 5s\n    rules:\n      - alert: Dies\n"
        '        expr: increase(docker_container_events_total{action="die"}[5m]) > 2\n'
        "        labels: {severity: critical}\n        annotations: {summary: It dies.}\n"
    )
    log = tmp_path / "messages"
    log.write_text("".join(map(died, range(5))))
    fired = logwatch("replay", "--alerts", "--format", "jsonl", "--rules", str(rules), str(log)).splitlines()

    assert "Dies" in [json.loads(line)["alert"] for line in fired]
    if shutil.which("promtool"):
        subprocess.run(["promtool", "check", "rules", "--lint-fatal", str(rules)], check=True, capture_output=True)


def test_promise_7_a_rule_cannot_hurt_the_host(tmp_path: Path, logwatch: Callable[..., str]) -> None:
    rule = tmp_path / "hostile.yml"
    rule.write_text(
        "events:\n  - event: custom.hit\n    name: nested\n    description: A pattern on which backtracking takes for ever.\n"
        "    program: [dockerd]\n    match:\n      - regex: '^(a+)+(a+)+b$'\n    fields: {regex: '(?P<word>a+)'}\n"
        "    attributes: {word: '{word}'}\n    metrics:\n      - counter: custom_hits_total\n        help: Hits.\n"
        "        labels: {word: '{word}'}\n        max_series: 3\n"
        "    examples:\n      - line: 'Nov 18 20:00:00 vm dockerd[1]: aab'\n        event: {attributes: {word: aa}}\n"
        "      - line: 'Nov 18 20:00:00 vm dockerd[1]: aac'\n        event: null\n"
    )
    log = tmp_path / "messages"
    hostile = "Nov 18 20:00:00 vm dockerd[1]: " + "a" * 50_000 + "c\n"
    log.write_text(hostile + "".join(f"Nov 18 20:00:01 vm dockerd[1]: {'a' * count}b\n" for count in range(2, 30)))
    metrics = logwatch("replay", "--metrics", "--rules", str(rule), str(log))
    series = re.findall(r"^custom_hits_total\{.*\} (\d+)", metrics, re.MULTILINE)

    assert sum(map(int, series)) == 28
    assert 'custom_hits_total{word="_other"}' in metrics
    assert 'logwatch_series_dropped_total{metric="custom_hits_total"}' in metrics
    assert len(series) == 4
    assert Scanner(load([rule], shipped=False).rules, None).scan(hostile.encode()).hits == []


def test_promise_8_a_mistake_is_explained_where_it_is_made(tmp_path: Path) -> None:
    rule = tmp_path / "rules.yml"
    rule.write_text(
        "events:\n  - event: container.dye\n    name: one\n    descripton: A slip.\n    match: 'x'\n    examples: []\n"
        "  - event: container.die\n    name: two\n    description: A regex.\n    match: [{regex: '(x'}]\n"
    )
    command = [sys.executable, "-m", "logwatch", "check", "--no-shipped-rules", "--rules", str(rule)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = done.stdout + done.stderr

    assert done.returncode == 1
    assert f"{rule}:4:5: unknown key 'descripton' (did you mean 'description'?)" in told
    assert re.search(r"rules\.yml:10:\d+: .*\(x", told)


def test_promise_9_reload_loses_nothing(tmp_path: Path, sidecar: Callable[..., Sidecar]) -> None:
    rules, log = tmp_path / "rules", tmp_path / "messages"
    rules.mkdir()
    log.write_text(died(0) + died(1))
    process = sidecar("--log", str(log), "--rules", str(rules), "--web.enable-lifecycle")
    wait_for(lambda: deaths(process) == 2, "the first lines")
    (rules / "broken.yml").write_text("events: 7\n")
    refused = process.get("/-/reload", method="POST")
    (rules / "broken.yml").unlink()
    accepted = process.get("/-/reload", method="POST")
    with log.open("a") as stream:
        stream.write(died(2))
    wait_for(lambda: deaths(process) == 3, "the line after the reload")

    assert (refused[0], accepted[0]) == (500, 200)
    assert "broken.yml:1:9" in refused[1]
    assert process.value("logwatch_config_last_reload_successful") == 1


@pytest.mark.parametrize("number", range(1, 10))
def test_every_promise_is_shown(number: int) -> None:
    assert any(name.startswith(f"test_promise_{number}_") for name in globals())
