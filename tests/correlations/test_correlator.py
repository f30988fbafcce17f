"""Bounds, lateness and state of all correlations."""

import random
from typing import Any

import pytest
from correlating import BY_SIGNAL, DB, FIRST, KILLED, NOT_READY, START, WEB, correlation, event, feed
from hypothesis import given, settings
from hypothesis import strategies as st
from stages import changed_rows, restore

from logwatch.correlations import Correlator, correlation_state
from logwatch.metrics import Registry
from logwatch.model import SECOND, Gap, Outcome
from logwatch.pipeline import Pipeline, Settings


def test_of_too_many_keys_the_oldest_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correlation_state, "MAX_OPEN", 2)
    watch = Correlator([KILLED])
    made = feed(
        watch, *(event("container.oom", at, f"{at:064}") for at in range(3)), event("container.die", 4, f"{0:064}")
    )

    assert made == []
    assert (watch.take_dropped(), watch.take_dropped()) == ({"oom/killed": 1}, {})


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
    watch.process(Outcome(1, event("container.oom")))
    watch.process(Outcome(1, event("container.oom"), amends=True))

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
    rows = changed_rows(watch)
    watch.advance(START + 3600 * SECOND)
    rows.update(changed_rows(watch))

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
        assert whole.process(outcome) == cut.process(outcome)
        if chance.random() < 0.5:
            rows = {key: row for key, row in {**rows, **changed_rows(cut)}.items() if row is not None}
            cut = Correlator(rules)
            restore(cut, rows)
    assert whole.advance(START * 2) == cut.advance(START * 2)


def test_what_is_dropped_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correlation_state, "MAX_OPEN", 2)
    first = correlation("first_seen", "log.gap", id="gap/first", event="log.first_gap", by=("attributes.reason",))
    series = Registry()
    pipeline = Pipeline([], [first], Settings(), series)
    for reason in ("deleted", "truncated", "replaced"):
        pipeline.process_gap(Gap("messages", reason, START, 1))
        pipeline.take_transaction(pipeline.take_outcomes())

    assert series.value("logwatch_correlation_keys_dropped_total", ("gap/first",)) == 1
