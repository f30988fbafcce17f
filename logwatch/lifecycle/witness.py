"""Events out of the inventory: what changed between two states of a container's file.

The engine's own file says when a container was created, started and ended, with which exit code,
whether it ran out of memory, is paused, healthy, or was renamed. Each change is an event of the
role `inventory`, below the log's own reports: the deduplicator joins it to what the log reports of
the same occurrence, before or after it, and alone it is an event of its own.

    file at the last poll   file now                              events
    none                    created after the last poll           create (start, die)
    StartedAt = A           StartedAt = B                          start at B
    FinishedAt = A          FinishedAt = B, a run without a die    die at B, with exit code; oom
    Paused, Name, Health    another one                            pause, unpause, rename, health_status
    any                     no folder                              destroy

One run of a container (a StartedAt) ends once: the engine sets FinishedAt again when a container
is removed while it waits for its restart. At the very first poll nothing has changed yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from logwatch.docker.inventory import Found, Removed
from logwatch.lifecycle.occurrences import JOIN_NS, REMEMBERED_NS
from logwatch.model import SECOND, Container, Event, Role, Severity, State
from logwatch.store.state_table import HostTable, StateTable

RULE = "inventory/"
"""Before the action: the rule of an event that the inventory reports."""
STEP_NS = 60 * SECOND
"""How exactly the time of the last poll is kept."""
CREATE_NS = 5 * SECOND
"""A container created so long before the last poll may have had no file then."""
REPORTED_HEALTH = frozenset({"healthy", "unhealthy"})

Key = tuple[str, str]
"""Host and id."""


@dataclass(slots=True)
class FileState:
    """What of a container's file was made into events already."""

    name: str | None
    started_ns: int
    finished_ns: int
    ended_run_ns: int
    """The start of the last run whose end was reported."""
    paused: bool
    health: str | None
    dead: bool


class Witness:
    """Compares each container's file with what it was."""

    def __init__(self) -> None:
        self._states: StateTable[Key, FileState] = StateTable("sighting", asdict, _decode)
        self._polls: HostTable[str, int] = HostTable("look")
        """Host to the time of the last poll, to the minute."""
        self.tables = (self._states, self._polls)

    # ── which containers ─────────────────────────────────────────────────────────────

    def prune(self, get: Callable[[str, str], Container | None]) -> None:
        """Drop what is kept of containers that the register dropped."""
        for key in [key for key in self._states if get(*key) is None]:
            self._states.pop(key)

    def begin(self, host: str, time_ns: int) -> None:
        """Note the time of the very first poll: containers created before it are known, not new."""
        self._polls.setdefault(host, time_ns + STEP_NS + CREATE_NS)

    def note_poll(self, host: str, now_ns: int) -> None:
        """Note the time of a poll of all containers."""
        if now_ns - self._polls.get(host, 0) >= STEP_NS:
            self._polls[host] = now_ns

    def known(self, host: str) -> list[str]:
        """Return the ids of the containers that had a file at the last poll."""
        return [container_id for where, container_id in self._states if where == host]

    # ── events ───────────────────────────────────────────────────────────────────────

    def compare(self, found: Found, container: Container, clock_ns: int) -> list[Event]:
        """Return the events between the last state of a container's file and this one, in their order."""
        host, times = container.host, container.times
        key = (host, found.id)
        before = self._states.get(key)
        polled_ns = self._polls.get(host, 0)
        fresh = before is None and found.created_ns > polled_ns - STEP_NS - CREATE_NS
        after = _state(found, before)
        if before is None and not fresh:
            self._states[key] = after
            return []
        old = before or FileState(found.name, 0, 0, 0, paused=False, health=None, dead=False)
        events = list(self._runs(old, after, found, container))
        if before is None and not (after.dead and not found.started):
            events.insert(0, _event(found, host, "create", found.created_ns))
        elif old.name and found.name and old.name != found.name:
            events.append(_event(found, host, "rename", found.seen_ns, old_name=old.name))
        was_paused = old.paused and found.started_ns == old.started_ns
        if after.paused and not was_paused:
            events.append(_event(found, host, "pause", found.seen_ns))
        elif was_paused and found.state is State.RUNNING:
            events.append(_event(found, host, "unpause", found.seen_ns))
        if after.health != old.health and after.health in REPORTED_HEALTH:
            events.append(_health(found, host))
        if after != before:
            self._states[key] = after
        return [each for each in events if not _is_old(each, times, clock_ns)]

    def _runs(self, old: FileState, after: FileState, found: Found, container: Container) -> list[Event]:
        """Return starts and ends; the end of an earlier run comes before the start of this one."""
        host = container.host
        started = found.started_ns != old.started_ns and found.started_ns > 0
        ended = found.finished_ns != old.finished_ns and found.finished_ns > 0
        start = [_event(found, host, "start", found.started_ns)] if started else []
        if not ended:
            return start
        if found.exit_code is None:  # it runs again: how it ended before is not kept
            missed = old.started_ns > 0 and old.ended_run_ns != old.started_ns
            return [*([_event(found, host, "die", found.finished_ns)] if missed else []), *start]
        if old.ended_run_ns == found.started_ns or not found.started:
            return start
        after.ended_run_ns = found.started_ns
        if found.oom_killed and container.times.get("oom", 0) < found.started_ns - SECOND:
            start.append(_event(found, host, "oom", found.finished_ns))
        return [*start, _event(found, host, "die", max(found.finished_ns, found.started_ns), **ending(found))]

    def remove(self, removed: Removed, container: Container, host: str) -> list[Event]:
        """Return the event of a removal, unless it was reported."""
        self._states.pop((host, removed.id), None)
        if container.state is State.GONE:
            return []
        return [_make(host, removed.id, container.name, "destroy", removed.time_ns, {})]


def _is_old(event: Event, times: Mapping[str, int], clock_ns: int) -> bool:
    """Whether it was reported so long ago that the deduplicator may have forgotten it."""
    reported_ns = times.get(event.event.partition(".")[2])
    if reported_ns is None or event.time_ns >= clock_ns - REMEMBERED_NS // 2:
        return False
    return reported_ns >= event.time_ns - JOIN_NS


def ending(found: Found) -> dict[str, str]:
    """Return the attributes of the last exit."""
    attributes = {
        "exit_code": found.exit_code or "",
        "oom_killed": "true" if found.oom_killed else "",
        "requested": "true" if found.stopped_by_hand else "",
        "last_words": found.last_words,
    }
    return {key: value for key, value in attributes.items() if value}


def ends_with(event: Event, found: Found) -> bool:
    """Whether a death that the log reports is the last exit in the container's file."""
    return found.exit_code is not None and abs(event.time_ns - found.finished_ns) <= 2 * SECOND


def _state(found: Found, before: FileState | None) -> FileState:
    ended = found.started_ns if found.exit_code is not None and before is None else 0
    return FileState(
        name=found.name or (before.name if before else None),
        started_ns=found.started_ns,
        finished_ns=found.finished_ns,
        ended_run_ns=before.ended_run_ns if before else ended,
        paused=found.state is State.PAUSED,
        health=found.health,
        dead=found.state in (State.DEAD, State.REMOVING),
    )


def _health(found: Found, host: str) -> Event:
    attributes = {
        "health": found.health or "",
        "failing_streak": str(found.failing_streak) if found.failing_streak else "",
    }
    attributes["probe_output"] = found.probe_output
    kept = {key: value for key, value in attributes.items() if value}
    return _make(host, found.id, found.name, "health_status", max(found.probe_ns, found.started_ns), kept)


def _event(found: Found, host: str, action: str, time_ns: int, **attributes: str) -> Event:
    image = {"image": found.image} if found.image else {}
    return _make(host, found.id, found.name, action, time_ns, {**image, **attributes})


def _make(
    host: str, container_id: str, name: str | None, action: str, time_ns: int, attributes: Mapping[str, str]
) -> Event:
    bad = action == "oom" or attributes.get("health") == "unhealthy"
    return Event(
        time_ns=time_ns,
        event=f"container.{action}",
        host=host,
        id=container_id,
        name=name,
        attributes=attributes,
        severity=Severity.ERROR if action == "oom" else Severity.WARNING if bad else Severity.INFO,
        rule=RULE + action,
        path="",
        offset=0,
        role=Role.INVENTORY,
        stamp_ns=time_ns,
    )


def _decode(_key: Key, row: dict[str, Any]) -> FileState:
    return FileState(**row)
