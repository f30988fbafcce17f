"""The alert files that come with logwatch, as others load them: Prometheus and vmalert."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from logwatch.rulefiles.files import fleet_files, rules_folder

pytestmark = pytest.mark.e2e
FILES = [*sorted((rules_folder() / "alerts").glob("*.yml")), *fleet_files()]


def test_prometheus_finds_nothing_to_say(need: Callable[..., None]) -> None:
    need("promtool")
    done = subprocess.run(
        ["promtool", "check", "rules", "--lint=all", "--lint-fatal", *map(str, FILES)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_vmalert_loads_them(need: Callable[..., None], tmp_path: Path) -> None:
    """Debian's vmalert is older than `keep_firing_for`."""
    need("vmalert")
    for path in FILES:
        text = re.sub(r"(?m)^ *keep_firing_for: .*\n", "", path.read_text())
        (tmp_path / path.name).write_text(text)
    done = subprocess.run(
        ["vmalert", "-dryRun", f"-rule={tmp_path}/*.yml"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def test_vmalert_refuses_what_is_wrong(need: Callable[..., None], tmp_path: Path) -> None:
    need("vmalert")
    (tmp_path / "a.yml").write_text("groups: [{name: g, rules: [{alert: A, expr: 'a > '}]}]\n")
    done = subprocess.run(
        ["vmalert", "-dryRun", f"-rule={tmp_path}/*.yml"], capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
