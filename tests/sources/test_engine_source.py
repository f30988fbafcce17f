"""The engine's own account of events, read from its API."""

import json
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from engineapi import SECOND, Api, event
from ports import wait_for

from logwatch.build import Builder
from logwatch.config import Config
from logwatch.errors import SourceError
from logwatch.metrics import Registry
from logwatch.model import Chunk
from logwatch.sources import engine as engine_module
from logwatch.sources import engine_api
from logwatch.sources.engine import EngineSource
from logwatch.sources.engine_api import Address, tls_context
from logwatch.sources.file import FileSource
from logwatch.sources.merged import MergedSource

T = 1_795_465_242 * SECOND
Open = Callable[..., EngineSource]


@pytest.fixture
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    # A short path: socket names have at most 107 bytes.
    one = Api(tmp_path_factory.mktemp("e") / "s")
    yield one
    one.stop()


@pytest.fixture
def opened() -> Iterator[Open]:
    sources: list[EngineSource] = []

    def start(api: Api | Scripted, rows: dict[str, str] | None = None, **options: object) -> EngineSource:
        source = EngineSource(api.address, **options)  # type: ignore[arg-type]  # options are passed on as they are
        source.restore(rows or {})
        sources.append(source)
        return source

    yield start
    for each in sources:
        each.close()


class Reading:
    """What was read of a source so far."""

    def __init__(self, source: EngineSource | MergedSource) -> None:
        self.source = source
        self.chunks: list[Chunk] = []
        self.gaps: list[str] = []

    def step(self) -> bool:
        chunk = self.source.read(T)
        self.gaps += [gap.reason for gap in self.source.gaps()]
        if chunk is not None:
            self.chunks += [chunk, *chunk.followed_by]
        return chunk is not None

    @property
    def names(self) -> list[str]:
        return [found for chunk in self.chunks for found in re.findall(r'"name": "(\w+)"', chunk.data.decode())]

    def until(self, *names: str) -> None:
        """Read until exactly these were named."""

        def enough() -> bool:
            self.step()
            return len(self.names) >= len(names)

        wait_for(enough, f"{names}, not {self.names},")

        assert self.names == list(names)


def stored(source: EngineSource, rows: dict[str, str] | None = None) -> dict[str, str]:
    return {**(rows or {}), **{key: row for key, row in source.changed_rows().items() if row is not None}}


def test_an_event_becomes_the_line_that_a_host_would_log(api: Api, opened: Open) -> None:
    api.emit(event(1, T + 7))
    reading = Reading(opened(api))
    reading.until("c1")

    header, _, message = reading.chunks[0].data.decode().partition(" docker-events: ")
    assert re.fullmatch(r"2026-11-23T20:20:42\.000000007(Z|\+00:00) \S+", header)
    assert json.loads(message) == event(1, T + 7)
    assert not reading.chunks[0].is_host_known


def test_what_an_engine_still_keeps_is_read_at_a_first_start_and_then_what_comes(api: Api, opened: Open) -> None:
    api.emit(event(1, T), event(2, T + 1))
    reading = Reading(opened(api))
    reading.until("c1", "c2")
    api.emit(event(3, T + 2))
    reading.until("c1", "c2", "c3")

    assert reading.gaps == []


def test_a_first_start_at_the_end_begins_with_what_comes(api: Api, opened: Open) -> None:
    api.emit(event(1, T - 5))
    reading = Reading(opened(api, start="end"))
    reading.step()
    wait_for(lambda: len(api.queries) == 1, "a connection")
    api.emit(event(2, T + 5))
    reading.until("c2")


def test_a_connection_that_ends_goes_on_after_the_last_event(api: Api, opened: Open) -> None:
    api.emit(event(1, T))
    reading = Reading(opened(api))
    reading.until("c1")
    api.cut()
    api.emit(event(2, T), event(3, T + SECOND))
    reading.until("c1", "c2", "c3")

    assert reading.gaps == []


