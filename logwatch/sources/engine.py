"""Follows the engine's own account of events: `GET /events` of its API.

    thread: GET /events?since=… ──▶ one JSON object per line ──▶ queue ──▶ `read`: lines under the tag docker-events

The position is the time of the newest event returned and digests of those up to `OVERLAP_NS` before it: a new
connection begins that much earlier, and what was read before is skipped. An engine keeps its last 256 events, in
memory only. So before a connection continues, the newest event is asked for by its time: if the engine does not
have it any more, it was restarted or reported more than it keeps, and a gap is recorded.

`path` is `docker:` (the socket of this host), `docker:unix:///path` or `docker:tcp://host:port`. API:
`GET /events` in api/swagger.yaml of moby; `daemon/events/events.go` for what is kept.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from hashlib import blake2b
from http.client import HTTPException, HTTPResponse, IncompleteRead
from ssl import SSLContext
from time import monotonic
from typing import Any, Literal, NamedTuple

from logwatch.formats.json import is_deep
from logwatch.formats.tags import EVENTS_TAG
from logwatch.model import SECOND, Chunk, Gap, SourceStatus
from logwatch.notation import one_line, rfc3339
from logwatch.sources.engine_api import Address, connect
from logwatch.sources.inotify import WakePipe
from logwatch.store import state_table
from logwatch.store.state_table import StateTable

OVERLAP_NS = SECOND
"""Between two events the engine may exchange their order, by less than this."""
SET_BACK_NS = 10 * SECOND
"""An event so much earlier than the newest one is of a clock that was set back: moby looks through what it keeps from
the newest event to the first one before `since` (`loadBufferedEvents`), and would find nothing until the clock is there again."""
MOST_NEAR = 512
"""Digests that are kept."""
MOST_QUEUED = 16 << 20
"""Bytes that wait for the loop; above it the connection is closed until they are read."""
LONGEST_EVENT = 4 << 20
"""Bytes of one event as it comes; labels make it long."""
LONGEST_ACTION = 4096
"""Characters of an action: that of an exec contains its command."""
LONGEST_REASON = 300
"""Characters that are reported of what an engine answers instead of events."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds between two connections; each one that brings nothing new doubles it."""
REPORT_PAUSE = 60.0
"""Seconds between two reports that a connection is missing."""
OWN = frozenset({"name", "image", "exitCode", "signal", "execID", "oldName", "container", "type", "driver"})
"""Attributes that the engine itself gives an event, beside the labels that an image may have thousands of."""
ROW = "engine"
"""Before the key of the row with the position."""
GAP = "events_dropped"
"""Reason of a gap: the engine has forgotten events."""

ENDED = "the engine ended the connection"

log = logging.getLogger("logwatch.engine")


class Event(NamedTuple):
    """One event as it came."""

    time_ns: int
    digest: str
    line: bytes


class Position:
    """The newest event, and digests of those near it."""

    def __init__(self, time_ns: int = 0, near: Mapping[str, int] | None = None) -> None:
        self.time_ns = time_ns
        self.near = dict(near or {})
        """Digest to time; empty: without any event whose presence would show that none is lost."""

    def add(self, event: Event) -> None:
        """Move to an event; back to one that shows that the engine's clock was set back."""
        is_set_back = event.time_ns < self.time_ns - SET_BACK_NS
        self.time_ns = event.time_ns if is_set_back else max(self.time_ns, event.time_ns)
        self.near[event.digest] = event.time_ns
        oldest_ns = self.time_ns - OVERLAP_NS
        if len(self.near) > 1 and (len(self.near) > MOST_NEAR or min(self.near.values()) < oldest_ns):
            kept = [item for item in self.near.items() if item[1] >= oldest_ns]
            self.near = dict(kept[-MOST_NEAR:])

    @property
    def since(self) -> str:
        """Where a connection begins; without an event it overlaps nothing."""
        begin_ns = self.time_ns - OVERLAP_NS if self.near else self.time_ns + 1
        return f"since={_seconds(max(begin_ns, 0) if self.time_ns else 0)}"

    @property
    def newest(self) -> frozenset[str]:
        """The digests of the events at the newest time."""
        return frozenset(digest for digest, time_ns in self.near.items() if time_ns == self.time_ns)


