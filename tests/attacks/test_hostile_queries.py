"""Expressions from whoever reaches the port: each is answered or refused, within bounds of memory and time."""

import json
import resource
import urllib.parse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ports import wait_for
from sidecar import Sidecar

SERIES = "docker_container_events_total"
LONG = f'label_replace({SERIES}, "a", "xxxxxxxxxx", "", "")'
GIGABYTES = 4 << 30


def died(number: int) -> str:
    """What `docker events` prints of the end of a container."""
    now = datetime.now(UTC)
    actor = {"ID": f"{number:064x}", "Attributes": {"image": "busybox", "name": f"web{number}", "exitCode": "1"}}
    event = {"Type": "container", "Action": "die", "Actor": actor, "timeNano": int(now.timestamp() * 1e9)}
    return f"{now.isoformat(timespec='microseconds')} vm docker-events[7]: {json.dumps(event, separators=(',', ':'))}\n"


def nested(call: str, times: int) -> str:
    """An expression in which the result of each call is the argument of the next."""
    text = LONG
    for _ in range(times):
        text = call.format(text)
    return text


BOMBS = {
    "replaced": nested('label_replace({}, "a", "$1$1$1$1$1$1$1$1", "a", "(.*)")', 20),
    "joined": nested('label_join({}, "a", "", "a", "a", "a", "a", "a", "a", "a", "a")', 20),
    "one replacement": f'label_replace({nested("label_join({}, `a`, ``, `a`, `a`, `a`, `a`)", 6)}, "a", "{"$0" * 5_000}", "a", ".*")',
    "one separator": f'label_join({SERIES}, "a", "{"x" * 9_000}"{", `name`" * 150})',
    "side by side": " or ".join(f'label_replace({LONG}, "b", "{"x" * 400}{number}", "", "")' for number in range(25)),
}


@pytest.fixture
def one(tmp_path: Path, sidecar: Callable[..., Sidecar]) -> Sidecar:
    log = tmp_path / "messages"
    log.write_text("".join(map(died, range(300))))
    started = sidecar("--log", str(log), limits={resource.RLIMIT_AS: GIGABYTES})
    wait_for(lambda: started.get("/-/ready")[0] == 200, "reading the log")
    return started


def ask(one: Sidecar, expression: str) -> tuple[int, str]:
    return one.get("/api/v1/query?" + urllib.parse.urlencode({"query": expression}))


def test_labels_that_functions_make_are_bounded(one: Sidecar) -> None:
    assert ask(one, LONG)[0] == 200
    for name, bomb in BOMBS.items():
        status, text = ask(one, bomb)

        assert status in {200, 422}, (name, text)
        assert len(text) < 10_000_000, name
    assert one.resident_mb("VmHWM") < 400
    assert one.get("/-/healthy")[0] == 200


def test_a_time_that_no_date_has_is_a_mistake_of_the_client(one: Sidecar) -> None:
    for at in ("1e17", "1e300", "253402300800", "18446744073709551616", "0x1fffffffffffff"):
        assert ask(one, f"{SERIES} @ {at}")[0] == 400
    assert "Traceback" not in one.stderr.read_text()
