"""What is read out of recorded logs is what the engine itself told."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from parity import (
    PROBES,
    RECORDINGS,
    Score,
    compare,
    deaf_spans,
    engine_account,
    our_account,
    unpack,
    without_probes,
)

# What a 20.10 engine tells at each level; the rest is in docs/events.md with its proof.
ESSENTIAL = ("container.start", "container.die", "container.oom")
DEBUG = (
    *("container.create", "container.attach", "container.pause", "container.unpause", "network.connect"),
    *("container.exec_create", "container.exec_start", "container.stop", "container.restart", "container.rename"),
)


def replayed(recording: str, logwatch: Callable[..., str]) -> list[str]:
    return logwatch("replay", "--format", "jsonl", str(RECORDINGS / recording / "messages.xz")).splitlines()


def scores(recording: str, logwatch: Callable[..., str]) -> dict[str, Score]:
    lines = without_probes(replayed(recording, logwatch))
    account = engine_account(unpack(recording, "events.jsonl").decode().splitlines())
    return compare(account, our_account(lines), deaf_spans(recording))


@pytest.mark.parametrize("recording", ["info-traditional", "debug-iso"])
def test_starts_deaths_and_oom_kills_are_exact(recording: str, logwatch: Callable[..., str]) -> None:
    found = scores(recording, logwatch)

    for kind in ESSENTIAL:
        assert (kind, found[kind].recall, found[kind].precision) == (kind, 1.0, 1.0)


def test_debug_lines_tell_what_they_can(logwatch: Callable[..., str]) -> None:
    found = scores("debug-iso", logwatch)

    for kind in DEBUG:
        assert (kind, found[kind].recall >= 0.97, found[kind].precision >= 0.97) == (kind, True, True), found[kind]


def test_every_container_of_the_debug_lines_is_known_and_unnamed_only_where_no_line_has_its_name(
    logwatch: Callable[..., str],
) -> None:
    """As docs/events.md has it: n of m are named, and the others by which containers."""
    events = [json.loads(line) for line in without_probes(replayed("debug-iso", logwatch))]
    ours = [each for each in events if each["event"] in ESSENTIAL + DEBUG and each["event"].startswith("container.")]
    unnamed = [(each["event"].partition(".")[2], each["id"]) for each in ours if each["name"] is None]
    account = [json.loads(line) for line in unpack("debug-iso", "events.jsonl").decode().splitlines()]
    called = {
        each["Actor"]["ID"]: each["Actor"]["Attributes"].get("name") for each in account if each["Type"] == "container"
    }

    assert [each for each in ours if each["id"] is None and each["name"] is None] == []
    assert sorted((action, called[container]) for action, container in unnamed) == [
        ("attach", "mystifying_booth"),
        ("attach", "upbeat_dirac"),
        ("create", "mystifying_booth"),
        ("create", "svc.1.bos79pb4w0t8cicvqkagrdwfu"),
        ("create", "svc.1.x7143s1csb628762lpwkjo1ge"),
        ("create", "upbeat_dirac"),
    ]


def test_docker_events_lines_tell_everything_once(logwatch: Callable[..., str]) -> None:
    found = scores("info-rfc5424-docker-events", logwatch)

    for kind, score in found.items():
        assert (kind, score.recall) == (kind, 1.0)
        assert (kind, score.precision >= 0.99) == (kind, True), score


def test_debug_lines_beside_docker_events_lines_add_nothing(logwatch: Callable[..., str], tmp_path: Path) -> None:
    """The recording at debug level, its account written into the same log a few milliseconds later."""
    account = unpack("debug-iso", "events.jsonl").decode().splitlines()
    both = [*unpack("debug-iso", "messages").decode(errors="surrogateescape").splitlines(), *map(syslog_line, account)]
    log = tmp_path / "messages"
    log.write_text("\n".join(sorted(both, key=lambda line: line[:26])) + "\n", errors="surrogateescape")

    ours = our_account(logwatch("replay", "--format", "jsonl", str(log)).splitlines())
    found = compare(engine_account(account), ours, deaf_spans("debug-iso"))

    for kind, score in found.items():
        assert (kind, score) == (kind, Score(score.engine, score.engine, score.engine))


def test_probes_that_the_debug_log_announces_are_no_events(logwatch: Callable[..., str]) -> None:
    account = unpack("debug-iso", "events.jsonl").decode()
    lines = [json.loads(line) for line in replayed("debug-iso", logwatch)]
    commands = [json.loads(line)["Action"].partition("exec_create: ")[2] for line in account.splitlines()]
    created = [each["name"] for each in lines if each["event"] == "container.exec_create"]

    assert len(created) == sum(each != "" and each not in PROBES for each in commands)
    assert not any("probe" in each["attributes"] for each in lines)


def test_probes_that_docker_events_report_are_events_until_health_changes(logwatch: Callable[..., str]) -> None:
    events = [json.loads(line) for line in replayed("info-rfc5424-docker-events", logwatch)]
    probes = [each for each in events if each["attributes"].get("command") in PROBES]
    changed = {each["name"]: each["time"] for each in reversed(events) if each["event"] == "container.health_status"}

    assert probes
    assert all(each["time"] < changed[each["name"]] for each in probes)


def syslog_line(event: str) -> str:
    """As a unit that pipes `docker events` into syslog has it written, three milliseconds late."""
    at = datetime.fromtimestamp(json.loads(event)["timeNano"] / 1e9 + 0.003, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}+00:00 vm docker-events[9]: {event}"
