"""Adds up the history of a period: containers and why they ended, failures, the engine's life, alerts, losses, the disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from logwatch.alerting.alert_store import committed
from logwatch.lifecycle import containers
from logwatch.model import SHORT_ID, Alert, Event, State
from logwatch.notation import whole
from logwatch.store import History, Query

KILLED = frozenset({"oom_limit", "oom_host", "signal", "stop_timeout"})
"""Causes of an end that nobody wanted, whatever the exit code is."""
MANY_ENDS = 3
"""So many ends of which neither cause nor exit code is known are trouble: it may be a loop."""
ENGINE = frozenset({"daemon", "containerd", "registry", "storage", "host", "kernel", "swarm", "network", "plugin"})
"""Kinds of events that are about the engine and its host."""
SERIOUS = frozenset({"error", "critical"})
ELSEWHERE = frozenset({"container.die", "container.oom", "container.oom_killed", "container.stop_timeout", "log.gap"})
"""Events that are no failures of their own: they count for the container, or as losses."""
MOST_FAILURES = 20


@dataclass(slots=True)
class ContainerSummary:
    """What happened to a container in the period."""

    name: str
    """Or the beginning of its id."""
    starts: int = 0
    ends: dict[str, int] = field(default_factory=dict)
    """By cause."""
    failed_ends: int = 0
    """Those that nobody wanted: killed, or by themselves with another exit code than 0."""
    unexplained_ends: int = 0
    """Those of which neither cause nor exit code is known."""
    exit_code: int | None = None
    """Of the last end."""
    oom_kills: int = 0
    unhealthy: int = 0
    """How often its health check began to fail."""
    last_ns: int = 0

    @property
    def had_trouble(self) -> bool:
        """Whether anything happened that nobody asked for."""
        return bool(self.failed_ends or self.oom_kills or self.unhealthy or self.unexplained_ends >= MANY_ENDS)

    def process(self, event: Event) -> None:
        """Count an event of this container."""
        attributes, self.last_ns = event.attributes, max(self.last_ns, event.time_ns)
        match event.event:
            case "container.start":
                self.starts += 1
            case "container.oom":
                self.oom_kills += 1
            case "container.health_status":
                self.unhealthy += attributes.get("health") == "unhealthy"
            case "container.die":
                cause = attributes.get("cause", "unknown")
                self.exit_code = whole(attributes.get("exit_code", ""))
                self.ends[cause] = self.ends.get(cause, 0) + 1
                code = self.exit_code if cause in ("exit", "unknown") else None
                self.failed_ends += cause in KILLED or code not in (None, 0)
                self.unexplained_ends += cause == "unknown" and code is None


@dataclass(slots=True)
class Happening:
    """One kind of event, about one object for one cause, and how often it happened."""

    event: str
    subject: str
    cause: str
    count: int = 0
    last_ns: int = 0

    def process(self, event: Event) -> None:
        """Count an event of this kind."""
        self.count += 1
        self.last_ns = max(self.last_ns, event.time_ns)


@dataclass(slots=True)
class Loss:
    """What of a log was not read, by reason."""

    path: str
    reason: str
    count: int = 0
    size: int = 0
    """Bytes; at least, where that is not known."""
    is_known: bool = True

    def process(self, event: Event) -> None:
        """Add a gap."""
        size = whole(event.attributes.get("bytes", ""))
        self.count += 1
        self.size += size if size is not None else whole(event.attributes.get("at_least", "")) or 0
        self.is_known = self.is_known and size is not None


@dataclass(frozen=True, slots=True)
class Disk:
    """The file system that the engine's data lies on, now; in bytes."""

    path: str
    size: int
    available: int
    """To others than root."""


@dataclass(slots=True)
class Summary:
    """A period of time on the hosts of one state directory."""

    since_ns: int
    until_ns: int
    known_containers: int
    """That are there now."""
    hosts: tuple[str, ...] = ()
    events: int = 0
    containers: Sequence[ContainerSummary] = ()
    """Those with trouble first, the worst of them before all."""
    engine: Sequence[Happening] = ()
    failures: Sequence[Happening] = ()
    """The most frequent first."""
    alerts: Sequence[Alert] = ()
    """That fired, in the order in which they began."""
    losses: Sequence[Loss] = ()
    disk: Disk | None = None
    """None where DOCKER_ROOT is not known, or cannot be read."""
    new_events: Sequence[str] = ()
    """Kinds of events that the history does not have from before; empty where it has nothing from before."""

    @property
    def in_trouble(self) -> list[ContainerSummary]:
        """The containers to which anything happened that nobody asked for."""
        return [each for each in self.containers if each.had_trouble]


def gather(history: History, since_ns: int, until_ns: int, docker_root: Path | None = None) -> Summary:
    """Read what happened from `since_ns` until before `until_ns`, as of one commit."""
    history.freeze()
    found = Summary(since_ns, until_ns, sum(each.state is not State.GONE for each in containers.committed(history)))
    by_container: dict[tuple[str, str], ContainerSummary] = {}
    engine: dict[str, Happening] = {}
    failures: dict[tuple[str, str, str], Happening] = {}
    losses: dict[tuple[str, str], Loss] = {}
    hosts, kinds, names = set[str](), set[str](), history.names()
    for outcome in history.events(Query(since_ns=since_ns, until_ns=until_ns)):
        event = outcome.event
        found.events += 1
        hosts.add(event.host)
        kinds.add(event.event)
        kind, _, action = event.event.partition(".")
        subject = event.name or names.get(event.id or "") or (event.id or "").removeprefix("sha256:")[:SHORT_ID]
        if event.event == "log.gap":
            reason = event.attributes.get("reason", "unknown")
            losses.setdefault((event.path, reason), Loss(event.path, reason)).process(event)
        elif kind == "container" and subject:
            by_container.setdefault((event.host, subject), ContainerSummary(subject)).process(event)
        if action.endswith("failed") or (event.severity in SERIOUS and event.event not in ELSEWHERE):
            cause = event.attributes.get("cause", "")
            key = (event.event, subject, cause)
            failures.setdefault(key, Happening(*key)).process(event)
        elif kind in ENGINE and action in ("start", "ready", "stop", "crash", "reload", "not_ready"):
            engine.setdefault(event.event, Happening(event.event, "", "")).process(event)
    found.hosts = tuple(sorted(host for host in hosts if host))
    found.containers = sorted(by_container.values(), key=_urgency)
    found.engine = sorted(engine.values(), key=lambda each: each.event)
    found.failures = sorted(failures.values(), key=lambda each: (-each.count, each.event, each.subject))[:MOST_FAILURES]
    found.losses = sorted(losses.values(), key=lambda each: (each.path, each.reason))
    found.alerts = [each for each in committed(history) if _fired_within(each, since_ns, until_ns)]
    found.disk = _disk(docker_root) if docker_root is not None else None
    before = history.kinds(before_ns=since_ns)
    found.new_events = sorted(kinds - before) if before else ()
    return found


def _urgency(container: ContainerSummary) -> tuple[bool, int, int, int, str]:
    """Sorts what had most trouble to the front."""
    each = container
    ends = each.failed_ends + each.unexplained_ends
    return not each.had_trouble, -each.oom_kills, -ends, -each.unhealthy, each.name


def _fired_within(alert: Alert, since_ns: int, until_ns: int) -> bool:
    return alert.starts_ns < until_ns and (alert.ends_ns is None or alert.ends_ns >= since_ns)


def _disk(root: Path) -> Disk | None:
    try:
        found = os.statvfs(root)
    except OSError:
        return None
    return Disk(str(root), found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)
