"""Lines and what their headers say."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.formats.line_parser import LineReader
from logwatch.model import SECOND, Chunk, Record

HOUR = 3600 * SECOND
ROME = ZoneInfo("Europe/Rome")


def ns(text: str) -> int:
    """Nanoseconds of a stamp with offset; up to nine digits of fraction."""
    whole, _, rest = text.partition(".")
    if not rest:
        return round(datetime.fromisoformat(text).timestamp()) * SECOND
    digits = rest.rstrip("Z").split("+")[0].split("-")[0]
    zone = rest[len(digits) :]
    return round(datetime.fromisoformat(whole + zone).timestamp()) * SECOND + int(digits.ljust(9, "0"))


NOW = ns("2026-11-24T12:00:00Z")


def read(*lines: str | bytes, zone: object = UTC, mtime: int = NOW, now: int = NOW, live: bool = False) -> list[Record]:
    """Read lines that all have headers, as one chunk."""
    records, _ = read_all(*lines, zone=zone, mtime=mtime, now=now, live=live)
    return [record for record in records if record is not None]


def read_all(
    *lines: str | bytes, zone: object = UTC, mtime: int = NOW, now: int = NOW, live: bool = False
) -> tuple[list[Record | None], LineReader]:
    encoded = [line.encode() if isinstance(line, str) else line for line in lines]
    reader = LineReader(zone)  # type: ignore[arg-type]  # tests name zones loosely
    reader.begin(Chunk(b"".join(line + b"\n" for line in encoded), "/var/log/messages", 0, mtime, live=live), now)
    return [reader.read(line) for line in encoded], reader


@pytest.fixture
def system_zone(monkeypatch: pytest.MonkeyPatch):
    """Sets the system's zone for the length of a test."""
    import time

    def use(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield use
    monkeypatch.undo()
    time.tzset()


# ── header forms ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "stamp", "host", "tag", "pid", "message"),
    [
        pytest.param(
            "Nov 23 20:16:44 vm dockerd[4242]: hello: you", "2026-11-23T20:16:44Z", "vm", "dockerd", "4242", b"hello: you",
            id="traditional",
        ),
        pytest.param("Nov  3 20:16:44 vm dockerd: x", "2026-11-03T20:16:44Z", "vm", "dockerd", None, b"x", id="EL 7, no pid"),
        pytest.param("Nov 3 20:16:44 vm a: x", "2026-11-03T20:16:44Z", "vm", "a", None, b"x", id="day not padded"),
        pytest.param("Nov 03 20:16:44 vm a: x", "2026-11-03T20:16:44Z", "vm", "a", None, b"x", id="day padded with zero"),
        pytest.param("nov 03 20:16:44 vm a: x", "2026-11-03T20:16:44Z", "vm", "a", None, b"x", id="lower case"),
        pytest.param("gru 03 20:16:44 vm a: x", "2025-12-03T20:16:44Z", "vm", "a", None, b"x", id="Polish"),
        pytest.param("août 03 20:16:44 vm a: x", "2026-08-03T20:16:44Z", "vm", "a", None, b"x", id="French"),
        pytest.param("juil. 03 20:16:44 vm a: x", "2026-07-03T20:16:44Z", "vm", "a", None, b"x", id="French with a dot"),
        pytest.param("8月 31 14:10:09 vm a: x", "2026-08-31T14:10:09Z", "vm", "a", None, b"x", id="Chinese"),
        pytest.param("10월  1 14:10:09 vm a: x", "2026-10-01T14:10:09Z", "vm", "a", None, b"x", id="Korean"),
        pytest.param("Nov 23 20:16:44.5 vm a: x", "2026-11-23T20:16:44.5Z", "vm", "a", None, b"x", id="fraction"),
        pytest.param("2024 Nov 3 20:16:44 vm a: x", "2024-11-03T20:16:44Z", "vm", "a", None, b"x", id="year first"),
        pytest.param("Nov  3 2024 20:16:44 vm a: x", "2024-11-03T20:16:44Z", "vm", "a", None, b"x", id="year behind"),
        pytest.param("2024-11-03 12:00:01 vm a: x", "2024-11-03T12:00:01Z", "vm", "a", None, b"x", id="ISO, naive"),
        pytest.param("2024-11-03 12:00:01,25 vm a: x", "2024-11-03T12:00:01.25Z", "vm", "a", None, b"x", id="comma"),
        pytest.param("Sun Nov  3 12:00:01 2024 daemon.info a[7]: x", "2024-11-03T12:00:01Z", "", "a", "7", b"x", id="openwrt"),
        pytest.param("Sun 2024-11-03 12:00:01 UTC vm a: x", "2024-11-03T12:00:01Z", "vm", "a", None, b"x", id="short-full"),
        pytest.param(
            "2026-11-23T20:18:41.257307+01:00 vm dockerd[1]: x", "2026-11-23T19:18:41.257307Z", "vm", "dockerd", "1", b"x",
            id="ISO",
        ),
        pytest.param("2021-07-28T10:21:21Z vm a: x", "2021-07-28T10:21:21Z", "vm", "a", None, b"x", id="ISO, Z"),
        pytest.param("2021-07-28T10:21:21-0430 vm a: x", "2021-07-28T14:51:21Z", "vm", "a", None, b"x", id="ISO, short offset"),
        pytest.param(
            "2021-07-28 10:21:21.123456789 +02:00 vm a: x", "2021-07-28T08:21:21.123456789Z", "vm", "a", None, b"x",
            id="ISO, blanks",
        ),
        pytest.param("<38>Nov 12 18:56:15 vm sudo[1]: x", "2026-11-12T18:56:15Z", "vm", "sudo", "1", b"x", id="PRI"),
        pytest.param("<30>2021-07-28T10:21:21Z vm a: x", "2021-07-28T10:21:21Z", "vm", "a", None, b"x", id="PRI, ISO"),
        pytest.param(
            "<30>1 2026-11-23T20:20:40.379574+00:00 vm dockerd 25552 - -  x y", "2026-11-23T20:20:40.379574Z", "vm",
            "dockerd", "25552", b"x y", id="RFC 5424",
        ),
        pytest.param(
            r'<30>1 2026-11-23T20:20:40Z vm a 7 ID1 [m s="1"][n t="\"]\\ x"] x', "2026-11-23T20:20:40Z", "vm", "a", "7",
            b"x", id="RFC 5424, structured data",
        ),
        pytest.param("<30>1 2026-11-23T20:20:40Z - - - - - ﻿x", "2026-11-23T20:20:40Z", "", "", None, b"x", id="nil, BOM"),
        pytest.param("<30>1 2026-11-23T20:20:40Z vm a - - -", "2026-11-23T20:20:40Z", "vm", "a", None, b"", id="no MSG"),
        pytest.param("1 2026-11-23T20:20:40Z vm a - - - x", "2026-11-23T20:20:40Z", "vm", "a", None, b"x", id="no PRI"),
        pytest.param("Feb 18 17:34:47  kernel: x", "2026-02-18T17:34:47Z", "", "kernel", None, b"x", id="host empty"),
        pytest.param("Nov 12 15:15:41 kernel: x", "2026-11-12T15:15:41Z", "", "kernel", None, b"x", id="host missing"),
        pytest.param("Nov 12 15:15:41 box daemon.info dockerd[7]: x", "2026-11-12T15:15:41Z", "box", "dockerd", "7", b"x", id="busybox"),
        pytest.param("Nov 12 15:15:41 daemon.err a: x", "2026-11-12T15:15:41Z", "", "a", None, b"x", id="busybox, no host"),
        pytest.param("Nov 12 15:15:41 vm docker/web[11]: x", "2026-11-12T15:15:41Z", "vm", "docker/web", "11", b"x", id="tag, /"),
        pytest.param("Nov 12 15:15:41 vm 8dd3aa[99]: x", "2026-11-12T15:15:41Z", "vm", "8dd3aa", "99", b"x", id="tag, id"),
        pytest.param("Nov 12 15:15:41 vm a/b:1.2-c[9]: x", "2026-11-12T15:15:41Z", "vm", "a/b:1.2-c", "9", b"x", id="tag, :.-"),
        pytest.param("Nov 12 15:15:41 vm a:b: x", "2026-11-12T15:15:41Z", "vm", "a:b", None, b"x", id="tag, : and no pid"),
        pytest.param("Nov 12 15:15:41 vm a[9]:x", "2026-11-12T15:15:41Z", "vm", "a", "9", b"x", id="glued"),
        pytest.param("Nov 12 15:15:41 vm a:", "2026-11-12T15:15:41Z", "vm", "a", None, b"", id="no message"),
        pytest.param("Nov 12 15:15:41 10.0.0.7 a: x", "2026-11-12T15:15:41Z", "10.0.0.7", "a", None, b"x", id="address"),
        pytest.param(
            "Mar  1 00:00:04 vm last message repeated 12 times", "2026-03-01T00:00:04Z", "vm", "", None,
            b"last message repeated 12 times", id="no tag",
        ),
        pytest.param("Mar  1 00:00:04 vm a=b: c: d", "2026-03-01T00:00:04Z", "vm", "", None, b"a=b: c: d", id="a pair is no tag"),
        pytest.param("Nov 23 14:32:51 vm kernel: [ 120.14] x", "2026-11-23T14:32:51Z", "vm", "kernel", None, b"x", id="kernel"),
        pytest.param(
            "Nov 23 14:32:51 vm kernel: [120.14][  T91] x", "2026-11-23T14:32:51Z", "vm", "kernel", None, b"x",
            id="kernel, caller",
        ),
        pytest.param(
            "Nov 23 14:32:51 vm kernel: [<28845acb>] x", "2026-11-23T14:32:51Z", "vm", "kernel", None, b"[<28845acb>] x",
            id="kernel, call trace",
        ),
        pytest.param("Nov 23 14:32:51 vm a: [ 120.14] x", "2026-11-23T14:32:51Z", "vm", "a", None, b"[ 120.14] x", id="not kernel"),
    ],
)  # fmt: skip
def test_reads_every_header_form(line: str, stamp: str, host: str, tag: str, pid: str | None, message: bytes) -> None:
    records = [read(line), read(line, line)[1:]]

    assert records == [[Record(ns(stamp), ns(stamp), host, tag, pid, message)]] * 2


