"""One receiver's thread: sends what waits, splits batches that are rejected, retries with backoff."""

from __future__ import annotations

import logging
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence

from logwatch.errors import UNEXPECTED, NotifyError
from logwatch.metrics.catalog import SAMPLED
from logwatch.metrics.series import bound_label
from logwatch.model import Alert, SampleChange
from logwatch.notifiers.queue import Acknowledgement, Key, Verdict
from logwatch.notifiers.receiver import BATCH, Receiver, RejectedError

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
LATENCY = "logwatch_notifications_latency_seconds"
BOUNDS = next(family.buckets for family in SAMPLED if family.name == LATENCY)

Batch = Sequence[tuple[Key, Alert]]
log = logging.getLogger("logwatch.notifiers")


class ReceiverWorker:
    """Sends what waits for one receiver, in order, and counts the results."""

    def __init__(
        self,
        receiver: Receiver,
        acknowledge: Callable[[Acknowledgement], None],
        now: Callable[[], int],
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        self.receiver = receiver
        self._acknowledge = acknowledge
        self._now = now
        self._first_pause = first_pause
        self._waiting: dict[Key, Alert] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._probe_due = True
        self._failing = False
        self._sent = 0
        self._errors = 0
        self._answers = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0
        self._thread = threading.Thread(target=self._run, name=f"logwatch-notify {receiver.name}", daemon=True)

    # ── the owner's side ─────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Probe the receiver and begin to send."""
        self._thread.start()

    def enqueue(self, batch: Batch) -> None:
        """Add notifications to send."""
        with self._changed:
            self._waiting.update(batch)
            self._changed.notify()

    def update(self, batch: Batch) -> None:
        """Replace those that still wait; what was sent meanwhile stays sent."""
        with self._changed:
            self._waiting.update([pair for pair in batch if pair[0] in self._waiting])

    def discard(self, key: Key) -> None:
        """Remove one that waits."""
        with self._changed:
            self._waiting.pop(key, None)

    def replace_receiver(self, receiver: Receiver) -> None:
        """Send to this one from now on; it has the same name."""
        with self._changed:
            self.receiver = receiver
            self._probe_due = True
            self._changed.notify()

    def request_shutdown(self) -> None:
        """Send nothing more after the current request."""
        with self._changed:
            self._closing = True
            self._changed.notify()

    def abort(self) -> None:
        """Abort the current request; what it was to deliver is sent after the next start."""
        if self._thread.is_alive():
            self.receiver.close()

    def join(self, timeout: float) -> None:
        """Wait for the thread to end, at most so many seconds."""
        if self._thread.is_alive():
            self._thread.join(timeout)

    def samples(self, now_ns: int) -> Iterator[SampleChange]:
        """Counters of this receiver, for a scrape."""
        name = (self.receiver.name,)
        yield SampleChange("logwatch_notifications_sent_total", name, self._sent, now_ns)
        yield SampleChange("logwatch_notifications_errors_total", name, self._errors, now_ns)
        count = 0
        for bound, answers in zip((*BOUNDS, float("inf")), self._answers, strict=True):
            count += answers
            yield SampleChange(f"{LATENCY}_bucket", (*name, bound_label(bound)), count, now_ns)
        yield SampleChange(f"{LATENCY}_count", name, count, now_ns)
        yield SampleChange(f"{LATENCY}_sum", name, self._seconds, now_ns)

    # ── the thread ───────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        pause = self._first_pause
        while not self._closing:
            if self._probe_due:
                self._probe()
            batch = self._next()
            if not batch or self._deliver(batch):
                pause = self._first_pause
                continue
            with self._changed:
                self._changed.wait_for(self._interrupted, pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _interrupted(self) -> bool:
        return self._closing or self._probe_due

    def _probe(self) -> None:
        self._probe_due = self._failing = False
        try:
            log.info("receiver %s: %s", self.receiver.name, self.receiver.probe())
        except NotifyError as error:
            log.warning("receiver %s: probe failed: %s", self.receiver.name, error)

    def _next(self) -> Batch:
        """Wait for a batch to send; empty if the thread is to end or to probe."""
        with self._changed:
            self._changed.wait_for(lambda: self._interrupted() or bool(self._waiting))
            if self._interrupted():
                return []
            group = self.receiver.group(next(iter(self._waiting.values())))
            return [pair for pair in self._waiting.items() if self.receiver.group(pair[1]) == group][:BATCH]

    def _deliver(self, batch: Batch) -> bool:
        """Send a batch, in halves if one of it may be bad; False if it is to be retried."""
        began = time.monotonic()
        try:
            self.receiver.send([alert for _, alert in batch], self._now())
        except RejectedError as rejection:
            self._measure(began)
            if rejection.suspect and len(batch) > 1 and not self._closing:
                middle = len(batch) // 2
                return self._deliver(batch[:middle]) and self._deliver(batch[middle:])
            self._errors += len(batch)
            names = ", ".join(sorted({alert.labels.get("alertname", "?") for _, alert in batch}))
            log.error("%s: notification rejected for %s", rejection, names)  # noqa: TRY400 - an operator's mistake, not a bug
            return self._finish(batch, "refused" if rejection.suspect else "rejected")
        except UNEXPECTED as error:  # of one alert, which must not keep the receiver from all others
            return self._set_aside(batch, error)
        except NotifyError as error:
            self._measure(began)
            self._sent += len(batch)
            self._errors += len(batch)
            if not self._failing:
                log.warning("%s: retrying with backoff", error)
            self._failing = True
            return False
        self._measure(began)
        if self._failing:
            log.info("receiver %s recovered", self.receiver.name)
        self._failing = False
        return self._finish(batch, "delivered")

    def _set_aside(self, batch: Batch, error: Exception) -> bool:
        """Send a batch that cannot be written in halves; give up the one alert that is left."""
        if len(batch) > 1 and not self._closing:
            middle = len(batch) // 2
            return self._deliver(batch[:middle]) and self._deliver(batch[middle:])
        self._errors += len(batch)
        names = ", ".join(sorted({alert.labels.get("alertname", "?") for _, alert in batch}))
        log.error("receiver %s: %s: %s: %s was set aside", self.receiver.name, type(error).__name__, error, names)
        return self._finish(batch, "rejected")

    def _finish(self, batch: Batch, verdict: Verdict) -> bool:
        self._sent += len(batch)
        with self._changed:
            for key, _ in batch:
                self._waiting.pop(key, None)
        for key, _ in batch:
            self._acknowledge(Acknowledgement(key, verdict, self._now()))
        return True

    def _measure(self, began: float) -> None:
        seconds = time.monotonic() - began
        self._answers[bisect_left(BOUNDS, seconds)] += 1
        self._seconds += seconds


def by_receiver(batch: Iterable[tuple[Key, Alert]]) -> dict[str, list[tuple[Key, Alert]]]:
    """Split notifications by receiver, each in order."""
    split: dict[str, list[tuple[Key, Alert]]] = {}
    for pair in batch:
        split.setdefault(pair[0].receiver, []).append(pair)
    return split
