"""`logwatch demo --stack`: what is installed is started, found, and ended with the demo."""

import json
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from ports import free_port, wait_for

from logwatch.demo.companions import Companions


def test_what_is_missing_is_told_with_the_package_that_brings_it():
    said = "\n".join(Companions(None, None, 9090, 9093).lines())

    assert "apt-get install prometheus)" in said
    assert "apt-get install prometheus-alertmanager)" in said
    assert "Grafana" not in said


def test_what_is_missing_is_not_started(tmp_path: Path):
    companions = Companions(None, None, 9090, 9093)
    with companions.running(tmp_path, "localhost:1"):
        assert list(tmp_path.iterdir()) == []
    assert companions.alertmanager_url is None


def answer(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=5) as answered:
            return answered.read().decode()
    except OSError:
        return ""


@pytest.mark.e2e
@pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("prometheus-alertmanager")),
    reason="prometheus or its alertmanager is not installed (Debian: prometheus, prometheus-alertmanager)",
)
def test_prometheus_scrapes_the_demo_and_both_end_with_it(tmp_path: Path):
    said = tmp_path / "said"
    command = [sys.executable, "-m", "logwatch", "demo", "--stack", "--speed", "20"]
    with said.open("wb") as out:
        demo = subprocess.Popen([*command, "--web.listen-address", f"127.0.0.1:{free_port()}"], stderr=out)
    try:
        wait_for(lambda: "Grafana" in said.read_text() or demo.poll() is not None, "the demo")
        prometheus, alertmanager = re.findall(
            r"(?:Prometheus|Alertmanager) +(http://127\.0\.0\.1:\d+)", said.read_text()
        )
        wait_for(lambda: answer(f"{alertmanager}/-/ready") != "", "Alertmanager")
        wait_for(lambda: counted(prometheus) > 0, "a scrape of the demo", 60)
    finally:
        demo.send_signal(signal.SIGINT)
        status = demo.wait(30)

    assert status == 0
    assert (answer(f"{prometheus}/-/ready"), answer(f"{alertmanager}/-/ready")) == ("", "")


def counted(prometheus: str) -> float:
    found = answer(f"{prometheus}/api/v1/query?query=sum(docker_events_total)")
    result = json.loads(found)["data"]["result"] if found else []
    return float(result[0]["value"][1]) if result else 0
