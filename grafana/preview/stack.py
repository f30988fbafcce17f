"""A Prometheus that has seen a log's whole past, and scrapes a logwatch that has read it.

The past comes from `logwatch replay --openmetrics`, so that nobody has to wait for it. Everything listens on
loopback and ends with the `with` block. Needs Debian's package prometheus.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

TARGET = {"job": "logwatch", "instance": "docker-1:19979"}
SHOWN_PATH = "/var/log/messages"
SCRAPES = 4
"""So many scrapes every rate needs at least."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Where the two answer."""

    prometheus: str
    logwatch: str
    scrape_seconds: int

    def ask(self, path: str, **parameters: str | float) -> Any:
        """Return the `data` of an answer of Prometheus; ValueError with its reason for a query it refuses."""
        url = f"{self.prometheus}/api/v1/{path}?{urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 -- our own, on loopback
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise ValueError(json.load(error).get("error", str(error))) from error


@contextmanager
def stack(log: Path, folder: Path, *, scrape_seconds: int = 1, rules: Path | None = None) -> Iterator[Stack]:
    """Backfill and start both; yields when Prometheus has scraped often enough. Writes into `folder`."""
    configuration = folder / "logwatch.yml"
    configuration.write_text(json.dumps({"alerting": {"target_labels": TARGET}}))
    _backfill(log, folder, configuration)
    logwatch_port, prometheus_port = free_port(), free_port()
    (folder / "prometheus.yml").write_text(json.dumps(_scraping(logwatch_port, scrape_seconds, rules)))
    with ExitStack() as ending:
        ending.enter_context(
            _process(
                [
                    *(sys.executable, "-m", "logwatch", "run", "--config.file", str(configuration), "--log", str(log)),
                    *("--state-dir", str(folder / "state"), "--web.listen-address", f"127.0.0.1:{logwatch_port}"),
                ],
                folder / "logwatch.out",
            )
        )
        made = Stack(f"http://127.0.0.1:{prometheus_port}", f"http://127.0.0.1:{logwatch_port}", scrape_seconds)
        wait(f"{made.logwatch}/-/ready")
        ending.enter_context(
            _process(
                [
                    *("prometheus", f"--config.file={folder / 'prometheus.yml'}"),
                    *(f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{prometheus_port}"),
                    *("--storage.tsdb.retention.time=10y", "--log.level=error"),
                ],
                folder / "prometheus.out",
            )
        )
        wait(f"{made.prometheus}/-/ready")
        while _scrapes(made) < SCRAPES:
            time.sleep(scrape_seconds / 4)
        yield made


def free_port() -> int:
    """Return a port on loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _backfill(log: Path, folder: Path, configuration: Path) -> None:
    history = str(folder / "history")
    flags = ["--config.file", str(configuration), "--openmetrics", history]
    subprocess.run([sys.executable, "-m", "logwatch", "replay", *flags, str(log)], check=True)
    # Pictures and tests play a log; its readers know it under this name.
    Path(history).write_text(Path(history).read_text().replace(f'path="{log}"', f'path="{SHOWN_PATH}"'))
    promtool = ["promtool", "tsdb", "create-blocks-from", "openmetrics", history, str(folder / "data")]
    subprocess.run(promtool, check=True, stdout=subprocess.DEVNULL)


def _scraping(port: int, seconds: int, rules: Path | None) -> dict[str, object]:
    target = {"targets": [f"127.0.0.1:{port}"], "labels": {"instance": TARGET["instance"]}}
    renamed = {"source_labels": ["path"], "regex": ".+", "target_label": "path", "replacement": SHOWN_PATH}
    return {
        "global": {"scrape_interval": f"{seconds}s", "evaluation_interval": f"{seconds}s"},
        "rule_files": [str(rules / "*.yml")] if rules else [],
        "scrape_configs": [
            {"job_name": TARGET["job"], "static_configs": [target], "metric_relabel_configs": [renamed]}
        ],
    }


@contextmanager
def _process(command: list[str], output: Path) -> Iterator[None]:
    with output.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def wait(url: str, seconds: float = 120) -> None:
    """Wait until a URL answers; TimeoutError if it does not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 -- our own, on loopback
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"{url} did not answer within {seconds:.0f} s")


def _scrapes(made: Stack) -> float:
    found = made.ask("query", query="count_over_time(process_start_time_seconds[5m])")["result"]  # not in the past
    return float(found[0]["value"][1]) if found else 0
