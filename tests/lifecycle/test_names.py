"""Which container is meant, and what it is called: never a wrong name."""

import pytest
from lifecycle_lines import START, accepted, event, play

from logwatch.lifecycle.containers import (
    KEEP_REGISTERED_NS,
    ContainerRegister,
    looks_like_id,
)
from logwatch.model import Role
from logwatch.store import state_table

WEB = "3f" * 32
DB = "a0" * 32
TWIN = WEB[:12] + "0" * 52


def known(*ids: str) -> ContainerRegister:
    register = ContainerRegister()
    for each in ids:
        register.add("vm", each, START, START)
    return register


def name(register: ContainerRegister, container_id: str, called: str) -> None:
    container = register.get("vm", container_id)
    assert container is not None
    register.set_name(container, called, START, START, sure=True)


def happens(register: ContainerRegister, action: str, container_id: str) -> None:
    container = register.get("vm", container_id)
    assert container is not None
    register.process(container, event(f"container.{action}", 0, container_id), START)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (WEB, True),
        (WEB[:12], True),
        (WEB[:11], False),
        ("deadbeef", False),
        ("my-container", False),
        (WEB + "0", False),
    ],
    ids=["full", "short", "too-short", "a-name-of-hex-digits", "a-name", "too-long"],
)
def test_an_id_is_told_from_a_name(text: str, expected: bool) -> None:
    assert looks_like_id(text) is expected


@pytest.mark.parametrize(
    ("given", "meant"),
    [(WEB, WEB), (WEB[:12], WEB), (WEB[:20], WEB), ("web", WEB), (WEB[:8], WEB[:8]), ("other", "other"), (DB, DB)],
)
def test_ids_prefixes_and_names_mean_the_container(given: str, meant: str) -> None:
    names = known(WEB)
    name(names, WEB, "web")

    assert names.resolve("vm", given) == meant


def test_a_prefix_of_two_containers_means_neither() -> None:
    names = known(WEB, TWIN)

    assert names.resolve("vm", WEB[:12]) == WEB[:12]
    assert names.resolve("vm", WEB[:14]) == WEB


def test_another_host_has_its_own_containers() -> None:
    names = known(WEB)
    name(names, WEB, "web")

    assert names.resolve("vm2", "web") == "web"
    assert names.resolve("vm2", WEB[:12]) == WEB[:12]


def test_a_name_goes_before_a_prefix() -> None:
    names = known(WEB, DB)
    name(names, DB, WEB[:12])

    assert names.resolve("vm", WEB[:12]) == DB


def test_a_removed_container_keeps_its_name_but_does_not_own_it() -> None:
    names = known(WEB)
    name(names, WEB, "web")
    happens(names, "destroy", WEB)

    assert names.name_of("vm", WEB) == "web"
    assert names.resolve("vm", "web") == "web"


def test_who_takes_a_name_over_is_its_only_owner() -> None:
    names = known(WEB, DB)
    name(names, WEB, "web")

    name(names, DB, "web")

    assert names.name_of("vm", WEB) is None
    assert names.resolve("vm", "web") == DB


def test_who_comes_back_has_the_name_only_if_it_is_free() -> None:
    names = known(WEB, DB)
    name(names, WEB, "web")
    happens(names, "destroy", WEB)
    happens(names, "start", WEB)
    owned = names.resolve("vm", "web")
    happens(names, "destroy", WEB)
    name(names, DB, "web")
    happens(names, "start", WEB)

    assert owned == WEB
    assert names.name_of("vm", WEB) is None


def test_a_rename_frees_the_old_name() -> None:
    names = known(WEB)
    name(names, WEB, "web")
    name(names, WEB, "old")

    assert names.resolve("vm", "web") == "web"
    assert names.resolve("vm", "old") == WEB


def test_a_short_id_grows_into_the_full_one() -> None:
    names = known(WEB[:12])
    name(names, WEB[:12], "web")

    assert names.add("vm", WEB, START, START)[1] == WEB[:12]
    assert names.resolve("vm", "web") == WEB
    assert names.resolve("vm", WEB[:12]) == WEB


def test_state_survives() -> None:
    names = known(WEB, DB)
    name(names, WEB, "web")
    name(names, DB, "db")
    happens(names, "destroy", DB)
    again = ContainerRegister()
    rows = state_table.changed_rows(names.tables)
    state_table.restore(again.tables, {key: row for key, row in rows.items() if row})
    again.restored()

    assert again.resolve("vm", "web") == WEB
    assert again.resolve("vm", "db") == "db"
    assert again.name_of("vm", DB) == "db"


def test_only_what_changed_is_handed_over() -> None:
    names = known(WEB, DB)
    happens(names, "destroy", WEB)
    state_table.changed_rows(names.tables)
    names.expire(START + KEEP_REGISTERED_NS)

    assert list(state_table.changed_rows(names.tables).values()) == [None]
    assert state_table.changed_rows(names.tables) == {}


@pytest.mark.parametrize(("at", "name"), [(-0.5, "web"), (0.5, "db")])
def test_an_event_has_the_name_that_its_container_had_then(at: float, name: str) -> None:
    """What waits for `settle` when its container is renamed happened to it under its former name."""
    started = event("container.start", -60, name="web")
    stopped = event("container.stop", at, rule="stop-request", role=Role.REQUEST)
    renamed = event("container.rename", 0, rule="rename-request", role=Role.REQUEST, name="db")
    answered = event("evidence.name", 0.1, attributes={"container_name": "db"})
    in_order = sorted([renamed, answered, stopped], key=lambda each: each.time_ns)
    made = accepted(play(started, *in_order))

    assert [each.name for each in made if each.event == "container.stop"] == [name]
