"""Panels that count, for containers that begin and end between two scrapes: in promtool, and in logwatch."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from commandline import call
from dashboards import concrete, queries

SERIES = {
    # Killed four times before its first scrape, at 10 m, and removed 5 m later.
    "born": "_x39 4x20 stale",
    # Three times within the time, many times before it.
    "old": "5x30 6x20 8x40",
    # Was there before, was removed, and is back under its name, with one kill since.
    "again": "7x10 stale _x49 1x30",
    # Nothing happened to it.
    "quiet": "4x90",
    # Scrapes failed while it was killed.
    "unseen": "1x30 _x20 3x40",
}
KILLED = {"born": 4, "old": 3, "again": 1, "quiet": 0, "unseen": 2}
"""Within the 15 minutes before the 20th, by hand."""
COUNTED = ("logwatch-container/Deaths/A", "logwatch-container/OOM kills/A")
ALL = {"logwatch-docker-overview/OOM kills/A": sum(KILLED.values()), "logwatch-docker-overview/Restart loops/A": 1}


def cases(panel: str) -> tuple[str, list[dict[str, object]]]:
    """A panel's expression over 15 minutes, and what it gives."""
    (query,) = [each for each in queries(annotations=False) if each.id == panel]
    expr = concrete(query.expr, __range="15m", __range_s="900")
    if panel in ALL:
        return expr, [{"labels": "{}", "value": ALL[panel]}]
    labels = '{{instance="h:1", name="{}"}}'
    return expr, [{"labels": labels.format(name), "value": value} for name, value in KILLED.items()]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = 'job="logwatch",instance="h:1"'
    given = [{"series": f"logwatch_build_info{{{target}}}", "values": "1x90"}]
    for name, values in SERIES.items():
        for action in ("die", "oom"):
            labels = f'name="{name}",action="{action}",{target}'
            given.append({"series": f"docker_container_events_total{{{labels}}}", "values": values})
        labels = f'type="container",action="oom",part="{name}",{target}'  # one counter for each, only here
        given.append({"series": f"docker_events_total{{{labels}}}", "values": values})
    asked = []
    for panel in (*COUNTED, *ALL):
        expr, expected = cases(panel)
        asked.append({"expr": expr, "eval_time": "20m", "exp_samples": expected})
    case = {"interval": "15s", "input_series": given, "promql_expr_test": asked}
    path = tmp_path_factory.mktemp("panels") / "test.yml"
    path.write_text(json.dumps({"rule_files": [], "evaluation_interval": "15s", "tests": [case]}))
    return path


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_over_scrapes(written):
    done = subprocess.run(["promtool", "test", "rules", str(written)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_in_logwatch(written):
    done = call("test", str(written))

    assert done.status == 0, done.out


def test_what_is_counted_together_is_no_row_of_the_containers_that_need_a_look(tmp_path):
    (query,) = [
        each
        for each in queries(annotations=False)
        if each.id == "logwatch-docker-overview/Containers that need a look/A"
    ]
    labels = 'action="die",job="logwatch",instance="h:1"'
    given = [{"series": 'logwatch_build_info{job="logwatch",instance="h:1"}', "values": "1x90"}]
    given += [
        {"series": f'docker_container_events_total{{name="{name}",{labels}}}', "values": "0x70 5x20"}
        for name in ("web", "_image:job:1", "_service:shop/job", "_other")
    ]
    asked = {
        "expr": concrete(query.expr, __range="15m", __range_s="900"),
        "eval_time": "20m",
        "exp_samples": [{"labels": '{instance="h:1", name="web"}', "value": 5}],
    }
    case = {"interval": "15s", "input_series": given, "promql_expr_test": [asked]}
    (tmp_path / "test.yml").write_text(json.dumps({"rule_files": [], "evaluation_interval": "15s", "tests": [case]}))

    done = call("test", str(tmp_path / "test.yml"))

    assert done.status == 0, done.out
