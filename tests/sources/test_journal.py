"""Following the systemd journal: files that systemd's own tools wrote, read by the real journalctl."""

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commandline import call
from hypothesis import given
from hypothesis import strategies as st
from ports import wait_for

from logwatch.errors import SourceError
from logwatch.formats.line_parser import LineReader
from logwatch.model import SECOND, Chunk
from logwatch.notation import rfc3339
from logwatch.sources import journalctl as journalctl_module
from logwatch.sources.journal import JournalBacklog, JournalSource, why_not
from logwatch.sources.journal_entry import read_entry

REMOTE = shutil.which("systemd-journal-remote", path="/usr/lib/systemd:/lib/systemd") or ""
BOOT = "0123456789abcdef0123456789abcdef"
T = 1_795_000_000 * SECOND

needs_journal = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        os.environ.get("CI") != "true" and not (REMOTE and shutil.which("journalctl")),
        reason="missing here: journalctl, systemd-journal-remote (make packages installs them on Debian)",
    ),
]


def entry(number: int, message: bytes = b"", **fields: str) -> bytes:
    """An entry in systemd's export format."""
    message = message or b'time="2026-11-18T11:06:40Z" level=info msg="entry %d"' % number
    given_fields = {"_HOSTNAME": "vm", "SYSLOG_IDENTIFIER": "dockerd", "_PID": "411", "PRIORITY": "6"} | fields
    head = {
        "__REALTIME_TIMESTAMP": str(T // 1000 + number * 1_000_000),
        "__MONOTONIC_TIMESTAMP": str(1_000_000 + number * 1_000_000),
        "_BOOT_ID": BOOT,
    }
    text = "".join(f"{name}={value}\n" for name, value in (head | given_fields).items()).encode()
    return text + b"MESSAGE\n" + len(message).to_bytes(8, "little") + message + b"\n\n"


@pytest.fixture
def journal(tmp_path: Path) -> Callable[..., Path]:
    """Write entries to a journal in a folder; more may be added."""

    def write(*written: bytes, folder: str = "journal") -> Path:
        (tmp_path / folder).mkdir(exist_ok=True)
        command = [REMOTE, "-o", str(tmp_path / folder / "test.journal"), "-"]
        subprocess.run(command, input=b"".join(written), check=True, capture_output=True)
        return tmp_path / folder

    return write


@pytest.fixture
def open_source() -> Iterator[Callable[..., JournalSource]]:
    opened: list[JournalSource] = []

    def make(folder: Path | str, rows: dict[str, str] | None = None, **options: object) -> JournalSource:
        source = JournalSource(f"journal:{folder}", **options)
        opened.append(source)
        source.restore(rows or {})
        return source

    yield make
    for each in opened:
        each.close()


def lines_of(source: JournalSource, count: int, now_ns: int = T) -> list[bytes]:
    """The next lines; waits for them as the engine does."""
    found: list[bytes] = []
    for turn in range(600):
        chunk = source.read(now_ns + turn * SECOND)
        if chunk is None:
            source.wait(0.1)
        else:
            found += chunk.data.splitlines()
        if len(found) >= count:
            break
    return found


def said(lines: list[bytes]) -> list[str]:
    return [line.decode().rpartition('msg="')[2].rstrip('"') for line in lines]


def numbers(*which: int) -> list[str]:
    return [f"entry {number}" for number in which]


FAILURES = """\
events:
  - event: unit.failed
    name: failed
    description: A unit failed, which happens as often as there are lines.
    program: systemd
    match: "Failed with result 'exit-code'"
    examples:
      - line: "Nov 18 11:06:42 vm systemd[1]: docker.service: Failed with result 'exit-code'."
        event: {}
      - line: "Nov 18 11:06:42 vm systemd[1]: docker.service: Failed with result 'signal'."
        event: null
"""


# ── the real journal ─────────────────────────────────────────────────────────────────


class TestRealJournal:
    pytestmark = needs_journal

    def test_entries_come_as_lines_that_the_formats_read(self, journal, open_source) -> None:
        (line,) = lines_of(open_source(journal(entry(1))), 1)
        reader = LineReader(None)
        reader.begin(Chunk(line + b"\n", "journal:", 0, T), T)
        record = reader.read(line)

        assert (
            line
            == b'2026-11-18T11:06:41.000000+00:00 vm dockerd[411]: time="2026-11-18T11:06:40Z" level=info msg="entry 1"'
        )
        assert record is not None
        assert (record.host, record.tag, record.pid, record.stamp_ns) == ("vm", "dockerd", "411", T + SECOND)

    def test_what_is_written_later_is_followed(self, journal, open_source) -> None:
        source = open_source(journal(entry(1), entry(2)))
        first = lines_of(source, 2)
        journal(entry(3))

        assert said(first + lines_of(source, 1)) == numbers(1, 2, 3)

    def test_entries_from_before_a_boot_are_read(self, journal, open_source) -> None:
        boots = [entry(1), entry(2), entry(3, _BOOT_ID="f" * 32), entry(4, _BOOT_ID="f" * 32)]
        source = open_source(journal(*boots))
        rows = source.changed_rows()

        assert said(lines_of(source, 4)) == numbers(1, 2, 3, 4)
        assert said(lines_of(open_source(journal(), rows), 4)) == numbers(1, 2, 3, 4)

    def test_a_restart_goes_on_behind_the_last_entry(self, journal, open_source) -> None:
        folder = journal(*map(entry, range(5)))
        first = open_source(folder)
        rows = dict(first.changed_rows())
        seen = lines_of(first, 5)
        rows |= first.changed_rows()
        first.close()
        journal(entry(5), entry(6))
        second = open_source(folder, rows)

        lines = lines_of(second, 2)

        assert said(seen + lines) == numbers(*range(7))
        assert second.gaps() == ()

    def test_what_was_read_and_not_committed_is_read_again(self, journal, open_source) -> None:
        folder = journal(*map(entry, range(3)))
        first = open_source(folder)
        rows = dict(first.changed_rows())
        lines_of(first, 3)

        assert said(lines_of(open_source(folder, rows), 3)) == numbers(0, 1, 2)

    def test_offsets_go_on_over_a_restart(self, journal, open_source) -> None:
        folder = journal(entry(1))
        first = open_source(folder)
        (line,) = lines_of(first, 1)
        rows = first.changed_rows()
        journal(entry(2))
        second = open_source(folder, rows)
        while (chunk := second.read(T)) is None:
            second.wait(0.1)

        assert chunk.offset == len(line) + 1

    def test_a_start_at_the_end_reads_only_what_comes(self, journal, open_source) -> None:
        source = open_source(journal(entry(1), entry(2)), start="end")
        journal(entry(3))

        assert said(lines_of(source, 1)) == numbers(3)

    def test_entries_that_were_vacuumed_while_away_are_a_gap(self, journal, open_source) -> None:
        folder = journal(entry(1))
        first = open_source(folder)
        lines_of(first, 1)
        rows = first.changed_rows()
        other = journal(entry(7), folder="later")
        source = open_source(other, {f"journal:{other}": row for row in rows.values() if row is not None})
        lines = lines_of(source, 1)

        assert said(lines) == numbers(7)
        assert [(gap.reason, gap.size) for gap in source.gaps()] == [("vacuumed", None)]

    def test_a_journalctl_that_is_killed_is_started_again(self, journal, open_source) -> None:
        source = open_source(journal(entry(1)))
        first = lines_of(source, 1)
        process = source._journalctl._process
        process.send_signal(signal.SIGKILL)
        process.wait()
        journal(entry(2))

        assert said(first + lines_of(source, 1)) == numbers(1, 2)

    def test_what_journalctl_complains_about_is_shown(self, tmp_path: Path, open_source) -> None:
        source = open_source(tmp_path / "nowhere")
        for _ in range(100):
            source.read(T)
            if source.status()[0].error:
                break
            source.wait(0.1)

        assert not source.status()[0].open
        assert "nowhere" in source.status()[0].error or "No such file" in source.status()[0].error

    def test_a_container_cannot_pass_for_the_daemon(self, journal, open_source) -> None:
        fields = {"CONTAINER_NAME": "web", "CONTAINER_ID": "0123456789ab", "CONTAINER_TAG": "dockerd"}
        (line,) = lines_of(open_source(journal(entry(1, **fields))), 1)

        assert b" vm docker/web: time=" in line

    def test_bytes_newlines_and_long_messages_stay_one_line(self, journal, open_source) -> None:
        source = open_source(journal(entry(1, b"two\nlines \xff"), entry(2, b"x" * 5000)), max_line_bytes=1000)
        first, second = lines_of(source, 2)

        assert first.endswith(b": two#012lines \xff")
        assert len(second) == 1000
        assert source.status()[0].skipped == {"too_long": 1}

    def test_an_entry_larger_than_a_chunk_does_not_stop_the_rest(self, journal, open_source) -> None:
        source = open_source(journal(entry(1, b"y" * 9000), entry(2)), chunk_bytes=1000)

        assert said(lines_of(source, 2)[1:]) == numbers(2)

    def test_without_follow_it_is_finished_after_the_newest_entry(self, journal, open_source) -> None:
        entries = (entry(1), entry(2), entry(3, _BOOT_ID="f" * 32))
        source = open_source(journal(*entries), follow=False)

        assert said(lines_of(source, 3)) == numbers(1, 2, 3)
        wait_for(lambda: source.read(T) is None and source.finished, "the end of the journal")

    def test_a_replay_continues_after_the_last_entry(self, journal, open_source) -> None:
        first = open_source(journal(entry(1), entry(2)), follow=False)
        lines_of(first, 2)

        assert said(lines_of(open_source(journal(entry(3)), first.changed_rows(), follow=False), 1)) == numbers(3)

    def test_the_backlog_comes_in_blocks_the_newest_first(self, journal, open_source) -> None:
        folder = journal(*map(entry, range(1, 6)))
        backlog = JournalBacklog(f"journal:{folder}", block_entries=2)
        blocks = [said(chunk.data.splitlines()) for chunk in backlog.blocks(T)]
        after = open_source(folder)
        after.begin_after(backlog.cursor)
        journal(entry(6))

        assert blocks == [numbers(4, 5), numbers(2, 3), numbers(1)]
        assert said(lines_of(after, 1)) == numbers(6)

    def test_an_empty_backlog_has_no_blocks(self, tmp_path: Path) -> None:
        backlog = JournalBacklog(f"journal:{tmp_path}")

        assert (list(backlog.blocks(T)), backlog.cursor) == ([], "")

    def test_replay_and_tail_show_what_the_journal_has(self, journal) -> None:
        died = b'time="2026-11-18T11:06:43Z" level=info msg="ignoring event" container=%s topic=/tasks/delete' % (
            b"8d" * 32
        )
        path = f"journal:{journal(entry(1), entry(2, SYSLOG_IDENTIFIER='cron'), entry(3, died))}"
        replayed = call("replay", path).out
        tailed = call("tail", "--no-follow", "-n", "1", path).out

        assert "container.die" in replayed
        assert len(tailed.splitlines()) == 1
        assert "→ container.die 8d8d8d8d8d8d" in tailed

    def test_tail_goes_on_as_the_journal_grows(self, journal, tmp_path: Path) -> None:
        folder = journal(entry(1))
        command = [sys.executable, "-m", "logwatch", "tail", "--raw", f"journal:{folder}"]
        with (tmp_path / "shown").open("wb") as out:
            process = subprocess.Popen(command, stdout=out)
        try:
            wait_for(lambda: b"entry 1" in (tmp_path / "shown").read_bytes(), "the first entry")
            journal(entry(2))
            wait_for(lambda: b"entry 2" in (tmp_path / "shown").read_bytes(), "the second entry")
        finally:
            process.terminate()
            process.wait()

        assert said((tmp_path / "shown").read_bytes().splitlines()) == numbers(1, 2)

    def test_run_counts_what_the_journal_tells(self, journal, sidecar, tmp_path: Path) -> None:
        died = f'time="2026-11-18T11:06:41Z" level=info msg="ignoring event" container={"8d" * 32} module=libcontainerd namespace=moby topic=/tasks/delete'
        folder = journal(entry(1, died.encode()), entry(2, died.encode(), CONTAINER_NAME="liar", CONTAINER_ID="8d" * 6))
        first = sidecar("--log", f"journal:{folder}")
        wait_for(lambda: first.value("docker_events_total", type="container", action="die") == 1, "the first")
        first.end()
        journal(entry(100, died.encode()))
        second = sidecar("--log", f"journal:{folder}")
        wait_for(lambda: second.value("docker_events_total", type="container", action="die") == 2, "the second")

        assert second.value("logwatch_lines_read_total", path=f"journal:{folder}") == 3

    def test_a_container_has_the_name_that_its_engine_put_beside_its_output(
        self, journal, sidecar, tmp_path: Path
    ) -> None:
        died = b'time="2026-11-18T11:06:%02dZ" level=info msg="ignoring event" container=%s topic=/tasks/delete'
        web, db = "8d" * 32, "5e" * 32
        printed = {"_COMM": "dockerd", "CONTAINER_NAME": "web", "CONTAINER_ID": web[:12], "CONTAINER_ID_FULL": web}
        late = printed | {"CONTAINER_NAME": "db", "CONTAINER_ID": db[:12], "CONTAINER_ID_FULL": db}
        folder = journal(
            *(entry(1, b"hello", **printed), entry(2, died % (42, web.encode()))),
            *(entry(3, died % (43, db.encode())), entry(4, b"hello", **late)),
        )
        one = sidecar("--log", f"journal:{folder}")
        wait_for(lambda: one.value("docker_container_events_total", name="db", action="die") == 1, "the late name")
        first = one.value("docker_container_events_total", name="web", action="die")
        one.end()
        journal(entry(100, died % (59, web.encode())))
        two = sidecar("--log", f"journal:{folder}")
        wait_for(lambda: two.value("docker_container_events_total", name="web", action="die") == 2, "the second")

        assert first == 1
        assert re.findall(r'^docker_container_\w+\{name="[0-9a-f]{12}"', two.get("/metrics")[1], re.MULTILINE) == []

    def test_a_host_that_writes_both_a_file_and_the_journal_has_each_event_once(
        self, journal, sidecar, tmp_path: Path
    ) -> None:
        failed = "docker.service: Failed with result 'exit-code'."
        system = {"SYSLOG_IDENTIFIER": "systemd", "_PID": "1"}

        def died(number: int) -> str:
            exact = rfc3339(T + number * SECOND - 1, 9)
            return f'time="{exact}" level=info msg="ignoring event" container={number:064x} topic=/tasks/delete'

        def written(number: int, tag: str, message: str) -> str:
            return f"{rfc3339(T + number * SECOND, 6)} vm.example.com {tag}: {message}\n"

        folder = journal(
            entry(1, died(1).encode()),
            *(entry(2, failed.encode(), **system), entry(20, failed.encode(), **system)),
            entry(30, died(30).encode()),
        )
        log = tmp_path / "messages"
        log.write_text(
            written(1, "dockerd[411]", died(1))
            + written(3, "systemd[1]", failed)
            + written(21, "systemd[1]", failed)
            + written(25, "dockerd[411]", died(25))
        )
        (tmp_path / "rules.yml").write_text(FAILURES)
        options = ("--log", str(log), "--log", f"journal:{folder}", "--rules", str(tmp_path / "rules.yml"))
        failure, dead = {"type": "unit", "action": "failed"}, {"type": "container", "action": "die"}
        first = sidecar(*options)
        wait_for(lambda: first.value("docker_events_total", **dead) == 3, "all deaths")
        first.end()
        journal(entry(40, failed.encode(), **system))
        second = sidecar(*options)
        wait_for(lambda: second.value("docker_events_total", **failure) == 3, "the third failure")
        with log.open("a") as file:
            file.write(written(40, "systemd[1]", failed) + written(41, "dockerd[411]", died(41)))
        wait_for(lambda: second.value("docker_events_total", **dead) == 4, "the last death")

        assert second.value("docker_events_total", **failure) == 3
        copies = [second.value("logwatch_duplicate_lines_total", path=path) for path in (str(log), f"journal:{folder}")]
        assert sum(filter(None, copies)) == 4


# ── entries ──────────────────────────────────────────────────────────────────────────


def as_json(**fields: object) -> bytes:
    return json.dumps({"__CURSOR": "c", "__REALTIME_TIMESTAMP": str(T // 1000), "MESSAGE": "hello"} | fields).encode()


@pytest.mark.parametrize(
    ("fields", "header"),
    [
        ({"_HOSTNAME": "vm", "SYSLOG_IDENTIFIER": "kernel"}, b"vm kernel:"),
        ({"_HOSTNAME": "vm", "_COMM": "dockerd", "_PID": "7"}, b"vm dockerd[7]:"),
        ({"SYSLOG_IDENTIFIER": "a b:[c]", "SYSLOG_PID": "8", "_PID": "7"}, b"localhost a_b__c_[8]:"),
        ({"SYSLOG_IDENTIFIER": ["systemd", "other"]}, b"localhost systemd:"),
        ({"CONTAINER_ID": "0123456789ab", "SYSLOG_IDENTIFIER": "dockerd"}, b"localhost docker/0123456789ab:"),
        ({}, b"localhost unknown:"),
    ],
)
def test_the_header_says_who_wrote_it(fields: dict[str, object], header: bytes) -> None:
    found = read_entry(as_json(**fields))

    assert found is not None
    assert found.line == b"2026-11-18T11:06:40.000000+00:00 " + header + b" hello\n"


ID = "8d" * 32
NAMED = {"_COMM": "dockerd", "CONTAINER_NAME": "web", "CONTAINER_ID": ID[:12], "CONTAINER_ID_FULL": ID}


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        (NAMED, "web"),
        (NAMED | {"_COMM": "dockerd-current", "CONTAINER_NAME": "/web"}, "web"),
        (NAMED | {"_COMM": "python3"}, None),
        (NAMED | {"_COMM": [255, 1]}, None),
        (NAMED | {"CONTAINER_NAME": "a b"}, None),
        (NAMED | {"CONTAINER_NAME": ["web", "db"]}, None),
        (NAMED | {"CONTAINER_ID": "5e5e5e5e5e5e"}, None),
        (NAMED | {"CONTAINER_ID_FULL": "web"}, None),
        ({"_COMM": "dockerd", "CONTAINER_NAME": "web"}, None),
    ],
    ids=[
        "the engine",
        "an older one",
        "another program",
        "a program of any bytes",
        "no name",
        "two names",
        "another id",
        "no id",
        "no field",
    ],
)
def test_only_an_engine_names_a_container(fields: dict[str, object], name: str | None) -> None:
    found = read_entry(as_json(**fields))

    assert found is not None
    assert (found.container and (found.container.id, found.container.name)) == (name and (ID, name))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"null",
        b"{}",
        as_json(MESSAGE=None),
        as_json(__CURSOR=3),
        as_json(__REALTIME_TIMESTAMP="x"),
        b"[" * 100_000,
    ],
)
def test_what_is_no_entry_is_none(text: bytes) -> None:
    assert read_entry(text) is None


