"""What came of requests that the engine does not answer in its log: networks that are made, images that are pushed.

Up to version 27 the engine logs no refusal (status 4xx), and no version logs an error that it sends to the client in the
middle of an answer. But at debug it logs the steps that it takes, and what is missing after the last step shows what came of it.
"""

from __future__ import annotations

from logwatch.model import SECOND
from logwatch.store.state_table import HostTable

NETWORK, PUSH = "network.create", "image.push"
MAX_POOLS = 16
"""Most networks per host that are being made at once."""
MAX_TRIES = 64
"""Most steps of pushes per host that are kept."""
TRIES_NS = 60 * SECOND
"""How long they are kept."""
STORE_NS = 24 * 3600 * SECOND
"""So long an engine is believed to log on as it did."""


class Pools:
    """Which networks that were being made did not get addresses.

    Of the three lines only the first names the network: the engine allocates a pool, asks its own address management
    for one, and, if it got one, asks for the address of the gateway.
    """

    def __init__(self) -> None:
        self._waiting: HostTable[str, dict[str, bool]] = HostTable("pool")
        """Host to the networks that have no pool yet, the newest last, and whether one was asked for."""
        self.tables = (self._waiting,)

    def add(self, host: str, network_id: str) -> None:
        """A network is being made."""
        waiting = self._waiting.setdefault(host, {})
        waiting[network_id] = False
        if len(waiting) > MAX_POOLS:
            del waiting[next(iter(waiting))]
        self._waiting.touch(host)

    def process(self, host: str, *, granted: bool) -> None:
        """The newest network asks for a pool, or has got one."""
        waiting = self._waiting.get(host)
        if not waiting:
            return
        newest = next(reversed(waiting))
        if granted:
            del waiting[newest]
        else:
            waiting[newest] = True
        self._waiting.touch(host)

    def newest(self, host: str) -> str | None:
        """Return the newest network that has no pool yet."""
        return next(reversed(self._waiting.get(host, {})), None)

    def take_refused(self, host: str, network_id: str) -> bool:
        """Whether a network asked for a pool and did not get one; it is not waited for any longer."""
        waiting = self._waiting.get(host, {})
        if network_id not in waiting:
            return False
        self._waiting.touch(host)
        return waiting.pop(network_id)


class Pushes:
    """Which pushes found no address of the registry that works.

    The engine tries one address after the other. Neither the error after a try nor the end of the push names the image: a
    push has failed if each try on the host since its request ended with an error. One of an image that is not there is not
    even tried; that proves something where tries are logged, which is with the engine's own store of images, not containerd's.
    """

    def __init__(self) -> None:
        self._tries: HostTable[str, list[list[int]]] = HostTable("push")
        """Host to the times of the tries (1) and of their errors (-1)."""
        self._logs_tries: HostTable[str, int] = HostTable("push-store")
        """Hosts whose engine has its own store of images and logs at debug, and when that was seen last."""
        self.tables = (self._tries, self._logs_tries)

    def note_store(self, host: str, time_ns: int) -> None:
        """A line shows that an engine logs each try to push."""
        self._logs_tries[host] = time_ns

    def process(self, host: str, time_ns: int, *, failed: bool) -> None:
        """An address is tried, or a try has failed."""
        self.note_store(host, time_ns)
        tries = self._tries.setdefault(host, [])
        tries.append([time_ns, -1 if failed else 1])
        while len(tries) > MAX_TRIES or tries[0][0] < time_ns - TRIES_NS:
            del tries[0]
        self._tries.touch(host)

    def all_failed(self, host: str, since_ns: int) -> bool:
        """Whether every try since a request has failed, or none was made."""
        tries = [step for time_ns, step in self._tries.get(host, []) if time_ns >= since_ns]
        return sum(tries) <= 0 if tries else since_ns - self._logs_tries.get(host, -STORE_NS) < STORE_NS
