"""Samples the engine's disk beside the loop: slowly, with a budget, at idle priority.

    ── pass ── interval ── pass ── interval ──     a pass works for at most the budget
      ├ file systems: at once                      what is not done goes on in the next pass
      └ the rest, in slices with pauses            a finished report replaces the one before

The slices leave the interpreter to the loop; the thread asks the kernel for the lowest priority of CPU and disk.
"""

from __future__ import annotations

import ctypes
import logging
import os
import platform
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from logwatch.docker.disk import survey_disk
from logwatch.docker.storage import FileSystem, Report
from logwatch.docker.survey import file_systems
from logwatch.docker.usage import Steps
from logwatch.errors import ImageError
from logwatch.model import SECOND, SampleChange

SLICE_NS = 5_000_000
"""Work before a pause."""
PAUSE = 0.02
"""Seconds."""
LAST_PAUSE = 1.0
"""How long a stop waits for the thread; what it reads needs no end."""
_IDLE_CLASS = 3 << 13  # IOPRIO_CLASS_IDLE in ioprio_set(2)
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}

log = logging.getLogger("logwatch.storage")


Value = tuple[str, tuple[str, ...], float]
"""Sample name, label values, value."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was found, and what that took."""

    values: Sequence[Value]
    took_ns: int
    time_ns: int


class StorageSampler:
    """Keeps the newest sample of the disk; `samples` may be called from any thread."""

    def __init__(
        self,
        docker_root: Path,
        containerd_root: Path | None,
        *,
        interval_ns: int,
        budget_ns: int,
        max_containers: int,
        now: Callable[[], int],
        working: Callable[[], int],
    ) -> None:
        """`now` is the time, `working` a clock that only runs on (monotonic, in nanoseconds)."""
        self._roots = (docker_root, containerd_root)
        self._interval = interval_ns / SECOND
        self._budget_ns = budget_ns
        self._max_containers = max_containers
        self._now = now
        self._working = working
        self._steps: Steps[Report] | None = None
        self._spent_ns = 0
        self._said: Sequence[str] = ()
        self._sample: Sample | None = None
        self._file_systems: tuple[FileSystem, ...] = ()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="storage", daemon=True)

    def start(self) -> None:
        """Begin to sample."""
        self._thread.start()

    def close(self) -> None:
        """Stop between two slices."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(LAST_PAUSE)

    def _run(self) -> None:
        _be_idle()
        while not self._stopped.is_set():
            self.do_pass(self._stopped.wait)
            self._stopped.wait(self._interval)

    def do_pass(self, pause: Callable[[float], object]) -> None:
        """Work for at most the budget; `pause` lets others have the interpreter."""
        self._file_systems = tuple(file_systems(root for root in self._roots if root is not None))
        steps = self._steps = self._steps or survey_disk(*self._roots, self._now())
        begun_ns = slice_ns = self._working()
        paused_ns = 0
        try:
            while not self._stopped.is_set():
                next(steps)
                now_ns = self._working()
                if now_ns - begun_ns - paused_ns >= self._budget_ns:
                    break
                if now_ns - slice_ns >= SLICE_NS:
                    pause(PAUSE)
                    slice_ns = self._working()
                    paused_ns += slice_ns - now_ns
        except StopIteration as stop:
            self._finish(stop.value, self._spent_ns + self._working() - begun_ns - paused_ns)
        except ImageError as error:
            self._steps = None
            self._say((str(error),))
        else:
            self._spent_ns += self._working() - begun_ns - paused_ns

    def _finish(self, report: Report, took_ns: int) -> None:
        self._steps, self._spent_ns = None, 0
        self._sample = Sample(tuple(_values(report, self._max_containers)), took_ns, self._now())
        self._say(report.problems)

    def _say(self, problems: Sequence[str]) -> None:
        for problem in problems:
            if problem not in self._said:
                log.warning("storage sample incomplete: %s", problem)
        self._said = problems

    # ── what a scrape reads ──────────────────────────────────────────────────────────

    def samples(self) -> Iterator[SampleChange]:
        """What was last found; nothing before the first pass."""
        now_ns = self._now()
        for name, labels, value in self._values():
            yield SampleChange(name, labels, value, now_ns)

    def _values(self) -> Iterator[Value]:
        for disk in self._file_systems:
            yield "docker_storage_filesystem_size_bytes", (disk.mountpoint,), disk.size
            yield "docker_storage_filesystem_avail_bytes", (disk.mountpoint,), disk.available
        sample = self._sample
        if sample is not None:
            yield "docker_storage_sample_duration_seconds", (), sample.took_ns / SECOND
            yield "docker_storage_last_sample_timestamp_seconds", (), sample.time_ns / SECOND
            yield from sample.values


def _values(report: Report, max_containers: int) -> Iterator[Value]:
    yield "docker_images", (), report.images
    yield "docker_image_layers", (), report.layers
    yield from _amounts(report)
    largest = sorted(report.containers, key=lambda each: (-each.size - each.log_size, each.name))
    for container in largest[:max_containers]:
        name = (container.name,)
        yield "docker_container_writable_bytes", name, container.size
        yield "docker_container_log_bytes", name, container.log_size
        if container.limit is not None:
            yield "docker_container_writable_limit_bytes", name, container.limit


def _amounts(report: Report) -> Iterator[Value]:
    for (driver, kind), size in report.totals().items():
        yield "docker_storage_bytes", (driver, kind.value), size
    for (driver, kind), size in report.reclaimable().items():
        yield "docker_storage_reclaimable_bytes", (driver, kind.value), size
    for pool in report.pools:
        yield "docker_storage_bytes", ("devicemapper", pool.kind), pool.allocated
        yield "docker_storage_limit_bytes", ("devicemapper", pool.kind), pool.limit
    if report.base_size is not None:
        yield "docker_storage_limit_bytes", ("devicemapper", "container"), report.base_size


def _be_idle() -> None:
    """Ask for the lowest priority of this thread only; without it we are merely less polite."""
    thread = threading.get_native_id()
    try:
        os.setpriority(os.PRIO_PROCESS, thread, 19)
    except OSError:
        log.debug("nice 19 was refused")
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None:
        ctypes.CDLL(None, use_errno=True).syscall(number, 1, thread, _IDLE_CLASS)
