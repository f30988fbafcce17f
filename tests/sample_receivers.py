"""Receivers of pushed samples on loopback: remote write 1.0 and OTLP, as their own messages decode them."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cramjam
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from logwatch.model import SECOND
from logwatch.push.remote_write import message_class

START = 1_790_000_010 * SECOND
INTERVAL = 15 * SECOND
Sample = tuple[str, dict[str, str], float, int]
"""Name, labels, value and time in ms (remote write) or ns (OTLP)."""


class SampleReceiver:
    """Keeps what it took; `answer` gives the status of each request, None never answers."""

    def __init__(self, answer: Callable[[], int | None] = lambda: 200, body: bytes = b"") -> None:
        self.answer, self.body = answer, body
        self.requests: list[tuple[int | None, dict[str, str], Any]] = []
        """Status, headers and message of every request."""
        self._enough = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.answer()
                receiver.requests.append((status, dict(self.headers), decoded(body, self.headers["Content-Encoding"])))
                if status is None:
                    receiver._enough.wait(10)
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(receiver.body)))
                self.end_headers()
                self.wfile.write(receiver.body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._enough.set()
        self._server.shutdown()
        self._server.server_close()

    def taken(self) -> list[Any]:
        """The messages that were answered with 2xx, in order."""
        return [message for status, _, message in list(self.requests) if status is not None and 200 <= status < 300]


def decoded(body: bytes, encoding: str) -> Any:
    if encoding == "snappy":
        return message_class().FromString(bytes(cramjam.snappy.decompress_raw(body)))
    return ExportMetricsServiceRequest.FromString(gzip.decompress(body))


def remote_samples(message: Any) -> list[Sample]:
    """The samples of a WriteRequest."""
    found = []
    for series in message.timeseries:
        labels = {label.name: label.value for label in series.labels}
        assert list(labels) == sorted(labels), "labels are sorted by name"
        name = labels.pop("__name__")
        found += [(name, labels, sample.value, sample.timestamp) for sample in series.samples]
    return found


def partial_success(rejected: int, why: str) -> bytes:
    """An answer of OTLP that took only a part."""
    answer = ExportMetricsServiceResponse()
    answer.partial_success.rejected_data_points = rejected
    answer.partial_success.error_message = why
    return answer.SerializeToString()
