"""A `logwatch run` of its own, asked over HTTP."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.bench import LOGWATCH

PATIENCE = 300.0
"""Seconds after which it is clear that something is wrong."""


class Sidecar:
    """A child process that follows one log; ended with its context."""

    def __init__(self, log: Path, state: Path, *options: str | Path) -> None:
        self.port = _free_port()
        address = f"127.0.0.1:{self.port}"
        self._errors = state.with_suffix(".stderr").open("wb")
        arguments = [LOGWATCH, "run", "--log", log, "--state-dir", state, "--web.listen-address", address, *options]
        self._process = subprocess.Popen([str(argument) for argument in arguments], stderr=self._errors)
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        if self._process.poll() is None:
            self.terminate()
        self._errors.close()

    def terminate(self) -> int:
        """End it as systemd does; its exit status."""
        self._process.terminate()
        return self._process.wait(PATIENCE)

    def cpu_seconds(self) -> float:
        """CPU time of all its threads until now."""
        # schedstat counts nanoseconds, where stat counts whole ticks; one line per thread.
        tasks = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def resident_bytes(self) -> int:
        """Its resident memory."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask for a page, over a connection that is kept while the server keeps it: its status and what it says."""
        try:
            self._connection.request("GET", path)
            answer = self._connection.getresponse()
        except http.client.RemoteDisconnected:  # idle for too long
            self._connection.request("GET", path)
            answer = self._connection.getresponse()
        return answer.status, answer.read()

    def wait_until_ready(self, *, pause: float) -> None:
        """Wait until a source is open and read to its end; `pause` seconds between two looks."""
        self._wait("/-/ready", pause)

    def wait_until_answers(self) -> None:
        """Wait until it serves."""
        self._wait("/-/healthy", 0.05)

    def _wait(self, path: str, pause: float) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                if self.get(path)[0] == 200:
                    return
            except (ConnectionError, http.client.HTTPException):
                self._connection.close()
            if self._process.poll() is not None:
                break
            time.sleep(pause)
        raise RuntimeError(f"logwatch run is not ready: see {self._errors.name}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
