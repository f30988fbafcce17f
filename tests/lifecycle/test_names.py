"""Which container is meant, and what it is called: never a wrong name."""

import json

import pytest

from logwatch.lifecycle.names import BORN_NS, PENDING, Names, looks_like_id
from logwatch.model import SECOND

WEB = "3f" * 32
DB = "a0" * 32
TWIN = WEB[:12] + "0" * 52


def known(*ids: str) -> Names:
    names = Names()
    for each in ids:
        names.add("vm", each)
    return names


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
    names.learn("vm", WEB, "web")

    assert names.resolve("vm", given) == meant


def test_a_prefix_of_two_containers_means_neither() -> None:
    names = known(WEB, TWIN)

    assert names.resolve("vm", WEB[:12]) == WEB[:12]
    assert names.resolve("vm", WEB[:14]) == WEB


def test_another_host_has_its_own_containers() -> None:
    names = known(WEB)
    names.learn("vm", WEB, "web")

    assert names.resolve("vm2", "web") == "web"
    assert names.resolve("vm2", WEB[:12]) == WEB[:12]


def test_a_name_goes_before_a_prefix() -> None:
    names = known(WEB, DB)
    names.learn("vm", DB, WEB[:12])

    assert names.resolve("vm", WEB[:12]) == DB


def test_a_removed_container_keeps_its_name_but_does_not_own_it() -> None:
    names = known(WEB)
    names.learn("vm", WEB, "web")
    names.release("vm", WEB)

    assert names.of("vm", WEB) == "web"
    assert names.resolve("vm", "web") == "web"


def test_who_takes_a_name_over_is_its_only_owner() -> None:
    names = known(WEB, DB)
    names.learn("vm", WEB, "web")

    assert names.learn("vm", DB, "web") == WEB
    assert names.of("vm", WEB) is None
    assert names.resolve("vm", "web") == DB


def test_who_comes_back_has_the_name_only_if_it_is_free() -> None:
    names = known(WEB, DB)
    names.learn("vm", WEB, "web")
    names.release("vm", WEB)
    names.reclaim("vm", WEB)
    owned = names.owner("vm", "web")
    names.release("vm", WEB)
    names.learn("vm", DB, "web")
    names.reclaim("vm", WEB)

    assert owned == WEB
    assert names.of("vm", WEB) is None


def test_a_rename_frees_the_old_name() -> None:
    names = known(WEB)
    names.learn("vm", WEB, "web")
    names.learn("vm", WEB, "old")

    assert names.resolve("vm", "web") == "web"
    assert names.resolve("vm", "old") == WEB


def test_a_short_id_grows_into_the_full_one() -> None:
    names = known(WEB[:12])
    names.learn("vm", WEB[:12], "web")

    assert names.add("vm", WEB) == WEB[:12]
    assert names.resolve("vm", "web") == WEB
    assert names.resolve("vm", WEB[:12]) == WEB


def test_one_creation_names_the_next_born() -> None:
    names = Names()
    names.expect("vm", "web", 0)

    assert names.born("vm", SECOND) == "web"
    assert names.born("vm", SECOND) is None


def test_two_creations_name_nobody() -> None:
    names = Names()
    names.expect("vm", "web", 0)
    names.expect("vm", "db", 0)

    assert names.born("vm", 1) is None
    assert names.born("vm", 1) is None


@pytest.mark.parametrize("later", [BORN_NS + 1, -BORN_NS - 1])
def test_a_creation_is_forgotten_after_a_while(later: int) -> None:
    names = Names()
    names.expect("vm", "web", 0)

    assert names.born("vm", later) is None


def test_a_creation_that_fails_names_nobody() -> None:
    names = Names()
    names.expect("vm", "web", 0)
    names.expect_none("vm")

    assert names.born("vm", 1) is None


def test_creations_under_way_are_bounded() -> None:
    names = Names()
    for at in range(3 * PENDING):
        names.expect("vm", f"web-{at}", 0)

    assert len(json.loads(names.changed_rows()['pending "vm"'] or "")) <= PENDING


def test_state_survives() -> None:
    names = known(WEB, DB)
    names.learn("vm", WEB, "web")
    names.learn("vm", DB, "db")
    names.release("vm", DB)
    names.expect("vm", "new", 0)
    again = Names()
    again.restore({key: row for key, row in names.changed_rows().items() if row is not None})

    assert again.resolve("vm", "web") == WEB
    assert again.resolve("vm", "db") == "db"
    assert again.of("vm", DB) == "db"
    assert again.born("vm", 1) == "new"


def test_only_what_changed_is_handed_over() -> None:
    names = known(WEB, DB)
    names.changed_rows()
    names.forget("vm", WEB)

    assert list(names.changed_rows().values()) == [None]
    assert names.changed_rows() == {}
