"""Receivers that answer at length, byte by byte, or not at all hold nothing up."""

import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from ports import wait_for
from receivers_on_loopback import alert
from sidecar import Sidecar

from logwatch.errors import NotifyError
from logwatch.notifiers import Dispatcher
from logwatch.notifiers.http import LONGEST, Client
from logwatch.notifiers.receiver import Options, RejectedError
from logwatch.notifiers.webhook import Webhook

HOUR_NS = 3600 * 1_000_000_000
HEAD = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n"


class Server:
    """Answers each request by a function that gets the connection; counts the bytes that were taken from it."""

    def __init__(self, answer: Callable[["Server", socket.socket], None]) -> None:
        self.sent = 0
        self.ended = threading.Event()
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(1 << 16)
                    self._answer(self, connection)
                except OSError:  # it hung up
                    pass
                self.ended.set()

    def send(self, connection: socket.socket, data: bytes) -> None:
        connection.sendall(data)
        self.sent += len(data)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def server() -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(answer: Callable[[Server, socket.socket], None]) -> Server:
        started.append(Server(answer))
        return started[-1]

    yield start
    for one in started:
        one.close()


def flood(status: int) -> Callable[[Server, socket.socket], None]:
    def answer(server: Server, connection: socket.socket) -> None:
        server.send(connection, HEAD % (status, 1 << 30))
        for _ in range(1 << 14):
            server.send(connection, b"x" * (1 << 16))

    return answer


def drip(beginning: bytes) -> Callable[[Server, socket.socket], None]:
    def answer(server: Server, connection: socket.socket) -> None:
        server.send(connection, beginning)
        while True:
            time.sleep(0.05)
            server.send(connection, b"x")

    return answer


@pytest.mark.parametrize("status", [200, 400])
def test_a_gigabyte_of_body_is_not_read(server: Callable[..., Server], status: int) -> None:
    one = server(flood(status))
    client = Client(one.url)
    if status == 200:
        client.post([])
    else:
        with pytest.raises(RejectedError, match="status 400: x"):
            client.post([])
    one.ended.wait(10)

    assert one.sent < 200 * LONGEST  # what the kernel's buffers hold comes on top of what is read


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200 X\r\nA: "], ids=["status", "header"])
def test_an_answer_byte_by_byte_is_given_up(server: Callable[..., Server], beginning: bytes) -> None:
    client = Client(server(drip(beginning)).url, timeout=timedelta(seconds=0.5))

    with pytest.raises(NotifyError, match=r"no answer within 0.5 s") as error:
        client.post([])

    assert error.value.retry


@pytest.mark.parametrize("status", [200, 503])
def test_a_body_byte_by_byte_ends_at_the_deadline(server: Callable[..., Server], status: int) -> None:
    one = server(drip(HEAD % (status, 1000)))
    client = Client(one.url, timeout=timedelta(seconds=0.5))
    if status == 200:
        client.post([])  # the status says that it accepted
    else:
        with pytest.raises(NotifyError, match="status 503"):
            client.post([])

    assert one.ended.wait(10)
    assert one.sent < 1000


def test_a_stop_aborts_a_request_and_keeps_what_it_was_to_deliver(server: Callable[..., Server]) -> None:
    one = server(lambda _, connection: (threading.Event().wait(60) and None) or connection.close())
    receiver = Webhook(Client(one.url, timeout=timedelta(minutes=1)), Options(HOUR_NS), "http://host")
    dispatcher = Dispatcher([receiver], time.time_ns)
    dispatcher.start()
    dispatcher.enqueue([alert()], 0)
    rows = dispatcher.changed_rows()
    dispatcher.committed()
    before = time.monotonic()
    dispatcher.close()

    assert time.monotonic() - before < 2  # a promise to the service manager, far below the minute of the request
    assert [key.partition(" ")[0] for key, row in rows.items() if row] == ["waiting"]
    assert dispatcher.changed_rows() == {}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("logwatch-notify")]


def test_a_receiver_that_hangs_does_not_delay_the_end(
    server: Callable[..., Server], sidecar: Callable[..., Sidecar], tmp_path: Path
) -> None:
    one = server(lambda _, connection: (threading.Event().wait(60) and None) or connection.close())
    config, rules, log = tmp_path / "logwatch.yml", tmp_path / "alerts.yml", tmp_path / "messages"
    config.write_text(f"alerting: {{webhooks: [{{url: '{one.url}', timeout: 1m}}]}}\n")
    rules.write_text(
        "groups:\n- {name: g, interval: 1s, rules: [{alert: Always, expr: vector(1), labels: {severity: info}}]}\n"
    )
    log.write_text("Nov 23 18:12:57 vm cron[1]: hello\n")
    killed = sidecar("--no-shipped-rules", "--config.file", str(config), "--rules", str(rules), "--log", str(log))
    wait_for(lambda: (killed.value("logwatch_notifications_queue_length") or 0) > 0, "the alert")
    before = time.monotonic()

    assert killed.end() == 0
    assert time.monotonic() - before < 4  # 2 s on an idle machine; the request alone takes a minute
    with closing(sqlite3.connect(tmp_path / "state" / "logwatch.db")) as database:
        kept = database.execute("SELECT key FROM stages WHERE stage = 'notifiers'").fetchall()
    assert [key.partition(" ")[0] for (key,) in kept] == ["waiting"]
