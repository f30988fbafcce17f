"""What tests of whole processes share."""

import os
import shutil
import sqlite3
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from commandline import printed
from hypothesis import settings
from sidecar import Sidecar

import logwatch as logwatch_package

# The dashboards' builder, the benchmarks and the scripts are no part of the wheel. Behind what is installed: with PYTHONSAFEPATH
# the logwatch under test is the wheel's, not the one in this checkout.
ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT))

# CI judges a change, so it throws the same dice each time; everywhere else they are thrown anew, to find what is left.
# No example has to end within a time: a busy machine is no mistake.
settings.register_profile("here", deadline=None)
settings.load_profile("here")
settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI") == "true":
    settings.load_profile("ci")


class Watched(sqlite3.Connection):
    """Warns when it is left open, as Python's own does from 3.13 on, and names the test that opened it."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._left_open_by = ""
        super().__init__(*arguments, **named)
        self._left_open_by = os.environ.get("PYTEST_CURRENT_TEST", "no test")

    def close(self) -> None:
        super().close()
        self._left_open_by = ""

    def __del__(self) -> None:
        if self._left_open_by:
            warnings.warn(f"a database is left open by {self._left_open_by}", ResourceWarning, stacklevel=1)


sqlite3.connect = partial(sqlite3.connect, factory=Watched)  # type: ignore[assignment] # only here, only to see what is left open


def pytest_report_header() -> str:
    """Which logwatch is tested."""
    return f"logwatch {logwatch_package.__version__} from {Path(logwatch_package.__file__).parent}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Keep tests that share daemons on one worker: those of a module, and all that use the host's engine or syslog, or boot
    a root of their own, beside which an engine may miss what the kernel reports.

    On a busy machine a process may be too late for a test. A test of processes is run a second time before it counts
    as failed, and the last lines of the run name it: each is to be looked at.
    """
    for item in items:
        if item.get_closest_marker("e2e"):
            folder = item.path.parent
            group = "engine" if folder.name in ("e2e", "packaging") else f"{folder.name}/{item.path.stem}"
            item.add_marker(pytest.mark.xdist_group(group))
        if item.get_closest_marker("e2e") or "sidecar" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse to run where the groups are not heeded: two engines at once would spoil each other's tests."""
    on_a_worker = getattr(session.config.option, "loadgroup", False)
    if on_a_worker and any(i.get_closest_marker("xdist_group") and "@" not in i.nodeid for i in session.items):
        raise pytest.UsageError(
            "pytest-xdist does not keep groups of tests together under this pytest: see pyproject.toml"
        )


@pytest.fixture
def logwatch() -> Callable[..., str]:
    """Run a command of logwatch and return what it prints."""
    return printed


@pytest.fixture
def sidecar(tmp_path: Path) -> Iterator[Callable[..., Sidecar]]:
    """Start `logwatch run`; ended with the test."""
    started: list[Sidecar] = []

    def start(
        *arguments: str,
        state: Path | None = None,
        clock: datetime | None = None,
        faketime: Path | None = None,
        limits: Mapping[int, int] | None = None,
    ) -> Sidecar:
        one = Sidecar(state or tmp_path / "state", *arguments, clock=clock, faketime=faketime, limits=limits)
        started.append(one)
        return one

    yield start
    for one in started:
        one.end()


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
