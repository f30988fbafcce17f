"""The tables of states, held against a slow twin that says in words what they say."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifecycle_lines import event, kinds, leading, play

from logwatch.lifecycle import Lifecycle
from logwatch.lifecycle.containers import follow
from logwatch.lifecycle.daemons import follow_service
from logwatch.lifecycle.states import (
    CONTAINER,
    PROVES,
    SERVICE,
    STATE_ACTIONS,
    Service,
    mermaid,
)
from logwatch.model import SECOND, State

DOCS = Path(__file__).parent.parent.parent / "docs" / "lifecycle.md"


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
    if action == "stop" and state is State.RESTARTING:
        return State.EXITED
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
        life.process(event(f"container.{action}", at * 20))
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
