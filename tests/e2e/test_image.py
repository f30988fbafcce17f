"""The image of deploy/Dockerfile, built without a registry by both builders, and deploy/compose.yml run with it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from host import IMAGE, Host
from ports import free_port, wait_for

from logwatch import __version__

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
BASE = ROOT / ".make" / "trixie.tar"
WHEELS = ".make/wheels-3.13"
DOCKER = (
    "/usr/bin/docker"  # of the package docker.io, which has both builders; a newer one needs a plugin for the second
)
BUILT = f"docker-logwatch:{__version__}"


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """A host with a base image: a clean Debian with its own Python."""
    one = Host("info")
    one.root.chmod(0o755)  # the image's user reads the log as anybody may
    try:
        one.start()
        one.docker("import", str(BASE), "base:local", timeout=300)
        (one.root / "messages").symlink_to(one.log("traditional").name)
        yield one
    finally:
        one.close()


@pytest.fixture(autouse=True)
def parts(need: Callable[..., None]) -> None:
    need("rsyslogd", "dockerd", DOCKER, "busybox", "iptables", "docker-compose", root=True)
    if not (BASE.exists() and (ROOT / WHEELS / "complete").exists()):
        reason = "no clean root or wheels for it here: make roots"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


def build(host: Host, *, buildkit: bool) -> dict[str, Any]:
    """Build the image with one of the builders, and return what the engine says about it."""
    arguments = ["--build-arg", "BASE=base:local", "--build-arg", f"WHEELS={WHEELS}", "--network", "none"]
    command = [DOCKER, "build", *arguments, "--tag", BUILT, "--file", "deploy/Dockerfile", "."]
    environment = host.environment | {"DOCKER_BUILDKIT": str(int(buildkit))}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return inspect(host, "image", BUILT)


def inspect(host: Host, kind: str, name: str) -> dict[str, Any]:
    (found,) = json.loads(host.docker(kind, "inspect", name))
    return found


@pytest.fixture(scope="module")
def image(host: Host) -> dict[str, Any]:
    return build(host, buildkit=False)


def test_the_image_has_what_the_engine_asks_of_one(host: Host, image: dict[str, Any]) -> None:
    configuration = image["Config"]
    labels = configuration["Labels"]

    assert configuration["User"] == "65532:65532"
    assert configuration["Healthcheck"]["Test"] == ["CMD", "docker-logwatch", "healthcheck"]
    assert labels["org.opencontainers.image.title"] == "docker-logwatch"
    assert labels["org.opencontainers.image.version"] == __version__
    assert image["Size"] - inspect(host, "image", "base:local")["Size"] < 120_000_000
    assert f"version {__version__}" in host.docker("run", "--rm", BUILT, "--version")


def test_buildkit_builds_the_same(host: Host, image: dict[str, Any]) -> None:
    built = build(host, buildkit=True)

    for key in ("User", "Healthcheck", "Entrypoint", "Cmd", "Labels", "Volumes", "Env"):
        assert built["Config"][key] == image["Config"][key]


def test_compose_starts_it_beside_its_neighbours(host: Host, image: dict[str, Any]) -> None:
    port = free_port()
    environment = host.environment | {
        "LOG_FOLDER": str(host.root),
        "LOGWATCH_PORT": str(port),
        "COMPOSE_PROJECT_NAME": "lw",
    }

    def compose(*arguments: str) -> str:
        command = ["docker-compose", "--file", "deploy/compose.yml", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def page() -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    def ends() -> float:
        found = re.search(r'^docker_events_total\{type="container",action="die"\} (\S+)$', page(), re.MULTILINE)
        return float(found[1]) if found else -1

    compose("up", "--detach", "--no-build", "logwatch")
    container = compose("ps", "--quiet", "logwatch").strip()
    started = inspect(host, "container", container)
    wait_for(lambda: 'logwatch_source_pending_bytes{path="/var/log/messages"} 0.0' in page(), "the end of the log")
    before = ends()  # also those of the containers in which the image was built
    host.docker("run", "--rm", IMAGE, "true")
    wait_for(lambda: ends() == before + 1, "the end of a neighbour")

    assert (started["Config"]["Image"], started["HostConfig"]["ReadonlyRootfs"]) == (BUILT, True)
    assert started["HostConfig"]["CapDrop"] == ["ALL"]
    compose("exec", "-T", "logwatch", "docker-logwatch", "healthcheck", "--ready")
    compose("down", "--volumes")
