"""Let a real Prometheus scrape N hosts, evaluate the rules and answer the dashboards, and say what that costs.

    python -m benchmarks.fleet [--hosts N]… [--seconds N] [--rules FILE]… [--dashboards FILE]…

Each host is a recorded one (see logwatch.demo), stretched to an hour and begun at a moment of its own: its history is
pushed by remote write, so that nobody has to wait for it, then Prometheus scrapes it from here. What is printed are the
figures of that Prometheus: series, samples a second, memory, CPU; then, when nothing else runs in it, the CPU time of each rule and
of each query of the dashboards. Needs Debian's package prometheus, and the extra remote-write.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
import threading
import time
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import cramjam
import urllib3
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.bench import LOGWATCH
from benchmarks.sidecar import Sidecar
from grafana.preview.stack import free_port
from logwatch.demo import feed
from logwatch.metrics.exposition import escape, number
from logwatch.model import SECOND
from logwatch.push.remote_write import message_class

ROOT = Path(__file__).parents[1]
RULES = [*sorted((ROOT / "rules" / "alerts").glob("*.yml")), *sorted((ROOT / "rules" / "fleet").glob("*.yml"))]
STEP = 15
"""Seconds between two samples."""
SLOWNESS = 33
"""The recording's two minutes last for more than an hour."""
LIVE_STEPS = 12
"""Steps of the recording that are left for the time in which it is scraped."""
BEGINNINGS = 8
"""Hosts begin the recording at so many moments, a minute apart."""
APPENDED = "prometheus_tsdb_head_samples_appended_total"
QUIET: Mapping[str, object] = {"global": {"scrape_interval": "1h"}}
CLIENT = urllib3.PoolManager(timeout=1500, retries=False)
CHUNK = 30
"""Steps in one request."""
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """What a host serves at each step; NaN where a series is missing."""

    series: Sequence[tuple[str, Labels]]
    values: Sequence[Sequence[float]]
    steps: int

    def at(self, place: int, step: int) -> float:
        """A series' value at a step; before the first and after the last it stays."""
        return self.values[place][min(max(step, 0), self.steps - 1)]

    def page(self, step: int) -> str:
        """What a scrape gets."""
        lines = []
        for place, (name, labels) in enumerate(self.series):
            value = self.at(place, step)
            if value == value:
                pairs = ",".join(f'{label}="{escape(text)}"' for label, text in labels)
                lines.append(f"{name}{{{pairs}}} {number(value)}\n")
        return "".join(lines)


def record(folder: Path) -> Recording:
    """Replay the recorded host, stretched, for the history of its series; a `run` of it has those about itself."""
    log, history = folder / "messages", folder / "history"
    now_ns = time.time_ns()
    lines = list(feed(now_ns, 1 / SLOWNESS))
    back_ns = lines[-1][0] - now_ns + 60 * SECOND
    log.write_bytes(b"".join(line for _, line in feed(now_ns - back_ns, 1 / SLOWNESS)))
    subprocess.run([LOGWATCH, "replay", "--openmetrics", str(history), str(log)], check=True)
    found: dict[tuple[str, Labels], dict[int, float]] = {}
    first = 1 << 62
    for line in history.read_text().splitlines():
        if not line.startswith("#"):
            series, value, stamp = line.rsplit(" ", 2)
            step = int(stamp) // STEP
            first = min(first, step)
            found.setdefault(_series(series), {})[step] = float(value)
    steps = max(max(samples) for samples in found.values()) - first + 1
    with Sidecar(log, folder / "state") as sidecar:
        sidecar.wait_until_ready(pause=0.1)
        for family in text_string_to_metric_families(sidecar.get("/metrics")[1].decode()):
            for sample in family.samples:
                key = sample.name, tuple(sample.labels.items())
                found.setdefault(key, dict.fromkeys(range(first, first + steps), sample.value))
    nan = float("nan")
    values = [array("d", (samples.get(first + step, nan) for step in range(steps))) for samples in found.values()]
    return Recording(list(found), values, steps)


_PAIR = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@cache
def _series(text: str) -> tuple[str, Labels]:
    name, _, labels = text.partition("{")
    return name, tuple((label, value) for label, value in _PAIR.findall(labels) if label not in {"job", "instance"})


# ── the hosts ────────────────────────────────────────────────────────────────────────


def instance(host: int) -> str:
    """The label of a host."""
    return f"docker-{host:05d}:19979"


