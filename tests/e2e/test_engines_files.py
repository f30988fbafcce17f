"""A real engine at info level, its log and its data directory: the files report what the log leaves out.

logwatch follows both from the beginning, is killed and started again; another one starts for the first time when all that
has happened.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from alertmanagers import Alertmanager
from host import IMAGE, OUT_OF_MEMORY, Host
from parity import Score, compare, engine_account, our_account
from ports import wait_for
from receivers_on_loopback import Loopback
from sidecar import Sidecar

pytestmark = pytest.mark.e2e

KINDS = tuple(
    f"container.{action}"
    for action in ["create", "start", "die", "oom", "pause", "unpause", "rename", "destroy", "health_status"]
)


ALERT = """\
groups:
  - name: ends
    interval: 1s
    rules:
      - alert: ContainerEnded
        expr: docker_container_last_event_timestamp_seconds{action="die",name="five"} > time() - 3600
        labels: {severity: page}
        annotations: {summary: It ended.}
      - alert: ContainerSeen
        expr: sum by (name) (docker_container_events_total) > 0
        labels: {severity: info}
        annotations: {summary: Something happened to it.}
"""


RULE = """\
events:
  - event: app.fatal
    name: fatal
    description: An application says that it cannot go on.
    program: container
    match: FATAL
    severity: error
    metrics: [{counter: app_fatal_total, help: How often applications could not go on., labels: {name: "{event.name}"}}]
    examples:
      - line: '2026-11-30T07:00:00.123456789Z vm container[3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f]: FATAL: no space'
        event: {id: 3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f}
      - line: 'Nov 30 07:00:00 vm dockerd[1]: FATAL: no space'
        event: null
"""


def life(host: Host) -> None:
    """Everything that a container's file knows."""
    run = ("run", "-d", "--name")
    host.docker(*run, "web", IMAGE, "sleep", "1000")
    host.docker("pause", "web")
    host.docker("unpause", "web")
    host.docker("restart", "-t", "0", "web")
    host.docker("rename", "web", "web2")
    host.docker("run", "--rm", "--name", "short", IMAGE, "true")
    host.docker(
        "run",
        "--name",
        "five",
        "--label",
        "com.example.team=shop",
        IMAGE,
        "sh",
        "-c",
        "echo starting; echo FATAL; exit 5",
    )
    host.docker("run", "--name", "unread", IMAGE, "echo", "FATAL, but nobody asked")
    printing = "for i in 1 2 3 4 5 6; do echo FATAL $i; head -c 40000 /dev/zero | tr '\\0' x; echo; sleep 0.4; done"
    rotated = ("--log-opt", "max-size=50k", "--log-opt", "max-file=3")
    host.docker("run", "--name", "printing", *rotated, IMAGE, "sh", "-c", printing)
    host.docker("run", "--name", "local", "--log-driver", "local", IMAGE, "sh", "-c", "echo FATAL; sleep 1")
    host.docker("run", "--name", "nocmd", IMAGE, "/nonexistent")
    host.docker(*run, "crash", "--restart=on-failure:3", IMAGE, "sh", "-c", "sleep 0.3; exit 7")
    host.docker("run", "--name", "oomer", "-m", "20m", "--memory-swap", "20m", IMAGE, *OUT_OF_MEMORY)
    host.docker(*run, "stubborn", IMAGE, "sh", "-c", 'trap "" TERM; while true; do sleep 1; done')
    host.docker("stop", "-t", "1", "stubborn")
    probe = ("--health-cmd", "test -f /tmp/ok", "--health-interval", "1s", "--health-retries", "2")
    host.docker(*run, "sick", *probe, IMAGE, "sleep", "500")
    host.wait_told("health_status: unhealthy", "sick")
    host.docker("exec", "sick", "touch", "/tmp/ok")
    host.wait_told("health_status: healthy", "sick")
    host.docker("kill", "sick")
    host.wait_told("die", "crash", 4)


def life_while_away(host: Host) -> None:
    """What happens while logwatch is down."""
    host.docker("run", "--name", "away", IMAGE, "sh", "-c", "echo ending; exit 3")
    host.docker("run", "--name", "unchecked", "--health-cmd", "true", "--health-interval", "1h", IMAGE, "true")
    host.docker("run", "-d", "--name", "stays", IMAGE, "sleep", "1000")
    host.docker("create", "--name", "never", IMAGE, "true")


def life_after(host: Host) -> None:
    """What comes in bursts, and what is short."""
    for name in ("burst1", "burst2", "burst3", "burst4"):
        host.docker("run", "-d", "--rm", "--name", name, IMAGE, "sh", "-c", f"sleep 0.3; exit {name[-1]}")
    for name in ("burst1", "burst2", "burst3", "burst4"):
        host.wait_told("destroy", name)
    host.docker("kill", "-s", "KILL", "stays")
    host.docker("start", "stays")
    host.docker("rename", "stays", "moved")
    host.docker("rm", "never")


