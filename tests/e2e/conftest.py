"""The real parts: skipped with a reason where they are missing, failed in CI."""

import os
import shutil
from collections.abc import Callable

import pytest


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
