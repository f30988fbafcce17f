"""A child of the test's process that may be killed; by a fork, it has all modules at once."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from pathlib import Path

HANGS = 120
"""Seconds after which a child is taken to hang."""


class Fork:
    """Runs a function in a process of its own; what it writes to stderr goes to a file."""

    def __init__(self, work: Callable[[], None], stderr: Path) -> None:
        self._stderr = stderr
        self._process = multiprocessing.get_context("fork").Process(target=self._run, args=(work,))
        self._process.start()

    def _run(self, work: Callable[[], None]) -> None:
        sys.stderr = self._stderr.open("w", buffering=1)
        os.dup2(sys.stderr.fileno(), 2)
        work()

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._process.kill()
        self.wait()

    def wait(self) -> tuple[int | None, str]:
        """Return its exit status, negative for a signal and None for one that hangs, and what it wrote to stderr."""
        self._process.join(HANGS)
        status = self._process.exitcode
        if status is None:
            self._process.kill()
            self._process.join()
        self._process.close()
        return status, self._stderr.read_text() if self._stderr.exists() else ""
