"""What tests of packages share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the .deb and with the archive of the folder that needs only Python."""
    system = Path("/usr/bin/python3")
    reason = ""
    if not (ROOT / ".make/wheels/complete").exists():
        reason = "no wheels here: make wheels"
    elif not system.exists() or f"3.{sys.version_info.minor}." not in _version(system):
        reason = f"{system} is not Python 3.{sys.version_info.minor}, for which the wheels here are"
    if reason:
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    out = tmp_path_factory.mktemp("dist")
    script = ["sh", ROOT / "scripts" / "package.sh"]
    done = subprocess.run(script, capture_output=True, text=True, check=False, env={**os.environ, "OUT": str(out)})
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def _version(python: Path) -> str:
    return subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout
