"""One event once: which lines tell of one, which are held, and what takes them back."""

import pytest
from lifecycle_lines import (
    DB,
    FAILED,
    START,
    WEB,
    accepted,
    corroborating,
    event,
    gone,
    kinds,
    leading,
    play,
    shim,
    states,
)

from logwatch.lifecycle import Lifecycle
from logwatch.model import SECOND, Event, Outcome, Role, State


def test_many_tellers_of_a_death_tell_of_one() -> None:
    made = play(
        leading("container.start", -60),
        gone(0),
        gone(0.001, rule="ignoring"),
        corroborating("container.die", 0.002),
        leading("container.die", 0.3, attributes={"exit_code": "137"}),
        corroborating("container.die", 1, rule="unmounted"),
    )

    assert kinds(made) == ["start", "die"]


def test_the_same_teller_twice_tells_of_two_events() -> None:
    assert kinds(play(event("container.exec_start"), event("container.exec_start", 0.001))) == ["exec_start"] * 2


@pytest.mark.parametrize(
    "order",
    ["AABB", "ABAB", "ABBA", "BAAB", "AB-AB"],
)
def test_two_deaths_within_a_second_stay_two(order: str) -> None:
    made = play(*(event("container.exec_die", at * 0.1, rule=rule) for at, rule in enumerate(order) if rule != "-"))

    assert kinds(made) == ["exec_die"] * 2


@pytest.mark.parametrize(("apart", "count"), [(0, 1), (9.9, 1), (10, 1), (10.1, 2), (-9, 1)])
def test_tellers_join_within_ten_seconds_of_event_time(apart: float, count: int) -> None:
    first, second = event("container.stop", 100), event("container.stop", 100 + apart, rule="other")

    assert count == len(accepted(play(first, second)))


def test_a_joiner_adds_only_what_is_absent() -> None:
    made = play(
        event("container.stop", 0, attributes={"a": "1", "b": "2"}),
        event("container.stop", 1, rule="other", attributes={"b": "3", "c": "4"}),
    )

    (first, second) = (each for each in made if isinstance(each, Outcome))
    assert (first.seq, first.amends, second.seq, second.amends) == (1, False, 1, True)
    assert second.event.attributes == {"a": "1", "b": "2", "c": "4"}
    assert second.event.time_ns == START


def test_a_joiner_that_knows_nothing_new_amends_nothing() -> None:
    made = play(event("container.stop"), event("container.stop", 1, rule="other"))

    assert len([each for each in made if isinstance(each, Outcome)]) == 1