@pytest.mark.parametrize(
    "line",
    [
        "",
        " ",
        "#011at main.go:12",
        "goroutine 2350 [running]:",
        "<30>",
        "<30>1 x",
        "2026",
        "12:00",
        "- exit status 1",
        "1 2 3 4 5 6 7",
    ],
)
def test_a_line_without_a_header_is_counted(line: str) -> None:
    records, reader = read_all(line)

    assert records == [None]
    assert reader.unparsed == {"no_header": 1}


def test_an_origin_seen_before_is_not_mixed_up_with_text_alike() -> None:
    lines = [
        "Nov 23 20:16:44 vm a: x",
        "Nov 23 20:16:44 vm a b: x",
        "Nov 23 20:16:44 vm a: b: y",
        "Nov 23 20:16:44 vm a",
    ]

    assert [(record.tag, record.message) for record in read(*lines)] == [
        ("a", b"x"),
        ("", b"a b: x"),
        ("a", b"b: y"),
        ("", b"a"),
    ]


# ── dates that cannot be read ────────────────────────────────────────────────────────


def test_an_unreadable_month_takes_the_time_of_the_payload() -> None:
    records, reader = read_all('ⵏⵓⵡ 08 19:48:28 vm dockerd[1]: time="2020-11-08T19:48:28.15-03:00" level=debug msg=x')

    assert records[0] is not None
    assert records[0].time_ns == records[0].stamp_ns == ns("2020-11-08T22:48:28.15Z")
    assert reader.unparsed == {"date_unreadable": 1}


