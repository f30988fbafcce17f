"""Which new container a creation made: lines that announce one name no id, and those that have the id name no creation.

Before a container is created the engine logs a request, a step of its classic builder or a task of swarm; then it mounts the new
container's file system:

    POST …/containers/create    [BUILDER] Command to be executed    task: ACCEPTED->PREPARING … PREPARING->READY
    └──────────── container mounted … container=<id> ───────────┘        └─── mounted … container=<id> ──┘

A mount is of the creation that was announced if there is only one (`Deduplicator.confirm_create`); a task that is ready has made one
of the new containers that nothing else explains, so it is that one if there is only one. After a mount that may be of either of two
neither is concluded of the other for a while. The id goes to the event, never a name to the id: the name of a create request may be
refused.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from logwatch.model import SECOND
from logwatch.store.state_table import HostTable

WITHIN_NS = 3 * SECOND
"""So long after a creation began its container is mounted, and so long after that a task is ready, on a busy host."""
PREPARING_NS = 60 * SECOND
"""So long a task is prepared at most, while its image is pulled."""
MOST = 64
"""Most tasks that are being prepared, most new containers and most tasks that were, per host."""


@dataclass(slots=True)
class Creating:
    """What is known of the creations on one host."""

    preparing: dict[str, int] = field(default_factory=dict)
    """Tasks that are being prepared, and since when."""
    unexplained: dict[str, int] = field(default_factory=dict)
    """New containers that nothing explains, and when they were mounted."""
    tasks: dict[str, str] = field(default_factory=dict)
    """Tasks to their containers."""
    unsure_ns: int = 0
    """Until then a creation may have made another container than the lines suggest."""


class Creations:
    """New containers and what made them."""

    def __init__(self) -> None:
        self._hosts: HostTable[str, Creating] = HostTable("creations", asdict, _decode)
        self.tables = (self._hosts,)

    def prepare(self, host: str, task: str, time_ns: int) -> None:
        """A task of swarm is being prepared; its container is created meanwhile."""
        self._keep(host, self._at(host).preparing, task, time_ns)

    def end(self, host: str, task: str) -> None:
        """A task is prepared, or could not be."""
        if host in self._hosts and self._hosts[host].preparing.pop(task, None) is not None:
            self._hosts.touch(host)

    def is_sure(self, host: str, announced: int, time_ns: int) -> bool:
        """Whether a new container is that of the one creation announced: there is no other, nor was one a moment ago."""
        creating = self._hosts.get(host)
        if creating is None and announced == 1:
            return True
        creating = self._at(host)
        preparing = any(since >= time_ns - PREPARING_NS for since in creating.preparing.values())
        if announced > 1 or (announced and preparing):
            creating.unsure_ns = time_ns + WITHIN_NS
            self._hosts.touch(host)
        return announced == 1 and time_ns >= creating.unsure_ns

    def add(self, host: str, container_id: str, time_ns: int) -> None:
        """Add a new container of which no request and no step of a build is known."""
        self._keep(host, self._at(host).unexplained, container_id, time_ns)

    def take(self, host: str, task: str, time_ns: int) -> str | None:
        """Return the container that a task has made, if it can be one alone."""
        creating = self._hosts.get(host)
        if creating is None or time_ns < creating.unsure_ns:
            return None
        made = [each for each, mounted_ns in creating.unexplained.items() if 0 <= time_ns - mounted_ns <= WITHIN_NS]
        if len(made) != 1:
            return None
        del creating.unexplained[made[0]]
        self._keep(host, creating.tasks, task, made[0])
        return made[0]

    def container_of(self, host: str, endpoint: str) -> str | None:
        """Return the container of the task that an endpoint, `<service>.<slot>.<task>`, is called after."""
        creating = self._hosts.get(host)
        return None if creating is None else creating.tasks.get(endpoint.rpartition(".")[2])

    def _at(self, host: str) -> Creating:
        return self._hosts.setdefault(host, Creating())

    def _keep(self, host: str, kept: dict[str, Any], key: str, value: int | str) -> None:
        kept.pop(key, None)
        kept[key] = value
        if len(kept) > MOST:
            del kept[next(iter(kept))]
        self._hosts.touch(host)


def _decode(_key: str, row: dict[str, Any]) -> Creating:
    return Creating(**row)
