"""What came of requests that the engine does not answer in its log."""

from __future__ import annotations

from typing import Any

import pytest
from lifecycle_lines import START, accepted, corroborating, event, kinds, play

from logwatch.lifecycle.attempts import MAX_POOLS, MAX_TRIES, TRIES_NS, Pools, Pushes
from logwatch.model import Event, Role

NET, OTHER = "ed" * 32, "b7" * 32
IMAGE = "registry.example:5000/team/shop"


def network(at: float, network_id: str = NET) -> Event:
    return event("network.create", at, network_id, "pools-allocated", role=Role.REQUEST)


def evidence(kind: str, at: float, **attributes: str) -> Event:
    return event(f"evidence.{kind}", at, None, f"evidence-{kind}", attributes=attributes)


def refused(at: float, path: str) -> Event:
    return evidence("refused", at, path=path, method="POST", status="403")


def made(*events: Event) -> list[tuple[str, str | None]]:
    return [(each.event, each.id) for each in accepted(play(*events))]


POOL, GATEWAY = "pool", "gateway"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([evidence(POOL, 0.1), evidence(GATEWAY, 0.2)], 1),
        ([evidence(POOL, 0.1)], 0),
        ([], 1),
        ([refused(0.1, "/v1.51/networks/create")], 0),
        ([evidence(GATEWAY, 0.1), refused(0.2, "/v1.51/networks/create")], 1),
    ],
    ids=["granted", "no pool", "another address management", "refused in words", "of another that did not ask for a pool"],
)  # fmt: skip
def test_a_network_is_made_if_it_gets_addresses(steps: list[Event], expected: int) -> None:
    assert [("network.create", NET)] * expected == made(network(0), *steps)


def test_a_network_that_follows_a_refused_one_is_made() -> None:
    steps = [network(0), evidence(POOL, 0.1), network(0.3, OTHER), evidence(POOL, 0.4), evidence(GATEWAY, 0.5)]

    assert made(*steps) == [("network.create", OTHER)]


def test_steps_of_no_network_change_nothing() -> None:
    assert made(evidence(POOL, 0), evidence(GATEWAY, 0.1), refused(0.2, "/networks/create")) == []


def test_networks_that_are_being_made_are_bounded() -> None:
    pools = Pools()
    for number in range(MAX_POOLS + 1):
        pools.add("vm", str(number))

    assert not pools.take_refused("vm", "0")
    assert pools.newest("vm") == str(MAX_POOLS)


def push(at: float = 0, **more: Any) -> Event:
    attributes = {"method": "POST", "image": IMAGE}
    return event("image.push", at, f"{IMAGE}:1", "push-request", role=Role.REQUEST, attributes=attributes, **more)


TRY, END = "push_tried", "push_ended"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([TRY], ["push"]),
        ([TRY, END, TRY], ["push"]),
        ([TRY, END], ["push_failed"]),
        ([TRY, END, TRY, END], ["push_failed"]),
        ([], ["push"]),
    ],
    ids=["first address", "second address", "only address", "no address", "an engine that does not log its tries"],
)
def test_a_push_has_failed_if_no_address_works(steps: list[str], expected: list[str]) -> None:
    assert expected == kinds(play(push(), *(evidence(step, 0.1 * at) for at, step in enumerate(steps, 1))))


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ([evidence("mount", -60)._replace(id=NET)], ["push_failed"]),
        ([evidence(TRY, -90)], ["push_failed"]),
        ([evidence("mount", -60)._replace(id=NET, host="other")], ["push"]),
        ([evidence("mount", -2 * 24 * 3600)._replace(id=NET)], ["push"]),
    ],
    ids=["its own store", "tries before", "another host", "long ago"],
)
def test_an_image_that_is_not_there_is_not_even_tried(before: list[Event], expected: list[str]) -> None:
    """Up to 27 no line reports that; it proves something where the engine is known to log its tries."""
    assert expected == kinds(play(*before, push()))
    assert kinds(play(*before, push(), evidence(TRY, 0.1))) == ["push"]


def test_a_push_that_failed_has_the_error_of_its_first_try() -> None:
    error = event(
        "image.push_failed", 0.2, None, "fallback-push", role=Role.SUPPORTING, attributes={"error": "refused", "cause": "other"}
    )  # fmt: skip
    (failed,) = accepted(play(push(), evidence(TRY, 0.1), error, evidence(END, 0.2)))

    assert (failed.event, failed.id) == ("image.push_failed", f"{IMAGE}:1")
    assert failed.attributes == {"method": "POST", "image": IMAGE, "error": "refused", "cause": "other"}


def test_failures_of_earlier_pushes_do_not_count() -> None:
    assert kinds(play(evidence(TRY, -3), evidence(END, -2), push(), evidence(TRY, 0.1))) == ["push"]


def test_tries_are_bounded_by_number_and_time() -> None:
    pushes = Pushes()
    for number in range(MAX_TRIES + 9):
        pushes.process("vm", START + number, failed=False)
    (kept,) = [len(rows) for table in pushes.tables[:1] for rows in table.values()]
    pushes.process("vm", START + 2 * TRIES_NS, failed=True)

    assert kept == MAX_TRIES
    assert pushes.all_failed("vm", START)


def endpoint(kind: str, at: float, name: str, network: str, *, primary: bool = False) -> Event:
    attributes = {"endpoint": name, "network": network}
    made_by = event if primary else corroborating
    return made_by(f"network.{kind}", at, network if primary else None, f"addresses-{kind}", attributes=attributes)


@pytest.mark.parametrize(
    ("name", "network", "expected"),
    [
        ("shop", "bridge", ["connect", "disconnect"]),
        ("ingress-endpoint", "ingress", []),
        ("web-endpoint", "shop_net", ["connect", "disconnect"]),
        ("gateway_0c91a7e2", "docker_gwbridge", []),
        ("x3ok2vnliz9aknjan5e6vxh03", "bridge", []),
    ],
)
def test_endpoints_without_a_container_connect_nobody(name: str, network: str, expected: list[str]) -> None:
    events = [endpoint("connect", 0, name, network), endpoint("disconnect", 20, name, network, primary=True)]

    assert expected == kinds(play(*events))


def test_an_endpoint_without_a_container_takes_its_interface_along() -> None:
    interface = corroborating("network.connect", 0.1, None, "interface-named", attributes={"interface": "eth0"})
    enabled = event("network.connect", 0.2, None, "service-enabled", attributes={"container": "3f" * 32})
    own = endpoint("connect", 0, "ingress-endpoint", "ingress")

    assert kinds(play(own, interface)) == []
    assert kinds(play(own, enabled)) == ["connect"]


def test_what_a_starting_engine_takes_down_was_left_over() -> None:
    leaves = [endpoint("disconnect", at, "shop", "bridge", primary=True) for at in (1, 30)]
    ready = event("daemon.ready", 2, None)

    assert kinds(play(event("daemon.start", 0, None), leaves[0], ready, leaves[1])) == ["start", "ready", "disconnect"]
