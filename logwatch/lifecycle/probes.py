"""The commands of health checks: which execs are probes, and how many failed in a row.

The engine runs a probe as it runs `docker exec`, every few seconds, and reports it in the same words: exec_create,
exec_start, exec_die. As events they would fill the history, and nothing in them says that nobody asked. An exec is
a probe of its container if

1. its command is the health check's: the container's file has it (`Config.Healthcheck` and `Config.Shell`);
2. the debug log announced it: `Running health check for container …`;
3. its command is one that a change of health showed to be the health check's: it had ended at once before with the
   exit code that explains the change, or it alone was running and had exceeded its timeout.

So with `docker events` alone the first probes of a container, until its health first changes, are events. A
command that somebody runs by hand in the words of the health check counts as a probe.

See `daemon/health.go` of moby: `cmdProbe.run`, `getShell`, `handleProbeResult`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from logwatch.model import SECOND, Container, Event
from logwatch.store.state_table import StateTable

EXECS = frozenset({"container.exec_create", "container.exec_start", "container.exec_die"})
HEALTHY = "healthy"
LONGEST_COMMAND = 500
"""Characters that are compared."""
MOST_RUNNING = 64
"""Commands of one container that run at a time."""
MOST_ENDED = 4
"""Probes of one container that ended, whose end may be reported once more."""
MOST_COMMANDS = 8
"""Commands of one container whose failures are counted."""
AT_ONCE_NS = SECOND
"""Between the end of a probe and the change of health that it causes, or its announcement and its start."""

LATE_NS = SECOND // 20
"""By so much the announcement of a probe may be logged after its exec, where `docker events` are logged by another process."""

Key = tuple[str, str]
"""Host and id."""


class Probe(NamedTuple):
    """What an exec of a health check shows."""

    command: str | None
    """None if the log does not say."""
    failing_streak: int | None
    """Probes that failed in a row; None while it runs."""


@dataclass(slots=True)
class Running:
    """A command that runs in a container."""

    command: str | None = None
    is_probe: bool = False
    is_counted: bool = False
    """Its end was reported."""
    begun_ns: int = 0


@dataclass(slots=True)
class Commands:
    """What runs and ran in one container."""

    running: dict[str, Running] = field(default_factory=dict)
    """By exec."""
    streak: int = 0
    """Probes that failed in a row."""
    failures: dict[str, int] = field(default_factory=dict)
    """Other commands and how often each failed in a row: one of them may be the health check's."""
    ended: str | None = None
    """The one of these that ended last."""
    ended_ns: int = 0
    announced_ns: int = 0


class Probes:
    """Recognizes the execs of health checks."""

    def __init__(self) -> None:
        self._commands: StateTable[Key, Commands] = StateTable("probe", asdict, _decode)
        self.tables = (self._commands,)

    def prune(self, get: Callable[[str, str], Container | None]) -> None:
        """Drop what is kept of containers that the register dropped."""
        for key in [key for key in self._commands if get(*key) is None]:
            self._commands.pop(key)

    # ── execs ────────────────────────────────────────────────────────────────────────

    def announce(self, host: str, container_id: str, time_ns: int) -> Probe | None:
        """Note that the next exec of a container is a probe; or, returned, the one that was reported just before."""
        commands = self._of(host, container_id)
        begun = [
            each for each in commands.running.values() if not each.is_probe and 0 <= each.begun_ns - time_ns <= LATE_NS
        ]
        if not begun:
            commands.announced_ns = time_ns
            return None
        begun[-1].is_probe = True
        return Probe(begun[-1].command, None)

    def process(self, event: Event, container: Container) -> Probe | None:
        """Take over an exec of a container; None if it is not known to be a probe."""
        commands = self._of(container.host, container.id)
        if event.event == "container.exec_die":
            return self._end(event, commands, container)
        exec_id, command = event.attributes.get("exec_id"), event.attributes.get("command")
        if exec_id is None:
            return None
        running = commands.running.setdefault(exec_id, Running(begun_ns=event.time_ns))
        if command is not None:
            running.command = normalized(command)
        if abs(event.time_ns - commands.announced_ns) <= AT_ONCE_NS:
            running.is_probe, commands.announced_ns = True, 0
        _bound(commands.running, MOST_RUNNING)
        running.is_probe = running.is_probe or _is_of(running, container)
        return Probe(running.command, None) if running.is_probe else None

    def _end(self, event: Event, commands: Commands, container: Container) -> Probe | None:
        failed = event.attributes.get("exit_code") != "0"
        if "probe" in event.attributes:  # the debug log says that it is a probe, but not which
            probes = (each for each in commands.running.values() if each.is_probe and not each.is_counted)
            running = next(probes, None)
        else:
            exec_id = event.attributes.get("exec_id", "")
            running = commands.running.get(exec_id)
            if running is None:
                return None
            if not running.is_probe and not _is_of(running, container):
                del commands.running[exec_id]
                self._note_end(event, commands, running, failed=failed)
                return None
        if running is not None and not running.is_counted:
            running.is_counted = True
            commands.streak = commands.streak + 1 if failed else 0
            ended = [exec_id for exec_id, each in commands.running.items() if each.is_counted]
            for exec_id in ended[:-MOST_ENDED]:
                del commands.running[exec_id]
        return Probe(running.command if running is not None else None, commands.streak)

    @staticmethod
    def _note_end(event: Event, commands: Commands, running: Running, *, failed: bool) -> None:
        if running.command is None:
            return
        failures = commands.failures.pop(running.command, 0)
        commands.failures[running.command] = failures + 1 if failed else 0
        _bound(commands.failures, MOST_COMMANDS)
        commands.ended, commands.ended_ns = running.command, event.time_ns

    # ── health ───────────────────────────────────────────────────────────────────────

    def learn(self, event: Event, container: Container) -> Probe | None:
        """Return the probe that changed a container's health, if it shows which one that was."""
        commands = self._commands.get((container.host, container.id))
        if commands is None or container.probe is not None:
            return None
        healthy, ended = event.attributes.get("health") == HEALTHY, commands.ended
        if ended is None or not 0 <= event.time_ns - commands.ended_ns <= AT_ONCE_NS:
            running = [each for each in commands.running.values() if not each.is_counted]
            alone = len(running) == 1 and not healthy
            return Probe(running[0].command, commands.failures.get(running[0].command or "", 0)) if alone else None
        if (commands.failures.get(ended) == 0) != healthy:
            return None
        self._of(container.host, container.id).streak = commands.failures[ended]
        return Probe(ended, commands.streak)

    def end(self, container: Container) -> None:
        """Note that a container ended: what runs in it ends, and failures are counted from its next start on."""
        if (container.host, container.id) in self._commands:
            self._commands[container.host, container.id] = Commands()

    def _of(self, host: str, container_id: str) -> Commands:
        commands = self._commands.setdefault((host, container_id), Commands())
        self._commands.touch((host, container_id))
        return commands


def normalized(command: str) -> str:
    """Return a command as it is compared, whatever line breaks became on the way."""
    return " ".join(command.split())[:LONGEST_COMMAND]


def _is_of(running: Running, container: Container) -> bool:
    return running.command is not None and running.command == container.probe


def _bound(kept: dict[str, Any], most: int) -> None:
    """Drop what was added first."""
    while len(kept) > most:
        kept.pop(next(iter(kept)))


def _decode(_key: Key, row: dict[str, Any]) -> Commands:
    running = {exec_id: Running(**each) for exec_id, each in row["running"].items()}
    return Commands(**{**row, "running": running})
