"""The state tables: what each event makes of a container, of the daemon and of containerd.

A table says which state follows from a state and an action. An action that is in no row at
all (attach, commit, rename, …) says nothing about the state. An action that another row
knows, but not this one, is something the log should not have told: logs lose lines. Such an
event is accepted all the same, leads to the state that it proves (`PROVES`), and is counted
as an anomaly.

Docker's own diagram is `container/state.go` of the engine; the debug API lines are requests,
which is why a container may be destroyed (`docker rm -f`) before it dies.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from logwatch.model import State


class Service(StrEnum):
    """The state of the daemon, or of containerd."""

    __hash__ = str.__hash__  # that of Enum runs in Python, at each look-up in a table

    UNKNOWN = "unknown"
    STARTING = "starting"
    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"
    CRASHED = "crashed"
    """While it ran; FAILED did not get so far."""


CREATED, RUNNING, PAUSED = State.CREATED, State.RUNNING, State.PAUSED
RESTARTING, EXITED, DEAD = State.RESTARTING, State.EXITED, State.DEAD
REMOVING, UNKNOWN, GONE = State.REMOVING, State.UNKNOWN, State.GONE

CONTAINER: Mapping[State, Mapping[str, State]] = {
    UNKNOWN: {
        "create": CREATED,
        "start": RUNNING,
        "start_failed": CREATED,
        "restart": UNKNOWN,
        "die": EXITED,
        "pause": PAUSED,
        "unpause": RUNNING,
        "destroy": GONE,
        "destroy_failed": UNKNOWN,
        # Nobody kills, probes or enters a container that does not run.
        "kill": RUNNING,
        "oom": RUNNING,
        "exec_create": RUNNING,
        "exec_start": RUNNING,
        "health_status": RUNNING,
    },
    CREATED: {"start": RUNNING, "start_failed": CREATED, "destroy": GONE, "destroy_failed": DEAD},
    RUNNING: {
        "die": EXITED,
        "pause": PAUSED,
        "restart": RUNNING,
        "start_failed": EXITED,  # the shim's line had been believed
        "destroy": GONE,
        "destroy_failed": RUNNING,
    },
    PAUSED: {"unpause": RUNNING, "die": EXITED, "restart": RUNNING, "destroy": GONE, "destroy_failed": PAUSED},
    RESTARTING: {
        "start": RUNNING,
        "stop": EXITED,  # it waited to be restarted by its policy
        "start_failed": EXITED,
        "restart": RESTARTING,
        "die": EXITED,
        "destroy": GONE,
        "destroy_failed": DEAD,
    },
    EXITED: {
        "start": RUNNING,
        "start_failed": EXITED,
        "restart": RESTARTING,
        "destroy": GONE,
        "destroy_failed": DEAD,
    },
    DEAD: {"destroy": GONE, "destroy_failed": DEAD},
    REMOVING: {"die": REMOVING, "destroy": GONE, "destroy_failed": DEAD},
    GONE: {"die": GONE, "destroy": GONE, "destroy_failed": DEAD, "start_failed": GONE},
}

PROVES: Mapping[str, State] = {
    "create": CREATED,
    "start": RUNNING,
    "die": EXITED,
    "pause": PAUSED,
    "unpause": RUNNING,
}
"""The state after an event that the table does not allow; other events leave it as it is."""

USUAL_BEFORE: Mapping[str, State] = {
    "create": GONE,
    "start": EXITED,
    "restart": RUNNING,
    "unpause": PAUSED,
    "pause": RUNNING,
    "die": RUNNING,
    "destroy": EXITED,
}
"""The state in which an action most likely found a container of which nothing earlier is known."""

CONTAINER_STATEFUL = frozenset({"create", "start", "start_failed", "restart", "die", "pause", "unpause", "destroy"})
"""Actions that are anomalies where the row of the state does not name them."""

STATE_ACTIONS = frozenset(action for row in CONTAINER.values() for action in row)
"""Actions that say something about a container's state, in one state at least."""

INFERRED_FROM = STATE_ACTIONS - CONTAINER_STATEFUL - {"destroy_failed", "stop"}
"""Actions that only say something about a container of unknown state."""

ALIVE = frozenset({RUNNING, PAUSED, RESTARTING, REMOVING})
"""States that nobody can vouch for when the daemon is gone."""

SERVICE: Mapping[Service, Mapping[str, Service]] = {
    Service.UNKNOWN: {
        "start": Service.STARTING,
        "restore": Service.STARTING,
        "ready": Service.RUNNING,
        "reload": Service.RUNNING,
        "stop": Service.STOPPED,
        "crash": Service.CRASHED,
        "start_failed": Service.FAILED,
        "start_limit": Service.FAILED,
        "restart": Service.UNKNOWN,
    },
    Service.STARTING: {
        "start": Service.STARTING,
        "restore": Service.STARTING,
        "ready": Service.RUNNING,
        "stop": Service.STOPPED,
        "crash": Service.FAILED,
        "start_failed": Service.FAILED,
    },
    Service.RUNNING: {
        "start": Service.STARTING,  # it was killed: dockerd itself says nothing about that
        "ready": Service.RUNNING,
        "reload": Service.RUNNING,
        "stop": Service.STOPPED,
        "crash": Service.CRASHED,
    },
    Service.STOPPED: {
        "start": Service.STARTING,
        "stop": Service.STOPPED,
        "crash": Service.CRASHED,  # the stop took too long: systemd killed it
        "start_failed": Service.FAILED,
        "restart": Service.STOPPED,
    },
    Service.FAILED: {
        "start": Service.STARTING,
        "stop": Service.FAILED,  # systemd calls a unit that crashed `Stopped` before it starts it again
        "crash": Service.FAILED,
        "start_failed": Service.FAILED,
        "start_limit": Service.FAILED,
        "restart": Service.FAILED,
    },
    Service.CRASHED: {
        "start": Service.STARTING,
        "crash": Service.CRASHED,
        "start_limit": Service.FAILED,
        "restart": Service.CRASHED,
    },
}
AFTERMATH: Mapping[Service, frozenset[str]] = {
    Service.FAILED: frozenset({"stop"}),
    Service.CRASHED: frozenset({"stop", "start_failed"}),
}
"""What the service manager reports of a unit that has ended already, in words that mean something else elsewhere."""
SERVICE_STATEFUL = frozenset(action for row in SERVICE.values() for action in row)
SERVICE_PROVES: Mapping[str, Service] = {
    "restore": Service.STARTING,
    "ready": Service.RUNNING,
    "start_failed": Service.FAILED,
    "start_limit": Service.FAILED,
}
MOMENTARY = frozenset({"reload", "config_error"})
"""Service actions that may happen again without a change of state: reported within 10 s or not the same."""


def mermaid(table: Mapping[State, Mapping[str, State]] | Mapping[Service, Mapping[str, Service]]) -> str:
    """Draw a table as a state diagram in mermaid's language."""
    lines = ["stateDiagram-v2"]
    for state, row in table.items():
        grouped: dict[str, list[str]] = {}
        for action, after in row.items():
            grouped.setdefault(after, []).append(action)
        lines += [f"    {state} --> {after}: {', '.join(actions)}" for after, actions in grouped.items()]
    return "\n".join(lines) + "\n"
