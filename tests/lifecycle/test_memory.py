"""What is committed: only what changed, and all that a restart needs."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifecycle_lines import (
    DB,
    FAILED,
    START,
    WEB,
    accepted,
    corroborating,
    event,
    play,
)
from stages import changed_rows, restore

from logwatch.lifecycle import Lifecycle, occurrence_store
from logwatch.model import SECOND, Consequence, Event, Outcome, Role


def test_a_commit_writes_only_what_was_told_since_the_last() -> None:
    life = Lifecycle(SECOND)
    told = [event("container.exec_die", at) for at in range(5)]
    play(*told[:4], life=life)
    before = set(changed_rows(life))
    play(told[4], life=life)

    assert len({key for key in before if key.startswith("telling ")}) == 4
    assert {key for key in set(changed_rows(life)) - before if key.startswith("telling ")} == {"telling 5"}


def test_of_an_object_and_action_the_last_sixteen_are_kept() -> None:
    life, rows = Lifecycle(SECOND), {}
    for at in range(20):
        play(event("container.exec_die", at / 10), life=life)
        rows.update(changed_rows(life))

    assert [key for key, row in rows.items() if key.startswith("telling ") and row is None] == [
        f"telling {order}" for order in range(1, 5)
    ]


# ── interrupted is uninterrupted ────────────────────────────────────────────────────────


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
        expected += whole.advance(each.stamp_ns) + whole.process(each)
        actual += cut.advance(each.stamp_ns) + cut.process(each)
        if chance.random() < 0.4:
            rows = {key: row for key, row in {**rows, **changed_rows(cut)}.items() if row is not None}
            shuffled = list(rows.items())
            chance.shuffle(shuffled)
            cut = Lifecycle(SECOND)
            restore(cut, dict(shuffled))
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
        expected += once.advance(each.stamp_ns) + once.process(each)
        actual += often.advance((before + each.stamp_ns) // 2) + often.advance(each.stamp_ns) + often.process(each)
        before = each.stamp_ns

    assert expected == actual


@settings(max_examples=40, deadline=None)
@given(st.lists(LINES, max_size=25))
def test_numbers_are_given_once_and_in_order(lines: list[Any]) -> None:
    made = play(*read(lines))
    new = [each.seq for each in made if isinstance(each, Outcome) and not each.amends]

    assert list(range(1, len(new) + 1)) == new


def test_what_is_pending_is_bounded_while_the_clock_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, most in (("MAX_OBJECTS", 20), ("MAX_PENDING", 50)):
        monkeypatch.setattr(occurrence_store, name, most)
    life = Lifecycle(SECOND)
    made: list[Consequence] = []
    rows: dict[str, str | None] = {}
    most = 0
    for number in range(1_000):
        made += life.process(corroborating("container.die", 0, f"{number:064x}"))
        rows.update(changed_rows(life))
        most = max(most, sum(row is not None and key.startswith("telling ") for key, row in rows.items()))
    made += life.flush()

    assert most <= 20 + 50 + 5
    assert [f"{number:064x}" for number in range(1_000)] == [each.id for each in accepted(made)]
