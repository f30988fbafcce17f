"""The series of containers, and how long they live.

Containers are known to series by name, so two that bear one name, one after the other, share
their series; the later one owns them. A container's series end one hour after it was
destroyed, or when nothing was heard for a day of one that never had a name. Where more
containers come than are kept, destroyed ones and then those unheard of for longest go, unless
they run; while all run, further ones are counted together as `_other`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from heapq import heappop, heappush

from logwatch.formats.numbers import whole
from logwatch.metrics import DROPPED, Registry
from logwatch.metrics.catalog import COMMON_ACTIONS, CONTAINER, HEALTH, OTHER, STATES
from logwatch.model import (
    SECOND,
    SHORT_ID,
    Container,
    Event,
    Family,
    LabelValues,
    Renamed,
    State,
    StateChange,
)

AFTER_DESTROY_NS = 3600 * SECOND
NEVER_NAMED_NS = 24 * 3600 * SECOND
LIVE = frozenset({State.RUNNING.value, State.PAUSED.value, State.RESTARTING.value})

EVENTS, LAST_EVENT = "docker_container_events_total", "docker_container_last_event_timestamp_seconds"
STATE, HEALTH_STATE = "docker_container_state", "docker_container_health"
EXIT_CODE, INFO = "docker_container_exit_code", "docker_container_info"
_NAMES = frozenset(family.name for family in CONTAINER)

Key = tuple[str, str]
"""Host (empty unless there are several) and label of a container."""


@dataclass(slots=True)
class Tracked:
    """A name under which series of containers are kept, and the container that bears it now."""

    host: str
    label: str
    id: str
    last_ns: int
    state: str = State.UNKNOWN.value
    destroyed_ns: int | None = None
    image: str = ""
    health: str | None = None
    """What the check last said; empty after the container ended, None without a check."""

    def ends_ns(self) -> int | None:
        """Tell when the series end if nothing more is heard; None for never."""
        if self.destroyed_ns is not None:
            return self.destroyed_ns + AFTER_DESTROY_NS
        named = self.label != self.id[:SHORT_ID]
        return None if named else self.last_ns + NEVER_NAMED_NS


class Containers:
    """Moves the series labelled by a container's name."""

    def __init__(self, series: Registry, *, multi_host: bool, most: int) -> None:
        self._series = series
        self._multi_host = multi_host
        self._most = most
        self._tracked: dict[Key, Tracked] = {}
        self._changed: dict[Key, None] = {}
        self._ends: list[tuple[int, Key]] = []
        self._all_live = False
        self.owned: Sequence[tuple[str, str]] = ()
        """Metrics of rules that belong to a container: the metric, and by what (`name`, `id`)."""

    def owner(self, family: Family) -> tuple[int, ...]:
        """Return the places of the labels by which a family belongs to a container."""
        if family.name not in _NAMES:
            return ()
        return (0, len(family.labels) - 1) if self._multi_host else (0,)

    # ── what happens to them ─────────────────────────────────────────────────────────

    def count(self, event: Event, action: str) -> None:
        """Count an event of a container."""
        object_id, time_ns = event.id, event.time_ns
        assert object_id is not None
        host = event.host if self._multi_host else ""
        key = (host, event.name or object_id[:SHORT_ID])
        tracked = self._tracked.get(key)
        if tracked is not None and tracked.id == object_id:  # what _track does, for nearly all events
            self._changed[key] = None
            if tracked.last_ns < time_ns:
                tracked.last_ns = time_ns
        else:
            tracked = self._track(Container(event.host, object_id, event.name), time_ns, ends=action == "destroy")
        if tracked is None:
            self._series.add(DROPPED, (EVENTS,), 1, time_ns)
            self._series.add(EVENTS, self._labels(host, OTHER, action), 1, time_ns)
            return
        labels = (tracked.label, action, host) if self._multi_host else (tracked.label, action)
        self._series.add(EVENTS, labels, 1, time_ns)
        self._series.set_max(LAST_EVENT, labels, time_ns / SECOND, time_ns)
        if event.attributes or tracked.health is not None:
            self._learn(tracked, event)

    def amend(self, event: Event) -> None:
        """Use what a later teller added to an event; counters stay."""
        if not event.id or not event.event.startswith("container."):
            return
        container = Container(event.host, event.id, event.name)
        tracked = self._tracked.get(self._key(container))
        if tracked:
            self._learn(tracked, event)

    def change_state(self, change: StateChange) -> None:
        """Show the state that a container is in now."""
        gone = change.after is State.GONE
        tracked = self._track(change.container, change.time_ns, ends=gone)
        if tracked is None or not _same(tracked.id, change.container.id):
            return
        tracked.destroyed_ns = change.time_ns if gone else None
        self._schedule(tracked)
        self._set_state(tracked, change.after.value, change.time_ns)

    def rename(self, renamed: Renamed) -> None:
        """End the series under the old name and begin those under the new one."""
        container, time_ns = renamed.container, renamed.time_ns
        old = self._tracked.get((self._key(container)[0], renamed.old_label))
        if old is None or not _same(old.id, container.id) or old.label == container.label:
            return
        self._drop(old, time_ns)
        tracked = self._track(container, time_ns, ends=False)
        if tracked is None:
            return
        tracked.destroyed_ns = old.destroyed_ns
        self._schedule(tracked)
        if old.image:
            self._describe(tracked, old.image, time_ns)
        if old.health is not None:
            self._set_health(tracked, old.health, time_ns)
        self._set_state(tracked, old.state, time_ns)

    def advance(self, clock_ns: int) -> None:
        """End the series whose time has come."""
        while self._ends and self._ends[0][0] <= clock_ns:
            _, key = heappop(self._ends)
            tracked = self._tracked.get(key)
            ends_ns = tracked.ends_ns() if tracked else None
            if tracked is None or ends_ns is None:
                continue
            if ends_ns <= clock_ns:
                self._drop(tracked, ends_ns)
            else:
                heappush(self._ends, (ends_ns, key))

    def next_end_ns(self) -> int | None:
        """Tell when some series may end, None if never."""
        return self._ends[0][0] if self._ends else None

    # ── state ────────────────────────────────────────────────────────────────────────

    def changed_rows(self) -> dict[str, str | None]:
        """Hand over what changed since the last call."""
        rows: dict[str, str | None] = {}
        for key in self._changed:
            tracked = self._tracked.get(key)
            rows[json.dumps(key)] = json.dumps(asdict(tracked)) if tracked else None
        self._changed.clear()
        return rows

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue from the rows of the last commit."""
        for row in rows.values():
            tracked = Tracked(**json.loads(row))
            self._tracked[tracked.host, tracked.label] = tracked
            self._schedule(tracked)
        self._changed.clear()

    # ── which are kept ───────────────────────────────────────────────────────────────

    def _key(self, container: Container) -> Key:
        return (container.host if self._multi_host else "", container.label)

    def _track(self, container: Container, time_ns: int, *, ends: bool) -> Tracked | None:
        """Find the series of a container or begin them; None where no more are kept.

        A container takes its name over from the last that bore it, unless this is its end.
        """
        key = (container.host if self._multi_host else "", container.name or container.id[:SHORT_ID])
        tracked = self._tracked.get(key)
        if tracked is None:
            return self._begin(key, container, time_ns)
        self._changed[key] = None
        if tracked.id == container.id or _same(tracked.id, container.id):
            tracked.last_ns = max(tracked.last_ns, time_ns)
        elif not ends:
            self._take_over(tracked, container, time_ns)
        return tracked

    def _begin(self, key: Key, container: Container, time_ns: int) -> Tracked | None:
        if len(self._tracked) >= self._most and not self._make_room(time_ns):
            return None
        self._changed[key] = None
        tracked = self._tracked[key] = Tracked(*key, container.id, time_ns)
        self._schedule(tracked)
        for action in COMMON_ACTIONS:
            self._series.start(EVENTS, self._labels(*key, action), time_ns)
        for state in STATES:
            self._series.start(STATE, self._labels(*key, state), time_ns)
        self._series.set(STATE, self._labels(*key, tracked.state), 1, time_ns)
        self._describe(tracked, "", time_ns)
        return tracked

    def _take_over(self, tracked: Tracked, container: Container, time_ns: int) -> None:
        tracked.id, tracked.destroyed_ns = container.id, None
        tracked.last_ns = max(tracked.last_ns, time_ns)
        self._describe(tracked, "", time_ns)

    def _make_room(self, time_ns: int) -> bool:
        """Drop some containers that do not run; False if all do."""
        if self._all_live:
            return False
        idle = [tracked for tracked in self._tracked.values() if tracked.state not in LIVE]
        idle.sort(key=lambda tracked: (tracked.destroyed_ns is None, tracked.last_ns, tracked.host, tracked.label))
        # Several at once: looking through all of them for each new one would be slow.
        for tracked in idle[: max(1, self._most // 20)]:
            self._drop(tracked, time_ns)
        self._all_live = not idle
        return bool(idle)

    def _drop(self, tracked: Tracked, time_ns: int) -> None:
        """End all series of a container."""
        key = (tracked.host, tracked.label)
        owner = self._labels(tracked.host, tracked.label)
        for name in _NAMES:
            self._series.remove_group(name, owner, time_ns)
        for name, by in self.owned:
            for value in {"name": (tracked.label,), "id": (tracked.id, tracked.id[:SHORT_ID])}[by]:
                self._series.remove_group(name, (value,), time_ns)
        del self._tracked[key]
        self._changed[key] = None
        self._all_live = False

    def _schedule(self, tracked: Tracked) -> None:
        ends_ns = tracked.ends_ns()
        if ends_ns is not None:
            heappush(self._ends, (ends_ns, (tracked.host, tracked.label)))

    # ── gauges ───────────────────────────────────────────────────────────────────────

    def _learn(self, tracked: Tracked, event: Event) -> None:
        """Set the gauges that an event's attributes tell, if it is of the container that bears the name now."""
        name, attributes, time_ns = event.event, event.attributes, event.time_ns
        if tracked.id != event.id and not _same(tracked.id, event.id or ""):
            return
        if (image := attributes.get("image", "")) and image != tracked.image:
            self._describe(tracked, image, time_ns)
        if name == "container.die":
            if (code := whole(attributes.get("exit_code", ""))) is not None:
                self._series.set(EXIT_CODE, self._labels(tracked.host, tracked.label), code, time_ns)
            if tracked.health:
                self._set_health(tracked, "", time_ns)
        elif name == "container.health_status" and (health := attributes.get("health")) in HEALTH:
            self._set_health(tracked, health or "", time_ns)
        elif name == "container.start" and tracked.health is not None:
            self._set_health(tracked, "starting", time_ns)

    def _describe(self, tracked: Tracked, image: str, time_ns: int) -> None:
        """Replace the series that tells id and image."""
        tracked.image = image
        self._series.remove_group(INFO, self._labels(tracked.host, tracked.label), time_ns)
        self._series.set(INFO, self._labels(tracked.host, tracked.label, tracked.id, image), 1, time_ns)

    def _set_state(self, tracked: Tracked, state: str, time_ns: int) -> None:
        if state == tracked.state:
            return
        before, tracked.state = tracked.state, state
        self._all_live = self._all_live and state in LIVE
        for value, now in ((before, 0.0), (state, 1.0)):
            if value in STATES:
                self._series.set(STATE, self._labels(tracked.host, tracked.label, value), now, time_ns)

    def _set_health(self, tracked: Tracked, health: str, time_ns: int) -> None:
        tracked.health = health
        for value in HEALTH:
            labels = self._labels(tracked.host, tracked.label, value)
            self._series.set(HEALTH_STATE, labels, float(value == health), time_ns)

    def _labels(self, host: str, *values: str) -> LabelValues:
        return (*values, host) if self._multi_host else values


def _same(one: str, other: str) -> bool:
    """Whether two ids mean one container; some lines tell only the first 12 digits."""
    return one == other or (one[:SHORT_ID] == other[:SHORT_ID] and SHORT_ID in (len(one), len(other)))
