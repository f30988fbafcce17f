"""Header forms other than rsyslog's own, and logs in which no syslog daemon wrote the lines."""

import json
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.formats import envelopes
from logwatch.formats.line_parser import LineReader
from logwatch.formats.rfc3164 import Origin
from logwatch.model import SECOND, Chunk, Record
from tests.formats.test_line_parser import NOW, ns, read, read_all

HOUR = 3600 * SECOND
STAMP = "2026-11-23T20:16:44Z"
TOLD = "2026-11-23T19:16:44.3Z"
ENGINE = f'time="{TOLD}" level=info msg="Starting up"'


def origin_of(record: Record) -> Origin:
    return Origin(record.host, record.tag, record.pid)


# ── header forms ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("1795465004.000000 vm a[7]: x", id="journalctl -o short-unix"),
        pytest.param("Nov 23 08:16:44 PM vm a[7]: x", id="twelve hours"),
        pytest.param("11/23/2026 20:16:44 vm a[7]: x", id="as in the United States"),
        pytest.param("23/11/2026 20:16:44 vm a[7]: x", id="day first, as no month is 23"),
        pytest.param("Nov 23 20:16:44\tvm\ta[7]:\tx", id="tabs"),
        pytest.param("2026-11-23T20:16:44+00:00\tvm\ta[7]:\tx", id="tabs behind ISO"),
        pytest.param(" 11월 23 20:16:44 vm a[7]: x", id="Korean, padded in front"),
        pytest.param("11月 23 20:16:44 vm a[7]: x", id="Japanese"),
        pytest.param("Nov 23 20:16:44 vm daemon.info/vm a[7]: x", id="syslog-ng: facility, level and source"),
        pytest.param("<30> 2026 Nov 23 20:16:44 vm a[7]: x", id="priority and year"),
        pytest.param("\ufeffNov 23 20:16:44 vm a[7]: x", id="byte order mark"),
        pytest.param("/var/log/messages-20261123:Nov 23 20:16:44 vm a[7]: x", id="grep"),
        pytest.param("messages:1201:Nov 23 20:16:44 vm a[7]: x", id="grep -n"),
        pytest.param("1201:Nov 23 20:16:44 vm a[7]: x", id="grep -n of one file"),
        pytest.param("2026-11-23T20:16:45.120Z Nov 23 20:16:44 vm a[7]: x", id="CloudWatch"),
        pytest.param("2026-11-23T20:16:45+00:00 i-0123/syslog Nov 23 20:16:44 vm a[7]: x", id="aws logs tail"),
        pytest.param("\x1b[2mNov 23 20:16:44 vm a[7]:\x1b[0m \x1b[0;1;39mx\x1b[0m", id="journalctl's colours"),
        pytest.param("Nov 23 20:16:44 vm \x1b[01;31m\x1b[Ka\x1b[m\x1b[K[7]: x", id="grep's colours"),
        pytest.param("Nov 23 20:16:44 vm a[7]: x".encode("utf-16-le"), id="UTF-16, little end first"),
        pytest.param("Nov 23 20:16:44 vm a[7]: x".encode("utf-16"), id="UTF-16 with its mark"),
        pytest.param("Nov 23 20:16:44 vm a[7]: x".encode("utf-16-be"), id="UTF-16, big end first"),
        pytest.param(
            json.dumps({"__REALTIME_TIMESTAMP": "1795465004000000", "_HOSTNAME": "vm", "SYSLOG_IDENTIFIER": "a", "_PID": "7", "MESSAGE": "x"}),
            id="journalctl -o json",
        ),
        pytest.param(
            json.dumps({"__REALTIME_TIMESTAMP": "1795465004000000", "_HOSTNAME": "vm", "_COMM": "a", "_PID": "7", "MESSAGE": [120]}),
            id="journalctl -o json, bytes as numbers",
        ),
        pytest.param('2026-11-23T20:16:44+00:00\tsyslog.daemon\t{"host":"vm","ident":"a","pid":"7","message":"x"}', id="fluentd"),
        pytest.param('{"timestamp":"2026-11-23T20:16:44Z","host":"vm","program":"a","procid":"7","message":"x"}', id="JSON"),
    ],
)  # fmt: skip
def test_reads_header_forms_of_other_writers(line: str | bytes) -> None:
    (record,) = read(line)

    assert record == Record(ns(STAMP), ns(STAMP), "vm", "a", "7", b"x")


def test_twelve_hours_are_no_part_of_the_host_in_the_next_line() -> None:
    records = read("Nov 23 08:16:44 AM vm a: x", "Nov 23 08:16:45 AM vm a: y", "Nov 23 12:00:01 AM vm a: z")

    assert [(record.host, record.time_ns) for record in records] == [
        ("vm", ns("2026-11-23T08:16:44Z")),
        ("vm", ns("2026-11-23T08:16:45Z")),
        ("vm", ns("2026-11-23T00:00:01Z")),
    ]


def test_a_colon_without_a_blank_ends_the_tags_of_engine_and_kernel_alone() -> None:
    records = read("Nov 23 20:16:44 vm kernel:oom-kill: x", "Nov 23 20:16:44 vm docker:web: x")

    assert [(record.tag, record.message) for record in records] == [("kernel", b"oom-kill: x"), ("docker:web", b"x")]


def test_tabs_in_a_message_stay() -> None:
    (record,) = read("Nov 23 20:16:44 vm a: x\ty")

    assert record.message == b"x\ty"


