"""What containers print, followed below a data directory of the engine."""

import json
import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ports import wait_for

from logwatch.docker.containers import StoredContainer
from logwatch.docker.inventory import Found, Inventory, Removed
from logwatch.model import CONTAINERS, SECOND
from logwatch.sources import containers as containers_module
from logwatch.sources.container_filter import ContainerFilter
from logwatch.sources.containers import ContainersSource
from logwatch.sources.file import FileSource
from logwatch.sources.merged import MergedSource

WEB, DB = "3f" * 32, "a0" * 32
PIECE = "x" * (16 << 10)
"""As much of a line as the engine writes at once."""
AT = "2026-11-30T07:00:00.123456789Z"


class Root:
    """A data directory with containers that print."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def folder(self, container: str = WEB) -> Path:
        return self.path / "containers" / container

    def log(self, container: str = WEB) -> Path:
        return self.folder(container) / f"{container}-json.log"

    def create(
        self, container: str = WEB, name: str = "web", image: str = "nginx:1", driver: str = "json-file", **labels: str
    ) -> None:
        self.folder(container).mkdir(parents=True, exist_ok=True)
        config = {"ID": container, "Name": f"/{name}", "Config": {"Image": image, "Labels": labels}}
        (self.folder(container) / "config.v2.json").write_text(json.dumps(config))
        (self.folder(container) / "hostconfig.json").write_text(
            json.dumps({"LogConfig": {"Type": driver, "Config": {}}})
        )

    def prints(self, *texts: str, container: str = WEB, stream: str = "stdout", time: str = AT) -> None:
        with self.log(container).open("a") as log:
            for text in texts:
                log.write(json.dumps({"log": text, "stream": stream, "time": time}) + "\n")

    def rotate(self, container: str = WEB) -> None:
        """As the engine does with max-file: 3."""
        log = self.log(container)
        first = log.with_name(log.name + ".1")
        if first.exists():
            first.rename(log.with_name(log.name + ".2"))
        log.rename(first)
        log.touch()


class Follower:
    """A source with an inventory that is asked at each step."""

    def __init__(self, root: Root, rows: dict[str, str] | None = None, *filters: ContainerFilter, **more: Any) -> None:
        self.root = root
        self.rows = rows if rows is not None else {}
        self.inventory = Inventory(root.path)
        self.source = ContainersSource(root.path, filters, **more)
        self.source.restore(self.rows)
        self.now_ns = time.time_ns()
        self.read: list[str] = []

    def look(self) -> None:
        self.source.notice(self.inventory.poll(0))

    def step(self, *, seconds: float = 70) -> list[str]:
        """Read all there is; returns the new lines without time and host."""
        self.now_ns += round(seconds * SECOND)
        before = len(self.read)
        while (chunk := self.source.read(self.now_ns)) is not None:
            assert (chunk.path, chunk.data[-1:]) == (CONTAINERS, b"\n")
            self.read += chunk.data.decode().splitlines()
        return [each.partition(" container")[2] for each in self.read[before:]]

    def commit(self) -> dict[str, str]:
        for key, row in self.source.changed_rows().items():
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row
        return dict(self.rows)


Open = Callable[..., Follower]


@pytest.fixture
def root(tmp_path: Path) -> Root:
    one = Root(tmp_path)
    one.create()
    return one


@pytest.fixture
def opened(root: Root) -> Iterator[Open]:
    followers: list[Follower] = []

    def start(rows: dict[str, str] | None = None, *filters: ContainerFilter, **more: Any) -> Follower:
        followers.append(Follower(root, rows, *filters, **more))
        followers[-1].look()
        return followers[-1]

    yield start
    for each in followers:
        each.source.close()


def test_each_line_has_its_container_and_its_time(root: Root, opened: Open) -> None:
    root.prints("hello\n", "größer\tx\r\n", "", "a\x1bb\n")
    follower = opened()
    follower.step()
    (first, *rest) = follower.read

    assert first.startswith(f"{AT} ")
    assert [each.partition(" container")[2] for each in [first, *rest]] == [
        f"[{WEB}]: hello",
        f"[{WEB}]: größer\tx",
        f"[{WEB}]: a\x1bb",
    ]


def test_lines_in_pieces_are_joined_per_stream_and_survive_a_restart(root: Root, opened: Open) -> None:
    root.prints(f"one {PIECE}", time="2026-11-30T07:00:00Z")
    root.prints(f"error {PIECE}", stream="stderr")
    first = opened()
    read = first.step()
    rows = first.commit()
    root.prints(f"two {PIECE}", time="2026-11-30T07:00:09Z")
    root.prints("here\n", stream="stderr")
    root.prints("three\n", "next\n")
    second = opened(rows)

    assert read == []
    assert second.step() == [f"[{WEB}]: error {PIECE}here", f"[{WEB}]: one {PIECE}two {PIECE}three", f"[{WEB}]: next"]
    assert [each.partition(" ")[0] for each in second.read] == [AT, "2026-11-30T07:00:00Z", AT]
    assert not any("partial" in key for key in second.commit())


def test_rotated_files_are_read_in_order(root: Root, opened: Open) -> None:
    root.prints("1\n")
    follower = opened()
    follower.step()
    root.prints("2\n")
    root.rotate()
    root.prints("3\n")
    root.rotate()
    root.prints("4\n")

    assert [each[-1] for each in follower.step() + follower.step()] == ["2", "3", "4"]


def test_a_log_is_continued_after_a_kill(root: Root, opened: Open) -> None:
    """Whatever was read after the last commit is read again, and nothing else."""
    choice = random.Random(3)
    rows: dict[str, str] = {}
    read: list[str] = []
    number = 0
    follower = opened(rows)
    for _ in range(60):
        action = choice.choice(["print", "print", "rotate", "step", "kill"])
        if action == "print":
            for _ in range(choice.randrange(1, 4)):
                text = f"{number} "
                root.prints(text) if choice.random() < 0.3 else root.prints(f"{text}\n")
                number += 1
        elif action == "rotate":
            root.rotate()
            read += follower.step()
            rows = follower.commit()
        elif action == "step":
            read += follower.step()
            rows = follower.commit()
        else:
            follower.step()  # not committed
            follower = opened(dict(rows))
    root.prints("end\n")
    read += follower.step() + follower.step()
    words = [word for line in read for word in line.partition(": ")[2].split()]

    assert words == [*map(str, range(number)), "end"]


def test_what_is_printed_wakes_who_waits(root: Root, opened: Open) -> None:
    follower = opened()
    root.prints("1\n")
    follower.step()
    root.prints("2\n")

    wait_for(lambda: follower.source.wait(0.2) is None and follower.step(seconds=0), "the second line")


def test_a_container_that_comes_later_is_read_from_its_beginning(root: Root, opened: Open) -> None:
    root.prints("old\n")
    follower = opened(start="end")
    before = follower.step()
    root.prints("new\n")
    root.create(DB, "db")
    root.prints("born\n", container=DB)
    follower.look()

    assert before == []
    assert sorted(follower.step()) == [f"[{WEB}]: new", f"[{DB}]: born"]


@pytest.mark.parametrize("looked", [True, False], ids=["running", "after a restart"])
def test_nothing_is_kept_of_a_container_that_is_gone(root: Root, opened: Open, *, looked: bool) -> None:
    root.prints("1\n", PIECE)
    follower = opened()
    follower.step()
    rows = follower.commit()
    root.prints("2\n")
    for file in root.folder().iterdir():
        file.unlink()
    root.folder().rmdir()
    if not looked:
        follower = opened(rows)
    last = follower.step() + follower.step()
    rows = follower.commit()

    assert last == [f"[{WEB}]: {PIECE}{'2' if looked else ''}"]
    assert [key for key in rows if not key.startswith("container_progress")] == []
    assert follower.source._logs == {}


def test_positions_stay_while_the_root_is_missing(root: Root, opened: Open) -> None:
    root.prints("1\n")
    follower = opened()
    follower.step()
    rows = follower.commit()
    root.path.joinpath("containers").rename(root.path / "away")
    away = opened(rows)
    away.step()
    kept = away.commit()
    root.path.joinpath("away").rename(root.path / "containers")
    root.prints("2\n")

    assert away.step() == [f"[{WEB}]: 2"]
    assert any(WEB in key for key in kept)


def test_a_container_that_is_renamed_is_asked_again(root: Root, opened: Open) -> None:
    root.prints("1\n")
    follower = opened(None, ContainerFilter(name=("web-*",)))
    before = follower.step()
    root.create(name="web-2")
    follower.look()

    assert (before, follower.step()) == ([], [f"[{WEB}]: 1"])


@pytest.mark.parametrize(
    ("one", "matches"),
    [
        (ContainerFilter(), True),
        (ContainerFilter(name=("web*", "db")), True),
        (ContainerFilter(name=("eb*",)), False),
        (ContainerFilter(image=("nginx:*",)), True),
        (ContainerFilter(image=("nginx",)), False),
        (ContainerFilter(project=("shop",), service=("a*",)), True),
        (ContainerFilter(project=("shop",), service=("b",)), False),
        (ContainerFilter(labels={"team": "a*", "tier": "*"}), True),
        (ContainerFilter(labels={"team": "a", "zone": "*"}), False),
        (ContainerFilter(name=("web",), image=("mysql",)), False),
    ],
)
def test_a_filter_matches_if_all_of_it_does(one: ContainerFilter, matches: bool) -> None:
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "api", "team": "a", "tier": ""}
    container = {"ID": WEB, "Name": "/web", "Config": {"Image": "nginx:1", "Labels": labels}}

    assert one.matches(StoredContainer.model_validate(container)) is matches


def test_a_container_without_labels_has_none_to_match() -> None:
    assert not ContainerFilter(service=("*",)).matches(StoredContainer.model_validate({"ID": WEB}))


def test_lines_longer_than_the_limit_are_cut_and_counted(root: Root, opened: Open) -> None:
    root.prints(*["x" * 16_384] * 1000, "\n", "y" * 3000 + "\n", "after\n")
    follower = opened(max_line_bytes=1000)
    lines = follower.step() + follower.step()
    (status,) = follower.source.status()

    assert [len(each) <= 1000 for each in follower.read] == [True, True, True]
    assert [each.partition(": ")[2][:5] for each in lines] == ["xxxxx", "yyyyy", "after"]
    assert status.skipped == {"too_long": 2}


def test_a_line_without_an_end_returns_to_the_loop(root: Root, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers_module, "MOST_WITHOUT_LINE", 2)
    root.prints(*["x" * 16_384] * 100, "\n")
    follower = opened(max_line_bytes=1000)
    steps = [len(follower.step(seconds=0)) for _ in range(4)]

    assert steps[0] == 0
    assert sum(steps) == 1


@pytest.mark.parametrize(
    "entry",
    [
        b"not json",
        b'{"log":5,"stream":"stdout","time":"2026-11-30T07:00:00Z"}',
        b'{"log":"x\\n","stream":"evil","time":"2026-11-30T07:00:00Z"}',
        b'{"log":"x\\n","stream":["stdout"],"time":"2026-11-30T07:00:00Z"}',
        b'{"log":"x\\n","stream":"stdout","time":"yesterday"}',
        b'{"log":"x\\n","stream":"stdout","time":"2026-11-30T07:00:00Z vm dockerd: "}',
        b"[]",
        b"[" * 100_000,
        b'{"log":"' + b"x" * (300 << 10) + b'\\n","stream":"stdout","time":"2026-11-30T07:00:00Z"}',
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_entry_is_counted_and_passed_over(root: Root, opened: Open, entry: bytes) -> None:
    root.log().write_bytes(entry + b"\n")
    root.prints("after\n")
    follower = opened()

    assert follower.step() == [f"[{WEB}]: after"]
    assert follower.source.status()[0].skipped["entry"] == 1


def test_no_line_looks_like_two(root: Root, opened: Open) -> None:
    root.prints("a\nJan 1 00:00:00 vm dockerd[1]: b\n", "c\rd\0e\n", "\ud800\n")
    lines = opened().step()

    assert [each.partition(": ")[2] for each in lines] == ["a Jan 1 00:00:00 vm dockerd[1]: b", "c d e", "\\ud800"]


@pytest.mark.parametrize("what", ["file", "folder", "pipe", "root"])
def test_nothing_is_read_out_of_the_root(
    root: Root, opened: Open, tmp_path_factory: pytest.TempPathFactory, what: str
) -> None:
    outside = Root(tmp_path_factory.mktemp("outside"))
    outside.create(DB, "db")
    outside.prints("secret\n", container=DB)
    follower = opened()
    if what == "folder":
        root.folder(DB).symlink_to(outside.folder(DB))
    elif what == "root":
        root.path.joinpath("containers").rename(root.path / "away")
        root.path.joinpath("containers").symlink_to(outside.path / "containers")
    else:
        root.create(DB, "db")
        root.log(DB).symlink_to(outside.log(DB)) if what == "file" else os.mkfifo(root.log(DB))
    found = Found(DB, "db", None, {}, None, 0, 0, None, None)
    follower.source.notice([found, Removed(WEB, 0)])

    assert follower.step() == []


def test_few_logs_are_open_however_many_are_followed(root: Root, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers_module, "MOST_OPEN", 4)
    ids = [f"{number:064x}" for number in range(30)]
    for container in ids:
        root.create(container, f"c{container[-2:]}")
        root.prints("1\n", container=container)
    follower = opened()
    first = follower.step()
    for container in ids:
        root.prints("2\n", container=container)
    second = follower.step()

    assert sorted(first) == [f"[{each}]: 1" for each in ids]
    assert sorted(second) == [f"[{each}]: 2" for each in ids]
    assert len(follower.source._open) <= 4


def test_what_exceeds_the_bound_of_logs_is_counted(root: Root, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers_module, "MOST_FOLLOWED", 1)
    root.create(DB, "db")
    follower = opened()
    follower.step()

    assert follower.source.status()[0].skipped["too_many"] >= 1


def test_a_log_beside_is_read_first_and_each_continues_at_its_own_place(root: Root, tmp_path: Path) -> None:
    log = tmp_path / "messages"
    rows: dict[str, str | None] = {}
    read = []
    for number in range(2):
        with log.open("a") as stream:
            stream.write(f"Nov 30 07:00:00 vm dockerd[1]: {number}\n")
        root.prints(f"{number}\n")
        file = FileSource([str(log)])
        printed = ContainersSource(root.path, pipe=file.pipe)
        merged = MergedSource(file, printed=printed)
        merged.restore({key: row for key, row in rows.items() if row is not None})
        printed.notice(Inventory(root.path).poll(0))
        while (chunk := merged.read(time.time_ns())) is not None:
            read.append((chunk.path, chunk.data[-2:-1].decode()))
        rows |= merged.changed_rows()
        paths = [status.path for status in merged.status()]
        merged.close()

    assert read == [(str(log), "0"), (CONTAINERS, "0"), (str(log), "1"), (CONTAINERS, "1")]
    assert paths == [str(log), CONTAINERS]


# ── the driver journald ──────────────────────────────────────────────────────────────


@pytest.fixture
def journalctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in journalctl's place that prints a file's entries after a cursor, and what comes to it."""
    entries = tmp_path / "entries"
    entries.touch()
    tool = tmp_path / "bin" / "journalctl"
    tool.parent.mkdir()
    tool.write_text(f"#!{sys.executable}\n{JOURNALCTL.format(entries=str(entries))}")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    return entries