def test_a_stamp_without_date_follows_the_line_before() -> None:
    records = read(
        '23:59:58 vm dockerd[1]: time="2026-05-28T23:59:58.5-07:00" level=error msg=x',
        "23:59:59 vm kernel: x",
        "00:00:02 vm kernel: x",
    )

    assert [record.time_ns for record in records[1:]] == [ns("2026-05-29T06:59:59Z"), ns("2026-05-29T07:00:02Z")]


def test_a_stamp_without_date_is_dated_by_the_first_engine_line_ahead() -> None:
    records = read(
        "20:53:13 vm kernel: x", '20:53:14 vm dockerd[1]: time="2026-05-28T20:53:13.8-07:00" level=error msg=x'
    )

    assert [record.time_ns for record in records] == [ns("2026-05-29T03:53:13Z"), ns("2026-05-29T03:53:13.8Z")]


def test_a_container_dates_no_stamp_but_the_first() -> None:
    lines = ['10:00:00 vm web[1]: time="2026-05-28T10:00:00Z" x', '10:00:01 vm web[1]: time="2015-05-28T10:00:01Z" x']

    assert [record.time_ns for record in read(*lines)] == [ns("2026-05-28T10:00:00Z"), ns("2026-05-28T10:00:01Z")]


def test_a_stamp_without_date_takes_its_date_from_a_dated_line_before() -> None:
    records = read("2026-11-23T23:59:50+00:00 vm a: x", "xyz 24 00:00:10 vm a: x", "99:99:99 vm a: x")

    assert [record.time_ns for record in records[1:]] == [ns("2026-11-24T00:00:10Z")] * 2


