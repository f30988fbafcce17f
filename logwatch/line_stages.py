"""The stages before events: the lines of a chunk, from bytes to what the extractor makes of them.

    Chunk ─▶ scanner ─Hit─▶ line parser ─Record─▶ extractor ─Extraction─▶ event stages

Lines are taken through a stage 256 at once, as far as none can change what another one means.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, NamedTuple

from logwatch.errors import UNEXPECTED
from logwatch.event_stages import EventStages
from logwatch.formats import repeated_message
from logwatch.formats.line_parser import LineReader
from logwatch.formats.repeated_message import Folded, Previous, folded, meant
from logwatch.formats.rfc3164 import Origin
from logwatch.log_clock import Line, WaitingLines, is_step, seconds_ns
from logwatch.matching.duplicate_lines import DuplicateLines
from logwatch.matching.extractor import EVIDENCE, Extraction
from logwatch.matching.matcher import Matcher
from logwatch.matching.redaction import Masker
from logwatch.model import CONTAINERS, SECOND, Chunk, Doubtful, Hit, Rule, Scan
from logwatch.pipeline_settings import Settings
from logwatch.store.state_table import StateTable

CLOCK_SET = f"{EVIDENCE}clock"
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


class Unreadable(NamedTuple):
    """A line that made the line parser raise."""

    hit: Hit
    offset: int
    error: Exception


@dataclass(slots=True)
class ReadChunk:
    """A chunk while its lines are processed, and which of them are the engine's by now."""

    chunk: Chunk
    parser: LineReader
    scan: Scan
    is_host_guessed: bool
    """Who wrote the lines of a log that does not name its host shows in those before."""
    doubtful: deque[Doubtful]
    """Lines of which it is not known yet."""
    of_engine: list[Doubtful] = field(default_factory=list)
    """Those of them that are the engine's."""
    known: int = 0
    """Docker lines that some rule knows."""
    ends: set[int] = field(default_factory=set)
    """Where lines end that a rule of their own took."""


