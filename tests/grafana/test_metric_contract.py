"""Dashboards, alert files and documentation speak of the metrics that there are, and of all of them."""

import re
import time
from pathlib import Path

import pytest
import yaml
from dashboards import ROOT, concrete, queries, selectors, variable_selectors
from ports import wait_for
from prometheus_client.parser import text_string_to_metric_families as parse
from sidecar import Sidecar

from logwatch.demo import feed
from logwatch.metrics import catalog
from logwatch.model import SECOND
from logwatch.rulefiles.files import fleet_files

FAMILIES = {family.name: family for family in catalog.counted(multi_host=True) + catalog.SAMPLED + catalog.PROCESS}
TARGET_LABELS = {"job", "instance"}
OTHERS = {
    "container_memory_working_set_bytes",
    "container_spec_memory_limit_bytes",
    "container_cpu_usage_seconds_total",
}
"""cAdvisor's, in a row that says so."""
OWN = {"ALERTS": {"alertname", "alertstate", "severity"}}
"""Made by Prometheus where it evaluates the alert files."""
ALERT_FILES = [*sorted((ROOT / "rules" / "alerts").glob("*.yml")), *fleet_files()]
DOCUMENTS = [ROOT / "README.md", ROOT / "grafana" / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]


def family_of(sample: str) -> str:
    """The metric of a sample: a histogram has three."""
    bare = re.sub(r"_(bucket|sum|count)$", "", sample)
    return bare if bare in FAMILIES and FAMILIES[bare].kind == "histogram" else sample


RECORDED = {
    rule["record"]
    for path in fleet_files()
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
    if "record" in rule
}
"""What the rules of a fleet record."""


def complaints(expr: str, *, recorded: set[str] = frozenset(RECORDED)) -> list[str]:
    """What a query asks for that logwatch does not serve."""
    found = []
    for selector in selectors(concrete(expr)):
        if selector.name in OTHERS or selector.name in recorded or selector.name == "up":
            continue
        family = FAMILIES.get(family_of(selector.name))
        labels = set(family.labels) if family else OWN.get(selector.name)
        if labels is None:
            found.append(f"there is no {selector.name}")
            continue
        asked = {matcher.name for matcher in selector.matchers.matchers} - TARGET_LABELS - {"le"}
        found += [f"{selector.name} has no label {label}" for label in sorted(asked - labels)]
    return found


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.id)
def test_a_query_asks_for_what_there_is(query):
    assert complaints(query.expr) == []


@pytest.mark.parametrize(("dashboard", "selector", "label"), variable_selectors())
def test_a_variable_asks_for_what_there_is(dashboard, selector, label):
    name = selector.partition("{")[0]

    assert complaints(selector) == []
    assert label in {*FAMILIES[name].labels, *TARGET_LABELS}


@pytest.mark.parametrize("path", ALERT_FILES, ids=lambda path: path.stem)
def test_an_alert_asks_for_what_there_is(path: Path):
    groups = yaml.safe_load(path.read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    recorded = {rule["record"] for rule in rules if "record" in rule}

    assert [said for rule in rules for said in complaints(rule["expr"], recorded=recorded)] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_speaks_of_metrics_that_there_are(path: Path):
    declared = re.compile(r"`((?:docker|logwatch)_(?:container|events|daemon|api|lines|bytes|source|rule|alerts|notifications|commit|build|config|series|lifecycle|late)_\w+)(?:\{(\w+)[=~!])?")  # fmt: skip
    said = {name for name, _ in declared.findall(path.read_text())}

    assert {name for name in said if family_of(name) not in FAMILIES} <= EXAMPLES


EXAMPLES: set[str] = set()
"""Metrics that documents invent, to show how a rule declares one."""


def test_a_scrape_of_a_replayed_log_shows_only_what_is_documented(tmp_path: Path):
    log = tmp_path / "messages"
    # As if it were happening now, and without removals: a removed container has no state and no health.
    lines = (line for _, line in feed(time.time_ns() - 130 * SECOND))
    log.write_bytes(b"".join(line for line in lines if b'"status":"destroy"' not in line))
    one = Sidecar(tmp_path / "state", "--log", str(log))
    try:
        wait_for(
            lambda: one.value("logwatch_source_position_bytes", path=str(log)) == log.stat().st_size, "the whole log"
        )
        samples = [sample for metric in parse(one.get("/metrics")[1]) for sample in metric.samples]
    finally:
        one.end()
    shipped = {family_of(sample.name) for sample in samples}
    labels = {(family_of(sample.name), label) for sample in samples for label in sample.labels if label != "le"}
    documented = (ROOT / "docs" / "metrics.md").read_text()

    assert [name for name in sorted(shipped) if f"`{name}`" not in documented] == []
    assert [pair for pair in sorted(labels) if pair[1] not in FAMILIES[pair[0]].labels] == []
    asked = {family_of(selector.name) for query in queries() for selector in selectors(concrete(query.expr))}

    assert sorted(asked - shipped - OTHERS - set(OWN) - NO_OCCASION - SAMPLED_FROM_DISK - RECORDED) == []


SAMPLED_FROM_DISK = {family.name for family in catalog.STORAGE}
"""Served with Docker's data directory only; tests/docker/test_sampler.py has one."""
NO_OCCASION = {
    "docker_api_errors_total",
    "logwatch_alerts",
    "logwatch_late_events_total",
    "logwatch_lifecycle_anomalies_total",
    "logwatch_notifications_dropped_total",
    "logwatch_notifications_errors_total",
    "logwatch_notifications_sent_total",
    "logwatch_rule_value_errors_total",
    "logwatch_series_dropped_total",
    "logwatch_source_gaps_total",
    "logwatch_source_rotations_total",
    "logwatch_source_skipped_total",
    "logwatch_upstream_dropped_lines_total",
}
"""What dashboards ask for and the recording has no occasion to show: failures, losses, receivers."""
