"""A Prometheus and an Alertmanager for the demo, if the host has them installed.

They listen on loopback, write into the demo's temporary folder, and end with it. Prometheus scrapes the demo and
evaluates the same alert files as logwatch does; both send to the Alertmanager, which sees each alert once.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from logwatch.rulefiles.files import grafana_folder, rules_folder

JOB = "logwatch"
POSTED_BY_LOGWATCH = {
    "source_labels": ["job", "alertname"],
    "regex": "logwatch;(Docker.+|Logwatch[^D].+|Watchdog)",
    "action": "drop",
}
"""For a Prometheus beside a logwatch that posts: what is left is LogwatchDown. As in deploy/stack/prometheus.yml."""
ALERTMANAGER_NAMES = ("prometheus-alertmanager", "alertmanager")
"""Debian's name, and the project's own."""


@dataclass(frozen=True, slots=True)
class Companions:
    """What was found, and where it will answer; None for what is not installed."""

    prometheus: str | None
    alertmanager: str | None
    prometheus_port: int
    alertmanager_port: int

    @classmethod
    def find(cls) -> Companions:
        """Look for the programs, and for their usual ports or free ones."""
        found = (shutil.which(name) for name in ALERTMANAGER_NAMES)
        alertmanager = next((path for path in found if path), None)
        return cls(shutil.which("prometheus"), alertmanager, _port(9090), _port(9093))

    @property
    def alertmanager_url(self) -> str | None:
        """Where logwatch sends its alerts."""
        return f"http://127.0.0.1:{self.alertmanager_port}" if self.alertmanager else None

    def lines(self) -> Iterator[str]:
        """Say where to look, or what to install."""
        if self.prometheus:
            yield f"Prometheus    http://127.0.0.1:{self.prometheus_port}/alerts"
        else:
            yield "Prometheus    is not installed here (Debian: apt-get install prometheus)"
        if self.alertmanager_url:
            yield f"Alertmanager  {self.alertmanager_url}"
        else:
            yield "Alertmanager  is not installed here (Debian: apt-get install prometheus-alertmanager)"
        if self.prometheus:
            yield (
                f"Grafana       give yours http://127.0.0.1:{self.prometheus_port} as a data source, "
                f"and import {grafana_folder() / 'dashboards'}/*.json"
            )

    @contextmanager
    def running(self, folder: Path, instance: str) -> Iterator[None]:
        """Start them; `instance` is the demo's host:port. They end with the block."""
        with ExitStack() as ending:
            if self.alertmanager:
                ending.enter_context(_process(self._alertmanager_command(folder), folder / "alertmanager.log"))
            if self.prometheus:
                command = self._prometheus_command(folder, instance)
                ending.enter_context(_process(command, folder / "prometheus.log"))
            yield

    def _alertmanager_command(self, folder: Path) -> list[str]:
        configuration = folder / "alertmanager.yml"
        # JSON is YAML.
        configuration.write_text(json.dumps({"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}))
        return [
            str(self.alertmanager),
            f"--config.file={configuration}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{self.alertmanager_port}",
            "--cluster.listen-address=",
        ]

    def _prometheus_command(self, folder: Path, instance: str) -> list[str]:
        scraped = {"job_name": JOB, "static_configs": [{"targets": [instance]}]}
        alertmanagers = [f"127.0.0.1:{self.alertmanager_port}"] if self.alertmanager else []
        configuration = folder / "prometheus.yml"
        configuration.write_text(
            json.dumps(
                {
                    "global": {"scrape_interval": "5s", "evaluation_interval": "5s"},
                    "scrape_configs": [scraped],
                    "rule_files": [str(rules_folder() / folder / "*.yml") for folder in ("alerts", "fleet")],
                    "alerting": {
                        "alert_relabel_configs": [POSTED_BY_LOGWATCH],
                        "alertmanagers": [{"static_configs": [{"targets": alertmanagers}]}],
                    },
                }
            )
        )
        return [
            str(self.prometheus),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{self.prometheus_port}",
        ]


def _port(usual: int) -> int:
    """The usual port if it is free, else any that is."""
    for port in (usual, 0):
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(listener.getsockname()[1])
    raise OSError("no port is free on 127.0.0.1")


@contextmanager
def _process(command: list[str], log: Path) -> Iterator[None]:
    """Run a program until the block ends. A signal from the terminal reaches it only through us."""
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - a program found in PATH, with arguments of ours
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
