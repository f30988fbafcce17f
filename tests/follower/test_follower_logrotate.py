"""T58: the real logrotate, with a writer that keeps its descriptor for a while."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest
from follower_driver import Log, Reader

LOGROTATE = shutil.which("logrotate", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
MODES = {
    "create": "create",
    "nocreate": "nocreate",
    "copytruncate": "copytruncate",
    "copy": "copy",
    "dateext": "create\ndateext\ndateformat -%Y%m%d-%s",
    "compress": "create\ncompress",
    "delaycompress": "create\ncompress\ndelaycompress",
    "olddir": "create\nolddir old",
}


@pytest.mark.e2e
@pytest.mark.parametrize("mode", MODES)
def test_t58_the_real_logrotate_under_load(tmp_path, mode):
    if LOGROTATE is None:
        if os.environ.get("CI") == "true":
            pytest.fail("logrotate is missing: apt-get install logrotate")
        pytest.skip("logrotate is not installed")
    (tmp_path / "old").mkdir()
    log = Log(tmp_path / "messages")
    config = tmp_path / "rotate.conf"
    config.write_text(f"{log.path} {{\nsu root root\nrotate 50\nmissingok\nnotifempty\n{MODES[mode]}\n}}\n")
    reader = Reader(log.path, olddirs=["old"])
    ended = threading.Event()

    def write() -> None:
        until = time.monotonic() + 3
        while time.monotonic() < until:
            log.write(500)
            time.sleep(0.005)
        ended.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not ended.is_set():
        old = log.fd
        # The copy and the truncation of copytruncate lose what is written between them, and
        # `copy` leaves the log as it is.
        subprocess.run([LOGROTATE, "-f", "-s", str(tmp_path / "status"), str(config)], check=True, timeout=30)
        reader.poll(rounds=2)
        if mode not in ("copytruncate", "copy"):
            time.sleep(0.1)
            log.reopen()
            time.sleep(0.1)
            os.close(old)
        time.sleep(0.8)
    writer.join()
    reader.settle()

    assert len(reader.lines) == len(set(reader.lines))
    there = set().union(*(_lines(path) for path in [*tmp_path.glob("messages*"), *(tmp_path / "old").iterdir()]))
    assert there - set(reader.lines) == set()
    if mode != "copytruncate":
        assert sorted(reader.lines) == sorted(log.written)
        assert reader.gaps == []


def _lines(path: Path) -> set[str]:
    content = subprocess.run(["zcat", "-f", str(path)], check=True, capture_output=True).stdout
    return {line for line in content.decode("latin-1").split("\n") if line}
