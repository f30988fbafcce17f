"""The .deb and the folder: made of files that are here, run by the system's Python, without anything else of this checkout."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from datetime import date
from importlib.metadata import distributions
from pathlib import Path

import pytest

from logwatch import __version__

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
WHEELS = ROOT / ".make" / "wheels"
DIED = (
    'Nov 23 18:12:57 vm dockerd[4242]: time="2026-11-23T18:12:57.7Z" level=info msg="ignoring event" '
    f'container={"8d" * 32} module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"\n'
)


@pytest.fixture(scope="module")
def made(packages: Path) -> tuple[Path, Path]:
    """The package and the folder's archive."""
    (package,), (archive,) = packages.glob("*.deb"), packages.glob("*.tar.gz")
    return package, archive


def _printed(command: list[str | Path], **variables: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **variables})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _works(program: Path, tmp_path: Path) -> None:
    log = tmp_path / "messages"
    log.write_text(DIED)

    assert __version__ in _printed([program, "--version"])
    assert "container.die" in _printed([program, "replay", log], XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert _printed([program, "check"]) == ""


def test_the_package_holds_what_a_service_needs(made: tuple[Path, Path], tmp_path: Path) -> None:
    _printed(["dpkg-deb", "-x", made[0], tmp_path])
    program = tmp_path / "usr/bin/docker-logwatch"

    assert program.is_symlink()
    for unit in ("docker-logwatch", "docker-events"):
        text = (tmp_path / f"usr/lib/systemd/system/{unit}.service").read_text()
        (start,) = [line.split()[0][10:] for line in text.splitlines() if line.startswith("ExecStart=")]
        assert os.access(tmp_path / start[1:], os.X_OK)
    assert not (tmp_path / "usr/bin/logwatch").exists()  # that is another package's
    _works(program, tmp_path)
    configuration = tmp_path / "etc/docker-logwatch/logwatch.yml"
    shown = _printed([program, "config", "--config.file", configuration])
    assert "/etc/docker-logwatch/rules" in shown
    assert "/var/lib/docker-logwatch" in shown


def test_the_package_has_the_man_page_and_completions(made: tuple[Path, Path], tmp_path: Path) -> None:
    """Every shell offers the commands that begin with what is typed."""
    _printed(["dpkg-deb", "-x", made[0], tmp_path])
    shipped = {path.relative_to(tmp_path / "usr/share").as_posix() for path in (tmp_path / "usr/share").rglob("*")}
    words = {"_DOCKER_LOGWATCH_COMPLETE": "bash_complete", "COMP_WORDS": "docker-logwatch no", "COMP_CWORD": "1"}
    manual = gzip.decompress((tmp_path / "usr/share/man/man1/docker-logwatch.1.gz").read_bytes())

    assert manual == (ROOT / "deploy/docker-logwatch.1").read_bytes()
    assert shipped >= {
        "bash-completion/completions/docker-logwatch",
        "zsh/vendor-completions/_docker-logwatch",
        "fish/vendor_completions.d/docker-logwatch.fish",
    }
    for path in (tmp_path / "usr/share").rglob("*completion*/*docker-logwatch*"):
        assert "_DOCKER_LOGWATCH_COMPLETE" in path.read_text()
    assert _printed([tmp_path / "usr/bin/docker-logwatch"], **words) == "plain,notify-test\n"


def test_the_package_tells_what_it_needs(made: tuple[Path, Path]) -> None:
    fields = _printed(["dpkg-deb", "-f", made[0]])

    assert f"Version: {__version__}" in fields
    assert f"Depends: python3 (>= 3.{sys.version_info.minor})" in fields
    assert _printed(["dpkg-deb", "-I", made[0], "conffiles"]) == "/etc/docker-logwatch/logwatch.yml\n"


def test_the_package_lists_what_is_in_it(made: tuple[Path, Path], tmp_path: Path) -> None:
    """With names, versions and licences, and nothing of the machine that made it."""
    _printed(["dpkg-deb", "-x", made[0], tmp_path])
    text = (tmp_path / "usr/share/doc/docker-logwatch/sbom.cdx.json").read_text()
    listed = {one["name"]: one for one in json.loads(text)["components"]}
    installed = {one.name: one.version for one in distributions(path=[str(tmp_path / "usr/lib/docker-logwatch/lib")])}

    assert {name: one["version"] for name, one in listed.items()} == installed
    unlicensed = [name for name, one in listed.items() if not one.get("licenses")]
    assert unlicensed == ["promql-parser", "protobuf"]  # their metadata name none in SPDX form: MIT, 3-clause BSD
    assert str(ROOT) not in text
    assert installed["docker-logwatch"] == __version__


def test_the_folder_runs_wherever_it_is(made: tuple[Path, Path], tmp_path: Path) -> None:
    _printed(["tar", "-C", tmp_path, "-xf", made[1]])

    _works(tmp_path / "docker-logwatch" / "docker-logwatch", tmp_path)


def test_the_maintainers_scripts_can_be_read_by_sh(made: tuple[Path, Path], tmp_path: Path) -> None:
    _printed(["dpkg-deb", "-e", made[0], tmp_path])

    for script in ("postinst", "prerm", "postrm"):
        _printed(["sh", "-n", tmp_path / script])


def test_the_wheel_is_the_same_each_time_and_installs_without_a_registry(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    """What pipx does: an environment of its own."""
    pip: list[str | Path] = [sys.executable, "-m", "pip"]
    build = [*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    wheels: list[Path] = []
    for folder in ("once", "twice"):
        _printed([*build, tmp_path / folder, ROOT])
        wheels += (tmp_path / folder).glob("*.whl")
    _printed([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"])
    environment = [*pip, "--python", tmp_path / "env/bin/python"]
    _printed([*environment, "install", "--quiet", "--no-index", "--find-links", WHEELS, wheels[0]])

    assert wheels[0].read_bytes() == wheels[1].read_bytes()
    assert "No broken requirements" in _printed([*environment, "check"])
    _works(tmp_path / "env/bin/docker-logwatch", tmp_path)


def test_the_newest_section_of_the_changelog_is_this_version_with_its_day() -> None:
    headings = re.findall(r"(?m)^## \[(\S+)\](?: - (\d{4}-\d\d-\d\d))?$", (ROOT / "CHANGELOG.md").read_text())

    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == __version__
    assert date.fromisoformat(headings[1][1])


@pytest.mark.parametrize("path", ["deploy/Dockerfile", "deploy/compose.yml", "deploy/kubernetes/kustomization.yaml"])
def test_every_place_names_the_version(path: str) -> None:
    assert re.findall(r"(?:VERSION=|newTag: |image: docker-logwatch:)(\S+)", (ROOT / path).read_text()) == [__version__]
