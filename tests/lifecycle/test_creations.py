"""Which container a creation made, and which one was paused or resumed: the id goes to the event if it can be one alone."""

from __future__ import annotations

from typing import Any

import pytest
from lifecycle_lines import DB, WEB, accepted, event, gone, leading, play, shim, states
from stages import changed_rows, restore

from logwatch.lifecycle import Lifecycle
from logwatch.lifecycle.creations import MOST, Creations
from logwatch.model import SECOND, Event, Role, State, StateChange

OTHER = "7b" * 32
TASK, OTHER_TASK = "x3ok2vnliz9aknjan5e6vxh03", "npgmlbd2m3is2srynx5pdlpa9"


def evidence(kind: str, at: float, container: str | None = None, **attributes: str) -> Event:
    return event(f"evidence.{kind}", at, container, f"evidence-{kind}", attributes=attributes)


def asked(at: float, name: str | None = None) -> Event:
    more: dict[str, Any] = {"name": name, "attributes": {"container": name} if name else {}}
    return event("container.create", at, None, "create-request", role=Role.REQUEST, **more)


def step(at: float) -> list[Event]:
    """What one line of the classic builder makes."""
    more: dict[str, Any] = {
        "role": Role.CORROBORATING,
        "attributes": {"container": "builder"},
        "offset": round(at * 100),
    }
    return [event(f"container.{action}", at, None, f"builder-{action}", **more) for action in ("create", "attach")]


def mounted(at: float, container: str = WEB) -> Event:
    return evidence("mount", at, container)


def task(at: float, task_id: str = TASK, transition: str = "ACCEPTED->PREPARING") -> list[Event]:
    moved = evidence("preparing", at, task=task_id, transition=transition)
    if not transition.endswith("READY"):
        return [moved]
    more: dict[str, Any] = {"role": Role.CORROBORATING, "attributes": {"container": task_id, "service": "s"}}
    return [moved, event("container.create", at, None, "swarm-task", **more)]


def ready(at: float, task_id: str = TASK) -> list[Event]:
    return task(at, task_id, "PREPARING->READY")


def created(*events: Event) -> list[tuple[str, str | None]]:
    """Actions and ids, without what follows."""
    return [(each.event.partition(".")[2], each.id) for each in accepted(play(*events))]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([asked(0), mounted(0.1)], [("create", WEB)]),
        # The request may be refused, and the name another's.
        ([asked(0, "web"), mounted(0.1)], [("create", None)]),
        # Which of two was granted is in no line.
        ([asked(0), asked(0.05), mounted(0.1), mounted(0.2, DB)], [("create", None), ("create", None)]),
        ([asked(0), asked(0.05), mounted(0.1), mounted(0.2, DB), asked(9), mounted(9.1, OTHER)], [("create", None)] * 2 + [("create", OTHER)]),
        ([asked(0), mounted(4)], [("create", None)]),
        ([*step(0), mounted(0.1)], [("create", WEB), ("attach", WEB)]),
        ([*step(0), mounted(0.1), *step(1), mounted(1.1, DB)], [("create", WEB), ("attach", WEB), ("create", DB), ("attach", DB)]),
        ([asked(0, "db"), *step(0.05), mounted(0.1), mounted(0.2, DB)], [("create", None), ("create", None), ("attach", None)]),
        # A task may have made it.
        ([*task(-1), asked(0), mounted(0.1)], [("create", None)]),
        ([*task(-90), asked(0), mounted(0.1)], [("create", WEB)]),
        ([*task(-2), *task(-1, transition="PREPARING->REJECTED"), asked(0), mounted(0.1)], [("create", WEB)]),
        # A container of before, which is started, was not created.
        ([event("container.start", -60), asked(0), mounted(0.1)], [("start", WEB), ("create", None)]),
    ],
    ids=[
        *("unnamed", "named", "two", "after-two", "too-late", "step", "steps", "step-and-request"),
        *("task", "task-of-before", "task-failed", "known"),
    ],
)  # fmt: skip
def test_a_new_container_is_that_of_the_only_creation(events: list[Event], expected: list[tuple[str, str]]) -> None:
    assert created(*events) == expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([*task(0), mounted(0.1), *ready(0.2)], [WEB]),
        ([*task(0), *task(0), mounted(0.1), *ready(0.2), mounted(0.3, DB), *ready(0.4, OTHER_TASK)], [WEB, DB]),
        ([*task(0), *task(0), mounted(0.1), mounted(0.2, DB), *ready(0.3), *ready(0.4, OTHER_TASK)], [None, None]),
        ([*task(0), asked(0.05, "db"), mounted(0.1, DB), *ready(0.2)], [None, None]),
        ([*task(0), asked(0.05, "db"), mounted(0.1, DB), mounted(0.15), *ready(0.2)], [None, None]),
        ([mounted(0), *ready(4)], [None]),
        ([*ready(0)], [None]),
    ],
    ids=["one", "one-after-another", "both-before-either", "request", "request-and-mounts", "too-late", "none"],
)
def test_a_task_that_is_ready_made_the_only_unexplained_container(
    events: list[Event], expected: list[str | None]
) -> None:
    assert [each.id for each in accepted(play(*events)) if each.event == "container.create"] == expected


