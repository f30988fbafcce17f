"""deploy/compose.yml: the files that it mounts are there, and the parts know each other by the right names.

No image can be fetched here, so that it is not started.
"""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from dashboards import ROOT, load

from logwatch.config import load as load_configuration
from logwatch.demo.companions import POSTED_BY_LOGWATCH

DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROMETHEUS = yaml.safe_load((DEPLOY / "stack" / "prometheus.yml").read_text())


def mounts(service: str) -> dict[str, Path]:
    """Target to source of what is mounted from the repository."""
    split = (volume.split(":") for volume in SERVICES[service]["volumes"])
    return {target: DEPLOY / source for source, target, *_ in split if source.startswith(".")}


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_mounted_exists(service):
    named = {volume.split(":")[0] for volume in SERVICES[service]["volumes"]}

    assert [source for source in mounts(service).values() if not source.exists()] == []
    assert {name for name in named if not name.startswith((".", "/", "${"))} <= set(COMPOSE["volumes"])


def test_images_are_pinned_and_only_logwatch_is_open_to_others():
    for name in ("prometheus", "alertmanager", "grafana"):
        assert SERVICES[name]["image"].rpartition(":")[2] not in {"", "latest"}
        assert all(port.startswith("127.0.0.1:") for port in SERVICES[name]["ports"])


def test_prometheus_and_logwatch_evaluate_the_same_files_under_the_same_labels():
    (scrape,) = PROMETHEUS["scrape_configs"]
    (target,) = scrape["static_configs"]
    configuration = load_configuration(DEPLOY / "stack" / "logwatch.yml", {}, {}).config

    assert PROMETHEUS["rule_files"] == [f"/etc/prometheus/rules/{folder}/*.yml" for folder in ("alerts", "fleet")]
    assert mounts("prometheus")["/etc/prometheus/rules"].resolve() == ROOT / "rules"
    assert configuration.alerting.target_labels == {"job": scrape["job_name"], **target["labels"]}


def test_prometheus_posts_what_logwatch_does_not():
    (dropped,) = PROMETHEUS["alerting"]["alert_relabel_configs"]
    files = [file for folder in ("alerts", "fleet") for file in (ROOT / "rules" / folder).glob("*.yml")]
    names = [
        rule["alert"]
        for file in files
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    posted = [name for name in names if not re.fullmatch(dropped["regex"], f"logwatch;{name}")]

    assert posted == ["LogwatchDown"]
    assert dropped == POSTED_BY_LOGWATCH


def test_the_parts_find_each_other():
    (scrape,) = PROMETHEUS["scrape_configs"]
    (alertmanagers,) = PROMETHEUS["alerting"]["alertmanagers"]
    sources = yaml.safe_load((ROOT / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
    configuration = load_configuration(DEPLOY / "stack" / "logwatch.yml", {}, {}).config
    asked = {
        *scrape["static_configs"][0]["targets"],
        *alertmanagers["static_configs"][0]["targets"],
        *(source["url"].removeprefix("http://") for source in sources),
        *(receiver.url.removeprefix("http://") for receiver in configuration.alerting.alertmanagers),
    }
    served = {f"{name}:{port.split(':')[-1]}" for name in SERVICES for port in SERVICES[name].get("ports", ())}

    assert asked <= served


def test_grafana_gets_the_dashboards_where_its_provider_looks():
    provider = yaml.safe_load((ROOT / "grafana/provisioning/dashboards/logwatch.yml").read_text())["providers"][0]
    folder = mounts("grafana")[provider["options"]["path"]].resolve()
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]

    assert mounts("grafana")["/etc/grafana/provisioning"].resolve() == ROOT / "grafana" / "provisioning"
    assert load(folder / Path(home).name)["uid"] == "logwatch-docker-overview"


@pytest.mark.e2e
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_prometheus_takes_its_configuration():
    command = ["promtool", "check", "config", "--syntax-only", str(DEPLOY / "stack" / "prometheus.yml")]
    said = subprocess.run(command, capture_output=True, text=True, check=False)

    assert said.returncode == 0, said.stderr


@pytest.mark.e2e
@pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed (Debian: prometheus-alertmanager)")
def test_the_alertmanager_takes_its_configuration():
    command = ["amtool", "check-config", str(DEPLOY / "stack" / "alertmanager.yml")]
    said = subprocess.run(command, capture_output=True, text=True, check=False)

    assert said.returncode == 0, said.stderr


@pytest.mark.skipif(
    shutil.which("docker-compose") is None, reason="docker-compose is not installed (Debian: docker-compose)"
)
def test_compose_reads_it():
    command = ["docker-compose", "--file", str(DEPLOY / "compose.yml"), "config", "--quiet"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)

    assert said.returncode == 0, said.stderr
