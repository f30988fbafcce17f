"""One destination's thread: sends what waits in the queue, in order, and retries with backoff."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from logwatch.errors import NotifyError
from logwatch.metrics.catalog import PUSH
from logwatch.model import SECOND, SampleChange
from logwatch.notifiers.http import Client
from logwatch.push.rounds import Format
from logwatch.store.push_queue import Limit, PushQueue, Request

REPORT_NS = 60 * SECOND
"""Minimum interval between two reports of rejected samples."""

log = logging.getLogger("logwatch.push")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where samples are pushed, in which format, and how much waits for it."""

    name: str
    """In logs, metrics and the queue; never holds a credential."""
    client: Client
    format: Format
    limit: Limit
    most_samples: int = 2000
    """In one request."""
    min_backoff: float = 1.0
    """Seconds before a request is repeated; twice as long each time."""
    max_backoff: float = 30.0
    headers: Mapping[str, str] = field(default_factory=dict)


class Sender:
    """Sends to one destination, and counts what became of the samples."""

    def __init__(self, destination: Destination, queue: PushQueue, now: Callable[[], int]) -> None:
        self.destination = destination
        self._queue = queue
        self._now = now
        self._changed = threading.Condition()
        self._is_new = False
        self._closing = False
        self._failing = False
        self._reported_ns = -REPORT_NS
        self._counts = {"sent": 0, "failed": 0, "retried": 0}
        self._dropped = {"queue_full": 0, "too_old": 0, "disk": 0}
        self._delivered_ns = 0
        self._thread = threading.Thread(target=self._run, name=f"logwatch-push {destination.name}", daemon=True)

    # ── the other threads' side ──────────────────────────────────────────────────────

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def notify(self) -> None:
        """There is something new in the queue."""
        with self._changed:
            self._is_new = True
            self._changed.notify()

    def drop(self, reason: str, samples: int) -> None:
        """Count samples that are not sent."""
        self._dropped[reason] += samples

    def request_shutdown(self) -> None:
        """Send nothing more after the current request."""
        with self._changed:
            self._closing = True
            self._changed.notify()

    def abort(self) -> None:
        """Abort the current request; it is sent after the next start."""
        if self._thread.is_alive():
            self.destination.client.close()

    def join(self, seconds: float) -> None:
        """Wait for the thread to end."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def samples(self, now_ns: int) -> Iterator[SampleChange]:
        """Counters of this destination, for a scrape."""
        name = (self.destination.name,)
        sent, failed, retried, dropped, waiting, delivered = (family.name for family in PUSH)
        yield SampleChange(sent, name, self._counts["sent"], now_ns)
        yield SampleChange(failed, name, self._counts["failed"], now_ns)
        yield SampleChange(retried, name, self._counts["retried"], now_ns)
        for reason, count in self._dropped.items():
            yield SampleChange(dropped, (*name, reason), count, now_ns)
        yield SampleChange(waiting, name, self._queue.waiting(self.destination.name).samples, now_ns)
        if self._delivered_ns:
            yield SampleChange(delivered, name, self._delivered_ns / SECOND, now_ns)

    # ── the thread ───────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        pause = self.destination.min_backoff
        while not self._closing:
            try:
                request = self._queue.first(self.destination.name)
                is_done = request is None or self._deliver(request)
            except sqlite3.Error as error:  # the disk; what was sent may be sent again
                self._report(f"{self.destination.name}: queue failed: {error}: retrying")
                request, is_done = None, False
            if request is not None and is_done:
                pause = self.destination.min_backoff
                continue
            with self._changed:
                if is_done:
                    self._changed.wait_for(lambda: self._is_new or self._closing)
                    self._is_new = False
                else:
                    self._changed.wait_for(lambda: self._closing, pause)
                    pause = min(2 * pause, self.destination.max_backoff)

    def _deliver(self, request: Request) -> bool:
        """Send a request; False if it is to be sent again."""
        destination = self.destination
        headers = {**destination.headers, **destination.format.headers}
        try:
            answer = destination.client.send(request.body, headers)
        except NotifyError as error:
            if error.retry:
                self._counts["retried"] += request.samples
                if not self._failing and not self._closing:
                    log.warning("%s: push failed: retrying with backoff", error)
                self._failing = True
                return False
            self._report(f"{error}: samples rejected")
            self._finish(request, rejected=request.samples)
            return True
        if self._failing:
            log.info("receiver %s recovered", destination.name)
        self._failing = False
        rejected, why = destination.format.rejected(answer)
        if rejected:
            self._report(f"{destination.name}: samples rejected: {why or 'no reason given'}")
        self._finish(request, rejected=min(rejected, request.samples))
        return True

    def _finish(self, request: Request, *, rejected: int) -> None:
        if not self._queue.remove(request):
            return  # dropped meanwhile, and counted as that
        self._counts["failed"] += rejected
        self._counts["sent"] += request.samples - rejected
        if rejected < request.samples:
            self._delivered_ns = self._now()

    def _report(self, message: str) -> None:
        if abs(self._now() - self._reported_ns) >= REPORT_NS:
            self._reported_ns = self._now()
            log.error(message)
