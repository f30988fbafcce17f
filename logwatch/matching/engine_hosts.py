"""Which hosts have an engine: what the kernel and others report in words that fit any host counts only there.

`eth0: renamed from veth1a2b`, a segmentation fault or a full thin pool may concern a container, or a host that has none. An event
of such a line that neither names a container nor says Docker is held until a line of the host's engine comes, or one that names a
container of Docker's, as they may be written in either order: a machine that boots logs the kernel first, and logs of several files are read one after the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from heapq import nsmallest
from typing import Any

from logwatch.model import FULL_ID, HEX, SECOND, Event, Record, Role
from logwatch.store.state_table import StateTable

WITNESSES = frozenset(
    {"kernel", "audit", "systemd", "systemd-networkd", "systemd-udevd", "udevd", "NetworkManager", "dmeventd", "lvm"}
)
"""Programs that report of any host."""
SERVICES = ("daemon.", "containerd.")
"""Events that name what they are about by their type."""
NAME, ECS = b"docker", b"/ecs/"
"""What a line about Docker has: the cgroups of tasks of ECS, whose agent runs them with Docker, are named after the task alone."""
MOST_HELD = 1_000
HELD_NS = 600 * SECOND
"""How long before the engine's first line the others may come."""
SEEN_NS = 30 * 86_400 * SECOND
"""How long a host counts as one with an engine after its engine's last line."""
STEP_NS = 3600 * SECOND
"""How exactly the time of that line is kept."""
MAX_HOSTS = 10_000


class EngineHosts:
    """Holds what is reported of hosts whose engine was not seen."""

    def __init__(self) -> None:
        self._seen: StateTable[str, int] = StateTable("engine")
        """Host to the time of the last line of its engine."""
        self._held: StateTable[int, Event] = StateTable("held", _encode, _decode)
        self._order: deque[int] = deque()
        """The keys of what is held, the oldest first."""
        self.tables = (self._seen, self._held)

    def process(self, events: Sequence[Event], record: Record, *, engine: bool) -> Sequence[Event]:
        """Return the events of a line that count, after those that were held until this line of the `engine`."""
        if engine:
            seen_ns = self._seen.get(record.host)
            if seen_ns is not None and record.stamp_ns <= seen_ns + STEP_NS and not self._order:
                return events
        if engine or any(each.role is Role.LEADING for each in events) or _names_container(events, record):
            held = self._see(record.host, record.stamp_ns)
            return [*held, *events] if held else events
        if record.tag not in WITNESSES or not events or NAME in record.message.lower():
            return events
        if self._has_engine(record.host, record.stamp_ns):
            return events
        counting = [each for each in events if each.id is not None or each.event.startswith(SERVICES)]
        for event in events:
            if event not in counting:
                self._hold(event)
        return counting

    def _see(self, host: str, stamp_ns: int) -> list[Event]:
        """Note a line of a host's engine; returns what was held for it."""
        seen_ns = self._seen.get(host)
        if seen_ns is None or stamp_ns > seen_ns + STEP_NS:
            if len(self._seen) >= MAX_HOSTS and host not in self._seen:
                self._make_room()
            self._seen[host] = stamp_ns
        if not self._order:
            return []
        keys = [key for key in self._order if self._held[key].host == host]
        held = [self._held.pop(key) for key in keys]
        self._order = deque(key for key in self._order if key in self._held)
        return [each for each in held if each.stamp_ns >= stamp_ns - HELD_NS]

    def _make_room(self) -> None:
        """Forget a tenth of the hosts at once: for one at a time each new host would look at all."""
        for host in nsmallest(MAX_HOSTS // 10, self._seen, key=self._seen.__getitem__):
            del self._seen[host]

    def _has_engine(self, host: str, stamp_ns: int) -> bool:
        seen_ns = self._seen.get(host)
        return seen_ns is not None and abs(stamp_ns - seen_ns) < SEEN_NS

    def _hold(self, event: Event) -> None:
        """Hold an event; the oldest are dropped when they are too many, or too old to be let through."""
        key = self._order[-1] + 1 if self._order else 0
        self._held[key] = event
        self._order.append(key)
        while len(self._order) > MOST_HELD or self._held[self._order[0]].stamp_ns < event.stamp_ns - HELD_NS:
            del self._held[self._order.popleft()]

    def restored(self, host: str | None, clock_ns: int) -> None:
        """Rebuild the order, after the tables were restored; `host` is that of the engine's last line, as older versions know it."""
        self._order = deque(sorted(self._held))
        if host is not None and not self._seen:
            self._seen[host] = clock_ns


def _names_container(events: Sequence[Event], record: Record) -> bool:
    """Whether a line is about a container of Docker's, which its cgroup or its scope says: its host has an engine."""
    of_container = any(each.id is not None and len(each.id) == FULL_ID and HEX.issuperset(each.id) for each in events)
    return of_container and record.tag in WITNESSES and (NAME in record.message or ECS in record.message)


def _encode(event: Event) -> list[Any]:
    return [*event[:13], sorted(event.revoked_by)]


def _decode(_key: int, row: list[Any]) -> Event:
    event = Event(*row)
    return event._replace(role=Role(event.role), revoked_by=frozenset(event.revoked_by))
