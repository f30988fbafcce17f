"""Every panel's queries, run by a real Prometheus that has seen a host in trouble, or a quiet one."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from dashboards import FILES, ROOT, concrete, load, panels, queries
from grafana_calls import CALLS, Call
from ports import wait_for

from grafana.preview.stack import Stack, stack
from grafana.preview.stories import STORIES
from logwatch.demo import feed
from logwatch.rulefiles.files import fleet_files

pytestmark = pytest.mark.e2e


def recording(end: float) -> str:
    """The demo's log without removals: a removed container's state ends, in a Prometheus with a backfill 5 minutes later."""
    lines = (line for _, line in feed(int((end - 130) * 1e9)))
    return b"".join(line for line in lines if b'"status":"destroy"' not in line).decode()


HOSTS = {name: STORIES[name] for name in ("trouble", "quiet")} | {"recording": recording}
WINDOWS = {"$__range_s": "10800", "$__range": "3h", "$__rate_interval": "1m"}
FIGURES = {
    "quiet": {"Down": 0, "Unhealthy": 0, "Restart loops": 0, "OOM kills": 0, "Running": 7},
    "trouble": {"Down": 1, "Unhealthy": 1, "Restart loops": 1, "OOM kills": 5, "Running": 6},
    "recording": {"Unhealthy": 0},
}
SILENT = {"Firing alerts", "Alerts", "API errors", "Last OOM kills", "Containers that need a look"}
SILENT |= {"Hosts by trouble", "Troubles within an hour"}
"""Panels with nothing to show where nothing is wrong; each says so in words."""
SAMPLED = {"Disk by kind", "Unused by kind", "File systems and thin pools", "Largest containers on disk"}
"""Panels that need Docker's data directory, which these hosts do not have."""


@pytest.fixture(scope="module", params=HOSTS)
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Stack]]:
    if missing := [name for name in ("prometheus", "promtool") if shutil.which(name) is None]:
        reason = f"missing here: {', '.join(missing)} (make packages installs them on Debian)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    folder: Path = tmp_path_factory.mktemp(request.param)
    log = folder / "messages"
    # The past ends before the first scrape: Prometheus takes nothing that is older than its blocks.
    log.write_text(HOSTS[request.param](time.time() - 20))
    rules = folder / "rules"
    rules.mkdir()
    # Both evaluate the alert files, as in deploy/compose.yml. Nobody waits a minute for what is recorded of a fleet.
    for path in [*(ROOT / "rules" / "alerts").glob("*.yml"), *fleet_files()]:
        (rules / path.name).write_text(path.read_text().replace("interval: 1m", "interval: 1s"))
    with stack(log, folder, rules=rules) as running:
        wait_for(lambda: bool(running.ask("query", query="job:docker_hosts:count")["result"]), "what is recorded")
        scraped = "process_start_time_seconds[1m]"  # not in the past
        wait_for(
            lambda: bool(running.ask("query", query=scraped, time=full_step())["result"]), "a scrape at a full step"
        )
        yield request.param, running


def full_step() -> float:
    """The last time at which Grafana asks, with a step of 15 s."""
    return time.time() // 15 * 15