def test_the_endpoint_of_a_task_names_its_container() -> None:
    """Also if another container is being started at the same time, which alone would prove nothing."""
    named = evidence("endpoint", 1, container_name=f"shop.1.{TASK}", network="bridge")
    made = play(*task(0), mounted(0.1), *ready(0.2), mounted(0.5, DB), mounted(0.6, DB), named, gone(30), gone(31, DB))

    assert [(each.id, each.name) for each in accepted(made) if each.event == "container.die"] == [
        (WEB, f"shop.1.{TASK}"),
        (DB, None),
    ]


def test_docker_events_report_the_same_creation() -> None:
    made = play(asked(0), mounted(0.1), leading("container.create", 0.12, name="happy_hopper"))

    assert [(each.id, each.name) for each in accepted(made)] == [(WEB, "happy_hopper")]


def test_creations_are_bounded_and_survive_a_restart() -> None:
    creations, life, again = Creations(), Lifecycle(SECOND), Lifecycle(SECOND)
    for number in range(MOST + 1):
        creations.prepare("vm", f"task{number}", 0)
        creations.add("vm", f"{number:064x}", 0)
    play(*task(0), mounted(0.1), life=life)
    restore(again, changed_rows(life))

    assert [len(kept) for kept in (creations._hosts["vm"].preparing, creations._hosts["vm"].unexplained)] == [MOST] * 2
    assert [each.id for each in accepted(play(*ready(0.2), life=again))] == [WEB]


# ── paused and resumed ───────────────────────────────────────────────────────────────────


def paused(at: float, container: str | None = None) -> Event:
    """containerd's confirmation, which names no container; or a request, which does."""
    return _pausing("pause", at, container)


def resumed(at: float, container: str | None = None) -> Event:
    return _pausing("unpause", at, container)


def _pausing(action: str, at: float, container: str | None) -> Event:
    if container is None:
        return event(f"container.{action}", at, None, f"task-{action}d", role=Role.CORROBORATING)
    return event(f"container.{action}", at, container, f"{action}-request", role=Role.SUPPORTING)


