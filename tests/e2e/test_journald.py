"""A real engine whose containers log to a real journal: their names, and what they print."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from host import IMAGE, Host
from ports import wait_for
from sidecar import Sidecar
from test_engines_files import RULE

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    parts = ("rsyslogd", "dockerd", "docker", "busybox", "journalctl", "unshare")
    missing = [name for name in parts if shutil.which(name) is None]
    if not Path("/lib/systemd/systemd-journald").exists():
        missing.append("systemd-journald")
    if missing:
        message = f"missing here: {', '.join(missing)}"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    host = Host("info", has_journald=True)
    try:
        host.start()
        yield host
    finally:
        host.close()


def run(host: Host, name: str, script: str) -> None:
    """Let a container print into the journal, and end."""
    host.docker("run", "--name", name, "--log-driver", "journald", IMAGE, "sh", "-c", script)


def test_names_and_output_come_from_the_journal(host: Host, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULE)
    both = ("--log", str(host.log("traditional")), "--log", f"journal:{host.journal}")
    printed = ("--log", "containers:web,long", "--rules", str(tmp_path / "rules.yml"))
    run(host, "web", "echo starting; echo FATAL; exit 5")
    named = Sidecar(tmp_path / "named", *both)
    reading = Sidecar(tmp_path / "reading", *both, *printed, "--docker-root", str(host.root / "lib"))
    try:
        run(host, "other", "echo FATAL, but nobody asked")
        run(host, "long", "head -c 40000 /dev/zero | tr '\\0' x; echo; echo FATAL 2 >&2")
        for name in ("web", "other", "long"):
            death = {"name": name, "action": "die"}
            wait_for(lambda death=death: named.value("docker_container_events_total", **death) == 1, f"{name} by name")
        for name in ("web", "long"):
            wait_for(lambda name=name: reading.value("app_fatal_total", name=name) == 1, f"what {name} printed")
        served = set(re.findall(r'^docker_container_\w+\{name="([^"]+)"', named.get("/metrics")[1], re.MULTILINE))
        skipped = reading.value("logwatch_source_skipped_total", path="containers:", reason="entry")
    finally:
        named.end()
        reading.end()

    # The journal begins with what the kernel reported of other engines' containers.
    assert served & set(host.docker("ps", "-aq").split()) == set()
    assert skipped in (None, 0)
