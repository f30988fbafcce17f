"""The units of systemd: its own verifier takes them, and its analysis finds little left to take away from them."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e
FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
MOST_EXPOSED = 2.0


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_a_unit_is_verified(need: Callable[..., None], tmp_path: Path, unit: Path) -> None:
    """Its program need not be installed here: it is put into the place of another one."""
    need("systemd-analyze")
    text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text())
    text = re.sub(r"(?m)^(Documentation=man|Requires|After|PartOf).*\n", "", text)
    (tmp_path / unit.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / unit.name], capture_output=True, text=True, check=False
    )

    assert [line for line in done.stderr.splitlines() if unit.name in line] == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_a_unit_may_do_little(need: Callable[..., None], unit: Path) -> None:
    need("systemd-analyze")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", unit], capture_output=True, text=True, check=False
    )
    exposure = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)

    assert exposure, done.stdout + done.stderr
    assert float(exposure[1]) <= MOST_EXPOSED


def test_the_timer_is_verified_with_its_service(need: Callable[..., None], tmp_path: Path) -> None:
    need("systemd-analyze")
    (timer,) = FOLDER.glob("*.timer")
    service = timer.with_suffix(".service")
    text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", service.read_text())
    (tmp_path / service.name).write_text(text)
    (tmp_path / timer.name).write_text(timer.read_text())
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / timer.name], capture_output=True, text=True, check=False
    )

    assert [line for line in done.stderr.splitlines() if timer.stem in line] == []
