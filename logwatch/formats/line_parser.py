"""From a line to a record: one reader per source, as year, zone and the line before are the source's.

The header says who wrote a line and when, and its message may tell the time again: exactly, with year and zone. That
time counts when it is within an hour of the header's. If the two differ by more, the line is not believed to be an
engine's, unless the year or the zone that its header lacks explains the difference. In a file whose lines have no
headers (see `bare`), the time is that in the message, or of the line before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import tzinfo

from logwatch.formats import bare, envelopes, payload
from logwatch.formats.headers import Header, Headers
from logwatch.formats.rfc3164 import Origin
from logwatch.formats.rfc3339 import Rfc3339, read_absolute
from logwatch.formats.stamps import UNSTAMPED, Local
from logwatch.formats.tags import DATED_TAGS
from logwatch.formats.timestamps import EARLY, HOUR, StampClock, explained
from logwatch.model import SECOND, Chunk, Record

NO_HEADER = "no_header"
DATE_UNREADABLE = "date_unreadable"
TIME_DISTRUSTED = "time_distrusted"
TOO_LONG = "too_long"

LONGEST_LINE = 65_536
"""Bytes of a line that are read; rsyslog passes 8 KiB on by default, journald 48 KiB."""

CLOSE = 60 * SECOND
"""What may lie between a line's two stamps without raising a doubt about the zone."""

LOOK_AHEAD_LINES = 32
LOOK_AHEAD_TRIES = 200
FIRST_LINES = 50
"""Of a chunk, looked at to see whether its lines have headers."""
NEEDLES = (b'time="', b'"time":', b'"timeNano":', b"docker-events")

HALF_DAYS = (b"AM ", b"PM ", b"am ", b"pm ")
SECONDS = {b"%02d " % second: second * SECOND for second in range(60)}


