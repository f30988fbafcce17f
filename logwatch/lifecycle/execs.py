"""Commands that run in containers: whose end an exit without an id may be."""

from __future__ import annotations

from logwatch.model import Event
from logwatch.store.state_table import HostTable

MOST_OPEN = 4096
"""Most containers per host with commands that run."""
OPENS, CLOSES = "container.exec_start", frozenset({"container.exec_die", "container.exec_failed"})
CONTAINER = "runs_in"
"""The attribute of a mark, until the exit has turned out to be neither a container's nor a probe's; it identifies nothing."""
ENDS = frozenset({"container.die", "container.destroy"})
EVENTS = frozenset({OPENS, *CLOSES, *ENDS})
"""Events that say something about commands."""


class Execs:
    """How many commands run in each container."""

    def __init__(self) -> None:
        self._open: HostTable[str, dict[str, int]] = HostTable("execs")
        """Host to containers and how many commands run in them."""
        self.tables = (self._open,)

    def any_open(self, host: str) -> bool:
        """Whether a command runs in any container of a host."""
        return bool(self._open.get(host))

    def mark(self, event: Event) -> Event:
        """Return an exit without an id with the container in which commands run, if they run in one only."""
        containers = self._open.get(event.host, {})
        if event.event not in CLOSES or len(containers) != 1:
            return event
        return event._replace(attributes={**event.attributes, CONTAINER: next(iter(containers))})

    def identify(self, event: Event) -> Event:
        """Return the end of a command with the id of the container in which it ran, if that was marked."""
        if event.event not in CLOSES or event.id is not None or CONTAINER not in event.attributes:
            return event
        attributes = {key: value for key, value in event.attributes.items() if key != CONTAINER}
        return event._replace(id=event.attributes[CONTAINER], attributes=attributes)

    def process(self, event: Event) -> None:
        """Take over what an accepted event says about commands."""
        if event.event not in EVENTS or event.id is None:
            return
        containers = self._open.setdefault(event.host, {})
        running = containers.get(event.id, 0)
        if event.event == OPENS and (running or len(containers) < MOST_OPEN):
            containers[event.id] = running + 1
        elif event.event in CLOSES and running > 1:
            containers[event.id] = running - 1
        elif event.event == OPENS or containers.pop(event.id, None) is None:
            return
        self._open.touch(event.host)
