from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sample_receivers import INTERVAL, START, SampleReceiver

from logwatch.model import SECOND, Family, SampleChange
from logwatch.notifiers.http import Client
from logwatch.push import Destination, Pusher
from logwatch.push.remote_write import RemoteWrite
from logwatch.store.push_queue import Limit, PushQueue

AN_HOUR = Limit(3600 * SECOND, 1 << 20)
FAMILIES = (
    Family("docker_events_total", "counter", "Events.", ("type", "action")),
    Family("docker_container_state", "gauge", "State.", ("name", "state")),
)


@pytest.fixture
def receiver() -> Iterator[Callable[..., SampleReceiver]]:
    started: list[SampleReceiver] = []

    def start(*arguments: object) -> SampleReceiver:
        started.append(SampleReceiver(*arguments))
        return started[-1]

    yield start
    for one in started:
        one.close()


class Host:
    """What is scraped, and the pusher that pushes it; `restart` begins with another one over the same files."""

    def __init__(self, folder, destinations) -> None:
        self._folder, self._destinations = folder, destinations
        self.values = {("docker_events_total", ("container", "die")): 1.0}
        self.now_ns = START
        self.restart()

    def restart(self) -> None:
        names = [destination.name for destination in self._destinations]
        self.queue = PushQueue(self._folder, names)
        self.pusher = Pusher(self._destinations, self.queue, INTERVAL, lambda: self.now_ns)

    def scrape(self):
        return FAMILIES, [SampleChange(*key, value, 0) for key, value in self.values.items()]

    def tick(self, count: int = 1) -> None:
        for _ in range(count):
            self.now_ns += INTERVAL
            assert self.pusher.step(self.scrape, self.now_ns)

    def send(self) -> None:
        """Let the threads send what waits."""
        for sender in self.pusher._senders:
            sender.start()
            sender.notify()

    def value(self, name: str, *labels: str) -> float:
        return sum(
            sample.value for sample in self.pusher.samples() if sample.family == name and sample.labels[1:] == labels
        )


@pytest.fixture
def host(tmp_path) -> Iterator[Callable[..., Host]]:
    started: list[Host] = []

    def start(*urls: str, limit: Limit = AN_HOUR, written=RemoteWrite, most: int = 2000) -> Host:
        destinations = [
            Destination(
                f"receiver-{number}",
                Client(url, timeout=timedelta(seconds=5)),
                written({"job": "logwatch", "instance": "one:19979"}),
                limit,
                most_samples=most,
                min_backoff=0.02,
                max_backoff=0.05,
                headers={"X-Scope-OrgID": "tenant"},
            )
            for number, url in enumerate(urls)
        ]
        started.append(Host(tmp_path, destinations))
        return started[-1]

    yield start
    for one in started:
        one.pusher.close()
