"""The tour of the manual: each of its files and commands, as it is printed."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ports import free_port, wait_for

TOUR = Path(__file__).parents[1] / "docs" / "tour.md"


@contextmanager
def receiver(arrived: Path) -> Iterator[tuple[int, list[dict]]]:
    """A webhook on loopback; yields its port and what it got. The alert of the tour makes the file `arrived`."""
    got: list[dict] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.end_headers()

        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.do_HEAD()
            if "BackupFailed" in json.dumps(got[-1]):
                arrived.touch()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port, got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.e2e
def test_every_step_of_the_tour_works_as_printed(need: Callable[..., None], tmp_path: Path) -> None:
    need("bash", "curl")
    folder, programs = tmp_path / "tour", tmp_path / "bin"
    programs.mkdir()
    (programs / "docker-logwatch").write_text(f'#!/bin/sh\nexec {sys.executable} -m logwatch "$@"\n')
    (programs / "docker-logwatch").chmod(0o755)
    (folder / "rules").mkdir(parents=True)
    page = free_port()
    with receiver(folder / "arrived") as (port, got):
        steps = []
        for kind, text in re.findall(r"```(sh|yaml)\n(.*?)```", TOUR.read_text(), re.DOTALL):
            text = text.replace(":19979", f":{page}").replace(":9099", f":{port}")
            named = re.match(r"# (\S+\.yml)\n", text)
            if kind == "sh":
                if " mute " in text:  # the reader has seen the alert by then
                    steps.append("for _ in $(seq 600); do [ -e arrived ] && break; sleep 0.1; done\n")
                steps.append(text)
            elif named:
                (folder / named[1]).write_text(text)
        script = "set -eu\n" + "\n".join(steps) + "\nkill -s 0 $!\n"
        environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
        with (tmp_path / "printed").open("wb") as out:
            shell = subprocess.Popen(
                ["bash", "-c", script], cwd=tmp_path, env=environment, stdout=out, stderr=out, start_new_session=True
            )
        try:
            ended = shell.wait(300)
            printed = (tmp_path / "printed").read_text()
            assert ended == 0, printed
            for words in ("container.die", "backup/failed: makes backup.failed", 'action="die"} 1', "backup.failed"):
                assert words in printed
            assert (folder / "arrived").exists(), (folder / "run.log").read_text()
            (alert,) = [
                each for post in got for each in post["alerts"] if each["labels"]["alertname"] == "BackupFailed"
            ][:1]
            assert "backup of orders failed" in alert["annotations"]["evidence"]
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGTERM)  # the shell, and what it left in the background
            wait_for(
                lambda: "stopped" in (folder / "run.log").read_text() if (folder / "run.log").exists() else True, "end"
            )
