"""A name from the endpoint that was made while one container alone was being started; rather none than a wrong one."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from lifecycle_lines import DB, WEB, accepted, event, gone, play
from stages import changed_rows, restore

from logwatch.lifecycle import Lifecycle
from logwatch.lifecycle.endpoints import MOST, EndpointTies
from logwatch.model import SECOND, Event, Role

OTHER = "7b" * 32
KNOWN = tuple(event("container.create", -60, each) for each in (WEB, DB, OTHER))


def evidence(kind: str, at: float, container: str | None = None, **attributes: str) -> Event:
    return event(f"evidence.{kind}", at, container, f"evidence-{kind}", attributes=attributes)


def mounted(at: float, container: str) -> Event:
    return evidence("mount", at, container)


def bundle(at: float, container: str) -> Event:
    return evidence("bundle", at, container)


def endpoint(at: float, name: str, network: str = "bridge") -> Event:
    return evidence("endpoint", at, container_name=name, network=network)


def announced(at: float, container: str) -> Event:
    return evidence("networked", at, container)


def names(events: Iterable[Event]) -> dict[str, str | None]:
    """What WEB, DB and OTHER are called when they end, a minute later."""
    ends = [event("container.die", 60, each) for each in (WEB, DB, OTHER)]
    found = accepted(play(*KNOWN, *events, *ends))
    called = {WEB: "web", DB: "db", OTHER: "other"}
    return {called[each.id]: each.name for each in found if each.event == "container.die" and each.id in called}


ONE = (mounted(0, WEB), endpoint(0.01, "web"), endpoint(0.02, "web"), announced(0.03, WEB))
"""A start up to Docker 27: the network comes before the bundle."""
LATER = (mounted(0, WEB), bundle(0.04, WEB), endpoint(9, "web"), announced(9.1, WEB))
"""A slow start from Docker 28 on: the network comes after the bundle."""
NOTHING = {"web": None, "db": None, "other": None}
BOTH = {"web": "web", "db": "db", "other": None}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (ONE, {**NOTHING, "web": "web"}),
        (LATER, {**NOTHING, "web": "web"}),
        # Two at once: whose an endpoint is shows where only one was being started, and then whose the other is.
        ([mounted(0, WEB), mounted(0, DB), endpoint(1, "web"), endpoint(1, "db"), announced(2, WEB)], NOTHING),
        (
            [
                *(mounted(0, WEB), endpoint(1, "web"), mounted(2, DB), endpoint(3, "db"), announced(4, DB)),
                announced(4, WEB),
            ],
            BOTH,
        ),
        (
            [
                *(mounted(0, WEB), mounted(0, DB), endpoint(1, "web"), endpoint(1, "db"), announced(2, WEB)),
                *(endpoint(2.1, "db"), announced(2.2, DB)),
            ],
            BOTH,
        ),
        # Neither of two names is the container's for sure.
        ([mounted(0, WEB), endpoint(1, "web"), endpoint(1, "db"), announced(2, WEB)], NOTHING),
        # Not before it is over: another endpoint may follow.
        ([mounted(0, WEB), endpoint(1, "web")], NOTHING),
        # What is mounted to be copied from is soon no candidate any more.
        (
            [mounted(0, DB), *(each._replace(time_ns=each.time_ns + 6 * SECOND) for each in ONE)],
            {**NOTHING, "web": "web"},
        ),
        ([mounted(0, DB), mounted(0.5, WEB), endpoint(1, "web"), announced(2, WEB)], NOTHING),
        # Somebody connects a running container to a network.
        ([mounted(0, WEB), evidence("connecting", 0.5), endpoint(1, "db"), announced(2, WEB)], NOTHING),
        ([evidence("connecting", -1), *ONE], NOTHING),
        ([evidence("connecting", -4), *ONE], {**NOTHING, "web": "web"}),
        # The request says, or the line after it, which one that is.
        ([evidence("connecting", -1, container_name="db"), *ONE], {**NOTHING, "web": "web"}),
        ([evidence("connecting", -1, container_name="web"), *ONE], NOTHING),
        (
            [evidence("connecting", -1), evidence("connect_form", -1, container_name="db"), *ONE],
            {**NOTHING, "web": "web"},
        ),
        ([*(evidence("connecting", -1),) * 2, evidence("connect_form", -1, container_name="db"), *ONE], NOTHING),
        ([evidence("connecting", -1), evidence("connect_form", -1, container_name="ab" * 32), *ONE], NOTHING),
        # A start of which the log has no beginning, a network's own endpoints, a build's.
        ([endpoint(0, "db"), mounted(1, WEB), announced(2, WEB)], NOTHING),
        ([*ONE[:1], endpoint(1, "gateway_0c91a7e2d513", "docker_gwbridge"), *ONE[1:]], {**NOTHING, "web": "web"}),
        ([*ONE[:1], endpoint(1, "shop-endpoint", "shop"), *ONE[1:]], {**NOTHING, "web": "web"}),
        ([*ONE[:1], endpoint(1, "x3ok2vnliz9aknjan5e6vxh03"), *ONE[1:]], {**NOTHING, "web": "web"}),
        ([event("daemon.start", -1, ""), *ONE], NOTHING),
        ([*ONE, *(mounted(30, WEB), endpoint(31, "web"), announced(32, WEB))], {**NOTHING, "web": "web"}),
    ],
    ids=[
        *("one", "slow", "two-at-once", "staggered", "one-is-faster", "two-names", "not-over", "copied-before"),
        *(
            "copied-meanwhile",
            "connected",
            "connected-lately",
            "connected-before",
            "connected-by-name",
            "connected-itself",
        ),
        *("connected-by-form", "two-connected-one-form", "connected-by-id"),
        *("no-beginning", "gateway", "load-balancer", "build", "boot", "again"),
    ],
)
def test_an_endpoint_names_the_container_that_alone_was_being_started(
    events: list[Event], expected: dict[str, str | None]
) -> None:
    assert names(events) == expected


def test_a_new_container_is_not_being_started_yet() -> None:
    create = event("container.create", 0, None, name="new", rule="create-request", role=Role.REQUEST)
    later = (each._replace(time_ns=each.time_ns + SECOND) for each in ONE)

    assert names([create, mounted(0.1, "c4" * 32), *later])["web"] == "web"


def test_a_start_that_failed_is_over() -> None:
    events = [mounted(0, DB), bundle(0.1, DB), gone(1, DB), mounted(2.5, WEB), endpoint(3, "web"), announced(3, WEB)]

    assert names(events)["web"] == "web"


def asked(at: float, name: str) -> Event:
    return event("container.create", at, None, name=name, rule="create-request", role=Role.REQUEST)


def renamed(at: float, name: str) -> Event:
    return event("container.rename", at, DB, name=name, rule="rename-request", role=Role.REQUEST)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ([], {**NOTHING, "web": "web"}),
        ([renamed(0.6, "web")], NOTHING),
        ([asked(-30, "web")], NOTHING),
    ],
    ids=["asked-for-first", "renamed", "asked-for-before"],
)
def test_who_was_created_before_a_name_was_asked_for_is_not_called_so(
    before: list[Event], expected: dict[str, str | None]
) -> None:
    """Up to Docker 27 no line reports that a start was refused: DB seems to be started as long as WEB is."""
    new = [asked(0, "db"), mounted(0.1, DB), mounted(0.5, DB), *before]
    started = [asked(1, "web"), mounted(1.1, WEB), mounted(1.5, WEB), endpoint(1.6, "web"), announced(1.7, WEB)]
    ends = [event("container.die", 60, each) for each in (WEB, DB)]
    found = accepted(play(*new, *started, *ends))

    assert {each.id: each.name for each in found if each.event == "container.die"}[WEB] == expected["web"]


@pytest.mark.parametrize(("status", "expected"), [("409", "web"), ("500", "web"), ("304", None)])
def test_a_start_that_was_refused_is_over(status: str, expected: str | None) -> None:
    answer = evidence("refused", 0.2, path=f"/v1.51/containers/{DB}/start", method="POST", status=status)
    events = [mounted(0, DB), bundle(0.1, DB), answer, mounted(0.5, WEB), endpoint(1, "web"), announced(2, WEB)]

    assert names(events)["web"] == expected


def test_an_end_of_before_does_not_end_a_start() -> None:
    ties = EndpointTies()
    ties.open("vm", WEB, 5 * SECOND)
    ties.add("vm", "web", "bridge", 6 * SECOND)

    assert list(ties.close("vm", WEB, 4 * SECOND)) == []
    assert list(ties.close("vm", WEB, 7 * SECOND)) == [(WEB, "web")]
    assert list(ties.close("other", WEB, 7 * SECOND)) == []


def test_nothing_is_concluded_for_a_while_where_too_much_starts_at_once() -> None:
    ties = EndpointTies()
    for number in range(MOST + 2):
        ties.open("vm", f"{number:064x}", 0)
    ties.open("vm", WEB, SECOND)
    ties.add("vm", "web", "bridge", SECOND)

    assert list(ties.close("vm", WEB, 2 * SECOND)) == []


def test_what_is_known_of_starts_survives_a_restart() -> None:
    before, after = Lifecycle(SECOND), Lifecycle(SECOND)
    made = [each for one in (*KNOWN, *ONE[:3]) for each in before.process(one)]
    restore(after, changed_rows(before))
    after.process(ONE[3])

    assert made
    assert after.name_of("vm", WEB) == "web"
