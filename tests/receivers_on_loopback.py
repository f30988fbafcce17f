"""A receiver that answers as a test says, and alerts to tell it."""

import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from logwatch.model import SECOND, Alert

START = 1_790_000_000 * SECOND


def alert(number: int = 0, *, ends_ns: int | None = None, **labels: str) -> Alert:
    return Alert(
        labels={"alertname": "DockerContainerOom", "name": f"web-{number}", "severity": "critical", **labels},
        annotations={"summary": "A container ran out of memory.", "evidence": "kernel: Killed process 1"},
        starts_ns=START,
        ends_ns=ends_ns,
        state="firing" if ends_ns is None else "resolved",
        value=1.0,
        rule="containers/DockerContainerOom",
        generator_url="http://host:19979",
        updated_ns=START,
        interval_ns=15 * SECOND,
    )


class Loopback:
    """Keeps what it was told; `answer` gives the status for a body, None never answers."""

    def __init__(
        self, answer: Callable[[object], int | None] = lambda body: 200, context: ssl.SSLContext | None = None
    ) -> None:
        self.answer = answer
        self.bodies: list[object] = []
        self.taken: list[object] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self._enough = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.requests.append((self.command, self.path, dict(self.headers)))
                receiver.bodies.append(body)
                status = receiver.answer(body)
                if status is None:
                    receiver._enough.wait(10)
                    return
                if 200 <= status < 300:
                    receiver.taken.append(body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                receiver.requests.append((self.command, self.path, dict(self.headers)))
                page = b'{"cluster": {"status": "ready"}, "versionInfo": {"version": "0.25.0"}}'
                self.send_response(200)
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(page)

            def do_HEAD(self) -> None:
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._enough.set()
        self._server.shutdown()
        self._server.server_close()

    def names(self) -> list[str]:
        """Label `name` of each alert it took, in order."""
        lists = [body["alerts"] if isinstance(body, dict) else body for body in self.taken]
        return [each["labels"]["name"] for alerts in lists for each in alerts]
