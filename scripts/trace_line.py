#!/usr/bin/env python3
"""Shows what code one log line enters on its way to an alert: files and functions, in the order they are entered.

    .venv/bin/python scripts/trace_line.py [--seconds 7] [--files] [--line-only]

Starts `logwatch run` in this process with the shipped rules and one alert of five lines, appends one line of `docker events`
(an OOM of the container web), and records every function of logwatch that any thread enters until the alert is posted to a
receiver and `--seconds` are over. Comprehensions and lambdas are counted apart: nobody looks them up by name. What the loop
enters as well while no line comes is counted, too: what is left of the rest is the way of the line alone.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import CodeType, FrameType

import logwatch
from logwatch.cli import cli

PACKAGE = f"{Path(logwatch.__file__).parent}/"
ALERT = """groups:
  - name: trace
    interval: 1s
    rules:
      - {alert: Trace, expr: 'increase(docker_container_events_total{action="oom"}[5m]) > 0'}
"""
CONFIGURATION = "alerting: {alertmanagers: [{url: 'http://127.0.0.1:%d'}]}\n"
IDLE = 20.0
"""Seconds without a line, before it is appended."""
PATIENCE = 90.0
"""Seconds to wait for the start, and for the alert."""


class Trace:
    """The code objects of logwatch that were entered while `into` is set, and into which of the two."""

    def __init__(self) -> None:
        self.idle: dict[CodeType, None] = {}
        self.entered: dict[CodeType, None] = {}
        self.into: dict[CodeType, None] | None = None
        self.calls = 0

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        """Be called by Python at every call; see sys.setprofile."""
        into = self.into
        if into is not None and event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            into.setdefault(frame.f_code)
            self.calls += into is self.entered

    def functions(self, *, idle: bool = True) -> list[tuple[str, str]]:
        """File and qualified name of each named function, in the order of first entry; without `idle` those of the line alone."""
        found = {
            (code.co_filename.removeprefix(PACKAGE), code.co_qualname): None
            for code in self.entered
            if not code.co_name.startswith("<") and (idle or code not in self.idle)
        }
        return list(found)


class Receiver(BaseHTTPRequestHandler):
    """Takes what is posted to Alertmanager's API; `posted` is set once it holds the alert."""

    posted = threading.Event()

    def do_GET(self) -> None:
        """Answer a probe."""
        self._answer()

    def do_POST(self) -> None:
        """Take alerts."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer()
        if any(alert["labels"]["alertname"] == "Trace" for alert in json.loads(body)):
            self.posted.set()

    def log_message(self, *_arguments: object) -> None:
        """Write nothing."""

    def _answer(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")


def oom_line() -> str:
    """Return an OOM as `docker events --format '{{json .}}' | logger -t docker-events` writes it now."""
    now_ns = time.time_ns()
    container = {"ID": "8dd3c0ffee12" + "5" * 52, "Attributes": {"image": "nginx", "name": "web"}}
    event = {"Type": "container", "Action": "oom", "Actor": container, "time": now_ns // 10**9, "timeNano": now_ns}
    return f"{datetime.now(UTC).isoformat()} vm docker-events: {json.dumps(event, separators=(',', ':'))}\n"


def listening_port() -> int:
    """Return a free port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        return int(server.server_address[1])


def until_ready(url: str) -> None:
    """Wait until logwatch has read its log to the end."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{url}/-/ready", timeout=1).close()  # noqa: S310 - our own URL
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("logwatch did not become ready")


def control(trace: Trace, url: str, log: Path, seconds: float) -> None:
    """Append the line, trace its way, and ask logwatch to end."""
    try:
        until_ready(url)
        time.sleep(2.5)  # what a start does is over
        trace.into = trace.idle
        time.sleep(IDLE)
        trace.into = trace.entered
        with log.open("a") as file:
            file.write(oom_line())
        Receiver.posted.wait(PATIENCE)
        time.sleep(seconds)
        trace.into = None
    finally:
        signal.raise_signal(signal.SIGTERM)  # in the main thread, also if it does not serve yet


def run(trace: Trace, folder: Path, seconds: float) -> None:
    """Run logwatch in this thread until `control` ends it."""
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    log, rules, configuration = folder / "messages", folder / "trace.yml", folder / "logwatch.yml"
    log.write_text(f"{datetime.now(UTC).isoformat()} vm systemd[1]: Started Session 1 of user root.\n")
    rules.write_text(ALERT)
    configuration.write_text(CONFIGURATION % receiver.server_address[1])
    address = f"127.0.0.1:{listening_port()}"
    threading.Thread(target=control, args=(trace, f"http://{address}", log, seconds), daemon=True).start()
    threading.setprofile(trace)
    sys.setprofile(trace)
    options = {
        "--log": log,
        "--rules": rules,
        "--config.file": configuration,
        "--state-dir": folder / "state",
        "--web.listen-address": address,
        "--log.level": "error",
    }
    flags = [str(part) for option in options.items() for part in option]
    cli.main(["run", *flags], standalone_mode=False)
    sys.setprofile(None)
    threading.setprofile(None)


def report(trace: Trace, *, files_only: bool, line_only: bool) -> None:
    """Print the functions by file in the order of first entry, then the counts per folder."""
    by_file: dict[str, list[str]] = {}
    for file, function in trace.functions(idle=not line_only):
        by_file.setdefault(file, []).append(function)
    for file, functions in by_file.items():
        print(file if files_only else f"{file}: {', '.join(functions)}")
    lines = {file: len((Path(PACKAGE) / file).read_text().splitlines()) for file in by_file}
    print()
    folders = Counter(file.partition("/")[0] if "/" in file else "." for file in by_file)
    for folder, count in folders.most_common():
        inside = [file for file in by_file if (file.partition("/")[0] if "/" in file else ".") == folder]
        print(f"{folder:14} {count:4} files {sum(len(by_file[file]) for file in inside):4} functions")
    functions = sum(map(len, by_file.values()))
    print(f"{'all':14} {len(by_file):4} files {functions:4} functions ({len(trace.entered)} with comprehensions)")
    alone = trace.functions(idle=False)
    print(
        f"{'the line alone':14} {len({file for file, _ in alone}):4} files {len(alone):4} functions: the others are entered without a line, too"
    )
    print(f"{trace.calls} calls; these files have {sum(lines.values())} lines")


def main() -> int:
    """Trace one line; 1 if the alert was not posted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=7.0, help="how long to trace after the alert was posted")
    parser.add_argument("--files", action="store_true", help="list the files only, not their functions")
    parser.add_argument("--line-only", action="store_true", help="leave out what is entered without a line as well")
    arguments = parser.parse_args()
    trace = Trace()
    with tempfile.TemporaryDirectory(prefix="logwatch-trace-") as folder:
        run(trace, Path(folder), arguments.seconds)
    if not Receiver.posted.is_set():
        print("the alert was not posted", file=sys.stderr)
        return 1
    report(trace, files_only=arguments.files, line_only=arguments.line_only)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