def test_an_engine_whose_clock_was_set_back_loses_nothing(api: Api, opened: Open) -> None:
    api.emit(event(1, T + 20 * 3600 * SECOND))
    first = opened(api)
    reading = Reading(first)
    reading.until("c1")
    api.emit(event(2, T))
    reading.until("c1", "c2")
    api.cut()
    api.emit(event(3, T + SECOND))
    reading.until("c1", "c2", "c3")
    rows = stored(first)
    first.close()
    api.emit(event(4, T + 2 * SECOND))
    again = Reading(opened(api, rows))
    again.until("c4")

    assert reading.gaps + again.gaps == []


def test_a_restart_goes_on_after_the_last_committed_event(api: Api, opened: Open) -> None:
    api.emit(event(1, T), event(2, T))
    first = opened(api)
    reading = Reading(first)
    reading.until("c1", "c2")
    rows = stored(first)
    first.close()
    api.emit(event(3, T), event(4, T - SECOND // 2))
    again = Reading(opened(api, rows))
    again.until("c3", "c4")

    assert again.gaps == []


def test_what_was_read_and_not_committed_is_read_again(api: Api, opened: Open) -> None:
    api.emit(event(1, T))
    first = opened(api)
    reading = Reading(first)
    reading.until("c1")
    rows = stored(first)
    api.emit(event(2, T + 1))
    reading.until("c1", "c2")
    first.close()
    again = Reading(opened(api, rows))
    again.until("c2")


def test_an_engine_that_was_restarted_has_forgotten_events_which_is_a_gap(api: Api, opened: Open) -> None:
    api.emit(event(1, T))
    reading = Reading(opened(api))
    reading.until("c1")
    api.restart()
    api.emit(event(2, T + SECOND))
    reading.until("c1", "c2")

    assert reading.gaps == ["events_dropped"]


def test_more_events_than_an_engine_keeps_are_a_gap_after_a_restart(api: Api, opened: Open) -> None:
    api.emit(event(1, T))
    first = opened(api)
    Reading(first).until("c1")
    rows = stored(first)
    first.close()
    api.emit(*(event(number, T + number * SECOND) for number in range(2, 302)))
    again = Reading(opened(api, rows))
    again.until(*(f"c{number}" for number in range(46, 302)))

    assert again.gaps == ["events_dropped"]


def test_a_gap_is_recorded_once_also_where_nothing_happens_after_it(api: Api, opened: Open) -> None:
    api.emit(event(1, T))
    first = opened(api)
    reading = Reading(first)
    reading.until("c1")
    for _ in range(2):
        queries = len(api.queries)
        api.restart()
        wait_for(
            lambda before=queries: not reading.step() and len(api.queries) > before and bool(reading.gaps), "a gap"
        )

    assert reading.gaps == ["events_dropped"]
    rows = stored(first)
    first.close()
    again = Reading(opened(api, rows))
    api.emit(event(2, T + 1))
    again.until("c2")
    assert again.gaps == []


def test_an_engine_that_is_away_is_reported_until_it_is_back(api: Api, opened: Open) -> None:
    api.stop()
    source = opened(api)
    reading = Reading(source)
    wait_for(lambda: not reading.step() and not source.status()[0].open, "no connection")
    assert source.status()[0].error is not None
    api.start()
    api.emit(event(1, T))
    reading.until("c1")

    wait_for(lambda: source.status()[0].open, "a connection")


def test_a_refusal_says_what_to_allow(api: Api, opened: Open) -> None:
    api.refuses = True
    source = opened(api)
    reading = Reading(source)
    wait_for(lambda: not reading.step() and source.status()[0].error is not None, "a refusal")

    error = source.status()[0].error or ""
    assert (error.startswith("status 403"), error.endswith("allow GET /events")) == (True, True)


class Scripted:
    """Listens on a path, answers each connection with the next of these bytes, and then keeps it open."""

    def __init__(self, path: Path, *answers: bytes) -> None:
        self.address = f"docker:unix://{path}"
        self._answers = list(answers)
        self._connections: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.recv(65536)
                connection.sendall(self._answers[0])
                if len(self._answers) > 1:
                    del self._answers[0]
                self._connections.append(connection)

    def cut(self) -> None:
        """End the connections."""
        for each in self._connections:
            each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for each in (self._listener, *self._connections):
            each.close()


Answering = Callable[..., Scripted]


@pytest.fixture
def answering(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    monkeypatch.setattr(engine_api, "CONNECT_TIMEOUT", 0.2)
    servers: list[Scripted] = []

    def start(*answers: bytes) -> Scripted:
        servers.append(Scripted(tmp_path_factory.mktemp("e") / "s", *answers))
        return servers[-1]

    yield start
    for each in servers:
        each.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 500 Oops\r\n\r\n", "status 500: : allow GET /events"),
        (
            b"HTTP/1.1 500 Oops\r\nContent-Length: 9999\r\n\r\nno \x1b[2J\n",
            "status 500: no \\x1b[2J: allow GET /events",
        ),
        (b"", "timed out"),
        (b"SSH-2.0-\x1b[2J\r\n" + b"x" * 1000, "SSH-2.0-\\x1b[2J\\r\\n"),
    ],
    ids=["no body", "half a body", "no answer", "another protocol"],
)
def test_an_engine_that_does_not_end_its_answer_is_reported(
    answering: Answering, opened: Open, answer: bytes, error: str
) -> None:
    source = opened(answering(answer))

    wait_for(lambda: source.read(T) is None and source.status()[0].error is not None, "the error")
    assert source.status()[0].error == error


def test_an_engine_that_ends_every_answer_is_asked_less_often_and_reported_once(
    answering: Answering, opened: Open, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = json.dumps(event(1, T)).encode() + b"\n"
    engine = answering(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
    source = opened(engine)
    pauses: list[float] = []

    def wait(pause: float) -> bool:
        pauses.append(pause)
        return is_stopped(0.01)

    is_stopped = source._stopped.wait
    monkeypatch.setattr(source._stopped, "wait", wait)
    with caplog.at_level("INFO"):
        Reading(source).until("c1")
        wait_for(lambda: pauses[-2:] == [engine_module.LONGEST_PAUSE] * 2, "the longest pause", 20)

    assert sum("retrying" in each for each in caplog.messages) == 1


def test_an_engine_that_does_not_answer_what_it_still_has_is_reported(answering: Answering, opened: Open) -> None:
    headers = b"HTTP/1.1 200 OK\r\n\r\n"
    engine = answering(headers + json.dumps(event(1, T)).encode() + b"\n", headers)
    source = opened(engine)
    Reading(source).until("c1")
    engine.cut()

    wait_for(lambda: source.status()[0].error == "timed out", "the error")


def test_what_is_no_event_is_counted(api: Api, opened: Open) -> None:
    with api.changed:
        api.events += [b"[]", b"nonsense", b'{"timeNano": "x"}', b"[" * 100_000, b'{"timeNano": -1}']
    api.emit(event(1, T))
    source = opened(api)
    Reading(source).until("c1")

    assert source.status()[0].skipped == {"entry": 5}


def test_an_event_with_labels_longer_than_a_line_keeps_what_identifies_it(api: Api, opened: Open) -> None:
    api.emit(event(1, T, "exec_create: " + "x" * 9000, exitCode="7", label="y" * 100_000, other="z" * 50_000))
    reading = Reading(opened(api))
    reading.until("c1")

    line = reading.chunks[0].data
    attributes = json.loads(line.partition(b" docker-events: ")[2])["Actor"]["Attributes"]
    assert len(line) <= (1 << 16) + 1
    assert (attributes["exitCode"], "label" in attributes) == ("7", False)


@pytest.mark.parametrize("value", ["", "z" * 40], ids=["empty", "long"])
def test_an_event_with_thousands_of_labels_keeps_what_identifies_it(value: str, api: Api, opened: Open) -> None:
    labels = {f"a{number}": value for number in range(20_000)}
    api.emit(event(1, T, "die", exitCode="7", **labels), event(2, T + 1))
    reading = Reading(opened(api))
    reading.until("c1", "c2")

    line, _, _ = reading.chunks[0].data.partition(b"\n")
    attributes = json.loads(line.partition(b" docker-events: ")[2])["Actor"]["Attributes"]
    assert len(line) <= 1 << 16
    assert len(attributes) > 500
    assert (attributes["name"], attributes["exitCode"]) == ("c1", "7")


@pytest.mark.parametrize("depth", [100, 940, 960, 980])
def test_an_event_that_nests_too_deep_is_skipped_however_long_it_is(depth: int, api: Api, opened: Open) -> None:
    text = json.dumps({**event(1, T), "padding": "x" * 100_000, "deep": 0})
    nested = "[" * depth + "]" * depth
    with api.changed:
        api.events.append(text.replace('"deep": 0', f'"deep": {nested}').encode())
    api.emit(event(2, T + 1))
    source = opened(api)
    Reading(source).until("c2")

    assert source.status()[0].skipped == {"entry": 1}


def test_a_line_without_end_is_skipped(api: Api, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "LONGEST_EVENT", 1 << 17)
    with api.changed:
        api.events.append(b"x" * (1 << 19))
    api.emit(event(1, T))
    source = opened(api)
    Reading(source).until("c1")

    assert source.status()[0].skipped == {"too_long": 1}


def test_events_that_nobody_reads_end_the_connection_until_they_are_read(
    api: Api, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "MOST_QUEUED", 2000)
    source = opened(api)
    reading = Reading(source)
    reading.step()
    api.emit(*(event(number, T + number) for number in range(100)))
    wait_for(lambda: source.status()[0].pending > 2000, "a full queue")
    reading.until(*(f"c{number}" for number in range(100)))

    assert reading.gaps == []


def test_over_tcp_with_tls_both_sides_are_verified(tmp_path: Path, opened: Open) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=engine"),
            *("-addext", "subjectAltName=DNS:engine"),
            *("-addext", "keyUsage=critical,digitalSignature,keyCertSign"),
        ],
        check=True,
        capture_output=True,
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    server.load_verify_locations(certificate)
    server.verify_mode = ssl.CERT_REQUIRED
    api = Api(tls=server)
    try:
        api.emit(event(1, T))
        refused = opened(api, tls=(tls_context(None, None, None), None))
        reading = Reading(refused)
        wait_for(lambda: not reading.step() and not refused.status()[0].open, "a refusal")
        Reading(opened(api, tls=(tls_context(certificate, certificate, key), "engine"))).until("c1")

        assert "certificate" in (refused.status()[0].error or "")
    finally:
        api.stop()


def test_files_of_tls_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no\.pem: No such file"):
        tls_context(tmp_path / "no.pem", None, None)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("docker:", "/var/run/docker.sock"),
        ("docker:unix:///run/user/1000/docker.sock", "/run/user/1000/docker.sock"),
        ("docker:tcp://10.0.0.7:2375", ("10.0.0.7", 2375)),
        ("docker:tcp://[::1]:2376/", ("::1", 2376)),
    ],
)
def test_where_an_engine_listens(path: str, target: object) -> None:
    assert Address.parse(path).target == target


