"""Receivers as `run` meets them: whatever one of them answers, the others get their alerts, and memory stays bounded."""

import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from ports import wait_for
from sidecar import Sidecar

ALERTS = """
groups:
- name: g
  interval: 1s
  rules:
  - {alert: Always, expr: vector(1), labels: {severity: warning}}
"""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
Answer = Callable[[socket.socket], None]


class Receiver:
    """Counts requests, and answers each as it was told to."""

    def __init__(self, answer: Answer) -> None:
        self.requests = 0
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):  # closed with the test
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._take, args=[connection], daemon=True).start()

    def _take(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):  # it hung up
            connection.recv(1 << 16)
            self.requests += 1
            self._answer(connection)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def receiver() -> Iterator[Callable[[Answer], Receiver]]:
    started: list[Receiver] = []

    def start(answer: Answer) -> Receiver:
        started.append(Receiver(answer))
        return started[-1]

    yield start
    for one in started:
        one.close()


def accept(connection: socket.socket) -> None:
    connection.sendall(OK)


def fail(connection: socket.socket) -> None:
    connection.sendall(OK.replace(b"200 OK", b"500 X"))


def hang(_connection: socket.socket) -> None:
    threading.Event().wait(30)


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        time.sleep(0.1)
        connection.sendall(b"x")


def flood(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
    for _ in range(1 << 10):
        connection.sendall(b"x" * (1 << 20))


@pytest.fixture
def run(tmp_path: Path, sidecar: Callable[..., Sidecar]) -> Callable[..., Sidecar]:
    """Start `run` with an alert that fires, and these webhooks."""

    def start(*receivers: Receiver, timeout: str = "1s") -> Sidecar:
        config, rules, log = tmp_path / "logwatch.yml", tmp_path / "alerts.yml", tmp_path / "messages"
        hooks = [{"url": one.url, "timeout": timeout} for one in receivers]
        config.write_text(json.dumps({"alerting": {"webhooks": hooks}}))
        rules.write_text(ALERTS)
        log.write_text("Nov 23 18:12:57 vm cron[1]: hello\n")
        return sidecar("--no-shipped-rules", "--config.file", str(config), "--rules", str(rules), "--log", str(log))

    return start


def counted(one: Sidecar, metric: str, receiver: Receiver) -> float:
    return one.value(f"logwatch_notifications_{metric}_total", receiver=receiver.url) or 0


def test_a_gigabyte_of_answer_takes_no_memory(receiver: Callable[..., Receiver], run: Callable[..., Sidecar]) -> None:
    one = receiver(flood)
    process = run(one, timeout="20s")
    wait_for(lambda: counted(process, "sent", one) == 1, "the acknowledgement")

    assert process.resident_mb("VmHWM") < 300


def test_an_answer_byte_by_byte_is_an_error(receiver: Callable[..., Receiver], run: Callable[..., Sidecar]) -> None:
    one = receiver(drip)
    process = run(one)
    wait_for(lambda: counted(process, "errors", one) > 0, "that it is given up", 30)
    before = time.monotonic()

    assert process.end(signal.SIGTERM) == 0
    assert time.monotonic() - before < 5  # it took ten seconds, and a second try


# ── what always held ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("answer", [fail, hang], ids=["500", "hangs"])
def test_one_that_fails_is_tried_again_and_delays_no_other(
    answer: Answer, receiver: Callable[..., Receiver], run: Callable[..., Sidecar]
) -> None:
    bad, good = receiver(answer), receiver(accept)
    process = run(bad, good)
    wait_for(lambda: counted(process, "sent", good) == 1, "the other receiver")
    wait_for(lambda: bad.requests > 1 and counted(process, "errors", bad) > 0, "the second try")


def test_a_redirect_is_not_followed(receiver: Callable[..., Receiver], run: Callable[..., Sidecar]) -> None:
    inside = receiver(accept)
    head = f"HTTP/1.1 307 X\r\nLocation: {inside.url}\r\nContent-Length: 0\r\n\r\n".encode()
    one = receiver(lambda connection: connection.sendall(head))
    process = run(one)
    wait_for(lambda: one.requests > 0 and "307" in process.stderr.read_text(), "the redirect")

    assert inside.requests == 0


def test_a_hundred_reloads_at_once_are_survived(receiver: Callable[..., Receiver], run: Callable[..., Sidecar]) -> None:
    process = run(receiver(accept))
    for _ in range(100):
        process.send(signal.SIGHUP)
    wait_for(lambda: "reload" in process.stderr.read_text(), "a reload")

    assert process.get("/-/healthy")[0] == 200


# ── receivers of samples ─────────────────────────────────────────────────────────────


def test_samples_are_pushed_past_receivers_that_flood_drip_or_redirect(
    receiver: Callable[..., Receiver], tmp_path: Path, sidecar: Callable[..., Sidecar]
) -> None:
    inside, good, slow, full = receiver(accept), receiver(accept), receiver(drip), receiver(flood)
    head = f"HTTP/1.1 307 X\r\nLocation: {inside.url}\r\nContent-Length: 0\r\n\r\n".encode()
    elsewhere = receiver(lambda connection: connection.sendall(head))
    config, log = tmp_path / "logwatch.yml", tmp_path / "messages"
    log.touch()
    pushed = [{"url": one.url, "remote_timeout": "2s"} for one in (elsewhere, slow, full, good)]
    config.write_text(json.dumps({"remote_write": pushed}))
    process = sidecar("--config.file", str(config), "--log", str(log))
    wait_for(lambda: all(one.requests > 0 for one in (elsewhere, slow, full, good)), "requests to all of them")
    wait_for(lambda: "no answer within 2 s" in process.stderr.read_text(), "that the slow one is given up")

    assert inside.requests == 0
    assert process.resident_mb("VmHWM") < 300
    assert process.end(signal.SIGTERM) == 0
