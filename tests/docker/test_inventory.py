"""The engine's own record of its containers, read-only."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logwatch.docker.containers import containers_root
from logwatch.docker.inventory import Found, Inventory, Removed
from logwatch.model import SECOND, State

WEB = "3f" * 32
DB = "a0" * 32
STARTED = 1_795_465_000 * SECOND + 721_609_123
NEVER = "0001-01-01T00:00:00Z"


def look(root: Path) -> list[Found]:
    """What the first poll finds."""
    return [each for each in Inventory(root).poll(0) if isinstance(each, Found)]


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
    (found,) = look(tmp_path)

    assert (found.id, found.name, found.image, found.labels) == (WEB, "web", "nginx:1", {"compose_project": "shop"})
    assert (found.state, found.since_ns, found.restarts, found.started) == (State.RUNNING, STARTED, 2, True)
    assert (found.exit_code, found.health) == (None, None)


def test_chosen_labels_are_read(tmp_path: Path) -> None:
    write(tmp_path, Config={"Image": "nginx:1", "Labels": {"com.example/team": "a\nb", "other": "x", "tier": ""}})
    (found,) = Inventory(tmp_path, ["com.example/team", "tier", "missing"]).poll(0)

    assert isinstance(found, Found)
    assert found.labels == {"label_com_example_team": "a?b"}


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
    (found,) = look(tmp_path)

    assert found.state is expected


def test_what_a_dead_container_left_is_read(tmp_path: Path) -> None:
    write(
        tmp_path,
        State={"Running": False, "ExitCode": 137, "OOMKilled": True, "FinishedAt": "2026-11-23T21:16:40+01:00"},
        HasBeenManuallyStopped=True,
    )
    (found,) = look(tmp_path)

    assert (found.exit_code, found.since_ns) == ("137", 1_795_465_000 * SECOND)
    assert (found.oom_killed, found.stopped_by_hand) == (True, True)


def test_a_container_that_waits_for_its_restart_has_an_exit_code(tmp_path: Path) -> None:
    write(tmp_path, State={"Restarting": True, "ExitCode": 3, "FinishedAt": "2026-11-23T20:17:40Z"})
    (found,) = look(tmp_path)

    assert (found.state, found.exit_code, found.health) == (State.RESTARTING, "3", None)


def test_health_is_read_with_the_last_probe(tmp_path: Path) -> None:
    log = [{"Start": NEVER, "End": NEVER, "ExitCode": 1, "Output": "refused\n"}]
    write(tmp_path, State={"Health": {"Status": "unhealthy", "FailingStreak": 4, "Log": log}})
    (found,) = look(tmp_path)

    assert (found.health, found.failing_streak, found.probe_output) == ("unhealthy", 4, "refused\n")


def test_old_engines_files_are_read(tmp_path: Path) -> None:
    write(tmp_path, file="config.json", Config={"Image": "nginx:1", "Labels": None})

    assert [each.id for each in look(tmp_path)] == [WEB]


def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path)
    write(tmp_path, DB, Name="/db")
    inventory = Inventory(tmp_path)
    first = inventory.poll(0)
    os.utime(path, ns=(1, 1))

    assert [each.id for each in first] == [WEB, DB]
    assert inventory.poll(1, files=False) == []
    assert [each.id for each in inventory.poll(2)] == [WEB]
    assert inventory.poll(3) == []


def test_a_folder_that_is_gone_is_a_removed_container(tmp_path: Path) -> None:
    write(tmp_path)
    inventory = Inventory(tmp_path)
    inventory.poll(0)
    shutil.rmtree(tmp_path / "containers" / WEB)

    assert inventory.poll(7) == [Removed(WEB, 7)]
    assert inventory.poll(8) == []


def test_a_root_that_is_gone_removes_nothing(tmp_path: Path) -> None:
    write(tmp_path)
    inventory = Inventory(tmp_path)
    inventory.poll(0)
    (tmp_path / "containers").rename(tmp_path / "elsewhere")

    assert (inventory.poll(1), inventory.present, inventory.take_problems()) == ([], None, {"missing": 1})

    (tmp_path / "elsewhere").rename(tmp_path / "containers")

    assert (inventory.poll(2), inventory.present) == ([], {WEB})


def test_one_container_is_found_by_its_id(tmp_path: Path) -> None:
    write(tmp_path)
    inventory = Inventory(tmp_path)
    found = inventory.find(WEB)

    assert (found and found.name, inventory.find(DB), inventory.find("../web"), inventory.find("web")) == (
        "web",
        None,
        None,
        None,
    )


# ── bad input ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"ID": 7}', "\x00", "", "[" * 100_000, '{"ID":' * 50_000, f'{{"State": [], "ID": "{WEB}"}}'],
    ids=["torn", "list", "id", "nul", "empty", "deep", "deep objects", "state"],
)
def test_a_file_that_is_no_configuration_is_counted_once(tmp_path: Path, content: str) -> None:
    write(tmp_path).write_text(content)
    inventory = Inventory(tmp_path)

    assert inventory.poll(0) == inventory.poll(1) == []
    assert inventory.take_problems() == {"format": 1}
    assert inventory.take_problems() == {}


def test_a_file_that_is_too_large_is_counted_and_not_read(tmp_path: Path) -> None:
    path = write(tmp_path)
    with path.open("ab") as file:
        file.truncate(10 << 20)
    inventory = Inventory(tmp_path)

    assert inventory.poll(0) == []
    assert inventory.take_problems() == {"too_large": 1}


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside")
    (tmp_path / "containers" / WEB).mkdir(parents=True)
    (tmp_path / "containers" / WEB / "config.v2.json").symlink_to(outside)
    (tmp_path / "containers" / DB).symlink_to(outside.parent)
    piped = "77" * 32
    (tmp_path / "containers" / piped).mkdir()
    os.mkfifo(tmp_path / "containers" / piped / "config.v2.json")
    inventory = Inventory(tmp_path)

    assert inventory.poll(0) == []
    assert [inventory.find(each) for each in (WEB, DB, piped)] == [None, None, None]


@pytest.mark.parametrize("name", ["/w\nb", "/\x1b[31m", "/../../etc", "/" + "a" * 10_000, "", "/a b"])
def test_what_is_not_a_name_names_nobody(tmp_path: Path, name: str) -> None:
    write(tmp_path, Name=name, Config={"Image": "a\x07" + "b" * 100_000})
    (found,) = look(tmp_path)

    assert found.name is None
    assert found.image is not None
    assert found.image.isprintable()
    assert len(found.image) <= 512


def test_a_file_of_another_container_names_nobody(tmp_path: Path) -> None:
    write(tmp_path, ID=DB)

    assert look(tmp_path) == []


def test_folders_that_are_no_containers_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "containers" / "lost+found").mkdir(parents=True)
    (tmp_path / "containers" / WEB).mkdir()

    assert look(tmp_path) == []


@given(st.text(max_size=200))
def test_reading_never_raises(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    root = tmp_path_factory.mktemp("root")
    write(root).write_text(content)

    assert look(root) == []


def test_containers_of_an_engine_with_remapped_users_are_found(tmp_path: Path) -> None:
    inner = tmp_path / "165536.165536"
    before = containers_root(tmp_path)
    write(tmp_path, DB)
    write(inner)
    os.utime(tmp_path / "containers", (1, 1))  # from before the users were remapped
    remapped = containers_root(tmp_path)
    os.utime(inner / "containers", (0, 0))

    assert (before, remapped, containers_root(tmp_path)) == (tmp_path, inner, tmp_path)
    assert [each.id for each in look(remapped)] == [WEB]