class EngineSource:
    """Events of one engine as lines."""

    row = ROW

    def __init__(
        self,
        path: str,
        *,
        start: Literal["beginning", "end"] = "beginning",
        max_line_bytes: int = 1 << 16,
        chunk_bytes: int = 1 << 20,
        tls: tuple[SSLContext, str | None] | None = None,
        pipe: WakePipe | None = None,
    ) -> None:
        """`tls` is a context and the name to verify; `pipe` is that of another source, which waits. Raises SourceError."""
        self._address = Address.parse(path, tls)
        self._path = path
        self._start = start
        self._limit = max_line_bytes
        self._chunk_bytes = chunk_bytes
        self._has_own_pipe = pipe is None
        self.pipe = WakePipe() if pipe is None else pipe
        self._position = Position()
        self._offset = 0
        self._positions: StateTable[str, list[Any]] = StateTable(ROW)
        self.tables = (self._positions,)
        self._gaps: list[Gap] = []
        self._skipped: dict[str, int] = {}
        self._last_read_ns: int | None = None
        self._lock = threading.Lock()
        self._queue: deque[Event | None] = deque()
        """None: events are missing before the next one."""
        self._queued_bytes = 0
        self._error: str | None = None
        self._is_reported = False
        self._silent_until = 0.0
        """When an error is reported again, by `monotonic`."""
        self._connection: socket.socket | None = None
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    # ── reading ──────────────────────────────────────────────────────────────────────

    @property
    def finished(self) -> bool:
        """Never true: there is always more to come."""
        return False

    def next_ns(self, now_ns: int) -> int | None:  # noqa: ARG002 - as `merged.Beside`
        """Return the time of the next event; None if none waits."""
        with self._lock:
            return next((each.time_ns for each in self._queue if each is not None), None)

    def read(self, now_ns: int, before_ns: int | None = None) -> Chunk | None:
        """Return the next events, only those before a time if one is given; None if there are none at the moment."""
        if self._thread is None:
            self._begin(now_ns)
        lines: list[bytes] = []
        size = 0
        while size < self._chunk_bytes and (event := self._take(now_ns, before_ns)) is not None:
            self._position.add(event)
            line = self._line(event)
            lines.append(line)
            size += len(line)
        if not lines:
            return None
        offset, self._offset = self._offset, self._offset + size
        self._last_read_ns = now_ns
        return Chunk(b"".join(lines), self._path, offset, now_ns, live=True, is_host_known=False)

    def _take(self, now_ns: int, before_ns: int | None) -> Event | None:
        with self._lock:
            while self._queue and self._queue[0] is None:
                self._queue.popleft()
                self._gaps.append(Gap(self._path, GAP, now_ns, None))
                self._position.near.clear()
            event = self._queue[0] if self._queue else None
            if event is None or (before_ns is not None and event.time_ns >= before_ns):
                return None
            self._queued_bytes -= len(event.line)
            return self._queue.popleft()

    def _line(self, event: Event) -> bytes:
        header = f"{rfc3339(event.time_ns, 9)} {self._address.host} {EVENTS_TAG}: ".encode()
        return header + _shortened(event.line, self._limit - len(header)) + b"\n"

    # ── the thread ───────────────────────────────────────────────────────────────────

    def _begin(self, now_ns: int) -> None:
        if not self._position.time_ns and self._start == "end":
            self._position = Position(now_ns)
        received = Position(self._position.time_ns, self._position.near)
        self._thread = threading.Thread(target=self._run, args=(received,), name="engine", daemon=True)
        self._thread.start()

    def _run(self, received: Position) -> None:
        pause = FIRST_PAUSE
        while not self._stopped.wait(pause):
            if self._queued_bytes > MOST_QUEUED // 2:
                continue
            try:
                if received.near:
                    self._prove(received)
                for event in self._events(received.since):
                    if self._receive(event, received):
                        pause = FIRST_PAUSE
                    if self._queued_bytes > MOST_QUEUED:
                        break
                else:
                    self._note(ENDED)
            except (OSError, HTTPException, ValueError) as error:
                self._note(_reason(error))
            pause = min(2 * pause, LONGEST_PAUSE)

    def _prove(self, received: Position) -> None:
        """Record a gap if the engine does not have the newest event any more."""
        # From as early as the connection begins: moby finds nothing behind an event that is before `since`.
        newest, until = received.newest, _seconds(received.time_ns)
        if all(event.digest not in newest for event in self._events(f"{received.since}&until={until}", is_past=True)):
            received.near.clear()
            with self._lock:
                self._queue.append(None)
            self.pipe.wake()

    def _receive(self, event: Event, received: Position) -> bool:
        """Queue an event; False if it was received before."""
        if event.digest in received.near:
            return False
        received.add(event)
        with self._lock:
            self._queue.append(event)
            self._queued_bytes += len(event.line)
        self.pipe.wake()
        return True

    def _events(self, query: str, *, is_past: bool = False) -> Iterator[Event]:
        """Yield events until the engine ends the answer: at once if only past ones are asked for, else maybe never."""
        with closing(connect(self._address)) as connection:
            connection.request("GET", f"/events?{query}", headers={"Host": self._address.host})
            self._connection = sock = connection.sock
            answer = connection.getresponse()
            if answer.status != 200:
                raise OSError(f"status {answer.status}: {_text(answer)}: allow GET /events")
            if not is_past:
                sock.settimeout(None)
            self._note(None)
            for line in self._lines(answer):
                event = _event(line)
                if event is None:
                    self._skipped["entry"] = self._skipped.get("entry", 0) + 1
                else:
                    yield event
            self._connection = None

    def _lines(self, answer: HTTPResponse) -> Iterator[bytes]:
        begun, skipping = bytearray(), False
        while piece := answer.read1(1 << 16):
            begun += piece  # in place: an event may come byte by byte
            if b"\n" in piece:
                *whole, rest = bytes(begun).split(b"\n")
                begun = bytearray(rest)
                for line in whole:
                    if not skipping and line.strip():
                        yield line.strip()
                    skipping = False
            if len(begun) > LONGEST_EVENT:
                self._skipped["too_long"] = self._skipped.get("too_long", 0) + (not skipping)
                begun, skipping = bytearray(), True

    def _note(self, error: str | None) -> None:
        """Keep why the connection is missing, and report when that changes, at most once a minute."""
        if self._stopped.is_set():
            return
        self._error = error
        if error is None and self._is_reported:
            log.info("%s: connected again", self._path)
            self._is_reported = False
        elif error is not None and not self._is_reported and monotonic() >= self._silent_until:
            log.warning("%s: %s: retrying", self._path, error)
            self._is_reported, self._silent_until = True, monotonic() + REPORT_PAUSE

    # ── state ────────────────────────────────────────────────────────────────────────

    def restore(self, rows: Mapping[str, str]) -> None:
        """Continue after the last committed event."""
        state_table.restore(self.tables, rows)
        self.restored()

    def restored(self) -> None:
        """Take the restored position."""
        if self._path in self._positions:
            self._offset, time_ns, near = self._positions[self._path]
            self._position = Position(time_ns, near)

    def changed_rows(self) -> dict[str, str | None]:
        """Return the position just after the last event returned."""
        row = [self._offset, self._position.time_ns, dict(self._position.near)]
        if self._position.time_ns and self._positions.get(self._path) != row:
            self._positions[self._path] = row
        return state_table.changed_rows(self.tables)

    # ── what the driver asks ─────────────────────────────────────────────────────────

    def status(self) -> Sequence[SourceStatus]:
        """Return how much of what the engine sent was read."""
        pending, error = self._queued_bytes, self._error
        return [
            SourceStatus(
                self._path,
                error is None,
                error,
                self._offset + pending,
                self._offset,
                pending,
                self._last_read_ns,
                skipped=dict(self._skipped),
            )
        ]

    def gaps(self) -> Sequence[Gap]:
        """Return the losses proven since the last call."""
        gaps = tuple(self._gaps)
        self._gaps.clear()
        return gaps

    def wait(self, timeout: float) -> None:
        """Sleep until an event came, at most `timeout` seconds."""
        self.pipe.wait(timeout)

    def wake(self) -> None:
        """End a wait; may be called from another thread or a signal handler."""
        self.pipe.wake()

    def close(self) -> None:
        """End the connection and the thread."""
        self._stopped.set()
        connection = self._connection
        if connection is not None:
            with suppress(OSError):  # it ended by itself just now
                connection.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join(1.0)
        if self._has_own_pipe:
            self.pipe.close()


