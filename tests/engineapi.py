"""An engine's API as far as logwatch uses it: `GET /events` over a unix socket or TCP, from a buffer of 256 events."""

import json
import re
import socket
import socketserver
import ssl
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

SECOND = 1_000_000_000
KEPT = 256


def as_ns(text: str) -> int:
    seconds, _, fraction = text.partition(".")
    return int(seconds) * SECOND + int(fraction.ljust(9, "0") or 0)


class Api:
    """Listens on a path, or on a port of loopback; `restart` forgets all events, as an engine does."""

    def __init__(self, path: Path | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.path = path
        self.tls = tls
        self.port = 0
        self.events: list[bytes] = []
        self.queries: list[str] = []
        self.refuses = False
        self.changed = threading.Condition()
        self._connections: set[socket.socket] = set()
        self._server: socketserver.BaseServer | None = None
        self.start()

    @property
    def address(self) -> str:
        return f"docker:unix://{self.path}" if self.path else f"docker:tcp://127.0.0.1:{self.port}"

    def start(self) -> None:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def address_string(self) -> str:
                return "client"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                api._answer(self)

        if self.path is not None:
            self.path.unlink(missing_ok=True)

            class Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
                daemon_threads = True

            self._server = Unix(str(self.path), Handler)
        else:

            class Tcp(socketserver.ThreadingTCPServer):
                daemon_threads = True
                allow_reuse_address = True

            server = Tcp(("127.0.0.1", self.port), Handler)
            self.port = server.server_address[1]
            if self.tls is not None:
                server.socket = self.tls.wrap_socket(server.socket, server_side=True)
            self._server = server
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def emit(self, *events: dict[str, object]) -> None:
        with self.changed:
            self.events += [json.dumps(event).encode() for event in events]
            self.changed.notify_all()

    def cut(self) -> None:
        """End all connections."""
        for each in list(self._connections):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            self.cut()
            if self.path is not None:
                self.path.unlink()

    def restart(self) -> None:
        self.stop()
        self.events.clear()
        self.start()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        target = urlsplit(handler.path)
        self.queries.append(target.query)
        if self.refuses or target.path != "/events":
            handler.send_error(403, "not allowed")
            return
        asked = {key: values[0] for key, values in parse_qs(target.query).items()}
        since = as_ns(asked["since"]) if "since" in asked else None
        until = as_ns(asked["until"]) if "until" in asked else None
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        self._connections.add(handler.connection)
        try:
            self._stream(handler, since, until)
        except OSError:
            return
        finally:
            self._connections.discard(handler.connection)
            handler.close_connection = True

    def _buffered(self, since: int, until: int | None) -> list[bytes]:
        """As `loadBufferedEvents` of moby: from the newest event back to the first that is before `since`."""
        found: list[bytes] = []
        for event in reversed(self.events[-KEPT:]):
            time_ns = int((re.findall(rb'"timeNano": (\d+)', event) or [0])[-1])
            if time_ns and time_ns < since:
                break
            if until is None or time_ns <= until:
                found.insert(0, event)
        return found

    def _stream(self, handler: BaseHTTPRequestHandler, since: int | None, until: int | None) -> None:
        server = self._server
        with self.changed:
            events, place = [] if since is None else self._buffered(since, until), len(self.events)
        while self._server is server:
            for event in events:
                line = event + b"\n"
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            handler.wfile.flush()
            if until is not None:
                handler.wfile.write(b"0\r\n\r\n")
                return
            with self.changed:
                if len(self.events) == place:
                    self.changed.wait(0.05)
                events, place = self.events[place:], len(self.events)


def event(number: int, time_ns: int, action: str = "start", **attributes: str) -> dict[str, object]:
    return {
        "Type": "container",
        "Action": action,
        "Actor": {"ID": f"{number:064x}", "Attributes": {"image": "busybox", "name": f"c{number}", **attributes}},
        "scope": "local",
        "time": time_ns // SECOND,
        "timeNano": time_ns,
    }
