import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from receivers_on_loopback import Loopback

from logwatch.model import Alert
from logwatch.notifiers import Dispatcher, Receiver


@pytest.fixture
def loopback() -> Iterator[Callable[..., Loopback]]:
    started: list[Loopback] = []

    def start(*arguments: Callable[[object], int | None]) -> Loopback:
        started.append(Loopback(*arguments))
        return started[-1]

    yield start
    for one in started:
        one.close()


class Owner:
    """What the engine does with a dispatcher, with a dict for the store."""

    def __init__(self, receivers: Sequence[Receiver], rows: dict[str, str], **options: int) -> None:
        self.rows = rows
        self.dispatcher = Dispatcher(receivers, time.time_ns, first_pause=0.05, **options)
        self.dispatcher.restore(rows)

    def enqueue(self, alerts: Sequence[Alert], now_ns: int) -> None:
        self.dispatcher.enqueue(alerts, now_ns)
        self.commit()

    def commit(self) -> dict[str, str | None]:
        changed = self.dispatcher.changed_rows()
        for key, row in changed.items():
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row
        self.dispatcher.committed()
        return changed

    def value(self, name: str) -> float:
        return sum(change.value or 0 for change in self.dispatcher.samples() if change.family == name)


@pytest.fixture
def owner() -> Iterator[Callable[..., Owner]]:
    started: list[Owner] = []

    def start(
        receivers: Sequence[Receiver], rows: dict[str, str] | None = None, *, running: bool = True, **options: int
    ) -> Owner:
        one = Owner(receivers, {} if rows is None else rows, **options)
        if running:
            one.dispatcher.start()
        started.append(one)
        return one

    yield start
    for one in started:
        one.dispatcher.close(0.5)
