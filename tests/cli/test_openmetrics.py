"""`replay --openmetrics`: a log's whole history, for a Prometheus that was not there."""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from commandline import call
from parity import RECORDINGS
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.samples import Sample

RECORDING = str(RECORDINGS / "info-rfc5424-docker-events" / "messages.xz")


def container_events(samples: Iterable[Sample]) -> dict[tuple[str, str], float]:
    return {
        (sample.labels["name"], sample.labels["action"]): sample.value
        for sample in samples
        if sample.name == "docker_container_events_total"
    }


def samples(metrics: Iterable[Metric]) -> list[Sample]:
    return [sample for metric in metrics for sample in metric.samples]


def test_the_history_ends_where_the_metrics_end(tmp_path: Path):
    out = tmp_path / "history"
    done = call("replay", "--openmetrics", str(out), RECORDING)
    history = samples(parse_openmetrics(out.read_text()))
    end = max(float(sample.timestamp) for sample in history)
    shown = container_events(samples(parse_text(call("replay", "--metrics", RECORDING).out)))

    assert (done.status, done.out) == (0, "")
    assert sum(shown.values()) > 100
    assert container_events(sample for sample in history if float(sample.timestamp) == end) == shown


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--raw"], "--raw prints events without state"),
        (["--state-dir", "state"], "one whole replay"),
        (["--openmetrics", "none/history"], "none/history: cannot write the history: No such file or directory"),
    ],
    ids=["raw", "state", "unwritable"],
)
def test_what_cannot_be_is_refused_with_a_reason(flags, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call("replay", "--openmetrics", "history", *flags, RECORDING)

    assert done.status == 2
    assert said in done.err


@pytest.mark.e2e
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_promtool_makes_blocks_of_it(tmp_path: Path):
    out = tmp_path / "history"
    call("replay", "--openmetrics", str(out), RECORDING)
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(out), str(tmp_path / "data")]
    made = subprocess.run(command, capture_output=True, text=True, check=False)

    assert made.returncode == 0, made.stderr
    assert len([path for path in (tmp_path / "data").iterdir() if (path / "meta.json").exists()]) == 1


def test_the_history_shows_the_trouble_that_there_was(tmp_path: Path):
    out = tmp_path / "history"
    call("replay", "--openmetrics", str(out), RECORDING)
    history = samples(parse_openmetrics(out.read_text()))
    alerts = {row["labels"]["alertname"] for row in call("replay", "--alerts", "--format", "jsonl", RECORDING).rows}
    shown = {sample.labels["alertname"] for sample in history if sample.name == "ALERTS"}
    names = {sample.name for sample in history}

    assert len(alerts) > 3
    assert shown == alerts | {"Watchdog"}
    assert names >= {"up", "logwatch_build_info", "logwatch_source_open", "logwatch_alerts"}
