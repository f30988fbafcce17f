"""A real Prometheus on loopback, filled through its remote write receiver.

Remote write is the only way in that carries staleness markers. The message is protobuf in a
snappy block; both are written here by hand, in their simplest forms.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import urllib3

STALE = struct.pack("<Q", 0x7FF0000000000002)
"""The NaN that Prometheus means by «this series has ended»."""

Points = Sequence[tuple[int, float]]
"""Milliseconds and values; NaN is the marker."""


def varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def field(number: int, payload: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def sample(time_ms: int, value: float) -> bytes:
    return b"\x09" + (STALE if value != value else struct.pack("<d", value)) + b"\x10" + varint(time_ms)


def write_request(series: Iterable[tuple[Mapping[str, str], Points]]) -> bytes:
    request = bytearray()
    for labels, points in series:
        encoded = b"".join(
            field(1, field(1, name.encode()) + field(2, labels[name].encode())) for name in sorted(labels)
        )
        encoded += b"".join(field(2, sample(time_ms, value)) for time_ms, value in points)
        request += field(1, encoded)
    return bytes(request)


def snappy(payload: bytes) -> bytes:
    """One literal: a valid block that compresses nothing."""
    return varint(len(payload)) + b"\xfc" + struct.pack("<I", len(payload) - 1) + payload


class Prometheus:
    def __init__(self, url: str) -> None:
        self.url = url
        self.http = urllib3.PoolManager(retries=False, timeout=30)

    def write(self, series: Iterable[tuple[Mapping[str, str], Points]]) -> None:
        headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
        answer = self.http.request(
            "POST", f"{self.url}/api/v1/write", body=snappy(write_request(series)), headers=headers
        )
        assert answer.status < 300, answer.data

    def query(self, expression: str, time_ms: int) -> dict[str, object]:
        """The `data` of an instant query, or its error."""
        body = urlencode({"query": expression, "time": f"{time_ms / 1000:.3f}"})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self.http.request("POST", f"{self.url}/api/v1/query", body=body, headers=headers)
        found = json.loads(answer.data)
        return found["data"] if found["status"] == "success" else {"resultType": "error", "result": found["error"]}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running(directory: Path) -> Iterable[Prometheus]:
    (directory / "prometheus.yml").write_text("global: {evaluation_interval: 1m}\n")
    port = free_port()
    command = [
        "prometheus",
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
        "--storage.tsdb.retention.time=100y",
        "--log.level=error",
    ]
    with (directory / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        server = Prometheus(f"http://127.0.0.1:{port}")
        wait_until_ready(server, process, directory / "output")
        yield server
        server.http.clear()
    finally:
        process.terminate()
        process.wait(30)


def wait_until_ready(server: Prometheus, process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, output.read_text()
        try:
            if server.http.request("GET", f"{server.url}/-/ready").status == 200:
                return
        except urllib3.exceptions.HTTPError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"prometheus was not ready within a minute: {output.read_text()}")
