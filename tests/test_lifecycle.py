"""One event once, the states of containers, and that nothing depends on where it is cut."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logwatch.lifecycle import GONE_NS, NAMELESS_NS, SWEEP_NS, Lifecycle
from logwatch.model import SECOND, Consequence, Container, Event, Outcome, Renamed, Role, State, StateChange
from logwatch.states import CONTAINER, PROVES, SERVICE, STATE_ACTIONS, Service, follow, follow_service, mermaid

START = 1_795_465_000 * SECOND
WEB = "3f" * 32
DB = "a0" * 32
FAILED = frozenset({"container.start_failed"})
DOCS = Path(__file__).parent.parent / "docs" / "lifecycle.md"


def event(kind: str, at: float = 0, container: str | None = WEB, rule: str = "engine", **more: Any) -> Event:
    time_ns = START + round(at * SECOND)
    fields: dict[str, Any] = {"host": "vm", "name": None, "severity": "info", "path": "log", "offset": 0, **more}
    fields["attributes"] = fields.get("attributes", {})
    return Event(time_ns, kind, id=container, rule=rule, stamp_ns=fields.pop("stamp_ns", time_ns), **fields)


def leading(kind: str, at: float = 0, container: str | None = WEB, rule: str = "docker-events", **more: Any) -> Event:
    return event(kind, at, container, rule, role=Role.LEADING, **more)


def corroborating(kind: str, at: float = 0, container: str | None = WEB, rule: str = "scope", **more: Any) -> Event:
    return event(kind, at, container, rule, role=Role.CORROBORATING, **more)


def shim(at: float = 0, container: str | None = WEB) -> Event:
    return event("container.start", at, container, "shim", revoked_by=FAILED)


def gone(at: float = 0, container: str | None = WEB, rule: str = "shim-gone") -> Event:
    return event("container.die", at, container, rule, revoked_by=FAILED)


def play(*events: Event, life: Lifecycle | None = None) -> list[Consequence]:
    """What comes of events that are read in this order, the clock following the headers; then the end."""
    life = life or Lifecycle(SECOND)
    made: list[Consequence] = []
    for each in events:
        made += life.advance(each.stamp_ns) + life.accept(each)
    return made + life.flush()


def accepted(made: list[Consequence]) -> list[Event]:
    """The events as they stand in the history in the end."""
    final = {each.seq: each.event for each in made if isinstance(each, Outcome)}
    return [final[seq] for seq in sorted(final)]


def kinds(made: list[Consequence]) -> list[str]:
    return [each.event.partition(".")[2] for each in accepted(made)]


def states(made: list[Consequence]) -> list[State]:
    return [each.after for each in made if isinstance(each, StateChange)]


# ── docker events beside the daemon's own lines ──────────────────────────────────────


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


# ── the tables ───────────────────────────────────────────────────────────────────────


def slow_follow(state: State, action: str) -> State:
    """The obvious twin of the container table, as prose would tell it."""
    stays_when_gone = {"die", "destroy", "start_failed"}
    if state is State.GONE and action in stays_when_gone:
        return state
    if state is State.REMOVING and action == "die":
        return state
    if action == "destroy":
        return State.GONE
    if action == "destroy_failed":
        return state if state in (State.UNKNOWN, State.RUNNING, State.PAUSED) else State.DEAD
    if action in ("start", "unpause"):
        return State.RUNNING
    if action == "die":
        return State.EXITED
    if action == "pause":
        return State.PAUSED
    if action == "create":
        return State.CREATED
    if action == "restart":
        if state is State.PAUSED:
            return State.RUNNING
        return State.RESTARTING if state is State.EXITED else state
    if action == "start_failed":
        if state is State.UNKNOWN:
            return State.CREATED
        return State.EXITED if state in (State.RUNNING, State.RESTARTING) else state
    if action in ("kill", "oom", "exec_create", "exec_start", "health_status") and state is State.UNKNOWN:
        return State.RUNNING
    return state


@pytest.mark.parametrize("action", [*sorted(STATE_ACTIONS), "attach", "rename", "anything"])
@pytest.mark.parametrize("state", State)
def test_the_table_does_what_its_twin_says(state: State, action: str) -> None:
    assert slow_follow(state, action) is follow(state, action)[0]


@given(st.lists(st.sampled_from([*sorted(STATE_ACTIONS), "attach", "stop"]), max_size=30))
def test_a_container_is_in_the_state_its_twin_is_in(actions: list[str]) -> None:
    life, twin, anomalies = Lifecycle(SECOND), State.UNKNOWN, 0
    for at, action in enumerate(actions):
        life.accept(event(f"container.{action}", at * 20))
        anomalies += action in PROVES and action not in CONTAINER[twin]
        twin = slow_follow(twin, action)

    assert [twin] * (bool(actions) and twin is not State.GONE) == [each.state for each in life.containers()]
    assert life.anomalies >= anomalies


@pytest.mark.parametrize("state", Service)
def test_a_service_that_starts_is_starting(state: Service) -> None:
    assert follow_service(state, "start") == (Service.STARTING, True)


def test_what_a_service_table_does_not_allow_is_said() -> None:
    assert follow_service(Service.STOPPED, "ready") == (Service.RUNNING, False)
    assert follow_service(Service.RUNNING, "warning") == (Service.RUNNING, True)


@pytest.mark.parametrize("table", [CONTAINER, SERVICE], ids=["container", "service"])
def test_the_diagram_in_the_docs_is_the_table(table: Any) -> None:
    assert f"```mermaid\n{mermaid(table)}```" in DOCS.read_text()


def test_an_event_the_table_does_not_allow_is_accepted_and_counted() -> None:
    life = Lifecycle(SECOND)

    made = play(leading("container.start"), leading("container.unpause", 1), life=life)

    assert kinds(made) == ["start", "unpause"]
    assert life.anomalies == 1


# ── one event once ───────────────────────────────────────────────────────────────────


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


def test_a_leader_passes_at_once() -> None:
    life = Lifecycle(SECOND)

    assert kinds(life.accept(leading("container.start", revoked_by=FAILED))) == ["start"]


def test_a_leader_lets_pass_what_was_held() -> None:
    life = Lifecycle(SECOND)
    held = life.accept(shim(0))
    made = life.accept(leading("container.start", 0.2))

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


# ── out of memory ────────────────────────────────────────────────────────────────────


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


# ── held, and revoked ────────────────────────────────────────────────────────────────


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
    life.accept(shim(0))

    assert life.advance(START + SECOND) == []
    assert kinds(life.advance(START + SECOND + 1)) == ["start"]


def test_a_stamp_in_whole_seconds_does_not_shorten_settle() -> None:
    life = Lifecycle(SECOND)
    life.accept(shim(0.9)._replace(stamp_ns=START))

    assert life.advance(START + SECOND) == []


def test_the_next_line_of_the_object_lets_a_start_pass() -> None:
    life = Lifecycle(SECOND)
    life.accept(shim(0))

    assert kinds(life.accept(event("container.exec_start", 0.1))) == ["start", "exec_start"]


def test_a_line_of_another_object_lets_nothing_pass() -> None:
    life = Lifecycle(SECOND)
    life.accept(shim(0))

    assert kinds(life.accept(event("container.exec_start", 0.1, DB))) == ["exec_start"]


def test_the_death_of_a_running_container_passes_at_once() -> None:
    life = Lifecycle(SECOND)
    life.accept(leading("container.start", -60))

    assert kinds(life.accept(gone(0))) == ["die"]


def test_a_short_life_is_a_start_and_a_death_in_that_order() -> None:
    made = play(shim(0), gone(0.02))

    assert kinds(made) == ["start", "die"]
    assert states(made) == [State.RUNNING, State.EXITED]


def test_a_corroborating_line_alone_makes_its_event() -> None:
    life = Lifecycle(SECOND)
    held = life.accept(corroborating("container.die"))

    assert held == []
    assert kinds(life.advance(START + 2 * SECOND)) == ["die"]


def test_a_primary_line_takes_over_what_a_corroborating_one_began() -> None:
    life = Lifecycle(SECOND)
    life.accept(corroborating("container.stop", 0, attributes={"unit": "a.scope"}))
    (stop,) = accepted(life.accept(event("container.stop", 0.3)))

    assert (stop.rule, stop.attributes) == ("engine", {"unit": "a.scope"})


# ── lines without an id ──────────────────────────────────────────────────────────────


def veth(at: float) -> Event:
    return corroborating("container.start", at, None, "veth")


@pytest.mark.parametrize("lines", [[shim(0), veth(0.2)], [veth(0), shim(0.2)]], ids=["after", "before"])
def test_a_line_without_an_id_joins_the_one_that_has_it(lines: list[Event]) -> None:
    assert [each.id for each in accepted(play(*lines))] == [WEB]


def test_lines_without_an_id_are_shared_out() -> None:
    made = play(shim(0), shim(0.1, DB), veth(0.2), veth(0.3))

    assert [each.id for each in accepted(made)] == [WEB, DB]


def test_a_line_without_an_id_gives_no_attributes_where_two_could_be_meant() -> None:
    made = play(
        event("container.oom", 0, WEB),
        event("container.oom", 0, DB),
        corroborating("container.oom", 0, None, "killed", attributes={"process": "java"}),
    )

    assert [each.attributes for each in accepted(made)] == [{}, {}]


def test_alone_it_stands_in_for_the_others() -> None:
    made = play(veth(0), veth(0.5), veth(30))

    assert [each.id for each in accepted(made)] == [None] * 3


def test_it_does_not_stand_in_where_the_object_is_named() -> None:
    made = play(leading("container.start", 0), veth(0.1), veth(60))

    assert len(accepted(made)) == 1


def test_it_stands_in_again_after_a_week_of_silence() -> None:
    made = play(leading("container.start", 0), veth(8 * 86_400))

    assert len(accepted(made)) == 2


def test_whoever_names_the_object_later_takes_the_event_over() -> None:
    made = play(veth(0), event("container.attach", 3, DB), shim(4), leading("container.start", 4.2))

    assert [(each.event[10:], each.id) for each in accepted(made)] == [("start", WEB), ("attach", DB)]
    assert State.RUNNING in states(made)


def test_other_lines_without_an_id_never_merge() -> None:
    made = play(event("api.error", 0, None), event("api.error", 0, None, "other"))

    assert len(accepted(made)) == 2


def test_a_corroborating_line_joins_one_without_an_id() -> None:
    made = play(
        event("host.oom", 0, None),
        corroborating("host.oom", 0.1, None, "killed", attributes={"process": "java"}),
    )

    (oom,) = accepted(made)
    assert oom.attributes == {"process": "java"}


def test_a_corroborating_line_may_come_before_the_one_without_an_id() -> None:
    made = play(
        corroborating("network.connect", 0, None, "assigned", attributes={"endpoint": "web"}),
        corroborating("network.connect", 0.01, None, "assigned", attributes={"endpoint": "web"}),
        event("network.connect", 0.02, None, attributes={"endpoint": "web", "container": WEB}),
    )

    assert len(accepted(made)) == 1


def test_a_creation_that_failed_is_none() -> None:
    create = event("container.create", 0, None, name="web", revoked_by=frozenset({"container.create_failed"}))

    assert kinds(play(create, event("container.create_failed", 0.1, None))) == ["create_failed"]


# ── names ────────────────────────────────────────────────────────────────────────────


def test_a_creation_gets_its_id_when_that_is_born() -> None:
    made = play(event("container.create", 0, None, name="web"), event("container.attach", 0.02), shim(0.1))

    assert [(each.id, each.name) for each in accepted(made)] == [(WEB, "web")] * 3


def test_a_creation_under_a_name_that_is_taken_is_none() -> None:
    refused = event("container.create", 20, None, name="web", revoked_by=frozenset({"container.create_failed"}))

    assert kinds(play(leading("container.start", 0, name="web"), refused)) == ["start"]


def test_a_removal_after_a_cleanup_that_failed_is_one() -> None:
    removal = event("container.destroy", 0.2, revoked_by=frozenset({"container.destroy_failed"}))

    assert kinds(play(event("container.destroy_failed", 0), removal)) == ["destroy_failed", "destroy"]


def test_two_creations_at_a_time_name_nobody() -> None:
    made = play(
        event("container.create", 0, None, name="web"),
        event("container.create", 0.01, None, name="db"),
        event("container.attach", 0.02),
    )

    assert [(each.id, each.name) for each in accepted(made)] == [(None, "web"), (None, "db"), (WEB, None)]


def test_an_old_container_that_is_seen_first_gets_no_name() -> None:
    made = play(event("container.create", 0, None, name="web"), event("container.kill", 0.02, DB))

    assert [each.name for each in accepted(made) if each.id == DB] == [None]


def test_names_and_short_ids_mean_the_container() -> None:
    made = play(
        leading("container.start", 0, name="web"),
        event("container.stop", 20, "web"),
        event("container.pause", 40, WEB[:12]),
    )

    assert [(each.id, each.name) for each in accepted(made)] == [(WEB, "web")] * 3


def test_an_unknown_name_is_a_name() -> None:
    (stop,) = accepted(play(event("container.stop", 0, "db")))

    assert (stop.id, stop.name) == ("db", "db")


def test_a_short_id_becomes_the_full_one() -> None:
    life = Lifecycle(SECOND)
    made = play(event("container.stop", 0, WEB[:12]), leading("container.stop", 1, name="web"), life=life)

    assert len(accepted(made)) == 1
    assert [(each.id, each.name) for each in life.containers()] == [(WEB, "web")]


def test_a_rename_ends_the_old_label() -> None:
    made = play(leading("container.start", 0, name="web"), leading("container.rename", 20, name="old"))

    assert Renamed(START + 20 * SECOND, Container("vm", WEB, "old"), "web") in made


def test_who_takes_a_name_over_ends_the_former_owner() -> None:
    life = Lifecycle(SECOND)
    made = play(leading("container.start", 0, name="web"), leading("container.create", 20, DB, name="web"), life=life)

    assert StateChange(START + 20 * SECOND, Container("vm", WEB, "web"), State.RUNNING, State.GONE) in made
    assert [each.id for each in life.containers()] == [DB]


def test_a_request_does_not_take_a_name_from_a_running_container() -> None:
    made = play(leading("container.start", 0, name="web"), event("container.rename", 20, DB, name="web"))

    assert not [each for each in made if isinstance(each, Renamed)]


# ── the daemon ───────────────────────────────────────────────────────────────────────


def test_a_daemons_stop_is_one_however_long_it_takes() -> None:
    made = play(
        event("daemon.ready", 0, None),
        event("daemon.stop", 60, None, "signal"),
        event("daemon.stop", 150, None, "stopped"),
        event("daemon.start", 151, None),
        event("daemon.stop", 152, None, "stopped"),
    )

    assert kinds(made) == ["ready", "stop", "start", "stop"]


def test_a_corroborating_line_about_a_service_may_repeat_itself() -> None:
    made = play(
        event("daemon.stop", 0, None, "signal"),
        *(corroborating("daemon.stop", at, None, "stream") for at in (10, 10.1, 60)),
        event("daemon.start", 61, None),
        corroborating("daemon.stop", 62, None, "stream"),
    )

    assert kinds(made) == ["stop", "start", "stop"]


def test_two_reloads_are_two() -> None:
    made = play(event("daemon.reload", 0, None), event("daemon.reload", 600, None, "systemd"))

    assert len(accepted(made)) == 2


def test_warnings_of_the_daemon_are_not_merged() -> None:
    assert len(accepted(play(event("daemon.warning", 0, None), event("daemon.warning", 1, None, "other")))) == 2


@pytest.mark.parametrize("action", ["stop", "crash", "start"])
def test_when_the_daemon_is_gone_its_containers_are_unknown(action: str) -> None:
    life = Lifecycle(SECOND)
    made = play(
        event("daemon.ready", 0, None),
        leading("container.start", 1),
        leading("container.start", 1, DB),
        leading("container.die", 30, DB),
        event(f"daemon.{action}", 60, None),
        life=life,
    )

    assert StateChange(START + 60 * SECOND, Container("vm", WEB, None), State.RUNNING, State.UNKNOWN) in made
    assert {each.id: each.state for each in life.containers()} == {WEB: State.UNKNOWN, DB: State.EXITED}


def test_with_live_restore_they_live_on() -> None:
    made = play(
        event("daemon.start", 0, None),
        event("daemon.restore", 1, None, attributes={"live_restore": "true"}),
        event("daemon.ready", 2, None),
        leading("container.start", 3),
        event("daemon.stop", 60, None),
    )

    assert states(made) == [State.RUNNING]


def test_live_restore_may_be_told_by_a_second_line() -> None:
    made = play(
        event("daemon.start", 0, None),
        event("daemon.restore", 1, None),
        event("daemon.restore", 1.5, None, "old-containers", attributes={"live_restore": "true"}),
        leading("container.start", 3),
        event("daemon.crash", 60, None),
    )

    assert states(made) == [State.RUNNING]


def test_after_a_gap_nothing_is_known() -> None:
    made = play(leading("container.start", 0), leading("container.die", 20), event("log.gap", 60, None))

    assert states(made) == [State.RUNNING, State.EXITED, State.UNKNOWN]


# ── the view, the clock, memory ──────────────────────────────────────────────────────


def test_the_view_tells_what_the_log_told() -> None:
    life = Lifecycle(SECOND)
    play(
        leading("container.start", 0, name="web", attributes={"image": "nginx"}),
        leading("container.health_status", 5, attributes={"health": "unhealthy"}),
        leading("container.oom", 19),
        leading("container.die", 20, attributes={"exit_code": "137"}),
        leading("container.start", 40),
        life=life,
    )

    (view,) = life.containers()
    assert (
        view.name,
        view.state,
        view.image,
        view.restarts,
        view.exit_code,
        view.ooms,
    ) == ("web", State.RUNNING, "nginx", 1, "137", 1)
    assert (view.since_ns, view.health) == (START + 40 * SECOND, None)


def test_a_late_event_is_counted_and_says_nothing_about_now() -> None:
    life = Lifecycle(SECOND)
    made = play(
        leading("container.start", 100), leading("container.die", 3)._replace(stamp_ns=START + 101 * SECOND), life=life
    )

    assert kinds(made) == ["start", "die"]
    assert states(made) == [State.RUNNING]
    assert life.late == 1


def test_made_events_are_numbered_and_named() -> None:
    life = Lifecycle(SECOND)
    life.accept(leading("container.start", 0, name="web"))
    (outcome,) = life.admit(event("container.oom_killed", 1, rule="oom/killed"))

    assert isinstance(outcome, Outcome)
    assert (outcome.seq, outcome.event.name) == (2, "web")


def test_removed_containers_are_forgotten_after_an_hour() -> None:
    life = Lifecycle(SECOND)
    play(leading("container.destroy", 0, name="web"), life=life)
    rows = life.changed_rows()
    life.advance(START + GONE_NS + SWEEP_NS)

    assert None in life.changed_rows().values()
    assert any(key.startswith("container ") for key in rows)


def test_a_container_without_a_name_is_gone_after_a_day_of_silence() -> None:
    life = Lifecycle(SECOND)
    life.accept(leading("container.start"))
    made = life.advance(START + NAMELESS_NS + SWEEP_NS)

    assert [StateChange(START + NAMELESS_NS, Container("vm", WEB, None), State.RUNNING, State.GONE)] == made


def test_a_commit_writes_only_what_was_told_since_the_last() -> None:
    life = Lifecycle(SECOND)
    told = [event("container.exec_die", at) for at in range(5)]
    play(*told[:4], life=life)
    before = set(life.changed_rows())
    play(told[4], life=life)

    assert len({key for key in before if key.startswith("telling ")}) == 4
    assert {key for key in set(life.changed_rows()) - before if key.startswith("telling ")} == {"telling 5"}


def test_of_an_object_and_action_the_last_sixteen_are_kept() -> None:
    life, rows = Lifecycle(SECOND), {}
    for at in range(20):
        play(event("container.exec_die", at / 10), life=life)
        rows.update(life.changed_rows())

    assert [key for key, row in rows.items() if key.startswith("telling ") and row is None] == [
        f"telling {order}" for order in range(1, 5)
    ]


def test_a_line_without_an_id_looks_among_the_newest_256() -> None:
    ids = [f"{number:064x}" for number in range(300)]
    life = Lifecycle(SECOND)
    for number, each in enumerate(ids):
        life.accept(shim(number / 1000, each))
    life.accept(veth(0))
    (joined,) = (row for row in life.changed_rows().values() if row and '"veth"' in row)

    assert ids[300 - 256] in joined


# ── interrupted is uninterrupted ─────────────────────────────────────────────────────

ROLES = st.sampled_from(list(Role))
LINES = st.builds(
    lambda kind, container, rule, role, name, revoked, tenths, late, value: (
        kind,
        container,
        f"{rule}-{role}",
        role,
        name,
        FAILED if revoked else frozenset(),
        tenths,
        late,
        value,
    ),
    st.sampled_from(
        [f"container.{each}" for each in ("start", "die", "create", "start_failed", "oom", "rename", "destroy", "kill")]
        + ["daemon.start", "daemon.ready", "daemon.stop", "daemon.crash", "api.error", "network.connect", "log.gap"]
    ),
    st.sampled_from([WEB, DB, WEB[:12], "web", None]),
    st.sampled_from("ab"),
    ROLES,
    st.sampled_from([None, "web", "db"]),
    st.booleans(),
    st.one_of(st.integers(0, 20), st.just(9000)),
    st.integers(-5, 0),
    st.sampled_from([None, "1", "2"]),
)


def read(lines: list[Any]) -> list[Event]:
    clock, events = 0.0, []
    for at, (kind, container, rule, role, name, revoked, tenths, late, value) in enumerate(lines):
        clock += tenths / 10
        service = kind.partition(".")[0] in ("daemon", "log", "api")
        attributes = {} if value is None else {"container" if kind.startswith("network.") else "exit_code": value}
        made = event(kind, clock, None if service else container, rule, name=name, role=role, offset=at)
        revocable = (
            revoked if role is not Role.LEADING and kind in ("container.start", "container.die") else frozenset()
        )
        made = made._replace(attributes=attributes, revoked_by=revocable)
        events.append(made._replace(time_ns=made.time_ns + late * SECOND))
    return events


@settings(max_examples=80, deadline=None)
@given(st.lists(LINES, max_size=25), st.integers(0, 2**32))
def test_interrupted_is_uninterrupted(lines: list[Any], seed: int) -> None:
    events, chance = read(lines), random.Random(seed)
    whole = Lifecycle(SECOND)
    cut, rows = Lifecycle(SECOND), {}
    expected: list[Consequence] = []
    actual: list[Consequence] = []

    for each in events:
        expected += whole.advance(each.stamp_ns) + whole.accept(each)
        actual += cut.advance(each.stamp_ns) + cut.accept(each)
        if chance.random() < 0.4:
            rows = {key: row for key, row in {**rows, **cut.changed_rows()}.items() if row is not None}
            shuffled = list(rows.items())
            chance.shuffle(shuffled)
            cut = Lifecycle(SECOND)
            cut.restore(dict(shuffled))
    views = whole.containers(), cut.containers()

    assert expected + whole.flush() == actual + cut.flush()
    assert views[0] == views[1]


@settings(max_examples=40, deadline=None)
@given(st.lists(LINES, max_size=25))
def test_an_idle_clock_changes_nothing(lines: list[Any]) -> None:
    """Chunks end anywhere: an extra look at the clock between two lines makes no difference."""
    once, often = Lifecycle(SECOND), Lifecycle(SECOND)
    expected: list[Consequence] = []
    actual: list[Consequence] = []
    before = START
    for each in read(lines):
        expected += once.advance(each.stamp_ns) + once.accept(each)
        actual += often.advance((before + each.stamp_ns) // 2) + often.advance(each.stamp_ns) + often.accept(each)
        before = each.stamp_ns

    assert expected == actual


@settings(max_examples=40, deadline=None)
@given(st.lists(LINES, max_size=25))
def test_numbers_are_given_once_and_in_order(lines: list[Any]) -> None:
    made = play(*read(lines))
    new = [each.seq for each in made if isinstance(each, Outcome) and not each.amends]

    assert list(range(1, len(new) + 1)) == new
