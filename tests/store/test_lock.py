"""One writer per state directory."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from logwatch.errors import StateError
from logwatch.store.lock import Lock


def test_the_second_is_told_who_the_first_is(tmp_path: Path) -> None:
    first = Lock(tmp_path)
    with pytest.raises(StateError, match=rf"in use by another logwatch \(pid {os.getpid()}\)"):
        Lock(tmp_path)
    first.release()
    first.release()

    Lock(tmp_path).release()


def test_one_that_has_not_written_its_pid_yet_is_unknown(tmp_path: Path) -> None:
    other = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(StateError, match="pid unknown"):
        Lock(tmp_path)
    os.close(other)


def test_a_file_system_without_locks_is_told_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(StateError, match=r"No locks available: it cannot be locked there: .* on a local disk"):
        Lock(tmp_path)


def test_a_directory_that_is_none_is_told_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="give logwatch a state directory it may write"):
        Lock(tmp_path / "nothing")
