"""The path of a line: bytes of a log in, events and series out.

    Chunk ─▶ scanner ─▶ line parser ─▶ extractor ─▶ lifecycle ─▶ correlator ─▶ events of its own,
                                                       │             │         into the lifecycle again
                                                       └─────────────┴─▶ event metrics ─▶ registry ─▶ alerts

`process` takes one chunk through all stages. It reads no clock, no file and no socket, so
that the same bytes give the same events whether they arrive over a week or in a second.
What happened since the last call is handed over by `take_outcomes` and `take_transaction`, to be
committed with the position in the log.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from logwatch.alerting import Alerts, Group, Options, Replacement
from logwatch.correlations import Correlator
from logwatch.docker.inventory import Found, Removed, Sight
from logwatch.errors import UNEXPECTED
from logwatch.faults import LINE_ERRORS, Faults
from logwatch.formats import repeated_message
from logwatch.formats.line_parser import LineReader
from logwatch.formats.repeated_message import Folded, Previous, folded, meant
from logwatch.formats.rfc3164 import Origin
from logwatch.lifecycle import Lifecycle
from logwatch.lifecycle.lifecycle import Find
from logwatch.log_clock import STEP_NS, Line, LineClock, WaitingLines, is_step, seconds_ns
from logwatch.matching import unknown_lines
from logwatch.matching.duplicate_lines import DuplicateLines
from logwatch.matching.engine_hosts import EngineHosts
from logwatch.matching.extractor import EVIDENCE, Extraction
from logwatch.matching.matcher import Matcher
from logwatch.matching.redaction import Masker
from logwatch.matching.unknown_lines import UnknownLines
from logwatch.metrics import Registry
from logwatch.metrics.catalog import MAX_CONTAINERS
from logwatch.metrics.event_metrics import EventMetrics
from logwatch.metrics.source_metrics import SourceMetrics
from logwatch.model import (
    CONTAINERS,
    SECOND,
    Chunk,
    Consequence,
    Correlation,
    Doubtful,
    Event,
    Gap,
    Hit,
    Outcome,
    Record,
    Renamed,
    Rule,
    Severity,
    label_name,
)
from logwatch.store import state_table
from logwatch.store.state_table import StateTable
from logwatch.store.transaction import Rows, Transaction

CLOCK_SET = f"{EVIDENCE}clock"
DAEMON_START = "daemon.start"
GENERAL = frozenset({"daemon.warning", "daemon.error"})
"""Events of rules that take whatever no other rule does."""
DAY = 86_400 * SECOND
STEP = 256
"""Lines that are taken through a stage at once, and between two checkpoints in a chunk."""
_new = tuple.__new__  # a third of the time of Line(...)
WAITING = Extraction((), ("",), engine=False)
"""In place of what a line says that waits; whether a rule takes it is not known yet."""
_FIRST_OF_FOLDED = b"ml"
"""First letters of `message repeated` and `last message repeated`."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What of the configuration the path of a line depends on."""

    zone: tzinfo | None = None
    settle_ns: int = SECOND
    multi_host: bool = False
    count_repeated: bool = True
    """`message repeated 3 times` is three events, not none."""
    secrets: tuple[str, ...] = ()
    """Further parts of keys whose values are masked."""
    max_containers: int = MAX_CONTAINERS
    """That have series of their own."""
    labels: tuple[str, ...] = ()
    """Keys of container labels that are labels of docker_container_info."""
    max_ahead_ns: int = STEP_NS
    """Of a log that is followed live: how far beyond the wall clock its lines move the clock."""
    has_engine: bool = False
    """Every host has an engine, whether or not a line of it was seen."""
    pairs_lines: bool = False
    """The paths that are followed may have copies of one line."""
    raw: bool = False
    """Events as the rules make them, before lifecycle and correlations."""
    groups_unknown: bool = False
    """Group the engine's lines that no rule knows."""
    counts_events: bool = True
    """Whether events move series; where only the events are shown, nobody would read them."""
    alerting: Options = field(default_factory=Options)


class Unreadable(NamedTuple):
    """A line that made the line parser raise."""

    hit: Hit
    offset: int
    error: Exception