def test_a_leader_that_comes_later_brings_time_rule_and_offset() -> None:
    made = play(
        event("container.stop", 0, offset=5, attributes={"signal": "15"}),
        leading("container.stop", 0.5, offset=9, name="web"),
    )

    (stop,) = accepted(made)
    assert (stop.time_ns, stop.rule, stop.offset, stop.name) == (START + SECOND // 2, "docker-events", 9, "web")
    assert stop.attributes == {"signal": "15"}


NOW_NS = START + 100 * SECOND


@pytest.mark.parametrize(
    ("lines", "late"),
    [
        ([event("container.stop", 50), event("container.stop", 50, rule="other"), leading("container.stop", 50)], 1),
        ([event("container.stop", 50), event("container.stop", 50)], 2),
        ([gone(50), event("container.start_failed", 50.1)], 1),
        ([gone(50), gone(50, rule="other")], 1),
        ([corroborating("container.start", 50, None), shim(50)], 1),
        ([event("container.stop", 90), event("container.stop", 89, rule="other")], 0),
    ],
    ids=["three-tellers", "two-events", "revoked", "held", "without-an-id", "told-in-time"],
)
def test_a_late_event_is_counted_once_however_many_tell_of_it(lines: list[Event], late: int) -> None:
    life = Lifecycle(SECOND)
    play(*(each._replace(stamp_ns=NOW_NS) for each in lines), life=life)

    assert life.late == late


def test_an_event_is_not_late_because_it_was_held() -> None:
    life = Lifecycle(30 * SECOND)
    made = play(shim(0), event("api.error", 40, None), life=life)

    assert kinds(made) == ["start", "error"]
    assert life.late == 0


def test_a_leader_passes_at_once() -> None:
    life = Lifecycle(SECOND)

    assert kinds(life.process(leading("container.start", revoked_by=FAILED))) == ["start"]


def test_a_leader_lets_pass_what_was_held() -> None:
    life = Lifecycle(SECOND)
    held = life.process(shim(0))
    made = life.process(leading("container.start", 0.2))

    assert held == []
    (start,) = accepted(made)
    assert start.rule == "docker-events"


@pytest.mark.parametrize("attribute", ["exec_id", "container", "endpoint", "signal", "health"])
def test_tellers_that_name_different_things_do_not_join(attribute: str) -> None:
    made = play(
        event("network.connect", attributes={attribute: "1"}),
        event("network.connect", 1, rule="other", attributes={attribute: "2"}),
    )

    assert len(accepted(made)) == 2


def test_objects_of_other_types_have_events_of_their_own() -> None:
    made = play(
        event("image.pull", container="busybox"),
        event("image.pull", 0.1, container="alpine", rule="other"),
        event("image.pull", 0.2, container="busybox", rule="other"),
    )

    assert [each.id for each in accepted(made)] == ["busybox", "alpine"]


def test_hosts_are_kept_apart() -> None:
    made = play(event("container.stop"), event("container.stop", 0.1, rule="other", host="vm2"))

    assert len(accepted(made)) == 2


def test_what_docker_events_repeats_when_started_again_is_the_same() -> None:
    line = leading("container.die", 0.123456789, attributes={"exit_code": "1"})

    assert kinds(play(line, line._replace(offset=500, stamp_ns=START + 30 * SECOND))) == ["die"]


# ── out of memory ───────────────────────────────────────────────────────────────────────


def test_docker_events_lines_within_milliseconds_are_one_kill() -> None:
    made = play(*(leading("container.oom", at) for at in (0, 0.003, 0.08, 0.4)))

    assert kinds(made) == ["oom"] * 2


def test_the_kernel_tells_each_kill_once() -> None:
    made = play(*(event("container.oom", at, rule="kernel", stamp_ns=START) for at in (0, 0)))

    assert kinds(made) == ["oom"] * 2


def test_kernel_and_docker_events_tell_of_the_same_kills() -> None:
    made = play(
        event("container.oom", 0, rule="kernel", attributes={"process": "dd"}),
        leading("container.oom", 0.01),
        leading("container.oom", 0.012),
        event("container.oom", 0.5, rule="kernel"),
        leading("container.oom", 0.503),
    )

    assert kinds(made) == ["oom"] * 2
    assert [each.rule for each in accepted(made)] == ["docker-events"] * 2


# ── held, and revoked ───────────────────────────────────────────────────────────────────


def test_a_start_that_fails_is_neither_start_nor_death() -> None:
    made = play(
        shim(0),
        corroborating("container.start", 0.1, None, "veth"),
        gone(0.2),
        event("container.start_failed", 0.25, attributes={"error": "no such file"}),
        corroborating("container.die", 0.26, rule="cleaning"),
        gone(0.27, rule="ignoring"),
        corroborating("container.die", 0.3, None, "veth-gone"),
    )

    assert kinds(made) == ["start_failed"]
    assert states(made) == [State.CREATED]


def test_a_trouble_with_what_could_not_start_does_not_prove_that_it_did() -> None:
    made = play(shim(0), gone(0.2), event("container.destroy_failed", 0.25), event("container.start_failed", 0.25))

    assert kinds(made) == ["destroy_failed", "start_failed"]


def test_a_death_right_after_a_failed_start_is_none() -> None:
    assert kinds(play(event("container.start_failed"), gone(0.01))) == ["start_failed"]


def test_a_death_before_a_restart_that_fails_is_one() -> None:
    made = play(shim(-60), gone(0), shim(0.2), gone(0.4), event("container.start_failed", 0.5))

    assert kinds(made) == ["start", "die", "start_failed"]


def test_a_start_after_one_that_failed_is_one() -> None:
    made = play(shim(0), gone(0.1), event("container.start_failed", 0.2), shim(0.4), gone(0.6), shim(5))

    assert kinds(made) == ["start_failed", "start", "die", "start"]


def test_a_held_start_passes_when_settle_is_over() -> None:
    life = Lifecycle(SECOND)
    life.process(shim(0))

    assert life.advance(START + SECOND) == []
    assert kinds(life.advance(START + SECOND + 1)) == ["start"]


def test_a_stamp_in_whole_seconds_does_not_shorten_settle() -> None:
    life = Lifecycle(SECOND)
    life.process(shim(0.9)._replace(stamp_ns=START))

    assert life.advance(START + SECOND) == []


def test_the_next_line_of_the_object_lets_a_start_pass() -> None:
    life = Lifecycle(SECOND)
    life.process(shim(0))

    assert kinds(life.process(event("container.exec_start", 0.1))) == ["start", "exec_start"]


def test_a_line_of_another_object_lets_nothing_pass() -> None:
    life = Lifecycle(SECOND)
    life.process(shim(0))

    assert kinds(life.process(event("container.exec_start", 0.1, DB))) == ["exec_start"]


def test_the_death_of_a_running_container_passes_at_once() -> None:
    life = Lifecycle(SECOND)
    life.process(leading("container.start", -60))

    assert kinds(life.process(gone(0))) == ["die"]


def test_a_short_life_is_a_start_and_a_death_in_that_order() -> None:
    made = play(shim(0), gone(0.02))

    assert kinds(made) == ["start", "die"]
    assert states(made) == [State.RUNNING, State.EXITED]


def test_a_corroborating_line_alone_makes_its_event() -> None:
    life = Lifecycle(SECOND)
    held = life.process(corroborating("container.die"))

    assert held == []
    assert kinds(life.advance(START + 2 * SECOND)) == ["die"]


def test_a_primary_line_takes_over_what_a_corroborating_one_began() -> None:
    life = Lifecycle(SECOND)
    life.process(corroborating("container.stop", 0, attributes={"unit": "a.scope"}))
    (stop,) = accepted(life.process(event("container.stop", 0.3)))

    assert (stop.rule, stop.attributes) == ("engine", {"unit": "a.scope"})


# ── docker events beside the daemon's own lines ─────────────────────────────────────────


@pytest.mark.parametrize("first", ["daemon", "docker-events"])
@pytest.mark.parametrize("network", [None, "bridge"], ids=["unnamed", "by-name"])
def test_a_network_by_name_and_by_id_is_one(first: str, network: str | None) -> None:
    lines = [
        leading("network.connect", 1, "7e" * 32, name="bridge", attributes={"container": WEB}),
        event("network.connect", 1, network, attributes={"endpoint": "web"}),
    ]
    made = play(leading("container.start", 0, WEB, name="web"), *(lines if first == "docker-events" else lines[::-1]))
    told = [each for each in accepted(made) if each.event == "network.connect"]

    assert [(each.id, each.name, each.attributes["container"], each.role) for each in told] == [
        ("7e" * 32, "bridge", WEB, Role.LEADING)
    ]


def test_two_containers_in_one_network_at_once_are_two() -> None:
    made = play(
        leading("network.connect", 1, "7e" * 32, attributes={"container": WEB}),
        event("network.connect", 1, None, attributes={"container": DB}),
    )

    assert kinds(made) == ["connect", "connect"]


@pytest.mark.parametrize(
    ("later", "expected"),
    [(1, ["start"]), (3599, ["start"]), (3700, ["start", "destroy"])],
    ids=["at-once", "within-the-hour", "an-hour-after"],
)
def test_a_request_that_docker_events_does_not_confirm_came_to_nothing(later: float, expected: list[str]) -> None:
    assert kinds(play(leading("container.start"), corroborating("container.destroy", later))) == expected


def test_what_docker_events_never_tells_is_told_by_others() -> None:
    made = play(
        leading("container.start"), corroborating("container.start_failed", 1), corroborating("swarm.join", 2, None)
    )

    assert kinds(made) == ["start", "start_failed", "join"]