def ask(running: Stack, expr: str, *, instant: bool) -> list[Any]:
    for name, value in WINDOWS.items():
        expr = expr.replace(name, value)
    query, now = concrete(expr), time.time()
    if instant:
        return running.ask("query", query=query, time=now)["result"]
    return running.ask("query_range", query=query, start=now - 3600, end=now, step=30)["result"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_panel_is_empty_without_saying_why(host, path):
    name, running = host
    empty = []
    for panel in panels(load(path)):
        asked = [target for target in panel.get("targets", ()) if target["datasource"]["type"] == "prometheus"]
        own = [
            target
            for target in asked
            if "container_memory" not in target["expr"] and "container_cpu" not in target["expr"]
        ]
        if own and not any(ask(running, target["expr"], instant=target.get("instant", False)) for target in own):
            empty.append(panel["title"])
            assert panel["fieldConfig"]["defaults"]["noValue"] not in {"", "No data"}

    silent = SILENT if name == "quiet" else {"Firing alerts", "Alerts", "API errors"}
    assert set(empty) <= silent | SAMPLED


def test_the_figures_tell_what_happened(host):
    name, running = host
    shown = {
        query.panel: ask(running, query.expr, instant=True)
        for query in queries(annotations=False)
        if query.dashboard == "logwatch-docker-overview" and query.panel in FIGURES[name]
    }
    values = {panel: round(float(result[0]["value"][1])) for panel, result in shown.items()}

    assert values == FIGURES[name]


def test_the_fleet_shows_the_host_and_why_it_is_in_trouble(host):
    name, running = host
    shown = {
        query.id.removeprefix("logwatch-docker-fleet/"): ask(running, query.expr, instant=True)
        for query in queries(annotations=False)
        if query.dashboard == "logwatch-docker-fleet"
    }
    figures = {panel: float(result[0]["value"][1]) for panel, result in shown.items() if len(result) == 1}

    assert (figures["Hosts/A"], figures["Silent/A"]) == (1, 0)
    assert (figures["In trouble/A"] == 1) == bool(shown["Hosts by trouble/A"]) == (name != "quiet")
    if name == "trouble":
        assert (figures["Down/A"], figures["Unhealthy/A"]) == (1, 1)
        assert figures["Hosts by trouble/A"] > 100
        assert figures["Hosts by trouble/G"] > 0


def test_annotations_stand_at_the_second_at_which_it_happened(host):
    name, running = host
    (oom,) = [query for query in queries() if query.id.startswith("logwatch-docker-overview/annotation OOM")]
    times = {float(value) / 1000 for series in ask(running, oom.expr, instant=False) for _, value in series["values"]}

    assert bool(times) == (name != "quiet")
    assert all(time.time() - 3 * 3600 < moment < time.time() for moment in times)


def test_what_alerts_say_is_shown_once(host):
    """logwatch and Prometheus may evaluate the same files: no alert may be counted twice."""
    _, running = host
    (firing,) = [
        query
        for query in queries()
        if query.id == "logwatch-docker-overview/Firing alerts/A" and query.target.get("format") == "table"
    ]
    rows = ask(running, firing.expr, instant=True)
    keys = [tuple(sorted(row["metric"].items())) for row in rows]

    assert len(keys) == len(set(keys))


def call(url: str, method: str, asked: Call) -> tuple[int, Any]:
    """Status and body of an answer to a call of Grafana's."""
    now = full_step()
    ends = {"{start}": f"{now - 60:.0f}", "{end}": f"{now:.3f}"}
    pairs = urlencode([(name, ends.get(value, value)) for name, value in asked.pairs])
    path = f"{url}/api/v1/{asked.path}"
    request = Request(f"{path}?{pairs}") if method == "GET" else Request(path, pairs.encode())
    try:
        with urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


def form(value: Any) -> Any:
    """Of which kind JSON is, and what is in it."""
    if isinstance(value, dict):
        keys = {key: form(each) for key, each in value.items()}
        return (
            keys if {"status", "resultType", "type", "metric"} & keys.keys() else {"…": next(iter(keys.values()), None)}
        )
    if isinstance(value, list):
        return [form(value[0])] if value else []
    return "number" if isinstance(value, int | float) else type(value).__name__


def kind(status: int, body: Any) -> tuple[Any, ...]:
    """What Grafana goes by: status, kind of error or of result, and its form down to the samples."""
    if body["status"] == "error":
        return status, body["errorType"]
    data = body["data"]
    if isinstance(data, dict) and "resultType" in data:
        return status, data["resultType"], form(data["result"][:1]) if data["resultType"] != "scalar" else ""
    return (
        status,
        type(data).__name__,
        form(data) if isinstance(data, list) and data and isinstance(data[0], str) else "",
    )


@pytest.mark.parametrize(
    ("asked", "method"),
    [(each, method) for each in CALLS for method in each.methods],
    ids=lambda each: getattr(each, "what", each),
)
def test_grafanas_calls_are_answered_as_prometheus_answers_them(host, asked, method):
    _, running = host
    ours, theirs = call(running.logwatch, method, asked), call(running.prometheus, method, asked)

    assert kind(*ours) == kind(*theirs), (ours[1], theirs[1])
    if asked.same:
        assert ours[1] == theirs[1]
