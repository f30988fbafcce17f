"""A state directory that an earlier version left is opened, and `run` goes on where that stopped."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from earlier_state import LEFT, READ, EarlierState
from parity import without_probes
from ports import wait_for
from receivers_on_loopback import Loopback
from sidecar import Sidecar

Events = list[dict[str, Any]]


@pytest.fixture
def receiver() -> Iterator[Loopback]:
    one = Loopback()
    yield one
    one.close()


@pytest.fixture
def earlier(tmp_path: Path, receiver: Loopback) -> EarlierState:
    unused = dict.fromkeys(("http://127.0.0.1:19093", "http://127.0.0.1:19094"), "http://127.0.0.1:9")
    return EarlierState(tmp_path, {**unused, "http://127.0.0.1:19095": receiver.url})


def start(sidecar: Callable[..., Sidecar], earlier: EarlierState, *, rest: bool) -> Sidecar:
    """Run on it, a minute after it was left, until all is read."""
    if rest:
        earlier.write_rest()
    clock = LEFT + timedelta(minutes=2 if rest else 0, seconds=2)
    one = sidecar("--log", str(earlier.log), *earlier.arguments, state=earlier.state, clock=clock)
    wait_for(lambda: one.get("/-/ready")[0] == 200, "reading the log", 120)
    return one


def history(logwatch: Callable[..., str], earlier: EarlierState) -> Events:
    printed = logwatch("events", "--state-dir", str(earlier.state), "--format", "jsonl")
    return [json.loads(line) for line in printed.splitlines()]


def split(events: Events, count: int) -> tuple[Events, Events]:
    return events[:count], events[count:]


def comparable(events: Events) -> list[str]:
    """Everything but the line's place, which is another when the log was not rotated in between."""
    return sorted(json.dumps({**event, "path": "", "offset": 0, "line": 0}, sort_keys=True) for event in events)


def later(events: Events, than: str) -> Events:
    """Those after a time, but for the execs of health checks, which are events until it is known that they are."""
    kept = without_probes(json.dumps(event) for event in events)
    return [event for event in map(json.loads, kept) if event["time"] > than]


def alerts(one: Sidecar) -> dict[str, dict[str, Any]]:
    found = json.loads(one.get("/api/v1/alerts")[1])["data"]["alerts"]
    return {alert["labels"]["alertname"]: alert for alert in found}


def test_positions_counters_and_history_go_on(
    earlier: EarlierState, sidecar: Callable[..., Sidecar], logwatch: Callable[..., str], tmp_path: Path
) -> None:
    before = history(logwatch, earlier)
    one = start(sidecar, earlier, rest=True)
    counted = {
        (labels["type"], labels["action"]): value
        for (sample, names), value in one.samples().items()
        if sample == "docker_events_total" and (labels := dict(names)) and value
    }
    lines = one.value("logwatch_lines_read_total", path=str(earlier.log))
    gaps = [value for (sample, _), value in one.samples().items() if sample == "logwatch_source_gaps_total"]
    assert one.end() == 0
    whole = tmp_path / "whole"
    whole.write_bytes(earlier.whole_log)
    rules = earlier.arguments[:4]
    replayed = [json.loads(line) for line in logwatch("replay", str(whole), *rules, "--format", "jsonl").splitlines()]
    last = before[-1]["time"]
    kept, after = split(history(logwatch, earlier), len(before))

    assert lines == earlier.lines
    assert sum(gaps) == 0
    assert len(before) == 330
    assert [{**event, "attributes": old["attributes"]} for event, old in zip(kept, before, strict=True)] == before
    assert all(
        old["attributes"].items() <= event["attributes"].items() for event, old in zip(kept, before, strict=True)
    )
    assert comparable(later(replayed, last)) == comparable(
        [event for event in later([*before, *after], last) if event["time"] <= replayed[-1]["time"]]
    )
    assert counted == Counter(tuple(event["event"].split(".", 1)) for event in [*before, *after])


def test_alerts_keep_their_times_and_what_was_queued_is_sent(
    earlier: EarlierState, sidecar: Callable[..., Sidecar], receiver: Loopback
) -> None:
    one = start(sidecar, earlier, rest=False)
    wait_for(lambda: len(sent(receiver)) >= 4, "the queued notifications", 120)
    now = alerts(one)
    states = {name: (now[name]["state"], now[name]["activeAt"][:19]) for name in ("UserAlways", "UserPending")}

    assert one.value("logwatch_lines_read_total", path=str(earlier.log)) == READ
    assert states["UserAlways"] == ("firing", "2026-11-23T20:20:45")
    assert states["UserPending"] == ("pending", "2026-11-23T20:20:45")
    assert now["UserKept"]["state"] == "firing"
    assert {"UserAlways", "UserKept", "DockerContainerRestartLoop"} <= {name for name, _ in sent(receiver)}
    assert max(Counter(sent(receiver)).values()) == 1


def sent(receiver: Loopback) -> list[tuple[str, str]]:
    """Name and fingerprint of every alert that the receiver was sent."""
    found = [alert for body in receiver.taken for alert in body["alerts"]]  # type: ignore[index] # webhook bodies
    return [(alert["labels"]["alertname"], alert["fingerprint"]) for alert in found]


def test_containers_are_known(
    earlier: EarlierState, sidecar: Callable[..., Sidecar], logwatch: Callable[..., str]
) -> None:
    one = start(sidecar, earlier, rest=False)
    listed = json.loads(one.get("/api/v1/containers")[1])
    states = {(sample, dict(labels).get("name")) for (sample, labels), value in one.samples().items() if value}

    assert ("docker_container_state", "hc") in states
    assert '"hct"' in json.dumps(listed)
    assert one.value("user_spoken_total", action="start") == 19
    assert one.end() == 0
    assert " hct " in logwatch("containers", "--state-dir", str(earlier.state))
