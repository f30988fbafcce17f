"""A real engine's API as a source, beside its log and without one; logwatch and the engine are killed and started again."""

import json
import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from host import IMAGE, Host
from ports import free_port, wait_for
from sidecar import Sidecar

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
EXPECTED = Counter(
    [
        *(("container.create", "before"), ("container.start", "before"), ("container.pause", "before")),
        *(("container.unpause", "before"), ("container.rename", "first")),
        *(("container.die", "first"), ("container.destroy", "first")),
        *(
            (f"container.{action}", name)
            for name in ("away", "again")
            for action in ("create", "start", "die", "destroy")
        ),
    ]
)
"""What happens: before logwatch is killed, while it is away, and after the engine was killed."""
KINDS = frozenset(event for event, _ in EXPECTED)
EXITS = {"first": "137", "away": "3", "again": "4"}


def first_life(host: Host) -> None:
    probe = ("--health-cmd", "true", "--health-interval", "1s")
    host.docker("run", "-d", "--name", "before", *probe, IMAGE, "sleep", "1000")
    host.wait_told("health_status: healthy", "before")
    host.wait_told("exec_die", "before", 4)
    host.docker("exec", "before", "echo", "asked")
    host.docker("pause", "before")
    host.docker("unpause", "before")
    host.docker("rename", "before", "first")
    host.docker("kill", "first")
    host.docker("rm", "first")


def life(host: Host, name: str) -> None:
    host.docker("run", "--name", name, "--label", f"team={name}", IMAGE, "sh", "-c", f"exit {EXITS[name]}")
    host.docker("rm", name)


class Followers:
    """Processes that read the same engine: with its log, with nothing but the API, and through the proxy that is shipped."""

    def __init__(self, host: Host, state: Path) -> None:
        self.host = host
        self.port = free_port()
        api = f"docker:unix://{host.socket}"
        self.arguments = {"log": ["--log", str(host.log("iso")), "--log", api], "api": ["--log", api]}
        self.proxy: subprocess.Popen[bytes] | None = None
        if shutil.which("haproxy") is not None:
            self.arguments["proxy"] = ["--log", f"docker:tcp://127.0.0.1:{self.port}"]
            environment = {"LISTEN": f"127.0.0.1:{self.port}", "DOCKER_SOCKET": str(host.socket)}
            command = ["haproxy", "-db", "-f", str(ROOT / "deploy" / "stack" / "socket-proxy.cfg")]
            self.proxy = subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
        self.config = state / "logwatch.yml"
        self.config.write_text("docker: {labels: [team]}\n")
        self.states = {name: state / name for name in self.arguments}
        self.sidecars: dict[str, Sidecar] = {}

    def start(self) -> None:
        self.sidecars = {
            name: Sidecar(self.states[name], *words, "--config.file", str(self.config))
            for name, words in self.arguments.items()
        }

    def kill(self) -> None:
        for each in self.sidecars.values():
            each.end(signal.SIGKILL)

    def close(self) -> None:
        self.kill()
        if self.proxy is not None:
            self.proxy.kill()
            self.proxy.wait()

    def until(self, container: str) -> None:
        """Wait until all have committed the removal of a container."""
        removal = ("container.destroy", container)
        for name, sidecar in self.sidecars.items():
            wait_for(
                lambda which=name: removal in self.events(which), f"{container}: {sidecar.stderr.read_text()}: its end"
            )

    def rows(self, name: str) -> list[dict[str, Any]]:
        status, text = self.sidecars[name].get("/api/v1/events?limit=1000")
        return list(json.loads(text)["data"]) if status == 200 else []

    def events(self, name: str) -> Counter[tuple[str, str]]:
        """Event and name, of the kinds that are expected."""
        return Counter((row["event"], row["name"]) for row in self.rows(name) if row["event"] in KINDS)


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    missing = [name for name in ("rsyslogd", "dockerd", "docker", "busybox") if shutil.which(name) is None]
    if missing:
        message = f"missing here: {', '.join(missing)}"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    one = Host("info")
    try:
        one.start()
        yield one
    finally:
        one.close()


@pytest.fixture(scope="module")
def followers(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followers]:
    both = Followers(host, tmp_path_factory.mktemp("api"))
    try:
        both.start()
        first_life(host)
        both.until("first")
        both.kill()
        life(host, "away")
        both.start()
        both.until("away")
        host.kill_dockerd()
        host.start_dockerd()
        life(host, "again")
        both.until("again")
        yield both
    finally:
        both.close()


@pytest.fixture(params=["log", "api", "proxy"])
def which(request: pytest.FixtureRequest, followers: Followers) -> str:
    if request.param not in followers.arguments:
        pytest.skip("missing here: haproxy (make packages installs it on Debian)")
    return str(request.param)


def test_each_event_is_reported_once_whoever_is_killed(followers: Followers, which: str) -> None:
    wait_for(lambda: followers.events(which) == EXPECTED, f"{which}: {followers.events(which)} became {EXPECTED}")


def test_the_probes_of_a_health_check_are_no_events_once_they_are_known(followers: Followers, which: str) -> None:
    rows = followers.rows(which)
    commands = [row["attributes"]["command"] for row in rows if row["event"] == "container.exec_create"]
    (change,) = [row["time"] for row in rows if row["event"] == "container.health_status"]
    probes = [row["time"] for row in rows if row["attributes"].get("command") == "/bin/sh -c true"]

    assert "echo asked" in commands
    assert all(each < change for each in probes)


def test_every_death_has_its_exit_code(followers: Followers, which: str) -> None:
    deaths = [row for row in followers.rows(which) if row["event"] == "container.die"]

    assert {row["name"]: row["attributes"]["exit_code"] for row in deaths} == EXITS


def test_what_the_engine_forgot_when_it_was_killed_is_one_gap(followers: Followers, which: str) -> None:
    gaps = [row["attributes"]["reason"] for row in followers.rows(which) if row["event"] == "log.gap"]

    assert gaps == ["events_dropped"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/events?since=0&until=1", 200),
        ("GET", "/v1.41/events?since=0&until=1", 200),
        ("POST", "/events", 403),
        ("GET", "/containers/json", 403),
        ("GET", "/events/../containers/json", 403),
        ("GET", "/v1.41/containers/json?/events", 403),
        ("DELETE", "/containers/web", 403),
    ],
)
def test_the_proxy_passes_events_alone(followers: Followers, method: str, path: str, status: int) -> None:
    if followers.proxy is None:
        pytest.skip("missing here: haproxy (make packages installs it on Debian)")
    pool = urllib3.HTTPConnectionPool("127.0.0.1", followers.port, retries=False, timeout=10)

    assert pool.urlopen(method, path).status == status


def test_chosen_labels_are_on_the_events(followers: Followers, which: str) -> None:
    deaths = {row["name"]: row["attributes"].get("label_team") for row in followers.rows(which)}

    assert {name: deaths[name] for name in ("first", "away", "again")} == {
        "first": None,
        "away": "away",
        "again": "again",
    }
