"""The lines of a test and when they are written.

With `at`, a line is as if it had been written then: its header's stamp, and the time that the
engine wrote into its message, become that moment. Of several lines the first is written then,
and the others keep their distance to it. A line without a header gets one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, tzinfo
from pathlib import Path
from typing import NamedTuple

from logwatch.errors import Mistake, mistake
from logwatch.formats import payload
from logwatch.formats.line_parser import LineReader
from logwatch.formats.rfc3339 import Rfc3339
from logwatch.model import SECOND, Chunk, Mark, Record
from logwatch.notation import nanoseconds, rfc3339
from logwatch.ruletests.schema import InputLinesSpec
from logwatch.sources.archive import ReplaySource

HOST = "host"
DAY_NS = 86_400 * SECOND
OWN_TIME = re.compile(rb'[ ](?=time="|\{|\d{4}-)')
"""Possible beginnings of a message with its own time."""
UNDATED_NS = 1_767_225_600 * SECOND
HEADLESS = re.compile(rb"(?:kernel|[\w./-]+\[\d+\]): ")
OWN_TIMES = (
    (re.compile(rb'^(\.*time=)(?:"[^"]*"|\S+)'), rb'"%(text)s"'),
    (re.compile(rb'(?<=[{,\s])("time":\s*)"[^"]*"'), rb'"%(text)s"'),
    (re.compile(rb'(?<=[{,\s])("time":\s*)\d+'), rb"%(seconds)d"),
    (re.compile(rb'(?<=[{,\s])("timeNano":\s*)\d+'), rb"%(nanoseconds)d"),
    (re.compile(rb"^()\d{4}-\d\d-\d\dT\S+"), rb"%(text)s"),
)


class TimedLine(NamedTuple):
    """A line and when the clock has come to it."""

    time_ns: int
    data: bytes
    path: str


class _Read(NamedTuple):
    line: bytes
    record: Record | None
    clock_ns: int
    """The newest stamp until here."""


def timed_lines(spec: InputLinesSpec, folder: Path, start_ns: int, zone: tzinfo) -> Iterator[TimedLine]:
    """The lines of one item, in their order; SourceError if its file cannot be read."""
    lines = contents(spec, folder)
    if spec.at is None:
        for read in _read(lines, start_ns, zone):
            yield TimedLine(read.clock_ns, read.line, spec.path)
        return
    at_ns, every_ns = nanoseconds(spec.at), nanoseconds(spec.every)
    reads = _read([_headed(line) for line in lines], start_ns, zone)
    first_ns = next((read.record.time_ns for read in reads if read.record), 0)
    for number in range(spec.times):
        newest_ns = 0
        for read in reads:
            moment = start_ns + at_ns + number * every_ns + (read.record.time_ns - first_ns if read.record else 0)
            newest_ns = max(newest_ns, moment)
            yield TimedLine(newest_ns, restamped(read.record, moment) if read.record else read.line, spec.path)


def contents(spec: InputLinesSpec, folder: Path) -> list[bytes]:
    """The lines of the test or of its file, without their ends."""
    if spec.file is None:
        return spec.text.encode().splitlines()
    source = ReplaySource([str(folder / spec.file)])
    try:
        chunks = iter(lambda: source.read(0), None)
        return b"".join(chunk.data for chunk in chunks).split(b"\n")[:-1]
    finally:
        source.close()


def first_stamp_ns(specs: Iterable[InputLinesSpec], folder: Path, near_ns: int, zone: tzinfo) -> int | None:
    """The first stamp of the lines that keep theirs; None without such lines."""
    stamps = []
    for spec in specs:
        if spec.at is None:
            reads = _read(contents(spec, folder), near_ns, zone)
            stamps += [read.record.stamp_ns for read in reads if read.record][:1]
    return min(stamps, default=None)


def headless(spec: InputLinesSpec, mark: Mark) -> Iterator[Mistake]:
    """Lines without a header."""
    lines = spec.text.encode().splitlines()
    for line in lines:
        if _reader(lines, 0, UTC).read(_headed(line) if spec.at is not None else line) is None:
            shown = line.decode(errors="replace")
            what = f"no header can be read from '{shown[:60]}': paste the whole line, or write it from the tag on, 'dockerd[1]: …', with at:"
            yield mistake(mark, what)


def _read(lines: Sequence[bytes], near_ns: int, zone: tzinfo) -> list[_Read]:
    reader = _reader(lines, near_ns, zone)
    newest_ns = 0
    reads = []
    for line in lines:
        record = reader.read(line)
        newest_ns = max(newest_ns, record.stamp_ns if record else 0)
        reads.append(_Read(line, record, newest_ns))
    return reads


def _reader(lines: Sequence[bytes], near_ns: int, zone: tzinfo) -> LineReader:
    """A reader for these lines. Stamps without a year are near those that have one, else of the year from here on."""
    stamps = Rfc3339()
    own = (payload.time_ns(line[found.end() :], stamps) for line in lines for found in OWN_TIME.finditer(line))
    newest_ns = max([near_ns + 300 * DAY_NS, *(time_ns + DAY_NS for time_ns in own if time_ns)])
    reader = LineReader(zone)
    reader.begin(Chunk(b"\n".join(lines) + b"\n", "", 0, newest_ns), newest_ns)
    return reader


def _headed(line: bytes) -> bytes:
    """A line with a header; one that has none is dated by its message, if that has a time."""
    tag = HEADLESS.match(line)
    if tag is None:
        return line
    stamp_ns = payload.time_ns(line[tag.end() :], Rfc3339())
    return b"%b %b %b" % (_text(UNDATED_NS if stamp_ns is None else stamp_ns), HOST.encode(), line)


def restamped(record: Record, time_ns: int) -> bytes:
    """The line of a record as if it were written at another time."""
    message = record.message
    if payload.time_ns(message, Rfc3339()) is not None:
        seconds = time_ns // SECOND
        new = {b"text": _text(time_ns), b"seconds": seconds, b"nanoseconds": time_ns}
        for pattern, form in OWN_TIMES:
            message = pattern.sub(lambda match, form=form: match[1] + form % new, message, count=1)  # type: ignore[misc]
    pid = f"[{record.pid}]" if record.pid else ""
    return b"%b %b %b%b: %b" % (
        _text(time_ns),
        (record.host or HOST).encode(),
        record.tag.encode(),
        pid.encode(),
        message,
    )


def _text(time_ns: int) -> bytes:
    return rfc3339(time_ns).encode()
