"""Accepts connections, and bounds how many there are and how long each may wait.

A client needs no password to open a connection, so every one of them costs a descriptor that the sources need too:

- at most `most` connections, below the limit of open files, some of which are reserved;
- at the limit the one that has waited longest for its request is closed, so that a probe still gets its answer;
- a request's header must be complete within 10 s, a TLS handshake within 5 s, and a client must read its answer;
- if accepting fails, it is retried after a second, and reported once a minute.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import ssl
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_TIMEOUT = 10.0
"""Seconds from the first byte of a request (or the connection) to the end of its header."""
WRITE_TIMEOUT = 30.0
"""Seconds in which a client must read some of its answer."""
HANDSHAKE_TIMEOUT = 5.0
RETRY = 1.0
"""Seconds between two tries to accept while it fails."""
REPORT = 60.0
"""Seconds between two reports of the same trouble."""
RESERVED_FILES = 256
"""Descriptors that connections leave to logs, state and receivers."""
MOST_FILES = 65_536

log = logging.getLogger("logwatch")


def raise_file_limit() -> None:
    """Raise the soft limit of open files to the hard one, as far as that is of use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def connection_limit(wanted: int) -> int:
    """Return how many connections may be open, given the limit of open files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, max(soft - RESERVED_FILES, soft // 4)))


class Connection(H11Protocol):
    """One client, with deadlines."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self.since = self.loop.time()
        self._header_deadline = _Deadline(self.loop, HEADER_TIMEOUT, self._expire)
        self._write_deadline = _Deadline(self.loop, WRITE_TIMEOUT, self.abort)
        self._watch_header()

    @property
    def is_waiting(self) -> bool:
        """Whether no request is being answered."""
        return self.conn.their_state is h11.IDLE

    def data_received(self, data: bytes) -> None:
        """Parse; the deadline runs until the header is complete."""
        super().data_received(data)
        self._watch_header()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP, after which an answer that is being made goes nowhere."""
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self.abort()
                return
        super().send_400_response(msg)

    def pause_writing(self) -> None:
        """The client does not read."""
        super().pause_writing()
        self._write_deadline.start()

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        self._write_deadline.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadlines."""
        self._header_deadline.cancel()
        self._write_deadline.cancel()
        super().connection_lost(exc)

    def abort(self) -> None:
        """Close without waiting for the client."""
        self.transport.abort()

    def _watch_header(self) -> None:
        if not self.is_waiting:
            self.since = self.loop.time()
            self._header_deadline.cancel()
        else:
            self._header_deadline.start()

    def _expire(self) -> None:
        if self.is_waiting:
            self.abort()


class _Deadline:
    """Calls a function unless it is cancelled in time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, expire: Callable[[], None]) -> None:
        self._loop = loop
        self._seconds = seconds
        self._expire = expire
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Start, unless it runs already."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._end)

    def cancel(self) -> None:
        """Stop it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        self._timer = None
        self._expire()


class Listener:
    """Accepts the connections of one socket; `connections` are those that are open."""

    def __init__(
        self,
        listening: socket.socket,
        make: Callable[[], asyncio.Protocol],
        connections: set[Any],
        most: int,
        context: ssl.SSLContext | None,
    ) -> None:
        self._socket = listening
        self._make = make
        self._connections = connections
        self._most = most
        self._context = context
        self._handshakes: dict[asyncio.Task[None], None] = {}
        """Accepted, and not yet ready for a request; the oldest first."""
        self._loop = asyncio.get_running_loop()
        self._reported: dict[str, float] = {}
        self._closed = False

    def start(self) -> None:
        """Begin to accept."""
        if not self._closed:
            self._socket.settimeout(0)
            self._loop.add_reader(self._socket, self._accept)

    def close(self) -> None:
        """Accept nothing more."""
        self._closed = True
        self._loop.remove_reader(self._socket)

    def _accept(self) -> None:
        """Accept one connection, so that those before it get their turn."""
        try:
            connection, _ = self._socket.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            self._pause(error)
            return
        full = len(self._connections) + len(self._handshakes) >= self._most
        if full and not self._make_room() and not self._handshakes:
            connection.close()
            return
        task = self._loop.create_task(self._serve(connection))
        self._handshakes[task] = None
        task.add_done_callback(self._handshakes.pop)

    async def _serve(self, connection: socket.socket) -> None:
        timeout = HANDSHAKE_TIMEOUT if self._context is not None else None
        try:
            await self._loop.connect_accepted_socket(
                self._make, connection, ssl=self._context, ssl_handshake_timeout=timeout
            )
        except (OSError, asyncio.CancelledError):  # TLS that fails or does not come; the stop
            connection.close()

    def _make_room(self) -> bool:
        """Close the connection that has waited longest, for its request or for TLS; False if none waits."""
        waiting = [one for one in self._connections if one.is_waiting and not one.transport.is_closing()]
        self._report(
            "limit", f"{self._most} connections are open: closing the one idle for longest: see --web.max-connections"
        )
        if waiting:
            min(waiting, key=lambda one: one.since).abort()
        elif self._context is not None and self._handshakes:
            next(iter(self._handshakes)).cancel()
        else:
            return False
        return True

    def _pause(self, error: OSError) -> None:
        self._report(
            "accept",
            f"cannot accept connections: {error.strerror}: retrying each second: raise the limit of open files",
        )
        self._loop.remove_reader(self._socket)
        self._loop.call_later(RETRY, self.start)

    def _report(self, kind: str, text: str) -> None:
        now = self._loop.time()
        if now - self._reported.get(kind, -REPORT) >= REPORT:
            self._reported[kind] = now
            log.warning("web: %s", text)