class LineReader:
    """Reads the lines of one source.

    `zone` is the zone of stamps that name none; None learns it from lines that carry both
    stamps, and else takes the system's.
    """

    def __init__(self, zone: tzinfo | None) -> None:
        self.unparsed: dict[str, int] = {}
        """Reason to how many lines could not be read (or trusted); the caller empties it."""
        self._clock = StampClock(zone)
        self._stamps = Rfc3339()
        self._headers = Headers()
        self._headed: bool | None = None
        """Whether the source's lines have headers; None while no line has shown it."""
        # The minute of the line before, if that was in the traditional form. Never older: what it
        # means depends on the lines read, so that reading on after a restart gives the same.
        self._minute: bytes | None = None
        self._minute_ns = self._minute_offset = 0

    def begin(self, chunk: Chunk, now_ns: int) -> None:
        """Look at a chunk before its lines are read: what bounds years, and the first lines that tell year and zone."""
        self._clock.begin(chunk.mtime_ns, now_ns, live=chunk.live)
        self._minute = None
        if self._headed is None or chunk.offset == 0:
            self._headed = self._look_at_form(chunk.data)
        if self._clock.anchor_ns is None:
            self._clock.look_ahead(self._payload_times(chunk.data))
        if self._clock.boot_ns is None and (last := self._last_uptime(chunk.data)) is not None:
            self._clock.guess_boot(last)

    def read(self, line: bytes) -> Record | None:
        """The record of a line, or None (counted in `unparsed`) where it has no header. Never raises."""
        if len(line) > LONGEST_LINE:
            line = line[:LONGEST_LINE]
            self._count(TOO_LONG)
        if line[:13] == self._minute:
            second_ns = SECONDS.get(line[13:16])
            if second_ns is not None:
                origin, message = self._headers.origins.split(line, 16)
                if b"\x1b" not in line:
                    return self._dated(self._minute_ns + second_ns, self._minute_offset, origin, message, yearless=True)
        self._minute = None
        if b"\x1b" in line or b"\0" in line:
            line = envelopes.plain(line) or line
        headers, first = self._headers, line[:1]
        if first == b"<":
            split = headers.rfc5424.split(line)
            if split is not None and (stamp_ns := headers.stamps.read(split[0])) is not None:
                return self._dated(stamp_ns, None, split[1], split[2], yearless=False)
        elif first.isdigit():
            absolute = read_absolute(line, headers.stamps)
            if absolute is not None:
                origin, message = headers.origins.split(line, absolute[1] + 1)
                if origin.tag:
                    return self._dated(absolute[0], None, origin, message, yearless=False)
        return self._read_other(line)

    def _read_other(self, line: bytes) -> Record | None:
        """As `read`, for lines that are not in the last one's minute or in one of rsyslog's own formats."""
        header = self._header(line)
        if header is None:
            self._count(NO_HEADER)
            return None
        absolute_ns, local, origin, message, uptime_ns = header
        if absolute_ns is not None:
            return self._dated(absolute_ns, None, origin, message, yearless=False)
        if uptime_ns is not None:
            return self._since_boot(uptime_ns, origin, message)
        at = self._clock.resolve(local) if local is not None else None
        if local is None or at is None:
            return self._undated(local, origin, message)
        self._remember_minute(line, local, at)
        return self._dated(*at, origin, message, yearless=local.year is None)

    # ── taking a line apart ──────────────────────────────────────────────────────────

    def _header(self, line: bytes) -> Header | None:
        """Take a line apart; one without header is the engine's or the kernel's only where no line has a header."""
        if self._headed:
            return self._headers.split(line)
        if line[:1] == b"{" or b"\t{" in line:
            line = envelopes.plain(line) or line
        header = self._headers.split_bare(line) or self._headers.split(line)
        if header is None and self._headed is False and line.strip():
            return Header(None, None, bare.ENGINE_ORIGIN, line)
        return header

    def _look_at_form(self, data: bytes) -> bool | None:
        """Whether the first lines have headers; None if none of them has a known form."""
        headed = headless = 0
        for line in (whole[:LONGEST_LINE] for whole in data.split(b"\n", FIRST_LINES)[:FIRST_LINES]):
            if self._headers.split_bare(line) is not None:
                headless += 1
            elif (header := self._headers.split(line)) is not None and header.origin.tag:
                headed += 1
        return None if headed == headless == 0 else headed >= headless

    def _last_uptime(self, data: bytes) -> int | None:
        """The uptime of the kernel that a chunk's last line bears."""
        last = data[data.rfind(b"\n", 0, -1) + 1 :]
        kernel = bare.kernel_line(last) if not self._headed or last[:1] == b"[" else None
        return None if kernel is None else kernel.uptime_ns

    def _payload_times(self, chunk: bytes) -> Iterator[tuple[Local | None, int]]:
        """Header stamp and own time of the first lines in a chunk that the engine dated itself."""
        found = 0
        for line in _lines_with(chunk, NEEDLES):
            header = self._header(line)
            if header is None or header.origin.tag not in DATED_TAGS:
                continue
            payload_ns = payload.time_ns(header.message, self._stamps)
            if payload_ns is not None and header.uptime_ns is not None:
                self._clock.boot_ns = payload_ns - header.uptime_ns
            if payload_ns is not None:
                yield header.local, payload_ns
                found += 1
            if found == LOOK_AHEAD_LINES:
                return

    def _remember_minute(self, line: bytes, local: Local, at: tuple[int, int]) -> None:
        """Keep the minute of a stamp in the traditional form: `Nov 23 20:16:`."""
        traditional = local.year is None and not local.universal and line[12:13] == b":" and line[15:16] == b" "
        if traditional and line[16:19] not in HALF_DAYS and self._clock.comes_once(at):
            into_minute = (local.clock_ns or 0) % (60 * SECOND)
            self._minute, self._minute_ns, self._minute_offset = line[:13], at[0] - into_minute, at[1]

    # ── settling its time ────────────────────────────────────────────────────────────

    def _dated(self, stamp_ns: int, offset_ns: int | None, origin: Origin, message: bytes, *, yearless: bool) -> Record:
        clock, time_ns, dated, far_off = self._clock, stamp_ns, offset_ns is None, False
        if message[:1] == b" ":  # relays and scripts leave more than one blank behind the tag
            message = message.lstrip(b" ")
        if message[:6] == b'time="':
            payload_ns = self._stamps.read(message[6 : message.find(b'"', 6, payload.STAMP_ROOM)])
        else:
            payload_ns = payload.time_ns(message, self._stamps)
        if payload_ns is not None:
            if not dated and (clock.doubtful or not -EARLY <= stamp_ns - payload_ns <= CLOSE):
                time_ns = stamp_ns = self._compare((stamp_ns, offset_ns or 0), payload_ns, origin, yearless=yearless)
            if -HOUR <= stamp_ns - payload_ns <= HOUR:
                time_ns, dated = payload_ns, True
            else:
                far_off = offset_ns is None or not explained((stamp_ns, offset_ns), payload_ns, yearless=yearless)
                self._count(TIME_DISTRUSTED)
        if time_ns <= clock.limit_ns:
            clock.last_ns = time_ns
            if dated or clock.anchor_ns is not None:
                clock.anchor_ns = time_ns
        host, tag, pid = origin
        if tag == "kernel":
            message = _kernel(message)
        return Record(time_ns, stamp_ns, host, tag, pid, message, far_off)

    def _since_boot(self, uptime_ns: int, origin: Origin, message: bytes) -> Record:
        """A header that counts from the kernel's boot, whose time an engine's message tells, or the file's."""
        clock = self._clock
        payload_ns = payload.time_ns(message, self._stamps) if origin.tag in DATED_TAGS else None
        if payload_ns is not None and payload_ns <= clock.limit_ns:
            clock.boot_ns = payload_ns - uptime_ns
        if clock.boot_ns is None:
            return self._undated(None, origin, message)
        return self._dated(clock.boot_ns + uptime_ns, None, origin, message, yearless=False)

    def _undated(self, local: Local | None, origin: Origin, message: bytes) -> Record:
        """A date that is missing or cannot be read: an engine's message tells the time, or the line before does."""
        if local is not None:
            self._count(DATE_UNREADABLE)
        clock = self._clock
        first = clock.last_ns is None and clock.anchor_ns is None
        payload_ns = payload.time_ns(message, self._stamps) if first or origin.tag in DATED_TAGS else None
        time_ns = clock.last_ns = clock.resolve_undated(local or UNSTAMPED, payload_ns)
        if payload_ns == time_ns:
            clock.anchor_ns = time_ns
        return Record(time_ns, time_ns, *origin, _kernel(message) if origin.tag == "kernel" else message)

    def _compare(self, stamp: tuple[int, int], payload_ns: int, origin: Origin, *, yearless: bool) -> int:
        """Let the engine's lines confirm or correct year and zone; gives the header's time to believe."""
        self._minute = None
        if origin.tag not in DATED_TAGS:
            return stamp[0]
        if -EARLY <= stamp[0] - payload_ns <= CLOSE:
            self._clock.agree()
            return stamp[0]
        corrected = self._clock.weigh(stamp, payload_ns, yearless=yearless)
        return stamp[0] if corrected is None else corrected

    def _count(self, reason: str) -> None:
        self.unparsed[reason] = self.unparsed.get(reason, 0) + 1

    def origin_of(self, line: bytes) -> Origin | None:
        """Who wrote a line, without reading it: it changes nothing that later lines depend on."""
        header = self._header(line)
        return None if header is None else header.origin

    # ── state ────────────────────────────────────────────────────────────────────────

    def dump(self) -> str:
        """What later lines depend on, as JSON."""
        return json.dumps({**self._clock.dump(), "headed": self._headed})

    def load(self, text: str) -> None:
        """Continue from what `dump` gave."""
        state = json.loads(text)
        self._clock.load(state)
        self._headed = state.get("headed")
        self._minute = None


def _kernel(message: bytes) -> bytes:
    """A kernel line without the kernel's own stamp, which is part of its header."""
    stamped = bare.kernel_line(message) if message[:1] == b"[" else None
    return message if stamped is None or stamped.uptime_ns is None else stamped.message


def _lines_with(chunk: bytes, needles: tuple[bytes, ...]) -> Iterator[bytes]:
    """The first lines that hold one of some texts, in order."""
    starts: set[int] = set()
    for needle in needles:
        found = chunk.find(needle)
        for _ in range(LOOK_AHEAD_TRIES):
            if found < 0:
                break
            starts.add(chunk.rfind(b"\n", 0, found) + 1)
            found = chunk.find(needle, chunk.find(b"\n", found) + 1 or len(chunk))
    for start in sorted(starts):
        end = chunk.find(b"\n", start)
        yield chunk[start : end if end >= 0 else len(chunk)]
