"""The stages after the extractor: what becomes of events, and the clock that drives it.

    Event ─▶ lifecycle ─▶ correlator ─▶ events of its own, into the lifecycle again
                 │             │
                 └─────────────┴─▶ event metrics ─▶ registry ─▶ alerts

Lifecycle and correlations go by the stamps of lines (`LineClock`); the clock of the alerts, `clock_ns`, never goes back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from logwatch.alerting import Alerts, Group, Replacement
from logwatch.correlations import Correlator
from logwatch.docker.inventory import FileChange, Found, Removed
from logwatch.errors import LINE_ERRORS, UNEXPECTED, Faults
from logwatch.lifecycle import Find, Lifecycle
from logwatch.log_clock import LineClock
from logwatch.matching import unknown_lines
from logwatch.matching.engine_hosts import EngineHosts
from logwatch.matching.extractor import EVIDENCE, Extraction
from logwatch.matching.redaction import Masker
from logwatch.matching.unknown_lines import UnknownLines
from logwatch.metrics import Registry
from logwatch.metrics.event_metrics import EventMetrics
from logwatch.metrics.source_metrics import SourceMetrics
from logwatch.model import (
    CONTAINERS,
    Chunk,
    Consequence,
    Correlation,
    Event,
    Gap,
    Outcome,
    Record,
    Renamed,
    Rule,
    Severity,
    label_name,
)
from logwatch.pipeline_settings import Settings
from logwatch.store.state_table import StateTable

DAEMON_START = "daemon.start"


class EventStages:
    """Takes events through lifecycle, metrics, alerts and correlations, and moves the clock of these."""

    def __init__(
        self,
        rules: Sequence[Rule],
        correlations: Sequence[Correlation],
        settings: Settings,
        series: Registry,
        masker: Masker,
        groups: Sequence[Group],
        replacement: Replacement | None,
        find: Find | None,
    ) -> None:
        """`find` looks a container up in the engine's own files; None without them."""
        self._settings, self._series, self._masker = settings, series, masker
        self.checkpoint: Callable[[], None] = _go_on
        """Called between two steps of a chunk or of the clock."""
        self.engine_hosts = None if settings.has_engine or find is not None else EngineHosts()
        self.unknown_lines = UnknownLines(masker.mask) if settings.groups_unknown else None
        self.lifecycle = Lifecycle(settings.settle_ns, self._masking(find), settings.keep_removed_ns)
        self.correlator = Correlator(correlations)
        self.event_metrics = EventMetrics(
            series,
            rules,
            correlations,
            multi_host=settings.multi_host,
            max_containers=settings.max_containers,
            short_lived=settings.short_lived,
            chosen=[label_name(key) for key in settings.labels],
        )
        self.source_metrics = SourceMetrics(series)
        self.alerts = Alerts(groups, settings.alerting, series, _feeders((*rules, *correlations)), masker, replacement)
        self.faults = Faults()
        """What was set aside and not yet reported."""
        self.clock_ns = 0
        self.line_clock = LineClock()
        """The clock of lifecycle and correlations."""
        self._outcomes: list[Outcome] = []
        self._moved = False
        self._live_ns: int | None = None
        self._horizons: Mapping[str, int] = {}
        """Since when change points of series were set back with the clock."""

    def on_checkpoint(self, call: Callable[[], None]) -> None:
        """Call this between two steps of a chunk or of the clock; what it raises ends them in the middle."""
        self.checkpoint = call

    # ── events ────────────────────────────────────────────────────────────────────────

    def begin_chunk(self, chunk: Chunk, now_ns: int) -> None:
        """Expect the events of a chunk, and name the containers that it names before its events are counted."""
        self._live_ns = now_ns if chunk.live else None
        self._moved = True
        if not self._settings.raw:
            for named in chunk.named:
                self._process_consequences(self.lifecycle.process_name(named))

    def process(self, extraction: Extraction, record: Record) -> None:
        """Process the events of one line."""
        if self._settings.raw:
            shown = [event for event in extraction.events if not event.event.startswith(EVIDENCE)]
            self._outcomes += [Outcome(0, event) for event in shown]
        else:
            events = extraction.events
            if self.engine_hosts is not None:
                events = self.engine_hosts.process(events, record, engine=extraction.engine)
            for event in events:
                # A line may be evidence of an alert; what containers print only where that is wanted.
                if self.alerts.has_groups and (event.path != CONTAINERS or self._settings.alerting.last_words > 0):
                    self.alerts.evidence.add_line(event.path, event.offset, record)
                if consequences := self.lifecycle.process(event):
                    self._process_consequences(consequences)
            for event in extraction.failed:
                self._process_consequences(self.lifecycle.process(event))
        for event in extraction.replaced:
            self.event_metrics.count_suppressed(event)

    def _process_consequences(self, consequences: Iterable[Consequence | Event]) -> None:
        """Take outcomes and changes of containers through the stages after the lifecycle.

        Events that correlations make of them go through the lifecycle at once, before what follows.
        """
        work = deque(consequences)
        while work:
            item = work.popleft()
            # An event that was pending goes on long after its line, when only the clock moves.
            try:
                if following := self._process_consequence(item):
                    work.extendleft(reversed(following))
            except UNEXPECTED as error:
                event = item.event if type(item) is Outcome else None
                self.set_aside("event", error, event.path if event else "", event.offset if event else 0)

    def _process_consequence(self, item: Consequence | Event) -> Sequence[Consequence | Event]:
        """Process one of them; returns what follows from it."""
        if isinstance(item, Event):
            return self.lifecycle.process_derived(item)
        if self._settings.counts_events:
            self.event_metrics.process(item)
        if type(item) is not Outcome:
            if type(item) is Renamed and item.is_late_name:
                self.alerts.follow_name(item, self.clock_ns)
            return ()
        self._outcomes.append(item)
        if self.alerts.has_groups:
            self.alerts.process(item)
        if item.event.event == DAEMON_START and self.unknown_lines is not None:
            self.unknown_lines.process_start(item.event)
            self.source_metrics.count_groups(self.unknown_lines, self.clock_ns)
        if self._live_ns is not None and not item.amends:
            self.source_metrics.observe_delay(self._live_ns - item.event.time_ns, self.clock_ns)
        return self.correlator.process(item)

    def set_aside(self, kind: str, error: Exception, path: str, offset: int) -> None:
        """Go on without what raised; it is counted, and reported by the driver."""
        self.faults.add(kind, error, path, offset)
        self._series.add(LINE_ERRORS, (kind,), 1, self.clock_ns)

    # ── beside the lines ──────────────────────────────────────────────────────────────

    def process_inventory(
        self,
        changes: Iterable[FileChange],
        host: str,
        now_ns: int,
        present: Collection[str] | None,
        first_poll_ns: int,
    ) -> None:
        """Take over what the engine's own files say of the containers of a host."""
        changes = [each if isinstance(each, Removed) else self._masked(each) for each in changes]
        if changes:
            self.follow_line(self.clock_ns)  # what is seen now comes after all that was logged
        consequences = self.lifecycle.process_inventory(changes, host, now_ns, present, first_poll_ns)
        self._moved = self._moved or bool(consequences)
        self._process_consequences(consequences)

    def process_gap(self, gap: Gap) -> None:
        """Count bytes that were lost, and make an event `log.gap` of them."""
        time_ns = gap.time_ns or self.clock_ns  # found before the clock was read
        self.source_metrics.count_gap(gap, time_ns)
        self._moved = True
        self._process_consequences(self.lifecycle.process_derived(_gap_event(gap, time_ns)))

    def _masked(self, found: Found) -> Found:
        """Mask secrets in a container's labels, and in what it or its health check printed."""
        if not (found.last_words or found.probe_output or found.probe_command or found.labels):
            return found
        mask = self._masker.mask
        labels = {name: self._masker.mask_value(name, value) for name, value in found.labels.items()}
        return found._replace(
            labels=labels,
            last_words=mask(found.last_words),
            probe_output=mask(found.probe_output),
            probe_command=mask(found.probe_command),
        )

    def _masking(self, find: Find | None) -> Find | None:
        if find is None:
            return None
        return lambda container_id: self._masked(found) if (found := find(container_id)) is not None else None

    # ── the clock ─────────────────────────────────────────────────────────────────────

    def follow(self, now_ns: int, lateness_ns: int = 0) -> None:
        """Nothing is left to read: move the clock to the wall clock's time less the lateness."""
        self.line_clock.follow(now_ns, lateness_ns)
        self._advance_to(now_ns - lateness_ns)

    def follow_step(self, wall_ns: int, step_ns: int) -> bool:
        """Follow the wall clock, which was set by `step_ns` since the last call, where it drives the pipeline's clock.

        What waits for a time goes on waiting as long as before: nothing times out because a clock was set, or because
        the machine slept. Returns whether the clock was set back: commit then, before anything else is processed.
        """
        if self.clock_ns > wall_ns + self._settings.max_ahead_ns:
            self.shift(wall_ns - self.clock_ns)
            self._horizons = self._series.set_back(self.clock_ns)
            return True
        if step_ns > 0 and self.clock_ns >= wall_ns - step_ns - self._settings.max_ahead_ns:
            self.line_clock.follow(wall_ns - step_ns, 0)
            self._advance_to(wall_ns - step_ns)
            if self.clock_ns < wall_ns:
                self.shift(min(step_ns, wall_ns - self.clock_ns))
        return False

    def shift(self, step_ns: int) -> None:
        """The clock of the host was set by so much: what waits for a time waits as long as before."""
        self.clock_ns += step_ns
        self._moved = True
        self.line_clock.shift(step_ns)
        self.lifecycle.shift(step_ns, self.line_clock.time_ns)
        self.correlator.shift(step_ns, self.line_clock.time_ns - self._settings.settle_ns)
        self.alerts.shift(step_ns, self.clock_ns)

    def follow_line(self, stamp_ns: int) -> None:
        """Move the clocks to a line."""
        before_ns = self.line_clock.time_ns
        if self.line_clock.process(stamp_ns):
            self.lifecycle.go_back(self.line_clock.time_ns)
            self.correlator.go_back(self.line_clock.time_ns - self._settings.settle_ns)
        if stamp_ns > self.clock_ns:
            self._advance_to(stamp_ns)
        elif self.line_clock.time_ns > before_ns:
            self._advance(self.line_clock.time_ns)

    def advance(self, clock_ns: int) -> None:
        """Move the clock of all stages, as a line does: what waited for a time until then happens."""
        if clock_ns > self.clock_ns:
            self.line_clock.set(clock_ns)
            self._advance_to(clock_ns)

    def _advance_to(self, clock_ns: int) -> None:
        """Move the clock of the alerts, and with it the stages that lag the clock of the lines."""
        if clock_ns <= self.clock_ns or self._settings.raw:
            self.clock_ns = max(self.clock_ns, clock_ns)
            return
        lag_ns = max(0, clock_ns - self.line_clock.time_ns)
        for time_ns in self.alerts.due(self.clock_ns, clock_ns, partial(self._next_deadline_ns, lag_ns)):
            self.clock_ns = time_ns
            self._advance(time_ns - lag_ns)
            self._moved = self.alerts.evaluate(time_ns) or self._moved
            self.checkpoint()
        self.clock_ns = clock_ns
        self._advance(clock_ns - lag_ns)

    def _advance(self, time_ns: int) -> None:
        """Move lifecycle and correlations in the order of time, whatever the steps of the clock."""
        before = len(self._outcomes)
        while (due_ns := self._correlations_due_ns()) is not None and due_ns < time_ns:
            self._advance_stages(due_ns)
        self._advance_stages(time_ns)
        self._moved = self._moved or len(self._outcomes) > before

    def _advance_stages(self, time_ns: int) -> None:
        if consequences := self.lifecycle.advance(time_ns):
            self._process_consequences(consequences)
        if events := self.correlator.advance(time_ns - self._settings.settle_ns):
            self._process_consequences(events)

    def _correlations_due_ns(self) -> int | None:
        """When correlations may make an event next: they lag by as long as an event that they wait for may be pending."""
        deadline_ns = self.correlator.next_deadline_ns()
        return None if deadline_ns is None else deadline_ns + self._settings.settle_ns

    def _next_deadline_ns(self, lag_ns: int) -> int | None:
        """When the clock alone may change a series next; None for never."""
        deadlines = (self.lifecycle.next_deadline_ns(), self._correlations_due_ns())
        return min((each + lag_ns for each in deadlines if each is not None), default=None)

    def finish(self) -> None:
        """Settle what is still pending: the input is at its end for good."""
        self._process_consequences(self.lifecycle.flush())
        self._process_consequences(self.correlator.advance(self.line_clock.time_ns))
        for time_ns in self.alerts.due(self.clock_ns, self.clock_ns + 1, partial(self._next_deadline_ns, 0)):
            self.alerts.evaluate(time_ns)

    # ── state ─────────────────────────────────────────────────────────────────────────

    @property
    def waiting_outcomes(self) -> int:
        """How many events happened since the last `take_outcomes`."""
        return len(self._outcomes)

    def take_outcomes(self) -> list[Outcome]:
        """Hand over the events since the last call."""
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    @property
    def has_changes(self) -> bool:
        """Whether more happened since the last commit than that time went by."""
        return self._moved or self.alerts.has_changes

    def end_changes(self) -> Mapping[str, int]:
        """Begin a new commit; returns since when change points of series were set back with the clock."""
        self._moved = False
        self._count_oddities()
        horizons, self._horizons = self._horizons, {}
        return horizons

    def _count_oddities(self) -> None:
        """Move what stages counted into the series."""
        anomalies, late = self.lifecycle.take_counts()
        for name, count in (
            ("logwatch_lifecycle_anomalies_total", anomalies),
            ("logwatch_late_events_total", late + self.correlator.take_late()),
        ):
            if count:
                self._series.add(name, (), count, self.clock_ns)
        for rule, count in self.correlator.take_dropped().items():
            self._series.add("logwatch_correlation_keys_dropped_total", (rule,), count, self.clock_ns)

    def tables(self) -> dict[str, Sequence[StateTable[Any, Any]]]:
        """All state, by the name of its stage in the store."""
        return {
            "hosts": () if self.engine_hosts is None else self.engine_hosts.tables,
            unknown_lines.STAGE: () if self.unknown_lines is None else self.unknown_lines.tables,
            "lifecycle": self.lifecycle.tables,
            "correlator": self.correlator.tables,
            "tally": self.event_metrics.tables,
            "alerts": self.alerts.tables,
        }

    def restored(self, host: str | None, clock_ns: int, line_clock: Sequence[int]) -> None:
        """Rebuild what is derived, after the tables were restored."""
        for stage in (self.lifecycle, self.correlator, self.event_metrics, self.unknown_lines, self.alerts):
            if stage is not None:
                stage.restored()
        self.clock_ns = clock_ns
        self.line_clock.load(line_clock)
        if self.engine_hosts is not None:
            self.engine_hosts.restored(host, clock_ns)


def _go_on() -> None:
    pass


def _gap_event(gap: Gap, time_ns: int) -> Event:
    """An event with the reason and the bounds of a gap."""
    attributes = {"reason": gap.reason, "bytes": "unknown" if gap.size is None else str(gap.size)}
    if gap.size is None and gap.lower:
        attributes["at_least"] = str(gap.lower)
    return Event(
        time_ns=time_ns,
        event="log.gap",
        host="",
        id=None,
        name=None,
        attributes=attributes,
        severity=Severity.ERROR,
        rule="logwatch/gap",
        path=gap.path,
        offset=0,
        stamp_ns=time_ns,
    )


def _feeders(rules: Iterable[Rule | Correlation]) -> dict[str, list[str]]:
    """The rules that feed each metric of rules."""
    feeders: dict[str, list[str]] = {}
    for rule in rules:
        for metric in rule.metrics:
            feeders.setdefault(metric.name, []).append(rule.id)
    return feeders
