"""The series of containers, derived from accepted events and from the changes of the register.

Series are labelled by a container's name, so containers with one name, one after the other, share
their series; the latest owns them. With a container's removal its state, its health and the counters that
never moved end. The others end when the register says so (`Expired`), late enough for alerts and scrapes. A
name that comes again while the register keeps the removed container continues its counters.
At most `max_containers` have series: beyond that removed ones lose theirs first, then those without events
for longest, unless they run; while all run, further ones are counted together as `_other`.

With `short_lived`, what a container counted that lived under 5 minutes moves, at its removal, to a series of
its image or compose service; the label begins with `_`, which no name of a container does.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict

from logwatch.metrics import DROPPED, Registry
from logwatch.metrics.catalog import CAUSES, COMMON_ACTIONS, CONTAINER, CONTAINER_INFO, HEALTH, OTHER, STATES
from logwatch.metrics.container_record import ContainerSeries, Key, decode
from logwatch.metrics.renaming import YOUNG_NS, move_group
from logwatch.model import (
    COMPOSE_LABELS,
    SECOND,
    SHORT_ID,
    Attributes,
    Described,
    Event,
    Expired,
    Family,
    LabelValues,
    Probed,
    Renamed,
    State,
    StateChange,
)
from logwatch.notation import whole
from logwatch.store.state_table import StateTable

LIVE = frozenset({State.RUNNING.value, State.PAUSED.value, State.RESTARTING.value})

EVENTS, LAST_EVENT = "docker_container_events_total", "docker_container_last_event_timestamp_seconds"
STATE, HEALTH_STATE = "docker_container_state", "docker_container_health"
EXIT_CODE, INFO = "docker_container_exit_code", CONTAINER_INFO
EXITS, LAST_EXIT = "docker_container_exits_total", "docker_container_last_exit_timestamp_seconds"
RESTARTS, STREAK = "docker_container_restart_count", "docker_container_health_failing_streak"
ZEROS = {EVENTS: COMMON_ACTIONS, STATE: STATES}
"""The actions and states whose series are at 0 from a container's first event on."""
_NAMES = frozenset(family.name for family in CONTAINER)
_TOGETHER = (EVENTS, LAST_EVENT, EXITS, LAST_EXIT, EXIT_CODE)
"""What containers that lived shortly have together."""
SHORT_NS = 300 * SECOND
"""A container that was removed sooner after its creation or start lived shortly."""