class LineStages:
    """Takes the lines of chunks through scanner, line parser and extractor, and their events to the event stages."""

    def __init__(self, rules: Sequence[Rule], settings: Settings, matcher: Matcher, events: EventStages) -> None:
        self._settings, self._events = settings, events
        self._counts, self._unknown = events.source_metrics, events.unknown_lines
        self._scanner, self.extractor = matcher.scanner, matcher.extractor
        self.duplicates = DuplicateLines(pairs=settings.pairs_lines)
        self._clock_rules = frozenset(number for number, rule in enumerate(rules) if rule.event == CLOCK_SET)
        self._general = frozenset(rule.id for rule in rules if rule.unless_other and rule.event in GENERAL)
        self.host: str | None = None
        """The host of the engine's last line (before one, of any line), which the engine's own files are about."""
        self._parsers = _parsers(settings.zone)
        self._previous = _previous(matcher.masker)
        self.waiting = WaitingLines(matcher.masker.mask)
        self._last: Line | None = None
        """The last line of the chunk that rules took."""
        self._confirmed: list[str] = []
        """Rules that took lines since these were counted."""
        self._newest_ns = self._believed_ns = 0
        """No stamp of the chunk moves the clock further than the first; up to the second one line is enough."""

    def process(self, chunk: Chunk, now_ns: int) -> None:
        """Take the lines of a chunk to their events; `now_ns` bounds the year of its stamps."""
        scan, parser = self._scanner.scan(chunk.data), self._parser(chunk.path)
        parser.begin(chunk, now_ns)
        self._believed_ns = max(0 if chunk.live else chunk.mtime_ns, now_ns) + self._settings.max_ahead_ns
        self._newest_ns = self._believed_ns if chunk.live else max(chunk.mtime_ns, now_ns) + DAY
        self._last = None
        is_host_guessed = not chunk.is_host_known and not self._settings.multi_host
        reading = ReadChunk(chunk, parser, scan, is_host_guessed, deque(scan.doubtful))
        reading.known, reading.ends = scan.known_lines, set(scan.ignored_ends)
        for at in range(0, len(scan.hits), STEP):
            self._events.checkpoint()
            self._process_lines(self._read(scan.hits[at : at + STEP], chunk, parser), reading)
        self._settle_doubtful(reading, None)
        if chunk.live:
            self._process_waiting(believed_ns=self._believed_ns)
        self._note_previous()
        if self.host is None and self._events.engine_hosts is None and chunk.path != CONTAINERS:
            # The engine's own files are there, and the engine may not write for hours.
            self.host = _host_of_last_line(chunk.data, parser)
        self._events.line_clock.read(len(scan.hits), now_ns)
        self._count(reading)

    def _process_lines(self, lines: Sequence[Line | Unreadable], reading: ReadChunk) -> None:
        """Process some lines of a chunk in their order."""
        chunk, doubtful, is_host_guessed = reading.chunk, reading.doubtful, reading.is_host_guessed
        ahead = deque[Extraction]()
        for number, line in enumerate(lines):
            start, end, _, _ = line.hit
            if doubtful and doubtful[0].start <= start:
                self._settle_doubtful(reading, start)
            if isinstance(line, Unreadable):
                self._events.set_aside("line", line.error, chunk.path, line.offset)
                continue
            # Who wrote the lines of a shell, or of a log that does not name its host, shows in those before.
            if is_host_guessed and self.host is not None:
                line = line._replace(record=line.record._replace(host=self.host))
            elif not ahead and not is_host_guessed and not doubtful:
                ahead.extend(self._extract_ahead(lines[number:]))
            extraction = self._process_next(line, ahead)
            if extraction is not None and extraction.rules:
                reading.known += extraction.engine or chunk.data.find(b"docker", start, end) >= 0
                if not self._general.issuperset(extraction.rules):
                    reading.ends.add(end + 1)

    def _count(self, reading: ReadChunk) -> None:
        """Count the lines of a chunk, and group those of the engine that no rule knows."""
        chunk, parser, clock_ns = reading.chunk, reading.parser, self._events.clock_ns
        unknown = self._unknown
        if unknown is not None and unknown.process(
            chunk.data, reading.ends, lambda line: self._origin_of(line, parser), clock_ns
        ):
            self._counts.count_groups(unknown, clock_ns)
        self._counts.count(chunk, reading.scan, reading.of_engine, reading.known, clock_ns)
        self._count_rules(reading.scan.ignored)
        self._counts.count_unparsed(chunk.path, parser.unparsed, clock_ns)
        parser.unparsed.clear()

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
        clock_ns, extract = self._events.clock_ns, self.extractor.extract
        if self.waiting.lines:
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
        if self.waiting.lines or (is_step(line.record, self._events.clock_ns) and not self._settings.raw):
            ahead.clear()
            self.waiting.add(line)
            self._process_waiting()
            return WAITING
        return self._process_line(line, ahead.popleft() if ahead else None)

    def _settle_doubtful(self, reading: ReadChunk, until: int | None) -> None:
        """Decide which of the doubtful lines up to one are the engine's, by what was seen of their host until now."""
        data, doubtful = reading.chunk.data, reading.doubtful
        while doubtful and (until is None or doubtful[0].start <= until):
            each = doubtful.popleft()
            if self._origin_of(data[each.start : data.find(b"\n", each.start)], reading.parser) is not None:
                reading.of_engine.append(each)

    def _origin_of(self, line: bytes, parser: LineReader) -> Origin | None:
        """Return who wrote a line, None if its tag is that of an engine and the engine has another one."""
        origin = parser.origin_of(line)
        if origin is None or self.extractor.is_another(origin.host, origin.tag, self._events.clock_ns):
            return None
        return origin

    def _process_waiting(self, *, believed_ns: int | None = None) -> None:
        """Process the lines that waited for a second one to agree and need not any more; see `WaitingLines`."""
        while (line := self.waiting.take(self._events.clock_ns, believed_ns=believed_ns)) is not None:
            extraction = self._process_line(line)
            if extraction is not None and not extraction.rules and b"docker" in line.record.message:
                self._counts.count_unmatched(line.path, self._events.clock_ns)

    def _end_waiting(self) -> None:
        """No line follows, or none for now: up to what the wall clock allows, one line is enough."""
        if self.waiting.lines:
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
                line = line.happened(self._events.clock_ns) if self._events.clock_ns else line
            else:
                if stamp_ns > self._events.clock_ns + SECOND and not self._clock_rules.isdisjoint(line.hit.rules):
                    self._follow_clock(line)
                self._events.follow_line(stamp_ns)
            extraction = extraction or self.extractor.extract(
                line.record, line.hit, line.path, line.offset, line.number
            )
            self._process_extraction(extraction, line)
        except UNEXPECTED as error:
            self._events.set_aside("line", error, line.path, line.offset)
            return None
        self._confirmed += extraction.rules
        return extraction

    def _follow_clock(self, line: Line) -> None:
        """Follow the host's clock, if a line reports that it was set forward: nothing times out by that."""
        if not self._events.clock_ns or self._settings.raw:
            return
        for event in self.extractor.extract(line.record, line.hit, line.path, line.offset, line.number).events:
            if event.event == CLOCK_SET:
                step_ns = seconds_ns(event.attributes.get("seconds", ""))
                self._events.shift(min(step_ns, line.record.stamp_ns - self._events.clock_ns))

    def _process_extraction(self, extraction: Extraction, line: Line) -> None:
        """Process the events of one line, and what it says of the line before."""
        record, path = line.record, line.path
        if extraction.events and not self._settings.raw and self.duplicates.add(record, path):
            self._counts.count_duplicate(path, self._events.clock_ns)
        else:
            self._events.process(extraction, record)
        if extraction.engine:
            self.host = record.host
        message = record.message
        is_counted = self._settings.count_repeated and path != CONTAINERS
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
            self._events.process(extraction, record)
        if again.times > repeated_message.MOST:
            self._counts.count_repeated(again.times - repeated_message.MOST, self._events.clock_ns)

    def _note_previous(self) -> None:
        if self._last is not None:
            self._previous[self._last.path] = Previous(self._last.end, self._last.record, self._last.hit.rules)

    def _count_rules(self, ignored: Mapping[str, int]) -> None:
        """Count the lines that rules took, and those that the scanner counted for `ignore` rules."""
        if self._confirmed or ignored:
            self._counts.count_rules(Counter(ignored) + Counter(self._confirmed), self._events.clock_ns)
            self._confirmed = []

    # ── beside the lines ──────────────────────────────────────────────────────────────

    def end(self, now_ns: int) -> None:
        """No line follows, or none for now: process the lines that wait for a second one to agree."""
        self._believed_ns = self._newest_ns = now_ns + self._settings.max_ahead_ns
        self._end_waiting()

    def finish(self, now_ns: int) -> None:
        """The input is at its end for good: process the lines that wait."""
        self._believed_ns = max(self._believed_ns, now_ns + self._settings.max_ahead_ns)
        self._newest_ns = max(self._newest_ns, self._believed_ns)
        self._end_waiting()

    def tables(self) -> dict[str, Sequence[StateTable[Any, Any]]]:
        """All state but `waiting`, by the name of its stage in the store."""
        return {
            "reader": (self._parsers,),
            "previous": (self._previous,),
            "extractor": self.extractor.tables,
            "duplicates": self.duplicates.tables,
        }

    def restored(self, host: str | None) -> None:
        """Rebuild what is derived, after the tables were restored."""
        self.duplicates.restored()
        self.host = host

    def _parser(self, path: str) -> LineReader:
        if path not in self._parsers:
            self._parsers[path] = LineReader(self._settings.zone)
        self._parsers.touch(path)
        return self._parsers[path]


def _host_of_last_line(data: bytes, parser: LineReader) -> str | None:
    origin = parser.origin_of(data[data.rfind(b"\n", 0, -1) + 1 :].rstrip(b"\n"))
    return origin.host or None if origin is not None else None


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
