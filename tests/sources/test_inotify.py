"""Waking up when a log grows."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import inotify_simple
import pytest

from logwatch.sources.content import Disk, Plain
from logwatch.sources.inotify import Wakeup

PROGRAM = """
import sys
sys.addaudithook(lambda event, _: event in {"subprocess.Popen", "os.fork", "os.posix_spawn"} and sys.exit(event))
from logwatch.sources.inotify import Wakeup
wakeup = Wakeup()
assert wakeup._inotify is not None, "no inotify here"
"""


def test_watching_starts_no_child_process_that_would_inherit_the_lock_of_the_state():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def opened(path: Path) -> Plain:
    return Plain(os.open(path, os.O_RDONLY), Disk())


def test_the_path_whose_file_grew_is_told(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for path in (first, second):
        path.touch()
    wakeup, files = Wakeup(), []
    for path in (first, second):
        files.append(opened(path))
        assert wakeup.watch(str(path), files[-1:])
        assert not wakeup.watch(str(path), files[-1:]), "it is watched already"
    first.write_text("more")

    assert wakeup.wait(10) == {str(first)}
    wakeup.close()
    for file in files:
        file.close()


def test_a_name_that_comes_means_a_look_at_everything(tmp_path: Path) -> None:
    wakeup = Wakeup()
    wakeup.watch(str(tmp_path / "log"), [])
    (tmp_path / "log").touch()

    assert wakeup.wait(10) is None
    wakeup.close()


def test_a_file_that_is_read_no_more_wakes_nobody(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.touch()
    file, wakeup = opened(path), Wakeup()
    wakeup.watch(str(path), [file])
    wakeup.keep_only(str(path), [])
    path.write_text("more")

    assert wakeup.wait(0.05) in (None, set())
    assert wakeup.watch(str(path), [file]), "it may be watched again"
    wakeup.close()
    file.close()


def test_a_folder_that_is_gone_is_not_watched(tmp_path: Path) -> None:
    wakeup = Wakeup()

    assert not wakeup.watch(str(tmp_path / "no" / "log"), [])
    wakeup.close()


def test_without_inotify_it_sleeps(tmp_path: Path) -> None:
    wakeup = Wakeup(notify=False)
    wakeup.wake()

    assert not wakeup.watch(str(tmp_path / "log"), [])
    wakeup.keep_only(str(tmp_path / "log"), [])
    assert wakeup.wait(60) is None, "somebody woke it"
    assert wakeup.wait(0.01) is None
    wakeup.close()


@pytest.mark.parametrize("most", ["instances", "watches"])
def test_where_the_kernel_has_no_more_of_them_it_sleeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: str
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(inotify_simple, "INotify", refused) if most == "instances" else monkeypatch.setattr(
        inotify_simple.INotify, "add_watch", refused
    )
    wakeup = Wakeup()

    assert not wakeup.watch(str(tmp_path / "log"), [])
    assert wakeup.wait(0.01) is None
    wakeup.close()