@pytest.mark.parametrize(
    "stamp", ["Feb 30 10:00:00", "Nov 31 10:00:00", "Jan 00 10:00:00", "2023-02-29 10:00:00", "- nil"]
)
def test_a_day_that_never_was_is_no_reason_to_lose_the_line(stamp: str) -> None:
    line = f"{stamp} vm a: x" if stamp != "- nil" else "<30>1 - vm a - - - x"
    records, reader = read_all("2026-11-23T09:59:50+00:00 vm a: x", line)

    assert records[1] is not None
    assert (records[1].host, records[1].tag, records[1].message) == ("vm", "a", b"x")
    assert abs(records[1].time_ns - ns("2026-11-23T09:59:55Z")) <= 5 * SECOND
    assert reader.unparsed == {"date_unreadable": 1}


# ── the year ─────────────────────────────────────────────────────────────────────────

PAYLOAD = 'dockerd[1]: time="{}" level=info msg=x'


def test_the_year_is_that_of_the_first_dated_line_ahead() -> None:
    records = read("Dec 31 23:59:58 vm kernel: x", "Jan  1 00:00:01 vm " + PAYLOAD.format("2019-01-01T00:00:00.9Z"))

    assert [record.time_ns for record in records] == [ns("2018-12-31T23:59:58Z"), ns("2019-01-01T00:00:00.9Z")]


def test_the_year_turns_with_the_lines() -> None:
    records = read(
        "Dec 31 23:59:58 vm " + PAYLOAD.format("2018-12-31T23:59:58Z"),
        "Jan  1 00:00:01 vm a: x",
        "Jul  1 00:00:00 vm a: x",
    )

    assert [record.time_ns for record in records[1:]] == [ns("2019-01-01T00:00:01Z"), ns("2019-07-01T00:00:00Z")]


def test_without_a_dated_line_the_year_is_the_last_before_the_file_was_written() -> None:
    records = read("Nov 20 10:00:00 vm a: x", "Feb  2 10:00:00 vm a: x", mtime=ns("2025-02-02T09:00:00Z"))

    assert [record.time_ns for record in records] == [ns("2024-11-20T10:00:00Z"), ns("2025-02-02T10:00:00Z")]


def test_without_a_dated_line_a_live_line_is_from_now() -> None:
    records = read("Nov 20 10:00:00 vm a: x", mtime=ns("2020-01-01T00:00:00Z"), live=True)

    assert records[0].time_ns == ns("2026-11-20T10:00:00Z")


def test_a_november_log_replayed_in_june_gives_november() -> None:
    line = "Nov 23 10:00:00 vm " + PAYLOAD.format("2026-11-23T09:59:59.9Z")
    records = read(line, "Nov 24 10:00:00 vm a: x", mtime=ns("2027-06-01T00:00:00Z"), now=ns("2027-06-01T00:00:00Z"))

    assert [record.time_ns for record in records] == [ns("2026-11-23T09:59:59.9Z"), ns("2026-11-24T10:00:00Z")]


