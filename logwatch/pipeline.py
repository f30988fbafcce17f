"""The path of a line: bytes of a log in, events and series out.

    Chunk ─▶ scanner ─▶ reader ─▶ extractor ─▶ lifecycle ─▶ correlator
                                                   │            │
                                                   └────────────┴─▶ event_metrics ─▶ series ─▶ alerts

`apply` takes one chunk through all stages. It reads no clock, no file and no socket, so
that the same bytes give the same events whether they arrive over a week or in a second.
What happened since the last transaction is handed over by `take_outcomes` and `take_turn`, to be
committed with the position in the log.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path

from logwatch.alerting import Alerts, Group, Options, Replacement
from logwatch.correlations import Correlator
from logwatch.docker.inventory import Found
from logwatch.errors import UNEXPECTED
from logwatch.faults import LINE_ERRORS, Faults
from logwatch.formats import repeated_message
from logwatch.formats.line_parser import LineReader
from logwatch.formats.repeated_message import Folded, Previous, folded, meant
from logwatch.lifecycle import Lifecycle
from logwatch.matching.duplicate_lines import DuplicateLines
from logwatch.matching.extractor import Extraction, Extractor
from logwatch.matching.redaction import WORDS, Masker
from logwatch.matching.scanner import Scanner
from logwatch.metrics import Registry
from logwatch.metrics.catalog import MAX_CONTAINERS
from logwatch.metrics.event_metrics import EventMetrics
from logwatch.model import (
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
    Rule,
    Severity,
    Stateful,
)
from logwatch.store.transaction import Rows, Transaction

DAY = 86_400 * SECOND


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
    raw: bool = False
    """Events as the rules make them, before lifecycle and correlations."""
    alerting: Options = field(default_factory=Options)


class Pipeline:
    """All stages between a source and the store, built from one set of rules."""

    def __init__(
        self,
        rules: Sequence[Rule],
        correlations: Sequence[Correlation],
        settings: Settings,
        series: Registry,
        cache_dir: Path | None = None,
        groups: Sequence[Group] = (),
        replacement: Replacement | None = None,
    ) -> None:
        self.settings = settings
        self.series = series
        self.rules = tuple(rules)
        self.scanner = Scanner(rules, cache_dir, count_ignored=True)
        masker = Masker([*WORDS, *settings.secrets])
        self._mask = masker.mask
        self.extractor = Extractor(rules, masker)
        self.duplicates = DuplicateLines()
        self.lifecycle = Lifecycle(settings.settle_ns)
        self.correlator = Correlator(correlations)
        self.event_metrics = EventMetrics(
            series, rules, correlations, multi_host=settings.multi_host, max_containers=settings.max_containers
        )
        feeders = _feeders((*rules, *correlations))
        self.alerts = Alerts(groups, settings.alerting, series, feeders, masker, replacement)
        self.readers: dict[str, LineReader] = {}
        self.faults = Faults()
        """What was set aside and not yet reported."""
        self.clock_ns = 0
        self._outcomes: list[Outcome] = []
        self._read: set[str] = set()
        self._previous: dict[str, Previous] = {}
        self._previous_changed: set[str] = set()
        self._moved = False
        self._live_ns: int | None = None
        self._readable = True
        self.host: str | None = None
        """The host of the engine's last line: what the engine's own files tell is about it."""

    # ── the path ─────────────────────────────────────────────────────────────────────

    def apply(self, chunk: Chunk, now_ns: int, *, readable: bool = True) -> None:
        """Take one chunk through all stages; `now_ns` bounds the year of its stamps.

        While a log is not `readable`, alerts take nothing for absent.
        """
        self._readable = readable
        scan = self.scanner.scan(chunk.data)
        reader = self._reader(chunk.path)
        reader.begin(chunk, now_ns)
        newest_ns = max(chunk.mtime_ns, now_ns) + DAY
        self._live_ns = now_ns if chunk.live else None
        self._moved = True
        confirmed: Counter[str] = Counter(scan.ignored)
        known = scan.known_lines
        levels, docker_lines = Counter(scan.levels), scan.docker_lines
        doubtful = deque(scan.doubtful)
        for hit, line, number in _lines(chunk, scan.hits):
            while doubtful and doubtful[0].start <= hit.start:
                docker_lines += self._count_doubtful(doubtful.popleft(), chunk, reader, levels)
            # The one guard on the path of a line. What a line makes a stage raise would otherwise end the process, and
            # every start after it, because the line is the first that is read again.
            try:
                record = reader.read(line)
                if record is not None:
                    self._move_clock(record, newest_ns)
                    known += self._hit(record, hit, chunk, number, confirmed, docker=b"docker" in line)
            except UNEXPECTED as error:
                self._set_aside("line", error, chunk.path, chunk.offset + hit.start)
        docker_lines += sum(self._count_doubtful(each, chunk, reader, levels) for each in doubtful)
        self._count(chunk, scan.lines, docker_lines, levels, known, confirmed, reader)

    def _count_doubtful(self, doubtful: Doubtful, chunk: Chunk, reader: LineReader, levels: Counter[str]) -> bool:
        """Count the level of a shell's line if it is the engine's; whether it is a docker line that is not counted yet."""
        origin = reader.origin_of(chunk.data[doubtful.start : chunk.data.find(b"\n", doubtful.start)])
        if origin is None or self.extractor.is_another(origin.host, origin.tag, self.clock_ns):
            return False
        if doubtful.level is not None:
            levels[doubtful.level] += 1
        return not doubtful.says_docker

    def _hit(
        self, record: Record, hit: Hit, chunk: Chunk, number: int | None, confirmed: Counter[str], *, docker: bool
    ) -> bool:
        """Make and route the events of one line; whether it was a docker line that some rule knows."""
        offset = chunk.offset + hit.start
        extraction = self._extract(record, hit, chunk.path, offset, number)
        confirmed.update(extraction.rules)
        if extraction.engine:
            self.host = record.host
        if self.settings.count_repeated and (again := folded(record.message)):
            self._repeat(again, record, hit, chunk, number)
        elif extraction.rules and len(record.message) <= repeated_message.LONGEST:
            self._previous[chunk.path] = Previous(chunk.offset + hit.end, record, hit.rules)
            self._previous_changed.add(chunk.path)
        return bool(extraction.rules) and (docker or extraction.engine)

    def _extract(self, record: Record, hit: Hit, path: str, offset: int, number: int | None) -> Extraction:
        extraction = self.extractor.extract(record, hit, path, offset, number)
        if extraction.events and not self.settings.raw and self.duplicates.add(record):
            self.series.add("logwatch_duplicate_lines_total", (path,), 1, self.clock_ns)
        else:
            self._accept_all(extraction, record)
        return extraction

    def _accept_all(self, extraction: Extraction, record: Record) -> None:
        for event in extraction.events:
            if self.alerts:
                self.alerts.evidence.hold(event.path, event.offset, record)
            self._accept(event)
        for event in () if self.settings.raw else extraction.failed:
            self._accept(event)
        for event in extraction.replaced:
            self.event_metrics.count_suppressed(event)

    def _repeat(self, again: Folded, record: Record, hit: Hit, chunk: Chunk, number: int | None) -> None:
        """Let what a line says happened several times happen so often, within bounds; it is looked at once."""
        offset = chunk.offset + hit.start
        told = meant(again, record, self._previous.get(chunk.path), offset)
        if told is None:
            return
        record, rules = told
        extraction = self.extractor.extract(record, hit._replace(rules=rules or hit.rules), chunk.path, offset, number)
        if not extraction.events and not extraction.replaced:
            return
        for _ in range(min(again.times, repeated_message.MOST)):
            self._accept_all(extraction, record)
        if again.times > repeated_message.MOST:
            beyond = again.times - repeated_message.MOST
            self.series.add("logwatch_upstream_dropped_lines_total", ("repeated",), beyond, self.clock_ns)

    def _accept(self, event: Event) -> None:
        if self.settings.raw:
            self._outcomes.append(Outcome(0, event))
        else:
            self._route(self.lifecycle.process(event))

    def _route(self, consequences: Iterable[Consequence]) -> None:
        for consequence in consequences:
            # An event that was held goes on long after its line, when only the clock moves.
            try:
                self._take(consequence)
            except UNEXPECTED as error:
                event = consequence.event if type(consequence) is Outcome else None
                self._set_aside("event", error, event.path if event else "", event.offset if event else 0)

    def _take(self, consequence: Consequence) -> None:
        self.event_metrics.process(consequence)
        if type(consequence) is not Outcome:
            return
        self._outcomes.append(consequence)
        if self.alerts:
            self.alerts.take_in(consequence)
        if self._live_ns is not None and not consequence.amends:
            delay = max(0, self._live_ns - consequence.event.time_ns) / SECOND
            self.series.observe("logwatch_event_delay_seconds", (), delay, self.clock_ns)
        for event in self.correlator.process(consequence):
            self._route(self.lifecycle.process_derived(event))

    def _set_aside(self, kind: str, error: Exception, path: str, offset: int) -> None:
        """Go on without what raised; it is counted, and reported by who drives the pipeline."""
        self.faults.add(kind, error, path, offset)
        self.series.add(LINE_ERRORS, (kind,), 1, self.clock_ns)

    # ── the clock ────────────────────────────────────────────────────────────────────

    def _move_clock(self, record: Record, newest_ns: int) -> None:
        """Follow the headers; a stamp from far ahead of its file moves nothing."""
        if self.clock_ns < record.stamp_ns <= newest_ns:
            self.advance(record.stamp_ns, readable=self._readable)

    def advance(self, clock_ns: int, *, readable: bool = True) -> None:
        """Tell all stages that it is now `clock_ns`: what waited for that moment happens."""
        self._readable = readable
        if clock_ns <= self.clock_ns:
            return
        if self.settings.raw:
            self.clock_ns = clock_ns
            return
        for time_ns in self.alerts.due(self.clock_ns, clock_ns, self._next_deadline_ns):
            self._advance(time_ns)
            self._moved = self.alerts.evaluate(time_ns, readable=self._readable) or self._moved
        self._advance(clock_ns)

    def _advance(self, clock_ns: int) -> None:
        self.clock_ns = clock_ns
        made = len(self._outcomes)
        self._route(self.lifecycle.advance(clock_ns))
        for event in self.correlator.advance(clock_ns):
            self._route(self.lifecycle.process_derived(event))
        self._moved = self._moved or len(self._outcomes) > made

    def _next_deadline_ns(self) -> int | None:
        """When the clock alone may change a series next; None for never."""
        stages = (self.lifecycle, self.correlator)
        return min((each for each in (stage.next_deadline_ns() for stage in stages) if each is not None), default=None)

    def finish(self) -> None:
        """Settle what still waits: the input is at its end for good."""
        if not self.settings.raw:
            self._route(self.lifecycle.flush())
            for time_ns in self.alerts.due(self.clock_ns, self.clock_ns + 1, self._next_deadline_ns):
                self.alerts.evaluate(time_ns)

    # ── what is counted beside the events ────────────────────────────────────────────

    def _count(
        self,
        chunk: Chunk,
        lines: int,
        docker_lines: int,
        levels: Mapping[str, int],
        known: int,
        confirmed: Mapping[str, int],
        reader: LineReader,
    ) -> None:
        add, path, now = self.series.add, (chunk.path,), self.clock_ns
        add("logwatch_lines_read_total", path, lines, now)
        add("logwatch_bytes_read_total", path, len(chunk.data), now)
        add("logwatch_docker_lines_total", path, docker_lines, now)
        add("logwatch_unmatched_docker_lines_total", path, max(0, docker_lines - known), now)
        for level, count in levels.items():
            add("docker_daemon_log_messages_total", (level,), count, now)
        for rule, count in confirmed.items():
            add("logwatch_rule_hits_total", (rule,), count, now)
            self.series.set("logwatch_rule_last_hit_timestamp_seconds", (rule,), now / SECOND, now)
        for reason, count in reader.unparsed.items():
            add("logwatch_lines_unparsed_total", (chunk.path, reason), count, now)
        reader.unparsed.clear()
        self._read.add(chunk.path)

    def learn(self, found: Iterable[Found], now_ns: int) -> None:
        """Take in what the engine's own files tell of its containers."""
        consequences = self.lifecycle.process_inventory(found, self.host or "", now_ns)
        self._moved = self._moved or bool(consequences)
        self._route(consequences)

    def note_gap(self, gap: Gap) -> None:
        """Tell of bytes that were lost: as counters, and as an event `log.gap` with its bounds."""
        time_ns = gap.time_ns or self.clock_ns  # found before the first look at the clock
        self.series.add("logwatch_source_gaps_total", (gap.path, gap.reason), 1, time_ns)
        self.series.add("logwatch_source_gap_bytes_total", (gap.path,), gap.size or gap.lower, time_ns)
        attributes = {"reason": gap.reason, "bytes": "unknown" if gap.size is None else str(gap.size)}
        if gap.size is None and gap.lower:
            attributes["at_least"] = str(gap.lower)
        gap_event = Event(
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
        self._moved = True
        self._route(self.lifecycle.process_derived(gap_event))

    # ── state ────────────────────────────────────────────────────────────────────────

    def take_outcomes(self) -> list[Outcome]:
        """Hand over the events since the last call."""
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def take_turn(self, outcomes: list[Outcome]) -> Transaction:
        """Hand over what is to be committed with these events: what all stages changed since the last call."""
        if not self._moved and not self.alerts.unsaved:
            # Time that merely goes by is no reason to write.
            return Transaction(series=self.series.changes(), points=self.series.points(), outcomes=outcomes)
        self._moved = False
        self._count_oddities()
        stages: Rows = {("reader", path): self.readers[path].dump() for path in self._read}
        self._read.clear()
        for name, stage in self._stages().items():
            stages.update({(name, key): row for key, row in stage.changed_rows().items()})
        stages["pipeline", "clock"] = json.dumps(self.clock_ns)
        stages.update({("previous", path): self._previous[path].dump(self._mask) for path in self._previous_changed})
        self._previous_changed.clear()
        stages["pipeline", "host"] = json.dumps(self.host)
        horizons = self.series.forget(self.clock_ns)
        return Transaction(
            stages=stages,
            series=self.series.changes(),
            points=self.series.points(),
            horizons=horizons,
            outcomes=outcomes,
            clock_ns=self.clock_ns,
        )

    def drop_changes(self) -> None:
        """Let go of what was noted for a commit, where there is none: else all that changes is held for good."""
        self._read.clear()
        self._previous_changed.clear()
        for stage in self._stages().values():
            stage.changed_rows()
        self.series.changes()

    def _count_oddities(self) -> None:
        """Move what stages counted aside into the series."""
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
        stages: dict[str, dict[str, str]] = {}
        for (stage, key), row in rows.items():
            stages.setdefault(stage, {})[key] = row
        own = stages.get("pipeline", {})
        self.clock_ns = json.loads(own.get("clock", "0"))
        self.host = json.loads(own.get("host", "null"))
        self._previous = {path: Previous.load(text) for path, text in stages.get("previous", {}).items()}
        for path, text in stages.get("reader", {}).items():
            self._reader(path).load(text)
        for name, part in self._stages().items():
            part.restore(stages.get(name, {}))

    def _stages(self) -> dict[str, Stateful]:
        return {
            "extractor": self.extractor,
            "duplicates": self.duplicates,
            "lifecycle": self.lifecycle,
            "correlator": self.correlator,
            "tally": self.event_metrics,
            "alerts": self.alerts,
        }

    def _reader(self, path: str) -> LineReader:
        if path not in self.readers:
            self.readers[path] = LineReader(self.settings.zone)
        return self.readers[path]


def _feeders(rules: Iterable[Rule | Correlation]) -> dict[str, list[str]]:
    """The rules that feed each metric of rules."""
    feeders: dict[str, list[str]] = {}
    for rule in rules:
        for metric in rule.metrics:
            feeders.setdefault(metric.name, []).append(rule.id)
    return feeders


def _lines(chunk: Chunk, hits: Sequence[Hit]) -> Iterable[tuple[Hit, bytes, int | None]]:
    """Cut the hit lines out, with their numbers where the chunk counts lines."""
    data, first = chunk.data, chunk.line
    for hit in hits:
        number = None if first is None else first + hit.before
        yield hit, data[hit.start : hit.end], number