class ContainerMetrics:
    """Moves the series labelled by a container's name."""

    def __init__(
        self,
        series: Registry,
        *,
        multi_host: bool,
        most: int,
        short_lived: str | None = None,
        chosen: Sequence[str] = (),
    ) -> None:
        """`chosen` are labels of docker_container_info beside those that it always has.

        `short_lived` is by what containers that lived shortly are counted together: `image`, `compose_service`
        (which falls back to the image) or None.
        """
        self._series = series
        self._multi_host = multi_host
        self._most = most
        self._short_lived = short_lived
        self._label_names = (*COMPOSE_LABELS.values(), *chosen)
        self._shown: StateTable[Key, ContainerSeries] = StateTable("container", asdict, decode)
        self.tables = (self._shown,)
        self._idle: OrderedDict[Key, None] = OrderedDict()
        """Those that do not run, without events for longest first."""
        self._removed: OrderedDict[Key, None] = OrderedDict()
        """Those that were removed, the first one first."""
        self._owned: Sequence[tuple[str, str]] = ()

    def owner(self, family: Family) -> tuple[int, ...]:
        """Return the places of the labels by which a family belongs to a container."""
        if family.name not in _NAMES:
            return ()
        return (0, len(family.labels) - 1) if self._multi_host else (0,)

    def end_with_containers(self, owned: Sequence[tuple[str, str]]) -> None:
        """End series of rules with their container, too: the metrics, and by what each belongs to it (`name`, `id`)."""
        self._owned = owned

    # ── events and changes ───────────────────────────────────────────────────────────

    def process(self, event: Event, action: str) -> None:
        """Count an event of a container."""
        container_id, time_ns = event.id, event.time_ns
        assert container_id is not None
        host = event.host if self._multi_host else ""
        key = (host, event.name or container_id[:SHORT_ID])
        shown = self._shown.get(key)
        if shown is None or shown.id != container_id or shown.ended is not None:
            shown = self._find(key, container_id, time_ns, ends=action == "destroy")
        if shown is None:
            self._series.add(DROPPED, (EVENTS,), 1, time_ns)
            self._series.add(EVENTS, self._labels(host, OTHER, action), 1, time_ns)
            return
        if shown.counted_as:
            key = (host, shown.counted_as)
        if key in self._idle:
            self._idle.move_to_end(key)
        labels = (key[1], action, host) if self._multi_host else (key[1], action)
        self._series.add(EVENTS, labels, 1, time_ns)
        self._series.set_max(LAST_EVENT, labels, time_ns / SECOND, time_ns)
        if action == "die":
            self._count_exit(key, event)
        if (event.attributes or shown.health is not None) and not shown.counted_as:
            self._set_attributes(shown, event)

    def _count_exit(self, key: Key, event: Event) -> None:
        cause = event.attributes.get("cause", "")
        labels = self._labels(*key, cause if cause in CAUSES else "unknown")
        self._series.add(EXITS, labels, 1, event.time_ns)
        self._series.set_max(LAST_EXIT, labels, event.time_ns / SECOND, event.time_ns)

    def amend(self, event: Event) -> None:
        """Use what a later report added to an event; counters stay."""
        if not event.id or not event.event.startswith("container."):
            return
        shown = self._shown.get((event.host if self._multi_host else "", event.name or event.id[:SHORT_ID]))
        if shown and shown.is_shown:
            self._set_attributes(shown, event)

    def change_state(self, change: StateChange) -> None:
        """Show the state that a container is in now."""
        removed = change.after is State.GONE
        shown = self._find(self._key(change), change.id, change.time_ns, ends=removed)
        if shown is not None and _same(shown.id, change.id):
            self._show_state(shown, change.after.value, change.time_ns, removed=removed)

    def _show_state(self, shown: ContainerSeries, state: str, time_ns: int, *, removed: bool) -> None:
        if shown.removed and not removed:
            self._begin_state(shown, time_ns)
        self._set_state(shown, state, time_ns)
        if removed:
            self._end_state(shown, time_ns)
        shown.removed = removed
        self._rank(shown)
        if removed and self._short_lived and time_ns - shown.begun_ns < SHORT_NS and shown.is_shown:
            self._count_together(shown, time_ns)

    def describe(self, described: Described) -> None:
        """Show what the engine's own file says of a container."""
        time_ns = described.time_ns
        shown = self._find(self._key(described), described.id, time_ns, ends=False)
        if shown is None or not _same(shown.id, described.id) or shown.counted_as:
            return
        owner = self._labels(shown.host, shown.label)
        self._update_info(shown, described.image, described.labels, time_ns)
        if (code := whole(described.exit_code or "")) is not None:
            self._series.set(EXIT_CODE, owner, code, time_ns)
        self._series.set(RESTARTS, owner, described.restart_count, time_ns)
        health = described.health if described.health in HEALTH else None
        if (health or "") != (shown.health or "") and (health or shown.health is not None):
            self._set_health(shown, health or "", time_ns)

    def count_probes(self, probed: Probed) -> None:
        """Show how many health probes failed in a row."""
        shown = self._find(self._key(probed), probed.id, probed.time_ns, ends=False)
        if shown is not None and _same(shown.id, probed.id) and not shown.removed:
            self._series.set(STREAK, self._labels(shown.host, shown.label), probed.failing_streak, probed.time_ns)

    def rename(self, renamed: Renamed) -> None:
        """End the series under the old name; a name that was learned late takes over what was counted under the id."""
        key, time_ns = self._key(renamed), renamed.time_ns
        old = self._shown.get((key[0], renamed.old_label))
        if old is None or not _same(old.id, renamed.id) or old.label == renamed.label:
            return
        if not old.is_shown:  # it was removed, and what it counted stays where it is
            self._end(old, time_ns)
            return
        is_late_name = renamed.is_late_name and time_ns - old.begun_ns <= YOUNG_NS
        if is_late_name:
            self._resume(self._shown.get(key), time_ns)
            self._move(old, key, time_ns)
        self._end(old, time_ns, forget=is_late_name)
        shown = self._find(key, renamed.id, time_ns, ends=False)
        if shown is None:
            return
        shown.begun_ns = min(shown.begun_ns, old.begun_ns)
        self._update_info(shown, old.image, old.labels, time_ns)
        if old.health is not None:
            self._set_health(shown, old.health, time_ns)
        self._show_state(shown, old.state, time_ns, removed=old.removed)

    def _move(self, old: ContainerSeries, key: Key, time_ns: int) -> None:
        """Move what was counted under an id to the name."""
        owner, to = self._labels(old.host, old.label), self._labels(*key)
        for name in _NAMES - {INFO}:
            move_group(self._series, name, owner, to, time_ns)
        for name, by in self._owned:
            if by == "name":
                move_group(self._series, name, (old.label,), (key[1],), time_ns)

    def expire(self, expired: Expired) -> None:
        """End the series of a container, unless another one owns them."""
        shown = self._shown.get(self._key(expired))
        if shown is None or not _same(shown.id, expired.id):
            return
        ended = [] if expired.is_forgotten else self._counters(shown)
        if not ended:
            self._end(shown, expired.time_ns)
        elif shown.is_shown:
            self._end_series(shown, expired.time_ns)
            shown.ended = ended
            self._shown.touch((shown.host, shown.label))

    def _counters(self, shown: ContainerSeries) -> list[tuple[str, LabelValues, float]]:
        owner = self._labels(shown.host, shown.label)
        counters = [(name, *each) for name in (EVENTS, EXITS) for each in self._series.counters(name, owner)]
        for name, by in self._owned:
            if by == "name":
                counters += [(name, *each) for each in self._series.counters(name, (shown.label,))]
        return counters

    def _resume(self, shown: ContainerSeries | None, time_ns: int) -> None:
        """Continue the counters of a name that comes again."""
        if shown is None or shown.ended is None:
            return
        ended, shown.ended, shown.begun_ns = shown.ended, None, 0
        for name, labels, value in ended:
            self._series.resume(name, labels, value, time_ns)
        self._describe(shown, "", {}, time_ns)

    # ── containers that lived shortly ────────────────────────────────────────────────

    def _count_together(self, shown: ContainerSeries, time_ns: int) -> None:
        """Move what a container counted to the series of its image or service, if its beginning was seen."""
        label = self._common_label(shown)
        owner = self._labels(shown.host, shown.label)
        beginnings = (self._labels(shown.host, shown.label, action) for action in ("create", "start"))
        if not label or not any(self._series.value(EVENTS, labels) for labels in beginnings):
            return
        key, to = (shown.host, label), self._labels(shown.host, label)
        if key not in self._shown:
            if len(self._shown) >= self._most and not self._make_room(time_ns):
                return
            self._shown[key] = ContainerSeries(*key, "", begun_ns=time_ns)
            self._series.begin_group(EVENTS, to, time_ns)
        self._rank(self._shown[key])
        for name in _TOGETHER:
            move_group(self._series, name, owner, to, time_ns)
        for name, by in self._owned:
            if by == "name":
                move_group(self._series, name, (shown.label,), (label,), time_ns)
        self._end_series(shown, time_ns)
        shown.counted_as = label
        self._shown.touch((shown.host, shown.label))

    def _common_label(self, shown: ContainerSeries) -> str:
        """Return the label of containers of the same image or service, empty if neither is known."""
        project, service = (shown.labels.get(name, "") for name in COMPOSE_LABELS.values())
        if self._short_lived == "compose_service" and service:
            return f"_service:{project}/{service}"
        return f"_image:{shown.image}" if shown.image else ""

    # ── which have series ────────────────────────────────────────────────────────────

    def _key(self, change: StateChange | Renamed | Expired | Described | Probed) -> Key:
        return (change.host if self._multi_host else "", change.label)

    def _find(self, key: Key, container_id: str, time_ns: int, *, ends: bool) -> ContainerSeries | None:
        """Find the series of a container or begin them; None if there are too many.

        A container takes its name over from the last one that had it, unless this is its end.
        """
        shown = self._shown.get(key)
        if shown is None:
            return self._begin(key, container_id, time_ns)
        if shown.counted_as and not ends and not _same(shown.id, container_id):
            self._end(shown, time_ns)
            return self._begin(key, container_id, time_ns)
        self._resume(shown, time_ns)
        if not ends and not _same(shown.id, container_id):
            if shown.removed:
                self._begin_state(shown, time_ns)
            shown.id, shown.removed = container_id, False
            self._describe(shown, "", {}, time_ns)
            self._rank(shown)
        return shown

    def _begin(self, key: Key, container_id: str, time_ns: int) -> ContainerSeries | None:
        if len(self._shown) >= self._most and not self._make_room(time_ns):
            return None
        shown = self._shown[key] = ContainerSeries(*key, container_id, begun_ns=time_ns)
        self._begin_state(shown, time_ns)
        self._describe(shown, "", {}, time_ns)
        self._rank(shown)
        return shown

    def _begin_state(self, shown: ContainerSeries, time_ns: int) -> None:
        """Begin what every container has from its first event on."""
        owner = self._labels(shown.host, shown.label)
        for name in ZEROS:
            self._series.begin_group(name, owner, time_ns)
        if shown.state in STATES:
            self._series.set(STATE, self._labels(shown.host, shown.label, shown.state), 1, time_ns)

    def _end_state(self, shown: ContainerSeries, time_ns: int) -> None:
        """End what a removed container has no more: its state and health, and the counters that never moved."""
        owner = self._labels(shown.host, shown.label)
        for name in (STATE, HEALTH_STATE, STREAK):
            self._series.remove_group(name, owner, time_ns)
        self._series.end_zeros(EVENTS, owner, time_ns)
        shown.health = None

    def _make_room(self, time_ns: int) -> bool:
        """End the series of a tenth of those that do not run; False if all run."""
        dispensable = [*self._removed, *self._idle][: max(1, self._most // 10)]
        for key in dispensable:
            self._end(self._shown[key], time_ns, forget=True)
        return bool(dispensable)

    def _rank(self, shown: ContainerSeries) -> None:
        """Note whether a container may lose its series."""
        key = (shown.host, shown.label)
        self._idle.pop(key, None)
        self._removed.pop(key, None)
        if shown.removed:
            self._removed[key] = None
        elif shown.state not in LIVE:
            self._idle[key] = None

    def _end(self, shown: ContainerSeries, time_ns: int, *, forget: bool = False) -> None:
        """End all series of a container, and forget their past where room is needed."""
        key = (shown.host, shown.label)
        self._end_series(shown, time_ns, forget=forget)
        del self._shown[key]
        self._idle.pop(key, None)
        self._removed.pop(key, None)

    def _end_series(self, shown: ContainerSeries, time_ns: int, *, forget: bool = False) -> None:
        owner = self._labels(shown.host, shown.label)
        for name in _NAMES:
            self._series.remove_group(name, owner, time_ns, forget=forget)
        ids = (shown.id, shown.id[:SHORT_ID]) if shown.id else ()
        for name, by in self._owned:
            for value in {"name": (shown.label,), "id": ids}[by]:
                self._series.remove_group(name, (value,), time_ns, forget=forget)

    # ── gauges ───────────────────────────────────────────────────────────────────────

    def _set_attributes(self, shown: ContainerSeries, event: Event) -> None:
        """Set the gauges from an event's attributes, if it is of the container that has the name now."""
        name, attributes, time_ns = event.event, event.attributes, event.time_ns
        if shown.id != event.id and not _same(shown.id, event.id or ""):
            return
        self._update_info(shown, attributes.get("image"), attributes, time_ns)
        if name == "container.die":
            if (code := whole(attributes.get("exit_code", ""))) is not None:
                self._series.set(EXIT_CODE, self._labels(shown.host, shown.label), code, time_ns)
            if shown.health:
                self._set_health(shown, "", time_ns)
        elif name == "container.health_status" and (health := attributes.get("health")) in HEALTH:
            self._set_health(shown, health or "", time_ns)
        elif name == "container.start" and shown.health is not None:
            self._set_health(shown, "starting", time_ns)

    def _update_info(self, shown: ContainerSeries, image: str | None, attributes: Attributes, time_ns: int) -> None:
        """Take over image and labels, where they are given and others than before."""
        image = image or shown.image
        labels = {name: attributes[name] for name in self._label_names if name in attributes}
        if image != shown.image or not labels.items() <= shown.labels.items():
            self._describe(shown, image, {**shown.labels, **labels}, time_ns)

    def _describe(self, shown: ContainerSeries, image: str, labels: Attributes, time_ns: int) -> None:
        """Replace the series that has id, image and the container's labels as labels."""
        shown.image, shown.labels = image, labels
        self._shown.touch((shown.host, shown.label))
        self._show_info(shown, time_ns)

    def _show_info(self, shown: ContainerSeries, time_ns: int) -> None:
        self._series.remove_group(INFO, self._labels(shown.host, shown.label), time_ns)
        self._series.set(INFO, self._description(shown), 1, time_ns)

    def _description(self, shown: ContainerSeries) -> LabelValues:
        values = [shown.labels.get(name, "") for name in self._label_names]
        return self._labels(shown.host, shown.label, shown.id, shown.image, *values)

    def _set_state(self, shown: ContainerSeries, state: str, time_ns: int) -> None:
        self._shown.touch((shown.host, shown.label))
        before, shown.state = shown.state, state
        for value, now in ((before, 0.0), (state, 1.0)) if state != before else ():
            if value in STATES:
                self._series.set(STATE, self._labels(shown.host, shown.label, value), now, time_ns)

    def _set_health(self, shown: ContainerSeries, health: str, time_ns: int) -> None:
        if shown.removed:
            return
        shown.health = health
        self._shown.touch((shown.host, shown.label))
        for value in HEALTH:
            labels = self._labels(shown.host, shown.label, value)
            self._series.set(HEALTH_STATE, labels, float(value == health), time_ns)
        owner = self._labels(shown.host, shown.label)
        if self._series.value(STREAK, owner) is None:
            self._series.set(STREAK, owner, 0, time_ns)

    def _labels(self, host: str, *values: str) -> LabelValues:
        return (*values, host) if self._multi_host else values

    # ── state ────────────────────────────────────────────────────────────────────────

    def restored(self) -> None:
        """Rebuild what is derived, after the tables were restored."""
        for _, shown in sorted(self._shown.items()):
            self._rank(shown)
            # Where other labels are chosen than before, its description is another series.
            if shown.is_shown and self._series.value(INFO, self._description(shown)) is None:
                self._show_info(shown, shown.begun_ns)


def _same(one: str, other: str) -> bool:
    """Whether two ids mean one container; some lines have only the first 12 digits."""
    return one == other or (one[:SHORT_ID] == other[:SHORT_ID] and SHORT_ID in (len(one), len(other)))
