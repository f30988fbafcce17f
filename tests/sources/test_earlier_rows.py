"""Rows that version 0.1 wrote are read, and replaced by today's in the next commit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from follower.follower_driver import Log, Reader

from logwatch.sources.archive import ReplaySource
from logwatch.sources.content import Disk, open_plain
from logwatch.sources.fingerprint import take
from logwatch.sources.journal import JournalSource


def fingerprint(path: Path, size: int) -> list[int | str]:
    content = open_plain(Disk(), str(path))
    try:
        return take(content, size).dump()
    finally:
        content.close()


def record(path: Path, size: int, **others: object) -> dict[str, object]:
    place = {"id": fingerprint(path, size), "name": str(path), "seen": size, "cutting": False, "frozen": False}
    return {**place, "rotated_at": None, **others}


@pytest.mark.parametrize("rotated", [False, True])
def test_positions_and_known_files_of_a_follower(tmp_path: Path, rotated: bool) -> None:
    log = Log(tmp_path / "messages")
    log.write(4)
    log.rename()
    log.write(6)
    size = log.path.stat().st_size
    known = fingerprint(log.sibling(1), log.sibling(1).stat().st_size)
    position = {
        "begun": True,
        "start": "beginning",
        "live": record(log.path, size),
        "older": [],
        "ledger": {"read": 999, "lost": 5, "late": 1, "rotations": {"rename": 1}, "skipped": {"nul": 3}},
    }
    path = str(log.path)
    rows = {
        "#begun": "1",
        path: json.dumps(position),
        f"{path}#siblings": json.dumps({"known": [known], "finished": []}),
    }
    log.write(1)
    if rotated:
        log.rename()
        log.write(2)
    reader = Reader(log.path)
    reader.source.close()
    reader.rows, reader.lines = dict(rows), []
    reader.source = type(reader.source)([path], notify=False)
    reader.source.restore(rows)
    changed = reader.source.changed_rows()

    assert {key: changed[key] for key in rows} == dict.fromkeys(rows)
    assert set(changed) - set(rows) == {'flag "begun"', f'position "{path}"', f'rotated "{path}"'}
    assert reader.settle() == log.written[10:]
    assert reader.gaps == []
    assert reader.rotations()["rename"] == 1 + rotated
    log.close()


def test_the_position_of_a_replay(tmp_path: Path) -> None:
    done, half = tmp_path / "done", tmp_path / "half"
    for path in (done, half):
        path.write_bytes(b"one\ntwo\nthree\n")
    rows = {
        str(done): json.dumps(record(done, 14, line=4, done=True)),
        str(half): json.dumps(record(half, 4, line=2, done=False)),
    }
    source = ReplaySource([str(done), str(half)])
    source.restore(rows)
    changed = source.changed_rows()
    chunk = source.read(1)

    assert {key: changed.pop(key) for key in rows} == dict.fromkeys(rows)
    assert set(changed) == {f'replay "{path}"' for path in rows}
    assert chunk is not None
    assert (chunk.data, chunk.line) == (b"two\nthree\n", 2)


def test_the_cursor_of_a_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journalctl = tmp_path / "journalctl"
    journalctl.write_text("#!/bin/sh\n")
    journalctl.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    source = JournalSource("journal:")
    source.restore({"journal:": json.dumps(["s=1;i=2", 77])})

    assert source.changed_rows() == {"journal:": None, 'cursor "journal:"': '["s=1;i=2",77]'}
    assert source.changed_rows() == {}
    source.close()