STARTED = (event("container.start", -60, WEB), event("container.start", -60, DB))


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([paused(0, WEB), paused(0.1), resumed(30)], [("pause", WEB), ("unpause", WEB)]),
        ([paused(0, WEB), paused(0.1), resumed(0.3)], [("pause", WEB), ("unpause", WEB)]),
        ([paused(0, WEB), paused(0.1), resumed(0.3), gone(0.4)], [("pause", WEB), ("unpause", WEB), ("die", WEB)]),
        ([paused(0, WEB), paused(0.1), gone(5), resumed(30)], [("pause", WEB), ("die", WEB), ("unpause", None)]),
        (
            [paused(0, WEB), paused(0.1), paused(5, DB), paused(5.1), resumed(30)],
            [("pause", WEB), ("pause", DB), ("unpause", None)],
        ),
        (
            [paused(0, WEB), paused(0.1), paused(5, DB), paused(5.1), resumed(30, DB), resumed(30.1), resumed(60)],
            [("pause", WEB), ("pause", DB), ("unpause", DB), ("unpause", WEB)],
        ),
        ([paused(0, WEB), resumed(30)], [("unpause", None)]),
        # What ends meanwhile was not resumed: also if its end waits for what may revoke it.
        (
            [paused(0, WEB), paused(0.1), gone(0.2), paused(0.5, DB), paused(0.6), resumed(0.7)],
            [("pause", WEB), ("die", WEB), ("pause", DB), ("unpause", DB)],
        ),
        # One that was resumed a moment ago is not paused any more.
        (
            [paused(0, WEB), paused(0.1), paused(0.2, DB), paused(0.3), resumed(0.5, WEB), resumed(0.6), resumed(0.7)],
            [("pause", WEB), ("pause", DB), ("unpause", WEB), ("unpause", DB)],
        ),
    ],
    ids=[
        *("later", "at-once", "ends-at-once", "ended", "two", "one-of-two-by-request", "refused"),
        *("another-ended", "another-resumed"),
    ],
)
def test_what_is_resumed_without_a_request_is_the_only_paused_container(
    events: list[Event], expected: list[tuple[str, str | None]]
) -> None:
    assert created(*STARTED, *events)[2:] == expected


def test_a_resumed_container_runs_again() -> None:
    assert states(play(STARTED[0], paused(0, WEB), paused(0.1), resumed(30))) == [
        State.RUNNING,
        State.PAUSED,
        State.RUNNING,
    ]


def test_when_as_many_were_resumed_as_were_paused_all_of_them_run_again() -> None:
    """Two commits at once: which of them ends first is in no line."""
    made = play(*STARTED, paused(0, WEB), paused(0.1), paused(0.2, DB), paused(0.3), resumed(5), resumed(6))
    last = {each.id: each.after for each in made if isinstance(each, StateChange)}

    assert [each.id for each in accepted(made) if each.event == "container.unpause"] == [None, None]
    assert last == {WEB: State.RUNNING, DB: State.RUNNING}


def test_a_creation_that_is_pending_proves_no_start() -> None:
    """A task whose command is not there: its start is revoked by what the clean-up shows."""
    failed = event("container.start_failed", 1.1, rule="never-ran", role=Role.CORROBORATING)
    made = play(*task(0), mounted(0.1), *ready(0.2), shim(0.3), gone(1), failed)

    assert [each.event for each in accepted(made)] == ["container.create", "container.start_failed"]


@pytest.mark.parametrize("other", [step(0.01), ready(0.01)], ids=["a step of a build", "a task"])
def test_what_was_created_for_different_reasons_was_not_created_once(other: list[Event]) -> None:
    request = asked(0)._replace(attributes={"method": "POST"})
    made = accepted(play(request, *other, mounted(0.2), mounted(0.3, DB), asked(9, "web"), mounted(9.1, OTHER)))

    assert [each.event for each in made].count("container.create") == 3


def test_a_request_by_a_name_that_is_about_to_be_given_is_its_containers() -> None:
    """`docker commit` a moment after `docker rename`: both wait for what may refuse them."""
    renamed = event("container.rename", 0, WEB, "rename-request", role=Role.REQUEST, name="web2")
    made = play(STARTED[0], renamed, paused(0.1, "web2"), paused(0.2))

    assert [(each.event, each.id) for each in accepted(made)][-1] == ("container.pause", WEB)
