"""The tour of the manual: each of its files and commands, as it is printed."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

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


def test_every_step_of_the_tour_works_as_printed(tmp_path: Path) -> None:
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
        script = "set -eu\n" + "\n".join(steps) + "\nkill -s 0 $!; echo $! > pid\n"
        environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        try:
            assert done.returncode == 0, done.stdout + done.stderr
            for words in ("container.die", "backup/failed: makes backup.failed", 'action="die"} 1', "backup.failed"):
                assert words in done.stdout
            assert (folder / "arrived").exists(), (folder / "run.log").read_text()
            (alert,) = [
                each for post in got for each in post["alerts"] if each["labels"]["alertname"] == "BackupFailed"
            ][:1]
            assert "backup of orders failed" in alert["annotations"]["evidence"]
        finally:
            if (folder / "pid").exists():
                os.kill(int((folder / "pid").read_text()), signal.SIGTERM)
            wait_for(
                lambda: "stopped" in (folder / "run.log").read_text() if (folder / "run.log").exists() else True, "end"
            )
