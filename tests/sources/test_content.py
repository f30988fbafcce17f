"""Reading compressed logs, with and without the extra that reads zstd."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from commandline import call
from follower.follower_driver import Log, Reader

CURE = "compressed with zstd, which needs the package zstandard: pip install 'docker-logwatch[zstd]'"
WITHOUT = "import sys; sys.modules['zstandard'] = None\n"
FOLLOW = """
import json, logging
from logwatch.sources.file import FileSource
logging.basicConfig(format="%(message)s")
path, rows = json.loads(sys.stdin.read())
source = FileSource([path], notify=False)
source.restore(rows)
lines, gaps = [], []
for now in range(5):
    while chunk := source.read(now):
        lines += chunk.data.decode().splitlines()
    gaps += [(gap.reason, gap.lower) for gap in source.gaps()]
    source.changed_rows()
print(json.dumps([lines, gaps]))
"""


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    one = Log(tmp_path / "log" / "messages")
    yield one
    one.close()


def rotated_while_down(log: Log) -> Reader:
    """Ten lines were read and seven more were written before the log was rotated and compressed."""
    reader = Reader(log.path)
    log.write(10)
    reader.poll()
    log.write(7)
    reader.step()
    reader.stop()
    log.rename()
    log.pack(log.sibling(1), ".zst")
    log.write(3)
    return reader


def test_with_the_extra_a_rotated_zst_file_is_read(log: Log) -> None:
    reader = rotated_while_down(log)
    reader.start()

    assert reader.settle() == log.written
    assert reader.gaps == []


def test_without_the_extra_it_is_a_gap_and_the_message_says_what_to_install(log: Log) -> None:
    reader = rotated_while_down(log)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + FOLLOW],
        input=json.dumps([str(log.path), reader.rows]),
        capture_output=True,
        text=True,
        check=True,
    )
    lines, gaps = json.loads(done.stdout)

    assert lines == log.written[17:]
    assert gaps == [["codec", 0]]
    assert done.stderr == f"{log.sibling(1, '.zst')}: cannot be read: {CURE}\n"


def test_without_the_extra_what_was_read_and_then_compressed_is_no_gap(log: Log) -> None:
    reader = Reader(log.path)
    log.write(10)
    reader.poll()
    log.rename()
    log.write(2)
    reader.settle()
    reader.stop()
    log.pack(log.sibling(1), ".zst")
    log.write(3)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + FOLLOW],
        input=json.dumps([str(log.path), reader.rows]),
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout) == [log.written[12:], []]
    assert done.stderr == ""


def test_replay_reads_zst_with_the_extra_and_says_what_to_install_without(tmp_path: Path) -> None:
    path = tmp_path / "messages.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(b"Nov 23 18:12:57 vm systemd[1]: Started Session 1.\n"))
    program = WITHOUT + "from logwatch.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "replay", str(path)], capture_output=True, text=True, check=False
    )

    assert call("replay", str(path)).status == 0
    assert (done.returncode, done.stderr.strip()) == (2, f"logwatch: {path}: {CURE}")