class Fleet:
    """Serves the page of each host; the recording goes on from `begin` on."""

    def __init__(self, recording: Recording, hosts: int) -> None:
        self.recording, self.hosts = recording, hosts
        self.history = recording.steps - LIVE_STEPS
        self.began = 0.0
        fleet = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                page = fleet.page(int(self.path.split("/")[1]))
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_: object) -> None:
                """A scrape that was given up shows as a failed one in Prometheus."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self._page = lru_cache(maxsize=64)(lambda step: recording.page(step).encode())

    def page(self, host: int) -> bytes:
        """The current page of a host."""
        step = self.history + int((time.time() - self.began) / STEP)
        return self._page(step - self.lag(host))

    @staticmethod
    def lag(host: int) -> int:
        """By how many steps a host lags."""
        return host % BEGINNINGS * (60 // STEP)


def push_history(fleet: Fleet, url: str) -> None:
    """Push everything up to now, in the order of time."""
    request_class = message_class()
    pool = urllib3.HTTPConnectionPool("127.0.0.1", int(url.rpartition(":")[2]), timeout=120)
    begin = int(time.time()) // STEP - fleet.history
    step = 0
    while begin + step < int(time.time()) // STEP:
        steps = range(step, min(step + CHUNK, int(time.time()) // STEP - begin))
        for lag in range(BEGINNINGS):
            hosts = [host for host in range(fleet.hosts) if fleet.lag(host) == lag * (60 // STEP)]
            if hosts:
                _push_chunk(fleet.recording, request_class(), steps, lag * (60 // STEP), begin, hosts, pool)
        step = steps.stop
    fleet.began = time.time()


def _push_chunk(
    recording: Recording, request: Any, steps: range, lag: int, begin: int, hosts: Sequence[int], pool: Any
) -> None:
    """Push some steps of all hosts with the same lag: only the label `instance` differs."""
    places = []
    for place, (name, labels) in enumerate(recording.series):
        samples = [(step, recording.at(place, step - lag)) for step in steps]
        if not (samples := [each for each in samples if each[1] == each[1]]):
            continue
        written = request.timeseries.add()
        every = {"__name__": name, "job": "logwatch", "instance": "", **{key: value for key, value in labels if value}}
        for key in sorted(every):
            label = written.labels.add(name=key, value=every[key])
            if key == "instance":
                places.append(label)
        for step, value in samples:
            written.samples.add(value=value, timestamp=(begin + step) * STEP * 1000)
    for host in hosts:
        for label in places:
            label.value = instance(host)
        body = bytes(cramjam.snappy.compress_raw(request.SerializeToString()))
        answer = pool.request("POST", "/api/v1/write", body=body, headers={"Content-Encoding": "snappy"})
        assert answer.status == 204, answer.data


# ── Prometheus ───────────────────────────────────────────────────────────────────────


class Cost(NamedTuple):
    """What a rule or query costs each time: seconds of CPU, which a busy machine does not change."""

    name: str
    seconds: float


class Prometheus:
    """A process that takes remote write, without targets and rules so far."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._file = folder / "prometheus.yml"
        self._file.write_text(json.dumps(QUIET))
        command = ["prometheus", f"--config.file={self._file}", f"--storage.tsdb.path={folder / 'data'}"]
        command += [
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-lifecycle",
            "--log.level=error",
            "--query.timeout=20m",
        ]
        self.process = subprocess.Popen([*command, "--web.enable-remote-write-receiver"])
        while not self._is_ready():
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            return CLIENT.request("GET", f"{self.url}/-/ready").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def configure(self, configuration: Mapping[str, object]) -> None:
        """Let it run by this configuration from now on."""
        self._file.write_text(json.dumps(configuration))
        answer = CLIENT.request("POST", f"{self.url}/-/reload")
        assert answer.status == 200, answer.data

    def ask(self, path: str, **fields: object) -> Any:
        """Return the data of an answer."""
        texts = {name: str(each) for name, each in fields.items()}
        answer = CLIENT.request("GET", f"{self.url}/api/v1/{path}", fields=texts)
        assert answer.status == 200, answer.data
        return json.loads(answer.data)["data"]

    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        # schedstat counts nanoseconds, where stat counts whole ticks; one line per thread.
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def cpu_of(self, path: str, **fields: object) -> float:
        """Seconds of CPU for a question: the mean of several times, for the collection of garbage comes with some of them."""
        before = self.cpu()
        self.ask(path, **fields)
        times = max(1, min(20, int(2 / max(self.cpu() - before, 1e-3))))
        before = self.cpu()
        for _ in range(times):
            self.ask(path, **fields)
        return (self.cpu() - before) / times


@contextmanager
def prometheus(folder: Path) -> Iterator[Prometheus]:
    """Start one; ended with its context."""
    server = Prometheus(folder)
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.wait(60)


def _scraping(fleet: Fleet, rules: Sequence[Path]) -> dict[str, object]:
    """Scrape all hosts, and evaluate the rules."""
    port = fleet.server.server_address[1]
    groups = [
        {
            "targets": [f"127.0.0.1:{port}"],
            "labels": {"instance": instance(host), "__metrics_path__": f"/{host}/metrics"},
        }
        for host in range(fleet.hosts)
    ]
    return {
        "global": {"scrape_interval": f"{STEP}s", "evaluation_interval": f"{STEP}s"},
        "rule_files": [str(path.resolve()) for path in rules],
        "scrape_configs": [{"job_name": "logwatch", "static_configs": groups}],
    }


def own_metrics(url: str) -> Mapping[str, float]:
    """What it says of itself, added up over labels."""
    page = CLIENT.request("GET", f"{url}/metrics").data.decode()
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found[sample.name] += sample.value
    return found


