"""Ties the queue, which the owner of all state keeps, to the threads that send."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

from logwatch.model import Alert, SampleChange
from logwatch.notifiers.queue import CAPACITY, Acknowledgement, Key, Notices, Queue
from logwatch.notifiers.receiver import Receiver
from logwatch.notifiers.worker import FIRST_PAUSE, Lane, by_receiver

GRACE = 3.0
"""Seconds that requests at hand have to end at a stop; what they leave is sent after the next start."""


class Dispatcher:
    """Tells every receiver what it wants to know (`model.Stateful`, stage `notifiers`).

    In each turn, by the owner: `offer`, `changed_rows` into the commit, and `committed` when it
    went through, which lets the threads have what is now written down.
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
        self._lanes = {receiver.name: self._lane(receiver) for receiver in receivers}
        self._started = False
        self._fresh: Notices = []
        self._again: dict[Key, Alert] = {}

    def start(self) -> None:
        """Probe all receivers and begin to send, each in its own thread."""
        self._started = True
        for lane in self._lanes.values():
            lane.start()

    def change(self, receivers: Sequence[Receiver]) -> None:
        """Tell these from now on.

        Who has a name that was there before keeps its thread, its counts and what waits for it. Who is
        new hears of all that fires with the next offer.
        """
        self._absorb()
        self._queue.change(receivers)
        before = self._lanes
        lanes = {receiver.name: before.get(receiver.name) or self._lane(receiver) for receiver in receivers}
        self._fresh = [pair for pair in self._fresh if pair[0].receiver in lanes]
        self._again = {key: alert for key, alert in self._again.items() if key.receiver in lanes}
        self._lanes = lanes  # whole, because a scrape may be reading
        for name in before.keys() - lanes.keys():
            before[name].ask_to_close()
        for receiver in receivers:
            if receiver.name in before:
                lanes[receiver.name].change(receiver)
            elif self._started:
                lanes[receiver.name].start()

    def offer(self, alerts: Sequence[Alert], now_ns: int) -> None:
        """Take in how alerts stand: those that fire, and for a while those that have resolved."""
        self._absorb()
        fresh, again = self._queue.offer(alerts, now_ns)
        self._fresh += fresh
        self._again.update(again)
        if dropped := set(self._queue.overflow()):
            self._fresh = [pair for pair in self._fresh if pair[0] not in dropped]
            for key in dropped:
                self._lanes[key.receiver].discard(key)

    def changed_rows(self) -> dict[str, str | None]:
        """Hand over the rows that changed since the last call; None deletes a row."""
        self._absorb()
        return self._queue.changed_rows()

    def committed(self) -> None:
        """The rows last handed over are safe: what they tell of may be sent."""
        for name, batch in by_receiver(self._fresh).items():
            self._lanes[name].put(batch)
        for name, batch in by_receiver(self._again.items()).items():
            self._lanes[name].refresh(batch)
        self._fresh, self._again = [], {}

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue with what waited at the last commit."""
        for name, batch in by_receiver(self._queue.restore(rows)).items():
            self._lanes[name].put(batch)

    def close(self, grace: float = GRACE) -> None:
        """End the threads; what was acknowledged by then is in the next rows."""
        for lane in self._lanes.values():
            lane.ask_to_close()
        end = time.monotonic() + grace
        for lane in self._lanes.values():
            lane.join(max(0.0, end - time.monotonic()))

    def samples(self) -> Iterator[SampleChange]:
        """How the receivers fare, for a scrape; callable from any thread."""
        now_ns = self._now()
        for lane in self._lanes.values():
            yield from lane.samples(now_ns)
            dropped = self._queue.dropped[lane.receiver.name]
            yield SampleChange("logwatch_notifications_dropped_total", (lane.receiver.name,), dropped, now_ns)
        yield SampleChange("logwatch_notifications_queue_length", (), len(self._queue), now_ns)

    def _lane(self, receiver: Receiver) -> Lane:
        return Lane(receiver, self._acknowledged.append, self._now, self._first_pause)

    def _absorb(self) -> None:
        while self._acknowledged:
            self._queue.acknowledge(self._acknowledged.popleft())