@given(
    st.binary() | st.dictionaries(st.text(), st.text() | st.lists(st.integers())).map(lambda value: as_json(**value))
)
def test_reading_an_entry_never_raises(text: bytes) -> None:
    found = read_entry(text)

    assert found is None or (found.line.endswith(b"\n") and found.line.count(b"\n") == 1)


def test_without_journalctl_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(SourceError, match="install systemd, or name a log file"):
        JournalSource()


@pytest.fixture
def journalctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a script in journalctl's place."""

    def write(script: str) -> None:
        tool = tmp_path / "bin" / "journalctl"
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")

    return write


ENTRY = json.dumps(
    {
        "__CURSOR": "s=1",
        "__REALTIME_TIMESTAMP": str(T // 1000),
        "SYSLOG_IDENTIFIER": "dockerd",
        "MESSAGE": 'msg="entry 1"',
    }
)


def test_a_journalctl_that_complains_without_end_goes_on(
    journalctl: Callable[[str], None], open_source: Callable[..., JournalSource]
) -> None:
    journalctl(f"head -c 300000 /dev/zero | tr '\\0' x >&2; echo '{ENTRY}'; exec sleep 60")

    assert said(lines_of(open_source(""), 1)) == ["entry 1"]


REFUSED = "echo 'No journal files were opened due to insufficient permissions.' >&2; exit 1"
WITH_CURE = r"^journal:: No journal files .* permissions: .*systemd-journal$"


def test_a_replay_of_a_journal_that_cannot_be_read_is_an_error(
    journalctl: Callable[[str], None], open_source: Callable[..., JournalSource]
) -> None:
    journalctl(REFUSED)
    source = open_source("", follow=False)

    with pytest.raises(SourceError, match=WITH_CURE):
        wait_for(lambda: source.read(T) is not None, "the error")


def test_a_backlog_of_a_journal_that_cannot_be_read_is_an_error(journalctl: Callable[[str], None]) -> None:
    journalctl(REFUSED)

    with pytest.raises(SourceError, match=WITH_CURE):
        JournalBacklog("journal:")


@pytest.mark.parametrize("command", ["replay", "tail"])
def test_the_journal_is_read_alone(command: str) -> None:
    done = call(command, "journal:", "/var/log/messages")

    assert (done.status, "remove all but one of journal:, /var/log/messages" in done.err) == (2, True)


def test_a_journalctl_that_ends_is_told_with_the_last_it_said(
    journalctl: Callable[[str], None], open_source: Callable[..., JournalSource]
) -> None:
    journalctl("echo 'the first' >&2; echo 'No journal files were found.' >&2; exit 1")
    source = open_source("")

    def told() -> bool:
        source.read(T)
        return source.status()[0].error is not None

    wait_for(told, "the end of journalctl")
    status = source.status()[0]
    assert (status.error, status.open) == ("No journal files were found.", False)


def await_error(source: JournalSource, error: str = "", now_ns: int = T) -> None:
    """Read, each time two minutes later, until the journal cannot be read for this reason."""
    times = itertools.count(now_ns, 120 * SECOND)

    def known() -> bool:
        source.read(next(times))
        return error in (source.status()[0].error or "") and not source.status()[0].open

    wait_for(known, f"the error {error}")


@pytest.mark.parametrize("cursor", ["s=1", ""], ids=["at the question", "at the start"])
def test_a_journalctl_that_cannot_be_started_again_is_tried_until_it_can(
    tmp_path: Path, journalctl: Callable[[str], None], open_source: Callable[..., JournalSource], cursor: str
) -> None:
    journalctl(f"echo '{ENTRY}'" if cursor else "exit 1")
    source = open_source("")
    if cursor:
        lines_of(source, 1)
    await_error(source)
    (tmp_path / "bin" / "journalctl").write_text("#!/no/such/interpreter\n")
    await_error(source, "journalctl does not answer")
    journalctl(f"echo '{ENTRY}'")

    assert said(lines_of(source, 1, T * 2)) == ["entry 1"]
    assert source.gaps() == ()


def test_a_journalctl_that_fails_at_each_start_is_an_error_all_the_time_and_no_gap(
    journalctl: Callable[[str], None], open_source: Callable[..., JournalSource]
) -> None:
    journalctl(REFUSED)
    source = open_source("", {"journal:": json.dumps(["s=0", 100])})
    await_error(source)
    for turn in range(5):
        source.read(T + turn * 100 * SECOND)
        assert not source.status()[0].open

    assert source.gaps() == ()


def test_an_entry_that_was_vacuumed_is_one_gap_however_often_journalctl_ends(
    journalctl: Callable[[str], None], open_source: Callable[..., JournalSource]
) -> None:
    journalctl("echo 'No journal files were found.' >&2")
    source = open_source("", {"journal:": json.dumps(["s=0", 100])})
    for turn in range(5):
        await_error(source, now_ns=T + turn * 100 * SECOND)

    assert [gap.reason for gap in source.gaps()] == ["vacuumed"]


@pytest.mark.parametrize("script", ["exec >&-; exec sleep 60", "exec yes >&2"], ids=["it sleeps", "it complains"])
def test_a_journalctl_that_prints_no_more_and_does_not_end_is_killed(
    journalctl: Callable[[str], None],
    open_source: Callable[..., JournalSource],
    monkeypatch: pytest.MonkeyPatch,
    script: str,
) -> None:
    monkeypatch.setattr(journalctl_module, "END_TIMEOUT", 0.2)
    journalctl(script)

    await_error(open_source(""))


def test_a_journalctl_that_ignores_signals_is_killed_at_the_end(
    journalctl: Callable[[str], None], open_source: Callable[..., JournalSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journalctl_module, "END_TIMEOUT", 0.2)
    journalctl(f"trap '' TERM; echo '{ENTRY}'; while true; do sleep 0.1; done")
    source = open_source("")

    assert said(lines_of(source, 1)) == ["entry 1"]
    source.close()


def told_by(source: JournalSource) -> dict[str, int]:
    return dict(source.status()[0].skipped)


def test_what_is_no_entry_is_counted_and_a_long_line_is_cut(
    journalctl: Callable[[str], None], open_source: Callable[..., JournalSource]
) -> None:
    long = ENTRY.replace("entry 1", "x" * 500)
    journalctl(f"echo 'no JSON'; echo '{long}'; echo '{ENTRY}'; exec sleep 60")
    source = open_source("", max_line_bytes=200)
    found = lines_of(source, 2)

    assert [len(found[0]), said(found)[1]] == [200, "entry 1"]
    assert told_by(source) == {"entry": 1, "too_long": 1}


@pytest.mark.parametrize("end", ["; echo", ""], ids=["ends", "without end"])
def test_an_entry_of_any_length_is_skipped_in_bounded_memory(
    journalctl: Callable[[str], None],
    open_source: Callable[..., JournalSource],
    monkeypatch: pytest.MonkeyPatch,
    end: str,
) -> None:
    monkeypatch.setattr(journalctl_module, "LONGEST_ENTRY", 1 << 20)
    long = f"head -c 5000000 /dev/zero | tr '\\0' x{end}"
    journalctl(f"echo '{ENTRY}'; {long}; echo '{ENTRY}'; exec sleep 60")
    source = open_source("")
    found: list[bytes] = []

    def read() -> bool:
        chunk = source.read(T)
        found.extend(chunk.data.splitlines() if chunk is not None else [])
        assert source.status()[0].pending < 3 << 20
        return told_by(source) == {"too_long": 1} and len(found) == (2 if end else 1)

    wait_for(read, "what follows the long entry", 20)


def test_only_broken_entries_are_no_chunk(
    journalctl: Callable[[str], None], open_source: Callable[..., JournalSource]
) -> None:
    journalctl("echo 'no JSON'; exec sleep 60")
    source = open_source("")
    assert source.read(T) is None
    wait_for(lambda: source.read(T) is None and told_by(source) == {"entry": 1}, "the broken entry")


def test_a_journalctl_that_ends_is_started_again_behind_the_last_entry(
    tmp_path: Path, journalctl: Callable[[str], None], open_source: Callable[..., JournalSource]
) -> None:
    calls = tmp_path / "calls"
    journalctl(f"echo \"$*\" >> {calls}; echo '{ENTRY}'")
    source = open_source("")

    assert said(lines_of(source, 2)) == ["entry 1", "entry 1"]  # this one knows no cursors
    asked = [line for line in calls.read_text().splitlines() if "--lines=1" in line or "--follow" in line]
    assert ["--after-cursor=s=1" in line for line in asked if "--follow" in line] == [False, True]


def test_an_entry_that_was_vacuumed_is_a_gap(
    journalctl: Callable[[str], None], open_source: Callable[..., JournalSource]
) -> None:
    journalctl(f"echo '{ENTRY}'")
    source = open_source("", {"journal:": json.dumps(["s=0", 100])})
    source.read(T)

    assert [(gap.reason, gap.size) for gap in source.gaps()] == [("vacuumed", None)]
    assert source.gaps() == ()


@pytest.mark.parametrize(
    ("answer", "cursor"), [(f"echo '{ENTRY}'", "s=1"), ("echo nothing", ""), ("exit 1", "")], ids=["one", "no", "none"]
)
def test_a_first_start_at_the_end_begins_behind_the_newest_entry(
    journalctl: Callable[[str], None], open_source: Callable[..., JournalSource], answer: str, cursor: str
) -> None:
    journalctl(answer)

    expected = {'cursor "journal:"': json.dumps([cursor, 0], separators=(",", ":"))}

    assert open_source("", start="end").changed_rows() == expected


def test_a_position_that_did_not_move_is_not_written_again(
    journalctl: Callable[[str], None], open_source: Callable[..., JournalSource]
) -> None:
    journalctl("exec sleep 60")
    source = open_source("", {'cursor "journal:"': json.dumps(["s=1", 100])})

    assert source.changed_rows() == {}
    assert not source.finished


def test_a_wait_for_the_journal_is_ended_by_an_entry_or_a_wake(
    journalctl: Callable[[str], None], open_source: Callable[..., JournalSource]
) -> None:
    journalctl(f"sleep 0.1; echo '{ENTRY}'; exec sleep 60")
    source = open_source("")
    source.wake()
    source.wait(60)
    source.read(T)
    source.wait(60)

    assert said(lines_of(source, 1, T + 2 * SECOND)) == ["entry 1"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo line", None),
        ("exit 0", "it has no entries that we may read"),
        ("echo 'No journal files were opened due to insufficient permissions.' >&2; exit 1",
         "no journal files were opened due to insufficient permissions"),
    ],
    ids=["it can be read", "it is empty", "not ours"],
)  # fmt: skip
def test_why_the_journal_cannot_be_read(journalctl: Callable[[str], None], script: str, reason: str | None) -> None:
    journalctl(script)

    assert why_not() == reason


def test_a_journalctl_that_cannot_be_started_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "journalctl"
    tool.write_text("#!/no/such/interpreter\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    told = why_not()

    assert told is not None
    assert "journalctl does not answer" in told


def test_without_journalctl_the_journal_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert why_not() == "journalctl is not installed"


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ([104, 105], b"hi"),
        (["first", "second"], b"first"),
        ([[104, 105], "second"], b"hi"),
        ([300], b""),
        ([], b""),
        (7, b""),
        ("\ud800", b"\xed\xa0\x80"),
    ],
    ids=["bytes", "twice", "bytes twice", "no bytes", "nothing", "a number", "half a character"],
)
def test_a_message_in_every_form_that_journalctl_gives_it(message: object, text: bytes) -> None:
    entry = read_entry(as_json(MESSAGE=message))

    assert entry is not None
    assert entry.line.rpartition(b": ")[2] == text + b"\n"