JOURNALCTL = """
import sys, time
cursor = next((each.partition("=")[2] for each in sys.argv if "cursor=" in each), "")
newest = "--lines=1" in sys.argv
with open({entries!r}) as file:
    lines = file.readlines()
    if newest:
        found = [each for each in lines if not cursor or f'"{{cursor}}"' in each]
        print(*found[-1:], end="")
        sys.exit()
    begin = next((i + 1 for i, each in enumerate(lines) if cursor and f'"{{cursor}}"' in each), 0)
    print(*lines[begin:], sep="", end="", flush=True)
    while True:
        print(file.readline(), end="", flush=True)
        time.sleep(0.01)
"""


class Journal:
    """Entries that an engine's driver writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0

    def prints(self, *texts: str, container: str = WEB, name: str = "web", at_ns: int = 0, **fields: str) -> None:
        with self.path.open("a") as file:
            for text in texts:
                self.count += 1
                entry = {
                    "__CURSOR": f"s={self.count}",
                    "__REALTIME_TIMESTAMP": str((at_ns or time.time_ns()) // 1000),
                    "_COMM": "dockerd",
                    "CONTAINER_NAME": name,
                    "CONTAINER_ID": container[:12],
                    "CONTAINER_ID_FULL": container,
                    "MESSAGE": text,
                }
                file.write(json.dumps(entry | fields) + "\n")


@pytest.fixture
def journal(journalctl: Path) -> Journal:
    return Journal(journalctl)


def awaited(follower: Follower, count: int) -> list[str]:
    """The next lines, once so many are there."""
    found: list[str] = []

    def enough() -> bool:
        found.extend(follower.step(seconds=2))
        return len(found) >= count

    wait_for(enough, f"{count} lines")
    return found


def test_what_the_driver_journald_writes_is_read_from_the_journal(root: Root, opened: Open, journal: Journal) -> None:
    root.create(driver="journald")
    root.create(DB, "db")
    root.prints("in a file\n", container=DB)
    journal.prints("one", "two", PRIORITY="3", SYSLOG_TIMESTAMP=AT)
    follower = opened()

    assert sorted(awaited(follower, 3)) == [f"[{WEB}]: one", f"[{WEB}]: two", f"[{DB}]: in a file"]
    assert [each.partition(" ")[0] for each in follower.read if "one" in each] == [AT]


def test_entries_in_pieces_are_joined_also_over_a_restart(root: Root, opened: Open, journal: Journal) -> None:
    root.create(driver="journald")
    journal.prints("whole")
    journal.prints(PIECE, CONTAINER_PARTIAL_MESSAGE="true")
    follower = opened()
    first = awaited(follower, 1)
    wait_for(lambda: not follower.step(seconds=2) and bool(follower.source._partial.get(WEB)), "the piece")
    rows = follower.rows | {key: row for key, row in follower.source.changed_rows().items() if row is not None}
    follower.source.close()
    journal.prints("end")

    assert first == [f"[{WEB}]: whole"]
    assert awaited(opened(rows), 1) == [f"[{WEB}]: {PIECE}end"]


@pytest.mark.parametrize("restarts", [False, True], ids=["looked at", "restarted"])
def test_a_piece_of_a_container_that_is_gone_is_a_line(
    root: Root, opened: Open, journal: Journal, *, restarts: bool
) -> None:
    root.create(driver="journald")
    journal.prints(PIECE, CONTAINER_PARTIAL_MESSAGE="true")
    follower = opened()
    wait_for(lambda: not follower.step(seconds=2) and bool(follower.source._partial.get(WEB)), "the piece")
    rows = follower.commit()
    shutil.rmtree(root.folder())
    if restarts:
        follower.source.close()
        follower = opened(rows)
    follower.look()

    assert awaited(follower, 1) == [f"[{WEB}]: {PIECE}"]
    assert not any("partial" in key for key in follower.commit())


def test_what_a_stream_ends_with_is_a_line_also_without_a_newline(root: Root, opened: Open, journal: Journal) -> None:
    root.prints("panic: ä", PIECE, "long", time="2026-11-30T07:00:00Z")
    root.prints("begun again\n")
    root.create(DB, "db", driver="journald")
    journal.prints("FATAL", container=DB, name="db", CONTAINER_PARTIAL_MESSAGE="true")
    follower = opened()

    assert sorted(awaited(follower, 4)) == sorted(
        [f"[{WEB}]: panic: ä", f"[{WEB}]: {PIECE}long", f"[{WEB}]: begun again", f"[{DB}]: FATAL"]
    )


def test_only_chosen_containers_are_read_from_the_journal(root: Root, opened: Open, journal: Journal) -> None:
    root.create(driver="journald")
    root.create(DB, "db", driver="journald")
    gone, other = "c1" * 32, "d2" * 32
    journal.prints("not chosen", container=DB, name="db")
    journal.prints("of before", container=gone, name="web-old")
    follower = opened(None, ContainerFilter(name=("web*",)))
    journal.prints("of no engine", _COMM="bash")
    journal.prints("chosen")
    first = awaited(follower, 1)
    journal.prints("removed at once", container=other, name="web-2", at_ns=follower.now_ns)
    journal.prints("removed, not chosen", container="e3" * 32, name="db-2", at_ns=follower.now_ns)
    journal.prints("last")

    assert first == [f"[{WEB}]: chosen"]
    assert awaited(follower, 2) == [f"[{other}]: removed at once", f"[{WEB}]: last"]


def test_without_a_container_of_that_driver_no_journal_is_read(root: Root, opened: Open, journal: Journal) -> None:
    journal.prints("not asked for")
    root.prints("in a file\n")
    follower = opened()

    assert follower.step() == [f"[{WEB}]: in a file"]
    assert follower.source._journal._journalctl is None


def test_a_start_at_the_end_reads_only_what_the_journal_gets(root: Root, opened: Open, journal: Journal) -> None:
    root.create(driver="journald")
    journal.prints("of before")
    follower = opened(start="end")
    follower.step()
    journal.prints("new")

    assert awaited(follower, 1) == [f"[{WEB}]: new"]


def test_a_journal_that_cannot_be_read_is_reported(
    root: Root, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    root.create(driver="journald")
    follower = opened()
    follower.step()
    (status,) = follower.source.status()

    assert not status.open
    assert "journalctl is not installed" in (status.error or "")
