"""Where `docker events` is written into the log: what it would have told, and did not, came to nothing."""

from __future__ import annotations

from collections.abc import Mapping

from logwatch.lifecycle.accounts import CORROBORATING, LEADING
from logwatch.lifecycle.occurrences import REVOKED, Telling
from logwatch.model import SECOND, Role

LED_NS = 3600 * SECOND
"""So long after its last line `docker events` is believed to be still written into a host's log."""
OBJECTS = ("service", "node", "secret", "config")
TOLD_BY_EVENTS = frozenset(
    [f"container.{action}" for action in (
        "attach", "commit", "create", "destroy", "die", "exec_create", "exec_die", "exec_start", "kill", "oom", "pause",
        "prune", "rename", "resize", "restart", "start", "stop", "unpause", "update",
    )]
    + [f"image.{action}" for action in ("import", "load", "prune", "pull", "push", "tag", "untag")]
    + [f"network.{action}" for action in ("connect", "create", "destroy", "disconnect", "prune")]
    + [f"volume.{action}" for action in ("create", "destroy", "prune")]
    + [f"{kind}.{action}" for kind in OBJECTS for action in ("create", "update", "remove")]
    + ["builder.prune", "plugin.enable", "plugin.disable"]
)  # fmt: skip
"""What `docker events` tells whenever it happens: a request for it that it does not confirm came to nothing."""


class Leaders:
    """When `docker events` was last heard from each host."""

    def __init__(self) -> None:
        self._heard: dict[str, int] = {}

    def hear(self, host: str, role: Role, clock_ns: int) -> None:
        """Take note of a line, if it is one of `docker events`."""
        if role is LEADING:
            self._heard[host] = clock_ns

    def deny(self, telling: Telling) -> bool:
        """Revoke what only a second witness tells and `docker events`, which is heard, would have told."""
        event = telling.event
        heard_ns = self._heard.get(event.host)
        if event.role is not CORROBORATING or heard_ns is None or event.event not in TOLD_BY_EVENTS:
            return False
        denied = telling.clock_ns - heard_ns < LED_NS
        if denied:
            telling.seq = REVOKED
        return denied

    def sweep(self, clock_ns: int) -> None:
        """Forget the hosts from which nothing came for long."""
        self._heard = {host: heard_ns for host, heard_ns in self._heard.items() if clock_ns - heard_ns < LED_NS}

    def dump(self) -> Mapping[str, int]:
        """All of it, as JSON knows it."""
        return self._heard

    def load(self, heard: Mapping[str, int]) -> None:
        """Continue from what `dump` returned."""
        self._heard = dict(heard)
