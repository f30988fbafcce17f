"""Takes the samples at each interval, and puts them into the queue of every destination."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from logwatch.model import SECOND, Family, SampleChange
from logwatch.push.rounds import Round, take
from logwatch.push.sender import Destination, Sender
from logwatch.store.push_queue import PushedSeries, PushQueue, Request

METADATA_NS = 60 * SECOND
"""Between two requests with types and helps of metrics, as Prometheus has it."""
GRACE = 0.6
"""Seconds that running requests have to end at a stop; what they leave is sent after the next start."""
ABORT = 0.2
SET_BACK_NS = 300 * SECOND
"""If the clock is set back by no more than this, nothing is taken until it is where it was: no receiver takes older samples."""
LONGEST_WAIT = 1.0
"""Seconds between two looks at the clock, which may be set."""

Scrape = Callable[[], tuple[Sequence[Family], Sequence[SampleChange]]]
log = logging.getLogger("logwatch.push")


class Pusher:
    """Pushes to every destination what `scrape` returns, at times that are multiples of the interval (Unix)."""

    def __init__(
        self,
        destinations: Sequence[Destination],
        queue: PushQueue,
        interval_ns: int,
        now: Callable[[], int],
    ) -> None:
        self._queue = queue
        self._interval_ns = interval_ns
        self._now = now
        self._senders = [Sender(destination, queue, now) for destination in destinations]
        self._series = queue.series()
        self._taken_ns = now() // interval_ns * interval_ns
        self._described_ns = -METADATA_NS
        self._failing = False
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, scrape: Scrape) -> None:
        """Begin to take samples and to send them."""
        for sender in self._senders:
            sender.start()
        self._thread = threading.Thread(target=self._run, args=[scrape], name="logwatch-push", daemon=True)
        self._thread.start()

    def step(self, scrape: Scrape, now_ns: int) -> bool:
        """Take a round if one is due; whether one was."""
        due_ns = now_ns // self._interval_ns * self._interval_ns
        if 0 <= self._taken_ns - due_ns <= SET_BACK_NS:
            return False
        self._taken_ns = due_ns
        metadata = abs(now_ns - self._described_ns) >= METADATA_NS
        samples = take(*scrape(), self._series, due_ns, metadata=metadata)
        if metadata:
            self._described_ns = now_ns
        self._put(samples, now_ns)
        return True

    def samples(self) -> Iterator[SampleChange]:
        """Counters of all destinations, for a scrape; callable from any thread."""
        now_ns = self._now()
        for sender in self._senders:
            yield from sender.samples(now_ns)

    def close(self) -> None:
        """End the threads; what was not sent by then is sent after the next start."""
        if self._closed.is_set():
            return
        self._closed.set()
        for sender in self._senders:
            sender.request_shutdown()
        self._join(GRACE)
        for sender in self._senders:
            sender.abort()
        self._join(ABORT)
        self._queue.close()

    # ── the thread ───────────────────────────────────────────────────────────────────

    def _run(self, scrape: Scrape) -> None:
        while not self._closed.is_set():
            now_ns = self._now()
            self.step(scrape, now_ns)
            left = (self._interval_ns - now_ns % self._interval_ns) / SECOND
            self._closed.wait(min(left, LONGEST_WAIT))

    def _put(self, samples: Round, now_ns: int) -> None:
        requests = [
            Request(destination.name, samples.time_ns, each.samples, each.body)
            for destination in (sender.destination for sender in self._senders)
            for each in destination.format.encode(samples, destination.most_samples)
        ]
        began = samples.values.keys() - self._series
        try:
            self._queue.put(requests, began, samples.ended)
        except sqlite3.Error as error:
            self._refused(error, requests)
            return
        with suppress(sqlite3.Error):  # the next round tries again
            self._drop_surplus(now_ns)
        self._series = set[PushedSeries](samples.values)
        if self._failing:
            self._failing = False
            log.info("samples to push are stored again")
        for sender in self._senders:
            sender.notify()

    def _drop_surplus(self, now_ns: int) -> None:
        for sender in self._senders:
            destination = sender.destination
            for reason, count in self._queue.drop_surplus(destination.name, destination.limit, now_ns).items():
                sender.drop(reason, count)

    def _refused(self, error: sqlite3.Error, requests: Sequence[Request]) -> None:
        """Count samples that the disk refused."""
        if not self._failing:
            log.error("samples to push are dropped: %s: free disk space or fix permissions of push.db", error)
        self._failing = True
        for sender in self._senders:
            name = sender.destination.name
            sender.drop("disk", sum(each.samples for each in requests if each.receiver == name))

    def _join(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        for sender in self._senders:
            sender.join(max(0.0, end - time.monotonic()))
        if self._thread is not None:
            self._thread.join(max(0.0, end - time.monotonic()))
