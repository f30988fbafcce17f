"""`logwatch run` as a process of its own, seen as its users see it: over HTTP and by signals."""

from __future__ import annotations

import os
import platform
import resource
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

from commandline import PROGRAM
from ports import free_port, wait_for
from prometheus_client.parser import text_string_to_metric_families

SET_CLOCK = """\
import time
shift, real = {shift}, time.time_ns
time.time_ns = lambda: real() + shift
from logwatch.cli import main
main()
"""


FAKETIME = Path(f"/usr/lib/{platform.machine()}-linux-gnu/faketime/libfaketimeMT.so.1")
"""Of the Debian package libfaketime: sets the wall clock of a process."""


def _preload(faketime: Path | None) -> dict[str, str]:
    if faketime is None:
        return {}
    return {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(faketime),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


def _limit(limits: Mapping[int, int]) -> None:
    for which, most in limits.items():
        resource.setrlimit(which, (most, most))


class Sidecar:
    """Starts at once and waits until it answers; `end` stops it.

    `clock` is the time it starts at, if not now; `faketime` a file that says by how much its wall clock is set;
    `limits` are of the process (`resource.RLIMIT_…`).
    """

    def __init__(
        self,
        state: Path,
        *arguments: str,
        clock: datetime | None = None,
        faketime: Path | None = None,
        limits: Mapping[int, int] | None = None,
    ) -> None:
        self.port = free_port()
        self.stderr = state.parent / f"logwatch-{self.port}.log"
        program = PROGRAM
        if clock is not None:
            program = (*PROGRAM[:-2], "-c", SET_CLOCK.format(shift=int(clock.timestamp() * 1e9) - time.time_ns()))
        command = [*program, "run", "--state-dir", str(state)]
        command += ["--web.listen-address", f"127.0.0.1:{self.port}", *arguments]
        state.parent.mkdir(parents=True, exist_ok=True)
        with self.stderr.open("wb") as out:
            self.process = subprocess.Popen(
                command,
                stderr=out,
                env=os.environ | _preload(faketime),
                preexec_fn=partial(_limit, limits) if limits else None,
            )
        try:
            wait_for(lambda: self.get("/-/healthy")[0] == 200 or self.process.poll() is not None, "logwatch")
            assert self.process.poll() is None, self.stderr.read_text()
        except AssertionError:
            self.end(signal.SIGKILL)
            raise

    def get(self, path: str, *, method: str = "GET", accept: str = "") -> tuple[int, str]:
        """Status and body; 0 where nobody answers."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        if accept:
            request.add_header("Accept", accept)
        try:
            # A reload may wait for one that the changed file has begun.
            with urllib.request.urlopen(request, timeout=60 if method == "POST" else 10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def samples(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """What a scrape shows: sample name and labels to value."""
        families = text_string_to_metric_families(self.get("/metrics")[1])
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    def resident_mb(self, line: str = "VmRSS") -> float:
        """Its resident memory now; with `VmHWM` the most it ever was."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition(f"{line}:")[2].split()[0]) / 1024

    def value(self, sample: str, /, **labels: str) -> float | None:
        """One sample's value."""
        return self.samples().get((sample, frozenset(labels.items())))

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
