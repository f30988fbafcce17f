"""Connects the queue, which the owner thread commits, with the threads that send."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

from logwatch.model import Alert, SampleChange
from logwatch.notifiers.queue import CAPACITY, Acknowledgement, Key, Notifications, Queue
from logwatch.notifiers.receiver import Receiver
from logwatch.notifiers.worker import FIRST_PAUSE, ReceiverWorker, by_receiver

GRACE = 0.6
"""Seconds that running requests have to end at a stop; what they leave is sent after the next start."""
ABORT = 0.2
"""Seconds to wait for requests that were aborted."""


class Dispatcher:
    """Sends every receiver its notifications (stage `notifiers`).

    For each commit the owner calls `enqueue`, `changed_rows` (into the commit), and `committed` when it
    succeeded, which hands the committed notifications to the threads.
    """

    def __init__(
        self,
        receivers: Sequence[Receiver],
        now: Callable[[], int],
        *,
        capacity: int = CAPACITY,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        self._queue = Queue(receivers, capacity)
        self._acknowledged: deque[Acknowledgement] = deque()
        self._now = now
        self._first_pause = first_pause
        self._workers = {receiver.name: self._worker(receiver) for receiver in receivers}
        self._started = False
        self._closed = False
        self._new: Notifications = []
        self._updated: dict[Key, Alert] = {}

    def start(self) -> None:
        """Probe all receivers and begin to send, each in its own thread."""
        self._started = True
        for worker in self._workers.values():
            worker.start()

    def replace_receivers(self, receivers: Sequence[Receiver]) -> None:
        """Send to these from now on.

        A receiver with the name of a previous one keeps its thread, its counts and what waits for it. A
        new one gets all firing alerts with the next `enqueue`.
        """
        self._process_acknowledgements()
        self._queue.replace_receivers(receivers)
        before = self._workers
        workers = {receiver.name: before.get(receiver.name) or self._worker(receiver) for receiver in receivers}
        self._new = [pair for pair in self._new if pair[0].receiver in workers]
        self._updated = {key: alert for key, alert in self._updated.items() if key.receiver in workers}
        self._workers = workers  # replaced as a whole, because a scrape may be reading
        for name in before.keys() - workers.keys():
            before[name].request_shutdown()
        for receiver in receivers:
            if receiver.name in before:
                workers[receiver.name].replace_receiver(receiver)
            elif self._started:
                workers[receiver.name].start()

    def enqueue(self, alerts: Sequence[Alert], now_ns: int) -> None:
        """Enqueue notifications of the current alerts: all that fire, and for a while those that have resolved."""
        self._process_acknowledgements()
        new, updated = self._queue.enqueue(alerts, now_ns)
        self._new += new
        self._updated.update(updated)
        if dropped := set(self._queue.drop_overflow()):
            self._new = [pair for pair in self._new if pair[0] not in dropped]
            for key in dropped:
                self._workers[key.receiver].discard(key)

    def changed_rows(self) -> dict[str, str | None]:
        """Return the rows that changed since the last call; None deletes a row."""
        self._process_acknowledgements()
        return self._queue.changed_rows()

    def committed(self) -> None:
        """The rows last returned are committed: their notifications may be sent."""
        for name, batch in by_receiver(self._new).items():
            self._workers[name].enqueue(batch)
        for name, batch in by_receiver(self._updated.items()).items():
            self._workers[name].update(batch)
        self._new, self._updated = [], {}

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue with what waited at the last commit."""
        for name, batch in by_receiver(self._queue.restore(rows)).items():
            self._workers[name].enqueue(batch)

    def close(self, grace: float = GRACE) -> None:
        """End the threads; what was acknowledged by then is in the next rows, the rest is sent after the next start."""
        if self._closed:
            return
        self._closed = True
        for worker in self._workers.values():
            worker.request_shutdown()
        self._join(grace)
        for worker in self._workers.values():
            worker.abort()
        self._join(ABORT)

    def samples(self) -> Iterator[SampleChange]:
        """Counters of all receivers, for a scrape; callable from any thread."""
        now_ns = self._now()
        for worker in self._workers.values():
            yield from worker.samples(now_ns)
            dropped = self._queue.dropped[worker.receiver.name]
            yield SampleChange("logwatch_notifications_dropped_total", (worker.receiver.name,), dropped, now_ns)
        yield SampleChange("logwatch_notifications_queue_length", (), len(self._queue), now_ns)

    def _join(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        for worker in self._workers.values():
            worker.join(max(0.0, end - time.monotonic()))

    def _worker(self, receiver: Receiver) -> ReceiverWorker:
        return ReceiverWorker(receiver, self._acknowledged.append, self._now, self._first_pause)

    def _process_acknowledgements(self) -> None:
        while self._acknowledged:
            self._queue.acknowledge(self._acknowledged.popleft())
