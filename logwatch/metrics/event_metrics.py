"""Moves the series of events: what each accepted event and each change of a container adds to which."""

from __future__ import annotations

from collections.abc import Sequence

from logwatch.metrics import Registry
from logwatch.metrics.catalog import LEVELS, MAX_CONTAINERS, VOCABULARY, counted
from logwatch.metrics.container_metrics import ZEROS, ContainerMetrics
from logwatch.metrics.rule_metrics import RuleMetrics
from logwatch.model import (
    SECOND,
    Consequence,
    Correlation,
    Described,
    Event,
    Expired,
    LabelValues,
    Outcome,
    Probed,
    Renamed,
    Role,
    Rule,
    StateChange,
)
from logwatch.notation import whole

EVENTS, LAST_EVENT = "docker_events_total", "docker_last_event_timestamp_seconds"
DAEMON_START = "docker_daemon_last_start_timestamp_seconds"
DAEMON_LINES = "docker_daemon_log_messages_total"
API_ERRORS = "docker_api_errors_total"
UPSTREAM = "logwatch_upstream_dropped_lines_total"
MOST_KINDS = 10_000
"""Kinds of events, of all hosts, whose labels are remembered."""


class EventMetrics:
    """Moves the docker_* series and those that rules declare."""

    def __init__(
        self,
        series: Registry,
        rules: Sequence[Rule] = (),
        correlations: Sequence[Correlation] = (),
        *,
        multi_host: bool = False,
        max_containers: int = MAX_CONTAINERS,
        short_lived: str | None = None,
        chosen: Sequence[str] = (),
    ) -> None:
        """`chosen` are the labels that are added to docker_container_info; `short_lived` is as in `ContainerMetrics`."""
        self._series = series
        self._multi_host = multi_host
        self._kinds: dict[tuple[str, str], LabelValues] = {}
        self._hosts: set[str] = set()
        self._containers = ContainerMetrics(
            series, multi_host=multi_host, most=max_containers, short_lived=short_lived, chosen=chosen
        )
        for family in counted(multi_host=multi_host, max_containers=max_containers, chosen=chosen):
            series.declare(family, self._containers.owner(family), ZEROS.get(family.name, ()))
        self._rule_metrics = RuleMetrics(series, rules, correlations)
        self._containers.end_with_containers(self._rule_metrics.owned)
        self.tables = self._containers.tables
        for level in LEVELS:
            series.start(DAEMON_LINES, (level,), 0)
        if not multi_host:
            self._zero_initialise("")

    def process(self, consequence: Consequence) -> None:
        """Move the series that an event or a change of a container concerns."""
        if type(consequence) is Outcome:
            if consequence.amends:
                self._containers.amend(consequence.event)
            else:
                self._count(consequence.event)
        elif type(consequence) is StateChange:
            self._containers.change_state(consequence)
        elif type(consequence) is Renamed:
            self._containers.rename(consequence)
        elif type(consequence) is Described:
            self._containers.describe(consequence)
        elif type(consequence) is Probed:
            self._containers.count_probes(consequence)
        elif type(consequence) is Expired:
            self._containers.expire(consequence)

    def count_suppressed(self, event: Event) -> None:
        """Move the metrics of a rule whose event another rule's replaced (`unless_other`)."""
        if event.event == "api.error":
            self._count_api_error(event)
        self._rule_metrics.count(event)

    def restored(self) -> None:
        """Rebuild what is derived, after the tables were restored."""
        self._containers.restored()

    def _count(self, event: Event) -> None:
        host = event.host if self._multi_host else ""
        kind = self._kinds.get((event.event, host)) or self._kind(event.event, host)
        self._series.add(EVENTS, kind, 1, event.time_ns)
        if kind[0] == "container":
            if event.id:
                self._containers.process(event, kind[1])
        else:
            self._series.set_max(LAST_EVENT, kind, event.time_ns / SECOND, event.time_ns)
            self._count_engine(event, host)
        self._rule_metrics.count(event)

    def _count_engine(self, event: Event, host: str) -> None:
        """Move what events about the engine and the log move beside their counts."""
        if event.event == "daemon.start":
            self._series.set_max(DAEMON_START, self._labels(host), event.time_ns / SECOND, event.time_ns)
        elif event.event == "api.error":
            self._count_api_error(event)
        elif event.event == "log.suppressed" and (count := whole(event.attributes.get("count", ""))):
            by = (event.attributes.get("by", "unknown"),)
            self._series.add(UPSTREAM, by, max(0, count), event.time_ns)

    def _count_api_error(self, event: Event) -> None:
        """Count a request that failed, whichever event its line made; its second line (up to 1.9) is not counted."""
        if event.role in (Role.CORROBORATING, Role.SUPPORTING, Role.REQUEST):
            return
        host = event.host if self._multi_host else ""
        method, status = event.attributes.get("method", ""), event.attributes.get("status", "")
        self._series.add(API_ERRORS, self._labels(host, method, status), 1, event.time_ns)

    def _kind(self, name: str, host: str) -> LabelValues:
        """Split `type.action` into label values, once per kind of event and host."""
        if host not in self._hosts:
            self._zero_initialise(host)
        kind, _, action = name.partition(".")
        if len(self._kinds) > MOST_KINDS:  # names can come out of the log
            self._kinds.clear()
            self._hosts.clear()
        return self._kinds.setdefault((name, host), self._labels(host, kind, action))

    def _zero_initialise(self, host: str) -> None:
        """Begin the counters of every event that can happen on a host at 0."""
        self._hosts.add(host)
        for kind, actions in VOCABULARY.items():
            for action in actions:
                self._series.start(EVENTS, self._labels(host, kind, action), 0)

    def _labels(self, host: str, *values: str) -> LabelValues:
        return (*values, host) if self._multi_host else values