@dataclass(frozen=True)
class Observed:
    """What both accounts say, and what was served at the end."""

    engine: list[str]
    ours: list[str]
    metrics: str
    inspected: dict[str, dict[str, object]]
    evidence: str
    """What the Alertmanager shows below the alert about `five`."""
    sent: frozenset[str]
    """The label `name` of all alerts that were ever sent."""
    first: str
    """The metrics of a first start on this log and these files."""


def counted(sidecar: Sidecar, action: str) -> float:
    """How many events of containers with this action are served."""
    return sidecar.value("docker_events_total", type="container", action=action) or 0


def deaths(host: Host) -> int:
    """How many ends of containers the engine reported until now."""
    return sum((event["Type"], event["Action"]) == ("container", "die") for event in host.events())


def kept(state: Path) -> list[str]:
    """Every event in the history."""
    command = [sys.executable, "-m", "logwatch", "events", "--state-dir", str(state), "--format", "jsonl"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


ALERTED = {"web", "five", "away", "burst1", "moved"}
"""Containers about each of which an alert has to be sent."""


def named_in(receiver: Loopback) -> frozenset[str]:
    """The label `name` of all alerts that were sent until now."""
    return frozenset(alert["labels"].get("name", "") for body in list(receiver.bodies) for alert in body)  # type: ignore[attr-defined]  # JSON


def evidence(alertmanager: Alertmanager) -> str:
    """The annotation below the alert about `five`; empty until it is there."""
    alert = alertmanager.alerts().get("five", {})
    return str(alert.get("annotations", {}).get("evidence", ""))


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    missing = [
        name
        for name in ("rsyslogd", "dockerd", "docker", "busybox", "prometheus-alertmanager", "amtool")
        if shutil.which(name) is None
    ]
    if missing:
        message = f"missing here: {', '.join(missing)}"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    folder = tmp_path_factory.mktemp("files")
    state = folder / "state"
    (folder / "alerts.yml").write_text(ALERT)
    (folder / "rules.yml").write_text(RULE)
    alertmanager, other = Alertmanager(folder / "alertmanager"), Loopback()
    (folder / "logwatch.yml").write_text(
        f"docker: {{labels: [com.example.team]}}\nalerting: {{last_words: 10, alertmanagers: ['{alertmanager.url}', '{other.url}']}}\n"
    )
    host = Host("info")
    sidecars: list[Sidecar] = []

    def start(state: Path, *options: str) -> Sidecar:
        sidecars.append(Sidecar(state, "--log", log, "--docker-root", str(host.root / "lib"), *options))
        return sidecars[-1]

    try:
        alertmanager.start()
        wait_for(alertmanager.answers, "the Alertmanager")
        host.start()
        log = str(host.log("traditional"))
        rules = ("--rules", str(folder / "alerts.yml"), "--rules", str(folder / "rules.yml"))
        options = ("--config.file", str(folder / "logwatch.yml"), *rules, "--log", "containers:five,printing,local")
        one = start(state, *options)
        life(host)
        host.wait_quiet()
        wait_for(lambda: counted(one, "die") == deaths(host), "every death")
        wait_for(lambda: "FATAL" in evidence(alertmanager), "what the container printed last")
        shown = evidence(alertmanager)
        one.end(signal.SIGKILL)
        life_while_away(host)
        host.wait_quiet()
        two = start(state, *options)
        wait_for(lambda: counted(two, "die") == deaths(host), "every death while it was away")
        life_after(host)
        names = host.docker("ps", "-a", "--format", "{{.Names}}").split()
        inspected = {each["Name"][1:]: each for each in json.loads(host.docker("inspect", *names))}
        host.wait_quiet()
        wait_for(lambda: counted(two, "die") == deaths(host), "every death after that")
        metrics = two.get("/metrics")[1]
        late = start(folder / "late")
        wait_for(lambda: counted(late, "die") == deaths(host), "every death of before the first start")
        first = late.get("/metrics")[1]
        wait_for(lambda: named_in(other) >= ALERTED, "the alerts about these containers")
        host.docker("rm", "-f", *names)
        host.wait_quiet()
        removals = sum(event["Action"] == "destroy" and event["Type"] == "container" for event in host.events())
        wait_for(lambda: counted(two, "destroy") == removals, "every removal")
        wait_for(lambda: sum("container.destroy" in event for event in kept(state)) == removals, "its commit")
        engine = host.account.read_text().splitlines()
        yield Observed(engine, kept(state), metrics, inspected, shown, named_in(other), first)
    finally:
        alertmanager.stop()
        other.close()
        for each in sidecars:
            each.end()
        host.close()


def test_every_kind_is_reported_once(observed: Observed) -> None:
    scores = compare(engine_account(observed.engine), our_account(observed.ours))

    assert {kind: scores[kind] for kind in KINDS} == {kind: Score(*[scores[kind].engine] * 3) for kind in KINDS}
    assert all(scores[kind].engine for kind in KINDS)


def test_every_event_has_its_containers_name(observed: Observed) -> None:
    events = [json.loads(each) for each in observed.ours]
    nameless = Counter(each["event"] for each in events if each["event"] in KINDS and not each["name"])

    assert nameless == {}
    assert re.findall(r'^docker_container_\w+\{name="[0-9a-f]{12}"', observed.metrics, re.MULTILINE) == []


def test_every_death_has_its_exit_code_and_cause(observed: Observed) -> None:
    engine = Counter(
        (each["Actor"]["Attributes"]["name"], each["Actor"]["Attributes"]["exitCode"])
        for each in map(json.loads, observed.engine)
        if (each["Type"], each["Action"]) == ("container", "die")
    )
    deaths = [each for each in map(json.loads, observed.ours) if each["event"] == "container.die"]
    causes = {each["name"]: each["attributes"]["cause"] for each in deaths}

    assert Counter((each["name"], each["attributes"].get("exit_code")) for each in deaths) == engine
    assert {name: causes[name] for name in ("five", "crash", "oomer", "stubborn", "sick", "short")} == {
        "five": "exit",
        "crash": "exit",
        "oomer": "oom_limit",
        "stubborn": "stop_timeout",
        "sick": "requested",
        "short": "exit",
    }


def test_what_a_container_printed_last_is_kept(observed: Observed) -> None:
    deaths = [each for each in map(json.loads, observed.ours) if each["event"] == "container.die"]

    assert [each["attributes"].get("last_words") for each in deaths if each["name"] == "five"] == ["starting\nFATAL"]


def test_the_alertmanager_shows_what_the_container_printed_last(observed: Observed) -> None:
    printed = [line.strip() for line in observed.evidence.splitlines() if line.startswith("  | ")]

    assert printed == ["| starting", "| FATAL"]


def test_the_metrics_are_the_engines(observed: Observed) -> None:
    crash = observed.inspected["crash"]

    assert f'docker_container_restart_count{{name="crash"}} {crash["RestartCount"]}' in observed.metrics
    assert 'docker_container_exit_code{name="crash"} 7' in observed.metrics
    assert (
        f'docker_container_events_total{{name="crash",action="die"}} {int(str(crash["RestartCount"])) + 1}'
        in observed.metrics
    )
    assert f'image="{IMAGE}"' in observed.metrics


def test_chosen_labels_are_on_the_metric_and_the_events(observed: Observed) -> None:
    (served,) = re.findall(r'^docker_container_info\{name="five".*', observed.metrics, re.MULTILINE)
    teams = {
        (each["name"], each["attributes"].get("label_com_example_team")) for each in map(json.loads, observed.ours)
    }

    assert 'label_com_example_team="shop"' in served
    assert {team for name, team in teams if name == "five"} == {"shop"}
    assert ("web", None) in teams


def test_what_chosen_containers_print_is_for_rules_of_users(observed: Observed) -> None:
    fatal = [each for each in map(json.loads, observed.ours) if each["event"] == "app.fatal"]
    counted = dict(re.findall(r'^app_fatal_total\{name="(\w+)"\} (\d+)', observed.metrics, re.MULTILINE))

    assert Counter(each["name"] for each in fatal) == {"five": 1, "printing": 6, "local": 1}
    assert counted == {"five": "1", "printing": "6", "local": "1"}
    assert {each["attributes"]["label_com_example_team"] for each in fatal if each["name"] == "five"} == {"shop"}
    assert all(each["attributes"]["image"] == IMAGE for each in fatal)


def test_no_alert_was_ever_sent_under_an_id(observed: Observed) -> None:
    names = {
        each["Actor"]["Attributes"]["name"] for each in map(json.loads, observed.engine) if each["Type"] == "container"
    }

    assert observed.sent - {""} <= names
    assert observed.sent >= ALERTED


def test_a_first_start_on_a_history_counts_every_end_under_its_name(observed: Observed) -> None:
    started_again = {"web2", "moved"}
    once = {name: each for name, each in observed.inspected.items() if name not in started_again}
    ends = {
        name: int(str(each["RestartCount"])) + (not state["Running"] and not state["StartedAt"].startswith("0001"))
        for name, each in once.items()
        if isinstance(state := each["State"], dict)
    }
    served = dict(
        re.findall(r'^docker_container_events_total\{name="([^"]+)",action="die"\} (\d+)', observed.first, re.MULTILINE)
    )

    assert {name: int(served.get(name, 0)) for name in ends} == ends
    assert ends.items() >= {"crash": 4, "five": 1, "away": 1, "stubborn": 1, "nocmd": 0}.items()