@pytest.mark.parametrize("written", ["2025-03-01T00:00:00Z", "2024-03-01T00:00:00Z"])
def test_29_february_is_in_the_last_leap_year(written: str) -> None:
    records = read("Feb 29 10:00:00 vm a: x", mtime=ns(written))

    assert records[0].time_ns == ns("2024-02-29T10:00:00Z")


def test_a_line_from_2099_moves_no_year() -> None:
    records, reader = read_all(
        "Nov 23 10:00:00 vm " + PAYLOAD.format("2099-11-23T10:00:00Z"),
        "Nov 23 10:00:01 vm " + PAYLOAD.format("2026-11-23T10:00:00.5Z"),
        "Nov 23 10:00:02 vm " + PAYLOAD.format("2099-11-23T10:00:02Z"),
        "Nov 23 10:00:03 vm a: x",
    )

    assert [record.time_ns for record in records if record] == [
        ns("2026-11-23T10:00:00Z"),
        ns("2026-11-23T10:00:00.5Z"),
        ns("2026-11-23T10:00:02Z"),
        ns("2026-11-23T10:00:03Z"),
    ]
    assert reader.unparsed == {"time_distrusted": 2}


def test_a_year_that_began_wrong_is_mended_by_the_engines_lines() -> None:
    now = ns("2026-11-24T00:00:00Z")
    reader = LineReader(UTC)
    line = "Mar  1 00:00:00 vm a: x\n"
    reader.begin(Chunk(line.encode(), "p", 0, now), now)
    reader.read(line.strip().encode())
    dated = [
        reader.read(f"Mar  1 00:00:0{second} vm {PAYLOAD.format(f'2022-03-01T00:00:0{second}Z')}".encode())
        for second in (1, 2, 3)
    ]
    last = reader.read(b"Mar  1 00:00:04 vm a: x")

    assert dated[-1] is not None
    assert last is not None
    assert [dated[-1].stamp_ns, last.stamp_ns] == [ns("2022-03-01T00:00:03Z"), ns("2022-03-01T00:00:04Z")]


# ── the zone ─────────────────────────────────────────────────────────────────────────


def test_a_stamp_is_in_the_zone_that_was_told() -> None:
    assert read("Nov 23 10:00:00 vm a: x", zone=ROME)[0].time_ns == ns("2026-11-23T09:00:00Z")
    assert read("Jul 23 10:00:00 vm a: x", zone=ROME)[0].time_ns == ns("2026-07-23T08:00:00Z")


def test_without_being_told_it_is_in_the_systems_zone(system_zone) -> None:
    system_zone("America/New_York")

    assert read("Nov 23 10:00:00 vm a: x", zone=None)[0].time_ns == ns("2026-11-23T15:00:00Z")


def test_the_zone_is_learned_from_a_line_ahead_that_carries_both_stamps(system_zone) -> None:
    system_zone("UTC")
    records, reader = read_all(
        "Nov 23 10:00:00 vm kernel: x",
        "Nov 23 10:00:01 vm " + PAYLOAD.format("2026-11-23T04:30:00.9Z"),
        "Nov 23 10:00:02 vm kernel: x",
        zone=None,
    )

    assert [record.stamp_ns for record in records if record] == [
        ns("2026-11-23T04:30:00Z"),
        ns("2026-11-23T04:30:01Z"),
        ns("2026-11-23T04:30:02Z"),
    ]
    assert reader.unparsed == {}


def test_a_zone_that_was_told_is_not_unlearned() -> None:
    records, reader = read_all(*["Nov 23 10:00:00 vm " + PAYLOAD.format("2026-11-23T07:00:00Z")] * 9)

    assert {record.time_ns for record in records if record} == {ns("2026-11-23T10:00:00Z")}
    assert reader.unparsed == {"time_distrusted": 9}


def both(header: str, payload: str, tag: str = "dockerd[1]") -> str:
    return f'Nov 23 {header} vm {tag}: time="2026-11-23T{payload}Z" level=info msg=x'


