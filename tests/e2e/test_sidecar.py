"""The whole way, live: engine, rsyslogd, logwatch, Prometheus."""

import json
import os
import shutil
import signal
import subprocess
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from host import IMAGE, OUT_OF_MEMORY, Host
from ports import free_port, wait_for
from sidecar import Sidecar

pytestmark = pytest.mark.e2e


@contextmanager
def prometheus(target: int, folder: Path) -> Iterator[int]:
    """A real Prometheus that scrapes logwatch every second; yields its port."""
    port = free_port()
    configuration = folder / "prometheus.yml"
    configuration.write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: logwatch, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}]\n"
    )
    command = ["prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    process = subprocess.Popen(command)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(20)


def asked(port: int, expression: str) -> list[dict[str, object]]:
    """What Prometheus answers to an instant query."""
    query = urllib.parse.urlencode({"query": expression})
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?{query}", timeout=5) as answer:
            found: list[dict[str, object]] = json.load(answer)["data"]["result"]
            return found
    except OSError:
        return []


@contextmanager
def feeder(script: Path, environment: dict[str, str]) -> Iterator[None]:
    """The unit that writes `docker events` into the log, with all its children."""
    process = subprocess.Popen(["sh", str(script)], env=environment, start_new_session=True)
    try:
        asks = ["pgrep", "-g", str(process.pid), "-x", "docker"]
        wait_for(lambda: subprocess.run(asks, stdout=subprocess.DEVNULL, check=False).returncode == 0, "the feeder")
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def test_a_scrape_shows_what_happened_to_each_container(
    need: Callable[..., None], sidecar: Callable[..., Sidecar], tmp_path: Path
) -> None:
    need("rsyslogd", "dockerd", "docker", "busybox", "prometheus", "promtool", root=True)
    host = Host("info")
    try:
        host.start()
        logwatch = sidecar("--log", str(host.log("traditional")))
        host.docker("run", "-d", "--name", "web", IMAGE, "sleep", "1000")
        host.docker("run", "-d", "--name", "crash", "--restart=on-failure:2", IMAGE, "sh", "-c", "sleep 0.2; exit 7")
        host.docker("run", "--name", "oomer", "-m", "20m", "--memory-swap", "20m", IMAGE, *OUT_OF_MEMORY)
        slow = ("sh", "-c", 'trap "" TERM; while true; do sleep 1; done')
        host.docker("run", "-d", "--name", "stubborn", IMAGE, *slow)
        host.docker("stop", "-t", "1", "stubborn")
        host.wait_told("die", "crash", 3)
        host.wait_told("die", "stubborn")
        host.wait_quiet()
        told = Counter((e["Actor"]["ID"][:12], e["Action"]) for e in host.events() if e["Type"] == "container")  # type: ignore[index]  # JSON
        names = {
            name: host.docker("inspect", "--format", "{{.Id}}", name).strip()[:12]
            for name in ("web", "crash", "oomer", "stubborn")
        }
        web = names["web"]

        wanted = {(id_, action): told[id_, action] for id_ in names.values() for action in ("start", "die")}
        # The kernel tells each OOM kill once; the engine up to three times, and now and then not at all.
        wanted |= {(names["stubborn"], "stop_timeout"): 1, (names["oomer"], "oom"): 1}

        def counted(id_: str, action: str) -> float:
            return logwatch.value("docker_container_events_total", name=id_, action=action) or 0

        wait_for(lambda: {each: counted(*each) for each in wanted} == wanted, f"{wanted}")
        wait_for(lambda: logwatch.value("docker_container_state", name=web, state="running") == 1, "web's state")

        checked = subprocess.run(
            ["promtool", "check", "metrics"],
            input=logwatch.get("/metrics")[1],
            capture_output=True,
            text=True,
            check=False,
        )

        assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
        with prometheus(logwatch.port, tmp_path) as port:
            running = f'docker_container_state{{name="{web}",state="running"}} == 1'
            wait_for(lambda: bool(asked(port, running)), "a scrape by Prometheus", 30)

            wait_for(lambda: asked(port, 'up{job="logwatch"} == 1') != [], "a second scrape")
    finally:
        host.close()


def test_what_docker_events_writes_into_the_log_gives_names_and_exit_codes(
    need: Callable[..., None], sidecar: Callable[..., Sidecar], tmp_path: Path
) -> None:
    need("rsyslogd", "dockerd", "docker", "busybox", "logger", root=True)
    script = Path(__file__).parent.parent.parent / "deploy" / "docker-events.sh"
    host = Host("info")
    try:
        host.start()
        logwatch = sidecar("--log", str(host.log("iso")))
        environment = {
            **host.environment,
            "STATE_DIRECTORY": str(tmp_path),
            "LOGGER_OPTIONS": f"--socket {host.syslog}",
        }
        for name, code in (("first", 3), ("second", 4)):
            # Started anew for each: it must go on behind the last event it passed on.
            with feeder(script, environment):
                host.docker("run", "--name", name, IMAGE, "sh", "-c", f"exit {code}")
                exit_code = partial(logwatch.value, "docker_container_exit_code", name=name)
                wait_for(lambda told=exit_code, code=code: told() == code, f"the exit code of {name}")  # type: ignore[misc]  # bound now

        host.wait_quiet()
        for name in ("first", "second"):
            assert logwatch.value("docker_container_events_total", name=name, action="die") == 1
    finally:
        host.close()


def test_what_was_written_while_logwatch_was_away_is_read_when_it_is_back(
    need: Callable[..., None], sidecar: Callable[..., Sidecar], tmp_path: Path
) -> None:
    need("rsyslogd", "dockerd", "docker", "busybox", root=True)
    host = Host("info")
    try:
        host.start()
        first = sidecar("--log", str(host.log("rfc5424")), state=tmp_path / "state")
        host.docker("run", "--name", "before", IMAGE, "true")
        wait_for(lambda: first.value("docker_events_total", type="container", action="die") == 1, "a death")
        first.process.kill()
        first.process.wait(60)
        host.docker("run", "--name", "meanwhile", IMAGE, "true")
        shutil.move(host.log("rfc5424"), host.root / "messages.rfc5424.1")
        subprocess.run(["pkill", "-HUP", "-f", str(host.root / "rsyslog.conf")], check=True)
        host.docker("run", "--name", "after", IMAGE, "true")
        second = sidecar("--log", str(host.log("rfc5424")), state=tmp_path / "state")

        for action in ("die", "start"):
            counted = partial(second.value, "docker_events_total", type="container", action=action)
            wait_for(lambda told=counted: told() == 3, f"{action}, three times")  # type: ignore[misc]  # bound now
    finally:
        host.close()
