"""Shipped alerts fire on what went wrong in recordings of an engine, and on nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from parity import RECORDINGS, unpack

from logwatch import alerting
from logwatch.alerting import Group
from logwatch.formats.line_parser import LineReader
from logwatch.matching.matcher import Matcher
from logwatch.metrics import Registry
from logwatch.model import SECOND, Chunk
from logwatch.pipeline import Pipeline, Settings
from logwatch.rulefiles import RuleSet, load

NOW_NS = 1_800_000_000 * SECOND
AFTER_NS = 900 * SECOND
"""How long the clock goes on after the last line."""
STOPS = frozenset({"DockerContainerStopTimeout"})
"""Busybox's sleep, as the first process of a container, ignores SIGTERM."""
TROUBLED = {
    "crashloop": frozenset({"DockerContainerRestartLoop"}),
    "oom": frozenset({"DockerContainerOomKilled"}),
    "killtimeout": STOPS,
    "failures": frozenset({"DockerContainerStartFailed"}),
    "diskfull": frozenset({"DockerStorageFull"}),
    "lifecycle": STOPS,
    "daemon": STOPS,
}
"""What fires in a scenario; in all others nothing does."""
GONE = {("info-traditional", "crashloop"): frozenset({"DockerContainerGaveUp"})}
"""At info level the log has no removal: a container that was removed between two tries looks as if it was given up."""


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> tuple[RuleSet, Matcher, list[Group]]:
    rules = load([])
    matcher = Matcher.build(rules.rules, (), Path(tmp_path_factory.mktemp("patterns")))
    return rules, matcher, list(alerting.load(rules.alert_files, interval_ns=15 * SECOND, disabled=()))


def scenarios(recording: str) -> Iterator[tuple[str, bytes, int]]:
    """The scenarios of a recording, each with its lines and its end."""
    log = unpack(recording, "messages")
    reader = LineReader(None)
    reader.begin(Chunk(log, "messages", 0, NOW_NS), NOW_NS)
    records = [(reader.read(line.rstrip(b"\n")), line) for line in log.splitlines(keepends=True)]
    for text in (RECORDINGS / recording / "marks.jsonl").read_text().splitlines():
        mark = json.loads(text)
        if "scenario" in mark:
            begin_ns, end_ns = int((mark["start"] - 1) * SECOND), int((mark["end"] - 1) * SECOND)
            lines = [line for record, line in records if record and begin_ns <= record.time_ns <= end_ns]
            yield mark["scenario"], b"".join(lines), end_ns


@pytest.mark.parametrize("recording", ["info-traditional", "debug-iso", "info-rfc5424-docker-events"])
def test_alerts_fire_on_the_troubled_scenarios_alone(
    recording: str, shipped: tuple[RuleSet, Matcher, list[Group]]
) -> None:
    rules, matcher, groups = shipped
    fired, expected = {}, {}
    for scenario, lines, end_ns in scenarios(recording):
        pipeline = Pipeline(rules.rules, rules.correlations, Settings(), Registry(), groups=groups, matcher=matcher)
        pipeline.process(Chunk(lines, "messages", 0, NOW_NS), NOW_NS)
        pipeline.advance(end_ns + AFTER_NS)
        report = pipeline.alerts.report()
        fired[scenario] = {each.labels["alertname"] for each in (*report.past, *report.alerts)} - {"Watchdog"}
        expected[scenario] = TROUBLED.get(scenario, frozenset()) | GONE.get((recording, scenario), frozenset())

    assert expected == fired
