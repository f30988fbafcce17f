"""The real parts: skipped with a reason where they are missing, failed in CI."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sidecar import Sidecar


@pytest.fixture
def need() -> Callable[..., None]:
    """Demand programs, and to be root where they need it."""

    def check(*programs: str, root: bool = False) -> None:
        missing = [program for program in programs if shutil.which(program) is None]
        reason = f"missing here: {', '.join(missing)} (make packages installs them on Debian)" if missing else ""
        if root and os.geteuid() != 0:
            reason = "needs root to start the engine"
        if not reason:
            return
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)

    return check


@pytest.fixture
def logwatch() -> Callable[..., str]:
    """Run a command of logwatch and return what it prints."""

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "logwatch", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def sidecar(tmp_path: Path) -> Iterator[Callable[..., Sidecar]]:
    """Start `logwatch run`; ended with the test."""
    started: list[Sidecar] = []

    def start(*arguments: str, state: Path | None = None) -> Sidecar:
        one = Sidecar(state or tmp_path / "state", *arguments)
        started.append(one)
        return one

    yield start
    for one in started:
        one.end()
