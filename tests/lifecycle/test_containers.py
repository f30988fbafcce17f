"""Which container is meant, what it is called, and what is known of it."""

from lifecycle_lines import DB, START, WEB, accepted, event, kinds, leading, play, shim, states
from stages import changed_rows

from logwatch.lifecycle import Lifecycle
from logwatch.lifecycle.containers import KEEP_REGISTERED_NS, KEEP_UNNAMED_NS, MAX_REMOVED, MAX_UNNAMED
from logwatch.lifecycle.lifecycle import SWEEP_NS
from logwatch.model import SECOND, Expired, Outcome, Renamed, State, StateChange


def test_the_container_created_last_need_not_be_the_next_new_one() -> None:
    made = play(event("container.create", 0, None, name="web"), event("container.attach", 0.02), shim(0.1))

    assert [(each.id, each.name) for each in accepted(made)] == [(None, "web"), (WEB, None), (WEB, None)]


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

    assert Renamed(START + 20 * SECOND, "vm", WEB, "old", "web") in made


def test_who_takes_a_name_over_ends_the_former_owner() -> None:
    life = Lifecycle(SECOND)
    made = play(leading("container.start", 0, name="web"), leading("container.create", 20, DB, name="web"), life=life)

    assert StateChange(START + 20 * SECOND, "vm", WEB, "web", State.RUNNING, State.GONE) in made
    assert [each.id for each in life.containers()] == [DB]


def test_a_request_does_not_take_a_name_from_a_running_container() -> None:
    made = play(leading("container.start", 0, name="web"), event("container.rename", 20, DB, name="web"))

    assert not [each for each in made if isinstance(each, Renamed)]


# ── the view, the clock, memory ─────────────────────────────────────────────────────────


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
    life.process(leading("container.start", 0, name="web"))
    (outcome,) = life.process_derived(event("container.oom_killed", 1, rule="oom/killed"))

    assert isinstance(outcome, Outcome)
    assert (outcome.seq, outcome.event.name) == (2, "web")


def test_removed_containers_are_forgotten_after_an_hour() -> None:
    life = Lifecycle(SECOND)
    play(leading("container.destroy", 0, name="web"), life=life)
    rows = changed_rows(life)
    life.advance(START + KEEP_REGISTERED_NS + SWEEP_NS)

    assert None in changed_rows(life).values()
    assert any(key.startswith("container ") for key in rows)


def test_a_container_without_a_name_is_gone_after_a_day_of_silence() -> None:
    life = Lifecycle(SECOND)
    life.process(leading("container.start"))
    made = life.advance(START + KEEP_UNNAMED_NS + SWEEP_NS)

    assert [
        StateChange(START + KEEP_UNNAMED_NS, "vm", WEB, WEB[:12], State.RUNNING, State.GONE),
        Expired(START + KEEP_UNNAMED_NS, "vm", WEB, WEB[:12], is_forgotten=True),
    ] == made


def test_removed_and_nameless_containers_are_bounded_by_number() -> None:
    lifecycle = Lifecycle(SECOND)
    for number in range(2 * MAX_REMOVED):
        lifecycle.process(leading("container.start", number, f"{number:064x}", name=f"job-{number}"))
        lifecycle.process(leading("container.destroy", number, f"{number:064x}", name=f"job-{number}"))
    removed = [each for each in lifecycle._register.all() if each.state is State.GONE]
    for number in range(2 * MAX_UNNAMED):
        lifecycle.process(event("container.die", number, f"{number + (1 << 200):064x}"))
    nameless = [each for each in lifecycle._register.all() if each.name is None]

    assert MAX_REMOVED // 2 < len(removed) <= MAX_REMOVED
    assert MAX_UNNAMED // 2 < len(nameless) <= MAX_UNNAMED
