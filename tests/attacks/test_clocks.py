"""Clocks that are wrong or set: no line and no step blinds an alert, makes a false one, or times out what waits."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from commandline import printed
from ports import wait_for
from sidecar import FAKETIME, Sidecar

BEGIN = datetime(2026, 11, 23, 18, 13, tzinfo=UTC)
WRONG = 20 * 3600
"""Seconds by which a clock is ahead."""
RULE = """\
correlations:
  - event: daemon.mute
    name: mute
    description: The engine started and did not become ready within seconds.
    missing: [daemon.start, daemon.ready]
    within: 20s
    by: [host]
    severity: critical
"""


def engine(message: str, at: datetime) -> str:
    written = at.strftime("%Y-%m-%dT%H:%M:%S.%f")
    return f'{written}+00:00 vm dockerd[42]: time="{written}000Z" level=info msg="{message}"\n'


def start(at: datetime) -> str:
    return engine("Starting up", at)


def ready(at: datetime) -> str:
    return engine("Daemon has completed initialization", at)


def oom(name: str, at: datetime) -> str:
    """What `docker events` prints of an OOM kill in a container."""
    actor = {"ID": name.encode().hex().ljust(64, "0"), "Attributes": {"image": "busybox", "name": name}}
    event = {"Type": "container", "Action": "oom", "Actor": actor, "timeNano": int(at.timestamp() * 1e9)}
    return f"{at.isoformat(timespec='microseconds')} vm docker-events[7]: {json.dumps(event, separators=(',', ':'))}\n"


def after(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def alerts(log: Path, content: str) -> list[str]:
    log.write_text(content)
    rows = printed("replay", str(log), "--alerts").splitlines()
    return [row for row in rows if row[0] != " "]  # without the evidence, which has paths and offsets


def events(log: Path, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(row) for row in printed("replay", str(log), "--format", "jsonl", *arguments).splitlines()]


def append(log: Path, *lines: str) -> None:
    with log.open("a") as out:
        out.writelines(lines)


# ── one line from a wrong clock ──────────────────────────────────────────────────────

GOOD = oom("web", after(0)), oom("db", after(40)), *(start(after(second)) for second in range(100, 1500, 100))


@pytest.mark.parametrize("place", [1, 2, 5, len(GOOD) - 2])
@pytest.mark.parametrize("ahead", [400, WRONG], ids=["minutes", "hours"])
def test_one_line_of_a_wrong_clock_changes_no_alert(place: int, ahead: int, tmp_path: Path) -> None:
    wrong = oom("web", after(place * 100 + ahead)).replace("oom", "start")
    without = alerts(tmp_path / "without", "".join(GOOD))

    assert without
    assert without == alerts(tmp_path / "with", "".join([*GOOD[:place], wrong, *GOOD[place:]]))


def test_an_event_of_a_wrong_clock_happened_when_it_was_read(tmp_path: Path) -> None:
    log = tmp_path / "messages"
    log.write_text("".join([GOOD[0], oom("cache", after(WRONG)), *GOOD[1:]]))
    rows = events(log)

    assert [row["time"][:19] for row in rows if row["name"] == "cache"] == ["2026-11-23T18:13:00"]


def test_two_lines_that_agree_move_the_clock(tmp_path: Path) -> None:
    log = tmp_path / "messages"
    log.write_text(oom("web", after(0)) + oom("db", after(WRONG)) + oom("cache", after(WRONG + 1)))
    rows = events(log)

    assert [f"{after(second):%Y-%m-%dT%H:%M:%S}" for second in (0, WRONG, WRONG + 1)] == [
        row["time"][:19] for row in rows
    ]


def test_a_quiet_log_is_read_as_it_is(tmp_path: Path) -> None:
    log = tmp_path / "messages"
    times = [after(3600 * hour) for hour in range(12)]
    log.write_text("".join(oom(f"web{number}", at) for number, at in enumerate(times)))
    rows = events(log)

    assert [f"{at:%Y-%m-%dT%H:%M:%S}" for at in times] == [row["time"][:19] for row in rows]


STEPPED = {
    "chrony": "chronyd[852]: System clock was stepped by 2546.206649 seconds",
    "ntpd": "ntpd[701]: 0.0.0.0 c61c 0c clock_step +2546.206649 s",
    "ntpdate": "ntpdate[701]: step time server 192.0.2.1 offset 2546.206649 sec",
    "ntpsec": "ntpd[701]: CLOCK: time stepped by 2546.206649",
    "openntpd": "openntpd[701]: set local clock to Mon Nov 23 18:55:36 UTC 2026 (offset 2546.206649s)",
}


@pytest.mark.parametrize("line", STEPPED.values(), ids=STEPPED)
def test_a_step_of_the_clock_that_the_log_reports_times_out_nothing(line: str, tmp_path: Path) -> None:
    log = tmp_path / "messages"
    stepped = f"{after(2556).isoformat(timespec='microseconds')} vm {line}\n"
    log.write_text(start(after(0)) + stepped + ready(after(2557)) + start(after(2600)) + oom("web", after(2800)))

    assert [row["event"] for row in events(log) if row["event"].startswith("daemon.")] == [
        *("daemon.start", "daemon.ready", "daemon.start", "daemon.not_ready"),
    ]


@pytest.mark.parametrize("seconds", ["-2546.2", "9" * 400, "1.2.3", "0"])
def test_a_reported_step_is_no_longer_than_that_of_the_lines(seconds: str, tmp_path: Path) -> None:
    log = tmp_path / "messages"
    at = f"{after(1).isoformat(timespec='microseconds')} vm "
    log.write_text(
        start(after(0)) + f"{at}chronyd[852]: System clock was stepped by {seconds} seconds\n" + oom("web", after(200))
    )

    assert [row["event"] for row in events(log)][:2] == ["daemon.start", "daemon.not_ready"]


def test_what_waits_for_a_second_line_is_not_lost_by_a_restart(tmp_path: Path, sidecar: Callable[..., Sidecar]) -> None:
    log, now = tmp_path / "messages", datetime.now(UTC)
    log.write_text(oom("web", now - timedelta(hours=3)))
    first = sidecar("--log", str(log))
    wait_for(lambda: first.value("docker_container_events_total", name="web", action="oom") == 1, "the first line")
    assert first.end() == 0
    append(log, oom("db", now - timedelta(hours=2)), oom("cache", now - timedelta(hours=1)))
    second = sidecar("--log", str(log))
    wait_for(
        lambda: ooms(second) == {"web": 1, "db": 1, "cache": 1},
        "the lines after a pause",
    )


def ooms(one: Sidecar) -> dict[str, float | None]:
    names = ("web", "db", "cache")
    return {name: one.value("docker_container_events_total", name=name, action="oom") for name in names}


# ── the end of summer time ───────────────────────────────────────────────────────────


def test_a_log_that_begins_in_the_hour_that_comes_twice_goes_forward(tmp_path: Path) -> None:
    log = tmp_path / "messages"
    log.write_text("".join(f"Oct 25 {clock} vm dockerd[1]: panic: boom\n" for clock in ("02:59:58", "02:00:02")))
    os.utime(log, (BEGIN.timestamp(), BEGIN.timestamp()))
    rows = events(log, "--timezone", "Europe/Berlin")

    assert [row["time"][11:19] for row in rows] == ["00:59:58", "01:00:02"]


def test_new_year_is_no_step_back(tmp_path: Path) -> None:
    log = tmp_path / "messages"
    log.write_text("".join(f"{stamp} vm dockerd[1]: panic: boom\n" for stamp in ("Dec 31 23:59:58", "Jan  1 00:00:02")))
    rows = events(log, "--timezone", "UTC")
    first, second = (datetime.fromisoformat(row["time"][:19]) for row in rows)

    assert second - first == timedelta(seconds=4)


# ── live ─────────────────────────────────────────────────────────────────────────────


def firing(one: Sidecar) -> set[str]:
    """The containers that alerts about OOM kills fire for."""
    found = json.loads(one.get("/api/v1/alerts")[1] or '{"data": {"alerts": []}}')["data"]["alerts"]
    return {
        alert["labels"]["name"]
        for alert in found
        if alert["labels"]["alertname"] == "DockerContainerOomKilled" and alert["state"] == "firing"
    }


def test_a_wrong_clock_blinds_no_alert_live(tmp_path: Path, sidecar: Callable[..., Sidecar]) -> None:
    log, now = tmp_path / "messages", datetime.now(UTC)
    log.write_text(start(now) + ready(now))
    one = sidecar("--log", str(log))
    wait_for(lambda: one.get("/-/ready")[0] == 200, "reading")
    ahead = now + timedelta(hours=20)
    append(log, start(ahead), ready(ahead), start(ahead), oom("web", datetime.now(UTC)))
    wait_for(lambda: firing(one) == {"web"}, "the alert")


# ── the wall clock is set ────────────────────────────────────────────────────────────


@pytest.fixture
def wall(tmp_path: Path) -> Path:
    """The file that sets the wall clock of a process under test."""
    if not FAKETIME.exists():
        reason = f"{FAKETIME} is missing: install the Debian package libfaketime"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    path = tmp_path / "wall"
    path.write_text("+0\n")
    return path


def set_wall(wall: Path, seconds: int) -> None:
    new = wall.with_suffix(".new")
    new.write_text(f"{seconds:+d}\n")
    new.replace(wall)


def shown(one: Sidecar, action: str) -> float:
    return one.value("docker_events_total", type="daemon", action=action) or 0


@pytest.mark.parametrize("step", [60, 3600], ids=["a minute", "an hour"])
def test_a_wall_clock_that_is_set_forward_times_out_nothing(
    step: int, wall: Path, tmp_path: Path, sidecar: Callable[..., Sidecar]
) -> None:
    log, rule = tmp_path / "messages", tmp_path / "mute.yml"
    rule.write_text(RULE)
    log.write_text("")
    one = sidecar("--log", str(log), "--rules", str(rule), faketime=wall)
    now = datetime.now(UTC)
    append(log, start(now))
    set_wall(wall, step)
    append(log, ready(now + timedelta(seconds=step + 1)))
    wait_for(lambda: shown(one, "ready") == 1, "the line after the step")
    append(log, start(datetime.now(UTC) + timedelta(seconds=step)))
    wait_for(lambda: shown(one, "mute") > 0, "the start that nothing follows")

    assert shown(one, "mute") == 1


def test_alerts_follow_a_wall_clock_that_is_set_back(
    wall: Path, tmp_path: Path, sidecar: Callable[..., Sidecar]
) -> None:
    log = tmp_path / "messages"
    set_wall(wall, 7200)
    ahead = datetime.now(UTC) + timedelta(hours=2)
    log.write_text(start(ahead) + ready(ahead) + oom("web", ahead))
    one = sidecar("--log", str(log), faketime=wall)
    wait_for(lambda: firing(one) == {"web"}, "the alert by the wrong clock")
    set_wall(wall, 0)
    append(log, oom("db", datetime.now(UTC)))
    wait_for(lambda: "db" in firing(one), "the alert by the right clock")
    wait_for(lambda: one.get("/-/healthy")[0] == 200, "health after the step")
    one.end()
    again = sidecar("--log", str(log), faketime=wall)
    append(log, oom("cache", datetime.now(UTC)))
    wait_for(lambda: "cache" in firing(again), "an alert after a restart")


def test_a_state_of_a_time_to_come_blinds_no_alert(wall: Path, tmp_path: Path, sidecar: Callable[..., Sidecar]) -> None:
    log = tmp_path / "messages"
    set_wall(wall, 7200)
    ahead = datetime.now(UTC) + timedelta(hours=2)
    log.write_text(start(ahead) + ready(ahead))
    one = sidecar("--log", str(log), faketime=wall)
    wait_for(lambda: shown(one, "ready") == 1, "the lines by the wrong clock")
    assert one.end() == 0
    set_wall(wall, 0)
    again = sidecar("--log", str(log), faketime=wall)
    append(log, oom("db", datetime.now(UTC)))
    wait_for(lambda: firing(again) == {"db"}, "the alert by the right clock")