@pytest.mark.parametrize(
    "path", ["docker:x", "docker:unix://", "docker:tcp://host", "docker:tcp://h:99999", "docker:ssh://h"]
)
def test_other_addresses_are_refused(path: str) -> None:
    with pytest.raises(SourceError, match="write docker:unix:///path or docker:tcp://host:port"):
        Address.parse(path)


# ── beside a log ─────────────────────────────────────────────────────────────────────


def line(seconds: int, text: str) -> str:
    return f'Nov 23 20:20:42 vm dockerd[7]: time="2026-11-23T20:20:{42 + seconds}.5Z" level=info msg="{text}"\n'


def test_events_go_between_the_lines_of_the_engine_while_catching_up(tmp_path: Path, api: Api, opened: Open) -> None:
    log = tmp_path / "messages"
    log.write_text(line(0, "a") + "Nov 23 20:20:42 vm cron[1]: x\n" + line(2, "b") + line(3, "c"))
    api.emit(event(1, T), event(2, T + SECOND), event(3, T + 2 * SECOND), event(4, T + 9 * SECOND))
    engine = opened(api)
    engine.read(T, 1)
    wait_for(lambda: engine.status()[0].pending >= sum(len(each) for each in api.events), "all events")
    merged = MergedSource(FileSource([str(log)], poll_interval=0.01, notify=False), [engine])
    merged.restore({})
    reading = Reading(merged)
    reading.step()
    reading.step()
    merged.close()

    data = b"".join(chunk.data for chunk in reading.chunks).decode()
    assert re.findall(r'msg="(\w)"|"name": "(\w+)"', data) == [
        ("", "c1"),
        ("a", ""),
        ("", "c2"),
        ("", "c3"),
        ("b", ""),
        ("c", ""),
        ("", "c4"),
    ]
    of_log = [chunk for chunk in reading.chunks if chunk.is_host_known]
    assert b"".join(chunk.data for chunk in of_log) == log.read_bytes()
    assert [chunk.offset for chunk in of_log] == [0, log.read_text().index(line(2, "b"))]