def test_one_odd_line_does_not_flip_the_zone(system_zone) -> None:
    system_zone("UTC")
    good = [both(f"10:00:0{second}", f"09:00:0{second}") for second in range(4)]
    odd = [both(f"10:00:0{second}", f"05:00:0{second}") for second in range(4, 8)]
    records, reader = read_all(
        *good, odd[0], odd[1], "Nov 23 10:00:06 vm kernel: x", good[3], odd[2], odd[3], zone=None
    )

    assert [record.stamp_ns - ns("2026-11-23T09:00:00Z") for record in records if record] == [
        second * SECOND for second in (0, 1, 2, 3, 4, 5, 6, 3, 6, 7)
    ]
    assert reader.unparsed == {"time_distrusted": 4}


def test_a_container_does_not_teach_the_zone(system_zone) -> None:
    system_zone("UTC")
    records = read(*[both("10:00:00", "05:00:00", tag="docker/web[1]")] * 9, zone=None)

    assert {record.time_ns for record in records} == {ns("2026-11-23T10:00:00Z")}


def test_three_lines_in_a_row_do_change_the_zone(system_zone) -> None:
    system_zone("UTC")
    reader = LineReader(None)
    for line in [both("10:00:00", "09:00:00")] * 3 + [both("10:00:01", "05:00:01")] * 3:
        reader.begin(Chunk(line.encode() + b"\n", "p", 0, NOW), NOW)
        reader.read(line.encode())
    last = reader.read(b"Nov 23 10:00:02 vm kernel: x")

    assert last is not None
    assert last.stamp_ns == ns("2026-11-23T05:00:02Z")


def test_a_line_that_shows_summer_time_is_believed_at_once(system_zone) -> None:
    system_zone("UTC")
    records, reader = read_all(
        'Mar 28 01:59:59 vm dockerd: time="2027-03-28T00:59:59Z" msg=x',
        'Mar 28 01:59:59 vm dockerd: time="2027-03-28T00:59:59Z" msg=x',
        'Mar 28 03:00:05 vm dockerd: time="2027-03-28T01:00:04Z" msg=x',
        zone=None,
        mtime=ns("2027-03-28T02:00:00Z"),
    )

    assert records[2] is not None
    assert (records[2].time_ns, records[2].stamp_ns) == (ns("2027-03-28T01:00:04Z"), ns("2027-03-28T01:00:05Z"))
    assert reader.unparsed == {}


def test_the_hour_that_comes_twice_goes_on() -> None:
    stamps = ["01:59:50", "02:30:00", "02:59:50", "02:00:05", "02:40:00", "03:00:00"]
    records = read(*[f"Oct 25 {stamp} vm a: x" for stamp in stamps], zone=ROME)

    midnight = ns("2026-10-25T00:00:00Z")
    assert [record.time_ns - midnight for record in records] == [
        seconds * SECOND for seconds in (-10, 30 * 60, 3590, 3605, 100 * 60, 2 * 3600)
    ]


# ── the payload's own time ───────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "message",
    [
        pytest.param('time="2026-11-23T10:00:00.123456789Z" level=info msg=x', id="logrus"),
        pytest.param('.....time="2026-11-23T10:00:00.123456789Z" level=info msg=x', id="logrus behind dots"),
        pytest.param("time=2026-11-23T10:00:00.123456789Z level=info", id="logrus, unquoted"),
        pytest.param('{"level":"info","msg":"x","time":"2026-11-23T11:00:00.123456789+01:00"}', id="JSON"),
        pytest.param('{"Action":"die","time":1795428000,"timeNano":1795428000123456789}', id="docker events, JSON"),
        pytest.param("2026-11-23T10:00:00.123456789Z container die 1f2e (name=web)", id="docker events, text"),
    ],
)
def test_the_time_is_the_payloads_own(message: str) -> None:
    record = read(f"Nov 23 10:00:28 vm dockerd[1]: {message}")[0]

    assert (record.time_ns, record.stamp_ns) == (ns("2026-11-23T10:00:00.123456789Z"), ns("2026-11-23T10:00:28Z"))


def test_old_json_events_tell_seconds() -> None:
    record = read('Nov 23 10:00:28 vm docker-events: {"status":"die","time":1795428000}')[0]

    assert record.time_ns == 1795428000 * SECOND


