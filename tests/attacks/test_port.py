"""Nothing that a client sends, or does not send, keeps logwatch from answering others or from reading its log."""

import http.client
import json
import os
import resource
import socket
import struct
import threading
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import bcrypt
import pytest
from ports import wait_for
from sidecar import Sidecar
from webfakes import FakeView

from logwatch.alerting import Report
from logwatch.web import WebServer, connections
from logwatch.web.security import FAILURES, Security
from logwatch.web.view import Probe

HALF = b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "


@pytest.fixture
def serve() -> Iterator[Callable[..., WebServer]]:
    started: list[WebServer] = []

    def start(**options: object) -> WebServer:
        started.append(WebServer(FakeView(), "127.0.0.1:0", **options))  # type: ignore[arg-type] # a view for tests
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        one.close()


def get(server: WebServer, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and body."""
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read().decode()


def is_closed(client: socket.socket) -> bool:
    client.settimeout(0)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


# ── connections ──────────────────────────────────────────────────────────────────────


def test_idle_connections_give_way_to_a_probe(serve: Callable[..., WebServer]) -> None:
    server = serve(max_connections=20)
    with ExitStack() as clients:
        idle = [clients.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(60)]
        for client in idle:
            with suppress(OSError):  # closed already
                client.sendall(HALF)

        assert get(server, "/-/healthy")[0] == 200
        wait_for(lambda: sum(not is_closed(client) for client in idle) <= 20, "closing the oldest")
        assert not is_closed(idle[-1])


@pytest.mark.parametrize("sent", [b"", HALF], ids=["nothing", "half a request"])
def test_a_request_that_does_not_come_is_given_up(
    serve: Callable[..., WebServer], monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(connections, "HEADER_TIMEOUT", 0.3)
    with socket.create_connection(("127.0.0.1", serve().port)) as client:
        client.sendall(sent)
        wait_for(lambda: is_closed(client), "the header's deadline")


def test_a_second_request_that_does_not_come_is_given_up(
    serve: Callable[..., WebServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEADER_TIMEOUT", 0.3)
    with socket.create_connection(("127.0.0.1", serve().port)) as client:
        client.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in client.recv(4096)
        client.sendall(HALF)
        wait_for(lambda: is_closed(client), "the header's deadline")


def test_a_client_that_does_not_read_its_answer_is_given_up(
    serve: Callable[..., WebServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "WRITE_TIMEOUT", 0.3)
    made = threading.Event()
    monkeypatch.setattr(FakeView, "metrics", lambda *_: (made.set(), (b"#" * (64 << 20), "text/plain"))[1])
    server = serve()
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET /-/healthy HTTP/1.0\r\n\r\n")
        while client.recv(4096):  # until the server, which runs by now, hangs up
            pass
    files = _open_files()
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert made.wait(30)
        wait_for(lambda: _open_files() == files + 1, "the server's end of the connection closed")
        client.settimeout(10)
        received = 0
        while piece := _received(client):
            received += len(piece)

    assert received < 64 << 20


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def _received(client: socket.socket) -> bytes:
    try:
        return client.recv(1 << 20)
    except ConnectionError:
        return b""


def test_the_limit_leaves_descriptors_to_the_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    def limits(soft: int, hard: int) -> None:
        monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))

    limits(1024, 1024)
    assert [connections.connection_limit(wanted) for wanted in (512, 2000)] == [512, 768]
    limits(20, 20)
    assert connections.connection_limit(512) == 5
    limits(resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    assert connections.connection_limit(512) == 512


def test_the_soft_limit_of_open_files_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1 << 20))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: made.append(limits))
    connections.raise_file_limit()

    assert made == [(connections.MOST_FILES, 1 << 20)]


def test_idle_connections_stop_neither_reading_nor_probes(sidecar: Callable[..., Sidecar], tmp_path: Path) -> None:
    log = tmp_path / "messages"
    log.write_text("")
    one = sidecar("--log", str(log), "--web.max-connections", "50")
    resource.prlimit(one.process.pid, resource.RLIMIT_NOFILE, (128, 128))
    idle = [socket.socket() for _ in range(400)]
    for client in idle:
        client.settimeout(5)
        with suppress(OSError):  # refused or reset: also an answer
            client.connect(("127.0.0.1", one.port))
            client.sendall(HALF)
    with log.open("a") as out:
        out.write(
            'Nov 23 18:12:57 vm dockerd[4242]: time="2026-11-23T18:12:57.7Z" level=info msg="ignoring event" '
            'container=8dd3a1b2c3d4 module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"\n'
        )
    wait_for(lambda: one.value("logwatch_lines_read_total", path=str(log)) == 1, "reading")

    assert one.get("/-/healthy")[0] == 200
    assert len(one.stderr.read_bytes()) < 10_000
    for client in idle:
        client.close()


def test_a_probe_waits_for_no_other_request(serve: Callable[..., WebServer], monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(FakeView, "metrics", lambda *_: (released.wait(30), (b"", "text/plain"))[1])
    server = serve()
    with ExitStack() as clients:
        clients.callback(released.set)
        for _ in range(100):  # more than the threads that answer requests
            client = clients.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")

        assert get(server, "/-/healthy")[0] == 200
        assert get(server, "/-/ready")[0] == 200


def test_a_scrape_waits_for_no_page(serve: Callable[..., WebServer], monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(FakeView, "alerts", lambda *_: (released.wait(30), Report())[1])
    server = serve()
    with ExitStack() as clients:
        clients.callback(released.set)
        for path in ["/", "/api/v1/alerts", "/api/v1/rules"] * 20:
            client = clients.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

        assert get(server, "/metrics")[0] == 200


def test_a_hundred_reloads_hold_up_no_page_and_are_two(
    serve: Callable[..., WebServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    released, begun = threading.Event(), threading.Semaphore(0)
    monkeypatch.setattr(
        FakeView, "reload", lambda *_: (begun.release(), released.wait(30), Probe(ok=True, detail="done"))[2]
    )
    server = serve(lifecycle=True)
    with ExitStack() as stack:
        stack.callback(released.set)
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(100)]
        for place, client in enumerate(clients):
            client.sendall(b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            if not place:
                assert begun.acquire(timeout=30)  # what comes from now on needs another one

        assert get(server, "/api/v1/alerts")[0] == 200
        assert get(server, "/")[0] == 200

        released.set()
        for client in clients:
            client.settimeout(30)
            assert client.recv(15) == b"HTTP/1.1 200 OK"
    assert begun.acquire(blocking=False)
    assert not begun.acquire(blocking=False)


# ── requests ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "parameters",
    [
        {"since": "1e30"},
        {"since": "-1e18"},
        {"since": "nan"},
        {"since": "inf"},
        {"until": "9999-12-31T23:59:59+00:00"},
        {"since": "0001-01-01T00:00:00+23:59"},
        {"limit": "1" * 5000},
        {"limit": "²"},
        {"limit": "-1"},
        {"event": "*a" * 200},
        {"name": "x" * 5000},
        {"since": "x" * 5000},
        {"x" * 5000: ""},
    ],
    ids=lambda parameters: next(iter(f"{key[:9]}={value[:12]}" for key, value in parameters.items())),
)
def test_a_parameter_out_of_bounds_is_a_mistake_of_the_client(
    serve: Callable[..., WebServer], parameters: dict[str, str]
) -> None:
    status, _, body = get(serve(), f"/api/v1/events?{urllib.parse.urlencode(parameters)}")

    assert status == 400
    assert json.loads(body)["errorType"] == "bad_data"
    assert len(body) < 400


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/api/v1/events", "/no/such"])
def test_a_browser_runs_and_frames_nothing_of_an_answer(serve: Callable[..., WebServer], path: str) -> None:
    _, headers, _ = get(serve(), path)

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "script-src 'unsafe" not in headers["content-security-policy"]


def test_the_page_may_run_its_own_script_only(serve: Callable[..., WebServer]) -> None:
    _, headers, page = get(serve(), "/")

    assert page.count("<script") == page.count('<script src="/static/') == 2
    assert "script-src 'self';" in headers["content-security-policy"]


def test_malformed_requests_do_not_fill_stderr(
    serve: Callable[..., WebServer], caplog: pytest.LogCaptureFixture
) -> None:
    server = serve()
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"\x16\x03\x01 not HTTP\r\n\r\n")
            assert b"400" in client.recv(4096)

    assert caplog.records == []


def test_a_body_that_is_malformed_while_its_request_is_answered_does_not_fill_stderr(
    serve: Callable[..., WebServer], caplog: pytest.LogCaptureFixture
) -> None:
    server = serve()
    for path, is_begun in (("/", False), ("/nothing", False), ("/events/stream", True)):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
            head = f"GET {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
            if is_begun:
                client.sendall(head)
                assert b" 200 " in client.recv(4096)
                client.sendall(b"not a length\r\n")
                wait_for(lambda: is_closed(client), "the end")
            else:
                client.sendall(head + b"not a length\r\n")
                assert b" 400 " in client.recv(4096)
    get(server, "/")

    assert caplog.records == []


@pytest.mark.parametrize("path", ["/api/v1/query", "/-/mute", "/-/unmute"])
@pytest.mark.parametrize("sent", [b"query=", b""], ids=["a part", "nothing"])
@pytest.mark.parametrize("end", ["close", "reset", "malformed"])
def test_a_client_that_goes_within_its_body_does_not_fill_stderr(
    path: str, sent: bytes, end: str, serve: Callable[..., WebServer], caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(lifecycle=True)
    length = b"Transfer-Encoding: chunked" if end == "malformed" else b"Content-Length: 100"
    head = b"POST %b HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n" % (path.encode(), length)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        if end == "malformed":
            client.sendall(head + (b"%x\r\n%b\r\n" % (len(sent), sent) if sent else b"") + b"not a length\r\n")
            assert b" 400 " in client.recv(4096)
        else:
            client.sendall(head + sent)
            get(server, "/-/healthy")  # by then the head was read
        if end == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for _ in range(2):  # the loop of the server comes by
        get(server, "/")

    assert caplog.records == []


# ── passwords ────────────────────────────────────────────────────────────────────────


def test_guessing_passwords_is_slowed_down_and_probes_still_answer(
    serve: Callable[..., WebServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "web.yml"
    hashed = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
    path.write_text(f"basic_auth_users: {{prometheus: '{hashed}'}}\n")
    clock = [1000.0]
    security = Security(path, lambda: clock[0])
    server = serve(security=security)
    checked: list[bytes] = []
    check = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, "checkpw", lambda secret, known: checked.append(secret) or check(secret, known))

    def ask(password: str, path: str = "/metrics") -> int:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        token = "Basic " + b64encode(f"prometheus:{password}".encode()).decode()
        connection.request("GET", path, headers={"Authorization": token})
        status = connection.getresponse().status
        connection.close()
        return status

    statuses = [ask(f"wrong{number}") for number in range(FAILURES + 20)]

    assert statuses == [401] * FAILURES + [429] * 20
    assert len(checked) == FAILURES
    assert get(server, "/-/healthy")[0] == 200
    clock[0] += 61
    assert ask("right") == 200
