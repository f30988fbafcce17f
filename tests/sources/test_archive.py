"""Replays, pipes and the default log."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from logwatch.errors import SourceError
from logwatch.sources import default_log, why_not
from logwatch.sources.archive import ReplaySource


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_a_replay_may_be_interrupted_after_each_chunk(tmp_path, packed):
    content = b"".join(b"line %d\n" % number for number in range(5000)) + b"tail"
    path = tmp_path / ("log.gz" if packed else "log")
    path.write_bytes(gzip.compress(content) if packed else content)
    rows: dict[str, str | None] = {}
    found, lines = b"", []
    while True:
        source = ReplaySource([str(path)], chunk_bytes=5000, max_line_bytes=100)
        source.restore({key: text for key, text in rows.items() if text is not None})
        chunk = source.read(0)
        rows.update(source.changed_rows())
        source.close()
        if chunk is None:
            break
        lines.append((chunk.line, found.count(b"\n") + 1))
        found += chunk.data

    assert found == content + b"\n"
    assert [line for line, _ in lines] == [line for _, line in lines]


def test_a_replay_of_a_damaged_archive_tells_a_gap(tmp_path):
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(os.urandom(100_000).hex().encode() + b"\n")[:-100])
    source = ReplaySource([str(path)])
    while source.read(0) is not None:
        pass

    assert source.finished
    assert [gap.reason for gap in source.gaps()] == ["damaged"]
    assert "damaged" in (source.status()[0].error or "")


def test_a_replay_that_is_continued_on_another_file_is_refused(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"one\n" * 1000)
    source = ReplaySource([str(path)], chunk_bytes=100, max_line_bytes=10)
    source.read(0)
    rows = {key: text for key, text in source.changed_rows().items() if text is not None}
    source.close()
    path.write_bytes(b"two\n" * 1000)

    with pytest.raises(SourceError, match="another file"):
        ReplaySource([str(path)]).restore(rows)


def test_a_replay_that_is_continued_leaves_out_the_files_that_are_done(tmp_path):
    paths = [str(tmp_path / name) for name in ("first", "second")]
    for path in paths:
        Path(path).write_text(f"{path}\n" * 2)
    source = ReplaySource(paths)
    source.read(0)
    source.read(0)
    rows = {key: text for key, text in source.changed_rows().items() if text is not None}
    source.close()
    again = ReplaySource(paths)
    again.restore(rows)

    assert again.read(0) is None
    assert again.finished
    assert [status.pending for status in again.status()] == [0, 0]


def test_a_replay_tells_how_far_it_is(tmp_path):
    plain, packed = tmp_path / "plain", tmp_path / "packed.gz"
    plain.write_bytes(b"x" * 99 + b"\n")
    packed.write_bytes(gzip.compress(os.urandom(1 << 20).hex().encode() + b"\n"))
    source = ReplaySource([str(plain), str(packed)], max_line_bytes=1 << 22)
    pending = [[status.pending for status in source.status()]]
    while source.read(0) is not None:
        pending.append([status.pending for status in source.status()])

    assert pending[0] == [100, packed.stat().st_size]
    assert pending[-1][0] == 0
    assert pending[-1][1] < packed.stat().st_size
    assert [status.pending for status in source.status()] == [0, 0]


@pytest.mark.parametrize("gone", ["before", "between"])
def test_a_replay_of_a_file_that_is_not_there_says_so(tmp_path, gone):
    path = tmp_path / "log"
    if gone == "between":
        path.touch()

    def replay() -> None:
        source = ReplaySource([str(path)])
        path.unlink()
        source.read(0)

    with pytest.raises(SourceError, match="No such file or directory"):
        replay()


def test_a_replay_of_a_file_that_is_truncated_meanwhile_says_so(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"one\n" * 1000)
    source = ReplaySource([str(path)], chunk_bytes=100, max_line_bytes=10)
    source.read(0)
    path.write_bytes(b"")

    with pytest.raises(SourceError, match=r"changed while it was read .* replay a copy"):
        source.read(0)
    source.close()


def test_what_is_wrong_with_a_log_is_told_with_its_mode(tmp_path, monkeypatch):
    log = tmp_path / "messages"
    log.touch(0o640)
    monkeypatch.setattr(os, "access", lambda *_, **__: False)

    told = why_not(str(log))
    assert told is not None
    assert told.startswith("permission denied (mode -rw-r-----, owner ")
    with pytest.raises(SourceError, match="add our user to the file's group"):
        default_log([str(log)], journal=lambda: "no")


def test_the_default_log_is_the_first_that_can_be_read(tmp_path):
    there = tmp_path / "syslog"
    there.write_text("")

    assert default_log([str(tmp_path / "messages"), str(there)], journal=lambda: "no") == str(there)
    assert default_log([str(tmp_path / "messages")], journal=lambda: None) == "journal:"


def test_no_log_at_all_names_each_path_its_mode_and_the_cure(tmp_path):
    Path(tmp_path / "messages").mkdir()

    with pytest.raises(
        SourceError,
        match=r"messages: not a plain file \(mode d.*owner .*syslog: no such file.*journal: not here.*--log PATH",
    ):
        default_log([str(tmp_path / "messages"), str(tmp_path / "syslog")], journal=lambda: "not here")
