"""Events made of events."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logwatch import correlator
from logwatch.correlator import Correlator
from logwatch.model import SECOND, Correlation, Event, Mark, Outcome, Severity

START = 1_795_465_000 * SECOND
WEB = "3f" * 32
DB = "a0" * 32


def correlation(kind: Any, *steps: str, **more: Any) -> Correlation:
    fields: dict[str, Any] = {
        "id": "oom/killed",
        "event": "container.oom_killed",
        "where": tuple({} for _ in steps),
        "unless": (),
        "within_ns": 30 * SECOND,
        "by": ("id",),
        "attributes": {},
        "severity": Severity.CRITICAL,
        "metrics": (),
        "description": "",
        "mark": Mark("oom.yml", 1, 1),
        **more,
    }
    return Correlation(kind=kind, steps=steps, **fields)


KILLED = correlation("sequence", "container.oom", "container.die")
BY_SIGNAL = correlation(
    "sequence",
    "container.die",
    id="kill/by-signal",
    event="container.killed_by_signal",
    where=({"exit_code": "137"},),
    unless=("container.oom",),
)
NOT_READY = correlation(
    "missing",
    "daemon.start",
    "daemon.ready",
    id="daemon/not-ready",
    event="daemon.not_ready",
    by=("host",),
    unless=("daemon.stop",),
)
FIRST = correlation(
    "first_seen", "registry.error", id="registry/first", event="registry.first_failure", by=("attributes.registry",)
)


def event(kind: str, at: float = 0, container: str | None = WEB, host: str = "vm", **attributes: str) -> Event:
    time_ns = START + round(at * SECOND)
    return Event(time_ns, kind, host, container, "web", attributes, "info", "rule", "log", round(at * 10), None)


def feed(watch: Correlator, *events: Event, seq: int = 1) -> list[Event]:
    made = []
    for number, each in enumerate(events, seq):
        made += watch.advance(each.time_ns) + watch.accept(Outcome(number, each))
    return made


def names(made: list[Event]) -> list[str]:
    return [each.event for each in made]


# ── sequence ─────────────────────────────────────────────────────────────────────────


def test_a_sequence_is_made_with_its_last_step() -> None:
    (made,) = feed(
        Correlator([KILLED]), event("container.oom", 0, process="java"), event("container.die", 1, exit_code="137")
    )

    assert (made.event, made.id, made.name, made.rule) == ("container.oom_killed", WEB, "web", "oom/killed")
    assert (made.time_ns, made.offset, made.severity) == (START + SECOND, 10, "critical")
    assert made.attributes == {"process": "java", "exit_code": "137"}


@pytest.mark.parametrize(("apart", "count"), [(30, 1), (30.1, 0), (-5, 1)], ids=["within", "beyond", "stamps-swapped"])
def test_its_steps_are_within_the_time(apart: float, count: int) -> None:
    assert len(feed(Correlator([KILLED]), event("container.oom", 10), event("container.die", 10 + apart))) == count


@pytest.mark.parametrize(
    "events",
    [
        [event("container.die", 0), event("container.oom", 1)],
        [event("container.oom", 0), event("container.die", 1, DB)],
        [event("container.oom", 0), event("container.die", 1, host="vm2")],
        [event("container.oom", 0, None), event("container.die", 1, None)],
    ],
    ids=["other-order", "other-container", "other-host", "no-id"],
)
def test_it_wants_its_order_and_one_key(events: list[Event]) -> None:
    assert feed(Correlator([KILLED]), *events) == []


def test_two_first_steps_make_one_and_the_last_counts() -> None:
    made = feed(Correlator([KILLED]), event("container.oom", 0), event("container.oom", 20), event("container.die", 40))

    assert len(made) == 1


def test_three_steps_are_within_the_time_of_the_first() -> None:
    restarted = correlation("sequence", "container.die", "container.start", "container.die")
    life = [
        event("container.die", 0),
        event("container.start", 1),
        event("container.die", 2),
        event("container.die", 3),
    ]

    assert len(feed(Correlator([restarted]), *life)) == 1


@pytest.mark.parametrize(
    ("events", "count"),
    [
        ([event("container.die", 0, exit_code="137")], 1),
        ([event("container.die", 0, exit_code="0")], 0),
        ([event("container.oom", 0), event("container.die", 1, exit_code="137")], 0),
        ([event("container.oom", 0), event("container.die", 60, exit_code="137")], 1),
        ([event("container.oom", 0, DB), event("container.die", 1, exit_code="137")], 1),
    ],
    ids=["alone", "other-code", "after-oom", "long-after-oom", "oom-of-another"],
)
def test_unless_keeps_a_sequence_from_beginning(events: list[Event], count: int) -> None:
    assert len(feed(Correlator([BY_SIGNAL]), *events)) == count


def test_unless_breaks_off_what_is_under_way() -> None:
    calm = correlation("sequence", "container.oom", "container.die", unless=("container.stop",))

    assert feed(Correlator([calm]), event("container.oom"), event("container.stop", 1), event("container.die", 2)) == []


def test_an_amended_event_takes_part_once_its_attributes_do() -> None:
    watch = Correlator([BY_SIGNAL])
    die, told = event("container.die"), event("container.die", 0, exit_code="137")
    made = [
        watch.accept(Outcome(7, die)),
        watch.accept(Outcome(7, told, amends=True)),
        watch.accept(Outcome(7, told, amends=True)),
    ]

    assert [len(each) for each in made] == [0, 1, 0]


def test_attributes_are_filled_in() -> None:
    told = correlation(
        "sequence", "container.oom", "container.die", attributes={"why": "{process} in {name}", "kind": "oom"}
    )
    (made,) = feed(Correlator([told]), event("container.oom", 0, process="java"), event("container.die", 1))

    assert made.attributes == {"process": "java", "why": "java in web", "kind": "oom"}


def test_made_events_may_chain_but_not_in_a_circle() -> None:
    first = correlation("sequence", "container.oom", "container.die")
    second = correlation("first_seen", "container.oom_killed", id="oom/first", event="container.oom", by=("id",))
    watch = Correlator([first, second])
    (killed,) = feed(watch, event("container.oom"), event("container.die", 1))
    (again,) = watch.accept(Outcome(3, killed))

    assert again.event == "container.oom"
    assert watch.accept(Outcome(4, again)) == []


# ── missing ──────────────────────────────────────────────────────────────────────────


def test_what_is_missing_is_made_when_its_time_is_over() -> None:
    watch = Correlator([NOT_READY])
    feed(watch, event("daemon.start", 0, None))
    early = watch.advance(START + 30 * SECOND - 1)
    (made,) = watch.advance(START + 300 * SECOND)

    assert early == []
    assert (made.event, made.time_ns, made.offset) == ("daemon.not_ready", START + 30 * SECOND, 0)


@pytest.mark.parametrize("end", ["daemon.ready", "daemon.stop"])
def test_what_follows_in_time_is_not_missing(end: str) -> None:
    watch = Correlator([NOT_READY])
    feed(watch, event("daemon.start", 0, None), event(end, 29, None))

    assert watch.advance(START + 300 * SECOND) == []


def test_a_second_beginning_does_not_postpone_it() -> None:
    watch = Correlator([NOT_READY])
    made = feed(watch, event("daemon.start", 0, None), event("daemon.start", 20, None), event("daemon.other", 31, None))

    assert names(made) == ["daemon.not_ready"]


def test_it_may_be_missing_again() -> None:
    watch = Correlator([NOT_READY])
    made = feed(
        watch, event("daemon.start", 0, None), event("daemon.start", 60, None), event("daemon.start", 120, None)
    )

    assert len(made) == 2


# ── first seen ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("times", "count"),
    [([0, 1, 2], 1), ([0, 29, 58], 1), ([0, 30], 2), ([0, 60, 61], 2)],
    ids=["once", "kept-awake", "on-time", "again"],
)
def test_first_seen_is_made_anew_after_silence(times: list[int], count: int) -> None:
    made = feed(Correlator([FIRST]), *(event("registry.error", at, None, registry="hub") for at in times))

    assert len(made) == count


def test_first_seen_is_per_value() -> None:
    watch = Correlator([FIRST])
    made = feed(watch, *(event("registry.error", 0, None, registry=each) for each in ("hub", "quay", "hub")))

    assert [each.attributes["registry"] for each in made] == ["hub", "quay"]
    assert feed(watch, event("registry.error", 1, None)) == []


# ── bounds ───────────────────────────────────────────────────────────────────────────


def test_of_too_many_keys_the_oldest_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correlator, "MOST_OPEN", 2)
    watch = Correlator([KILLED])
    made = feed(
        watch, *(event("container.oom", at, f"{at:064}") for at in range(3)), event("container.die", 4, f"{0:064}")
    )

    assert made == []
    assert watch.dropped == {"oom/killed": 1}


@pytest.mark.parametrize(
    ("behind", "counted"),
    [(1, 0), (5, 1), (3600, 0)],
    ids=["in time", "too late for both", "counted where events are late themselves"],
)
def test_an_event_too_late_for_correlations_is_counted_once(behind: int, counted: int) -> None:
    within = {"within_ns": 2 * SECOND, "by": ("id",)}
    watch = Correlator(
        [
            correlation("sequence", "container.oom", "container.die", id="oom/one", **within),
            correlation("sequence", "container.oom", "container.kill", id="oom/two", **within),
        ]
    )
    watch.advance(START + behind * SECOND)
    watch.accept(Outcome(1, event("container.oom")))
    watch.accept(Outcome(1, event("container.oom"), amends=True))

    assert watch.late == counted


def test_a_deadline_of_something_else_makes_no_absence_early() -> None:
    watch = Correlator([NOT_READY])
    feed(watch, event("daemon.stop", 0, None), event("daemon.stop", 40, None), event("daemon.start", 61, None))
    made = watch.advance(START + 3600 * SECOND)

    assert [each.time_ns for each in made] == [START + (61 + 30) * SECOND]


def test_what_is_over_leaves_no_rows() -> None:
    watch = Correlator([KILLED, NOT_READY, FIRST, BY_SIGNAL])
    feed(
        watch, event("container.oom"), event("daemon.start", 0, None), event("registry.error", 0, None, registry="hub")
    )
    rows = watch.changed_rows()
    watch.advance(START + 3600 * SECOND)
    rows.update(watch.changed_rows())

    assert [key for key, row in rows.items() if row is not None] == ["clock"]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["container.oom", "container.die", "daemon.start", "daemon.ready", "daemon.stop", "registry.error"]
            ),
            st.sampled_from([WEB, DB, None]),
            st.integers(0, 40),
            st.sampled_from([{}, {"exit_code": "137"}, {"registry": "hub"}]),
            st.booleans(),
        ),
        max_size=30,
    ),
    st.integers(0, 2**32),
)
def test_interrupted_is_uninterrupted(lines: list[Any], seed: int) -> None:
    chance = random.Random(seed)
    rules = [KILLED, BY_SIGNAL, NOT_READY, FIRST]
    whole, cut, rows, clock = Correlator(rules), Correlator(rules), dict[str, str](), 0.0
    for seq, (kind, container, seconds, attributes, amends) in enumerate(lines, 1):
        clock += seconds
        outcome = Outcome(max(1, seq - amends), event(kind, clock, container, **attributes), amends)

        assert whole.advance(outcome.event.time_ns) == cut.advance(outcome.event.time_ns)
        assert whole.accept(outcome) == cut.accept(outcome)
        if chance.random() < 0.5:
            rows = {key: row for key, row in {**rows, **cut.changed_rows()}.items() if row is not None}
            cut = Correlator(rules)
            cut.restore(rows)
    assert whole.advance(START * 2) == cut.advance(START * 2)
