"""The shipped alerts beside each other: in logwatch, and in a Prometheus that scrapes it and loads the same files.

Three recorded hosts and one of made-up lines are played live. Every duration of the files is divided by 15, so that
all that they say happens within three minutes. Both post to one receiver, which keeps each alert's begin, end and labels.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import pytest
import scaled_alerts
from played_hosts import made_up, made_up_rules, play, recorded
from ports import free_port, wait_for
from receivers_on_loopback import Loopback
from sidecar import Sidecar

pytestmark = pytest.mark.e2e
DIVISOR = int(os.environ.get("LOGWATCH_ALERT_DIVISOR", "15"))
"""1 compares the files as they are shipped, within an hour and a quarter."""
SCRAPE_S = 15 / DIVISOR
GRACE_S = 5.0
LOOPS_S = {"DockerContainerGaveUp": 15.0}
"""A container in a restart loop runs for less than a second at a time: either may miss it, and what sees it waits its `for` again."""
LENGTH_S = 130.0 if DIVISOR > 1 else 4500.0
"""A recording lasts for two minutes."""
AT_ONCE = {"LogwatchDown", "LogwatchSourceUnreadable", "Watchdog"}
ONLY_PROMETHEUS = {"LogwatchDown"}
"""logwatch does not see itself missing."""
RECORDED = ("info-traditional", "info-rfc5424-docker-events", "debug-iso")
BROKEN = 'groups: [{name: broken, rules: [{alert: Broken, expr: \'label_replace(docker_events_total, "type", "x", "", "")\'}]}]\n'


class Span(NamedTuple):
    """An alert from its begin to its end, in seconds; none while it fires."""

    begin: float
    end: float | None


Alerts = dict[frozenset[tuple[str, str]], list[Span]]


def spans(posts: list[Any]) -> Alerts:
    """What was posted: the last end of each begin counts, if it has passed."""
    ends: dict[frozenset[tuple[str, str]], dict[float, float | None]] = defaultdict(dict)
    for received, alerts in posts:
        for alert in alerts:
            begin, end = _time(alert["startsAt"]), _time(alert["endsAt"])
            ends[frozenset(alert["labels"].items())][begin] = end if end <= received else None
    return {labels: [Span(*span) for span in sorted(found.items())] for labels, found in ends.items()}


def names(alerts: Alerts) -> set[str]:
    return {dict(labels)["alertname"] for labels in alerts}


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def active(found: list[Span], moment: float) -> bool:
    return any(span.begin <= moment and (span.end is None or moment < span.end) for span in found)


def longest_difference(ours: list[Span], theirs: list[Span], start: float, stop: float) -> float:
    """The longest time in seconds for which an alert fires in one and not in the other."""
    edges = {edge for span in (*ours, *theirs) for edge in span if edge is not None and start < edge < stop}
    longest = since = 0.0
    for begin, end in itertools.pairwise(sorted({start, *edges, stop})):
        since = since + end - begin if active(ours, begin) != active(theirs, begin) else 0
        longest = max(longest, since)
    return longest


class Receiver:
    """Takes what is posted to an Alertmanager, with the time at which it came."""

    def __init__(self) -> None:
        self.posts: list[Any] = []
        self.http = Loopback(self._answer)

    def _answer(self, body: object) -> int:
        self.posts.append((time.time(), body))
        return 200


def scraped_before(folder: Path, hosts: Iterable[str]) -> None:
    """Give the Prometheus a past: it has scraped these hosts for longer than any alert looks back, and nothing happened."""
    end, step = int(time.time()) - 5, max(1, int(SCRAPE_S))
    samples = [
        f'logwatch_build_info{{job="logwatch",instance="{host}"}} 1 {moment}\n'
        for host in hosts
        for moment in range(end - 3 * 3600 // DIVISOR, end, step)
    ]
    (folder / "past").write_text("# TYPE logwatch_build_info gauge\n" + "".join(samples) + "# EOF\n")
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", f"{folder}/past", f"{folder}/data"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def prometheus(folder: Path, ports: dict[str, int], receiver: Receiver) -> Iterator[str]:
    """A Prometheus that scrapes them by the names of their hosts, and a host where nobody answers."""
    targets = [{"targets": [f"127.0.0.1:{port}"], "labels": {"instance": name}} for name, port in ports.items()]
    configuration = {
        "global": {"scrape_interval": f"{SCRAPE_S:g}s", "scrape_timeout": f"{SCRAPE_S:g}s"},
        "rule_files": [f"{folder}/alerts/*.yml"],
        "scrape_configs": [{"job_name": "logwatch", "static_configs": targets}],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [receiver.http.url.removeprefix("http://")]}]}]},
    }
    (folder / "prometheus.yml").write_text(json.dumps(configuration))
    scraped_before(folder, ports.keys() - {"down"})
    url = f"127.0.0.1:{free_port()}"
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    command += [f"--web.listen-address={url}", f"--query.lookback-delta={300 // DIVISOR}s", "--log.level=error"]
    with (folder / "prometheus.out").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        yield f"http://{url}"
    finally:
        process.terminate()
        process.wait(30)


def scraped(url: str) -> int:
    """How many targets answer."""
    try:
        found = json.loads(urlopen(f"{url}/api/v1/query?query=sum(up)", timeout=5).read())["data"]["result"]
    except OSError:
        return 0
    return int(found[0]["value"][1]) if found else 0


def configuration(folder: Path, name: str, receiver: Receiver) -> dict[str, Any]:
    paths = [str(folder / "alerts"), *([str(folder / "made-up")] if name == "made-up" else [])]
    return {
        "rules": {"paths": paths},
        "sources": {"timezone": "UTC"},
        "alerting": {
            "alertmanagers": [receiver.http.url],
            "target_labels": {"job": "logwatch", "instance": name},
            "sample_interval": f"{SCRAPE_S:g}s",
        },
    }


def started(folder: Path, name: str, receiver: Receiver) -> Sidecar:
    log = folder / f"{name}.log"
    log.touch()
    (folder / f"{name}.yml").write_text(json.dumps(configuration(folder, name, receiver)))
    missing = ["--log", str(folder / "missing.log")] if name == "made-up" else []
    return Sidecar(folder / name, "--config.file", str(folder / f"{name}.yml"), "--log", str(log), *missing)


class Evening(NamedTuple):
    """What was posted between two times."""

    ours: Alerts
    theirs: Alerts
    start: float
    stop: float


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Evening, dict[str, int]]]:
    if shutil.which("prometheus") is None:
        reason = "missing here: prometheus (make packages installs it on Debian)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    folder = tmp_path_factory.mktemp("alerts")
    (folder / "alerts").mkdir()
    (folder / "made-up").mkdir()
    (folder / "made-up" / "rules.yml").write_text(json.dumps(made_up_rules()))
    (folder / "made-up" / "broken.yml").write_text(BROKEN)
    intervals = scaled_alerts.write(folder / "alerts", DIVISOR)
    ours, theirs = Receiver(), Receiver()
    hosts = (*RECORDED, "made-up")
    with ExitStack() as ending:
        for receiver in (ours, theirs):
            ending.callback(receiver.http.close)
        sidecars = {}
        for name in hosts:
            sidecars[name] = started(folder, name, ours)
            ending.callback(sidecars[name].end)
        ports = {name: one.port for name, one in sidecars.items()} | {"down": free_port()}
        url = ending.enter_context(prometheus(folder, ports, theirs))
        wait_for(lambda: scraped(url) == len(hosts), "scrapes of all")
        wait_for(lambda: names(spans(theirs.posts)) >= AT_ONCE, "what fires from the start", 90 + 300 / DIVISOR)
        start = time.time()
        stories = [(folder / f"{name}.log", recorded(name, start)) for name in RECORDED]
        stories += [(path := folder / "made-up.log", made_up(start, path))]
        stories += [(folder / "made-up" / "more.yml", iter([(start + 30, b"groups: [")]))]
        play(stories, lambda due: time.sleep(max(0, due - time.time())))
        time.sleep(max(0, start + LENGTH_S - time.time()))
        stop = time.time()
        time.sleep(GRACE_S)
        yield Evening(spans(ours.posts), spans(theirs.posts), start, stop), intervals


def test_both_fire_alike(played):
    evening, intervals = played
    differing = {}
    for labels in evening.ours.keys() | evening.theirs.keys():
        name = dict(labels)["alertname"]
        allowed = SCRAPE_S + intervals.get(name, 0) / 1000 + GRACE_S + LOOPS_S.get(name, 0)
        ours, theirs = evening.ours.get(labels, []), evening.theirs.get(labels, [])
        apart = longest_difference(ours, theirs, evening.start, evening.stop)
        if apart > allowed and name not in ONLY_PROMETHEUS | {"Broken"}:
            shown = [
                [
                    (round(span.begin - evening.start, 1), span.end and round(span.end - evening.start, 1))
                    for span in each
                ]
                for each in (ours, theirs)
            ]
            differing[name, dict(labels).get("name"), dict(labels)["instance"]] = (round(apart, 1), *shown)

    assert differing == {}


def test_every_shipped_alert_fired(played):
    evening, intervals = played

    assert names(evening.theirs) >= set(intervals)
    assert names(evening.ours) >= set(intervals) - ONLY_PROMETHEUS
