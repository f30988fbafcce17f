"""Let a `logwatch run` follow a log that churns and rotates, and say what grew and what became of each line.

    python -m benchmarks.soak [--seconds N] [--containers N] [--rotate SECONDS] [--keep FILES]

A host creates and removes so many containers a second, one in two of them never named, while one container prints
whatever has once hurt logwatch, and the log is renamed every second. Every container dies once: the counter must say
so. A line that is neither read nor in the ledger of lost bytes is a failure, as is anything that grows.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import NamedTuple

from benchmarks.bench import Verdict
from benchmarks.sidecar import Sidecar

MAX_BYTES = 64 << 20
"""Of the database, small enough to be reached."""
TICK = 0.05
"""Seconds between two bursts of lines."""
LONG = 600.0
"""Seconds after whose first third memory is flat."""
SETTLING = 120.0
"""Seconds that the last lines may take."""
HOSTILE = (
    'message repeated 10000 times: [ time="{time}Z" level=info msg="ignoring event" container=x]',
    'msg="ignoring event" container=x level=error returned error: ' + "token" * 400,
    "token expired: " + "eyJhbGciOi" * 400,
    'time="{time}Z" level=fatal msg="failed to start daemon: no space left on device"',
    "panic: my app broke",
    '{{"Type":"container","Action":"die","Actor":{{"ID":"x","Attributes":{{"exitCode":"99999999999999999999"}}}}}}',
    "\x1b[2J\x9b2J\u202e\udcff docker",
    "Memory cgroup out of memory: Killed process 8433 (dockerd)",
    'time="9999-12-31T23:59:59Z" level=info msg="docker ' + "[" * 4_000 + '"',
)
DELETED = 'module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"'


class Written(NamedTuple):
    """What was written until now."""

    lines: int = 0
    size: int = 0
    containers: int = 0


class Host(threading.Thread):
    """Writes the log and rotates it as logrotate does, until `stop`."""

    def __init__(self, log: Path, containers: int, rotate: float, keep: int) -> None:
        super().__init__(name="host", daemon=True)
        self.written = Written()
        self.rotations = 0
        self._log, self._per_second, self._every, self._keep = log, containers, rotate, keep
        self._numbers = count(1)
        self._stopping = threading.Event()

    def run(self) -> None:
        """Write what is due every few milliseconds."""
        began = rotated = time.monotonic()
        while not self._stopping.wait(TICK):
            now = time.monotonic()
            if now - rotated >= self._every:
                rotated = now
                self._rotate()
            self._write(int((now - began) * self._per_second) - self.written.containers)

    def stop(self) -> None:
        """End it; everything is written then."""
        self._stopping.set()
        self.join()

    def _write(self, containers: int) -> None:
        lines = [line for _ in range(containers) for line in life(next(self._numbers))]
        lines.append(_hostile(next(self._numbers)))
        data = "".join(lines).encode(errors="surrogateescape")
        with self._log.open("ab") as out:
            out.write(data)
        done = self.written
        self.written = Written(done.lines + len(lines), done.size + len(data), done.containers + containers)

    def _rotate(self) -> None:
        for number in range(self._keep, 0, -1):
            older = self._log.with_name(f"{self._log.name}.{number}")
            if older.exists():
                older.rename(self._log.with_name(f"{self._log.name}.{number + 1}"))
        self._log.with_name(f"{self._log.name}.{self._keep + 1}").unlink(missing_ok=True)
        self._log.rename(self._log.with_name(f"{self._log.name}.1"))
        self._log.touch()
        self.rotations += 1


def life(number: int) -> Iterator[str]:
    """The lines of one container from its creation to its removal; every second one has no name."""
    now = datetime.now(UTC)
    header, container = f"{now.isoformat(timespec='microseconds')} vm ", sha256(b"%d" % number).hexdigest()
    if number % 2:
        time_text = f"{now:%Y-%m-%dT%H:%M:%S.%f}{number % 1000:03d}Z"
        yield f'{header}dockerd[42]: time="{time_text}" level=info msg="ignoring event" container={container} {DELETED}\n'
        return
    for step, action in enumerate(("create", "start", "die", "destroy")):
        attributes = {"image": "busybox", "name": f"job-{number}"} | ({"exitCode": "0"} if action == "die" else {})
        nanoseconds = int(now.timestamp() * 1e6) * 1_000 + step
        actor = {"ID": container, "Attributes": attributes}
        event = {"Type": "container", "Action": action, "Actor": actor, "scope": "local", "timeNano": nanoseconds}
        yield f"{header}docker-events[7]: {json.dumps(event, separators=(',', ':'))}\n"


def _hostile(number: int) -> str:
    now = datetime.now(UTC)
    message = HOSTILE[number % len(HOSTILE)].format(time=f"{now:%Y-%m-%dT%H:%M:%S}")
    return f"{now.isoformat(timespec='microseconds')} vm web[8433]: {message}\n"


@dataclass(frozen=True, slots=True)
class Look:
    """What the process holds at one moment."""

    resident: float
    """MB."""
    database: float
    """MB, without its WAL."""
    descriptors: int
    threads: int
    pending: float
    """Bytes to read."""
    read: Written
    lost: float
    """Bytes, by the ledger."""
    gaps: float

    def __str__(self) -> str:
        return (
            f"{self.read.lines:>10,} lines read {self.pending:>12,.0f} B to read {self.resident:7.1f} MB resident "
            f"{self.database:7.1f} MB database {self.descriptors:4} fds {self.threads:3} threads {self.gaps:g} gaps"
        )


def look(sidecar: Sidecar, state: Path) -> Look:
    """Look at the process, and at what it serves."""
    page = sidecar.get("/metrics")[1].decode()
    process = Path(f"/proc/{sidecar.pid}")
    return Look(
        sidecar.resident_bytes() / 1e6,
        (state / "logwatch.db").stat().st_size / 1e6,
        sum(1 for _ in (process / "fd").iterdir()),
        sum(1 for _ in (process / "task").iterdir()),
        _sum(page, "logwatch_source_pending_bytes{"),
        Written(
            int(_sum(page, "logwatch_lines_read_total{")),
            int(_sum(page, "logwatch_bytes_read_total{")),
            int(_sum(page, 'docker_events_total{type="container",action="die"}')),
        ),
        _sum(page, "logwatch_source_gap_bytes_total{"),
        _sum(page, "logwatch_source_gaps_total{"),
    )


def _sum(page: str, beginning: str) -> float:
    return sum(float(line.rpartition(" ")[2]) for line in page.split("\n") if line.startswith(beginning))


def soak(folder: Path, arguments: argparse.Namespace) -> list[Verdict]:
    """Run for so many seconds; look now and then, and at the end at the account."""
    log, state, config = folder / "log" / "messages", folder / "state", folder / "logwatch.yml"
    log.parent.mkdir()
    log.touch()
    config.write_text(f"state: {{max_bytes: {MAX_BYTES >> 20}MiB}}\n")
    host = Host(log, arguments.containers, arguments.rotate, arguments.keep)
    looks: list[Look] = []
    with Sidecar(log, state, "--config.file", config) as sidecar:
        sidecar.wait_until_ready(pause=0.1)
        began, used = time.monotonic(), sidecar.cpu_seconds()
        host.start()
        pause = max(1.0, arguments.seconds / 60)
        while time.monotonic() - began < arguments.seconds:
            time.sleep(min(pause, max(0.0, began + arguments.seconds - time.monotonic())))
            looks.append(look(sidecar, state))
            print(f"{time.monotonic() - began:6.0f} s {looks[-1]}", flush=True)
        host.stop()
        behind = looks[-1].pending
        end = _settled(sidecar, state, host.written)
        share = (sidecar.cpu_seconds() - used) / (time.monotonic() - began)
        ended = sidecar.terminate()
    written = host.written
    print(f"written {written.lines:,} lines of {written.containers:,} containers, {host.rotations:,} rotations")
    print(
        f"read    {end.read.lines:,} lines, {end.read.containers:,} ends; lost by the ledger {end.lost:,.0f} B in {end.gaps:g} gaps"
    )
    print(f"processor {share * 100:.0f} % of one core; {behind:,.0f} B were to read when the last line was written")
    return [*_account(written, end, ended), *_growth(looks, is_long=arguments.seconds >= LONG)]


def _settled(sidecar: Sidecar, state: Path, written: Written) -> Look:
    """Wait until all is read, or it is clear that it is not going to be."""
    deadline = time.monotonic() + SETTLING
    now = look(sidecar, state)
    while time.monotonic() < deadline and (
        now.read.size + now.lost < written.size or now.read.containers < written.containers
    ):
        time.sleep(0.5)
        now = look(sidecar, state)
    return now


def _account(written: Written, end: Look, ended: int) -> Iterator[Verdict]:
    unknown = abs(written.size - end.read.size - end.lost)
    yield Verdict("bytes neither read nor in the ledger, or counted twice", unknown, 0, " B")
    yield Verdict("bytes lost", end.lost, 0, " B")
    yield Verdict("ends of containers that are not counted, or twice", abs(written.containers - end.read.containers), 0)
    yield Verdict("exit status", ended, 0)


def _growth(looks: Sequence[Look], *, is_long: bool) -> Iterator[Verdict]:
    """What the second half of the run holds more than the first, and the most of all."""
    half = max(1, len(looks) // 2)
    first, second = looks[:half], looks[half:] or looks
    yield Verdict("resident memory, the most", max(each.resident for each in looks), 150, " MB")
    if is_long:
        later = [each.resident for each in looks[len(looks) // 3 :]]
        before, after = later[: len(later) // 2], later[len(later) // 2 :]
        yield Verdict("resident memory, last third more than the second", max(0, max(after) - max(before)), 10, " MB")
    yield Verdict("database, the most", max(each.database for each in looks), MAX_BYTES * 1.1 / 1e6, " MB")
    descriptors = max(each.descriptors for each in second) - max(each.descriptors for each in first)
    yield Verdict("descriptors, second half more than the first", max(0, descriptors), 10)
    threads = max(each.threads for each in second) - max(each.threads for each in first)
    yield Verdict("threads, second half more than the first", max(0, threads), 2)


def main() -> int:
    """Print the figures; 1 if one of them misses its budget."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--seconds", type=float, default=1_800)
    parser.add_argument("--containers", type=int, default=200, help="that come and go a second")
    parser.add_argument("--rotate", type=float, default=1, help="seconds between two rotations")
    parser.add_argument("--keep", type=int, default=30, help="rotated files that are kept")
    with tempfile.TemporaryDirectory() as folder:
        verdicts = soak(Path(folder), parser.parse_args())
    print(*verdicts, sep="\n")
    missed = [verdict.what for verdict in verdicts if not verdict.holds]
    print(f"MISSED: {'; '.join(missed)}" if missed else "everything holds")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