# ── events ───────────────────────────────────────────────────────────────────────────


def _event(line: bytes) -> Event | None:
    """Read time and digest of an event; None if it is none."""
    try:
        tree = json.loads(line)
        time_ns = tree["timeNano"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    if type(time_ns) is not int or not 0 < time_ns < 1 << 63 or is_deep(tree):
        return None
    return Event(time_ns, blake2b(line, digest_size=8).hexdigest(), line)


def _shortened(line: bytes, limit: int) -> bytes:
    """Return an event that fits into a line: without its longest attributes, which are labels, or most of many labels."""
    if len(line) <= limit:
        return line
    tree = json.loads(line)
    for key in ("Action", "status"):
        tree[key] = str(tree.get(key, ""))[:LONGEST_ACTION]
    actor = tree.get("Actor")
    attributes = actor.get("Attributes") if isinstance(actor, dict) else None
    if isinstance(attributes, dict):
        actor["Attributes"] = kept = dict[str, object]()
        room = limit - len(json.dumps(tree))
        for key, value in sorted(attributes.items(), key=lambda item: (item[0] not in OWN, len(str(item[1])))):
            room -= len(json.dumps({key: value})) + 2  # two braces less, a comma and two blanks more at most
            if room < 0:
                break
            kept[key] = value
    return json.dumps(tree).encode()


def _seconds(time_ns: int) -> str:
    """Write a time as the API takes it.

    >>> _seconds(1_795_465_242_000_000_007)
    '1795465242.000000007'
    """
    seconds, nanoseconds = divmod(time_ns, SECOND)
    return f"{seconds}.{nanoseconds:09d}"


def _text(answer: HTTPResponse) -> str:
    """Return how the text of an answer begins; "" if it does not come."""
    with suppress(OSError, HTTPException):
        return " ".join(answer.read1(LONGEST_REASON).decode(errors="replace").split())
    return ""


def _reason(error: Exception) -> str:
    if isinstance(error, IncompleteRead | ConnectionResetError):
        return ENDED
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return one_line(str(error)[:LONGEST_REASON]) or type(error).__name__