@pytest.mark.parametrize(
    ("payload", "trusted"), [("09:00:00Z", True), ("11:00:00Z", True), ("08:59:59Z", False), ("11:00:01Z", False)]
)
def test_it_counts_within_an_hour_of_the_header(payload: str, trusted: bool) -> None:
    records, reader = read_all(f'2026-11-23T10:00:00+00:00 vm dockerd[1]: time="2026-11-23T{payload}" msg=x')

    assert records[0] is not None
    assert records[0].time_ns == ns(f"2026-11-23T{payload}" if trusted else "2026-11-23T10:00:00Z")
    assert reader.unparsed == ({} if trusted else {"time_distrusted": 1})


# ── promises ─────────────────────────────────────────────────────────────────────────

HEADS = st.sampled_from(
    [
        b"Nov 23 10:00:00 vm ",
        b"<30>1 2026-11-23T20:20:40Z vm ",
        b"<30>1 2026-11-23T20:20:40.1+00:00 vm a - - ",
        b"2026-11-23T20:20:40.1+00:00 ",
        b"xyz 31 10:00:00 ",
        b"10:00:00 ",
        b"Feb 29 10:00:00 vm dockerd: ",
        b"9999-12-31 10:00:00 vm a: ",
        b"9999-12-31T10:00:00Z vm a: ",
        b'Nov 23 10:00:00 vm dockerd: time="2026-',
        b'Nov 23 10:00:00 vm dockerd: {"timeNano":',
        b"",
    ]
)


@given(st.lists(st.tuples(HEADS, st.binary(max_size=60)).map(b"".join), max_size=5), st.integers(-(2**63), 2**63))
def test_never_raises_and_times_fit_64_bits(lines: list[bytes], now: int) -> None:
    records, reader = read_all(*lines, zone=None, mtime=now, now=now)

    assert len(records) == len(lines)
    assert sum(record is None for record in records) == reader.unparsed.get("no_header", 0)
    for record in filter(None, records):
        assert -(2**63) <= record.time_ns < 2**63
        assert -(2**63) <= record.stamp_ns < 2**63
        assert record.message is not None
        assert f"{record.host}{record.tag}{record.pid}".encode()


SAMPLES = st.sampled_from(
    [
        "Nov 23 10:00:{:02} vm kernel: x",
        'Nov 23 10:00:{:02} vm dockerd: time="2026-11-23T09:00:{:02}Z" msg=x',
        'Nov 23 10:00:{:02} vm dockerd: time="2026-11-23T05:00:{:02}Z" msg=x',
        'Nov 23 10:00:{:02} vm dockerd: time="2025-11-23T09:00:{:02}Z" msg=x',
        "Dec 31 23:59:{:02} vm kernel: x",
        "Jan  1 00:00:{:02} vm kernel: x",
        "Oct 25 02:30:{:02} vm kernel: x",
        "10:00:{:02} vm kernel: x",
        '10:00:{:02} vm dockerd: time="2026-11-23T09:00:{:02}Z" msg=x',
        "2026-11-23T09:00:{:02}Z vm kernel: x",
    ]
)


@given(st.lists(st.tuples(SAMPLES, st.integers(0, 59)), min_size=1, max_size=12), st.sampled_from([None, ROME]))
def test_reading_on_after_a_restart_is_reading_on(samples: list[tuple[str, int]], zone: ZoneInfo | None) -> None:
    lines = [form.format(second, second).encode() for form, second in samples]
    chunk = Chunk(b"".join(line + b"\n" for line in lines), "p", 0, NOW)
    through = LineReader(zone)
    through.begin(chunk, NOW)
    expected = [through.read(line) for line in lines]

    state, records = None, []
    for line in lines:
        reader = LineReader(zone)
        if state is not None:
            reader.load(state)
        reader.begin(chunk, NOW)
        records.append(reader.read(line))
        state = reader.dump()

    assert records == expected


@pytest.mark.parametrize("place", [2, 3, 4], ids=["host", "tag", "process id"])
def test_who_wrote_a_line_is_no_longer_than_a_header_allows(place: int) -> None:
    words = ["<30>1", "2026-11-23T20:20:40.379574+00:00", "vm", "dockerd", "25552", "-", "-  x"]
    words[place] = words[place] * 1_000

    assert read(" ".join(words)) == []
