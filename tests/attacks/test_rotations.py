"""Rotations by the real programs, and those that no reader could follow: each line is read once, or its loss is recorded."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from itertools import count
from pathlib import Path

import pytest
from ports import wait_for
from sidecar import Sidecar

MODES = {
    "create": "create",
    "compress": "create\ncompress",
    "delaycompress": "create\ncompress\ndelaycompress",
    "dateext": "create\ndateext\ndateformat -%Y%m%d-%s",
    "dateext and compress": "create\ndateext\ndateformat -%Y%m%d-%s\ncompress",
    "olddir": "create\nolddir old",
    "copytruncate": "copytruncate",
}
ROTATIONS = 6
BURST = 200
"""Lines that are written at once."""


class Writer:
    """Appends numbered lines to whatever file has the log's name, in a thread, until it is stopped; it creates none.

    logrotate would set aside a file that appears between its two steps, and the next one under the same name.
    """

    def __init__(self, log: Path) -> None:
        self.lines = 0
        self.lock = threading.Lock()
        """While it is held nothing is written."""
        self._log = log
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(0.01):
            with self.lock, suppress(FileNotFoundError):
                with os.fdopen(os.open(self._log, os.O_WRONLY | os.O_APPEND), "w") as out:
                    out.write(written(self.lines, BURST))
                self.lines += BURST


def append(log: Path, first: int, lines: int) -> None:
    with log.open("a") as out:
        out.write(written(first, lines))


def written(first: int, lines: int) -> str:
    return "".join(f"Nov 23 18:13:01 vm cron[1]: {number:08d}\n" for number in range(first, first + lines))


def read(one: Sidecar, log: Path) -> float:
    return one.value("logwatch_lines_read_total", path=str(log)) or 0


def rename(log: Path, keep: int) -> None:
    """Rotate as logrotate does that keeps so many files."""
    for number in range(keep, 0, -1):
        if (older := Path(f"{log}.{number}")).exists():
            older.rename(f"{log}.{number + 1}")
    log.rename(f"{log}.1")
    Path(f"{log}.{keep + 1}").unlink(missing_ok=True)
    log.touch()


@pytest.mark.parametrize("keep", [1, 3])
def test_files_that_came_and_went_unread_are_a_loss(keep: int, tmp_path: Path, sidecar: Callable[..., Sidecar]) -> None:
    log = tmp_path / "log" / "messages"
    log.parent.mkdir()
    append(log, 0, 10)
    one = sidecar("--log", str(log))
    wait_for(lambda: read(one, log) == 10, "the first lines")
    one.send(signal.SIGSTOP)
    for turn in range(keep + 3):
        append(log, 10 + turn, 1)
        rename(log, keep)
    one.send(signal.SIGCONT)
    wait_for(lambda: (one.value("logwatch_source_gaps_total", path=str(log), reason="missed") or 0) > 0, "a gap")
    wait_for(lambda: read(one, log) >= 10 + keep, "what is left")


def test_what_logrotate_set_aside_while_it_rotated_is_read(tmp_path: Path, sidecar: Callable[..., Sidecar]) -> None:
    log = tmp_path / "log" / "messages"
    log.parent.mkdir()
    append(log, 0, 10)
    one = sidecar("--log", str(log))
    wait_for(lambda: read(one, log) == 10, "the first lines")
    one.send(signal.SIGSTOP)
    log.rename(f"{log}-20261130")
    append(log, 10, 7)  # a program created the file before logrotate did
    log.rename(f"{log}-2026113017.backup")
    append(log, 17, 3)
    one.send(signal.SIGCONT)
    wait_for(lambda: read(one, log) == 20, "all lines")


# ── what always held ─────────────────────────────────────────────────────────────────


def on_disk(log: Path) -> set[bytes]:
    """The lines in the log and all its rotated files."""
    paths = [*log.parent.glob("messages*"), *(log.parent / "old").glob("*")]
    content = subprocess.run(["zcat", "-f", *map(str, paths)], check=True, capture_output=True).stdout
    return set(content.splitlines())


@pytest.mark.e2e
@pytest.mark.parametrize("mode", MODES)
def test_logrotate_and_kills_lose_and_double_nothing(
    mode: str, tmp_path: Path, sidecar: Callable[..., Sidecar], need: Callable[..., None]
) -> None:
    need("logrotate", root=True)
    log, config = tmp_path / "log" / "messages", tmp_path / "rotate.conf"
    (log.parent / "old").mkdir(parents=True)
    log.touch()
    config.write_text(f"{log} {{\nsu root root\nrotate 50\nmissingok\nnotifempty\n{MODES[mode]}\n}}\n")
    options = tmp_path / "logwatch.yml"
    options.write_text("sources: {olddirs: [old]}\n" if "olddir" in mode else "{}\n")
    arguments = "--log", str(log), "--no-shipped-rules", "--config.file", str(options)
    one, writer = sidecar(*arguments), Writer(log)
    for turn in range(ROTATIONS):
        written = writer.lines
        wait_for(lambda: writer.lines > written + 2 * BURST, "more lines")  # noqa: B023 - called now
        if "dateext" in mode:  # no two in one second have a name of their own
            next_second = int(time.time()) + 1.1  # logrotate's clock is a coarse one, some milliseconds behind
            wait_for(lambda: time.time() > next_second, "the next second")  # noqa: B023 - called now
        # What is written into a file while gzip packs it is lost; that is what delaycompress is for.
        with writer.lock if mode.endswith("compress") and mode != "delaycompress" else nullcontext():
            subprocess.run(["logrotate", "-f", "-s", tmp_path / "status", config], check=True, timeout=60)
        if turn == ROTATIONS // 2:
            one.end(signal.SIGKILL)
            one = sidecar(*arguments)
        else:
            known = read(one, log)
            wait_for(lambda: read(one, log) > known, "reading on")  # noqa: B023 - called now
    writer.stop()
    there = len(on_disk(log))
    wait_for(lambda: read(one, log) >= there, "all lines")

    # Between the copy and the truncation of copytruncate lines are in no file any more; some of them were read before.
    assert there <= read(one, log) <= writer.lines
    assert there == writer.lines or mode == "copytruncate"


@contextmanager
def rsyslogd(folder: Path, log: Path) -> Iterator[tuple[socket.socket, subprocess.Popen[bytes]]]:
    """A real rsyslogd that writes the log, and a socket to send lines to it."""
    address, config, pid = folder / "socket", folder / "rsyslog.conf", folder / "rsyslog.pid"
    config.write_text(
        f'module(load="imuxsock" SysSock.Use="off" SysSock.RateLimit.Interval="0")\n'
        f'input(type="imuxsock" Socket="{address}" RateLimit.Interval="0")\n*.* {log};RSYSLOG_FileFormat\n'
    )
    process = subprocess.Popen(["rsyslogd", "-n", "-f", config, "-i", pid])
    try:
        wait_for(address.exists, "rsyslogd")
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as client:
            client.connect(str(address))
            yield client, process
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.e2e
def test_rsyslogd_that_reopens_its_log_and_kills_lose_and_double_nothing(
    tmp_path_factory: pytest.TempPathFactory, sidecar: Callable[..., Sidecar], need: Callable[..., None]
) -> None:
    need("rsyslogd", root=True)
    folder = tmp_path_factory.mktemp("syslog")
    log, numbers, sent = folder / "messages", count(1), 0
    log.touch()
    with rsyslogd(folder, log) as (client, process):
        one = sidecar("--log", str(log), "--no-shipped-rules")
        for turn in range(9):
            for _ in range(BURST):
                client.send(f"<30>web[7]: {next(numbers)}".encode())
            sent += BURST
            rename(log, 20)
            process.send_signal(signal.SIGHUP)
            if turn % 3 == 1:
                one.end(signal.SIGKILL)
                one = sidecar("--log", str(log), "--no-shipped-rules")
        wait_for(lambda: sum(1 for line in on_disk(log) if b"web[7]" in line) == sent, "rsyslogd")
        there = len(on_disk(log))
        wait_for(lambda: read(one, log) >= there, "all lines")

        assert read(one, log) == len(on_disk(log))
