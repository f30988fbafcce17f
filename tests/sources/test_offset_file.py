"""What pygtail is asked, and that pygtail and logwatch continue after each other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from follower.follower_driver import Log, Reader
from pygtail import Pygtail

from logwatch.sources.offset_file import offset_file, read_position, rotated_candidate, write_position


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    one = Log(tmp_path / "log" / "messages")
    yield one
    one.close()


def pygtail(log: Log, state: Path, count: int | None = None) -> list[str]:
    """What the real pygtail reads on, and then saves."""
    tail = Pygtail(str(log.path), offset_file=str(offset_file(state, str(log.path))), paranoid=True)
    lines = []
    for line in tail:
        lines.append(line.rstrip("\n"))
        if count is not None and len(lines) == count:
            break
    return lines


def test_pygtail_continues_after_a_clean_stop_of_ours(log: Log, tmp_path: Path) -> None:
    reader = Reader(log.path, offset_dir=tmp_path)
    log.write(10)
    reader.poll()
    reader.stop()
    log.write(3)

    assert pygtail(log, tmp_path) == log.written[10:]


@pytest.mark.parametrize("rotate", [None, "rename", "copytruncate", "compress"])
def test_we_continue_where_pygtail_stopped(log: Log, tmp_path: Path, rotate: str | None) -> None:
    log.write(3)
    log.rename()  # read by nobody, and older than what pygtail has read
    log.write(10)
    done = pygtail(log, tmp_path, 4)
    if rotate == "copytruncate":
        log.copytruncate()
    elif rotate is not None:
        log.rename()
    if rotate == "compress":
        log.pack(log.sibling(1))
    log.write(2)
    reader = Reader(log.path, offset_dir=tmp_path)

    # pygtail does not look into what was compressed in between, and starts over: so do we.
    expected = log.written[13:] if rotate == "compress" else log.written[3:]
    assert (done if rotate != "compress" else []) + reader.settle() == expected
    assert reader.gaps == []


def test_a_rotation_to_an_unknown_place_leaves_the_offset_file_alone(log: Log, tmp_path: Path) -> None:
    log.write(10)
    pygtail(log, tmp_path)
    file = offset_file(tmp_path, str(log.path))
    saved = file.read_text()
    log.rename(tmp_path / "elsewhere")

    assert read_position(tmp_path, str(log.path)) is None
    assert file.read_text() == saved


def test_an_offset_file_is_written_whole_or_not_at_all(log: Log, tmp_path: Path) -> None:
    file = offset_file(tmp_path, str(log.path))
    Path(f"{file}.new").write_text("torn")
    write_position(tmp_path, str(log.path), 7, 123)

    assert file.read_text() == "7\n123\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([file.name, "log"])


@pytest.mark.parametrize(
    ("names", "patterns", "candidate"),
    [
        ([], (), None),
        (["messages.1", "messages.2.gz"], (), "messages.1"),
        (["messages.1.gz"], (), "messages.1.gz"),
        (["messages-20241124", "messages-20241123"], (), "messages-20241124"),
        (["messages.saved"], ("%s.saved",), "messages.saved"),
        (["messages.saved"], (), None),
    ],
)
def test_pygtail_names_its_candidate_for_a_rotated_log(
    tmp_path: Path, names: list[str], patterns: tuple[str, ...], candidate: str | None
) -> None:
    for name in ("messages", *names):
        (tmp_path / name).touch()

    found = rotated_candidate(str(tmp_path / "messages"), patterns)

    assert found == (str(tmp_path / candidate) if candidate else None)


def test_of_two_files_that_begin_with_what_was_read_pygtails_candidate_is_continued(log: Log) -> None:
    """Somebody has saved a copy of the log, which is newer than the rotated file by its time."""
    reader = Reader(log.path)
    log.write(10)
    reader.poll()
    reader.stop()
    shutil.copyfile(log.path, log.path.with_name("messages.old"))
    log.write(5)
    log.copytruncate()
    os.utime(log.path.with_name("messages.old"))
    log.write(2)
    reader.start()

    assert reader.settle() == log.written
    assert reader.gaps == []


def test_nothing_is_opened_by_its_destructor(log: Log, tmp_path: Path) -> None:
    program = f"""
import sys
from logwatch.sources.offset_file import read_position, rotated_candidate, write_position
from pathlib import Path
write_position(Path({str(tmp_path)!r}), {str(log.path)!r}, 7, 123)
opened = []
sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" else None)
read_position(Path({str(tmp_path)!r}), {str(log.path)!r})
rotated_candidate({str(log.path)!r})
assert {str(log.path)!r} not in opened, opened
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
