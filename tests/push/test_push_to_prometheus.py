"""A real Prometheus, and a VictoriaMetrics, that take what is pushed: over its own outage, a kill of logwatch, and the end of a container."""

import json
import signal
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from dockerlines import docker_event, full_id
from ports import free_port, wait_for
from sidecar import Sidecar

pytestmark = pytest.mark.e2e
WEB = 'docker_container_events_total{name="web", action="die", job="logwatch", instance="far:1", site="berlin"}'
PENDING, FAILED = "logwatch_push_samples_pending", "logwatch_push_samples_failed_total"


class Receiving:
    """A Prometheus without any target that takes remote write."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.port = free_port()
        configuration = folder / "prometheus.yml"
        configuration.write_text("global: {scrape_interval: 1h}\n")
        self._command = ["prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'data'}"]
        self._command += [f"--web.listen-address=127.0.0.1:{self.port}", "--web.enable-remote-write-receiver"]
        self._output = folder / "output"

    def start(self) -> None:
        with self._output.open("ab") as out:
            self._process = subprocess.Popen(self._command, stdout=out, stderr=out)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)

    def ask(self, expression: str) -> list[dict]:
        """The result of an instant query; nothing while it does not answer."""
        query = urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/query?{query}", timeout=5) as answer:
                return json.load(answer)["data"]["result"]
        except OSError:
            return []

    def value(self, expression: str) -> float | None:
        """The value of the only series."""
        found = self.ask(expression)
        return float(found[0]["value"][1]) if found else None


@pytest.fixture
def prometheus(need: Callable[..., None], tmp_path: Path) -> Iterator[Receiving]:
    need("prometheus")
    one = Receiving(tmp_path / "prometheus")
    one.start()
    yield one
    one.stop()


def test_prometheus_gets_every_sample_over_its_outage_and_a_kill(
    prometheus: Receiving, sidecar: Callable[..., Sidecar], tmp_path: Path
) -> None:
    log, config = tmp_path / "messages", tmp_path / "logwatch.yml"
    receiver = {"url": f"http://127.0.0.1:{prometheus.port}/api/v1/write", "queue_config": {"max_backoff": "1s"}}
    alerting = {"target_labels": {"job": "logwatch", "instance": "far:1"}, "external_labels": {"site": "berlin"}}
    config.write_text(json.dumps({"push": {"interval": "1s"}, "remote_write": [receiver], "alerting": alerting}))

    def write(*actions: str) -> None:
        with log.open("a") as file:
            file.writelines(docker_event(datetime.now(UTC), action, "web") + "\n" for action in actions)

    write("create", "start", "die", "start")
    arguments = ("--log", str(log), "--config.file", str(config))
    killed = sidecar(*arguments)
    wait_for(lambda: prometheus.value(WEB) == 1, "the first samples")

    prometheus.stop()
    write("die", "start", "die", "start")
    name = {"receiver": f"http://127.0.0.1:{prometheus.port}"}
    wait_for(lambda: (killed.value(PENDING, **name) or 0) > 500, "some rounds that wait")
    killed.end(signal.SIGKILL)
    again = sidecar(*arguments)
    before = again.value(PENDING, **name) or 0
    wait_for(lambda: (again.value(PENDING, **name) or 0) > before, "more that wait")
    assert before > 0
    prometheus.start()
    wait_for(lambda: again.value(PENDING, **name) == 0, "all to be sent")
    wait_for(lambda: prometheus.value(WEB) == 3, "the last samples")

    (build,) = prometheus.ask("logwatch_build_info[10m]")
    times = [time for time, _ in build["values"]]
    apart = [later - earlier for earlier, later in pairwise(times)]
    # A busy machine may let a second pass; one longer gap is the time between the kill and the next start.
    assert sum(seconds > 2 for seconds in apart) <= 1
    assert again.value(FAILED, **name) == 0

    write("kill", "die", "destroy")
    with log.open("a") as file:
        file.write(docker_event(datetime.now(UTC), "create", "web").replace(full_id("web"), "f" * 64) + "\n")
    info = 'docker_container_info{name="web"}'
    # Without a marker both would be there for five minutes.
    wait_for(lambda: [each["metric"]["id"] for each in prometheus.ask(info)] == ["f" * 64], "the end of the old id", 30)
    assert again.end() == 0


def test_victoria_metrics_takes_it_too(
    need: Callable[..., None], sidecar: Callable[..., Sidecar], tmp_path: Path
) -> None:
    need("victoria-metrics")
    one = Receiving(tmp_path / "victoria")
    one._command = ["victoria-metrics", f"-storageDataPath={tmp_path / 'data'}", "-search.latencyOffset=0s"]
    one._command += [f"-httpListenAddr=127.0.0.1:{one.port}"]
    one.start()
    try:
        log, config = tmp_path / "messages", tmp_path / "logwatch.yml"
        log.write_text(docker_event(datetime.now(UTC), "die", "web") + "\n")
        url = f"http://127.0.0.1:{one.port}/api/v1/write"
        config.write_text(json.dumps({"push": {"interval": "1s"}, "remote_write": [url]}))
        logwatch = sidecar("--log", str(log), "--config.file", str(config))
        wait_for(lambda: one.value('docker_container_events_total{name="web", action="die"}') == 1, "the samples")

        assert logwatch.value(FAILED, receiver=f"http://127.0.0.1:{one.port}") == 0
    finally:
        one.stop()


def test_prometheus_without_the_flag_rejects_and_says_how(
    need: Callable[..., None], sidecar: Callable[..., Sidecar], tmp_path: Path
) -> None:
    need("prometheus")
    one = Receiving(tmp_path / "prometheus")
    one._command.remove("--web.enable-remote-write-receiver")
    one.start()
    try:
        wait_for(lambda: one.value("vector(1)") == 1, "Prometheus")
        log, config = tmp_path / "messages", tmp_path / "logwatch.yml"
        log.write_text("")
        url = f"http://127.0.0.1:{one.port}/api/v1/write"
        config.write_text(json.dumps({"push": {"interval": "1s"}, "remote_write": [url]}))
        logwatch = sidecar("--log", str(log), "--config.file", str(config))
        name = {"receiver": f"http://127.0.0.1:{one.port}"}
        wait_for(lambda: (logwatch.value(FAILED, **name) or 0) > 0, "the rejection")

        assert "remote-write-receiver" in logwatch.stderr.read_text()
    finally:
        one.stop()