def test_positions_of_the_log_and_of_the_engine_are_kept_apart(tmp_path: Path, api: Api, opened: Open) -> None:
    log = tmp_path / "messages"
    log.write_text(line(0, "a"))
    api.emit(event(1, T))
    merged = MergedSource(FileSource([str(log)]), [opened(api)])
    merged.restore({})
    reading = Reading(merged)
    reading.until("c1")
    rows = {key: row for key, row in merged.changed_rows().items() if row is not None}
    merged.close()
    log.write_text(line(0, "a") + line(1, "b"))
    api.emit(event(2, T + 1))
    again = MergedSource(FileSource([str(log)]), [opened(api)])
    again.restore(rows)
    reading = Reading(again)
    reading.until("c2")
    again.close()

    assert [chunk.data for chunk in reading.chunks if chunk.is_host_known] == [line(1, "b").encode()]
    assert [status.path for status in again.status()] == [str(log), api.address]


@pytest.mark.parametrize("engine_first", [True, False])
def test_what_the_log_and_the_engine_report_is_one_event_also_under_another_host_name(engine_first: bool) -> None:
    container = f"{1:064x}"
    stamp = "2026-11-23T20:20:42.5Z"
    text = f'time="{stamp}" level=info msg="ignoring event" container={container} module=libcontainerd namespace=moby topic=/tasks/delete'
    ready = (
        'Nov 23 20:20:40 vm dockerd[7]: time="2026-11-23T20:20:40.5Z" level=info msg="API listen on /run/docker.sock"'
    )
    begin = Chunk(f"{ready}\n".encode(), "/var/log/messages", 0, T)
    log = Chunk(f"Nov 23 20:20:42 vm dockerd[7]: {text}\n".encode(), "/var/log/messages", 200, T)
    told = json.dumps(event(1, T + SECOND // 2, "die", exitCode="3"))
    line = f"2026-11-23T20:20:42.500000000Z box docker-events: {told}\n".encode()
    api = Chunk(line, "docker:", 0, T, live=True, is_host_known=False)
    pipeline = (builder := Builder(Config(), Registry(), None)).pipeline(builder.rules())
    for chunk in (begin, *((api, log) if engine_first else (log, api))):
        pipeline.process(chunk, T + 60 * SECOND)
    pipeline.finish()

    deaths = {each.seq: each.event for each in pipeline.take_outcomes() if each.event.event == "container.die"}
    assert [(each.host, each.name, each.attributes["exit_code"]) for each in deaths.values()] == [("vm", "c1", "3")]
