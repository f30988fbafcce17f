"""What a client sends to the port of `run`, from outside: others are answered, and the log is read."""

import json
import resource
import socket
import urllib.parse
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ports import wait_for
from sidecar import Sidecar

HALF = b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "
NAMES = [
    "<script>alert(1)</script>", "'\"><img src=x onerror=alert(1)>", "</title><script>", "javascript:alert(1)", "{{7*7}}",
    "${7*7}", "%3Cscript%3E", "a&lt;b", "\x1b[2J", "\u202eb", "a\u0000b", "\"}};alert(1)//", "`id`", "../../etc/passwd",
]  # fmt: skip


def died(name: str, number: int = 1) -> str:
    """What `docker events` prints of the end of a container of this name."""
    now = datetime.now(UTC)
    actor = {"ID": f"{number:064x}", "Attributes": {"image": "busybox", "name": name, "exitCode": "1"}}
    event = {"Type": "container", "Action": "die", "Actor": actor, "timeNano": int(now.timestamp() * 1e9)}
    return f"{now.isoformat(timespec='microseconds')} vm docker-events[7]: {json.dumps(event, separators=(',', ':'))}\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "messages"
    path.write_text(died("web"))
    return path


@pytest.fixture
def one(log: Path, sidecar: Callable[..., Sidecar]) -> Sidecar:
    started = sidecar("--log", str(log))
    wait_for(lambda: started.get("/-/ready")[0] == 200, "reading the log")
    return started


def connect(one: Sidecar) -> socket.socket:
    return socket.create_connection(("127.0.0.1", one.port), timeout=20)


def answer(one: Sidecar, request: bytes) -> bytes:
    """What comes back until the server is silent or hangs up."""
    with connect(one) as client, suppress(OSError):
        client.sendall(request)
        client.settimeout(2)
        received = b""
        while piece := client.recv(1 << 16):
            received += piece
            if b"\r\n\r\n" in received:
                break
        return received
    return b""


def test_more_idle_clients_than_descriptors_stop_neither_reading_nor_probes(
    log: Path, sidecar: Callable[..., Sidecar]
) -> None:
    one = sidecar("--log", str(log), limits={resource.RLIMIT_NOFILE: 256})
    wait_for(lambda: one.get("/-/ready")[0] == 200, "reading the log")
    idle = [socket.socket() for _ in range(400)]
    for client in idle:
        client.settimeout(5)
        with suppress(OSError):  # refused or reset: also an answer
            client.connect(("127.0.0.1", one.port))
            client.sendall(HALF)
    log.rename(log.with_name("messages.1"))
    log.write_text(died("db", 2))
    try:
        wait_for(lambda: one.value("docker_container_events_total", name="db", action="die") == 1, "reading", 30)
        assert one.get("/-/healthy")[0] == 200
        assert len(one.stderr.read_bytes()) < 10_000
    finally:
        for client in idle:
            client.close()


@pytest.mark.parametrize(
    "parameters",
    [{"since": "1e30"}, {"since": "-1e18"}, {"since": "9999-12-31T23:59:59+00:00"}, {"limit": "9" * 5000}],
    ids=["far", "long ago", "the last day", "a long number"],
)
def test_a_parameter_out_of_bounds_is_no_error_of_the_server(one: Sidecar, parameters: dict[str, str]) -> None:
    status, _ = one.get(f"/api/v1/events?{urllib.parse.urlencode(parameters)}")

    assert status in {200, 400}
    assert "Traceback" not in one.stderr.read_text()


def test_answers_say_that_nothing_may_frame_or_sniff_them(one: Sidecar) -> None:
    for path in ("/", "/metrics", "/-/healthy"):
        head = answer(one, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()).lower()

        assert b"x-content-type-options: nosniff" in head
        assert b"content-security-policy: " in head


def test_the_page_has_no_script_but_the_files_of_its_own(one: Sidecar) -> None:
    page = one.get("/")[1]

    assert page.count("<script") == page.count('<script src="/static/')


# ── what always held ─────────────────────────────────────────────────────────────────


def test_a_name_is_text_on_the_page(log: Path, one: Sidecar) -> None:
    scripts = one.get("/")[1].count("<script")
    with log.open("a") as out:
        out.writelines(died(name, number) for number, name in enumerate(NAMES, 2))
    wait_for(lambda: one.value("docker_events_total", type="container", action="die") == len(NAMES) + 1, "the names")
    page = one.get("/")[1]

    assert "onerror=alert(1)&gt;" in page or "&lt;img" in page
    for name in ("<script>alert(1)", "<img src=x", "</title><script>"):
        assert name not in page
    assert page.count("<script") == scripts


@pytest.mark.parametrize(
    "path", ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/static/../../etc/passwd", "//etc/passwd"]
)
def test_no_path_leads_to_a_file(one: Sidecar, path: str) -> None:
    received = answer(one, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())

    assert received.split()[1] == b"404"
    assert b"root:" not in received


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/metrics", 405),
        ("PUT", "/", 405),
        ("TRACE", "/", 405),
        ("POST", "/-/quit", 403),
        ("POST", "/-/reload", 403),
    ],
)
def test_a_method_that_is_not_meant_does_nothing(one: Sidecar, method: str, path: str, status: int) -> None:
    assert one.get(path, method=method)[0] == status
    assert one.get("/-/healthy")[0] == 200


def test_headers_of_a_megabyte_and_two_lengths_are_refused(one: Sidecar) -> None:
    long = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * (1 << 20) + b"\r\n\r\n"
    both = b"POST /-/quit HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x"

    assert answer(one, long).split()[1:2] in ([b"400"], [b"431"], [])
    assert answer(one, both).split()[1:2] in ([b"400"], [b"403"])
    assert one.get("/-/healthy")[0] == 200


def test_a_body_of_300_mb_is_not_kept(one: Sidecar) -> None:
    with connect(one) as client, suppress(OSError):  # it may hang up
        client.sendall(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 314572800\r\n\r\n")
        for _ in range(300):
            client.sendall(b"x" * (1 << 20))

    assert one.get("/-/healthy")[0] == 200
    assert one.resident_mb("VmHWM") < 200


def test_a_probe_is_answered_beside_fifty_readers(one: Sidecar) -> None:
    readers = [connect(one) for _ in range(50)]
    for reader in readers:
        reader.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 5)

    assert one.get("/-/healthy")[0] == 200
    for reader in readers:
        reader.close()
