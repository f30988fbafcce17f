"""The dashboards over logwatch itself: its query API answers every panel, without a Prometheus."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from dashboards import FILES, concrete, load, panels, queries, variable_selectors
from ports import wait_for
from sidecar import Sidecar

from grafana.preview.stories import STORIES

WINDOWS = {"$__range_s": "10800", "$__range": "3h", "$__rate_interval": "1m"}
FIGURES = {
    "quiet": {"Down": 0, "Unhealthy": 0, "Restart loops": 0, "OOM kills": 0, "Running": 7},
    "trouble": {"Down": 1, "Unhealthy": 1, "Restart loops": 1, "OOM kills": 5, "Running": 6},
}
CADVISOR = ("container_memory", "container_cpu")
EMPTY = {
    "quiet": {"Firing alerts", "Alerts", "API errors", "Last OOM kills", "Containers that need a look"},
    "trouble": {"Firing alerts", "Alerts", "API errors"},
}
"""Panels that may have nothing to show."""
DISK = {"Disk by kind", "Unused by kind", "File systems and thin pools", "Largest containers on disk"}
"""Panels that need Docker's data directory, which these hosts do not have."""
OF_ONE_HOST = [path for path in FILES if path.stem != "logwatch-docker-fleet"]
"""A fleet has a Prometheus, which records what its dashboard shows."""


@pytest.fixture(scope="module", params=FIGURES)
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Sidecar]]:
    folder = tmp_path_factory.mktemp(request.param)
    log = folder / "messages"
    log.write_text(STORIES[request.param](time.time() - 20))
    running = Sidecar(folder / "state", "--log", str(log))
    wait_for(lambda: running.get("/-/ready")[0] == 200, "reading the log")
    yield request.param, running
    running.end()


def ask(running: Sidecar, path: str, **parameters: Any) -> Any:
    status, body = running.get(f"/api/v1/{path}?{urlencode(parameters)}")
    assert status == 200, (parameters, body)
    return json.loads(body)["data"]


def result(running: Sidecar, expr: str, *, instant: bool) -> list[Any]:
    for name, value in WINDOWS.items():
        expr = expr.replace(name, value)
    query, now = concrete(expr), time.time()
    if instant:
        return ask(running, "query", query=query, time=now)["result"]
    return ask(running, "query_range", query=query, start=now - 3600, end=now, step=60)["result"]


def empty_panels(running: Sidecar, path: Path) -> set[str]:
    empty = set()
    for panel in panels(load(path)):
        asked = [target for target in panel.get("targets", ()) if target["datasource"]["type"] == "prometheus"]
        own = [target for target in asked if not any(metric in target["expr"] for metric in CADVISOR)]
        answers = [result(running, each["expr"], instant=each.get("instant", False)) for each in own]
        if own and all(not each for each in answers):
            empty.add(panel["title"])
    return empty


@pytest.mark.parametrize("path", OF_ONE_HOST, ids=lambda path: path.stem)
def test_every_panel_is_answered(host, path):
    """What began a moment ago is in the next sample, as in a Prometheus."""
    name, running = host

    wait_for(lambda: empty_panels(running, path) <= EMPTY[name] | DISK, f"panels of {path.stem} that show something")


def test_the_figures_are_those_that_a_prometheus_gives(host):
    name, running = host
    exprs = {
        query.panel: query.expr
        for query in queries(annotations=False)
        if query.dashboard == "logwatch-docker-overview" and query.panel in FIGURES[name]
    }

    def figures() -> dict[str, int]:
        found = {panel: result(running, expr, instant=True) for panel, expr in exprs.items()}
        return {panel: round(float(each[0]["value"][1])) for panel, each in found.items() if each}

    wait_for(lambda: figures() == FIGURES[name], f"the figures {FIGURES[name]}")


def test_variables_have_values(host):
    _, running = host
    for dashboard, selector, label in variable_selectors():
        values = ask(running, f"label/{label}/values", **{"match[]": concrete(selector)})
        assert values, (dashboard, selector, label)


def test_the_past_is_kept_of_what_is_drawn_though_no_rule_reads_it(host):
    name, running = host
    if name != "trouble":
        pytest.skip("there were no errors")

    def counts() -> list[float]:
        moments = [time.time() - 60 * before for before in (40, 0)]
        found = [
            ask(running, "query", query="sum(docker_api_errors_total)", time=moment)["result"] for moment in moments
        ]
        return [float(each[0]["value"][1]) for each in found if each]

    wait_for(lambda: counts() == [3, 7], "errors at their times")
