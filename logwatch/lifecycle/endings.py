"""Why a container ended: the attribute `cause` of `container.die`, from what all witnesses reported.

| cause | evidence, in this order |
| --- | --- |
| `daemon_stop` | the daemon stopped or is stopping, without live-restore |
| `oom_limit`, `oom_host` | an OOM kill of the container within seconds, and exit code 137 or none known |
| `stop_timeout` | it did not end within its stop timeout and was sent SIGKILL |
| `requested` | stop, kill, restart or removal was asked for shortly before, or the engine's own file says so |
| `signal`, `exit` | exit code above 128; another one |
| `unknown` | nothing of all this is known |
"""

from __future__ import annotations

from logwatch.model import SECOND, Container, Event

UNKNOWN = "unknown"
OOM_NS = 30 * SECOND
"""A container ends so soon after the OOM kill of its main process."""
REQUEST_NS = 60 * SECOND
"""So long after a request to stop it a container ends because of that; the default timeout is 10 s."""
AFTER_NS = SECOND
"""By so much the request may be logged later than the death."""
REQUESTS = ("stop", "kill", "restart", "destroy")
RELOADS = frozenset({"1", "10", "12", "18", "28", "HUP", "USR1", "USR2", "CONT", "WINCH"})
"""Signals that servers are sent to do something else than to end."""
REMEMBERED = frozenset({"start", "die", "oom", "stop_timeout", *REQUESTS})
"""Actions whose last time is kept for each container."""
KILLED = "137"
OOM_HOST = "oom_host"
"""In the times of a container: the last OOM kill for want of the host's memory."""


def note(container: Container, event: Event, action: str) -> None:
    """Keep when something happened that may explain the container's end."""
    if action == "kill" and event.attributes.get("signal", "").removeprefix("SIG") in RELOADS:
        return
    times = container.times
    times[action] = max(event.time_ns, times.get(action, 0))
    if action == "oom" and event.attributes.get("constraint", "CONSTRAINT_MEMCG") != "CONSTRAINT_MEMCG":
        times[OOM_HOST] = event.time_ns


def exit_cause(event: Event, container: Container, daemon_stopped_ns: int | None) -> str:
    """Return why a container ended; `daemon_stopped_ns` is when its daemon stopped, None while it runs."""
    attributes, time_ns = event.attributes, event.time_ns
    code = attributes.get("exit_code") or attributes.get("exitCode") or ""
    if daemon_stopped_ns is not None and -AFTER_NS <= time_ns - daemon_stopped_ns <= REQUEST_NS:
        return "daemon_stop"
    if code in ("", KILLED) and (attributes.get("oom_killed") == "true" or _lately(container, "oom", time_ns, OOM_NS)):
        return OOM_HOST if _lately(container, OOM_HOST, time_ns, OOM_NS) else "oom_limit"
    if _lately(container, "stop_timeout", time_ns, REQUEST_NS):
        return "stop_timeout"
    if attributes.get("requested") == "true":
        return "requested"
    for request in REQUESTS:
        if _lately(container, request, time_ns, REQUEST_NS):
            return "requested"
    if not code.isdecimal():
        return UNKNOWN
    return "signal" if 128 < int(code) <= 192 else "exit"


def _lately(container: Container, action: str, time_ns: int, within_ns: int) -> bool:
    """Whether it happened shortly before, and to this run of the container."""
    then_ns = container.times.get(action)
    if then_ns is None:
        return False
    begun_ns = container.times.get("start", 0)
    if then_ns < begun_ns and not _is_of_same_second(container, then_ns, begun_ns):
        return False
    return -AFTER_NS <= time_ns - then_ns <= within_ns


def _is_of_same_second(container: Container, then_ns: int, begun_ns: int) -> bool:
    """Whether a time before the start may be one after it: the kernel's lines have whole seconds in many logs.

    It is not if the run before ended between the two: what happened then explains that end.
    """
    is_whole = then_ns % SECOND == 0 and begun_ns - then_ns < SECOND
    return is_whole and not then_ns <= container.times.get("die", 0) < begun_ns
