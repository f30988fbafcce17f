"""A and then B within a time."""

import pytest
from correlating import BY_SIGNAL, DB, KILLED, START, WEB, correlation, event, feed

from logwatch.correlations import Correlator
from logwatch.model import SECOND, Event, Outcome


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
        watch.process(Outcome(7, die)),
        watch.process(Outcome(7, told, amends=True)),
        watch.process(Outcome(7, told, amends=True)),
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
    (again,) = watch.process(Outcome(3, killed))

    assert again.event == "container.oom"
    assert watch.process(Outcome(4, again)) == []
