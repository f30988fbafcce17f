"""logwatch in a container beside others, with what deploy/compose.yml gives it: two read-only mounts, one capability, 96 MiB."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from host import IMAGE, Host
from ports import wait_for

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
WHEELS = ROOT / ".make" / "wheels"
HOME = "opt/docker-logwatch"


def libraries(files: Iterable[Path]) -> set[Path]:
    """The shared libraries that these need, as paths of this machine."""
    found = subprocess.run(["ldd", *files], capture_output=True, text=True, check=False).stdout
    return {Path(path) for path in re.findall(r"(?:=> |^\t)(/\S+) \(0x", found, re.MULTILINE)}


def root_file_system(folder: Path) -> Path:
    """This machine's Python, its libraries, and logwatch: an image without a registry."""
    home = folder / HOME
    install = ["pip", "install", "--quiet", "--no-index", "--find-links", WHEELS, "--target", home / "lib"]
    subprocess.run([sys.executable, "-m", *install, "docker-logwatch"], check=True)
    shutil.copy(ROOT / "deploy/debian/docker-logwatch", home)
    standard = Path(f"usr/lib/python3.{sys.version_info.minor}")
    left_out = shutil.ignore_patterns("test", "idlelib", "tkinter", "lib2to3", "__pycache__", "config-*")
    shutil.copytree(Path("/") / standard, folder / standard, symlinks=False, ignore=left_out)
    program = Path("/usr/bin/python3").resolve()
    (folder / "usr/bin").mkdir()
    shutil.copy(program, folder / "usr/bin/python3")
    for library in libraries([program, *folder.rglob("*.so*")]):
        target = folder / library.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)
    for name in ("tmp", "proc", "dev", "sys", "etc", "host", "var/lib/docker-logwatch"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def host(need: Callable[..., None]) -> Iterator[Host]:
    need("rsyslogd", "dockerd", "docker", "busybox", "iptables", "ldd", root=True)
    if not (WHEELS / "complete").exists():
        reason = "no wheels here: make wheels"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    one = Host("info")
    try:
        one.start()
        yield one
    finally:
        one.close()


class Neighbour:
    """The logwatch in the container, asked over the engine's network."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def wait(self, expected: dict[str, str], what: str) -> None:
        """Wait until a scrape shows each of these samples with its value; what it says otherwise is shown."""
        try:
            wait_for(lambda: self.counts(expected), what)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.host.docker('logs', 'logwatch')}") from error

    def counts(self, expected: dict[str, str]) -> bool:
        """Whether a scrape shows each of these samples with its value."""
        address = self.host.docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "logwatch").strip()
        try:
            with urllib.request.urlopen(f"http://{address}:19979/metrics", timeout=10) as answer:
                served = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines())
        except OSError:
            return False
        return all(served.get(sample) == value for sample, value in expected.items())


def died(name: str) -> str:
    return f'docker_container_events_total{{name="{name}",action="die"}}'


def test_a_container_sees_its_neighbours_through_a_rotation_and_a_restart(host: Host, tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    folder = tmp_path / "image"
    folder.mkdir()
    subprocess.run(["tar", "-C", root_file_system(folder), "-cf", archive, "."], check=True)
    imported = host.docker("import", "-c", f'ENTRYPOINT ["/{HOME}/docker-logwatch"]', str(archive), "logwatch:local")
    assert imported.startswith("sha256:"), imported
    log = host.log("traditional").name
    told = host.docker(
        *("run", "-d", "--name", "logwatch", "--read-only", "--tmpfs", "/tmp", "--memory", "96m"),
        *("--cap-drop", "ALL", "--cap-add", "DAC_READ_SEARCH", "--security-opt", "no-new-privileges"),
        *("-v", f"{host.root}:/host:ro", "-v", "state:/var/lib/docker-logwatch", "logwatch:local"),
        *("run", "--log", f"/host/{log}", "--docker-root", "/host/lib"),
    )
    assert re.fullmatch(r"[0-9a-f]{64}\n", told), told
    one = Neighbour(host)

    host.docker("run", "--name", "first", IMAGE, "sh", "-c", "exit 3")
    one.wait({died("first"): "1.0", 'docker_container_exit_code{name="first"}': "3.0"}, "the first neighbour")
    host.log("traditional").rename(host.root / f"{log}.1")
    subprocess.run(["pkill", "-HUP", "-f", str(host.root / "rsyslog.conf")], check=True)
    host.docker("run", "--name", "second", IMAGE, "sh", "-c", "exit 4")
    one.wait({died("first"): "1.0", died("second"): "1.0"}, "the second, in a new file")
    host.docker("kill", "logwatch")
    host.docker("run", "--name", "third", IMAGE, "sh", "-c", "exit 5")
    host.docker("start", "logwatch")
    every = {died(name): "1.0" for name in ("first", "second", "third", "logwatch")}
    one.wait({**every, 'docker_container_exit_code{name="third"}': "5.0"}, "all of them, once")

    assert host.docker("inspect", "-f", "{{.State.Running}} {{.State.OOMKilled}}", "logwatch") == "true false\n"
