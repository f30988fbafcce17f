"""Mutes become silences in a real Alertmanager, and are expired when they end."""

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from alertmanagers import Alertmanager
from commandline import call
from ports import wait_for
from sidecar import Sidecar

from logwatch.errors import NotifyError
from logwatch.model import SECOND, Mute
from logwatch.notifiers.http import Client
from logwatch.notifiers.silences import Silences, matcher, silence

NOW = 1_796_004_000 * SECOND


@pytest.mark.parametrize(
    ("pattern", "value", "is_regex"),
    [
        ("web", "web", False),
        ("web.*", r"web\..*", True),
        ("web-?", r"web\-.", True),
        ("[!a]b", "[^a]b", True),
        ("a.b", "a.b", False),
        ("(x)*", r"\(x\).*", True),
    ],
)
def test_a_pattern_becomes_a_matcher(pattern: str, value: str, *, is_regex: bool) -> None:
    found = matcher("name", pattern)

    assert (found["value"], found["isRegex"]) == (value, is_regex)
    assert re.fullmatch(str(found["value"]), pattern.replace("[!a]", "x").replace("?", "1")) or not is_regex


@pytest.mark.parametrize("match", [{}, {"team": ""}, {"name": "*"}])
def test_a_silence_of_everything_has_a_matcher_that_alertmanager_takes(match: dict[str, str]) -> None:
    matchers = silence(Mute("m", match, NOW, NOW + SECOND, "", ""), NOW)["matchers"]

    assert {"name": "alertname", "value": ".+", "isRegex": True, "isEqual": True} in matchers  # type: ignore[operator]


def test_a_silence_that_is_refused_keeps_no_other_back() -> None:
    posted: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200, b"[]")

        def do_POST(self) -> None:
            posted.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.answer(400 if "odd" in posted[-1] else 200, b"{}")

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        one = Silences(Client(f"http://127.0.0.1:{server.server_port}"), "", time.time_ns)
        wanted = [Mute(name, {"name": name}, 0, None) for name in ("odd", "web", "db")]
        with pytest.raises(NotifyError):
            one.reconcile(wanted)
        server.shutdown()

    assert len(posted) == len(wanted)


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Alertmanager]:
    one = Alertmanager(tmp_path / "alertmanager")
    yield one
    one.stop()


def silences(one: Alertmanager, *options: str) -> list[dict[str, str]]:
    command = ["amtool", f"--alertmanager.url={one.url}", "silence", "query", "-o", "json", *options]
    found: list[dict[str, str]] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


@pytest.mark.e2e
def test_a_mute_is_a_silence_until_it_ends(
    need: Callable[..., None], sidecar: Callable[..., Sidecar], alertmanager: Alertmanager, tmp_path: Path
) -> None:
    need("prometheus-alertmanager", "amtool")
    state, config, log = tmp_path / "state", tmp_path / "logwatch.yml", tmp_path / "messages"
    log.touch()
    config.write_text(json.dumps({"alerting": {"alertmanagers": [alertmanager.url]}}))
    arguments = ("--config.file", str(config), "--log", str(log))
    one = sidecar(*arguments, state=state)
    call("mute", "--name", "web-*", "--for", "1h", "--reason", "moving it", "--state-dir", str(state))
    call("mute", "--all", "--for", "2h", "--state-dir", str(state))
    # It is away at first: what is muted meanwhile is silenced when it is back.
    alertmanager.start()
    wait_for(alertmanager.answers, "the Alertmanager")
    wait_for(lambda: len(silences(alertmanager)) == 2, "the silences")
    named = next(each for each in silences(alertmanager) if "moving it" in each["comment"])

    assert named["createdBy"] == "logwatch"
    assert [(each["name"], each["value"]) for each in named["matchers"]] == [("name", r"web\-.*")]  # type: ignore[index]

    # One ends while logwatch is away, one while it runs.
    one.end()
    first, second = sorted((state / "mutes").glob("*.json"))
    call("unmute", first.stem, "--state-dir", str(state))
    sidecar(*arguments, state=state)
    wait_for(lambda: len(silences(alertmanager)) == 1, "the first silence expired")
    call("unmute", second.stem, "--state-dir", str(state))
    wait_for(lambda: silences(alertmanager) == [], "the second silence expired")

    assert len(silences(alertmanager, "--expired")) == 2
