"""`logwatch run` as a process: what an operator does to it, and what it is given to eat."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from parity import unpack
from ports import free_port, wait_for
from sidecar import Sidecar

# The engine told of 36 itself; one more happened while its daemon was down.
DEATHS = 37
RULE = """\
events:
  - event: container.tested
    name: tested
    description: A line that only this test writes.
    match: 'msg="tested by hand" container='
    id: "{container}"
    examples:
      - line: 'Nov 23 18:12:57 vm dockerd[4242]: time="2026-11-23T18:12:57Z" level=info msg="tested by hand" container=8dd3'
        event: {id: 8dd3}
      - line: 'Nov 23 18:12:57 vm dockerd[4242]: time="2026-11-23T18:12:57Z" level=info msg="tested by foot" container=8dd3'
        event: null
"""
TESTED = (
    'Nov 23 18:12:57 vm dockerd[4242]: time="2026-11-23T18:12:57Z" level=info msg="tested by hand" container=8dd3\n'
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "messages"
    path.write_bytes(unpack("info-rfc5424-docker-events", "messages"))
    return path


def deaths(one: Sidecar) -> float:
    return one.value("docker_events_total", type="container", action="die") or 0


def all_read(one: Sidecar) -> bool:
    return one.get("/-/ready")[0] == 200


def test_a_log_becomes_metrics_pages_and_history(
    log: Path, tmp_path: Path, sidecar: Callable[..., Sidecar], logwatch: Callable[..., str]
) -> None:
    one = sidecar("--log", str(log))
    wait_for(lambda: all_read(one), "reading the log")

    assert deaths(one) == DEATHS
    assert one.value("logwatch_lines_read_total", path=str(log)) == 2407
    assert one.get("/metrics", accept="application/openmetrics-text")[1].endswith("# EOF\n")
    assert one.get("/-/healthy")[0] == 200
    assert (one.get("/")[0], one.get("/nothing")[0]) == (200, 404)
    assert one.get("/-/reload", method="POST")[0] == 403
    assert one.end() == 0
    died = logwatch("events", "--state-dir", str(tmp_path / "state"), "--event", "container.die", "--format", "jsonl")
    assert len(died.splitlines()) == DEATHS
    assert '"name":"e1","attributes":{"exit_code":"42"' in died.replace('"image":"busybox:local",', "")


def test_a_restart_goes_on_where_it_stopped(log: Path, tmp_path: Path, sidecar: Callable[..., Sidecar]) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:1200]))
    state = tmp_path / "kept" / "state"
    first = sidecar("--log", str(log), state=state)
    wait_for(lambda: all_read(first), "reading the first half")
    first.process.kill()
    first.process.wait()
    with log.open("ab") as out:
        out.write(b"".join(lines[1200:]))
    second = sidecar("--log", str(log), state=state)
    wait_for(lambda: all_read(second), "reading the second half")

    assert deaths(second) == DEATHS
    assert second.value("logwatch_lines_read_total", path=str(log)) == 2407


def test_rules_are_reloaded_and_mistakes_keep_the_old_ones(
    log: Path, tmp_path: Path, sidecar: Callable[..., Sidecar]
) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    one = sidecar("--log", str(log), "--rules", str(rules), "--web.enable-lifecycle")
    wait_for(lambda: all_read(one), "reading the log")
    (rules / "mine.yml").write_text(RULE)

    assert one.get("/-/reload", method="POST")[0] == 200
    with log.open("a") as out:
        out.write(TESTED)
    wait_for(
        lambda: one.value("docker_events_total", type="container", action="tested") == 1, "an event by the new rule"
    )
    (rules / "mine.yml").write_text(RULE.replace("match:", "macth:"))
    status, told = one.get("/-/reload", method="POST")

    assert status == 500
    assert "mine.yml:5:5" in told
    assert "did you mean 'match'" in told or "match" in told
    assert one.value("logwatch_config_last_reload_successful") == 0
    assert deaths(one) == DEATHS
    one.send(signal.SIGHUP)
    (rules / "mine.yml").write_text(RULE)
    wait_for(lambda: one.value("logwatch_config_last_reload_successful") == 1, "the reload that rules.watch asks for")


def test_sigterm_commits_and_exits_with_0(log: Path, sidecar: Callable[..., Sidecar]) -> None:
    one = sidecar("--log", str(log))

    assert one.end(signal.SIGTERM) == 0
    assert "stopped" in one.stderr.read_text()


def test_a_second_one_on_the_same_state_is_locked_out(
    log: Path, tmp_path: Path, sidecar: Callable[..., Sidecar]
) -> None:
    first = sidecar("--log", str(log), state=tmp_path / "state")
    done = run("--log", str(log), "--state-dir", str(tmp_path / "state"))

    assert done.returncode == 2
    assert f"in use by another logwatch (pid {first.process.pid})" in done.stderr
    assert done.stderr.count("\n") == 1


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A start that is expected to fail at once."""
    command = [sys.executable, "-m", "logwatch", "run", "--web.listen-address", f"127.0.0.1:{free_port()}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_taken_port_is_named(log: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = ("--log", str(log), "--state-dir", str(tmp_path / "state"))
        done = run(*arguments, "--web.listen-address", f"127.0.0.1:{port}")

    assert done.returncode == 2
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(("--log", "/"), "directory", id="a log that is a directory"),
        pytest.param(("--rules", "/nowhere/rules"), "/nowhere/rules", id="a rules folder that does not exist"),
        pytest.param(("--timezone", "Mars/Olympus"), "Mars/Olympus", id="no such zone"),
        pytest.param(("--config.file", "/nowhere/logwatch.yml"), "file not found", id="no such configuration"),
    ],
)
def test_what_cannot_start_says_why(arguments: tuple[str, ...], told: str, log: Path, tmp_path: Path) -> None:
    given = arguments if "--log" in arguments else ("--log", str(log), *arguments)
    done = run("--state-dir", str(tmp_path / "state"), *given)

    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_garbage_costs_no_good_line(log: Path, sidecar: Callable[..., Sidecar]) -> None:
    whole = log.read_bytes().splitlines(keepends=True)
    garbage = [
        b"\x00" * 5000,
        bytes(range(256)).replace(b"\n", b"") + b"\n",
        b"\xff\xfe dockerd[1]: \xc3(\n",
        b"x" * 3_000_000 + b"\n",
        b"\n\r\n\n",
        b'<13>1 - - dockerd - - - time="\n',
    ]
    mixed = b"".join(line + garbage[n // 300 % len(garbage)] if n % 300 == 7 else line for n, line in enumerate(whole))
    log.write_bytes(mixed)
    one = sidecar("--log", str(log))
    wait_for(lambda: all_read(one), "reading it all")

    assert deaths(one) == DEATHS
    assert (one.value("logwatch_source_skipped_total", path=str(log), reason="too_long") or 0) >= 1
    assert "Traceback" not in one.stderr.read_text()


def test_a_log_that_is_not_there_yet_is_waited_for(tmp_path: Path, sidecar: Callable[..., Sidecar]) -> None:
    late = tmp_path / "later"
    one = sidecar("--log", str(late))

    assert one.get("/-/ready")[0] == 503
    # The server answers before the loop has had its first turn.
    wait_for(lambda: one.value("logwatch_source_open", path=str(late)) == 0, "the first look at the log")
    late.write_bytes(unpack("info-rfc5424-docker-events", "messages"))
    wait_for(lambda: deaths(one) == DEATHS, "the log that came")


def test_no_readable_log_tells_all_that_were_tried() -> None:
    if any(os.access(path, os.R_OK) for path in ("/var/log/messages", "/var/log/syslog")):
        pytest.skip("this machine has a log to follow")
    done = subprocess.run([sys.executable, "-m", "logwatch", "run"], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "/var/log/messages" in done.stderr
    assert "/var/log/syslog" in done.stderr


def test_idle_writes_nothing(log: Path, tmp_path: Path, sidecar: Callable[..., Sidecar]) -> None:
    state = tmp_path / "idle" / "state"
    one = sidecar("--log", str(log), state=state)
    wait_for(lambda: all_read(one), "reading the log")
    # The last held events settle within `settle` and the clock's lateness.
    moments: list[tuple[int, ...]] = []

    def quiet() -> bool:
        written = tuple((state / name).stat().st_size for name in ("logwatch.db", "logwatch.db-wal"))
        io = Path(f"/proc/{one.process.pid}/io").read_text()
        moments.append((*written, int(io.split("write_bytes: ")[1].split()[0])))
        return len(moments) > 60 and len(set(moments[-60:])) == 1

    wait_for(quiet, "three seconds without a write")


ALERT = """\
groups:
  - name: own
    interval: 15s
    rules:
      - alert: EngineError
        expr: increase(docker_events_total{type="daemon",action="error"}[1h]) > 0
        labels: {severity: warning}
        annotations: {summary: The engine reports an error.}
"""


def test_secrets_are_kept_and_shown_nowhere(
    tmp_path: Path, sidecar: Callable[..., Sidecar], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither those that everybody knows nor those that a word of the operator's tells."""
    monkeypatch.setenv("LOGWATCH_SOURCES_SECRETS", "licence")
    log, rules, state = tmp_path / "messages", tmp_path / "alerts.yml", tmp_path / "state"
    rules.write_text(ALERT)
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    said = 'level=error msg="Could not log in: password=hunter2 site_licence=swordfish"'
    log.write_text(f'{now} vm dockerd[42]: time="{now}" {said}\n')
    one = sidecar("--log", str(log), "--rules", str(rules))
    wait_for(lambda: all_read(one) and "EngineError" in one.get("/api/v1/alerts")[1], "the alert")
    shown = "".join(one.get(path)[1] for path in ("/metrics", "/", "/api/v1/events", "/api/v1/alerts", "/api/v1/rules"))
    one.end()
    kept = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())

    assert "password=***" in shown
    assert [word for word in ("hunter2", "swordfish") if word in shown] == []
    assert [word for word in (b"hunter2", b"swordfish") if word in kept] == []


def test_page_and_command_line_know_the_same_containers(
    tmp_path: Path, sidecar: Callable[..., Sidecar], logwatch: Callable[..., str]
) -> None:
    """Also where more exist than may have series."""
    log, config = tmp_path / "messages", tmp_path / "logwatch.yml"
    config.write_text("limits: {max_containers: 3}\n")
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    lines = [
        f'{now}.{number:06}+00:00 vm docker-events[1]: {{"Type":"container","Action":"start",'
        f'"Actor":{{"ID":"{number:064x}","Attributes":{{"name":"c{number}"}}}},"time":{int(time.time())}}}\n'
        for number in range(1, 7)
    ]
    log.write_text("".join(lines))
    one = sidecar("--log", str(log), "--config.file", str(config))
    wait_for(lambda: all_read(one), "reading the log")
    page = json.loads(one.get("/api/v1/containers")[1])["data"]
    printed = [
        json.loads(line)
        for line in logwatch("containers", "--state-dir", str(tmp_path / "state"), "--format", "jsonl").splitlines()
    ]

    expected = [f"c{number}" for number in range(1, 7)]
    assert expected == [each["name"] for each in page] == [each["name"] for each in printed]
    assert {each["state"] for each in page} == {each["state"] for each in printed} == {"running"}
    assert [each["events"] for each in page] == [{"start": 1}] * 3 + [{}] * 3


def test_lines_that_an_upgraded_engine_brought_are_grouped_and_drafted(
    tmp_path: Path, sidecar: Callable[..., Sidecar], logwatch: Callable[..., str]
) -> None:
    log, now = tmp_path / "messages", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    head = f'{now} vm dockerd[42]: time="{now}" level='
    versions = [f'{head}info msg="Docker daemon" commit=5d6db84 version={version}\n' for version in ("26.1.5", "31.0")]
    log.write_text(versions[0] + f'{head}info msg="Loading containers: done."\n')
    one = sidecar("--log", str(log))
    wait_for(lambda: all_read(one), "reading the log")
    with log.open("a") as file:
        file.write(versions[1] + "".join(f'{head}info msg="gadget {number} spun off"\n' for number in range(3)))
        file.write(f'{head}warning msg="gadget shelf is full"\n')
    wait_for(lambda: one.value("logwatch_unknown_line_groups_since_upgrade", level="info") == 1, "the new lines")
    one.end()
    one = sidecar("--log", str(log))
    wait_for(lambda: all_read(one), "reading the log again")
    found = json.loads(one.get("/api/v1/lines/unknown")[1])["data"]

    assert [(each["text"], each["count"]) for each in found] == [
        ("gadget <*> spun off", 3),
        ("gadget shelf is full", 1),
    ]
    assert one.value("logwatch_unknown_line_groups_since_upgrade", level="warning") == 1
    assert one.value("logwatch_engine_upgrade_timestamp_seconds")
    assert "# 3 × engine level=info: gadget <*> spun off" in logwatch("suggest", "--state-dir", str(tmp_path / "state"))