BUILT_IN = {"$__range_s": "3600", "$__rate_interval": "1m", "$__interval": "30s", "$__range": "1h"}


def queries(path: Path) -> Iterator[tuple[str, str, bool]]:
    """Title, expression and whether it is instant of each query of a dashboard, with everything chosen."""
    for panel in json.loads(path.read_text())["panels"]:
        for each in panel.get("panels") or [panel]:
            for target in each.get("targets", ()):
                if target["datasource"]["type"] == "prometheus":
                    expr = target["expr"]
                    for name, value in BUILT_IN.items():
                        expr = expr.replace(name, value)
                    yield each["title"], re.sub(r"\$\w+", ".+", expr), target.get("instant", False)


def cost_of_dashboard(server: Prometheus, path: Path, now: float) -> list[Cost]:
    """What each query of a dashboard costs, over the last hour."""
    found = []
    for title, expr, instant in queries(path):
        asked = {"time": now} if instant else {"start": now - 3600, "end": now, "step": 30}
        found.append(Cost(title, server.cpu_of("query" if instant else "query_range", query=expr, **asked)))
    return found


def cost_of_rules(server: Prometheus, groups: Sequence[Mapping[str, Any]], now: float) -> dict[str, list[Cost]]:
    """What one evaluation of each rule costs, by group."""
    return {
        group["name"]: [
            Cost(rule["name"], server.cpu_of("query", query=rule["query"], time=now)) for rule in group["rules"]
        ]
        for group in groups
    }


# ── the report ───────────────────────────────────────────────────────────────────────


def measure(hosts: int, seconds: int, rules: Sequence[Path], dashboards: Sequence[Path]) -> None:
    """Run one fleet, and print what it costs."""
    with tempfile.TemporaryDirectory() as name, prometheus(Path(name)) as server:
        folder = Path(name)
        fleet = Fleet(record(folder), hosts)
        threading.Thread(target=fleet.server.serve_forever, daemon=True).start()
        before, began = server.cpu(), time.perf_counter()
        push_history(fleet, server.url)
        took, spent = time.perf_counter() - began, server.cpu() - before
        print(f"\n{hosts} hosts: an hour of history in {took:.0f} s, {spent:.0f} s of CPU", flush=True)
        server.configure(_scraping(fleet, rules))
        time.sleep(STEP)  # every host is scraped once
        before_cpu, before_metrics = server.cpu(), own_metrics(server.url)
        time.sleep(seconds)
        _report(hosts, before_metrics, own_metrics(server.url), (server.cpu() - before_cpu) / seconds, seconds)
        groups, now = server.ask("rules")["groups"], time.time()
        server.configure(QUIET)
        _report_rules(groups, cost_of_rules(server, groups, now))
        for path in dashboards:
            costs = cost_of_dashboard(server, path, now)
            print(f"  {path.stem}: {len(costs)} queries, {_sum(costs):.2f} s; most: {_most(costs)}")
        fleet.server.shutdown()
        fleet.server.server_close()


def _report(hosts: int, before: Mapping[str, float], after: Mapping[str, float], cores: float, seconds: int) -> None:
    samples = after[APPENDED] - before[APPENDED]
    series = after["prometheus_tsdb_head_series"]
    print(f"  series {series:,.0f}, {series / hosts:,.0f} a host; {samples / seconds:,.0f} samples/s")
    print(f"  resident {after['process_resident_memory_bytes'] / 1e6:,.0f} MB; CPU {cores:.2f} cores, rules included")


def _report_rules(groups: Sequence[Mapping[str, Any]], costs: Mapping[str, Sequence[Cost]]) -> None:
    cores = sum(_sum(costs[group["name"]]) / group["interval"] for group in groups)
    print(f"  rules {cores:.3f} cores: CPU seconds for one evaluation of each group")
    for group in sorted(groups, key=lambda group: -_sum(costs[group["name"]])):
        found = costs[group["name"]]
        print(f"    {group['name']} {_sum(found):.3f} each {group['interval']:.0f} s: {_most(found)}")


def _sum(costs: Sequence[Cost]) -> float:
    return sum(each.seconds for each in costs)


def _most(costs: Sequence[Cost]) -> str:
    return ", ".join(f"{each.name} {each.seconds:.3f}" for each in sorted(costs, key=lambda each: -each.seconds)[:3])


def main() -> None:
    """Measure each size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet")
    parser.add_argument("--hosts", type=int, action="append", help="several are measured one after the other [50, 200]")
    parser.add_argument("--seconds", type=int, default=90, help="how long it is scraped before the figures are read")
    parser.add_argument("--rules", type=Path, action="append", help="rule files in place of the shipped ones")
    parser.add_argument("--dashboards", type=Path, action="append", help="in place of all shipped ones")
    arguments = parser.parse_args()
    dashboards = arguments.dashboards or sorted((ROOT / "grafana" / "dashboards").glob("*.json"))
    for hosts in arguments.hosts or (50, 200):
        measure(hosts, arguments.seconds, arguments.rules or RULES, dashboards)


if __name__ == "__main__":
    main()
