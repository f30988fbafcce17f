"""The engine's own record of its containers, read-only."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.docker.inventory import PACE_NS, Inventory
from logwatch.lifecycle import Lifecycle
from logwatch.model import SECOND, Event, Outcome, Renamed, State, StateChange

WEB = "3f" * 32
DB = "a0" * 32
STARTED = 1_795_465_000 * SECOND + 721_609_123
NEVER = "0001-01-01T00:00:00Z"


def write(root: Path, container: str = WEB, file: str = "config.v2.json", **more: Any) -> Path:
    state = {
        "Running": True,
        "StartedAt": "2026-11-23T20:16:40.721609123Z",
        "FinishedAt": NEVER,
        "ExitCode": 0,
        **more.pop("State", {}),
    }
    content = {
        "ID": container,
        "Name": "/web",
        "RestartCount": 2,
        "State": state,
        "Config": {"Image": "nginx:1", "Labels": {"com.docker.compose.project": "shop", "other": "x"}, "Env": ["A=b"]},
        **more,
    }
    path = root / "containers" / container / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def test_a_container_is_read(tmp_path: Path) -> None:
    write(tmp_path)
    (found,) = Inventory(tmp_path).refresh(0)

    assert (found.id, found.name, found.image, found.labels) == (WEB, "web", "nginx:1", {"compose_project": "shop"})
    assert (found.state, found.since_ns, found.restarts, found.started) == (State.RUNNING, STARTED, 2, True)
    assert (found.exit_code, found.health) == (None, None)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({}, State.RUNNING),
        ({"Paused": True}, State.PAUSED),
        ({"Restarting": True}, State.RESTARTING),
        ({"Running": False}, State.EXITED),
        ({"Running": False, "StartedAt": NEVER}, State.CREATED),
        ({"Running": False, "Dead": True}, State.DEAD),
        ({"Running": False, "RemovalInProgress": True}, State.REMOVING),
        ({"Running": False, "StartedAt": "soon"}, State.CREATED),
        ({"Running": False, "StartedAt": "2026-13-45T20:16:40Z"}, State.CREATED),
    ],
)
def test_states_are_those_of_the_engine(tmp_path: Path, state: dict[str, Any], expected: State) -> None:
    write(tmp_path, State=state)
    (found,) = Inventory(tmp_path).refresh(0)

    assert found.state is expected


def test_what_a_dead_container_left_is_read(tmp_path: Path) -> None:
    write(tmp_path, State={"Running": False, "ExitCode": 137, "FinishedAt": "2026-11-23T21:16:40+01:00"})
    (found,) = Inventory(tmp_path).refresh(0)

    assert (found.exit_code, found.since_ns) == ("137", 1_795_465_000 * SECOND)


def test_health_is_read(tmp_path: Path) -> None:
    write(tmp_path, State={"Health": {"Status": "unhealthy"}})
    (found,) = Inventory(tmp_path).refresh(0)

    assert found.health == "unhealthy"


def test_old_engines_files_are_read(tmp_path: Path) -> None:
    write(tmp_path, file="config.json", Config={"Image": "nginx:1", "Labels": None})

    assert [each.id for each in Inventory(tmp_path).refresh(0)] == [WEB]


def test_only_what_changed_is_read_again_and_slowly(tmp_path: Path) -> None:
    path = write(tmp_path)
    write(tmp_path, DB, Name="/db")
    inventory = Inventory(tmp_path)
    first = inventory.refresh(0)
    os.utime(path, ns=(1, 1))

    assert [each.name for each in first] == ["web", "db"]
    assert inventory.refresh(PACE_NS - 1) == []
    assert [each.name for each in inventory.refresh(PACE_NS)] == ["web"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [("{", "format"), ("[]", "format"), ('{"ID": 7}', "format"), ("\x00", "format"), ("", "format")],
)
def test_a_file_that_is_no_configuration_is_counted(tmp_path: Path, content: str, reason: str) -> None:
    write(tmp_path).write_text(content)
    inventory = Inventory(tmp_path)

    assert inventory.refresh(0) == []
    assert inventory.unreadable == {reason: 1}


def test_a_file_of_another_container_names_nobody(tmp_path: Path) -> None:
    write(tmp_path, ID=DB)

    assert Inventory(tmp_path).refresh(0) == []


def test_a_root_that_is_not_there_is_counted(tmp_path: Path) -> None:
    inventory = Inventory(tmp_path / "none")

    assert inventory.refresh(0) == []
    assert inventory.unreadable == {"missing": 1}


def test_folders_that_are_no_containers_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "containers" / "lost+found").mkdir(parents=True)
    (tmp_path / "containers" / WEB).mkdir()

    assert Inventory(tmp_path).refresh(0) == []


@given(st.text(max_size=200))
def test_reading_never_raises(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    root = tmp_path_factory.mktemp("root")
    write(root).write_text(content)

    assert Inventory(root).refresh(0) == []


# ── what the lifecycle makes of it ───────────────────────────────────────────────────


def stop(at: int) -> Event:
    return Event(
        STARTED + at, "container.stop", "vm", WEB, None, {}, "info", "engine", "log", 0, None, stamp_ns=STARTED + at
    )


def test_long_running_containers_show_on_day_one(tmp_path: Path) -> None:
    write(tmp_path)
    life = Lifecycle(SECOND)
    made = life.process_inventory(Inventory(tmp_path).refresh(0), "vm", STARTED + 5)
    (view,) = life.containers()

    assert made == [StateChange(STARTED + 5, "vm", WEB, "web", None, State.RUNNING)]
    assert (view.name, view.state, view.image, view.project, view.since_ns) == (
        "web",
        State.RUNNING,
        "nginx:1",
        "shop",
        STARTED,
    )


def test_its_events_carry_name_and_project(tmp_path: Path) -> None:
    write(tmp_path)
    life = Lifecycle(SECOND)
    life.process_inventory(Inventory(tmp_path).refresh(0), "vm", STARTED)
    (outcome,) = life.process(stop(1))

    assert isinstance(outcome, Outcome)
    assert (outcome.event.name, outcome.event.attributes) == ("web", {"compose_project": "shop"})


def test_the_log_is_believed_where_it_spoke(tmp_path: Path) -> None:
    write(tmp_path, State={"Running": False})
    life = Lifecycle(SECOND)
    life.process(stop(0)._replace(event="container.start"))
    made = life.process_inventory(Inventory(tmp_path).refresh(0), "vm", STARTED + 5)

    assert made == [Renamed(STARTED + 5, "vm", WEB, "web", WEB[:12])]
    assert [each.state for each in life.containers()] == [State.RUNNING]


def test_its_name_is_remembered_after_removal(tmp_path: Path) -> None:
    write(tmp_path)
    life = Lifecycle(SECOND)
    life.process_inventory(Inventory(tmp_path).refresh(0), "vm", STARTED)
    life.process(stop(0)._replace(event="container.destroy"))
    (outcome, *_) = life.process(stop(20 * SECOND)._replace(event="container.die"))

    assert isinstance(outcome, Outcome)
    assert outcome.event.name == "web"