def test_what_a_container_logged_keeps_its_own_tag_in_the_journals_json() -> None:
    fields = {"__REALTIME_TIMESTAMP": "1795465004000000", "_HOSTNAME": "vm", "SYSLOG_IDENTIFIER": "dockerd", "CONTAINER_NAME": "web", "MESSAGE": "x"}  # fmt: skip

    (record,) = read(json.dumps(fields))

    assert record.tag == "docker/web"


def test_the_clock_that_goes_back_an_hour_is_seen_in_the_order_of_lines() -> None:
    engine = 'Oct 25 02:30:{} vm dockerd[9]: time="2026-10-25T0{}:30:{}.5Z" level=info msg=x'
    lines = [engine.format("00", 0, "00"), "Oct 25 02:30:10 vm kernel: first", engine.format("02", 1, "02"), "Oct 25 02:30:10 vm kernel: second"]  # fmt: skip
    records, _ = read_all(*lines, zone=None, mtime=ns("2026-10-25T02:00:00Z"))

    assert [record and record.time_ns for record in records[1::2]] == [
        ns("2026-10-25T00:30:10Z"),
        ns("2026-10-25T01:30:10Z"),
    ]


# ── no header ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(ENGINE, id="logfmt"),
        pytest.param(f"INFO[{TOLD}] Starting up   module=x", id="on a terminal"),
        pytest.param(f"\x1b[36mINFO\x1b[0m[{TOLD}] Starting up", id="coloured"),
        pytest.param(f'{{"level":"info","msg":"Starting up","time":"{TOLD}"}}', id="JSON"),
    ],
)
def test_an_engines_own_output_is_read(line: str) -> None:
    (record,) = read(line)

    assert (origin_of(record), record.time_ns) == (Origin("", "dockerd", None), ns(TOLD))


def test_an_engines_file_may_hold_lines_of_any_form() -> None:
    lines = ["Mon Nov 23 19:16:40 UTC 2026", ENGINE, "failed to start daemon: no iptables", " (exit status 4)"]
    records = read(*lines)

    assert [record.tag for record in records] == ["", "dockerd", "dockerd", "dockerd"]
    assert records[2].time_ns == records[1].time_ns == ns(TOLD)


@pytest.mark.parametrize(
    ("line", "tag"),
    [
        ("level=info msg=x", "dockerd"),
        ("[/var/lib/docker|39d81a6c] +job serveapi(unix:///var/run/docker.sock)", "dockerd"),
        ("2014/04/17 16:13:21 POST /v1.10/containers/create", "dockerd"),
        ("2014/04/17 16:13:21 http: panic serving @: x", "dockerd"),
        ('{"status":"start","Type":"container","Action":"start","time":1795461404}', "docker-events"),
        ("2026-11-23T20:16:44.123456789+01:00 container start 39d81a6c (image=nginx, name=web)", "docker-events"),
        ("[ 2223.010757] oom-kill:constraint=CONSTRAINT_MEMCG", "kernel"),
        ("<6>[ 2223.010757] docker0: port 1(vethb41) entered blocking state", "kernel"),
        ("kern  :info  : [ 2223.010757] x", "kernel"),
        ("[Mon Nov 23 20:16:44 2026] x", "kernel"),
        ("6,1234,2223010757,-;x", "kernel"),
    ],
)
def test_a_log_of_one_program_needs_no_headers(line: str, tag: str) -> None:
    (record,) = read(line)

    assert record.tag == tag


def test_the_kernels_uptime_counts_back_from_when_its_file_was_written() -> None:
    records = read("[ 100.000000] x", "[ 160.500000] y", mtime=ns(STAMP))

    assert [record.time_ns for record in records] == [ns(STAMP) - 60_500_000_000, ns(STAMP)]


def test_the_kernels_uptime_is_dated_by_the_engines_lines_beside_it() -> None:
    lines = ["[  90.000000] vm kernel: x", f"[ 100.000000] vm dockerd[7]: {ENGINE}", "[ 101.000000] vm kernel: y"]
    records, reader = read_all(*lines)
    later = LineReader(None)
    later.load(reader.dump())

    assert [record and (record.host, record.time_ns - ns(TOLD)) for record in records] == [
        ("vm", -10 * SECOND),
        ("vm", 0),
        ("vm", SECOND),
    ]
    assert later.read(b"[ 103.000000] vm kernel: z").time_ns == ns(TOLD) + 3 * SECOND  # type: ignore[union-attr]  # it has a header


def test_among_lines_with_headers_none_without_is_believed() -> None:
    forged = [
        ENGINE,
        "[ 2223.010757] oom-kill:x",
        json.dumps({"timestamp": STAMP, "program": "dockerd", "message": "x"}),
    ]
    records, reader = read_all("Nov 23 20:16:44 vm a: x", "Nov 23 20:16:44 vm a: y", *forged[:1], zone=ZoneInfo("UTC"))
    reader.begin(Chunk(b"", "/var/log/messages", 100, NOW), NOW)

    assert records[2] is None
    assert [reader.read(line.encode()) for line in forged] == [None] * 3
    assert reader.unparsed == {"no_header": 4}


@given(st.binary())
def test_opening_an_envelope_never_raises(line: bytes) -> None:
    plain = envelopes.plain(line)

    assert plain is None or isinstance(plain, bytes)


@given(st.text(), st.integers(min_value=-(2**70), max_value=2**70))
def test_fields_of_any_value_never_raise(text: str, number: int) -> None:
    fields = {"__REALTIME_TIMESTAMP": str(number), "SYSLOG_IDENTIFIER": text, "MESSAGE": text, "_PID": number}

    assert read_all(json.dumps(fields))[0][0] is None or text
