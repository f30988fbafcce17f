"""From a container that dies to the people who are told: engine, rsyslogd, logwatch, two Alertmanagers, a webhook."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from alertmanagers import Alertmanager
from host import IMAGE, OUT_OF_MEMORY, Host
from ports import wait_for
from sidecar import Sidecar

pytestmark = pytest.mark.e2e
INTERVAL, GRACE = 5.0, 5.0
OOM, LOOP = "DockerContainerOomKilled", "DockerContainerRestartLoop"

# In place of the shipped alert of this name: one that ends soon.
SHORT = """\
groups:
  - name: short
    interval: 5s
    rules:
      - alert: DockerContainerOomKilled
        expr: docker_container_last_event_timestamp_seconds{action="oom"} > time() - 60
        labels: {severity: page}
        annotations:
          summary: Mine.
          description: '{{ $labels.name }}'
"""


class Hook:
    """Takes an Alertmanager's webhook messages; what came, with the time it came."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, dict[str, Any]]] = []
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.send_response(200)
                self.end_headers()

            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                heard.extend((time.time(), alert) for alert in message["alerts"])
                self.do_HEAD()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def of(self, name: str, alertname: str, status: str = "firing") -> list[tuple[float, dict[str, Any]]]:
        """What was heard of one container and alert."""
        wanted = (name, alertname, status)
        return [
            (at, alert)
            for at, alert in self.heard
            if wanted == (alert["labels"].get("name"), alert["labels"]["alertname"], alert["status"])
        ]


@contextmanager
def listening() -> Iterator[Hook]:
    hook = Hook()
    thread = threading.Thread(target=hook.server.serve_forever)
    thread.start()
    try:
        yield hook
    finally:
        hook.server.shutdown()
        thread.join()
        hook.server.server_close()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Alertmanager, Alertmanager]]:
    both = Alertmanager(tmp_path / "first"), Alertmanager(tmp_path / "second")
    yield both
    for one in both:
        one.stop()


def named(one: Alertmanager, alertname: str, name: str) -> list[dict[str, Any]]:
    """What an Alertmanager shows of one container and alert."""
    wanted = (alertname, name)
    return [each for each in one.told() if wanted == (each["labels"]["alertname"], each["labels"].get("name"))]


def pages(one: Alertmanager) -> list[dict[str, Any]]:
    """Those of the user's own alert."""
    return [each for each in named(one, OOM, "oomer") if each["labels"]["severity"] == "page"]


def died(host: Host, action: str, name: str) -> float:
    """When the engine says that it happened to the container last."""
    times = [
        int(str(event["timeNano"])) / 1e9
        for event in host.events()
        if event["Action"] == action and event["Actor"]["Attributes"].get("name") == name  # type: ignore[index]  # of docker events
    ]
    return times[-1] if times else 0.0


def test_people_are_told_once_over_a_kill_and_an_alertmanager_that_was_away(
    need: Callable[..., None],
    sidecar: Callable[..., Sidecar],
    pair: tuple[Alertmanager, Alertmanager],
    tmp_path: Path,
) -> None:
    need("rsyslogd", "dockerd", "docker", "busybox", "prometheus-alertmanager", "amtool", root=True)
    first, second = pair
    for one in pair:
        one.start()
    wait_for(lambda: all(one.answers() for one in pair), "both Alertmanagers")
    mine = tmp_path / "rules"
    mine.mkdir()
    host = Host("info", events_to_syslog=True)
    try:
        with listening() as hook:
            config = tmp_path / "logwatch.yml"
            config.write_text(
                json.dumps(
                    {
                        "rules": {"paths": [str(mine)]},
                        "alerting": {
                            "alertmanagers": [first.url, second.url],
                            "webhooks": [hook.url],
                            "target_labels": {"job": "logwatch", "instance": "h:1"},
                        },
                    }
                )
            )
            host.start()
            arguments = ("--config.file", str(config), "--log", str(host.log("rfc5424")))
            logwatch = sidecar(*arguments)

            # ── an OOM kill and a crash loop, while one Alertmanager is away ──
            second.stop()
            host.docker("run", "-d", "--name", "crash", "--restart=always", IMAGE, "sh", "-c", "exit 7")
            host.docker("run", "--name", "oomer", "-m", "20m", "--memory-swap", "20m", IMAGE, *OUT_OF_MEMORY)
            wait_for(lambda: bool(hook.of("oomer", OOM) and hook.of("crash", LOOP)), "the webhook")
            host.docker("update", "--restart=no", "crash")
            told = named(first, OOM, "oomer")
            # A busy engine misses an OOM kill now and then; it always tells the death, which comes with it.
            wait_for(lambda: died(host, "die", "oomer") > 0, "the engine's own account")
            late = hook.of("oomer", OOM)[0][0] - died(host, "die", "oomer")
            (starts_at,) = {alert["startsAt"] for _, alert in hook.of("oomer", OOM)}

            assert late <= INTERVAL + GRACE
            assert told[0]["labels"] == {
                "alertname": OOM,
                "name": "oomer",
                "action": "oom",
                "severity": "critical",
                "job": "logwatch",
                "instance": "h:1",
            }
            assert "oom" in told[0]["annotations"]["evidence"]
            assert told[0]["annotations"]["runbook_url"].endswith("/runbooks/DockerContainerOomKilled")

            # ── killed, and back; the second Alertmanager comes back as well ──
            logwatch.send(signal.SIGKILL)
            logwatch.process.wait(60)
            second.start()
            logwatch = sidecar(*arguments)
            wait_for(lambda: bool(named(second, OOM, "oomer")), "the Alertmanager that came back")
            again = hook.of("oomer", OOM)

            assert [len(named(one, OOM, "oomer")) for one in pair] == [1, 1]
            assert [len(named(one, LOOP, "crash")) for one in pair] == [1, 1]
            assert len(again) <= 2
            assert {(alert["fingerprint"], alert["startsAt"]) for _, alert in again} == {
                (told[0]["fingerprint"], starts_at)
            }

            # ── an alert of the same name in a file of the user's stands for the shipped one, and ends ──
            (mine / "short.yml").write_text(SHORT)
            logwatch.send(signal.SIGHUP)
            host.docker("start", "-a", "oomer")
            wait_for(lambda: bool(pages(first)), "mine")
            wait_for(
                lambda: any(a["labels"]["severity"] == "page" for _, a in hook.of("oomer", OOM, "resolved")),
                "its end",
                seconds=120,
            )

            wait_for(lambda: not any(pages(one) for one in pair), "the end at both")
    finally:
        host.close()