class Pipeline:
    """All stages between a source and the store, built from one set of rules.

    `checkpoint` is called between the steps of a long chunk; what it raises ends `process` in the middle.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        correlations: Sequence[Correlation],
        settings: Settings,
        series: Registry,
        cache_dir: Path | None = None,
        groups: Sequence[Group] = (),
        replacement: Replacement | None = None,
        find: Find | None = None,
        matcher: Matcher | None = None,
    ) -> None:
        """`find` looks a container up in the engine's own files; None without them. `matcher` is made of these rules."""
        self.settings = settings
        self.series = series
        self.rules = tuple(rules)
        self.checkpoint: Callable[[], None] = _go_on
        matcher = matcher or Matcher.build(rules, settings.secrets, cache_dir)
        masker = self._masker = matcher.masker
        self.scanner, self.extractor = matcher.scanner, matcher.extractor
        self.duplicates = DuplicateLines(pairs=settings.pairs_lines)
        self.engine_hosts = None if settings.has_engine or find is not None else EngineHosts()
        self.unknown_lines = UnknownLines(masker.mask) if settings.groups_unknown else None
        self._clock_rules = frozenset(number for number, rule in enumerate(rules) if rule.event == CLOCK_SET)
        self._general = frozenset(rule.id for rule in rules if rule.unless_other and rule.event in GENERAL)
        self.lifecycle = Lifecycle(settings.settle_ns, self._masking(find))
        self.correlator = Correlator(correlations)
        self.event_metrics = EventMetrics(
            series,
            rules,
            correlations,
            multi_host=settings.multi_host,
            max_containers=settings.max_containers,
            chosen=[label_name(key) for key in settings.labels],
        )
        self.source_metrics = SourceMetrics(series)
        self.alerts = Alerts(groups, settings.alerting, series, _feeders((*rules, *correlations)), masker, replacement)
        self.faults = Faults()
        """What was set aside and not yet reported."""
        self.clock_ns = 0
        self.host: str | None = None
        """The host of the engine's last line, which the engine's own files are about."""
        self._lines = LineClock()
        """The clock of lifecycle and correlations; that of the alerts, `clock_ns`, never goes back."""
        self._parsers = _parsers(settings.zone)
        self._previous = _previous(masker)
        self._progress: tuple[StateTable[str, Any], ...] = (
            StateTable("clock"),
            StateTable("host"),
            StateTable("lines"),
        )
        self._waiting = WaitingLines(masker.mask)
        self._last: Line | None = None
        """The last line of the chunk that rules took."""
        self._confirmed: list[str] = []
        """Rules that took lines since these were counted."""
        self._newest_ns = self._believed_ns = 0
        """No stamp of the chunk moves the clock further than the first; up to the second one line is enough."""
        self._outcomes: list[Outcome] = []
        self._moved = False
        self._live_ns: int | None = None
        self._horizons: Mapping[str, int] = {}
        """As in a transaction, beside those that the series have."""

    # ── the path ─────────────────────────────────────────────────────────────────────

    def process(self, chunk: Chunk, now_ns: int) -> None:
        """Take one chunk through all stages; `now_ns` bounds the year of its stamps."""
        scan = self.scanner.scan(chunk.data)
        parser = self._parser(chunk.path)
        parser.begin(chunk, now_ns)
        self._believed_ns = max(0 if chunk.live else chunk.mtime_ns, now_ns) + self.settings.max_ahead_ns
        self._newest_ns = self._believed_ns if chunk.live else max(chunk.mtime_ns, now_ns) + DAY
        self._live_ns = now_ns if chunk.live else None
        self._last = None
        self._moved = True
        self._take_names(chunk)
        doubtful, of_engine = deque(scan.doubtful), list[Doubtful]()
        known, ends = scan.known_lines, set(scan.ignored_ends)
        is_host_guessed = not chunk.is_host_known and not self.settings.multi_host
        for at in range(0, len(scan.hits), STEP):
            self.checkpoint()
            lines = self._read(scan.hits[at : at + STEP], chunk, parser)
            ahead = deque[Extraction]()
            for number, line in enumerate(lines):
                start, end, _, _ = line.hit
                while doubtful and doubtful[0].start <= start:
                    of_engine += self._of_engine(doubtful.popleft(), chunk, parser)
                if isinstance(line, Unreadable):
                    self._set_aside("line", line.error, chunk.path, line.offset)
                    continue
                # Who wrote the lines of a shell, or of a log that does not name its host, shows in those before.
                if is_host_guessed and self.host is not None:
                    line = line._replace(record=line.record._replace(host=self.host))
                elif not ahead and not is_host_guessed and not doubtful:
                    ahead.extend(self._extract_ahead(lines[number:]))
                extraction = self._process_next(line, ahead)
                if extraction is not None and extraction.rules:
                    known += extraction.engine or chunk.data.find(b"docker", start, end) >= 0
                    if not self._general.issuperset(extraction.rules):
                        ends.add(end + 1)
        for each in doubtful:
            of_engine += self._of_engine(each, chunk, parser)
        if chunk.live:
            self._process_waiting(believed_ns=self._believed_ns)
        self._note_previous()
        self._lines.read(len(scan.hits), now_ns)
        self._group_unknown(chunk, ends, parser)
        self.source_metrics.count(chunk, scan, of_engine, known, self.clock_ns)
        self._count_rules(scan.ignored)
        self.source_metrics.count_unparsed(chunk.path, parser.unparsed, self.clock_ns)
        parser.unparsed.clear()

    def _take_names(self, chunk: Chunk) -> None:
        """Name containers before the chunk's events are counted."""
        if not self.settings.raw:
            for named in chunk.named:
                self._process_consequences(self.lifecycle.process_name(named))

    def _read(self, hits: Sequence[Hit], chunk: Chunk, parser: LineReader) -> list[Line | Unreadable]:
        """Read the headers of some lines of a chunk; a line without one is left out."""
        lines: list[Line | Unreadable] = []
        data, path, first = chunk.data, chunk.path, chunk.line
        for hit in hits:
            start, end, _, before = hit
            offset = chunk.offset + start
            try:
                record = parser.read(data[start:end])
            except UNEXPECTED as error:
                lines.append(Unreadable(hit, offset, error))
                continue
            if record is not None:
                lines.append(_new(Line, (record, hit, path, offset, None if first is None else first + before)))
        return lines

    def _extract_ahead(self, lines: Sequence[Line | Unreadable]) -> list[Extraction]:
        """Make the events of the first of some lines, as many as no line before can change.

        Python takes half the time for many lines in one stage than for each line through all.
        """
        extractions: list[Extraction] = []
        clock_ns, extract = self.clock_ns, self.extractor.extract
        if self._waiting.lines:
            return extractions
        for line in lines:
            if isinstance(line, Unreadable):
                break
            record, hit, path, offset, number = line
            stamp_ns = record.stamp_ns
            moves = stamp_ns > self._newest_ns or is_step(record, clock_ns)
            if moves or record.message[:1] in _FIRST_OF_FOLDED:
                break
            try:
                extractions.append(extract(record, hit, path, offset, number))
            except UNEXPECTED:  # raised again at its turn
                break
            if stamp_ns > clock_ns:
                clock_ns = stamp_ns
        return extractions

    def _process_next(self, line: Line, ahead: deque[Extraction]) -> Extraction | None:
        """Process a line, or let it wait for those after it; None if it had to be set aside."""
        if self._waiting.lines or (is_step(line.record, self.clock_ns) and not self.settings.raw):
            ahead.clear()
            self._waiting.add(line)
            self._process_waiting()
            return WAITING
        return self._process_line(line, ahead.popleft() if ahead else None)

    def _of_engine(self, doubtful: Doubtful, chunk: Chunk, parser: LineReader) -> Iterable[Doubtful]:
        """Return the line if it is the engine's, by what was seen of its host until now."""
        line = chunk.data[doubtful.start : chunk.data.find(b"\n", doubtful.start)]
        return () if self._origin_of(line, parser) is None else (doubtful,)

    def _origin_of(self, line: bytes, parser: LineReader) -> Origin | None:
        """Return who wrote a line, None if its tag is that of an engine and the engine has another one."""
        origin = parser.origin_of(line)
        if origin is None or self.extractor.is_another(origin.host, origin.tag, self.clock_ns):
            return None
        return origin

    def _group_unknown(self, chunk: Chunk, known: set[int], parser: LineReader) -> None:
        """Group the engine's lines of a chunk that no rule of their own took; `known` is where the others end."""
        unknown, clock_ns = self.unknown_lines, self.clock_ns
        if unknown is not None and unknown.process(
            chunk.data, known, lambda line: self._origin_of(line, parser), clock_ns
        ):
            self.source_metrics.count_groups(unknown, clock_ns)

    def _process_waiting(self, *, believed_ns: int | None = None) -> None:
        """Process the lines that waited for a second one to agree and need not any more; see `WaitingLines`."""
        while (line := self._waiting.take(self.clock_ns, believed_ns=believed_ns)) is not None:
            extraction = self._process_line(line)
            if extraction is not None and not extraction.rules and b"docker" in line.record.message:
                self.source_metrics.count_unmatched(line.path, self.clock_ns)

    def _end_waiting(self) -> None:
        """No line follows, or none for now: up to what the wall clock allows, one line is enough."""
        if self._waiting.lines:
            self._process_waiting(believed_ns=self._believed_ns)
            self._count_rules({})
            self._note_previous()

    def _process_line(self, line: Line, extraction: Extraction | None = None) -> Extraction | None:
        """Move the clock to a line, and process its events, if they are made already; None if it had to be set aside."""
        # The one guard on the path of a line. What a line makes a stage raise would otherwise end the process, and
        # every start after it, because the line is the first that is read again.
        try:
            stamp_ns = line.record.stamp_ns
            if stamp_ns > self._newest_ns:
                # From far ahead of its file, or of the wall clock: it moves nothing.
                line = line.happened(self.clock_ns) if self.clock_ns else line
            else:
                if stamp_ns > self.clock_ns + SECOND and not self._clock_rules.isdisjoint(line.hit.rules):
                    self._follow_clock(line)
                self._follow_line(stamp_ns)
            extraction = extraction or self.extractor.extract(
                line.record, line.hit, line.path, line.offset, line.number
            )
            self._process_extraction(extraction, line)
        except UNEXPECTED as error:
            self._set_aside("line", error, line.path, line.offset)
            return None
        self._confirmed += extraction.rules
        return extraction

    def _follow_clock(self, line: Line) -> None:
        """Follow the host's clock, if a line reports that it was set forward: nothing times out by that."""
        if not self.clock_ns or self.settings.raw:
            return
        for event in self.extractor.extract(line.record, line.hit, line.path, line.offset, line.number).events:
            if event.event == CLOCK_SET:
                step_ns = seconds_ns(event.attributes.get("seconds", ""))
                self._shift(min(step_ns, line.record.stamp_ns - self.clock_ns))

    def _process_extraction(self, extraction: Extraction, line: Line) -> None:
        """Process the events of one line, and what it says of the line before."""
        record, path = line.record, line.path
        if extraction.events and not self.settings.raw and self.duplicates.add(record, path):
            self.source_metrics.count_duplicate(path, self.clock_ns)
        else:
            self._process_events(extraction, record)
        if extraction.engine:
            self.host = record.host
        message = record.message
        is_counted = self.settings.count_repeated and path != CONTAINERS
        if message[:1] in _FIRST_OF_FOLDED and is_counted and (again := folded(message)):
            self._process_repeated(again, line)
        elif extraction.rules and len(message) <= repeated_message.LONGEST:
            self._last = line

    def _process_repeated(self, again: Folded, line: Line) -> None:
        """Process what a line says happened several times that often, within bounds; it is read once."""
        self._note_previous()
        repeated = meant(again, line.record, self._previous.get(line.path), line.offset)
        if repeated is None:
            return
        record, rules = repeated
        hit = line.hit._replace(rules=rules or line.hit.rules)
        extraction = self.extractor.extract(record, hit, line.path, line.offset, line.number)
        if not extraction.events and not extraction.replaced:
            return
        for _ in range(min(again.times, repeated_message.MOST)):
            self._process_events(extraction, record)
        if again.times > repeated_message.MOST:
            self.source_metrics.count_repeated(again.times - repeated_message.MOST, self.clock_ns)

    def _note_previous(self) -> None:
        if self._last is not None:
            self._previous[self._last.path] = Previous(self._last.end, self._last.record, self._last.hit.rules)

    def _count_rules(self, ignored: Mapping[str, int]) -> None:
        """Count the lines that rules took, and those that the scanner counted for `ignore` rules."""
        if self._confirmed or ignored:
            self.source_metrics.count_rules(Counter(ignored) + Counter(self._confirmed), self.clock_ns)
            self._confirmed = []

    def _process_events(self, extraction: Extraction, record: Record) -> None:
        if self.settings.raw:
            shown = [event for event in extraction.events if not event.event.startswith(EVIDENCE)]
            self._outcomes += [Outcome(0, event) for event in shown]
        else:
            events = extraction.events
            if self.engine_hosts is not None:
                events = self.engine_hosts.process(events, record, engine=extraction.engine)
            for event in events:
                if self.alerts.has_groups and self._may_be_sent(event):
                    self.alerts.evidence.add_line(event.path, event.offset, record)
                if consequences := self.lifecycle.process(event):
                    self._process_consequences(consequences)
            for event in extraction.failed:
                self._process_consequences(self.lifecycle.process(event))
        for event in extraction.replaced:
            self.event_metrics.count_suppressed(event)

    def _may_be_sent(self, event: Event) -> bool:
        """Whether an event's line may be evidence of an alert: what containers print only where that is wanted."""
        return event.path != CONTAINERS or self.settings.alerting.last_words > 0

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
                self._set_aside("event", error, event.path if event else "", event.offset if event else 0)

    def _process_consequence(self, item: Consequence | Event) -> Sequence[Consequence | Event]:
        """Process one of them; returns what follows from it."""
        if isinstance(item, Event):
            return self.lifecycle.process_derived(item)
        if self.settings.counts_events:
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

    def _set_aside(self, kind: str, error: Exception, path: str, offset: int) -> None:
        """Go on without what raised; it is counted, and reported by the driver."""
        self.faults.add(kind, error, path, offset)
        self.series.add(LINE_ERRORS, (kind,), 1, self.clock_ns)

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

    # ── beside the lines ─────────────────────────────────────────────────────────────

    def process_inventory(
        self, sights: Iterable[Sight], now_ns: int, present: Collection[str] | None, first_look_ns: int
    ) -> None:
        """Take over what the engine's own files say of its containers."""
        sights = [each if isinstance(each, Removed) else self._masked(each) for each in sights]
        if sights:
            self._follow_line(self.clock_ns)  # what is seen now comes after all that was logged
        consequences = self.lifecycle.process_inventory(sights, self.host or "", now_ns, present, first_look_ns)
        self._moved = self._moved or bool(consequences)
        self._process_consequences(consequences)

    def process_gap(self, gap: Gap) -> None:
        """Count bytes that were lost, and make an event `log.gap` of them."""
        time_ns = gap.time_ns or self.clock_ns  # found before the clock was read
        self.source_metrics.count_gap(gap, time_ns)
        self._moved = True
        self._process_consequences(self.lifecycle.process_derived(_gap_event(gap, time_ns)))

    # ── the clock ────────────────────────────────────────────────────────────────────

    def follow(self, now_ns: int, lateness_ns: int = 0) -> None:
        """Nothing is left to read: process what waits, and move the clock to the wall clock's time less the lateness."""
        self.end_lines(now_ns)
        self._lines.follow(now_ns, lateness_ns)
        self._advance_to(now_ns - lateness_ns)

    def end_lines(self, now_ns: int) -> None:
        """Nothing is left to read at this time: process the lines that wait for a second one to agree."""
        self._believed_ns = self._newest_ns = now_ns + self.settings.max_ahead_ns
        self._end_waiting()

    def follow_step(self, wall_ns: int, step_ns: int) -> bool:
        """Follow the wall clock, which was set by `step_ns` since the last call, where it drives the pipeline's clock.

        What waits for a time goes on waiting as long as before: nothing times out because a clock was set, or because
        the machine slept. Returns whether the clock was set back: commit then, before anything else is processed.
        """
        if self.clock_ns > wall_ns + self.settings.max_ahead_ns:
            self._shift(wall_ns - self.clock_ns)
            self._horizons = self.series.set_back(self.clock_ns)
            return True
        if step_ns > 0 and self.clock_ns >= wall_ns - step_ns - self.settings.max_ahead_ns:
            self._lines.follow(wall_ns - step_ns, 0)
            self._advance_to(wall_ns - step_ns)
            if self.clock_ns < wall_ns:
                self._shift(min(step_ns, wall_ns - self.clock_ns))
        return False

    def _shift(self, step_ns: int) -> None:
        self.clock_ns += step_ns
        self._moved = True
        self._lines.shift(step_ns)
        self.lifecycle.shift(step_ns, self._lines.time_ns)
        self.correlator.shift(step_ns, self._lines.time_ns)
        self.alerts.shift(step_ns, self.clock_ns)

    def _follow_line(self, stamp_ns: int) -> None:
        """Move the clocks to a line."""
        before_ns = self._lines.time_ns
        if self._lines.process(stamp_ns):
            self.lifecycle.go_back(self._lines.time_ns)
            self.correlator.go_back(self._lines.time_ns)
        if stamp_ns > self.clock_ns:
            self._advance_to(stamp_ns)
        elif self._lines.time_ns > before_ns:
            self._advance(self._lines.time_ns)

    def advance(self, clock_ns: int) -> None:
        """Move the clock of all stages, as a line does: what waited for a time until then happens."""
        if clock_ns > self.clock_ns:
            self._lines.set(clock_ns)
            self._advance_to(clock_ns)

    def _advance_to(self, clock_ns: int) -> None:
        """Move the clock of the alerts, and with it the stages that lag the clock of the lines."""
        if clock_ns <= self.clock_ns or self.settings.raw:
            self.clock_ns = max(self.clock_ns, clock_ns)
            return
        lag_ns = max(0, clock_ns - self._lines.time_ns)
        for time_ns in self.alerts.due(self.clock_ns, clock_ns, partial(self._next_deadline_ns, lag_ns)):
            self.clock_ns = time_ns
            self._advance(time_ns - lag_ns)
            self._moved = self.alerts.evaluate(time_ns) or self._moved
            self.checkpoint()
        self.clock_ns = clock_ns
        self._advance(clock_ns - lag_ns)

    def _advance(self, time_ns: int) -> None:
        before = len(self._outcomes)
        if consequences := self.lifecycle.advance(time_ns):
            self._process_consequences(consequences)
        if events := self.correlator.advance(time_ns):
            self._process_consequences(events)
        self._moved = self._moved or len(self._outcomes) > before

    def _next_deadline_ns(self, lag_ns: int) -> int | None:
        """When the clock alone may change a series next; None for never."""
        deadlines = (stage.next_deadline_ns() for stage in (self.lifecycle, self.correlator))
        return min((each + lag_ns for each in deadlines if each is not None), default=None)

    def finish(self, now_ns: int = 0) -> None:
        """Settle what is still pending: the input is at its end for good."""
        self._believed_ns = max(self._believed_ns, now_ns + self.settings.max_ahead_ns)
        self._newest_ns = max(self._newest_ns, self._believed_ns)
        self._end_waiting()
        if not self.settings.raw:
            self._process_consequences(self.lifecycle.flush())
            for time_ns in self.alerts.due(self.clock_ns, self.clock_ns + 1, partial(self._next_deadline_ns, 0)):
                self.alerts.evaluate(time_ns)

    # ── state ────────────────────────────────────────────────────────────────────────

    def take_outcomes(self) -> list[Outcome]:
        """Hand over the events since the last call."""
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def take_transaction(self, outcomes: list[Outcome], queried_from_ns: int | None = None) -> Transaction:
        """Hand over what is to be committed with these events: what all stages changed since the last call.

        With a clock after `queried_from_ns` also change points that no rule looks back at any more: queries do.
        """
        if not self._moved and not self.alerts.has_changes:
            # Time that merely goes by is not written.
            return Transaction(series=self.series.changes(), points=self.series.points(), outcomes=outcomes)
        self._moved = False
        self._count_oddities()
        for table, value in zip(self._progress, (self.clock_ns, self.host, self._lines.dump()), strict=True):
            table[""] = value
        stages: Rows = {("alerts", key): row for key, row in self.alerts.changed_rows().items()}
        for name, tables in self._tables().items():
            stages.update({(name, key): row for key, row in state_table.changed_rows(tables).items()})
        is_queried = queried_from_ns is not None and self.clock_ns > queried_from_ns
        points = self.series.points() if is_queried else []
        horizons = {**self.series.forget(self.clock_ns), **self._horizons}
        self._horizons = {}
        return Transaction(
            stages=stages,
            series=self.series.changes(),
            points=[*points, *self.series.points()],
            horizons=horizons,
            outcomes=outcomes,
            clock_ns=self.clock_ns,
        )

    def discard_changes(self) -> None:
        """Forget what was noted for a commit where there is none, so that it does not grow."""
        self.alerts.changed_rows()
        for tables in self._tables().values():
            for table in tables:
                table.discard_changes()
        self.series.changes()

    def _count_oddities(self) -> None:
        """Move what stages counted into the series."""
        anomalies, late = self.lifecycle.take_counts()
        for name, count in (
            ("logwatch_lifecycle_anomalies_total", anomalies),
            ("logwatch_late_events_total", late + self.correlator.take_late()),
        ):
            if count:
                self.series.add(name, (), count, self.clock_ns)
        for rule, count in self.correlator.take_dropped().items():
            self.series.add("logwatch_correlation_keys_dropped_total", (rule,), count, self.clock_ns)

    def restore(self, rows: Mapping[tuple[str, str], str]) -> None:
        """Continue from the rows of the last commit."""
        by_stage: dict[str, dict[str, str]] = {}
        for (name, key), row in rows.items():
            by_stage.setdefault(name, {})[key] = row
        for name, tables in self._tables().items():
            state_table.restore(tables, by_stage.get(name, {}))
        for stage in (self.duplicates, self.lifecycle, self.correlator, self.event_metrics):
            stage.restored()
        if self.unknown_lines is not None:
            self.unknown_lines.restored()
        self.alerts.restore(by_stage.get("alerts", {}))
        clock, host, lines = self._progress
        self.clock_ns, self.host = clock.get("", 0), host.get("")
        self._lines.load(lines.get("", (self.clock_ns, self.clock_ns, 0)))
        if self.engine_hosts is not None:
            self.engine_hosts.restored(self.host, self.clock_ns)

    def _tables(self) -> dict[str, Sequence[StateTable[Any, Any]]]:
        """All state but the alerts', by the name of its stage in the store."""
        return {
            "pipeline": (*self._progress, self._waiting.table),
            "reader": (self._parsers,),
            "previous": (self._previous,),
            "extractor": self.extractor.tables,
            "duplicates": self.duplicates.tables,
            "hosts": () if self.engine_hosts is None else self.engine_hosts.tables,
            unknown_lines.STAGE: () if self.unknown_lines is None else self.unknown_lines.tables,
            "lifecycle": self.lifecycle.tables,
            "correlator": self.correlator.tables,
            "tally": self.event_metrics.tables,
        }

    def _parser(self, path: str) -> LineReader:
        if path not in self._parsers:
            self._parsers[path] = LineReader(self.settings.zone)
        self._parsers.touch(path)
        return self._parsers[path]


def _go_on() -> None:
    pass


def _parsers(zone: tzinfo | None) -> StateTable[str, LineReader]:
    """What reads the lines of each path."""

    def decode(_path: str, state: Any) -> LineReader:
        parser = LineReader(zone)
        parser.load(json.dumps(state))
        return parser

    return StateTable("path", lambda parser: json.loads(parser.dump()), decode)


def _previous(masker: Masker) -> StateTable[str, Previous]:
    """The last line of each path that rules took, for a line that says it came again."""
    return StateTable(
        "path",
        lambda previous: json.loads(previous.dump(masker.mask)),
        lambda _path, state: Previous.load(json.dumps(state)),
    )


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
