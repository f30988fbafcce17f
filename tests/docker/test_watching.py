"""The thread that watches the containers of a DOCKER_ROOT: with inotify, and without."""

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ports import wait_for

from logwatch.docker.inventory import FileChange, Found, Removed
from logwatch.docker.watching import MOST_TAKEN, Watch

WEB = "3f" * 32
DB = "a0" * 32


def write(root: Path, container: str = WEB, **state: object) -> None:
    """Write as the engine does: beside it, then renamed."""
    folder = root / "containers" / container
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"ID": container, "Name": "/web", "State": {"Running": True, **state}})
    (folder / ".tmp-config").write_text(text)
    (folder / ".tmp-config").rename(folder / "config.v2.json")


class Seen:
    """What a watch has seen, as it arrives."""

    def __init__(self) -> None:
        self.changes: list[FileChange] = []
        self.woken = threading.Event()

    def until(self, watch: Watch, enough: Callable[[list[FileChange]], bool]) -> list[FileChange]:
        """Wait until enough was seen."""
        end = time.monotonic() + 30
        while not enough(self.changes) and time.monotonic() < end:
            self.woken.wait(0.05)
            self.woken.clear()
            self.changes += watch.take()
        return self.changes


@contextmanager
def watching(root: Path, *, notify: bool) -> Iterator[tuple[Watch, Seen]]:
    seen = Seen()
    watch = Watch(root, seen.woken.set, notify=notify)
    watch.start()
    try:
        yield watch, seen
    finally:
        watch.close()


def names(changes: list[FileChange]) -> list[str]:
    return [f"{each.id[:2]} {'gone' if isinstance(each, Removed) else each.state}" for each in changes]


@pytest.mark.parametrize("notify", [True, False], ids=["inotify", "polling"])
def test_containers_come_change_and_go(tmp_path: Path, *, notify: bool) -> None:
    write(tmp_path)
    with watching(tmp_path, notify=notify) as (watch, seen):
        seen.until(watch, lambda changes: len(changes) == 1)
        write(tmp_path, DB)
        seen.until(watch, lambda changes: len(changes) == 2)
        write(tmp_path, Paused=True)
        seen.until(watch, lambda changes: len(changes) == 3)
        shutil.rmtree(tmp_path / "containers" / DB)
        seen.until(watch, lambda changes: len(changes) == 4)

    assert names(seen.changes) == ["3f running", "a0 running", "3f paused", "a0 gone"]


def test_states_that_last_milliseconds_are_seen(tmp_path: Path) -> None:
    write(tmp_path)
    with watching(tmp_path, notify=True) as (watch, seen):
        seen.until(watch, bool)
        for paused in (True, False) * 5:
            write(tmp_path, Paused=paused)
            time.sleep(0.05)
        seen.until(watch, lambda changes: len(changes) == 11)

    states = names(seen.changes)
    assert states[1:] == ["3f paused", "3f running"] * 5


@pytest.mark.parametrize("notify", [True, False], ids=["inotify", "polling"])
def test_a_root_that_appears_late_is_watched(tmp_path: Path, *, notify: bool) -> None:
    with watching(tmp_path / "late", notify=notify) as (watch, seen):
        while not watch.inventory.missing or watch.first_poll_ns is None:
            time.sleep(0.01)
        began_ns = watch.first_poll_ns
        write(tmp_path / "late")
        seen.until(watch, bool)

    assert names(seen.changes) == ["3f running"]
    assert began_ns is not None
    assert isinstance(seen.changes[0], Found)
    assert seen.changes[0].seen_ns >= began_ns - 1_000_000_000


def test_folders_that_come_and_go_at_once_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "containers").mkdir()
    with watching(tmp_path, notify=True) as (watch, seen):
        while watch.first_poll_ns is None:
            time.sleep(0.01)
        for number in range(200):
            folder = tmp_path / "containers" / f"{number:064x}"
            folder.mkdir()
            folder.rmdir()
        write(tmp_path)
        seen.until(watch, lambda changes: any(each.id == WEB for each in changes))

    assert names(seen.changes) == ["3f running"]


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for number in range(3):
        write(tmp_path, f"{number:064x}")
        with watching(tmp_path, notify=True) as (watch, seen):
            seen.until(watch, bool)

    assert len(os.listdir("/proc/self/fd")) == before


def test_many_containers_come_in_parts_and_each_part_wakes_for_the_next(tmp_path: Path) -> None:
    ids = {f"{number:064x}" for number in range(250)}
    for each in ids:
        write(tmp_path, each)
    with watching(tmp_path, notify=False) as (watch, seen):
        parts: list[list[FileChange]] = []

        def all_seen() -> bool:
            if seen.woken.wait(0.05):
                seen.woken.clear()
                parts.append(watch.take())
            return {change.id for part in parts for change in part} == ids

        wait_for(all_seen, "all containers")

    assert max(map(len, parts)) == MOST_TAKEN


def test_a_container_that_is_gone_is_found_while_its_sight_waits(tmp_path: Path) -> None:
    write(tmp_path)
    with watching(tmp_path, notify=True) as (watch, seen):
        wait_for(lambda: watch.first_poll_ns is not None, "the first poll")
        shutil.rmtree(tmp_path / "containers" / WEB)
        gone = watch.find(WEB)
        seen.until(watch, lambda changes: names(changes)[-1:] == [f"{WEB[:2]} gone"])

        assert gone is not None
        assert (gone.id, gone.name) == (WEB, "web")
        assert watch.find(WEB) is None


def test_an_event_older_than_a_rename_that_waits_gets_the_earlier_name(tmp_path: Path) -> None:
    write(tmp_path)
    with watching(tmp_path, notify=True) as (watch, seen):
        wait_for(lambda: watch.first_poll_ns is not None, "the first poll")
        config = tmp_path / "containers" / WEB / "config.v2.json"
        config.write_text(config.read_text().replace("/web", "/web2"))
        before = watch.find(WEB)
        seen.until(watch, lambda changes: "web2" in [each.name for each in changes if isinstance(each, Found)])
        after = watch.find(WEB)

    assert before is not None
    assert after is not None
    assert (before.name, after.name) == ("web", "web2")
